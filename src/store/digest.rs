//! Digests: one row for each run of a list's cadence. Their content is in
//! [`edition`](super::edition), their letters are made in [`plan`](super::plan).

use std::collections::BTreeMap;
use std::collections::HashMap;

use crate::access::reach::Reach;
use crate::article::Seq;
use crate::audience::list::Cadence;
use crate::audience::list::ListId;
use crate::audience::subscription::RhythmId;
use crate::clock::Stamp;
use crate::digest::Digest;
use crate::digest::DigestId;
use crate::digest::DigestState;
use crate::digest::alarm::Alarm;
use crate::letter::LetterState;
use crate::store::Result;
use crate::store::Sql;
use crate::store::Tx;
use crate::store::broken;
use crate::store::change;
use crate::store::counter;
use crate::store::from_json;
use crate::store::parsed;
use crate::store::run;
use crate::store::statements;
use crate::store::to_json;

statements! {
    /// One digest for a list, cadence and period, however often and by how many it's cut.
    CUT = Sql::both(
        "INSERT INTO digest (list_id, cadence, period_key, rhythm_id, to_seq, cut_at, state, not_after, review_until, critical_seq)
         SELECT $1, $2, $3, $4, value, $5, $6, $7, $8, $9 FROM counter WHERE name = 'article'
         ON CONFLICT (list_id, cadence, period_key) DO NOTHING RETURNING id");
    GET = Sql::both(
        "SELECT id, list_id, cadence, period_key, rhythm_id, to_seq, cut_at, state, not_after, review_until,
                introduction, ranked, dropped, critical_seq, alarm
         FROM digest WHERE id = $1");
    /// Planned, and nothing of them is left to send.
    OVER = Sql::both(
        "SELECT d.id, l.slug AS list, d.cadence FROM digest d JOIN list l ON l.id = d.list_id
         WHERE d.state = 'planned' AND d.sent_at IS NULL AND NOT EXISTS (
           SELECT 1 FROM letter x WHERE x.digest_id = d.id AND x.purpose = 'digest'
             AND x.state IN ('queued', 'leased', 'handing', 'deferred', 'paused'))
         ORDER BY d.id LIMIT $1");
    OF_PERIOD = Sql::both("SELECT id FROM digest WHERE list_id = $1 AND cadence = $2 AND period_key = $3");
    SET_SENT = Sql::both("UPDATE digest SET sent_at = $2 WHERE id = $1 AND sent_at IS NULL");
    IN_PLANNING = Sql::both("SELECT id FROM digest WHERE state = 'planning' ORDER BY id");
    LATEST = Sql::both(
        "SELECT id, list_id, cadence, period_key, rhythm_id, to_seq, cut_at, state, not_after, review_until,
                introduction, ranked, dropped, critical_seq, alarm
         FROM digest
         WHERE id < $1 ORDER BY id DESC LIMIT $2");
    SET_STATE = Sql::both("UPDATE digest SET state = $3 WHERE id = $1 AND state = $2");
    /// Held digests whose time for review is over, and their lists' word for silence.
    REVIEWED = Sql::both("SELECT id FROM digest WHERE state = 'held' AND review_until <= $1 ORDER BY id");
    /// Only the first.
    SET_ALARM = Sql::both("UPDATE digest SET alarm = $2 WHERE id = $1 AND alarm IS NULL AND state <> 'cancelled'");
    END_REVIEW = Sql::both("UPDATE digest SET review_until = NULL WHERE id = $1");
    ARRANGE = Sql::both(
        "UPDATE digest SET introduction = $2, ranked = $3, dropped = $4
         WHERE id = $1 AND state = 'held' AND letters = 0");
    KEPT = Sql::both("SELECT letters, folded FROM digest WHERE id = $1");
    /// With the articles of its longest edition.
    SUMMARIES = Sql {
        sqlite:
        "SELECT d.id, l.name AS list, d.cadence, d.cut_at, d.state, d.letters, d.folded,
                COALESCE((SELECT MAX(json_array_length(e.articles)) FROM edition e WHERE e.digest_id = d.id), 0) AS articles
         FROM digest d LEFT JOIN list l ON l.id = d.list_id
         WHERE d.id < $1 AND ($3 = 0 OR d.list_id IN (SELECT list_id FROM user_list WHERE user_id = $3))
         ORDER BY d.id DESC LIMIT $2",
        postgres:
        "SELECT d.id, l.name AS list, d.cadence, d.cut_at, d.state, d.letters, d.folded,
                CAST(COALESCE((SELECT MAX(json_array_length(CAST(e.articles AS JSON)))
                               FROM edition e WHERE e.digest_id = d.id), 0) AS BIGINT) AS articles
         FROM digest d JOIN list l ON l.id = d.list_id
         WHERE d.id < $1 AND ($3 = 0 OR d.list_id IN (SELECT list_id FROM user_list WHERE user_id = $3))
         ORDER BY d.id DESC LIMIT $2",
    };
    /// Letters that were accepted are nearly all there are of a digest, and aren't counted one by one. The
    /// word is the first of the states' in the alphabet.
    NOT_ACCEPTED = Sql {
        sqlite:
        "SELECT digest_id, state, COUNT(*) FROM letter
         WHERE digest_id IN (SELECT value FROM json_each($1)) AND purpose = 'digest' AND state > 'accepted'
         GROUP BY digest_id, state",
        postgres:
        "SELECT digest_id, state, COUNT(*) FROM letter
         WHERE digest_id IN (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST($1 AS JSON)))
           AND purpose = 'digest' AND state > 'accepted'
         GROUP BY digest_id, state",
    };
}

/// Letters by the word of the state they are in.
type Counts = BTreeMap<String, i64>;

/// A digest and its letters as people who look after lists see them.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Which.
    pub id: DigestId,
    /// The list's name.
    pub list: String,
    /// Which cadence.
    pub cadence: Cadence,
    /// When it was cut.
    pub cut_at: Stamp,
    /// How far it is.
    pub state: DigestState,
    /// How many articles its longest edition holds.
    pub articles: i64,
    /// How many letters stand where.
    pub letters: Vec<(LetterState, i64)>,
}

/// A digest of which nothing is left to send.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Over {
    /// Which.
    pub id: DigestId,
    /// The list's slug.
    pub list: String,
    /// Which cadence.
    pub cadence: String,
}

#[derive(sqlx::FromRow)]
struct SummaryRow {
    id: i64,
    list: String,
    cadence: String,
    cut_at: Stamp,
    state: String,
    letters: i64,
    folded: Option<String>,
    articles: i64,
}

#[derive(sqlx::FromRow)]
struct DigestRow {
    id: i64,
    list_id: ListId,
    cadence: String,
    period_key: String,
    rhythm_id: Option<RhythmId>,
    to_seq: Seq,
    cut_at: Stamp,
    state: String,
    not_after: Option<Stamp>,
    review_until: Option<Stamp>,
    introduction: String,
    ranked: String,
    dropped: String,
    critical_seq: Option<Seq>,
    alarm: Option<String>,
}

/// What a digest is cut by.
#[derive(Debug, Clone)]
pub struct NewDigest<'a> {
    /// Whose.
    pub list_id: ListId,
    /// Which cadence.
    pub cadence: Cadence,
    /// Which period.
    pub period_key: &'a str,
    /// Whom, unless everybody.
    pub rhythm_id: Option<RhythmId>,
    /// Whether it waits for a person.
    pub state: DigestState,
    /// When its letters are no longer worth making.
    pub not_after: Stamp,
    /// When the time for its review is over.
    pub review_until: Option<Stamp>,
    /// The one article it's about.
    pub critical: Option<Seq>,
}

/// Cuts a digest up to the last article there is now; `None` if this period has one.
pub async fn cut(tx: &mut Tx, new: &NewDigest<'_>, now: Stamp) -> Result<Option<DigestId>> {
    Ok(run!(
        tx,
        CUT,
        query_scalar(
            new.list_id,
            new.cadence.as_str(),
            new.period_key,
            new.rhythm_id,
            now,
            new.state.as_str(),
            new.not_after,
            new.review_until,
            new.critical
        ),
        fetch_optional
    )?)
}

/// The digest of a period, which must have one.
pub async fn get_of_period(
    tx: &mut Tx,
    list: ListId,
    cadence: Cadence,
    period_key: &str,
) -> Result<DigestId> {
    Ok(run!(
        tx,
        OF_PERIOD,
        query_scalar(list, cadence.as_str(), period_key),
        fetch_one
    )?)
}

/// The digest with this number.
pub async fn find(tx: &mut Tx, id: DigestId) -> Result<Option<Digest>> {
    let row: Option<DigestRow> = run!(tx, GET, query_as(id), fetch_optional)?;
    row.map(digest).transpose()
}

/// At most `limit` digests of which nothing is left to send, and nobody has noted so.
pub async fn over(tx: &mut Tx, limit: i64) -> Result<Vec<Over>> {
    Ok(run!(tx, OVER, query_as(limit), fetch_all)?)
}

/// Notes when the last letter of a digest came to rest; false if somebody did.
pub async fn set_sent(tx: &mut Tx, id: DigestId, now: Stamp) -> Result<bool> {
    Ok(change!(tx, SET_SENT, (id, now))? > 0)
}

/// Digests whose letters are being made.
pub async fn in_planning(tx: &mut Tx) -> Result<Vec<DigestId>> {
    Ok(run!(tx, IN_PLANNING, query_scalar(), fetch_all)?)
}

/// At most `limit` digests, newest first, numbered below `before`.
pub async fn latest(tx: &mut Tx, before: Option<DigestId>, limit: i64) -> Result<Vec<Digest>> {
    let rows: Vec<DigestRow> = run!(
        tx,
        LATEST,
        query_as(before.map_or(i64::MAX, |id| id.0), limit),
        fetch_all
    )?;
    rows.into_iter().map(digest).collect()
}

/// At most `limit` digests, newest first, numbered below `before`, with what became of their
/// letters.
pub async fn summaries(
    tx: &mut Tx,
    reach: &Reach,
    before: Option<DigestId>,
    limit: i64,
) -> Result<Vec<Summary>> {
    let (before, user) = (before.map_or(i64::MAX, |id| id.0), reach.user());
    let rows: Vec<SummaryRow> = run!(tx, SUMMARIES, query_as(before, limit, user), fetch_all)?;
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let mut others = not_accepted(tx, &ids).await?;
    rows.into_iter()
        .map(|row| {
            let others = others.remove(&row.id).unwrap_or_default();
            let kept = (row.letters, row.folded.as_deref());
            let letters = standing(row.id, kept, others)?;
            summary(row, letters)
        })
        .collect()
}

fn summary(row: SummaryRow, letters: Vec<(LetterState, i64)>) -> Result<Summary> {
    let id = row.id;
    Ok(Summary {
        id: DigestId(id),
        list: row.list,
        cadence: parsed(&row.cadence, "digest", "cadence", id)?,
        cut_at: row.cut_at,
        state: digest_state(&row.state, id)?,
        articles: row.articles,
        letters,
    })
}

/// Moves a digest from one state to another; false if it wasn't in the first. The list's feed
/// changes with it.
pub async fn set_state(
    tx: &mut Tx,
    id: DigestId,
    from: DigestState,
    to: DigestState,
) -> Result<bool> {
    let moved = change!(tx, SET_STATE, (id, from.as_str(), to.as_str()))? > 0;
    if moved {
        counter::touch_feeds(tx).await?;
    }
    Ok(moved)
}

/// Held digests whose time for review is over.
pub async fn reviewed(tx: &mut Tx, now: Stamp) -> Result<Vec<DigestId>> {
    Ok(run!(tx, REVIEWED, query_scalar(now), fetch_all)?)
}

/// Notes that its time for review is over.
pub async fn end_review(tx: &mut Tx, id: DigestId) -> Result<()> {
    change!(tx, END_REVIEW, (id))?;
    Ok(())
}

/// Notes why a digest stopped itself. False if it did before, or is cancelled.
pub async fn set_alarm(tx: &mut Tx, id: DigestId, alarm: &Alarm) -> Result<bool> {
    Ok(change!(tx, SET_ALARM, (id, to_json(alarm)))? > 0)
}

/// Keeps how an editor put a held digest; false if it isn't held.
pub async fn arrange(tx: &mut Tx, digest: &Digest) -> Result<bool> {
    let changed = change!(
        tx,
        ARRANGE,
        (
            digest.id,
            &digest.introduction,
            to_json(&digest.ranked),
            to_json(&digest.dropped)
        )
    )?;
    Ok(changed > 0)
}

/// How many letters of a digest stand where, or stood when they were cleared away.
pub async fn counts(tx: &mut Tx, id: DigestId) -> Result<Vec<(LetterState, i64)>> {
    let kept: Option<(i64, Option<String>)> = run!(tx, KEPT, query_as(id), fetch_optional)?;
    let others = not_accepted(tx, &[id.0]).await?.remove(&id.0);
    let (letters, folded) = kept.unwrap_or_default();
    standing(
        id.0,
        (letters, folded.as_deref()),
        others.unwrap_or_default(),
    )
}

/// How many letters of each digest stand elsewhere than among those that a server took.
async fn not_accepted(tx: &mut Tx, ids: &[i64]) -> Result<HashMap<i64, Counts>> {
    let rows: Vec<(i64, String, i64)> = run!(tx, NOT_ACCEPTED, query_as(to_json(&ids)), fetch_all)?;
    let mut counts = HashMap::<i64, Counts>::new();
    for (digest, state, letters) in rows {
        counts.entry(digest).or_default().insert(state, letters);
    }
    Ok(counts)
}

/// Where a digest's letters stand: of all that were ever made, those that are nowhere else were accepted;
/// and how those stood that were cleared away.
fn standing(
    id: i64,
    (made, folded): (i64, Option<&str>),
    mut counts: Counts,
) -> Result<Vec<(LetterState, i64)>> {
    let folded: Vec<(String, i64)> = match folded {
        Some(folded) => from_json(folded, "digest", "folded", id)?,
        None => Vec::new(),
    };
    let cleared: i64 = folded.iter().map(|(_, letters)| letters).sum();
    let accepted = made - cleared - counts.values().sum::<i64>();
    let accepted = (LetterState::Accepted.as_str().to_owned(), accepted);
    for (state, letters) in folded.into_iter().chain([accepted]) {
        *counts.entry(state).or_default() += letters;
    }
    counts
        .into_iter()
        .filter(|(_, letters)| *letters > 0)
        .map(|(state, letters)| Ok((parsed(&state, "letter", "state", id)?, letters)))
        .collect()
}

fn digest_state(word: &str, id: i64) -> Result<DigestState> {
    match word {
        "held" => Ok(DigestState::Held),
        "planning" => Ok(DigestState::Planning),
        "planned" => Ok(DigestState::Planned),
        "cancelled" => Ok(DigestState::Cancelled),
        other => Err(broken("digest", "state", id, &other)),
    }
}

fn digest(row: DigestRow) -> Result<Digest> {
    let id = row.id;
    Ok(Digest {
        id: DigestId(id),
        list_id: row.list_id,
        cadence: parsed(&row.cadence, "digest", "cadence", id)?,
        period_key: row.period_key,
        rhythm_id: row.rhythm_id,
        to_seq: row.to_seq,
        cut_at: row.cut_at,
        state: digest_state(&row.state, id)?,
        not_after: row.not_after,
        review_until: row.review_until,
        introduction: row.introduction,
        ranked: from_json(&row.ranked, "digest", "ranked", id)?,
        dropped: from_json(&row.dropped, "digest", "dropped", id)?,
        critical: row.critical_seq,
        alarm: row
            .alarm
            .map(|alarm| from_json(&alarm, "digest", "alarm", id))
            .transpose()?,
    })
}
