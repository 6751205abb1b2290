//! Keys for scripts, and what they were answered.

use crate::access::TokenHash;
use crate::access::key::ApiKey;
use crate::access::key::Scope;
use crate::clock::Stamp;
use crate::store::Result;
use crate::store::Sql;
use crate::store::Tx;
use crate::store::change;
use crate::store::from_json;
use crate::store::run;
use crate::store::statements;
use crate::store::to_json;

statements! {
    ADD = Sql::both(
        "INSERT INTO api_key (name, token_hash, scopes, state, created_at) VALUES ($1, $2, $3, 'active', $4)
         ON CONFLICT (name) DO NOTHING RETURNING id");
    FIND = Sql::both("SELECT id, name, scopes FROM api_key WHERE token_hash = $1 AND state = 'active'");
    PAGE = Sql::both(
        "SELECT id, name, scopes, state, created_at, used_at FROM api_key WHERE id > $1 ORDER BY id LIMIT $2");
    REVOKE = Sql::both("UPDATE api_key SET state = 'revoked' WHERE name = $1 AND state = 'active'");
    /// Once a minute is exact enough, and spares the writer.
    USE = Sql::both("UPDATE api_key SET used_at = $2 WHERE id = $1 AND COALESCE(used_at, 0) < $3");
    FORGET_REPLIES = Sql::both("DELETE FROM reply WHERE at < $1");
    /// The first one answers. One that never came to an answer is taken over.
    CLAIM_REPLY = Sql::both(
        "INSERT INTO reply (key_id, name, request, at, status, headers, body) VALUES ($1, $2, $3, $4, 0, '', '')
         ON CONFLICT (key_id, name) DO UPDATE SET at = excluded.at
           WHERE reply.status = 0 AND reply.request = excluded.request AND reply.at < $5");
    FIND_REPLY = Sql::both("SELECT request, status, headers, body FROM reply WHERE key_id = $1 AND name = $2");
    KEEP_REPLY = Sql::both("UPDATE reply SET status = $3, headers = $4, body = $5 WHERE key_id = $1 AND name = $2");
    RELEASE_REPLY = Sql::both("DELETE FROM reply WHERE key_id = $1 AND name = $2 AND status = 0");
}

type Row = (i64, String, String, String, Stamp, Option<Stamp>);

/// A key as people who look after them see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Which, and what it may do.
    pub key: ApiKey,
    /// Whether it opens anything.
    pub active: bool,
    /// When it was made.
    pub created_at: Stamp,
    /// When it was last shown, to the minute.
    pub used_at: Option<Stamp>,
}

/// What a request was answered.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Reply {
    /// The hash of the request.
    pub request: String,
    /// 0 while it's being answered.
    pub status: i64,
    /// JSON of name and value.
    pub headers: String,
    /// As it went out.
    pub body: String,
}

/// Adds a key; `None` if there is, or was, one of this name.
pub async fn add(
    tx: &mut Tx,
    name: &str,
    hash: &TokenHash,
    scopes: &[Scope],
    now: Stamp,
) -> Result<Option<i64>> {
    let scopes = to_json(scopes);
    Ok(run!(
        tx,
        ADD,
        query_scalar(name, hash.as_str(), scopes, now),
        fetch_optional
    )?)
}

/// The key with this hash, if it's good.
pub async fn find(tx: &mut Tx, hash: &TokenHash) -> Result<Option<ApiKey>> {
    let row: Option<(i64, String, String)> =
        run!(tx, FIND, query_as(hash.as_str()), fetch_optional)?;
    row.map(|(id, name, scopes)| key(id, name, &scopes))
        .transpose()
}

/// Every key there is or was.
pub async fn all(tx: &mut Tx) -> Result<Vec<Listed>> {
    page(tx, 0, i64::MAX).await
}

/// A key, whether it opens anything or not.
pub async fn find_any(tx: &mut Tx, id: i64) -> Result<Option<Listed>> {
    let next = page(tx, id.saturating_sub(1), 1).await?.pop();
    Ok(next.filter(|listed| listed.key.id == id))
}

/// At most `limit` of them, after a number, in order.
pub async fn page(tx: &mut Tx, after: i64, limit: i64) -> Result<Vec<Listed>> {
    let rows: Vec<Row> = run!(tx, PAGE, query_as(after, limit), fetch_all)?;
    rows.into_iter()
        .map(|(id, name, scopes, state, created_at, used_at)| {
            Ok(Listed {
                key: key(id, name, &scopes)?,
                active: state == "active",
                created_at,
                used_at,
            })
        })
        .collect()
}

/// Ends a key. Says whether it was good.
pub async fn revoke(tx: &mut Tx, name: &str) -> Result<bool> {
    Ok(change!(tx, REVOKE, (name))? > 0)
}

/// Notes that a key was used, unless that was noted after `unless_after`.
pub async fn note_use(tx: &mut Tx, id: i64, now: Stamp, unless_after: Stamp) -> Result<()> {
    change!(tx, USE, (id, now, unless_after))?;
    Ok(())
}

/// Takes it upon us to answer a request; false if it was answered, or is being answered by somebody
/// who began after `given_up`.
pub async fn claim_reply(
    tx: &mut Tx,
    (key, name): (i64, &str),
    request: &str,
    (now, given_up): (Stamp, Stamp),
) -> Result<bool> {
    Ok(change!(tx, CLAIM_REPLY, (key, name, request, now, given_up))? > 0)
}

/// What a request was answered, or that it's being answered.
pub async fn find_reply(tx: &mut Tx, (key, name): (i64, &str)) -> Result<Option<Reply>> {
    Ok(run!(tx, FIND_REPLY, query_as(key, name), fetch_optional)?)
}

/// Keeps an answer.
pub async fn keep_reply(tx: &mut Tx, (key, name): (i64, &str), reply: &Reply) -> Result<()> {
    change!(
        tx,
        KEEP_REPLY,
        (key, name, reply.status, &reply.headers, &reply.body)
    )?;
    Ok(())
}

/// Gives a request back unanswered.
pub async fn release_reply(tx: &mut Tx, (key, name): (i64, &str)) -> Result<()> {
    change!(tx, RELEASE_REPLY, (key, name))?;
    Ok(())
}

/// Forgets what was answered before a moment.
pub async fn forget_replies(tx: &mut Tx, before: Stamp) -> Result<()> {
    change!(tx, FORGET_REPLIES, (before))?;
    Ok(())
}

fn key(id: i64, name: String, scopes: &str) -> Result<ApiKey> {
    Ok(ApiKey {
        id,
        name,
        scopes: from_json(scopes, "api_key", "scopes", id)?,
    })
}
