//! People who look after lists, which, and what they prove themselves by.

use chrono::TimeDelta;

use crate::access::PasswordHash;
use crate::access::Role;
use crate::access::TokenHash;
use crate::access::User;
use crate::access::reach::Reach;
use crate::audience::EmailAddress;
use crate::audience::list::ListId;
use crate::clock::Stamp;
use crate::store;
use crate::store::Result;
use crate::store::Sql;
use crate::store::Tx;
use crate::store::broken;
use crate::store::change;
use crate::store::parsed;
use crate::store::run;
use crate::store::session;
use crate::store::statements;

/// A user's lists, in one word: `all`, or the numbers of those that they're bound to.
macro_rules! reach {
    () => {
        "CASE u.bound WHEN 0 THEN 'all' ELSE COALESCE((
           SELECT string_agg(CAST(y.list_id AS TEXT), ',') FROM user_list y WHERE y.user_id = u.id), '') END"
    };
}
pub(super) use reach;

statements! {
    ADD = Sql::both(
        "INSERT INTO \"user\" (email, email_key, role, state, created_at) VALUES ($1, $2, $3, 'active', $4)
         ON CONFLICT (email_key) DO NOTHING RETURNING id");
    FIND = Sql::both(concat!(
        "SELECT id, email, role, COALESCE(totp_salt, ''), ", reach!(), ", COALESCE(password, '') FROM \"user\" u
         WHERE email_key = $1 AND state = 'active'"));
    FIND_BY_ID = Sql::both(concat!(
        "SELECT id, email, role, COALESCE(totp_salt, ''), ", reach!(), " FROM \"user\" u WHERE id = $1 AND state = 'active'"));
    PAGE = Sql::both(concat!(
        "SELECT id, email, role, COALESCE(totp_salt, ''), ", reach!(), ", state FROM \"user\" u
         WHERE id > $1 ORDER BY id LIMIT $2"));
    /// Mailed links that were made before are void with the password they were made for.
    SET_PASSWORD = Sql::both("UPDATE \"user\" SET password = $2, links_from = $3 WHERE id = $1");
    /// A mailed link is good once: whoever comes first moves the bar past it.
    USE_LINK = Sql::both(
        "UPDATE \"user\" SET links_from = $3 WHERE id = $1 AND state = 'active' AND links_from <= $2");
    IS_LINK_GOOD = Sql::both(
        "SELECT COUNT(*) FROM \"user\" WHERE id = $1 AND state = 'active' AND links_from <= $2");
    TOTP = Sql::both("SELECT totp_salt, totp_step FROM \"user\" WHERE id = $1 AND totp_salt IS NOT NULL");
    SET_TOTP = Sql::both("UPDATE \"user\" SET totp_salt = $2, totp_step = $3 WHERE id = $1");
    /// No code is taken twice, and none that is older than the last.
    USE_STEP = Sql::both("UPDATE \"user\" SET totp_step = $2 WHERE id = $1 AND totp_step < $2");
    ADD_RECOVERY = Sql::both("INSERT INTO recovery_code (user_id, code_hash) VALUES ($1, $2)");
    USE_RECOVERY = Sql::both("DELETE FROM recovery_code WHERE user_id = $1 AND code_hash = $2");
    CLEAR_RECOVERY = Sql::both("DELETE FROM recovery_code WHERE user_id = $1");
    COUNT_RECOVERY = Sql::both("SELECT COUNT(*) FROM recovery_code WHERE user_id = $1");
    DISABLE = Sql::both("UPDATE \"user\" SET state = 'disabled' WHERE email_key = $1");
    BIND = Sql::both("UPDATE \"user\" SET bound = $2 WHERE id = $1");
    TAKE_LISTS = Sql::both("DELETE FROM user_list WHERE user_id = $1");
    GIVE_LIST = Sql::both("INSERT INTO user_list (user_id, list_id) VALUES ($1, $2) ON CONFLICT (user_id, list_id) DO NOTHING");
    SLUGS = Sql::both(
        "SELECT l.slug FROM user_list y JOIN list l ON l.id = y.list_id WHERE y.user_id = $1 ORDER BY l.slug");
}

/// Number, address, role, salt, and what [`reach!`] gives.
pub(super) type Row = (i64, String, String, String, String);

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
    let row: Option<(i64, String, String, String, String, String)> =
        run!(tx, FIND, query_as(email.key()), fetch_optional)?;
    row.map(|(id, email, role, salt, reach, password)| {
        let password = (!password.is_empty()).then(|| PasswordHash::stored(password));
        Ok((user(&(id, email, role, salt, reach))?, password))
    })
    .transpose()
}

/// The active user with this number.
pub async fn find_by_id(tx: &mut Tx, id: i64) -> Result<Option<User>> {
    let row: Option<Row> = run!(tx, FIND_BY_ID, query_as(id), fetch_optional)?;
    row.as_ref().map(user).transpose()
}

/// A user, and whether they may sign in.
pub async fn find_any(tx: &mut Tx, id: i64) -> Result<Option<(User, bool)>> {
    let next = page(tx, id.saturating_sub(1), 1).await?.pop();
    Ok(next.filter(|(user, _)| user.id == id))
}

/// Every user, and whether they may sign in.
pub async fn all(tx: &mut Tx) -> Result<Vec<(User, bool)>> {
    page(tx, 0, i64::MAX).await
}

/// At most `limit` of them, after a number, in order.
pub async fn page(tx: &mut Tx, after: i64, limit: i64) -> Result<Vec<(User, bool)>> {
    let rows: Vec<(i64, String, String, String, String, String)> =
        run!(tx, PAGE, query_as(after, limit), fetch_all)?;
    rows.into_iter()
        .map(|(id, email, role, salt, reach, state)| {
            Ok((user(&(id, email, role, salt, reach))?, state == "active"))
        })
        .collect()
}

/// Sets a password, and ends every session and link that was good before it.
pub async fn set_password(tx: &mut Tx, id: i64, password: &PasswordHash, now: Stamp) -> Result<()> {
    change!(tx, SET_PASSWORD, (id, password.as_str(), just_after(now)))?;
    session::close_all(tx, id).await
}

/// Lets a user sign in no more. Says whether there was one.
pub async fn disable(tx: &mut Tx, email: &EmailAddress) -> Result<bool> {
    Ok(change!(tx, DISABLE, (email.key()))? > 0)
}

/// Whether a mailed link of this age lets its user in.
pub async fn is_link_good(tx: &mut Tx, id: i64, made: Stamp) -> Result<bool> {
    let good: i64 = run!(tx, IS_LINK_GOOD, query_scalar(id, made), fetch_one)?;
    Ok(good > 0)
}

/// Uses up a mailed link, and all that were made before it. Says whether it was good.
pub async fn use_link(tx: &mut Tx, id: i64, made: Stamp, now: Stamp) -> Result<bool> {
    Ok(change!(tx, USE_LINK, (id, made, just_after(now)))? > 0)
}

/// What a user's codes are derived with.
pub async fn totp_salt(tx: &mut Tx, id: i64) -> Result<Option<String>> {
    let row: Option<(String, i64)> = run!(tx, TOTP, query_as(id), fetch_optional)?;
    Ok(row.map(|(salt, _)| salt))
}

/// From now on a user proves themselves by codes too: `step` is that of the first, which is used
/// up, `recovery` stand in for a lost phone. Older ones are void.
pub async fn set_totp(
    tx: &mut Tx,
    id: i64,
    (salt, step): (&str, i64),
    recovery: &[TokenHash],
) -> Result<()> {
    change!(tx, SET_TOTP, (id, salt, step))?;
    change!(tx, CLEAR_RECOVERY, (id))?;
    for code in recovery {
        change!(tx, ADD_RECOVERY, (id, code.as_str()))?;
    }
    Ok(())
}

/// No codes any more.
pub async fn clear_totp(tx: &mut Tx, id: i64) -> Result<()> {
    change!(tx, SET_TOTP, (id, None::<String>, 0_i64))?;
    change!(tx, CLEAR_RECOVERY, (id))?;
    Ok(())
}

/// Nothing but a password proves who somebody is any more: no codes, no provider.
pub async fn clear_proofs(tx: &mut Tx, id: i64) -> Result<()> {
    clear_totp(tx, id).await?;
    store::identity::unbind(tx, id).await?;
    Ok(())
}

/// Takes the code of a half minute. Says whether it, or a later one, wasn't taken before.
pub async fn use_step(tx: &mut Tx, id: i64, step: i64) -> Result<bool> {
    Ok(change!(tx, USE_STEP, (id, step))? > 0)
}

/// Takes a recovery code. Says whether it was good.
pub async fn use_recovery(tx: &mut Tx, id: i64, code: &TokenHash) -> Result<bool> {
    Ok(change!(tx, USE_RECOVERY, (id, code.as_str()))? > 0)
}

/// How many recovery codes are left.
pub async fn count_recovery(tx: &mut Tx, id: i64) -> Result<i64> {
    Ok(run!(tx, COUNT_RECOVERY, query_scalar(id), fetch_one)?)
}

/// So that a link made in this very moment is void too.
fn just_after(now: Stamp) -> Stamp {
    now + TimeDelta::milliseconds(1)
}

/// Has an editor look after these lists alone, or after all there are and will be.
pub async fn bind(tx: &mut Tx, id: i64, lists: Option<&[ListId]>) -> Result<()> {
    change!(tx, BIND, (id, i64::from(lists.is_some())))?;
    change!(tx, TAKE_LISTS, (id))?;
    for list in lists.unwrap_or_default() {
        change!(tx, GIVE_LIST, (id, *list))?;
    }
    Ok(())
}

/// The slugs of the lists that a user is bound to, in order; `None` if they look after all.
pub async fn lists(tx: &mut Tx, user: &User) -> Result<Option<Vec<String>>> {
    if !user.reach.is_bound() {
        return Ok(None);
    }
    let slugs = run!(tx, SLUGS, query_scalar(user.id), fetch_all)?;
    Ok(Some(slugs))
}

fn reach_of(id: i64, word: &str) -> Result<Reach> {
    if word == "all" {
        return Ok(Reach::All);
    }
    let numbers = word.split(',').filter(|number| !number.is_empty());
    let lists: std::result::Result<Vec<ListId>, _> =
        numbers.map(|number| number.parse().map(ListId)).collect();
    let lists = lists.map_err(|problem| broken("user_list", "list_id", id, &problem))?;
    Ok(Reach::Lists { user: id, lists })
}

/// A row's user.
pub(super) fn user((id, email, role, salt, reach): &Row) -> Result<User> {
    Ok(User {
        id: *id,
        email: parsed(email, "user", "email", *id)?,
        role: parsed(role, "user", "role", *id)?,
        reach: reach_of(*id, reach)?,
        has_totp: !salt.is_empty(),
    })
}
