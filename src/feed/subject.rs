//! The address of a feed in, what it is a feed of out: its name, its articles, and when they
//! changed.

use std::collections::BTreeSet;

use crate::app::App;
use crate::article::Article;
use crate::article::ArticleId;
use crate::article::Seq;
use crate::article::Topic;
use crate::article::query::Query;
use crate::audience::list::List;
use crate::audience::list::TopicId;
use crate::clock::Stamp;
use crate::feed::SentDigest;
use crate::feed::Shown;
use crate::feed::address::Address;
use crate::feed::address::Place;
use crate::feed::address::Wanted;
use crate::store;
use crate::store::Tx;
use crate::store::article::View;
use crate::store::narrowing::Narrowing;

/// Digests in a list's feed.
const DIGESTS: i64 = 30;
/// Articles of a digest in there; its page has them all.
const OF_DIGEST: i64 = 100;

/// What an address is called, and which articles it shows.
pub(crate) struct Subject {
    /// As people read it.
    pub(crate) name: String,
    /// The topic whose place it is.
    pub(crate) topic: Option<Topic>,
    /// The list whose digests it shows, instead of articles.
    pub(crate) list: Option<List>,
    view: View,
    /// `None` if all of the view is shown.
    narrowing: Option<Narrowing>,
}

impl Subject {
    /// What is at the address; `None` if there is no such place, or no topic that the query names.
    pub(crate) async fn find(
        app: &App,
        tx: &mut Tx,
        address: &Address,
    ) -> store::Result<Option<Self>> {
        let Some(mut subject) = place(app, tx, &address.place, &address.wanted).await? else {
            return Ok(None);
        };
        let wanted = &address.wanted;
        if wanted.is_anything() {
            return Ok(Some(subject));
        }
        let any = topics(tx, &wanted.any).await?;
        let none = topics(tx, &wanted.none).await?;
        let (Some(any), Some(none)) = (any, none) else {
            return Ok(None);
        };
        subject.name = narrowed_name(&subject.name, &any, &none, wanted.language.as_deref());
        let ids = |topics: Vec<(TopicId, String)>| topics.into_iter().map(|(id, _)| id).collect();
        subject.narrowing = Some(Narrowing {
            any: ids(any),
            none: ids(none),
            language: wanted.language.clone().unwrap_or_default(),
            words: wanted.words.as_deref().and_then(Query::parse),
            ..Narrowing::default()
        });
        Ok(Some(subject))
    }

    /// What a subscription's digests would hold.
    pub(crate) fn of_subscription(list: List, chosen: &[TopicId]) -> Self {
        Self {
            name: list.name.clone(),
            topic: None,
            list: None,
            view: View::Everything,
            narrowing: Some(Narrowing {
                any: list.topics,
                also: chosen.to_vec(),
                ..Narrowing::default()
            }),
        }
    }

    /// What it shows: the newest `most`, and what was withdrawn from among them.
    pub(crate) async fn shown(&self, app: &App, tx: &mut Tx, most: i64) -> store::Result<Shown> {
        if let Some(list) = &self.list {
            return Ok(Shown {
                digests: digests(app, tx, list).await?,
                ..Shown::default()
            });
        }
        let articles = self.articles(tx, most).await?;
        let is_full = i64::try_from(articles.len()).is_ok_and(|length| length == most);
        let oldest = articles.last().filter(|_| is_full);
        let from = oldest.map_or(Seq(0), |article| article.seq);
        let everything = Narrowing::default();
        let narrowing = self.narrowing.as_ref().unwrap_or(&everything);
        let gone = store::narrowing::withdrawn(tx, self.view, narrowing, from, most).await?;
        let gone = gone.iter().map(|article| (article.id, article.changed_at));
        Ok(Shown {
            withdrawn: gone.collect(),
            articles,
            digests: Vec::new(),
        })
    }

    async fn articles(&self, tx: &mut Tx, most: i64) -> store::Result<Vec<Article>> {
        match &self.narrowing {
            Some(narrowing) => store::narrowing::page(tx, self.view, narrowing, most).await,
            None => store::article::page(tx, self.view, None, most).await,
        }
    }

    /// When anything last changed among `shown`, the newest `most`, and those that would be there
    /// if they hadn't been withdrawn. A narrowed subject knows only of what is shown.
    pub(crate) async fn updated(
        &self,
        tx: &mut Tx,
        shown: &Shown,
        most: i64,
    ) -> store::Result<Option<Stamp>> {
        if self.list.is_some() {
            return Ok(shown.digests.iter().map(|digest| digest.sent_at).max());
        }
        let shown = &shown.articles;
        if self.narrowing.is_some() {
            return Ok(shown.iter().map(|article| article.changed_at).max());
        }
        let is_full = i64::try_from(shown.len()).is_ok_and(|length| length == most);
        let oldest = shown.last().filter(|_| is_full);
        let from = oldest.map_or(Seq(0), |article| article.seq);
        store::article::last_changed(tx, self.view, from).await
    }

    /// When an article last left it by an edit.
    pub(crate) async fn left_at(&self, tx: &mut Tx) -> store::Result<Stamp> {
        match self.view {
            View::Topic(id) => store::topic::left_at(tx, id).await,
            View::Everything | View::Source(_) => Ok(Stamp(0)),
        }
    }
}

/// The newest digests of a list, without what was withdrawn since.
async fn digests(app: &App, tx: &mut Tx, list: &List) -> store::Result<Vec<SentDigest>> {
    let mut sent = Vec::new();
    for digest in store::archive::page(tx, list.id, None, DIGESTS).await? {
        let articles = store::archive::articles(tx, digest.id, None, OF_DIGEST).await?;
        let articles: Vec<ArticleId> = articles.into_iter().map(|(id, _)| id).collect();
        let said = store::edition::fullest(tx, digest.id, list.language).await?;
        let (language, title) = said.unwrap_or_else(|| (list.language, list.name.clone()));
        sent.push(SentDigest {
            id: digest.id,
            url: app.url(&format!("/archive/{}/{}", list.slug, digest.id.0)),
            title,
            language: language.as_str().to_owned(),
            sent_at: digest.cut_at,
            articles: store::article::some(tx, &articles).await?,
        });
    }
    Ok(sent)
}

/// `None` if there is no topic with one of the slugs.
async fn topics(
    tx: &mut Tx,
    slugs: &BTreeSet<String>,
) -> store::Result<Option<Vec<(TopicId, String)>>> {
    let mut topics = Vec::new();
    for slug in slugs {
        let Some((id, topic)) = store::topic::find_any(tx, slug).await? else {
            return Ok(None);
        };
        topics.push((id, topic.name));
    }
    Ok(Some(topics))
}

/// In signs rather than words, which would have to be in the feed's language: «Вісник: економіка,
/// бюджет − спорт (uk)».
fn narrowed_name(
    name: &str,
    any: &[(TopicId, String)],
    none: &[(TopicId, String)],
    language: Option<&str>,
) -> String {
    let list = |topics: &[(TopicId, String)]| {
        let names: Vec<&str> = topics.iter().map(|(_, name)| name.as_str()).collect();
        names.join(", ")
    };
    let mut narrowed = name.to_owned();
    if !any.is_empty() {
        narrowed = format!("{narrowed}: {}", list(any));
    }
    if !none.is_empty() {
        narrowed = format!("{narrowed} − {}", list(none));
    }
    match language {
        Some(language) => format!("{narrowed} ({language})"),
        None => narrowed,
    }
}

async fn place(
    app: &App,
    tx: &mut Tx,
    place: &Place,
    wanted: &Wanted,
) -> store::Result<Option<Subject>> {
    let subject = |view, name| Subject {
        view,
        narrowing: None,
        name,
        topic: None,
        list: None,
    };
    Ok(match place {
        Place::Everything => Some(subject(View::Everything, app.site.name.clone())),
        Place::Topic(kind, slug) => {
            let found = store::topic::find(tx, *kind, slug).await?;
            found.map(|(id, topic)| Subject {
                topic: Some(topic.clone()),
                ..subject(View::Topic(id), topic.name)
            })
        }
        Place::Search => {
            let words = wanted.words.as_deref().unwrap_or_default();
            Some(subject(View::Everything, format!("«{words}»")))
        }
        Place::List(slug) => {
            let found = store::list::find(tx, slug).await?;
            found.map(|list| Subject {
                list: Some(list.clone()),
                ..subject(View::Everything, list.name)
            })
        }
        Place::Source(id) => {
            let found = store::source::find(tx, *id).await?;
            found.map(|source| subject(View::Source(source.id), source.name))
        }
    })
}
