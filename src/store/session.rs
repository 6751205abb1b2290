//! Who is signed in, and the links that sign in once. Tokens are kept as hashes.

use crate::access::TokenHash;
use crate::access::User;
use crate::clock::Stamp;
use crate::store::Result;
use crate::store::Sql;
use crate::store::Tx;
use crate::store::change;
use crate::store::run;
use crate::store::statements;
use crate::store::user;

statements! {
    OPEN = Sql::both(
        "INSERT INTO session (token_hash, user_id, purpose, network, created_at, seen_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $5, $6)");
    FIND = Sql::both(concat!(
        "SELECT u.id, u.email, u.role, COALESCE(u.totp_salt, ''), ", user::reach!(), ", s.id, s.seen_at
         FROM session s JOIN \"user\" u ON u.id = s.user_id
         WHERE s.token_hash = $1 AND s.purpose = $2 AND s.expires_at > $3 AND u.state = 'active'"));
    SEE = Sql::both("UPDATE session SET seen_at = $2, network = $3 WHERE id = $1");
    OF_USER = Sql::both(
        "SELECT id, network, created_at, seen_at FROM session
         WHERE user_id = $1 AND purpose = 'session' AND expires_at > $2 ORDER BY seen_at DESC, id DESC");
    CLOSE = Sql::both("DELETE FROM session WHERE token_hash = $1");
    CLOSE_ONE = Sql::both("DELETE FROM session WHERE user_id = $1 AND id = $2 AND purpose = 'session'");
    CLOSE_OTHERS = Sql::both("DELETE FROM session WHERE user_id = $1 AND id <> $2");
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
    /// A browser that showed the password, and owes the code.
    Code,
}

impl TokenUse {
    fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::SignIn => "sign_in",
            Self::Code => "code",
        }
    }
}

/// Whose token it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Who.
    pub user: User,
    /// The session's number.
    pub id: i64,
    /// When it was last noted as used.
    pub seen_at: Stamp,
}

/// A session as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Listed {
    /// Its number.
    pub id: i64,
    /// Where it was last seen from.
    pub network: String,
    /// When it began.
    pub created_at: Stamp,
    /// When it was last seen, to some minutes.
    pub seen_at: Stamp,
}

/// Opens a session from a network, or makes a sign-in link good.
pub async fn open(
    tx: &mut Tx,
    token: &TokenHash,
    (id, network): (i64, &str),
    for_: TokenUse,
    (now, until): (Stamp, Stamp),
) -> Result<()> {
    change!(tx, CLOSE_EXPIRED, (now))?;
    change!(
        tx,
        OPEN,
        (token.as_str(), id, for_.as_str(), network, now, until)
    )?;
    Ok(())
}

/// Whose token this is, if it's good now.
pub async fn find(
    tx: &mut Tx,
    token: &TokenHash,
    for_: TokenUse,
    now: Stamp,
) -> Result<Option<Shown>> {
    let row: Option<(i64, String, String, String, String, i64, Stamp)> = run!(
        tx,
        FIND,
        query_as(token.as_str(), for_.as_str(), now),
        fetch_optional
    )?;
    row.map(|(user_id, email, role, salt, reach, id, seen_at)| {
        Ok(Shown {
            user: user::user(&(user_id, email, role, salt, reach))?,
            id,
            seen_at,
        })
    })
    .transpose()
}

/// Notes that a session was used, and from where.
pub async fn see(tx: &mut Tx, id: i64, network: &str, now: Stamp) -> Result<()> {
    change!(tx, SEE, (id, now, network))?;
    Ok(())
}

/// A user's sessions, the last used first.
pub async fn of_user(tx: &mut Tx, id: i64, now: Stamp) -> Result<Vec<Listed>> {
    Ok(run!(tx, OF_USER, query_as(id, now), fetch_all)?)
}

/// Ends a session, or a link. Says whether it was there, so that a link is good only once.
pub async fn close(tx: &mut Tx, token: &TokenHash) -> Result<bool> {
    Ok(change!(tx, CLOSE, (token.as_str()))? > 0)
}

/// Ends one session of a user. Says whether it was theirs.
pub async fn close_one(tx: &mut Tx, user: i64, id: i64) -> Result<bool> {
    Ok(change!(tx, CLOSE_ONE, (user, id))? > 0)
}

/// Ends every session and link of a user but one. Gives how many.
pub async fn close_others(tx: &mut Tx, user: i64, kept: i64) -> Result<u64> {
    Ok(change!(tx, CLOSE_OTHERS, (user, kept))?)
}

/// Ends every session and link of a user.
pub async fn close_all(tx: &mut Tx, user: i64) -> Result<()> {
    change!(tx, CLOSE_ALL, (user))?;
    Ok(())
}
