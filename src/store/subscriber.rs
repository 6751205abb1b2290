//! Subscribers, and addresses that must not be written to.

use chrono_tz::Tz;

use crate::access::Secret;
use crate::access::reach::Reach;
use crate::audience::EmailAddress;
use crate::audience::Format;
use crate::audience::Subscriber;
use crate::audience::SubscriberId;
use crate::audience::SubscriberState;
use crate::clock::Stamp;
use crate::locale::Language;
use crate::store::Result;
use crate::store::Sql;
use crate::store::Tx;
use crate::store::broken;
use crate::store::change;
use crate::store::parsed;
use crate::store::run;
use crate::store::statements;

statements! {
    /// An address that is there already keeps what its owner chose; a stranger's form changes
    /// nothing.
    KEEP = Sql::both(
        "INSERT INTO subscriber (email, email_key, address_mac, name, language, zone, state, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, 'asked', $7)
         ON CONFLICT (email_key) DO UPDATE SET email_key = excluded.email_key
         RETURNING id, email, name, language, zone, state, format, created_at");
    GET = Sql::both("SELECT id, email, name, language, zone, state, format, created_at FROM subscriber WHERE id = $1");
    FIND = Sql::both("SELECT id, email, name, language, zone, state, format, created_at FROM subscriber WHERE email_key = $1");
    /// The row stays locked until the commit.
    HOLD = Sql::both(
        "UPDATE subscriber SET email_key = email_key WHERE email_key = $1
         RETURNING id, email, name, language, zone, state, format, created_at");
    PAGE = Sql::both(
        "SELECT id, email, name, language, zone, state, format, created_at FROM subscriber WHERE id > $1 ORDER BY id LIMIT $2");
    /// Readers of a user's lists, those who left them apart.
    PAGE_WITHIN = Sql::both(
        "SELECT id, email, name, language, zone, state, format, created_at FROM subscriber r
         WHERE id > $1 AND EXISTS (
           SELECT 1 FROM subscription s JOIN user_list y ON y.list_id = s.list_id
           WHERE s.subscriber_id = r.id AND s.state <> 'ended' AND y.user_id = $3)
         ORDER BY id LIMIT $2");
    IS_WITHIN = Sql::both(
        "SELECT COUNT(*) FROM subscription s JOIN user_list y ON y.list_id = s.list_id
         WHERE s.subscriber_id = $1 AND y.user_id = $2");
    COUNT = Sql::both("SELECT COUNT(*) FROM subscriber");
    CONFIRM = Sql::both("UPDATE subscriber SET state = 'confirmed' WHERE id = $1");
    SET_FORMAT = Sql::both("UPDATE subscriber SET format = $2 WHERE id = $1");
    SET_CHOICES = Sql::both("UPDATE subscriber SET language = $2, zone = $3 WHERE id = $1");
    IS_SUPPRESSED = Sql::both("SELECT COUNT(*) FROM suppression WHERE address_mac = $1");
    SUPPRESS = Sql::both(
        "INSERT INTO suppression (address_mac, reason, at) VALUES ($1, $2, $3) ON CONFLICT (address_mac) DO NOTHING");
    SUPPRESSIONS = Sql::both("SELECT reason, COUNT(*) FROM suppression GROUP BY reason ORDER BY reason");
    SUPPRESSED = Sql::both(
        "SELECT address_mac, reason, at FROM suppression WHERE address_mac > $1 ORDER BY address_mac LIMIT $2");
    SUPPRESSION = Sql::both("SELECT address_mac, reason, at FROM suppression WHERE address_mac = $1");
    UNSUPPRESS = Sql::both("DELETE FROM suppression WHERE address_mac = $1");
}

#[derive(sqlx::FromRow)]
struct SubscriberRow {
    id: i64,
    email: String,
    name: String,
    language: String,
    zone: String,
    state: String,
    format: String,
    created_at: Stamp,
}

/// Somebody who asks for letters.
#[derive(Debug, Clone)]
pub struct NewSubscriber {
    /// Where to write.
    pub email: EmailAddress,
    /// May be empty.
    pub name: String,
    /// Of letters and pages.
    pub language: Language,
    /// Their clock.
    pub zone: Tz,
}

/// The subscriber with this address, made if it's new.
pub async fn keep(
    tx: &mut Tx,
    new: &NewSubscriber,
    secret: &Secret,
    now: Stamp,
) -> Result<Subscriber> {
    let mac = secret.address_mac(&new.email);
    subscriber(run!(
        tx,
        KEEP,
        query_as(
            new.email.as_str(),
            new.email.key(),
            mac,
            &new.name,
            new.language.as_str(),
            new.zone.name(),
            now
        ),
        fetch_one
    )?)
}

/// The subscriber with this number.
pub async fn find(tx: &mut Tx, id: SubscriberId) -> Result<Option<Subscriber>> {
    let row: Option<SubscriberRow> = run!(tx, GET, query_as(id), fetch_optional)?;
    row.map(subscriber).transpose()
}

/// The subscriber with this address, however it's spelt.
pub async fn find_by_email(tx: &mut Tx, email: &EmailAddress) -> Result<Option<Subscriber>> {
    let row: Option<SubscriberRow> = run!(tx, FIND, query_as(email.key()), fetch_optional)?;
    row.map(subscriber).transpose()
}

/// The same, and nobody else holds them until the commit: what is counted and then done for them
/// stays counted.
pub async fn hold_by_email(tx: &mut Tx, email: &EmailAddress) -> Result<Option<Subscriber>> {
    let row: Option<SubscriberRow> = run!(tx, HOLD, query_as(email.key()), fetch_optional)?;
    row.map(subscriber).transpose()
}

/// At most `limit` subscribers after a number, in order.
pub async fn page(tx: &mut Tx, after: SubscriberId, limit: i64) -> Result<Vec<Subscriber>> {
    let rows: Vec<SubscriberRow> = run!(tx, PAGE, query_as(after, limit), fetch_all)?;
    rows.into_iter().map(subscriber).collect()
}

/// The same of whoever reads something within reach.
pub async fn page_within(
    tx: &mut Tx,
    reach: &Reach,
    after: SubscriberId,
    limit: i64,
) -> Result<Vec<Subscriber>> {
    if !reach.is_bound() {
        return page(tx, after, limit).await;
    }
    let user = reach.user();
    let rows: Vec<SubscriberRow> = run!(tx, PAGE_WITHIN, query_as(after, limit, user), fetch_all)?;
    rows.into_iter().map(subscriber).collect()
}

/// The subscriber with this number, if they have, asked for, or left something within reach.
pub async fn find_within(
    tx: &mut Tx,
    reach: &Reach,
    id: SubscriberId,
) -> Result<Option<Subscriber>> {
    if reach.is_bound() {
        let user = reach.user();
        let found: i64 = run!(tx, IS_WITHIN, query_scalar(id, user), fetch_one)?;
        if found == 0 {
            return Ok(None);
        }
    }
    find(tx, id).await
}

/// How many there are.
pub async fn count(tx: &mut Tx) -> Result<i64> {
    Ok(run!(tx, COUNT, query_scalar(), fetch_one)?)
}

/// Notes that the address has answered.
pub async fn confirm(tx: &mut Tx, id: SubscriberId) -> Result<()> {
    change!(tx, CONFIRM, (id))?;
    Ok(())
}

/// Changes whether letters come with HTML.
pub async fn set_format(tx: &mut Tx, id: SubscriberId, format: Format) -> Result<()> {
    change!(tx, SET_FORMAT, (id, format.as_str()))?;
    Ok(())
}

/// Changes the language of letters and the clock that hours are counted by.
pub async fn set_choices(
    tx: &mut Tx,
    id: SubscriberId,
    language: Language,
    zone: Tz,
) -> Result<()> {
    change!(tx, SET_CHOICES, (id, language.as_str(), zone.name()))?;
    Ok(())
}

/// Whether this address must not be written to.
pub async fn is_suppressed(tx: &mut Tx, email: &EmailAddress, secret: &Secret) -> Result<bool> {
    let found: i64 = run!(
        tx,
        IS_SUPPRESSED,
        query_scalar(secret.address_mac(email)),
        fetch_one
    )?;
    Ok(found > 0)
}

/// Why an address must not be written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suppression {
    /// Its server says that there is nobody.
    Bounce,
    /// Its owner complained.
    Complaint,
    /// Its owner had us forget them.
    Erasure,
    /// Somebody who looks after the lists said so.
    Admin,
}

impl Suppression {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bounce => "bounce",
            Self::Complaint => "complaint",
            Self::Erasure => "erasure",
            Self::Admin => "admin",
        }
    }
}

/// Writes to this address no more, for this reason; the first reason stays.
pub async fn suppress(
    tx: &mut Tx,
    email: &EmailAddress,
    why: Suppression,
    secret: &Secret,
    now: Stamp,
) -> Result<()> {
    change!(tx, SUPPRESS, (secret.address_mac(email), why.as_str(), now))?;
    Ok(())
}

/// How many addresses are suppressed, by reason.
pub async fn suppressions(tx: &mut Tx) -> Result<Vec<(String, i64)>> {
    Ok(run!(tx, SUPPRESSIONS, query_as(), fetch_all)?)
}

/// A suppression as it's kept.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Suppressed {
    /// The keyed hash of the address, which isn't kept.
    pub address_mac: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub at: Stamp,
}

/// At most `limit` suppressions after a hash, by hash.
pub async fn suppressed(tx: &mut Tx, after: &str, limit: i64) -> Result<Vec<Suppressed>> {
    Ok(run!(tx, SUPPRESSED, query_as(after, limit), fetch_all)?)
}

/// The suppression of this hash.
pub async fn suppression(tx: &mut Tx, mac: &str) -> Result<Option<Suppressed>> {
    Ok(run!(tx, SUPPRESSION, query_as(mac), fetch_optional)?)
}

/// Ends the suppression of this hash. Says whether there was one.
pub async fn end_suppression(tx: &mut Tx, mac: &str) -> Result<bool> {
    Ok(change!(tx, UNSUPPRESS, (mac))? > 0)
}

/// Lets this address be written to again. Says whether it was suppressed.
pub async fn unsuppress(tx: &mut Tx, email: &EmailAddress, secret: &Secret) -> Result<bool> {
    Ok(change!(tx, UNSUPPRESS, (secret.address_mac(email)))? > 0)
}

fn subscriber(row: SubscriberRow) -> Result<Subscriber> {
    let id = row.id;
    let state = match row.state.as_str() {
        "asked" => SubscriberState::Asked,
        "confirmed" => SubscriberState::Confirmed,
        other => return Err(broken("subscriber", "state", id, &other)),
    };
    Ok(Subscriber {
        id: SubscriberId(id),
        email: parsed(&row.email, "subscriber", "email", id)?,
        name: row.name,
        language: parsed(&row.language, "subscriber", "language", id)?,
        zone: parsed(&row.zone, "subscriber", "zone", id)?,
        state,
        format: parsed(&row.format, "subscriber", "format", id)?,
        created_at: row.created_at,
    })
}
