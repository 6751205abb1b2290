//! Many readers at once: a batch of a file in a few statements, never a row at a time.

use serde::Serialize;

use crate::audience::SubscriberId;
use crate::audience::list::ListId;
use crate::audience::subscription::RhythmId;
use crate::clock::Stamp;
use crate::store::Result;
use crate::store::Sql;
use crate::store::Tx;
use crate::store::change;
use crate::store::run;
use crate::store::statements;
use crate::store::to_json;

statements! {
    /// Whoever is there keeps what they chose; whoever mustn't be written to doesn't come in.
    SUBSCRIBERS = Sql {
        sqlite:
        "INSERT INTO subscriber (email, email_key, address_mac, name, language, zone, state, created_at)
         SELECT value ->> '$[0]', value ->> '$[1]', value ->> '$[2]', value ->> '$[3]', value ->> '$[4]', value ->> '$[5]',
                'confirmed', $2
         FROM json_each($1)
         WHERE NOT EXISTS (SELECT 1 FROM suppression x WHERE x.address_mac = value ->> '$[2]')
         ON CONFLICT (email_key) DO NOTHING",
        postgres:
        "INSERT INTO subscriber (email, email_key, address_mac, name, language, zone, state, created_at)
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, 'confirmed', $2
         FROM json_array_elements(CAST($1 AS JSON)) AS line (value)
         WHERE NOT EXISTS (SELECT 1 FROM suppression x WHERE x.address_mac = value ->> 2)
         ON CONFLICT (email_key) DO NOTHING",
    };
    /// Only who has never had the list, or asked and didn't answer, begins: with what comes next.
    SUBSCRIPTIONS = Sql {
        sqlite:
        "INSERT INTO subscription (subscriber_id, list_id, rhythm_id, topics_key, cursor_seq, state, asked_at, active_at)
         SELECT r.id, $2, value ->> '$[6]', value ->> '$[7]', (SELECT value FROM counter WHERE name = 'article'),
                'active', $3, $3
         FROM json_each($1) CROSS JOIN subscriber r ON r.email_key = value ->> '$[1]'
         WHERE NOT EXISTS (SELECT 1 FROM suppression x WHERE x.address_mac = r.address_mac)
         ON CONFLICT (subscriber_id, list_id) DO UPDATE SET rhythm_id = excluded.rhythm_id,
           topics_key = excluded.topics_key, cursor_seq = excluded.cursor_seq, state = 'active', active_at = excluded.active_at
           WHERE subscription.state = 'asked'
         RETURNING subscriber_id",
        postgres:
        "INSERT INTO subscription (subscriber_id, list_id, rhythm_id, topics_key, cursor_seq, state, asked_at, active_at)
         SELECT r.id, $2, CAST(line.value ->> 6 AS BIGINT), line.value ->> 7,
                (SELECT c.value FROM counter c WHERE c.name = 'article'), 'active', $3, $3
         FROM json_array_elements(CAST($1 AS JSON)) AS line (value) JOIN subscriber r ON r.email_key = line.value ->> 1
         WHERE NOT EXISTS (SELECT 1 FROM suppression x WHERE x.address_mac = r.address_mac)
         ON CONFLICT (subscriber_id, list_id) DO UPDATE SET rhythm_id = excluded.rhythm_id,
           topics_key = excluded.topics_key, cursor_seq = excluded.cursor_seq, state = 'active', active_at = excluded.active_at
           WHERE subscription.state = 'asked'
         RETURNING subscriber_id",
    };
    /// Whom a batch would have begin, by the rules of the two above.
    COUNT_NEW = Sql {
        sqlite:
        "SELECT COUNT(*) FROM json_each($1)
         WHERE NOT EXISTS (SELECT 1 FROM suppression x WHERE x.address_mac = value ->> '$[2]')
           AND NOT EXISTS (SELECT 1 FROM subscriber r JOIN subscription s ON s.subscriber_id = r.id AND s.list_id = $2
                           WHERE r.email_key = value ->> '$[1]' AND s.state <> 'asked')",
        postgres:
        "SELECT COUNT(*) FROM json_array_elements(CAST($1 AS JSON)) AS line (value)
         WHERE NOT EXISTS (SELECT 1 FROM suppression x WHERE x.address_mac = line.value ->> 2)
           AND NOT EXISTS (SELECT 1 FROM subscriber r JOIN subscription s ON s.subscriber_id = r.id AND s.list_id = $2
                           WHERE r.email_key = line.value ->> 1 AND s.state <> 'asked')",
    };
    CONFIRM = Sql {
        sqlite:
        "UPDATE subscriber SET state = 'confirmed'
         WHERE state = 'asked' AND id IN (SELECT value FROM json_each($1))",
        postgres:
        "UPDATE subscriber SET state = 'confirmed'
         WHERE state = 'asked' AND id IN (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST($1 AS JSON)))",
    };
    /// By what is claimed of each. The `+` keeps SQLite from walking all of the ids for every line.
    CONSENTS = Sql {
        sqlite:
        "INSERT INTO consent (subscriber_id, list_id, act, at, origin, wording)
         SELECT r.id, $3, 'given', $4, line.value ->> '$[8]', $5
         FROM json_each($1) AS line CROSS JOIN subscriber r ON r.email_key = line.value ->> '$[1]'
         WHERE +r.id IN (SELECT value FROM json_each($2))",
        postgres:
        "INSERT INTO consent (subscriber_id, list_id, act, at, origin, wording)
         SELECT r.id, $3, 'given', $4, line.value ->> 8, $5
         FROM json_array_elements(CAST($1 AS JSON)) AS line (value) JOIN subscriber r ON r.email_key = line.value ->> 1
         WHERE r.id IN (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST($2 AS JSON)))",
    };
    /// Whoever confirmed here says so themselves: no other program's word is against them.
    SUPPRESS = Sql {
        sqlite:
        "INSERT INTO suppression (address_mac, reason, at)
         SELECT value ->> '$[1]', value ->> '$[2]', $2 FROM json_each($1)
         WHERE NOT EXISTS (SELECT 1 FROM subscriber r WHERE r.email_key = value ->> '$[0]' AND r.state = 'confirmed')
         ON CONFLICT (address_mac) DO NOTHING",
        postgres:
        "INSERT INTO suppression (address_mac, reason, at)
         SELECT value ->> 1, value ->> 2, $2 FROM json_array_elements(CAST($1 AS JSON)) AS line (value)
         WHERE NOT EXISTS (SELECT 1 FROM subscriber r WHERE r.email_key = value ->> 0 AND r.state = 'confirmed')
         ON CONFLICT (address_mac) DO NOTHING",
    };
    /// Whom the above would have written to no more.
    COUNT_GONE = Sql {
        sqlite:
        "SELECT COUNT(*) FROM json_each($1)
         WHERE NOT EXISTS (SELECT 1 FROM subscriber r WHERE r.email_key = value ->> '$[0]' AND r.state = 'confirmed')
           AND NOT EXISTS (SELECT 1 FROM suppression x WHERE x.address_mac = value ->> '$[1]')",
        postgres:
        "SELECT COUNT(*) FROM json_array_elements(CAST($1 AS JSON)) AS line (value)
         WHERE NOT EXISTS (SELECT 1 FROM subscriber r WHERE r.email_key = line.value ->> 0 AND r.state = 'confirmed')
           AND NOT EXISTS (SELECT 1 FROM suppression x WHERE x.address_mac = line.value ->> 1)",
    };
}

/// One reader of a batch. No address comes twice in a batch.
#[derive(Debug, Clone, Serialize)]
pub struct Line(
    /// The address,
    pub String,
    /// its key,
    pub String,
    /// its keyed hash.
    pub String,
    /// The name, may be empty.
    pub String,
    /// The language,
    pub &'static str,
    /// and the zone.
    pub &'static str,
    /// When it comes.
    pub RhythmId,
    /// About what.
    pub String,
    /// Where they come from, with what is claimed of when and where they subscribed.
    pub String,
);

/// An address that isn't written to from now on. None comes twice in a batch.
#[derive(Debug, Clone, Serialize)]
pub struct Gone(
    /// The address's key,
    pub String,
    /// its keyed hash,
    pub String,
    /// and the reason.
    pub &'static str,
);

/// How many of a batch would have the list who haven't. Changes nothing.
pub async fn count_new(tx: &mut Tx, list: ListId, lines: &[Line]) -> Result<u64> {
    let json = to_json(lines);
    let new: i64 = run!(tx, COUNT_NEW, query_scalar(&json, list), fetch_one)?;
    Ok(new.unsigned_abs())
}

/// How many of a batch wouldn't be written to any more. Changes nothing.
pub async fn count_gone(tx: &mut Tx, gone: &[Gone]) -> Result<u64> {
    let json = to_json(gone);
    let count: i64 = run!(tx, COUNT_GONE, query_scalar(&json), fetch_one)?;
    Ok(count.unsigned_abs())
}

/// Writes to nobody of a batch any more, but to who confirmed here. Gives how many there are.
pub async fn suppress(tx: &mut Tx, gone: &[Gone], now: Stamp) -> Result<u64> {
    if gone.is_empty() {
        return Ok(0);
    }
    Ok(change!(tx, SUPPRESS, (to_json(gone), now))?)
}

/// Takes a batch in. Gives how many have the list now who hadn't.
pub async fn batch(
    tx: &mut Tx,
    list: ListId,
    lines: &[Line],
    wording: &str,
    now: Stamp,
) -> Result<u64> {
    if lines.is_empty() {
        return Ok(0);
    }
    let json = to_json(lines);
    change!(tx, SUBSCRIBERS, (&json, now))?;
    let joined: Vec<SubscriberId> =
        run!(tx, SUBSCRIPTIONS, query_scalar(&json, list, now), fetch_all)?;
    let ids = to_json(&joined);
    change!(tx, CONFIRM, (&ids))?;
    change!(tx, CONSENTS, (&json, &ids, list, now, wording))?;
    Ok(u64::try_from(joined.len()).unwrap_or_default())
}
