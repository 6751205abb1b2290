//! A draft in, the article that is stored out: never without a headline, within our lengths, with the
//! topics that it names. Whether it's new, and whether it's published, is decided elsewhere.

use std::collections::BTreeMap;
use std::collections::HashMap;

use chrono::TimeDelta;

use crate::app::App;
use crate::article::TopicKind;
use crate::article::clean::one_line;
use crate::article::identity;
use crate::article::intake::hash;
use crate::article::topic::slug;
use crate::audience::list::TopicId;
use crate::clock::Stamp;
use crate::source::Draft;
use crate::store;
use crate::store::Tx;
use crate::store::article::NewArticle;

/// The longest title, in characters.
const TITLE: usize = 500;
/// The longest summary, in characters.
const SUMMARY: usize = 2_000;
/// Topics beyond this many of one article are left out.
const TOPICS: usize = 40;

/// Not too far in the future to be believed.
fn published(app: &App, draft: &Draft) -> Option<chrono::DateTime<chrono::FixedOffset>> {
    draft
        .published
        .filter(|date| Stamp::from(*date) < app.now() + TimeDelta::days(1))
}

/// Hash of all that a draft says: tells an edit.
pub(super) fn fingerprint(app: &App, draft: &Draft) -> String {
    let media = serde_json::to_string(&draft.media).unwrap_or_default();
    let dated = published(app, draft).map(|date| date.to_rfc3339());
    let licence = draft
        .licence
        .as_ref()
        .or(app.settings.site.licence.as_ref());
    let address = draft.url.as_deref().map(identity::key);
    hash(&[
        &title(draft),
        &draft.summary,
        draft.html.as_str(),
        &draft.text,
        &address.unwrap_or_default(),
        &dated.unwrap_or_default(),
        &draft.departments.join("\n"),
        &draft.topics.join("\n"),
        &draft.authors.join("\n"),
        &media,
        licence.map_or("", String::as_str),
    ])
}

pub(super) fn article(app: &App, known: &Topics, draft: Draft) -> NewArticle {
    let topics = known.of(&draft);
    let fingerprint = fingerprint(app, &draft);
    let site = &app.settings.site;
    NewArticle {
        title: title(&draft),
        published: published(app, &draft),
        summary: draft.summary.chars().take(SUMMARY).collect(),
        html: draft.html,
        text: draft.text,
        url: draft.url.and_then(|url| url.parse().ok()),
        authors: draft.authors,
        media: draft.media,
        language: draft.language.unwrap_or_else(|| site.language.clone()),
        licence: draft.licence.or_else(|| site.licence.clone()),
        fingerprint,
        topics,
    }
}

/// The topics of some drafts.
#[derive(Debug)]
pub(super) struct Topics(HashMap<(TopicKind, String), TopicId>);

impl Topics {
    /// Makes those that are new; the first name a topic was seen under stays.
    pub(super) async fn keep(tx: &mut Tx, drafts: &[&Draft]) -> store::Result<Self> {
        let mut names = BTreeMap::new();
        for draft in drafts {
            for (kind, name) in named_topics(draft) {
                names.entry((kind, slug(&name))).or_insert(name);
            }
        }
        names.retain(|(_, slug), _| !slug.is_empty());
        Ok(Self(store::topic::keep_all(tx, &names).await?))
    }

    /// Departments first.
    fn of(&self, draft: &Draft) -> Vec<TopicId> {
        let named = named_topics(draft);
        named
            .filter_map(|(kind, name)| self.0.get(&(kind, slug(&name))).copied())
            .collect()
    }
}

fn named_topics(draft: &Draft) -> impl Iterator<Item = (TopicKind, String)> {
    let departments = draft.departments.iter().take(TOPICS);
    let departments = departments.map(|name| (TopicKind::Department, name));
    let topics = draft.topics.iter().take(TOPICS);
    let all = departments.chain(topics.map(|name| (TopicKind::Topic, name)));
    all.map(|(kind, name)| (kind, one_line(name, 200)))
}

/// The headline, else the beginning of the summary or the text, else the address: never empty.
pub(super) fn title(draft: &Draft) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

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
