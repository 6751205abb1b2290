//! Which of a source's drafts are articles that we have: by the names it gives them, else by what
//! they say.
//!
//! A name that is known in the document keeps its article from being taken for another draft's.

use std::collections::HashMap;
use std::collections::HashSet;

use chrono::DateTime;

use crate::article::Article;
use crate::article::ArticleId;
use crate::article::identity::Story;
use crate::article::identity::leads_to_a_page;
use crate::article::intake::story;
use crate::clock::Stamp;
use crate::source::Draft;
use crate::source::SourceId;
use crate::store;
use crate::store::Tx;
use crate::store::origin::Known;
use crate::store::origin::Names;

/// How many articles that share marks a draft is compared with.
const CANDIDATES: i64 = 8;

/// A draft and the names its source gives it.
#[derive(Debug)]
pub(super) struct Arriving {
    pub(super) draft: Draft,
    pub(super) names: Names,
    marks: Option<Vec<i64>>,
    /// No article has any of its marks.
    is_unlike_all: bool,
}

impl Arriving {
    pub(super) fn new(draft: Draft, names: Names) -> Self {
        Self {
            draft,
            names,
            marks: None,
            is_unlike_all: false,
        }
    }

    /// By what its likes are found; made at the first call.
    pub(super) fn marks(&mut self) -> &mut Vec<i64> {
        self.marks.get_or_insert_with(|| story(&self.draft).marks())
    }
}

/// What a draft turns out to be.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It waits for a person, or was dropped by one.
    Waiting,
    /// The document has it twice.
    Repeat,
    /// We have it.
    Known(Box<Known>),
    /// We don't.
    New,
}

/// What is known under the names of one document.
#[derive(Debug)]
pub(super) struct Book {
    source: SourceId,
    by_guid: HashMap<String, Known>,
    by_key: HashMap<String, Known>,
    by_address: HashMap<String, Vec<Known>>,
    elsewhere: HashMap<String, Vec<Known>>,
    /// What the document names by a known name: nothing else in it is that.
    claimed: HashSet<ArticleId>,
    seen: HashSet<ArticleId>,
    /// The identifiers of the document so far.
    named: HashSet<String>,
}

impl Book {
    pub(super) fn new(source: SourceId, all: Vec<Known>, arriving: &[Arriving]) -> Self {
        let mut book = Self {
            source,
            by_guid: HashMap::new(),
            by_key: HashMap::new(),
            by_address: HashMap::new(),
            elsewhere: HashMap::new(),
            claimed: HashSet::new(),
            seen: HashSet::new(),
            named: HashSet::new(),
        };
        for known in all {
            book.enter(known);
        }
        let claimed = arriving.iter().filter_map(|one| book.by_name(one));
        book.claimed = claimed.map(|(known, _)| known.id).collect();
        book
    }

    fn enter(&mut self, known: Known) {
        let here = known.source_id == self.source;
        if let Some(address) = known.url_key.clone() {
            let place = if here {
                &mut self.by_address
            } else {
                &mut self.elsewhere
            };
            place.entry(address).or_default().push(known.clone());
        }
        if here {
            let key = known.guid_key.clone();
            self.by_key.entry(key).or_insert_with(|| known.clone());
            self.by_guid.insert(known.guid.clone(), known);
        }
    }

    /// What a document held.
    pub(super) fn into_seen(self) -> HashSet<ArticleId> {
        self.seen
    }

    /// Finds out which drafts without a known name can't be like anything: of news that's nearly all,
    /// and one statement tells.
    pub(super) async fn look_for_marks(
        &self,
        tx: &mut Tx,
        arriving: &mut [Arriving],
    ) -> store::Result<()> {
        let mut nameless: Vec<&mut Arriving> = arriving.iter_mut().collect();
        nameless.retain(|one| self.by_name(one).is_none());
        if nameless.is_empty() {
            return Ok(());
        }
        let marks: Vec<i64> = nameless
            .iter_mut()
            .flat_map(|one| one.marks().iter().copied())
            .collect();
        let met = store::origin::met(tx, &marks).await?;
        for one in nameless {
            one.is_unlike_all = !one.marks().iter().any(|mark| met.contains(mark));
        }
        Ok(())
    }

    /// What a draft is. Asks the database only about drafts without a known name.
    pub(super) async fn judge(
        &mut self,
        tx: &mut Tx,
        one: &mut Arriving,
    ) -> store::Result<Verdict> {
        self.rename_reused(one);
        if !self.named.insert(one.names.guid_key.clone()) {
            return Ok(Verdict::Repeat);
        }
        if let Some((known, named)) = self.by_name(one) {
            let known = known.clone();
            if self.seen.insert(known.id) {
                return Ok(Verdict::Known(Box::new(known)));
            }
            // By its own name it's a repeat, by its address alone a neighbour.
            if named {
                return Ok(Verdict::Repeat);
            }
        }
        let told = self.told(tx, one).await?;
        if let Some(known) = &told {
            self.seen.insert(known.id);
        }
        Ok(told.map_or(Verdict::New, |known| Verdict::Known(Box::new(known))))
    }

    /// What comes under another story's identifier goes by its address.
    fn rename_reused(&self, one: &mut Arriving) {
        let known = self.by_guid.get(&one.names.guid);
        let known = known.or_else(|| self.by_key.get(&one.names.guid_key));
        if known.is_some_and(|known| is_reused(one, known))
            && let (Some(url), Some(key)) = (&one.names.url, &one.names.url_key)
        {
            one.names.guid.clone_from(url);
            one.names.guid_key.clone_from(key);
        }
    }

    /// The article that the source calls so, and whether it's by its own identifier.
    fn by_name(&self, one: &Arriving) -> Option<(&Known, bool)> {
        let guid = self.by_guid.get(&one.names.guid);
        let guid = guid.or_else(|| self.by_key.get(&one.names.guid_key));
        let address = one.names.url_key.as_ref();
        let address = address.and_then(|key| only(self.by_address.get(key)?));
        match (guid, address) {
            (Some(guid), Some(address)) if guid.id != address.id => {
                // An identifier that moved on to another story.
                let closer = likeness(one, address) > likeness(one, guid);
                Some(if closer {
                    (address, false)
                } else {
                    (guid, true)
                })
            }
            (Some(guid), None) if is_reused(one, guid) => None,
            (Some(guid), _) => Some((guid, true)),
            (None, Some(address)) => Some((address, false)),
            (None, None) => None,
        }
    }

    /// The article that says the same: renamed by this source, or brought by another one.
    async fn told(&self, tx: &mut Tx, one: &mut Arriving) -> store::Result<Option<Known>> {
        let address = one.names.url_key.as_ref();
        let address = address.filter(|key| leads_to_a_page(key));
        let same_address = address.and_then(|key| only(self.elsewhere.get(key)?));
        let same_address = same_address.map(|known| known.id);
        let mut ids = if one.is_unlike_all {
            Vec::new()
        } else {
            store::origin::alike(tx, one.marks(), CANDIDATES).await?
        };
        ids.extend(same_address.filter(|id| !ids.contains(id)));
        ids.retain(|id| !self.claimed.contains(id) && !self.seen.contains(id));
        if ids.is_empty() {
            return Ok(None);
        }
        let story = story(&one.draft);
        for article in store::article::some(tx, &ids).await? {
            let names = store::origin::of_article(tx, article.id).await?;
            let other = story_of(&article);
            let here = names.iter().find(|known| known.source_id == self.source);
            let is_it = if here.is_some() {
                story.is_renamed(&other)
            } else {
                let met = same_address == Some(article.id) && story.is_close_to(&other);
                met || story.is_told_by(&other)
            };
            if is_it {
                let known = here.or_else(|| names.first()).cloned();
                return Ok(Some(known.unwrap_or_else(|| nameless(&article))));
            }
        }
        Ok(None)
    }
}

/// An article that nobody names any longer: its source was forgotten.
fn nameless(article: &Article) -> Known {
    Known {
        source_id: SourceId(0),
        guid: String::new(),
        guid_key: String::new(),
        url_key: None,
        gone_at: None,
        id: article.id,
        fingerprint: String::new(),
        state: String::new(),
        withdrawn_by: None,
        title: article.title.clone(),
        published: None,
        owner: None,
    }
}

/// The article of an address; one that several share is nobody's name.
fn only(known: &[Known]) -> Option<&Known> {
    let first = known.first()?;
    known.iter().all(|one| one.id == first.id).then_some(first)
}

/// How like a draft's title is to that of an article.
fn likeness(one: &Arriving, known: &Known) -> f32 {
    let other = Story::of(&known.title, "", None);
    Story::of(&one.draft.title, "", None).title_ratio(&other)
}

/// Whether a source gave an old identifier to something else: another address, date and title.
fn is_reused(one: &Arriving, known: &Known) -> bool {
    let other_place = match (&one.names.url_key, &known.url_key) {
        (Some(here), Some(there)) => here != there,
        _ => false,
    };
    let date = known.published.as_deref();
    let date = date.and_then(|date| DateTime::parse_from_rfc3339(date).ok());
    let other_time = match (one.draft.published, date) {
        (Some(here), Some(there)) => Stamp::from(here) != Stamp::from(there),
        _ => false,
    };
    other_place && other_time && likeness(one, known) < 0.34
}

fn story_of(article: &Article) -> Story {
    let text = if article.text.is_empty() {
        &article.summary
    } else {
        &article.text
    };
    Story::of(&article.title, text, article.published)
}
