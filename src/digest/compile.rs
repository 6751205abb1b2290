//! From a rhythm that's due to letters in the queue.
//!
//! Two steps, each of which may be cut short anywhere and done again: cutting (a digest row with
//! its last seq, one for each list, cadence and period) and planning (for each group of readers
//! that get the same, an edition, and then letters and cursors moved together, chunk by chunk: many
//! groups at once where they are a good part of the list, and whoever is left a group at a time). The
//! planner asks who is yet to be planned; whoever has their letter has their cursor moved, and
//! isn't on that list any more.

use crate::app::App;
use crate::article::ArticleId;
use crate::audience::list::Cadence;
use crate::audience::list::Candidate;
use crate::audience::list::List;
use crate::audience::list::Review;
use crate::audience::subscription::Rhythm;
use crate::audience::subscription::RhythmId;
use crate::audience::subscription::SubscriptionId;
use crate::clock::Stamp;
use crate::digest::Digest;
use crate::digest::DigestId;
use crate::digest::DigestState;
use crate::digest::EditionId;
use crate::digest::render;
use crate::digest::review;
use crate::digest::window;
use crate::digest::window::Served;
use crate::store;
use crate::store::Tx;
use crate::store::digest::NewDigest;
use crate::store::plan::Group;

/// Readers planned in one transaction: short enough that no one waits for the writer.
const CHUNK: i64 = 5_000;

/// One reader in so many of a list is a good part of it: looking at a reader costs about so much less
/// than planning for them.
const GOOD_PART: i64 = 8;

/// Everything that's due: cuts digests and plans their letters. Gives the number of letters queued.
///
/// # Errors
/// The first of them, when everything else has been done: one list's trouble is no other's.
pub async fn compile_due(app: &App) -> anyhow::Result<u64> {
    let mut failed = None;
    wind_back(app).await?;
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
    review::end_reviews(app).await?;
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

/// Sets alarms and letters right that a clock which ran ahead has put off: nobody waits a year for
/// it.
async fn wind_back(app: &App) -> anyhow::Result<()> {
    let now = app.now();
    let mut tx = app.db.read().await?;
    let astray = store::rhythm::astray(&mut tx, now).await?;
    let put_off = store::letter::is_put_off(&mut tx, now).await?;
    drop(tx);
    if astray.is_empty() && !put_off {
        return Ok(());
    }
    tracing::warn!(rhythms = astray.len(), "clock.ran_ahead");
    let mut tx = app.db.begin().await?;
    store::letter::wind_back(&mut tx, now).await?;
    for rhythm in astray {
        let list = store::list::get(&mut tx, rhythm.list_id).await?;
        let next = window::next_beat(rhythm.beat(), list.pace.gathering(), now);
        store::rhythm::claim(&mut tx, &rhythm, next).await?;
    }
    tx.commit().await?;
    Ok(())
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
    let list = store::list::get(&mut tx, rhythm.list_id).await?;
    let next = window::next_beat(rhythm.beat(), list.pace.gathering(), now);
    if !store::rhythm::claim(&mut tx, rhythm, next).await? {
        return Ok(());
    }
    let key = window::period_key(rhythm.beat(), now);
    let whose = (rhythm.cadence, Some(rhythm.id));
    let digest = open(&mut tx, &list, whose, &key, now).await?;
    tx.commit().await?;
    if let Some(id) = digest {
        tracing::info!(digest = id.0, list = list.id.0, period = key, "digest.cut");
        app.letters_waiting.notify_one();
    }
    Ok(())
}

/// Opens a digest of everybody in a cadence, or in one rhythm of it; for review, where its list wants that.
/// `None` if this period has one.
async fn open(
    tx: &mut Tx,
    list: &List,
    (cadence, rhythm_id): (Cadence, Option<RhythmId>),
    period_key: &str,
    now: Stamp,
) -> anyhow::Result<Option<DigestId>> {
    let newest = store::counter::last_seq(tx).await?;
    let unsaved = Digest {
        rhythm_id,
        ..render::unsaved(list, cadence, newest, now)
    };
    let held = list.review == Review::Hold && has_news(tx, list, &unsaved).await?;
    let new = NewDigest {
        list_id: list.id,
        cadence,
        period_key,
        rhythm_id,
        state: if held {
            DigestState::Held
        } else {
            DigestState::Planning
        },
        not_after: now + list.pace.stale_after(),
        review_until: list.pace.review().filter(|_| held).map(|span| now + span),
        critical: None,
    };
    let digest = store::digest::cut(tx, &new, now).await?;
    if let Some(id) = digest.filter(|_| held) {
        review::ask(tx, id, now, new.not_after).await?;
    }
    Ok(digest)
}

/// Whether anybody would get a letter of a digest: nobody need review one that nobody gets.
async fn has_news(tx: &mut Tx, list: &List, digest: &Digest) -> anyhow::Result<bool> {
    let mut after = Group::none();
    loop {
        let groups = store::plan::groups(tx, digest, &after).await?;
        let Some(end) = groups.last() else {
            return Ok(false);
        };
        let candidates = candidates(tx, digest, &groups).await?;
        for group in &groups {
            let served = group.served()?;
            if !window::articles(&candidates, list, &group.topics()?, &served).is_empty() {
                return Ok(true);
            }
        }
        after.clone_from(end);
    }
}

/// Cuts a digest now for every active subscription of a cadence, whatever its hour, and whether or not
/// this period has one; and plans it, unless its list has it reviewed first. Gives the number of letters.
pub async fn run_now(app: &App, list: &List, cadence: Cadence) -> anyhow::Result<(DigestId, u64)> {
    let now = app.now();
    let mut tx = app.db.begin().await?;
    // Two runs within one millisecond are one.
    let key = format!("run {now}");
    let cut = open(&mut tx, list, (cadence, None), &key, now).await?;
    let id = match cut {
        Some(id) => id,
        None => store::digest::get_of_period(&mut tx, list.id, cadence, &key).await?,
    };
    tx.commit().await?;
    Ok((id, plan(app, id).await?))
}

/// Queues the letters of a digest that are yet to be queued, if it's in planning. Gives how many.
/// Of a digest that comes too late none are made any more: its articles come with the next.
pub async fn plan(app: &App, id: DigestId) -> anyhow::Result<u64> {
    let mut queued = 0;
    let mut after = Group::none();
    while let Some(digest) = in_planning(app, id).await? {
        if digest.not_after.is_some_and(|end| app.now() > end) {
            review::change_state(app, id, DigestState::Planning, DigestState::Cancelled).await?;
            tracing::warn!(digest = id.0, letters = queued, "digest.stale");
            break;
        }
        let mut tx = app.db.read().await?;
        let list = store::list::get(&mut tx, digest.list_id).await?;
        let groups = store::plan::groups(&mut tx, &digest, &after).await?;
        let Some(end) = groups.last() else {
            drop(tx);
            review::change_state(app, id, DigestState::Planning, DigestState::Planned).await?;
            tracing::info!(digest = id.0, letters = queued, "digest.planned");
            break;
        };
        let candidates = candidates(&mut tx, &digest, &groups).await?;
        drop(tx);
        let turns = turns(app, &digest, &list, &groups, &candidates).await?;
        let across = plan_across(app, &digest, &list, &turns).await?;
        queued += across;
        if across > 0 {
            continue; // with whoever is left of these groups
        }
        for turn in &turns {
            queued += plan_group(app, &digest, &list, turn).await?;
        }
        after.clone_from(end);
    }
    app.letters_waiting.notify_one();
    Ok(queued)
}

/// The digest, unless it's held, planned or cancelled.
async fn in_planning(app: &App, id: DigestId) -> store::Result<Option<Digest>> {
    let digest = store::digest::find(&mut app.db.read().await?, id).await?;
    Ok(digest.filter(|digest| digest.state == DigestState::Planning))
}

/// Whatever may lie in the windows of these groups.
async fn candidates(
    tx: &mut Tx,
    digest: &Digest,
    groups: &[Group],
) -> store::Result<Vec<Candidate>> {
    let mut floor = digest.to_seq;
    for group in groups {
        floor = floor.min(group.served()?.floor());
    }
    store::article::candidates(tx, floor, digest.to_seq).await
}

/// What a digest is to a group of readers.
struct Turn<'a> {
    group: &'a Group,
    /// None if it has nothing for them.
    edition: Option<EditionId>,
    /// How far they are served with it.
    then: Served,
}

/// The turns of those groups that the digest doesn't pass by, with their editions made.
async fn turns<'a>(
    app: &App,
    digest: &Digest,
    list: &List,
    groups: &'a [Group],
    candidates: &[Candidate],
) -> anyhow::Result<Vec<Turn<'a>>> {
    let mut turns = Vec::with_capacity(groups.len());
    for group in groups {
        let Some((articles, then)) = turn(app, digest, list, group, candidates)? else {
            continue;
        };
        let edition = match articles.as_slice() {
            [] => None,
            articles => {
                let language = group.language()?;
                Some(render::keep_edition(app, digest, list, language, articles).await?)
            }
        };
        turns.push(Turn {
            group,
            edition,
            then,
        });
    }
    Ok(turns)
}

/// Plans for readers of many groups at once, in the order of their numbers, where the groups are a good
/// part of the list: a group at a time would go through all of the list for each. Whom we may not
/// write to it leaves. Gives how many letters.
async fn plan_across(
    app: &App,
    digest: &Digest,
    list: &List,
    turns: &[Turn<'_>],
) -> anyhow::Result<u64> {
    let served = Served::up_to(digest.to_seq);
    let whole = turns
        .iter()
        .filter(|turn| turn.group.is_plain() && turn.then == served)
        .filter_map(|turn| Some((turn.group, turn.edition?)));
    let whole: Vec<(&Group, EditionId)> = whole.collect();
    let mut tx = app.db.read().await?;
    let all = store::list::count_active(&mut tx, list.id).await?;
    let good_part = (all / GOOD_PART).max(1);
    if !store::plan::are_among(&mut tx, digest, &whole, good_part).await? {
        return Ok(0);
    }
    drop(tx);
    let (mut queued, mut after) = (0, SubscriptionId(0));
    loop {
        let now = app.now();
        let mut tx = app.db.begin().await?;
        let times = (CHUNK, now, now + list.pace.worth());
        let planned = store::plan::stretch(&mut tx, digest, &whole, after, times).await?;
        tx.commit().await?;
        let Some((reached, letters)) = planned else {
            return Ok(queued);
        };
        queued += letters;
        after = reached;
    }
}

async fn plan_group(
    app: &App,
    digest: &Digest,
    list: &List,
    turn: &Turn<'_>,
) -> anyhow::Result<u64> {
    let Turn {
        group,
        edition,
        then,
    } = turn;
    let mut queued = 0;
    loop {
        let now = app.now();
        let mut tx = app.db.begin().await?;
        let times = (CHUNK, now, now + list.pace.worth());
        let planned = store::plan::chunk(&mut tx, digest, group, (*edition, then), times).await?;
        tx.commit().await?;
        match planned {
            Some(letters) => queued += letters,
            None => return Ok(queued),
        }
    }
}

/// What a group gets of a digest, and how far it's served then. `None` if the digest passes it by.
fn turn(
    app: &App,
    digest: &Digest,
    list: &List,
    group: &Group,
    candidates: &[Candidate],
) -> store::Result<Option<(Vec<ArticleId>, Served)>> {
    let served = group.served()?;
    let mut window = window::articles(candidates, list, &group.topics()?, &served);
    if let Some(critical) = digest.critical {
        window.retain(|article| article.seq == critical);
        let turn = window
            .first()
            .map(|article| (vec![article.id], served.after_one(critical)));
        return Ok(turn);
    }
    let gathers = !digest.by_hand() && digest.cadence != Cadence::Immediate;
    if gathers && window::waits_for_company(&window, &list.pace, app.now()) {
        return Ok(None);
    }
    let articles = digest.arranged(window.iter().map(|article| article.id));
    let then = served.after(digest.to_seq);
    Ok((then != served).then_some((articles, then)))
}
