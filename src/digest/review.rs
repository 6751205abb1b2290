//! What people do with a digest: look at it, arrange it, hold it, let it go, stop it; and call an
//! article critical.
//!
//! Whatever is stopped before its hand-over begins goes back to its readers: it comes with their
//! next digest.

use anyhow::Context;
use chrono::TimeDelta;

use crate::app::App;
use crate::article::Article;
use crate::article::ArticleId;
use crate::audience::list::Cadence;
use crate::audience::list::List;
use crate::audience::list::ListId;
use crate::audience::pace::Silence;
use crate::clock::Stamp;
use crate::digest::Digest;
use crate::digest::DigestId;
use crate::digest::DigestState;
use crate::digest::alarm::Alarm;
use crate::digest::compile;
use crate::letter::LetterPurpose;
use crate::store;
use crate::store::Tx;
use crate::store::digest::NewDigest;

/// How long an alarm is worth sending.
const WORTH_AN_ALARM: TimeDelta = TimeDelta::days(2);
/// Characters of an introduction.
pub const MOST_INTRODUCTION: usize = 4_000;

/// Queues the letter that asks for a review, to everybody who may decide.
pub(super) async fn ask(
    tx: &mut Tx,
    id: DigestId,
    now: Stamp,
    deadline: Stamp,
) -> store::Result<()> {
    store::letter::add_for_editors(tx, LetterPurpose::Review, id, now, deadline).await?;
    Ok(())
}

/// Held digests whose time for review is over go out or wait on, as their lists say.
pub(super) async fn end_reviews(app: &App) -> anyhow::Result<()> {
    let over = store::digest::reviewed(&mut app.db.read().await?, app.now()).await?;
    for id in over {
        let mut tx = app.db.begin().await?;
        let Some(digest) = store::digest::find(&mut tx, id).await? else {
            continue;
        };
        let list = store::list::get(&mut tx, digest.list_id).await?;
        store::digest::end_review(&mut tx, id).await?;
        if list.pace.silence == Silence::Send {
            let (held, planning) = (DigestState::Held, DigestState::Planning);
            store::digest::set_state(&mut tx, id, held, planning).await?;
        }
        tx.commit().await?;
        let silence = list.pace.silence.as_str();
        tracing::info!(digest = id.0, silence, "review.over");
    }
    Ok(())
}

/// Stops a digest until it's released: letters that aren't made aren't made, and those whose
/// hand-over hasn't begun wait. Gives how many wait, or `None` if it's held or cancelled already.
pub async fn hold(app: &App, id: DigestId) -> anyhow::Result<Option<u64>> {
    let mut tx = app.db.begin().await?;
    let waiting = stop(&mut tx, id).await?;
    tx.commit().await?;
    Ok(waiting)
}

async fn stop(tx: &mut Tx, id: DigestId) -> store::Result<Option<u64>> {
    let held = DigestState::Held;
    let stopped = store::digest::set_state(tx, id, DigestState::Planning, held).await?
        || store::digest::set_state(tx, id, DigestState::Planned, held).await?;
    if !stopped {
        return Ok(None);
    }
    store::digest::end_review(tx, id).await?;
    Ok(Some(store::letter::pause(tx, id).await?))
}

/// Stops a digest because of what came back of it, and tells everybody who may decide; once a
/// digest. One that has gone whole is only told of.
pub async fn stop_in_alarm(
    tx: &mut Tx,
    digest: &Digest,
    alarm: Alarm,
    now: Stamp,
) -> store::Result<()> {
    let id = digest.id;
    let goes = digest.state == DigestState::Planning || store::letter::waits(tx, id).await?;
    let stopped = if goes { stop(tx, id).await? } else { None };
    let stopped = stopped.unwrap_or_default();
    let alarm = Alarm { stopped, ..alarm };
    if !store::digest::set_alarm(tx, id, &alarm).await? {
        return Ok(());
    }
    tracing::error!(
        digest = id.0,
        why = ?alarm.why,
        reports = alarm.reports,
        letters = alarm.letters,
        stopped,
        "digest.alarm"
    );
    let deadline = now + WORTH_AN_ALARM;
    store::letter::add_for_editors(tx, LetterPurpose::Alarm, id, now, deadline).await?;
    Ok(())
}

/// Lets a held digest go out. False if it isn't held.
pub async fn release(app: &App, id: DigestId) -> anyhow::Result<bool> {
    let mut tx = app.db.begin().await?;
    let (held, planning) = (DigestState::Held, DigestState::Planning);
    let released = store::digest::set_state(&mut tx, id, held, planning).await?;
    if released {
        store::letter::resume(&mut tx, id, app.now()).await?;
    }
    tx.commit().await?;
    app.letters_waiting.notify_one();
    Ok(released)
}

pub(super) async fn change_state(
    app: &App,
    id: DigestId,
    from: DigestState,
    to: DigestState,
) -> anyhow::Result<bool> {
    let mut tx = app.db.begin().await?;
    let changed = store::digest::set_state(&mut tx, id, from, to).await?;
    tx.commit().await?;
    Ok(changed)
}

/// Stops a digest: no letter of it whose hand-over hasn't begun goes out, and its articles come
/// with the next. Gives how many were stopped, or `None` if there's no such digest.
pub async fn cancel(app: &App, id: DigestId) -> anyhow::Result<Option<u64>> {
    let mut tx = app.db.begin().await?;
    let Some(digest) = store::digest::find(&mut tx, id).await? else {
        return Ok(None);
    };
    store::digest::set_state(&mut tx, id, digest.state, DigestState::Cancelled).await?;
    let stopped = store::owed::cancel(&mut tx, id, app.now()).await?;
    tx.commit().await?;
    Ok(Some(stopped))
}

/// Skips a held digest: its readers are served up to its end, without a letter. Gives false if it
/// isn't held, or letters of it are made already.
pub async fn skip(app: &App, id: DigestId) -> anyhow::Result<bool> {
    let Some(digest) = store::digest::find(&mut app.db.read().await?, id).await? else {
        return Ok(false);
    };
    let list = store::list::get(&mut app.db.read().await?, digest.list_id).await?;
    let (kept, dropped) = super::render::articles(app, &digest, &list).await?;
    let ids = |articles: Vec<Article>| articles.into_iter().map(|article| article.id);
    let all = Digest {
        dropped: ids(kept).chain(ids(dropped)).collect(),
        ..digest
    };
    if !arrange(app, &all).await? || !release(app, id).await? {
        return Ok(false);
    }
    compile::plan(app, id).await?;
    Ok(true)
}

/// Keeps a held digest's introduction, order and what is dropped. False if it isn't held, or letters
/// of it are made already.
pub async fn arrange(app: &App, digest: &Digest) -> anyhow::Result<bool> {
    let mut tx = app.db.begin().await?;
    let kept = store::digest::arrange(&mut tx, digest).await?;
    tx.commit().await?;
    Ok(kept)
}

/// What came of calling an article critical.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Called {
    /// It waits for another person.
    Asked,
    /// It goes out: as this digest, to so many readers.
    Sent(DigestId, u64),
    /// The same person can't be the second.
    SamePerson,
    /// It went out already.
    Known,
}

/// Calls an article critical for a list, or, if another person did, approves and sends it at once.
pub async fn call_critical(
    app: &App,
    list: &List,
    article: ArticleId,
    by: &str,
) -> anyhow::Result<Called> {
    let now = app.now();
    let about = (article, list.id);
    let mut tx = app.db.begin().await?;
    if store::critical::ask(&mut tx, about, by, now).await? {
        tx.commit().await?;
        return Ok(Called::Asked);
    }
    if !store::critical::approve(&mut tx, about, by, now).await? {
        let found = store::critical::find(&mut tx, about).await?;
        let approved = found.is_some_and(|found| found.approved_by.is_some());
        return Ok(if approved {
            Called::Known
        } else {
            Called::SamePerson
        });
    }
    let found = store::article::find(&mut tx, article).await?;
    let (article, _) = found.context("the article is gone")?;
    let new = NewDigest {
        list_id: list.id,
        cadence: Cadence::Immediate,
        period_key: &format!("critical article {}", article.id),
        rhythm_id: None,
        state: DigestState::Planning,
        not_after: now + list.pace.worth(),
        review_until: None,
        critical: Some(article.seq),
    };
    let id = store::digest::cut(&mut tx, &new, now).await?;
    let id = id.context("the article went out already")?;
    store::critical::sent(&mut tx, about, id).await?;
    tx.commit().await?;
    let letters = compile::plan(app, id).await?;
    Ok(Called::Sent(id, letters))
}

/// Takes back what was called critical and isn't approved. False if there is nothing to take back.
pub async fn recall(app: &App, article: ArticleId, list: ListId) -> anyhow::Result<bool> {
    let mut tx = app.db.begin().await?;
    let recalled = store::critical::refuse(&mut tx, (article, list)).await?;
    tx.commit().await?;
    Ok(recalled)
}
