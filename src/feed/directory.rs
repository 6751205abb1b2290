//! What lists all there is: our feeds as OPML, our pages as a sitemap.

use chrono::TimeDelta;

use crate::app::App;
use crate::article::Article;
use crate::article::ArticleId;
use crate::article::Seq;
use crate::clock::Stamp;
use crate::feed::FeedFormat;
use crate::feed::address::Address;
use crate::feed::address::Form;
use crate::feed::address::Place;
use crate::feed::document;
use crate::feed::opml::Outline;
use crate::feed::sitemap::News;
use crate::feed::sitemap::Page;
use crate::store;
use crate::store::Tx;

/// Articles, by seq, in one sitemap: few enough for the fixed pages and the topics to go with the
/// first.
pub(crate) const A_PART: i64 = 40_000;
/// The most news in a sitemap that search engines read.
const MOST_NEWS: i64 = 1_000;
/// How long an article counts as news.
const NEWS: TimeDelta = TimeDelta::hours(48);

/// Every feed there is.
pub(super) async fn feeds(app: &App, tx: &mut Tx) -> store::Result<Vec<Outline>> {
    let mut places = vec![(Place::Everything, app.site.name.clone())];
    for (_, topic, _) in store::topic::in_use(tx).await? {
        places.push((Place::Topic(topic.kind, topic.slug), topic.name));
    }
    for source in store::source::all(tx).await? {
        places.push((Place::Source(source.id), source.name));
    }
    for list in store::list::all(tx).await? {
        places.push((Place::List(list.slug.as_str().to_owned()), list.name));
    }
    let outline = |(place, title): (Place, String)| {
        let address = Address::of(place, Form::Feed(FeedFormat::Atom));
        Outline {
            title,
            xml_url: app.links.to(&address.path()),
            html_url: app.links.to(&document::home(&address)),
            language: app.settings.site.language.clone(),
        }
    };
    Ok(places.into_iter().map(outline).collect())
}

/// How many sitemaps there are.
pub(super) async fn parts(tx: &mut Tx) -> store::Result<i64> {
    let last = store::counter::last_seq(tx).await?;
    Ok((last.0 - 1).max(0) / A_PART + 1)
}

/// The pages of one sitemap, the first being 1; `None` if there are fewer. `until` is when it is to
/// be read at the latest: articles count as news for two days.
pub(super) async fn pages(
    app: &App,
    tx: &mut Tx,
    part: i64,
    until: Stamp,
) -> store::Result<Option<Vec<Page>>> {
    if !(1..=parts(tx).await?).contains(&part) {
        return Ok(None);
    }
    let mut pages = Vec::new();
    if part == 1 {
        pages.extend(["/", "/topics", "/feeds"].map(|path| Page::at(app.links.to(path))));
        let topics = store::topic::in_use(tx).await?;
        let topics = topics.iter();
        pages.extend(topics.map(|(_, topic, _)| Page::at(app.links.topic(topic))));
    }
    let range = (Seq((part - 1) * A_PART), Seq(part * A_PART));
    let since = until - NEWS;
    let fresh = store::article::fresh(tx, since, MOST_NEWS).await?;
    let news = |id: ArticleId| {
        let article = fresh.iter().find(|article| article.id == id)?;
        (Stamp::from(article.date()) >= since).then(|| news(app, article))
    };
    let articles = store::article::map(tx, range.0, range.1).await?;
    pages.extend(articles.into_iter().map(|(id, changed)| Page {
        url: app.links.article(id),
        changed: Some(changed),
        news: news(id),
    }));
    Ok(Some(pages))
}

fn news(app: &App, article: &Article) -> News {
    News {
        publication: app.site.name.clone(),
        language: article.language.clone(),
        date: article.date(),
        title: article.title.clone(),
    }
}
