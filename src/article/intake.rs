//! Drafts in, articles out: published, revised, or left as they are.
//!
//! An article is known by its source's identifier, else by its address there, else by headline and
//! date. What is known and says something else is an edit: the next revision of the same article,
//! never a second one, and never mailed again.

use std::collections::HashSet;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;

use crate::app::App;
use crate::article::ArticleId;
use crate::article::TopicKind;
use crate::article::clean::one_line;
use crate::audience::list::TopicId;
use crate::clock::Stamp;
use crate::source::Draft;
use crate::source::Source;
use crate::store;
use crate::store::Tx;
use crate::store::article::Mailing;
use crate::store::article::NewArticle;

/// The longest title, in characters.
const TITLE: usize = 500;
/// The longest summary, in characters.
const SUMMARY: usize = 2_000;
/// Identifiers longer than this, in bytes, are kept as their hash.
const GUID: usize = 500;
/// Topics beyond this many of one article are left out.
const TOPICS: usize = 40;

/// What became of a reading's drafts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Taken {
    /// Published now.
    pub new: usize,
    /// Revised now.
    pub edited: usize,
    /// As they were.
    pub same: usize,
}

/// Takes in what a source gave, within the caller's unit of work: what the source's validators say
/// was read and the articles themselves are committed together or not at all.
pub async fn take_in(
    app: &App,
    tx: &mut Tx,
    source: &Source,
    drafts: Vec<Draft>,
) -> store::Result<Taken> {
    let mut taken = Taken::default();
    let mut seen = HashSet::new();
    for draft in in_order(drafts) {
        take(app, tx, source, without_nul(draft), (&mut taken, &mut seen)).await?;
    }
    Ok(taken)
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
        text.retain(|sign| sign != '\0');
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

async fn take(
    app: &App,
    tx: &mut Tx,
    source: &Source,
    draft: Draft,
    (taken, seen): (&mut Taken, &mut HashSet<ArticleId>),
) -> store::Result<()> {
    let now = app.now();
    let guid = guid(&draft);
    let mailing = mailing(app, source, &draft, now);
    let url = draft.url.clone();
    let mut known = store::origin::find(tx, source.id, &guid, url.as_deref()).await?;
    if known.as_ref().is_some_and(|known| seen.contains(&known.id)) {
        // Twice in one document: by its own name it's a repeat, by its address alone a neighbour.
        if store::origin::find(tx, source.id, &guid, None)
            .await?
            .is_some()
        {
            taken.same += 1;
            return Ok(());
        }
        known = None;
    }
    let article = article(app, tx, draft).await?;
    let id = match known {
        None => {
            taken.new += 1;
            store::article::publish(tx, &article, mailing, source.id, now).await?
        }
        Some(known) if known.fingerprint == article.fingerprint => {
            taken.same += 1;
            known.id
        }
        Some(known) => {
            taken.edited += 1;
            store::article::edit(tx, known.id, &article, now).await?;
            known.id
        }
    };
    seen.insert(id);
    store::origin::add(tx, source.id, &guid, id, url.as_deref()).await
}

/// What was old when its source was first polled is published, never mailed.
fn mailing(app: &App, source: &Source, draft: &Draft, now: Stamp) -> Mailing {
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

/// The source's own identifier, else the address, else headline and day: two headlines alike on
/// different days are two articles.
fn guid(draft: &Draft) -> String {
    let own = draft.guid.as_ref().or(draft.url.as_ref());
    match own {
        Some(guid) if guid.len() <= GUID => guid.clone(),
        Some(guid) => format!("sha256:{}", hash(&[guid])),
        None => {
            let day = draft
                .published
                .map(|date| date.date_naive().to_string())
                .unwrap_or_default();
            format!("title:{}", hash(&[&title(draft), &day]))
        }
    }
}

async fn article(app: &App, tx: &mut Tx, draft: Draft) -> store::Result<NewArticle> {
    let mut topics = topics(tx, TopicKind::Department, &draft.departments).await?;
    topics.extend(topics_of(tx, &draft).await?);
    let title = title(&draft);
    let site = &app.settings.site;
    let media = serde_json::to_string(&draft.media).unwrap_or_default();
    let published = draft
        .published
        .filter(|date| Stamp::from(*date) < app.now() + TimeDelta::days(1));
    let dated = published.map(|date| date.to_rfc3339()).unwrap_or_default();
    let names = [
        draft.departments.join("\n"),
        draft.topics.join("\n"),
        draft.authors.join("\n"),
    ];
    let licence = draft.licence.or_else(|| site.licence.clone());
    let fingerprint = hash(&[
        &title,
        &draft.summary,
        draft.html.as_str(),
        draft.url.as_deref().unwrap_or_default(),
        &dated,
        &names[0],
        &names[1],
        &names[2],
        &media,
        licence.as_deref().unwrap_or_default(),
    ]);
    Ok(NewArticle {
        title,
        summary: draft.summary.chars().take(SUMMARY).collect(),
        html: draft.html,
        text: draft.text,
        url: draft.url.and_then(|url| url.parse().ok()),
        published,
        authors: draft.authors,
        media: draft.media,
        language: draft.language.unwrap_or_else(|| site.language.clone()),
        licence,
        fingerprint,
        topics,
    })
}

async fn topics_of(tx: &mut Tx, draft: &Draft) -> store::Result<Vec<TopicId>> {
    topics(tx, TopicKind::Topic, &draft.topics).await
}

async fn topics(tx: &mut Tx, kind: TopicKind, names: &[String]) -> store::Result<Vec<TopicId>> {
    let mut ids = Vec::new();
    for name in names.iter().take(TOPICS) {
        ids.extend(store::topic::keep(tx, kind, &one_line(name, 200)).await?);
    }
    Ok(ids)
}

/// The headline, else the beginning of the summary or the text, else the address: never empty.
fn title(draft: &Draft) -> String {
    [
        draft.title.as_str(),
        &draft.summary,
        &draft.text,
        draft.url.as_deref().unwrap_or("—"),
    ]
    .into_iter()
    .map(|text| one_line(text, TITLE))
    .find(|line| !line.is_empty())
    .unwrap_or_else(|| "—".to_owned())
}

fn hash(parts: &[&str]) -> String {
    let joined = parts.join("\u{1f}");
    URL_SAFE_NO_PAD.encode(digest(&SHA256, joined.as_bytes()))
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

    #[test]
    fn the_same_headline_on_two_days_is_two_articles() {
        let june = draft("Корисні новини", Some("2023-06-26T00:00:00+03:00"));
        let december = draft("Корисні новини", Some("2025-12-18T00:00:00+02:00"));
        assert_ne!(guid(&june), guid(&december));
        assert_eq!(guid(&june), guid(&june.clone()));
    }

    #[test]
    fn an_article_always_has_a_title() {
        assert_eq!(
            title(&Draft {
                summary: "Коротко\nпро все".into(),
                ..Draft::default()
            }),
            "Коротко про все"
        );
        assert_eq!(title(&Draft::default()), "—");
    }
}
