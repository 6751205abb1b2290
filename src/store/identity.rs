//! Who a provider of `OpenID` Connect says a user is, and tries to sign in there.

use crate::access::TokenHash;
use crate::clock::Stamp;
use crate::store::Result;
use crate::store::Sql;
use crate::store::Tx;
use crate::store::change;
use crate::store::run;
use crate::store::statements;

statements! {
    FIND = Sql::both("SELECT user_id FROM identity WHERE issuer = $1 AND subject = $2");
    /// Nothing happens where either of the two is bound already.
    BIND = Sql::both(
        "INSERT INTO identity (user_id, issuer, subject, bound_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING");
    OF_USER = Sql::both("SELECT issuer, bound_at FROM identity WHERE user_id = $1 ORDER BY issuer");
    UNBIND = Sql::both("DELETE FROM identity WHERE user_id = $1");
    BEGIN = Sql::both("INSERT INTO oidc_try (token_hash, expires_at) VALUES ($1, $2)");
    TAKE = Sql::both("DELETE FROM oidc_try WHERE token_hash = $1 AND expires_at > $2");
    FORGET = Sql::both("DELETE FROM oidc_try WHERE expires_at <= $1");
}

/// A provider that vouches for a user.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Bound {
    /// The provider's address.
    pub issuer: String,
    /// Since when.
    pub bound_at: Stamp,
}

/// The number of the user whom a provider calls so, whether they may sign in or not.
pub async fn find(tx: &mut Tx, issuer: &str, subject: &str) -> Result<Option<i64>> {
    Ok(run!(
        tx,
        FIND,
        query_scalar(issuer, subject),
        fetch_optional
    )?)
}

/// From now on this is a user, if neither is bound yet. Says whether it is.
pub async fn bind(
    tx: &mut Tx,
    user: i64,
    (issuer, subject): (&str, &str),
    now: Stamp,
) -> Result<bool> {
    Ok(change!(tx, BIND, (user, issuer, subject, now))? > 0)
}

/// The providers that vouch for a user.
pub async fn of_user(tx: &mut Tx, user: i64) -> Result<Vec<Bound>> {
    Ok(run!(tx, OF_USER, query_as(user), fetch_all)?)
}

/// No provider vouches for a user any more. Says whether any did.
pub async fn unbind(tx: &mut Tx, user: i64) -> Result<bool> {
    Ok(change!(tx, UNBIND, (user))? > 0)
}

/// Keeps a try until it's used or its time is over.
pub async fn begin(tx: &mut Tx, token: &TokenHash, (now, until): (Stamp, Stamp)) -> Result<()> {
    change!(tx, FORGET, (now))?;
    change!(tx, BEGIN, (token.as_str(), until))?;
    Ok(())
}

/// Uses a try up. Says whether it was good.
pub async fn take(tx: &mut Tx, token: &TokenHash, now: Stamp) -> Result<bool> {
    Ok(change!(tx, TAKE, (token.as_str(), now))? > 0)
}
