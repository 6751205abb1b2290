//! The canary: a reader of our own, whose mailbox is looked into. If a digest that was due doesn't come
//! there in time, people may wait for theirs in vain, whatever mail servers said.
//!
//! What the ledger and the mailbox say goes in; lists that have fallen silent come out, each told of once:
//! to owners by letter, to programs that asked, in the log, in `/metrics` and on the console's first page.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use serde_json::json;

use crate::app::App;
use crate::audience::list::ListId;
use crate::clock::Stamp;
use crate::config;
use crate::delivery::inbox::Inbox;
use crate::delivery::inbox::NoInbox;
use crate::delivery::silence::Sent;
use crate::delivery::silence::Silence;
use crate::delivery::silence::Why;
use crate::delivery::silence::awaited;
use crate::delivery::silence::silences;
use crate::delivery::smtp::Trust;
use crate::letter::LetterId;
use crate::letter::LetterPurpose;
use crate::letter::compose;
use crate::store;
use crate::templates::letters::SilentList;
use crate::webhook::Event;

/// A digest older than this is looked for no more: the longest beat is a month.
const LOOK_BACK: TimeDelta = TimeDelta::days(40);
/// Letters that are looked at: two weeks of one an hour.
const MOST: i64 = 400;
/// How long a letter that tells of it is worth sending.
const WORTH: TimeDelta = TimeDelta::days(1);

/// Looks whether all that was due has come, and tells of what newly hasn't. Gives how many lists are
/// silent; none without a canary.
pub async fn look(app: &App, trust: &Trust) -> anyhow::Result<usize> {
    let (arrived, silent) = match &app.settings.mail.canary {
        Some(canary) => heard(app, canary, trust).await?,
        None => Default::default(),
    };
    settle(app, &arrived, &silent).await?;
    Ok(silent.len())
}

/// Letters that have come since the last look, and lists that are silent; none of either while the canary
/// isn't subscribed.
async fn heard(
    app: &App,
    canary: &config::Canary,
    trust: &Trust,
) -> store::Result<(BTreeSet<LetterId>, Vec<Silence>)> {
    let mut tx = app.db.read().await?;
    let Some(reader) = store::subscriber::find_by_email(&mut tx, &canary.address).await? else {
        return Ok(Default::default());
    };
    let now = app.now();
    let mut sent = store::canary::sent(&mut tx, reader.id, now - LOOK_BACK, MOST).await?;
    let overdue = store::canary::overdue(&mut tx, reader.id, now - canary.within).await?;
    drop(tx);
    let arrived = arrived(app, canary, &sent, trust).await;
    let is_blind = arrived.is_err();
    let arrived = arrived.unwrap_or_else(|problem| {
        tracing::error!(problem = problem.to_string(), "canary.blind");
        BTreeSet::new()
    });
    for letter in &mut sent {
        letter.is_seen |= arrived.contains(&letter.letter);
    }
    let due = |(list, since): (ListId, Stamp)| Silence {
        list,
        digest: None,
        why: Why::Due,
        since,
    };
    let mut silent: Vec<Silence> = overdue.into_iter().map(due).collect();
    for silence in silences(&sent, now - canary.within, is_blind) {
        if !silent.iter().any(|known| known.list == silence.list) {
            silent.push(silence);
        }
    }
    Ok((arrived, silent))
}

/// Whether the canary's mailbox can be looked into.
pub async fn open(canary: &config::Canary) -> anyhow::Result<()> {
    let trust = Trust::native()?;
    Inbox::open(canary.mailbox.expose(), &trust)
        .await?
        .close()
        .await;
    Ok(())
}

/// A silence for people to read.
pub fn shown(app: &App, (silence, list): (Silence, String)) -> SilentList {
    let zone = app.settings.site.zone;
    let digest = silence.digest.map(|id| format!("/digests/{}", id.0));
    SilentList {
        list,
        why: silence.why,
        since: silence.since.utc().with_timezone(&zone).fixed_offset(),
        url: app.url(&format!("/admin{}", digest.unwrap_or_default())),
    }
}

/// Letters that are awaited, as far as they're in the mailbox by now.
async fn arrived(
    app: &App,
    canary: &config::Canary,
    sent: &[Sent],
    trust: &Trust,
) -> Result<BTreeSet<LetterId>, NoInbox> {
    let awaited = awaited(sent);
    let mut arrived = BTreeSet::new();
    if awaited.is_empty() {
        return Ok(arrived);
    }
    let mut inbox = Inbox::open(canary.mailbox.expose(), trust).await?;
    for letter in awaited {
        let id = compose::local_id(LetterPurpose::Digest, letter, &app.secret);
        if inbox.has(&format!("{id}@")).await? {
            arrived.insert(letter);
        }
    }
    inbox.close().await;
    Ok(arrived)
}

/// Writes down what has come, which lists are silent and which aren't any more, and tells of the new.
async fn settle(app: &App, arrived: &BTreeSet<LetterId>, silent: &[Silence]) -> store::Result<()> {
    let now = app.now();
    let known = store::canary::at(&mut app.db.read().await?, now).await?;
    let is_known = |list| known.iter().any(|(known, _)| known.list == list);
    let is_silent = |list| silent.iter().any(|silence| silence.list == list);
    if arrived.is_empty()
        && silent.iter().all(|silence| is_known(silence.list))
        && known.iter().all(|(silence, _)| is_silent(silence.list))
    {
        return Ok(());
    }
    let mut tx = app.db.begin().await?;
    for letter in arrived {
        store::canary::see(&mut tx, *letter, now).await?;
    }
    for (silence, _) in known.iter().filter(|(known, _)| !is_silent(known.list)) {
        store::canary::end(&mut tx, silence.list, now).await?;
        tracing::info!(list = silence.list.0, "canary.heard");
    }
    let mut is_news = false;
    for silence in silent {
        if !store::canary::begin(&mut tx, silence, now).await? {
            continue;
        }
        is_news = true;
        let (list, why) = (silence.list, silence.why.as_str());
        let digest = silence.digest.map(|id| id.0);
        tracing::error!(list = list.0, digest, why, "canary.silent");
        let list = store::list::get(&mut tx, list).await?;
        let about = json!({
            "list": list.slug, "digest": digest, "why": why, "since": silence.since,
        });
        store::webhook::tell(&mut tx, Event::Silent, &about, now).await?;
    }
    if is_news {
        let purpose = LetterPurpose::Silence;
        store::letter::add_for_owners(&mut tx, purpose, now, now + WORTH).await?;
    }
    tx.commit().await?;
    if is_news {
        app.letters_waiting.notify_one();
    }
    Ok(())
}
