//! Pages of news: the latest, one article, topics and departments.

use axum::extract::Path;
use axum::response::IntoResponse;
use axum::response::Redirect;
use axum::response::Response;

use crate::article::Article;
use crate::article::ArticleId;
use crate::article::Seq;
use crate::article::Topic;
use crate::article::TopicKind;
use crate::audience::list::List;
use crate::store;
use crate::store::Tx;
use crate::store::article::View;
use crate::templates::cards::ArticleBody;
use crate::templates::cards::ArticleCard;
use crate::templates::cards::FeedSet;
use crate::templates::cards::ListCard;
use crate::templates::cards::TopicLink;
use crate::templates::pages::ArticlePage;
use crate::templates::pages::Home;
use crate::templates::pages::TopicCount;
use crate::templates::pages::TopicPage;
use crate::templates::pages::Topics;
use crate::templates::structured::NewsArticle;
use crate::web::error::Error;
use crate::web::sign_up;
use crate::web::visit::Visit;

/// Articles on a page.
const A_PAGE: usize = 20;
/// Articles named below an article.
const RELATED: usize = 3;
/// The home page leads with the first picture among this many of the newest: an old picture doesn't
/// lead for want of a new one.
const LEADING: usize = 5;

/// `/`, and with `?before={seq}` what is older.
pub(super) async fn home(visit: Visit) -> Result<Response, Error> {
    let mut tx = visit.app.db.read().await?;
    let (mut articles, older) = news(&visit, &mut tx, View::Everything, "/").await?;
    let mut newest = articles.iter().take(LEADING);
    let pictured = newest.position(|card| card.picture.is_some());
    let lead = pictured
        .filter(|_| visit.asked_for("before").is_none())
        .map(|place| articles.remove(place));
    let lists = store::list::all(&mut tx).await?;
    let sign_up = match lists.first() {
        Some(main) => Some(sign_up::fresh_form(&visit, &mut tx, main).await?),
        None => None,
    };
    let lists = lists.iter().map(|list| list_card(&visit, list)).collect();
    visit.page(&Home {
        lead,
        articles,
        older,
        sign_up,
        lists,
    })
}

/// `/articles/{id}`.
pub(super) async fn article(visit: Visit, Path(id): Path<String>) -> Result<Response, Error> {
    let id = id.parse().map_err(|_| Error::NotFound)?;
    let mut tx = visit.app.db.read().await?;
    let found = store::article::find(&mut tx, ArticleId(id)).await?;
    let (article, withdrawn) = found.ok_or(Error::NotFound)?;
    if withdrawn {
        let other = store::article::same_as(&mut tx, article.id).await?;
        let other = other.ok_or(Error::Withdrawn)?;
        let place = visit.app.url(&format!("/articles/{other}"));
        return Ok(Redirect::permanent(&place).into_response());
    }
    let card = card(&visit, &article);
    let mut body = ArticleBody::of(&article, &visit.app.settings.base_url);
    if body.changed.is_some() {
        body.changed = Some(visit.local(article.changed_at));
    }
    let related = related(&visit, &mut tx, &article).await?;
    visit.page(&ArticlePage {
        structured: NewsArticle::of(&card, &body, &visit.app.site),
        card,
        body,
        related,
    })
}

/// `/topics`.
pub(super) async fn topics(visit: Visit) -> Result<Response, Error> {
    let topics = store::topic::in_use(&mut visit.app.db.read().await?).await?;
    let of = |kind: TopicKind| {
        let topics = topics.iter().filter(|(_, topic, _)| topic.kind == kind);
        let counts = topics.map(|(_, topic, count)| TopicCount {
            topic: TopicLink::of(topic, &visit.app.settings.base_url),
            count: count.unsigned_abs(),
        });
        counts.collect()
    };
    visit.page(&Topics {
        departments: of(TopicKind::Department),
        topics: of(TopicKind::Topic),
    })
}

/// `/topics/{slug}`.
pub(super) async fn topic(visit: Visit, Path(slug): Path<String>) -> Result<Response, Error> {
    topic_page(&visit, TopicKind::Topic, &slug).await
}

/// `/departments/{slug}`.
pub(super) async fn department(visit: Visit, Path(slug): Path<String>) -> Result<Response, Error> {
    topic_page(&visit, TopicKind::Department, &slug).await
}

async fn topic_page(visit: &Visit, kind: TopicKind, slug: &str) -> Result<Response, Error> {
    let mut tx = visit.app.db.read().await?;
    let found = store::topic::find(&mut tx, kind, slug).await?;
    let (id, topic) = found.ok_or(Error::NotFound)?;
    let path = format!("/{}/{slug}", kind.path());
    let (articles, older) = news(visit, &mut tx, View::Topic(id), &path).await?;
    let feed = feed_of(visit, &topic);
    let page = TopicPage {
        kind,
        name: topic.name,
        articles,
        older,
        feed: feed.clone(),
    };
    visit.page_with(&page, |frame| {
        Ok(frame.with_feed(&feed).with_feed(&visit.all_news()?))
    })
}

/// A page of a view, and the address of the next, older one.
async fn news(
    visit: &Visit,
    tx: &mut Tx,
    view: View,
    path: &str,
) -> Result<(Vec<ArticleCard>, Option<String>), Error> {
    let before = visit.asked_for("before").and_then(|seq| seq.parse().ok());
    let mut articles = some(tx, view, before.map(Seq), A_PAGE + 1).await?;
    let more = articles.len() > A_PAGE;
    articles.truncate(A_PAGE);
    let last = articles.last().filter(|_| more);
    let older = last.map(|last| visit.app.url(&format!("{path}?before={}", last.seq.0)));
    let cards = articles
        .iter()
        .map(|article| card(visit, article))
        .collect();
    Ok((cards, older))
}

async fn some(
    tx: &mut Tx,
    view: View,
    before: Option<Seq>,
    most: usize,
) -> Result<Vec<Article>, Error> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    Ok(store::article::page(tx, view, before, most).await?)
}

/// The newest of a list, as a taste of it.
pub(super) async fn taste(
    visit: &Visit,
    tx: &mut Tx,
    list: &List,
) -> Result<Vec<ArticleCard>, Error> {
    let view = list
        .topics
        .first()
        .map_or(View::Everything, |id| View::Topic(*id));
    let articles = some(tx, view, None, RELATED).await?;
    Ok(articles
        .iter()
        .map(|article| card(visit, article))
        .collect())
}

/// What else there is on an article's first tag, or else from its department.
async fn related(visit: &Visit, tx: &mut Tx, article: &Article) -> Result<Vec<ArticleCard>, Error> {
    let mut topics = article.topics.iter();
    let tag = topics.find(|topic| topic.kind == TopicKind::Topic);
    let Some(topic) = tag.or_else(|| article.topics.first()) else {
        return Ok(Vec::new());
    };
    let Some((id, _)) = store::topic::find(tx, topic.kind, &topic.slug).await? else {
        return Ok(Vec::new());
    };
    let mut others = some(tx, View::Topic(id), None, RELATED + 1).await?;
    others.retain(|other| other.id != article.id);
    others.truncate(RELATED);
    Ok(others.iter().map(|other| card(visit, other)).collect())
}

/// An article's card, its date by the site's own clock.
pub(super) fn card(visit: &Visit, article: &Article) -> ArticleCard {
    let settings = &visit.app.settings;
    ArticleCard::of(article, &settings.base_url, settings.site.zone)
}

/// A list's card.
pub(super) fn list_card(visit: &Visit, list: &List) -> ListCard {
    ListCard {
        name: list.name.clone(),
        description: list.description.clone(),
        url: visit.app.url(&format!("/lists/{}", list.slug)),
    }
}

pub(super) fn feed_of(visit: &Visit, topic: &Topic) -> FeedSet {
    let base = visit
        .app
        .url(&format!("/{}/{}", topic.kind.path(), topic.slug));
    FeedSet::below(&base, &topic.name)
}
