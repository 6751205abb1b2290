//! The address of a feed in, what it is a feed of out: its name, its articles, and when they
//! changed.

use std::collections::BTreeSet;

use crate::app::App;
use crate::article::Article;
use crate::article::Seq;
use crate::article::Topic;
use crate::audience::list::TopicId;
use crate::clock::Stamp;
use crate::feed::address::Address;
use crate::feed::address::Place;
use crate::store;
use crate::store::Tx;
use crate::store::article::View;
use crate::store::narrowing::Narrowing;

/// What an address is called, and which articles it shows.
pub(crate) struct Subject {
    /// As people read it.
    pub(crate) name: String,
    /// The topic whose place it is.
    pub(crate) topic: Option<Topic>,
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
        let Some(mut subject) = place(app, tx, &address.place).await? else {
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
            ..Narrowing::default()
        });
        Ok(Some(subject))
    }

    /// The newest of its articles.
    pub(crate) async fn articles(&self, tx: &mut Tx, most: i64) -> store::Result<Vec<Article>> {
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
        shown: &[Article],
        most: i64,
    ) -> store::Result<Option<Stamp>> {
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

async fn place(app: &App, tx: &mut Tx, place: &Place) -> store::Result<Option<Subject>> {
    let subject = |view, name| Subject {
        view,
        narrowing: None,
        name,
        topic: None,
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
        Place::Source(id) => {
            let found = store::source::find(tx, *id).await?;
            found.map(|source| subject(View::Source(source.id), source.name))
        }
    })
}
