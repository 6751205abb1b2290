//! Bounces and complaints: what was said of letters after they had left, each report once.

use crate::audience::EmailAddress;
use crate::audience::SubscriberId;
use crate::clock::Stamp;
use crate::delivery::returns::Kind;
use crate::digest::DigestId;
use crate::letter::LetterId;
use crate::store::Result;
use crate::store::Sql;
use crate::store::Tx;
use crate::store::change;
use crate::store::parsed;
use crate::store::run;
use crate::store::statements;

statements! {
    RECORD = Sql::both(
        "INSERT INTO bounce (report, letter_id, digest_id, address_mac, kind, origin, status, text, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (report) DO NOTHING");
    SOFT = Sql::both("SELECT COUNT(*) FROM bounce WHERE address_mac = $1 AND kind = 'soft' AND at > $2");
    OF_LETTER = Sql::both(
        "SELECT at, kind, origin, status, text FROM bounce WHERE letter_id = $1 ORDER BY id");
    /// How a digest fares: what came back of it, by kind.
    OF_DIGEST = Sql::both("SELECT kind, COUNT(*) FROM bounce WHERE digest_id = $1 GROUP BY kind ORDER BY kind");
    COUNT = Sql::both("SELECT COUNT(*) FROM bounce WHERE digest_id = $1 AND kind = $2");
    ADDRESSEE = Sql::both(
        "SELECT r.id, r.email, l.digest_id FROM letter l JOIN subscriber r ON r.id = l.subscriber_id WHERE l.id = $1");
    /// What was refused at RCPT and isn't on record yet; the last try decides.
    REFUSALS = Sql::both(
        "SELECT l.id AS letter_id, a.code, a.enhanced, a.text FROM letter l
         JOIN attempt a ON a.id = (SELECT MAX(b.id) FROM attempt b WHERE b.letter_id = l.id)
         WHERE l.state = 'refused' AND l.finished_at > $1 AND l.subscriber_id IS NOT NULL AND a.phase = 'rcpt'
           AND NOT EXISTS (SELECT 1 FROM bounce c WHERE c.letter_id = l.id)
         ORDER BY l.finished_at LIMIT $2");
}

/// A report to be counted.
#[derive(Debug)]
pub struct NewBounce<'a> {
    /// Tells it from every other.
    pub report: &'a str,
    /// The letter it's about, where known.
    pub letter: Option<LetterId>,
    /// That letter's digest.
    pub digest: Option<DigestId>,
    /// The keyed hash of the address.
    pub address_mac: &'a str,
    /// What it says.
    pub kind: Kind,
    /// Which way it came.
    pub origin: &'a str,
    /// Its status code (RFC 3463).
    pub status: Option<&'a str>,
    /// The server's words.
    pub text: &'a str,
    /// When it came.
    pub at: Stamp,
}

/// Adds a report. False if it came before.
pub async fn record(tx: &mut Tx, new: &NewBounce<'_>) -> Result<bool> {
    let done = change!(
        tx,
        RECORD,
        (
            new.report,
            new.letter,
            new.digest,
            new.address_mac,
            new.kind.as_str(),
            new.origin,
            new.status,
            new.text,
            new.at
        )
    )?;
    Ok(done > 0)
}

/// How many soft bounces an address had since then.
pub async fn soft(tx: &mut Tx, address_mac: &str, since: Stamp) -> Result<i64> {
    Ok(run!(tx, SOFT, query_scalar(address_mac, since), fetch_one)?)
}

/// One report, as the ledger tells it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, sqlx::FromRow)]
pub struct BounceRecord {
    /// When it came.
    pub at: Stamp,
    /// `hard`, `soft`, `policy` or `complaint`.
    pub kind: String,
    /// Which way it came.
    pub origin: String,
    /// Its status code (RFC 3463).
    pub status: Option<String>,
    /// The server's words.
    pub text: String,
}

/// Everything that came back of a letter, in order.
pub async fn of_letter(tx: &mut Tx, letter: LetterId) -> Result<Vec<BounceRecord>> {
    Ok(run!(tx, OF_LETTER, query_as(letter), fetch_all)?)
}

/// How many reports of each kind a digest had.
pub async fn of_digest(tx: &mut Tx, digest: DigestId) -> Result<Vec<(String, i64)>> {
    Ok(run!(tx, OF_DIGEST, query_as(digest), fetch_all)?)
}

/// How many reports of one kind a digest had.
pub async fn count(tx: &mut Tx, digest: DigestId, kind: Kind) -> Result<i64> {
    Ok(run!(
        tx,
        COUNT,
        query_scalar(digest, kind.as_str()),
        fetch_one
    )?)
}

/// Whom a letter was for.
#[derive(Debug)]
pub struct Addressee {
    /// Who.
    pub subscriber: SubscriberId,
    /// Where.
    pub email: EmailAddress,
    /// With which digest.
    pub digest: Option<DigestId>,
}

/// Whom a letter was for, unless they were forgotten.
pub async fn addressee(tx: &mut Tx, letter: LetterId) -> Result<Option<Addressee>> {
    let row: Option<(SubscriberId, String, Option<DigestId>)> =
        run!(tx, ADDRESSEE, query_as(letter), fetch_optional)?;
    row.map(|(subscriber, email, digest)| {
        Ok(Addressee {
            subscriber,
            email: parsed(&email, "subscriber", "email", subscriber.0)?,
            digest,
        })
    })
    .transpose()
}

/// A letter that a relay refused for its recipient.
#[derive(Debug, sqlx::FromRow)]
pub struct Refusal {
    /// Which.
    pub letter_id: LetterId,
    /// The reply's code.
    pub code: Option<i64>,
    /// Its enhanced status code.
    pub enhanced: Option<String>,
    /// Its words.
    pub text: String,
}

/// At most `limit` of what was refused since then and isn't on record yet.
pub async fn refusals(tx: &mut Tx, since: Stamp, limit: i64) -> Result<Vec<Refusal>> {
    Ok(run!(tx, REFUSALS, query_as(since, limit), fetch_all)?)
}
