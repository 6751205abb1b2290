//! Tables of people that are uploaded in the console: their rows wait here, and go as they are
//! taken in.

use serde::Serialize;

use crate::access::reach::Reach;
use crate::audience::EmailAddress;
use crate::audience::list::ListId;
use crate::clock::Stamp;
use crate::store::Result;
use crate::store::Sql;
use crate::store::Tx;
use crate::store::change;
use crate::store::run;
use crate::store::statements;
use crate::store::to_json;

statements! {
    ADD = Sql::both(
        "INSERT INTO upload (list_id, file, head, mapping, state, made_by, made_at, size)
         VALUES ($1, $2, $3, $4, 'looked', $5, $6, $7) RETURNING id");
    ADD_ROWS = Sql {
        sqlite:
        "INSERT INTO upload_row (upload_id, line, cells, why)
         SELECT $1, value ->> '$[0]', value ->> '$[1]', value ->> '$[2]' FROM json_each($2)",
        postgres:
        "INSERT INTO upload_row (upload_id, line, cells, why)
         SELECT $1, CAST(value ->> 0 AS BIGINT), value ->> 1, value ->> 2
         FROM json_array_elements(CAST($2 AS JSON)) AS line (value)",
    };
    GET = Sql::both(
        "SELECT id, list_id, file, head, mapping, consent, state, made_by, made_at, size, at_line,
                added, known, suppressed, left_out, bad FROM upload WHERE id = $1");
    NEWEST = Sql::both(
        "SELECT id, list_id, file, head, mapping, consent, state, made_by, made_at, size, at_line,
                added, known, suppressed, left_out, bad FROM upload
         WHERE $2 = 0 OR list_id IN (SELECT list_id FROM user_list WHERE user_id = $2) ORDER BY id DESC LIMIT $1");
    GOING = Sql::both("SELECT MIN(id) FROM upload WHERE state = 'going'");
    MAP = Sql::both("UPDATE upload SET mapping = $2 WHERE id = $1 AND state = 'looked'");
    BEGIN = Sql::both("UPDATE upload SET state = 'going', consent = $2 WHERE id = $1 AND state = 'looked'");
    /// Whoever else works on it has got further: nothing is taken twice.
    ADVANCE = Sql::both("UPDATE upload SET at_line = $3 WHERE id = $1 AND at_line = $2 AND state = 'going'");
    COUNT = Sql::both(
        "UPDATE upload SET added = added + $2, known = known + $3, suppressed = suppressed + $4,
                left_out = left_out + $5, bad = bad + $6 WHERE id = $1");
    FINISH = Sql::both("UPDATE upload SET state = 'done' WHERE id = $1 AND state = 'going'");
    ROWS = Sql::both(
        "SELECT line, cells, why FROM upload_row
         WHERE upload_id = $1 AND line > $2 AND why IS NULL ORDER BY line LIMIT $3");
    LEFT = Sql::both(
        "SELECT line, cells, why FROM upload_row
         WHERE upload_id = $1 AND line > $2 AND why IS NOT NULL ORDER BY line LIMIT $3");
    TAKE = Sql::both("DELETE FROM upload_row WHERE upload_id = $1 AND line > $2 AND line <= $3");
    DROP = Sql::both("DELETE FROM upload WHERE id = $1 AND state <> 'going'");
    DROP_OLD = Sql::both("DELETE FROM upload WHERE made_at < $1 AND state <> 'going'");
    FORGET = Sql {
        sqlite: "DELETE FROM upload_row WHERE instr(lower(cells), $1) > 0",
        postgres: "DELETE FROM upload_row WHERE position($1 IN lower(cells)) > 0",
    };
}

/// A table as it waits.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Upload {
    /// Its number.
    pub id: i64,
    /// Whom it's for.
    pub list_id: ListId,
    /// What the file was called.
    pub file: String,
    /// The names of its columns, as JSON.
    pub head: String,
    /// Which column is what, as JSON.
    pub mapping: String,
    /// Where their consent is on record; empty until somebody said so.
    pub consent: String,
    /// `looked`, `going` or `done`.
    pub state: String,
    /// Who uploaded it.
    pub made_by: String,
    /// When.
    pub made_at: Stamp,
    /// How many rows it had.
    pub size: i64,
    /// The last line that was looked after.
    pub at_line: i64,
    /// How many joined so far,
    pub added: i64,
    /// how many had the list already, left it or must not be written to,
    pub known: i64,
    /// how many aren't written to from now on,
    pub suppressed: i64,
    /// how many were left out,
    pub left_out: i64,
    /// and how many rows couldn't be used.
    pub bad: i64,
}

/// A table that is new.
#[derive(Debug)]
pub struct NewUpload<'a> {
    /// Whom it's for.
    pub list: ListId,
    /// What the file is called.
    pub file: &'a str,
    /// The names of its columns.
    pub head: &'a [String],
    /// Which column is what, as JSON.
    pub mapping: &'a str,
    /// Who uploads it.
    pub by: &'a str,
    /// How many rows it has.
    pub size: usize,
}

/// A row as it waits: its line, its cells as JSON, and, if it wasn't taken, why, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct UploadRow {
    /// Its line.
    pub line: i64,
    /// Its cells, as JSON.
    pub cells: String,
    /// Why it wasn't taken, as JSON.
    pub why: Option<String>,
}

/// How a part was taken.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    /// Joined,
    pub added: u64,
    /// known,
    pub known: u64,
    /// suppressed,
    pub suppressed: u64,
    /// left out,
    pub left_out: u64,
    /// no use.
    pub bad: u64,
}

/// Keeps a table without its rows. Gives its number.
pub async fn add(tx: &mut Tx, new: &NewUpload<'_>, now: Stamp) -> Result<i64> {
    let (head, size) = (
        to_json(new.head),
        i64::try_from(new.size).unwrap_or(i64::MAX),
    );
    Ok(run!(
        tx,
        ADD,
        query_scalar(new.list, new.file, head, new.mapping, new.by, now, size),
        fetch_one
    )?)
}

/// Keeps rows.
pub async fn add_rows(tx: &mut Tx, id: i64, rows: &[UploadRow]) -> Result<()> {
    let rows: Vec<_> = rows
        .iter()
        .map(|row| (row.line, &row.cells, &row.why))
        .collect();
    change!(tx, ADD_ROWS, (id, to_json(&rows)))?;
    Ok(())
}

/// The table with this number.
pub async fn find(tx: &mut Tx, id: i64) -> Result<Option<Upload>> {
    Ok(run!(tx, GET, query_as(id), fetch_optional)?)
}

/// At most so many tables for lists within reach, the newest first.
pub async fn newest(tx: &mut Tx, reach: &Reach, limit: i64) -> Result<Vec<Upload>> {
    let user = reach.user();
    Ok(run!(tx, NEWEST, query_as(limit, user), fetch_all)?)
}

/// A table that is being taken in.
pub async fn going(tx: &mut Tx) -> Result<Option<i64>> {
    Ok(run!(tx, GOING, query_scalar(), fetch_one)?)
}

/// Says which column is what. Says whether it still may be said.
pub async fn map(tx: &mut Tx, id: i64, mapping: &str) -> Result<bool> {
    Ok(change!(tx, MAP, (id, mapping))? > 0)
}

/// Begins to take it in. Says whether it hadn't begun.
pub async fn begin(tx: &mut Tx, id: i64, consent: &str) -> Result<bool> {
    Ok(change!(tx, BEGIN, (id, consent))? > 0)
}

/// Rows after a line that nobody looked after yet.
pub async fn rows(tx: &mut Tx, id: i64, after: i64, limit: i64) -> Result<Vec<UploadRow>> {
    Ok(run!(tx, ROWS, query_as(id, after, limit), fetch_all)?)
}

/// Rows after a line that weren't taken.
pub async fn left(tx: &mut Tx, id: i64, after: i64, limit: i64) -> Result<Vec<UploadRow>> {
    Ok(run!(tx, LEFT, query_as(id, after, limit), fetch_all)?)
}

/// Looks after the rows from after one line up to another: all go but `left`. Says whether nobody
/// else did.
pub async fn advance(
    tx: &mut Tx,
    id: i64,
    (after, to): (i64, i64),
    left: &[UploadRow],
) -> Result<bool> {
    if change!(tx, ADVANCE, (id, after, to))? == 0 {
        return Ok(false);
    }
    change!(tx, TAKE, (id, after, to))?;
    add_rows(tx, id, left).await?;
    Ok(true)
}

/// Adds to what it came to.
pub async fn count(tx: &mut Tx, id: i64, counts: Counts) -> Result<()> {
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let (added, known) = (number(counts.added), number(counts.known));
    let (suppressed, left_out) = (number(counts.suppressed), number(counts.left_out));
    change!(
        tx,
        COUNT,
        (id, added, known, suppressed, left_out, number(counts.bad))
    )?;
    Ok(())
}

/// Nothing is left to do. Says whether somebody else said so before.
pub async fn finish(tx: &mut Tx, id: i64) -> Result<bool> {
    Ok(change!(tx, FINISH, (id))? > 0)
}

/// Throws it away, unless it's being taken in.
pub async fn drop_one(tx: &mut Tx, id: i64) -> Result<bool> {
    Ok(change!(tx, DROP, (id))? > 0)
}

/// Throws away those that are older, unless they are being taken in.
pub async fn drop_old(tx: &mut Tx, before: Stamp) -> Result<()> {
    change!(tx, DROP_OLD, (before))?;
    Ok(())
}

/// Throws away every row that has this address in it.
pub async fn forget(tx: &mut Tx, email: &EmailAddress) -> Result<()> {
    change!(tx, FORGET, (email.key()))?;
    Ok(())
}
