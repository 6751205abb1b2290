//! From a rhythm that's due to letters in the queue.
//!
//! Two steps, each of which may be cut short anywhere and done again: cutting (a digest row with
//! its last seq, one for each list, cadence and period) and planning (for each group of readers
//! that get the same, an edition, and then letters and cursors moved together, chunk by chunk). The
//! planner asks who is yet to be planned; whoever has their letter has their cursor moved, and
//! isn't on that list any more.

use anyhow::Context;
use chrono::TimeDelta;

use crate::app::App;
use crate::article::Article;
use crate::article::ArticleId;
use crate::article::Seq;
use crate::audience::list::Cadence;
use crate::audience::list::Candidate;
use crate::audience::list::List;
use crate::audience::list::Review;
use crate::audience::subscription::Rhythm;
use crate::digest::Digest;
use crate::digest::DigestId;
use crate::digest::DigestState;
use crate::digest::EditionId;
use crate::digest::edition;
use crate::digest::window;
use crate::locale::Language;
use crate::store;
use crate::store::Tx;
use crate::store::edition::Edition;
use crate::store::plan::Group;
use crate::templates::Rendered;
use crate::templates::cards::ArticleCard;
use crate::templates::letters;
use crate::templates::letters::Reader;

/// Readers planned in one transaction: short enough that no one waits for the writer.
const CHUNK: i64 = 5_000;
/// How long a digest is worth sending.
const WORTH_SENDING: TimeDelta = TimeDelta::hours(48);
/// Articles that one letter shows at most; the rest is a link. A letter too long for mail programs
/// shows fewer.
const ARTICLES: usize = 100;

/// Everything that's due: cuts digests and plans their letters. Gives the number of letters queued.
///
/// # Errors
/// The first of them, when everything else has been done: one list's trouble is no other's.
pub async fn compile_due(app: &App) -> anyhow::Result<u64> {
    let mut failed = None;
    for rhythm in store::rhythm::due(&mut app.db.read().await?, app.now()).await? {
        if let Err(problem) = cut(app, &rhythm).await {
            tracing::error!(
                list = rhythm.list_id.0,
                problem = format!("{problem:#}"),
                "digest.not_cut"
            );
            failed.get_or_insert(problem);
        }
    }
    let mut queued = 0;
    for id in store::digest::in_planning(&mut app.db.read().await?).await? {
        match plan(app, id).await {
            Ok(letters) => queued += letters,
            Err(problem) => {
                tracing::error!(
                    digest = id.0,
                    problem = format!("{problem:#}"),
                    "digest.not_planned"
                );
                failed.get_or_insert(problem);
            }
        }
    }
    failed.map_or(Ok(queued), Err)
}

/// Cuts the digest of a rhythm that's due, and sets its alarm. After a long silence that is one
/// digest.
async fn cut(app: &App, rhythm: &Rhythm) -> anyhow::Result<()> {
    let now = app.now();
    let mut tx = app.db.begin().await?;
    let newest = store::counter::last_seq(&mut tx).await?;
    if rhythm.cadence == Cadence::Immediate
        && !store::rhythm::waits(&mut tx, rhythm.id, newest).await?
    {
        return Ok(());
    }
    let beat = (rhythm.cadence, rhythm.hour, rhythm.zone);
    if !store::rhythm::claim(&mut tx, rhythm, window::next_beat(beat, now)).await? {
        return Ok(());
    }
    let list = store::list::get(&mut tx, rhythm.list_id).await?;
    let state = match list.review {
        Review::Auto => DigestState::Planning,
        Review::Hold => DigestState::Held,
    };
    let key = window::period_key(beat, now);
    let about = (rhythm.list_id, rhythm.cadence);
    let digest = store::digest::cut(&mut tx, about, &key, Some(rhythm.id), state, now).await?;
    tx.commit().await?;
    if let Some(id) = digest {
        tracing::info!(
            digest = id.0,
            list = rhythm.list_id.0,
            period = key,
            "digest.cut"
        );
    }
    Ok(())
}

/// Cuts and plans a digest now for every active subscription of a cadence, whatever its hour, and
/// whether or not this period has one.
pub async fn run_now(app: &App, list: &List, cadence: Cadence) -> anyhow::Result<(DigestId, u64)> {
    let now = app.now();
    let mut tx = app.db.begin().await?;
    // Two runs within one millisecond are one.
    let key = format!("run {now}");
    let cut = store::digest::cut(
        &mut tx,
        (list.id, cadence),
        &key,
        None,
        DigestState::Planning,
        now,
    )
    .await?;
    tx.commit().await?;
    let id = cut.with_context(|| {
        format!(
            "expected one run of `{}` at a time, but another has just begun",
            list.slug
        )
    })?;
    Ok((id, plan(app, id).await?))
}

/// Queues the letters of a digest that are yet to be queued, if it's in planning. Gives how many.
pub async fn plan(app: &App, id: DigestId) -> anyhow::Result<u64> {
    let mut queued = 0;
    while let Some(digest) = in_planning(app, id).await? {
        let mut tx = app.db.read().await?;
        let list = store::list::get(&mut tx, digest.list_id).await?;
        let groups = store::plan::groups(&mut tx, &digest).await?;
        if groups.is_empty() {
            drop(tx);
            change_state(app, id, DigestState::Planning, DigestState::Planned).await?;
            tracing::info!(digest = id.0, letters = queued, "digest.planned");
            break;
        }
        let first = groups
            .iter()
            .map(|group| group.cursor)
            .min()
            .unwrap_or(digest.to_seq);
        let candidates = store::article::candidates(&mut tx, first, digest.to_seq).await?;
        drop(tx);
        for group in &groups {
            queued += plan_group(app, &digest, &list, group, &candidates).await?;
        }
    }
    app.letters_waiting.notify_one();
    Ok(queued)
}

/// The digest, unless it's held, planned or cancelled.
async fn in_planning(app: &App, id: DigestId) -> store::Result<Option<Digest>> {
    let digest = store::digest::find(&mut app.db.read().await?, id).await?;
    Ok(digest.filter(|digest| digest.state == DigestState::Planning))
}

async fn plan_group(
    app: &App,
    digest: &Digest,
    list: &List,
    group: &Group,
    candidates: &[Candidate],
) -> anyhow::Result<u64> {
    let articles = window::articles(candidates, list, &group.topics, group.cursor);
    let edition = match articles.as_slice() {
        [] => None,
        articles => Some(keep_edition(app, digest, list, group.language, articles).await?),
    };
    let mut queued = 0;
    loop {
        let now = app.now();
        let mut tx = app.db.begin().await?;
        let times = (CHUNK, now, now + WORTH_SENDING);
        let planned = store::plan::chunk(&mut tx, digest, group, edition, times).await?;
        tx.commit().await?;
        match planned {
            Some(letters) => queued += letters,
            None => return Ok(queued),
        }
    }
}

/// Rendered before the writer is taken, so that nobody waits for it.
async fn keep_edition(
    app: &App,
    digest: &Digest,
    list: &List,
    language: Language,
    ids: &[ArticleId],
) -> anyhow::Result<EditionId> {
    let mut tx = app.db.read().await?;
    if let Some(id) = store::edition::find_made(&mut tx, digest.id, language, ids).await? {
        return Ok(id);
    }
    let rendered = render(app, &mut tx, digest, list, language, ids).await?;
    drop(tx);
    let new = Edition {
        id: EditionId(0),
        digest_id: digest.id,
        language,
        articles: ids.to_vec(),
        subject: rendered.subject,
        html: rendered.html,
        text: rendered.text,
        made_at: app.now(),
    };
    let mut tx = app.db.begin().await?;
    store::plan::hold(&mut tx, digest.id).await?;
    if let Some(id) = store::edition::find_made(&mut tx, digest.id, language, ids).await? {
        return Ok(id);
    }
    let id = store::edition::add(&mut tx, &new).await?;
    tx.commit().await?;
    Ok(id)
}

/// An edition with its marks: as many articles as a letter takes, the newest, and how many more
/// there are.
async fn render(
    app: &App,
    tx: &mut Tx,
    digest: &Digest,
    list: &List,
    language: Language,
    ids: &[ArticleId],
) -> anyhow::Result<Rendered> {
    let newest: Vec<ArticleId> = ids.iter().copied().take(ARTICLES).collect();
    let articles = store::article::some(tx, &newest).await?;
    let more = ids.len() - articles.len();
    let letter = letter(app, list, digest, &articles, more);
    let rendered = app.templates.letter(&letter, &app.site, language);
    rendered.with_context(|| format!("the digest of `{}` can't be written", list.slug))
}

fn letter(
    app: &App,
    list: &List,
    digest: &Digest,
    articles: &[Article],
    more: usize,
) -> letters::Digest {
    let cards: Vec<ArticleCard> = articles
        .iter()
        .map(|article| ArticleCard::of(article, &app.settings.base_url, list.zone))
        .collect();
    let days = || {
        articles
            .iter()
            .map(|article| article.date().with_timezone(&list.zone).date_naive())
    };
    letters::Digest {
        list: list.name.clone(),
        cadence: digest.cadence,
        first: days().min().unwrap_or_default(),
        last: days().max().unwrap_or_default(),
        articles: cards,
        more,
        web_url: app.url(&web_path(list, digest)),
        reader: Reader {
            leave_url: edition::LEAVE.to_owned(),
            preferences_url: edition::PREFERENCES.to_owned(),
            address: edition::ADDRESS.to_owned(),
        },
    }
}

/// The digest's own page in the archive; a preview has none.
fn web_path(list: &List, digest: &Digest) -> String {
    match digest.id {
        DigestId(0) => format!("/lists/{}", list.slug),
        id => format!("/archive/{}/{}", list.slug, id.0),
    }
}

/// What a digest of this list would hold now for these choices, with nothing stored.
pub async fn preview(
    app: &App,
    list: &List,
    cadence: Cadence,
    language: Language,
    (topics, after): (&crate::audience::subscription::TopicChoice, Seq),
) -> anyhow::Result<Option<Rendered>> {
    let mut tx = app.db.read().await?;
    let to = store::counter::last_seq(&mut tx).await?;
    let candidates = store::article::candidates(&mut tx, after, to).await?;
    let ids = window::articles(&candidates, list, topics, after);
    if ids.is_empty() {
        return Ok(None);
    }
    let digest = Digest {
        id: DigestId(0),
        list_id: list.id,
        cadence,
        period_key: String::new(),
        rhythm_id: None,
        to_seq: to,
        cut_at: app.now(),
        state: DigestState::Planning,
    };
    Ok(Some(
        render(app, &mut tx, &digest, list, language, &ids).await?,
    ))
}

/// Stops a digest before its letters are made, until it's released. False if they are made already.
pub async fn hold(app: &App, id: DigestId) -> anyhow::Result<bool> {
    change_state(app, id, DigestState::Planning, DigestState::Held).await
}

/// Lets a held digest go out. False if it isn't held.
pub async fn release(app: &App, id: DigestId) -> anyhow::Result<bool> {
    change_state(app, id, DigestState::Held, DigestState::Planning).await
}

async fn change_state(
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

/// Stops a digest: no letter of it whose hand-over hasn't begun goes out. Gives how many were
/// stopped, or `None` if there's no such digest.
pub async fn cancel(app: &App, id: DigestId) -> anyhow::Result<Option<u64>> {
    let mut tx = app.db.begin().await?;
    let Some(digest) = store::digest::find(&mut tx, id).await? else {
        return Ok(None);
    };
    store::digest::set_state(&mut tx, id, digest.state, DigestState::Cancelled).await?;
    let stopped = store::digest::cancel_letters(&mut tx, id, app.now()).await?;
    tx.commit().await?;
    Ok(Some(stopped))
}
