//! A document that many will ask for: what it holds is read from the store, then written in every
//! coding.
//!
//! Reading is asynchronous and short; writing takes tens of milliseconds and belongs on a thread of
//! its own. Nothing in a document depends on who asks or on the time: only on the store, the
//! settings and the program.

mod archive;
mod page;

use crate::app::App;
use crate::article::ArticleId;
use crate::audience::list::ListId;
use crate::audience::list::TopicId;
use crate::clock::Stamp;
use crate::feed;
use crate::feed::Channel;
use crate::feed::FeedFormat;
use crate::feed::Fullness;
use crate::feed::Shown;
use crate::feed::address::Address;
use crate::feed::address::Form;
use crate::feed::address::Place;
use crate::feed::directory;
use crate::feed::opml;
use crate::feed::opml::Outline;
use crate::feed::sitemap;
use crate::feed::sitemap::Page;
use crate::feed::snapshot::Snapshot;
use crate::feed::subject::Subject;
use crate::locale::Language;
use crate::store;
use crate::store::Tx;
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
    /// Of the same feed, only so many entries: those that changed last (RFC 3229).
    Newer(Address, FeedFormat, usize),
    /// All articles of so many seqs, for those who want them all (RFC 5005); the first is 1.
    Archive(i64, FeedFormat),
    /// A subscription as a feed of its own.
    Mirror(Mirror),
    /// A feed for people.
    Page(Address, Language),
    /// All our feeds, as OPML.
    Directory,
    /// All our pages, or where they are listed; for readers until this moment.
    Sitemap(i64),
    /// One of those lists; the first is 1.
    SitemapPart(i64, i64),
}

/// Whose subscription is shown at which address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Mirror {
    /// The key in the address.
    pub(crate) token: String,
    /// The list.
    pub(crate) list: ListId,
    /// The topics chosen; none for all.
    pub(crate) topics: Vec<TopicId>,
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
    Feed(Box<Filled>),
    Page(Box<FeedView>, String, Language),
    Directory(Vec<Outline>),
    Sitemap(Vec<Page>),
    SitemapIndex(Vec<String>),
}

/// A feed with all that is in it.
struct Filled {
    format: FeedFormat,
    channel: Channel,
    shown: Shown,
    fullness: Fullness,
    /// The versions at which its entries last changed.
    changes: Vec<i64>,
}

impl Document {
    /// Whether `Last-Modified` can be told. It can't where something counts that leaves no date:
    /// templates, sources that were added or removed, articles that left a narrowed feed.
    pub(crate) fn is_dated(&self) -> bool {
        let Self::Feed(address, _) = self else {
            return false;
        };
        let is_whole = address.wanted.is_anything();
        is_whole && !matches!(address.place, Place::List(_) | Place::Search)
    }

    /// Reads what the document holds; `None` if there is no such feed.
    pub(crate) async fn read(&self, app: &App) -> store::Result<Option<Material>> {
        let mut tx = app.db.read().await?;
        // The version goes first: what is committed in between is then shown again, never
        // overlooked.
        let version = store::counter::feeds_version(&mut tx).await?;
        let found = match self {
            Self::Feed(address, format) => feed(app, &mut tx, (address, *format), None).await?,
            Self::Newer(address, format, most) => {
                feed(app, &mut tx, (address, *format), Some(*most)).await?
            }
            Self::Archive(number, format) => {
                archive::archive(app, &mut tx, *number, *format).await?
            }
            Self::Mirror(mirror) => Some(subscription(app, &mut tx, mirror).await?),
            Self::Page(address, language) => page::page(app, &mut tx, address, *language).await?,
            Self::Directory => {
                let feeds = directory::feeds(app, &mut tx).await?;
                Some((Content::Directory(feeds), app.look_since))
            }
            Self::Sitemap(until) => Some((map(app, &mut tx, *until).await?, app.look_since)),
            Self::SitemapPart(part, until) => {
                let pages = directory::pages(app, &mut tx, *part, Stamp(*until)).await?;
                pages.map(|pages| (Content::Sitemap(pages), app.look_since))
            }
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
    pub(crate) fn write(mut self, app: &App, held: Option<&Snapshot>) -> anyhow::Result<Snapshot> {
        let (last_changed, version) = (self.changed, self.version);
        let changes = match &mut self.content {
            Content::Feed(filled) => Some(std::mem::take(&mut filled.changes)),
            _ => None,
        };
        let (bytes, media_type) = self.bytes(app)?;
        let held = held.filter(|held| held.choose(None).bytes == bytes);
        Ok(match (held, changes) {
            (Some(held), changes) => held
                .redated(last_changed)
                .read_at(version, changes.unwrap_or_default()),
            (None, Some(changes)) => Snapshot::new(bytes, media_type, last_changed)?
                .marked(version, &look(app))
                .read_at(version, changes),
            (None, None) => Snapshot::new(bytes, media_type, last_changed)?,
        })
    }

    /// Writes the document, and says of what type it is.
    pub(crate) fn bytes(self, app: &App) -> anyhow::Result<(Vec<u8>, &'static str)> {
        const XML: &str = "application/xml";
        Ok(match self.content {
            Content::Feed(feed) => {
                let Filled {
                    format, fullness, ..
                } = *feed;
                let bytes = feed::render_shown(format, &feed.channel, &feed.shown, fullness)?;
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
            Content::Sitemap(pages) => (sitemap::write(pages), XML),
            Content::SitemapIndex(maps) => (sitemap::index(&maps), XML),
        })
    }
}

/// The settings that documents depend on, as a word for tags.
pub(crate) fn look(app: &App) -> String {
    app.look_since.0.to_string()
}

/// `newest` leaves out all but so many entries: those that changed last.
async fn feed(
    app: &App,
    tx: &mut Tx,
    (address, format): (&Address, FeedFormat),
    newest: Option<usize>,
) -> store::Result<Option<(Content, Stamp)>> {
    let Some(subject) = Subject::find(app, tx, address).await? else {
        return Ok(None);
    };
    let mut shown = subject.shown(app, tx, LENGTH).await?;
    let updated = subject.updated(tx, &shown, LENGTH).await?;
    let updated = updated.unwrap_or(app.look_since);
    let left = subject.left_at(tx).await?;
    let changes = changes(tx, format, &mut shown, newest).await?;
    let mut channel = channel(app, address, subject, updated);
    let is_all = address.place == Place::Everything && address.wanted.is_anything();
    if is_all && address.fullness == Fullness::Full && format != FeedFormat::Json {
        let last = store::counter::last_seq(tx).await?.0 / archive::LENGTH;
        channel.prev_archive = (last > 0).then(|| archive::url(app, last, format));
    }
    let content = Content::Feed(Box::new(Filled {
        format,
        channel,
        shown,
        fullness: address.fullness,
        changes,
    }));
    Ok(Some((content, updated.max(left).max(app.look_since))))
}

/// The versions at which the entries last changed, and, if only the newest are wanted, no others
/// left. Only Atom can tell that something was withdrawn.
async fn changes(
    tx: &mut Tx,
    format: FeedFormat,
    shown: &mut Shown,
    newest: Option<usize>,
) -> store::Result<Vec<i64>> {
    if format != FeedFormat::Atom {
        shown.withdrawn.clear();
    }
    let gone = shown.withdrawn.iter().map(|(id, _)| *id);
    let ids: Vec<ArticleId> = shown
        .articles
        .iter()
        .map(|one| one.id)
        .chain(gone)
        .collect();
    let mut versions = store::article::versions(tx, &ids).await?;
    versions.sort_unstable_by_key(|(_, version)| std::cmp::Reverse(*version));
    if let Some(newest) = newest {
        versions.truncate(newest);
        let is_new = |id: ArticleId| versions.iter().any(|(new, _)| *new == id);
        shown.articles.retain(|article| is_new(article.id));
        shown.withdrawn.retain(|(id, _)| is_new(*id));
    }
    Ok(versions.into_iter().map(|(_, version)| version).collect())
}

async fn subscription(app: &App, tx: &mut Tx, mirror: &Mirror) -> store::Result<(Content, Stamp)> {
    let list = store::list::get(tx, mirror.list).await?;
    let home = app.url(&format!("/lists/{}", list.slug));
    let subject = Subject::of_subscription(list, &mirror.topics);
    let mut shown = subject.shown(app, tx, LENGTH).await?;
    shown.withdrawn.clear();
    let updated = subject.updated(tx, &shown, LENGTH).await?;
    let updated = updated.unwrap_or(app.look_since);
    let address = Address::of(Place::Everything, Form::Feed(FeedFormat::Atom));
    let name = format!("{} — {}", subject.name, app.site.name);
    let path = format!("/my/{}/feed.atom", mirror.token);
    let channel = Channel {
        id: app.links.feed_id(path.trim_start_matches('/')),
        title: name,
        home_url: home,
        self_url: app.links.to(&path),
        hub: None,
        ..channel(app, &address, subject, updated)
    };
    Ok((filled(FeedFormat::Atom, channel, shown), updated))
}

fn filled(format: FeedFormat, channel: Channel, shown: Shown) -> Content {
    Content::Feed(Box::new(Filled {
        format,
        channel,
        shown,
        fullness: Fullness::Full,
        changes: Vec::new(),
    }))
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
        archive: None,
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
        _ => format!("{} — {}", subject.name, app.site.name),
    }
}

/// The page that shows the same to people. Sources and narrowed feeds have none but the feed's
/// own.
pub(super) fn home(address: &Address) -> String {
    match address.place {
        Place::Everything if address.wanted.is_anything() => "/".to_owned(),
        Place::Topic(..) if address.wanted.is_anything() => address.place.path(),
        Place::List(_) => address.place.path(),
        _ => address.shown_as(Form::Page).path(),
    }
}

async fn map(app: &App, tx: &mut Tx, until: i64) -> store::Result<Content> {
    let parts = directory::parts(tx).await?;
    if parts > 1 {
        let part = |number| app.links.to(&format!("/sitemap/{number}.xml"));
        return Ok(Content::SitemapIndex((1..=parts).map(part).collect()));
    }
    let pages = directory::pages(app, tx, 1, Stamp(until)).await?;
    Ok(Content::Sitemap(pages.unwrap_or_default()))
}
