//! A document that many will ask for: what it holds is read from the store, then written in every
//! coding.
//!
//! Reading is asynchronous and short; writing takes tens of milliseconds and belongs on a thread of
//! its own. Nothing in a document depends on who asks or on the time: only on the store, the
//! settings and the program.

use crate::app::App;
use crate::article::Article;
use crate::article::ArticleId;
use crate::clock::Stamp;
use crate::feed;
use crate::feed::Channel;
use crate::feed::FeedFormat;
use crate::feed::Fullness;
use crate::feed::address::Address;
use crate::feed::address::Form;
use crate::feed::address::Place;
use crate::feed::opml;
use crate::feed::opml::Outline;
use crate::feed::sitemap;
use crate::feed::snapshot::Snapshot;
use crate::feed::subject::Subject;
use crate::locale::Language;
use crate::store;
use crate::store::Tx;
use crate::templates::cards::ArticleCard;
use crate::templates::cards::FeedSet;
use crate::templates::cards::Frame;
use crate::templates::pages::FeedView;

/// Articles in a feed.
const LENGTH: i64 = 50;
/// How long readers may wait before they ask again.
const TTL_MINUTES: u32 = 5;

/// What can be asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Document {
    /// A feed for programs; the address is the one it was fetched from.
    Feed(Address, FeedFormat),
    /// A feed for people.
    Page(Address, Language),
    /// All our feeds, as OPML.
    Directory,
    /// All our pages.
    Sitemap,
}

/// A document's content as the store had it.
pub(crate) struct Material {
    /// The store's [`feeds_version`](store::counter::feeds_version), or one before it.
    pub(crate) version: i64,
    /// When the content last changed.
    changed: Stamp,
    content: Content,
}

enum Content {
    Feed(FeedFormat, Box<Channel>, Vec<Article>, Fullness),
    Page(Box<FeedView>, String, Language),
    Directory(Vec<Outline>),
    Sitemap(Vec<(String, Option<Stamp>)>),
}

impl Document {
    /// Whether `Last-Modified` can be told. It can't where something counts that leaves no date:
    /// templates, sources that were added or removed, articles that left a narrowed feed.
    pub(crate) fn is_dated(&self) -> bool {
        matches!(self, Self::Feed(address, _) if address.wanted.is_anything())
    }

    /// Reads what the document holds; `None` if there is no such feed.
    pub(crate) async fn read(&self, app: &App) -> store::Result<Option<Material>> {
        let mut tx = app.db.read().await?;
        // The version goes first: what is committed in between is then shown again, never
        // overlooked.
        let version = store::counter::feeds_version(&mut tx).await?;
        let found = match self {
            Self::Feed(address, format) => feed(app, &mut tx, address, *format).await?,
            Self::Page(address, language) => page(app, &mut tx, address, *language).await?,
            Self::Directory => Some((directory(app, &mut tx).await?, app.look_since)),
            Self::Sitemap => Some((map(app, &mut tx).await?, app.look_since)),
        };
        Ok(found.map(|(content, changed)| Material {
            version,
            changed,
            content,
        }))
    }
}

impl Material {
    /// Writes and compresses the document: some 40 ms for a feed of 200 KB, and less than 10 if it
    /// reads as `held` does. Any change to any article has every feed written anew, and most of
    /// them don't hold it.
    pub(crate) fn write(self, app: &App, held: Option<&Snapshot>) -> anyhow::Result<Snapshot> {
        let changed = self.changed;
        let (bytes, media_type) = self.bytes(app)?;
        match held.filter(|held| held.choose(None).bytes == bytes) {
            Some(held) => Ok(held.redated(changed)),
            None => Ok(Snapshot::new(bytes, media_type, changed)?),
        }
    }

    /// Writes the document, and says of what type it is.
    pub(crate) fn bytes(self, app: &App) -> anyhow::Result<(Vec<u8>, &'static str)> {
        Ok(match self.content {
            Content::Feed(format, channel, articles, fullness) => {
                let bytes = feed::render(format, &channel, &articles, fullness)?;
                (bytes, format.media_type())
            }
            Content::Page(view, url, language) => {
                let frame = Frame::new(&app.site, &url).with_feed(&view.feed);
                let html = app.templates.page(&*view, &frame, language)?;
                (html.into_bytes(), "text/html; charset=utf-8")
            }
            Content::Directory(feeds) => {
                let bytes = opml::write(&app.site.name, &feeds)?;
                (bytes, "text/x-opml; charset=utf-8")
            }
            Content::Sitemap(pages) => (sitemap::write(pages), "application/xml"),
        })
    }
}

async fn feed(
    app: &App,
    tx: &mut Tx,
    address: &Address,
    format: FeedFormat,
) -> store::Result<Option<(Content, Stamp)>> {
    let Some(subject) = Subject::find(app, tx, address).await? else {
        return Ok(None);
    };
    let articles = subject.articles(tx, LENGTH).await?;
    let updated = subject.updated(tx, &articles, LENGTH).await?;
    let updated = updated.unwrap_or(app.look_since);
    let left = subject.left_at(tx).await?;
    let channel = Box::new(channel(app, address, subject, updated));
    let content = Content::Feed(format, channel, articles, address.fullness);
    Ok(Some((content, updated.max(left).max(app.look_since))))
}

fn channel(app: &App, address: &Address, subject: Subject, updated: Stamp) -> Channel {
    let site = &app.site;
    Channel {
        id: app.links.feed_id(&identity(address)),
        title: title(app, &address.place, &subject),
        description: site.description.clone(),
        publisher: site.name.clone(),
        language: app.settings.site.language.clone(),
        home_url: app.links.to(&home(address)),
        self_url: app.links.to(&address.path()),
        licence: site.licence.as_ref().map(|licence| licence.url.clone()),
        rights: site
            .licence
            .as_ref()
            .map(|licence| format!("{}, {}", site.name, licence.name)),
        updated,
        ttl_minutes: TTL_MINUTES,
        topics: subject.topic.into_iter().collect(),
        icon: None,
        hub: Some(hub(app)),
        prev_archive: None,
        links: (*app.links).clone(),
    }
}

/// The hub that feeds name: an outside one if it's set, else our own.
pub(crate) fn hub(app: &App) -> String {
    let outside = app.settings.feed.hub.clone();
    outside.unwrap_or_else(|| app.url("/hub"))
}

/// What it is a feed of, whatever its format and fullness.
fn identity(address: &Address) -> String {
    let place = address.place.path();
    let place = if place.is_empty() { "/all" } else { &place };
    let query = address.wanted.query();
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{}{mark}{query}", place.trim_start_matches('/'))
}

fn title(app: &App, place: &Place, subject: &Subject) -> String {
    match place {
        Place::Everything => subject.name.clone(),
        Place::Topic(..) | Place::Source(_) => format!("{} — {}", subject.name, app.site.name),
    }
}

/// The page that shows the same articles to people. Sources and narrowed feeds have none but the
/// feed's own.
fn home(address: &Address) -> String {
    match address.place {
        Place::Everything if address.wanted.is_anything() => "/".to_owned(),
        Place::Topic(..) if address.wanted.is_anything() => address.place.path(),
        _ => address.shown_as(Form::Page).path(),
    }
}

async fn page(
    app: &App,
    tx: &mut Tx,
    address: &Address,
    language: Language,
) -> store::Result<Option<(Content, Stamp)>> {
    let Some(subject) = Subject::find(app, tx, address).await? else {
        return Ok(None);
    };
    let articles = subject.articles(tx, LENGTH).await?;
    let base = &app.settings.base_url;
    let shown_as = |form| app.links.to(&address.shown_as(form).path());
    let view = FeedView {
        feed: FeedSet {
            title: subject.name,
            html: shown_as(Form::Page),
            rss: shown_as(Form::Feed(FeedFormat::Rss)),
            atom: shown_as(Form::Feed(FeedFormat::Atom)),
            json: shown_as(Form::Feed(FeedFormat::Json)),
        },
        articles: articles
            .iter()
            .map(|article| ArticleCard::of(article, base, app.settings.site.zone))
            .collect(),
    };
    let url = app.links.to(&address.path());
    let content = Content::Page(Box::new(view), url, language);
    Ok(Some((content, app.look_since)))
}

async fn directory(app: &App, tx: &mut Tx) -> store::Result<Content> {
    let mut places = vec![(Place::Everything, app.site.name.clone())];
    for (_, topic, _) in store::topic::in_use(tx).await? {
        places.push((Place::Topic(topic.kind, topic.slug), topic.name));
    }
    for source in store::source::all(tx).await? {
        places.push((Place::Source(source.id), source.name));
    }
    let outline = |(place, title): (Place, String)| {
        let address = Address::of(place, Form::Feed(FeedFormat::Atom));
        Outline {
            title,
            xml_url: app.links.to(&address.path()),
            html_url: app.links.to(&home(&address)),
            language: app.settings.site.language.clone(),
        }
    };
    Ok(Content::Directory(
        places.into_iter().map(outline).collect(),
    ))
}

async fn map(app: &App, tx: &mut Tx) -> store::Result<Content> {
    let topics = store::topic::in_use(tx).await?;
    let most = i64::try_from(sitemap::MOST_PAGES).unwrap_or(i64::MAX);
    let articles = store::article::map(tx, most).await?;
    let fixed = ["/", "/topics", "/feeds"].map(|path| (app.links.to(path), None));
    let topics = topics
        .iter()
        .map(|(_, topic, _)| (app.links.topic(topic), None));
    let article = |(id, changed): (ArticleId, Stamp)| (app.links.article(id), Some(changed));
    let articles = articles.into_iter().map(article);
    Ok(Content::Sitemap(
        fixed.into_iter().chain(topics).chain(articles).collect(),
    ))
}
