//! People who look after lists, and their sessions.

use crate::access::PasswordHash;
use crate::access::Role;
use crate::access::TokenHash;
use crate::access::User;
use crate::audience::EmailAddress;
use crate::clock::Stamp;
use crate::store::Result;
use crate::store::Sql;
use crate::store::Tx;
use crate::store::change;
use crate::store::parsed;
use crate::store::run;
use crate::store::statements;

statements! {
    ADD = Sql::both(
        "INSERT INTO \"user\" (email, email_key, role, state, created_at) VALUES ($1, $2, $3, 'active', $4)
         ON CONFLICT (email_key) DO NOTHING RETURNING id");
    FIND = Sql::both(
        "SELECT id, email, role, COALESCE(password, '') FROM \"user\" WHERE email_key = $1 AND state = 'active'");
    ALL = Sql::both("SELECT id, email, role, state FROM \"user\" ORDER BY id");
    SET_PASSWORD = Sql::both("UPDATE \"user\" SET password = $2 WHERE id = $1");
    DISABLE = Sql::both("UPDATE \"user\" SET state = 'disabled' WHERE email_key = $1");
    OPEN = Sql::both(
        "INSERT INTO session (token_hash, user_id, purpose, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)");
    FIND_BY_TOKEN = Sql::both(
        "SELECT u.id, u.email, u.role FROM session s JOIN \"user\" u ON u.id = s.user_id
         WHERE s.token_hash = $1 AND s.purpose = $2 AND s.expires_at > $3 AND u.state = 'active'");
    CLOSE = Sql::both("DELETE FROM session WHERE token_hash = $1");
    CLOSE_ALL = Sql::both("DELETE FROM session WHERE user_id = $1");
    CLOSE_EXPIRED = Sql::both("DELETE FROM session WHERE expires_at <= $1");
}

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenUse {
    /// A signed-in browser.
    Session,
    /// A link that signs in once, to set a password.
    SignIn,
}

impl TokenUse {
    fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::SignIn => "sign_in",
        }
    }
}

/// Adds a user, who has no password yet; `None` if there is one with this address.
pub async fn add(tx: &mut Tx, email: &EmailAddress, role: Role, now: Stamp) -> Result<Option<i64>> {
    Ok(run!(
        tx,
        ADD,
        query_scalar(email.as_str(), email.key(), role.as_str(), now),
        fetch_optional
    )?)
}

/// The active user with this address, and the hash of their password if they have set one.
pub async fn find(
    tx: &mut Tx,
    email: &EmailAddress,
) -> Result<Option<(User, Option<PasswordHash>)>> {
    let row: Option<(i64, String, String, String)> =
        run!(tx, FIND, query_as(email.key()), fetch_optional)?;
    row.map(|(id, email, role, password)| {
        let password = (!password.is_empty()).then(|| PasswordHash::stored(password));
        Ok((user(id, &email, &role)?, password))
    })
    .transpose()
}

/// Every user, and whether they may sign in.
pub async fn all(tx: &mut Tx) -> Result<Vec<(User, bool)>> {
    let rows: Vec<(i64, String, String, String)> = run!(tx, ALL, query_as(), fetch_all)?;
    rows.into_iter()
        .map(|(id, email, role, state)| Ok((user(id, &email, &role)?, state == "active")))
        .collect()
}

/// Sets a password, and ends every session that was open before it.
pub async fn set_password(tx: &mut Tx, id: i64, password: &PasswordHash) -> Result<()> {
    change!(tx, SET_PASSWORD, (id, password.as_str()))?;
    change!(tx, CLOSE_ALL, (id))?;
    Ok(())
}

/// Lets a user sign in no more. Says whether there was one.
pub async fn disable(tx: &mut Tx, email: &EmailAddress) -> Result<bool> {
    Ok(change!(tx, DISABLE, (email.key()))? > 0)
}

/// Opens a session, or makes a sign-in link good.
pub async fn open(
    tx: &mut Tx,
    token: &TokenHash,
    id: i64,
    for_: TokenUse,
    (now, until): (Stamp, Stamp),
) -> Result<()> {
    change!(tx, CLOSE_EXPIRED, (now))?;
    change!(tx, OPEN, (token.as_str(), id, for_.as_str(), now, until))?;
    Ok(())
}

/// Whose token this is, if it's good now.
pub async fn find_by_token(
    tx: &mut Tx,
    token: &TokenHash,
    for_: TokenUse,
    now: Stamp,
) -> Result<Option<User>> {
    let row: Option<(i64, String, String)> = run!(
        tx,
        FIND_BY_TOKEN,
        query_as(token.as_str(), for_.as_str(), now),
        fetch_optional
    )?;
    row.map(|(id, email, role)| user(id, &email, &role))
        .transpose()
}

/// Ends a session, or a link. Says whether it was there, so that a link is good only once.
pub async fn close(tx: &mut Tx, token: &TokenHash) -> Result<bool> {
    Ok(change!(tx, CLOSE, (token.as_str()))? > 0)
}

fn user(id: i64, email: &str, role: &str) -> Result<User> {
    Ok(User {
        id,
        email: parsed(email, "user", "email", id)?,
        role: parsed(role, "user", "role", id)?,
    })
}
