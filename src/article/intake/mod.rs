//! Drafts in, articles out: published, revised, held for a person, or left as they are.
//!
//! An article is known by its source's identifier, else by its address there, else by what it says
//! ([`identity`]): a source that renames everything, or two sources that tell one story, make one
//! article. What is known and says something else is an edit: the next revision of the same
//! article, never a second one, and never mailed again. What was known already costs a few
//! statements for the whole document, however many articles it holds.

pub mod change;
mod flood;
mod known;
mod made;
mod named;

pub use self::named::hash;
pub use self::named::names;

use std::collections::HashSet;

use crate::app::App;
use crate::article::ArticleId;
use crate::article::identity;
use crate::article::identity::Story;
use crate::article::intake::flood::Wave;
use crate::article::intake::known::Arriving;
use crate::article::intake::known::Book;
use crate::article::intake::known::Verdict;
use crate::article::intake::made::Topics;
use crate::article::intake::made::article;
use crate::article::intake::made::fingerprint;
use crate::article::intake::made::title;
use crate::article::intake::named::named;
use crate::article::intake::named::without_copies;
use crate::clock::Stamp;
use crate::source::Draft;
use crate::source::Source;
use crate::source::SourceId;
use crate::store;
use crate::store::Tx;
use crate::store::article::Mailing;
use crate::store::origin::Known;
use crate::store::origin::Names;

/// What a source gave in one document.
#[derive(Debug, Default)]
pub struct Given {
    /// Its articles, in the document's order.
    pub drafts: Vec<Draft>,
    /// Identifiers of what it says it took off (RFC 6721, or 410 on the article's page).
    pub deleted: Vec<String>,
    /// It says that there is nothing else (RFC 5005 §2): what isn't in it was taken off.
    pub complete: bool,
}

/// What became of a reading's drafts.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Taken {
    /// Published now.
    pub new: usize,
    /// Revised now.
    pub edited: usize,
    /// As they were.
    pub same: usize,
    /// Held for a person, or dropped by one before.
    #[serde(skip_serializing_if = "is_none")]
    pub held: usize,
    /// Taken off by the source now.
    #[serde(skip_serializing_if = "is_none")]
    pub withdrawn: usize,
    /// Why some were held now, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flood: Option<String>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference to the field"
)]
fn is_none(count: &usize) -> bool {
    *count == 0
}

/// How what is new is published.
#[derive(Debug, Clone, Copy)]
struct Manner {
    /// A flood waits for a person.
    holds: bool,
    /// Instead of what the articles' ages ask for.
    mailing: Option<Mailing>,
}

/// Takes in what a source gave, within the caller's unit of work: what the source's validators say
/// was read and the articles themselves are committed together or not at all.
pub async fn take_in(
    app: &App,
    tx: &mut Tx,
    source: &Source,
    drafts: Vec<Draft>,
) -> store::Result<Taken> {
    let given = Given {
        drafts,
        ..Given::default()
    };
    take_document(app, tx, source, given).await
}

/// The same with what the document says of articles that are no more.
pub async fn take_document(
    app: &App,
    tx: &mut Tx,
    source: &Source,
    mut given: Given,
) -> store::Result<Taken> {
    let deleted: HashSet<String> = given
        .deleted
        .iter()
        .map(|guid| identity::key(guid))
        .collect();
    if !deleted.is_empty() {
        given.drafts.retain(|draft| {
            let names = [&draft.guid, &draft.url].into_iter().flatten();
            !names
                .map(|name| identity::key(name))
                .any(|key| deleted.contains(&key))
        });
    }
    let manner = Manner {
        holds: true,
        mailing: None,
    };
    let (mut taken, seen) = take_all(app, tx, source, given.drafts, manner).await?;
    if given.complete && !seen.is_empty() {
        let all = store::origin::of_source(tx, source.id).await?;
        for known in all.iter().filter(|known| !seen.contains(&known.id)) {
            taken.withdrawn += take_off(tx, source, known, app.now()).await?;
        }
    }
    if !deleted.is_empty() {
        let names: Vec<Names> = given
            .deleted
            .iter()
            .map(|guid| named(guid.clone(), None))
            .collect();
        let by_address = given
            .deleted
            .iter()
            .map(|guid| named(guid.clone(), Some(guid.clone())));
        let names: Vec<Names> = names.into_iter().chain(by_address).collect();
        for known in store::origin::known(tx, source.id, &names).await? {
            if known.source_id == source.id && known.gone_at.is_none() {
                taken.withdrawn += take_off(tx, source, &known, app.now()).await?;
            }
        }
    }
    Ok(taken)
}

async fn take_off(tx: &mut Tx, source: &Source, known: &Known, now: Stamp) -> store::Result<usize> {
    store::origin::set_gone(tx, source.id, known.id, Some(now)).await?;
    Ok(usize::from(
        store::article::take_off(tx, known.id, now).await?,
    ))
}

/// Publishes what was held of a source, with letters or without. Gives what became of it.
pub async fn publish_held(app: &App, source: &Source, mailed: bool) -> anyhow::Result<Taken> {
    let mut tx = app.db.begin().await?;
    let held = store::held::page(&mut tx, source.id, 0, i64::MAX).await?;
    store::held::release(&mut tx, source.id).await?;
    let mut drafts = Vec::new();
    for held in held.into_iter().rev() {
        drafts.push(read_back(&held.draft)?);
    }
    let manner = Manner {
        holds: false,
        mailing: (!mailed).then_some(Mailing::Never),
    };
    let (taken, _) = take_all(app, &mut tx, source, drafts, manner).await?;
    tx.commit().await?;
    Ok(taken)
}

/// Drops what was held of a source, for good. Gives how many.
pub async fn drop_held(app: &App, source: SourceId) -> anyhow::Result<u64> {
    let mut tx = app.db.begin().await?;
    let dropped = store::held::drop_all(&mut tx, source).await?;
    tx.commit().await?;
    Ok(dropped)
}

/// A draft from its JSON; its HTML is cleaned once more.
fn read_back(json: &str) -> anyhow::Result<Draft> {
    let value: serde_json::Value = serde_json::from_str(json)?;
    let html = value.get("html").and_then(serde_json::Value::as_str);
    let html = crate::article::clean::clean(html.unwrap_or_default(), None);
    let draft: Draft = serde_json::from_value(value)?;
    Ok(Draft { html, ..draft })
}

async fn take_all(
    app: &App,
    tx: &mut Tx,
    source: &Source,
    drafts: Vec<Draft>,
    manner: Manner,
) -> store::Result<(Taken, HashSet<ArticleId>)> {
    let drafts = in_order(drafts).into_iter().map(without_nul);
    let mut arriving = without_copies(drafts.filter(Draft::says_anything).collect());
    let names: Vec<Names> = arriving.iter().map(|one| one.names.clone()).collect();
    let known = store::origin::known(tx, source.id, &names).await?;
    let guids: Vec<&str> = names.iter().map(|names| names.guid.as_str()).collect();
    let waiting: HashSet<String> = if manner.holds {
        let names = store::held::names(tx, source.id, &guids).await?;
        names.into_iter().collect()
    } else {
        HashSet::new()
    };
    let mut book = Book::new(source.id, known, &arriving);
    book.look_for_marks(tx, &mut arriving).await?;
    let mut taken = Taken::default();
    let mut judged = Vec::new();
    for mut one in arriving {
        let verdict = if waiting.contains(&one.names.guid) {
            Verdict::Waiting
        } else {
            book.judge(tx, &mut one).await?
        };
        judged.push((one, verdict));
    }
    if manner.holds {
        hold_flood(app, tx, source, &mut judged, &mut taken).await?;
    }
    let mut new = Vec::new();
    for (one, verdict) in judged {
        match verdict {
            Verdict::Waiting => taken.held += 1,
            Verdict::Repeat => taken.same += 1,
            Verdict::Known(known) => keep(app, tx, source, (one, *known), &mut taken).await?,
            Verdict::New => new.push(one),
        }
    }
    taken.new = new.len();
    publish(app, tx, source, new, manner).await?;
    Ok((taken, book.into_seen()))
}

/// What is new waits if it's a flood.
async fn hold_flood(
    app: &App,
    tx: &mut Tx,
    source: &Source,
    judged: &mut [(Arriving, Verdict)],
    taken: &mut Taken,
) -> store::Result<()> {
    let is_new = |verdict: &Verdict| matches!(verdict, Verdict::New);
    let new: Vec<&Draft> = judged
        .iter()
        .filter(|(_, verdict)| is_new(verdict))
        .map(|(one, _)| &one.draft)
        .collect();
    if new.is_empty() {
        return Ok(());
    }
    let wave = Wave {
        new: &new,
        all: judged.len(),
        before: store::origin::count(tx, source.id).await?,
    };
    taken.flood = wave.why_held(source, app.now());
    if taken.flood.is_none() {
        return Ok(());
    }
    for (one, verdict) in judged.iter_mut().filter(|(_, verdict)| is_new(verdict)) {
        let draft = serde_json::to_string(&one.draft).unwrap_or_default();
        let told = (title(&one.draft), draft);
        let told = (told.0.as_str(), told.1.as_str());
        store::held::add(tx, source.id, &one.names.guid, told, app.now()).await?;
        *verdict = Verdict::Waiting;
    }
    Ok(())
}

/// An article that is known: revised if its own source says something else, put back if it was
/// taken off and is given anew. Nothing is written of one that stands as it stood.
async fn keep(
    app: &App,
    tx: &mut Tx,
    source: &Source,
    (one, known): (Arriving, Known),
    taken: &mut Taken,
) -> store::Result<()> {
    let now = app.now();
    let Arriving { draft, names, .. } = one;
    let is_named = known.source_id == source.id
        && known.guid == names.guid
        && known.url_key == names.url_key
        && known.gone_at.is_none();
    if known.owner == Some(source.id) && known.fingerprint != fingerprint(app, &draft) {
        taken.edited += 1;
        let marks = marks_of(known.id, story(&draft).marks());
        let topics = Topics::keep(tx, &[&draft]).await?;
        let article = article(app, &topics, draft);
        store::article::edit(tx, known.id, &article, now).await?;
        store::origin::add_marks(tx, &marks).await?;
    } else {
        taken.same += 1;
    }
    if !is_named {
        store::origin::add(tx, source.id, &names, known.id).await?;
        if known.gone_at.is_some() {
            store::origin::set_gone(tx, source.id, known.id, None).await?;
        }
    }
    if known.withdrawn_by.as_deref() == Some("source") {
        store::article::put_back(tx, known.id, now).await?;
    }
    Ok(())
}

/// Publishes what is new, with a few statements for all of it.
async fn publish(
    app: &App,
    tx: &mut Tx,
    source: &Source,
    new: Vec<Arriving>,
    manner: Manner,
) -> store::Result<()> {
    if new.is_empty() {
        return Ok(());
    }
    let drafts: Vec<&Draft> = new.iter().map(|one| &one.draft).collect();
    let topics = Topics::keep(tx, &drafts).await?;
    let (mut articles, mut found_by) = (Vec::new(), Vec::new());
    for mut one in new {
        let mailing = manner.mailing;
        let mailing = mailing.unwrap_or_else(|| mailing_of(app, source, &one.draft));
        let marks = std::mem::take(one.marks());
        articles.push((article(app, &topics, one.draft), mailing));
        found_by.push((one.names, marks));
    }
    let ids = store::article::publish(tx, &articles, source.id, app.now()).await?;
    let (mut names, mut marks) = (Vec::new(), Vec::new());
    for ((called, alike), id) in found_by.into_iter().zip(ids) {
        names.push((called, id));
        marks.extend(marks_of(id, alike));
    }
    store::origin::add_all(tx, source.id, &names).await?;
    store::origin::add_marks(tx, &marks).await
}

fn marks_of(id: ArticleId, marks: Vec<i64>) -> Vec<(i64, ArticleId)> {
    marks.into_iter().map(|mark| (mark, id)).collect()
}

/// What of a draft is compared with others.
pub(super) fn story(draft: &Draft) -> Story {
    Story::of(&title(draft), said(draft), draft.published)
}

fn said(draft: &Draft) -> &str {
    if draft.text.is_empty() {
        &draft.summary
    } else {
        &draft.text
    }
}

/// It means nothing in news, and PostgreSQL keeps none.
fn without_nul(mut draft: Draft) -> Draft {
    let named = [
        &mut draft.guid,
        &mut draft.url,
        &mut draft.language,
        &mut draft.licence,
    ];
    let texts = named.into_iter().flatten();
    for text in texts.chain([&mut draft.summary, &mut draft.text]) {
        if text.contains('\0') {
            text.retain(|sign| sign != '\0');
        }
    }
    draft
}

/// Oldest first, so that the newest gets the highest seq. Documents give the newest first, so
/// drafts without a date keep their place by turning the whole round.
fn in_order(mut drafts: Vec<Draft>) -> Vec<Draft> {
    drafts.reverse();
    let mut last = i64::MIN;
    let mut keyed: Vec<(i64, Draft)> = drafts
        .into_iter()
        .map(|draft| {
            last = draft.published.map_or(last, |date| date.timestamp_millis());
            (last, draft)
        })
        .collect();
    keyed.sort_by_key(|(moment, _)| *moment);
    keyed.into_iter().map(|(_, draft)| draft).collect()
}

/// What was old when its source was first polled is published, never mailed.
fn mailing_of(app: &App, source: &Source, draft: &Draft) -> Mailing {
    let now = app.now();
    let Some(back_fill) = app
        .settings
        .ingest
        .back_fill
        .filter(|_| source.first_polled_at.is_none())
    else {
        return Mailing::Digest;
    };
    let is_old = draft
        .published
        .is_some_and(|date| now - Stamp::from(date) > back_fill);
    if is_old {
        Mailing::Never
    } else {
        Mailing::Digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(title: &str, date: Option<&str>) -> Draft {
        Draft {
            title: title.to_owned(),
            published: date.map(|date| chrono::DateTime::parse_from_rfc3339(date).unwrap()),
            ..Draft::default()
        }
    }

    #[test]
    fn the_newest_comes_last_and_undated_drafts_keep_their_place() {
        let drafts = vec![
            draft("newest", Some("2023-06-26T17:07:00+03:00")),
            draft("undated, just below", None),
            draft("older", Some("2023-06-25T10:00:00+03:00")),
            draft("oldest", Some("2023-06-20T10:00:00+03:00")),
        ];
        let titles: Vec<String> = in_order(drafts)
            .into_iter()
            .map(|draft| draft.title)
            .collect();
        assert_eq!(titles, ["oldest", "older", "undated, just below", "newest"]);
    }
}
