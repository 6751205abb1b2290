//! Pages to find things by: the search, and the directory of feeds.

use axum::extract::State;
use axum::response::Response;
use url::form_urlencoded;

use crate::app::App;
use crate::article::TopicKind;
use crate::article::query::Query;
use crate::store;
use crate::templates::cards::FeedSet;
use crate::templates::pages::FeedGroup;
use crate::templates::pages::FeedGroupKind;
use crate::templates::pages::FeedRow;
use crate::templates::pages::Feeds;
use crate::templates::pages::Search;
use crate::web::error::Error;
use crate::web::pages::card;
use crate::web::pages::feed_of;
use crate::web::visit::Visit;

/// Results on a page.
const A_PAGE: i64 = 20;
/// Nobody looks further, and each page costs as much as all before it.
const LAST_PAGE: i64 = 50;
/// The most characters that are looked for.
const MOST_TYPED: usize = 200;

/// `/search`, `/search?q=` and `&page=`.
pub(super) async fn search(visit: Visit, State(app): State<App>) -> Result<Response, Error> {
    let typed = typed(&visit);
    let number = visit.asked_for("page").and_then(|page| page.parse().ok());
    let number: i64 = number.unwrap_or(1).clamp(1, LAST_PAGE);
    let mut page = Search {
        action: app.url("/search"),
        query: typed.clone(),
        count: 0,
        articles: Vec::new(),
        older: None,
        feed: None,
    };
    let Some(query) = Query::parse(&typed) else {
        return visit.page(&page);
    };
    let mut tx = app.db.read().await?;
    let skipped = (number - 1) * A_PAGE;
    let (articles, count) = store::search::best(&mut tx, &query, skipped, A_PAGE).await?;
    page.count = count.unsigned_abs();
    page.articles = articles.iter().map(|one| card(&visit, one)).collect();
    let words = form_urlencoded::Serializer::new(String::new())
        .append_pair("q", &typed)
        .finish();
    let has_more = count > skipped + A_PAGE && number < LAST_PAGE;
    page.older = has_more.then(|| app.url(&format!("/search?{words}&page={}", number + 1)));
    let feed = FeedSet::below(&app.url("/search"), &format!("«{typed}»")).asking(&words);
    page.feed = Some(feed.clone());
    visit.page_with(&page, |frame| {
        Ok(frame.with_feed(&feed).with_feed(&visit.all_news()?))
    })
}

/// What was typed, on one line.
fn typed(visit: &Visit) -> String {
    let typed = visit.asked_for("q").unwrap_or_default();
    let words: Vec<&str> = typed.split_whitespace().collect();
    words.join(" ").chars().take(MOST_TYPED).collect()
}

/// `/feeds`, and `/feeds?q=` for those whose names have all these words.
pub(super) async fn feeds(visit: Visit, State(app): State<App>) -> Result<Response, Error> {
    let mut tx = app.db.read().await?;
    let topics = store::topic::in_use(&mut tx).await?;
    let of = |kind: TopicKind| {
        let topics = topics
            .iter()
            .filter(move |(_, topic, _)| topic.kind == kind);
        topics.map(|(_, topic, _)| feed_of(&visit, topic)).collect()
    };
    let below = |path: &str, name: &str| FeedSet::below(&app.url(path), name);
    let sources = store::source::all(&mut tx).await?;
    let sources = sources.iter();
    let sources = sources.map(|source| below(&format!("/sources/{}", source.id.0), &source.name));
    let lists = store::list::all(&mut tx).await?;
    let lists = lists.iter();
    let lists = lists.map(|list| below(&format!("/lists/{}", list.slug), &list.name));
    let people = store::feed_reader::people(&mut tx, app.now()).await?;
    let groups: [(FeedGroupKind, Vec<FeedSet>); 5] = [
        (FeedGroupKind::All, vec![visit.all_news()?]),
        (FeedGroupKind::Departments, of(TopicKind::Department)),
        (FeedGroupKind::Topics, of(TopicKind::Topic)),
        (FeedGroupKind::Sources, sources.collect()),
        (FeedGroupKind::Lists, lists.collect()),
    ];
    let typed = typed(&visit);
    let wanted = typed.to_lowercase();
    let is_wanted = |feed: &FeedSet| {
        let name = feed.title.to_lowercase();
        wanted.split(' ').all(|word| name.contains(word))
    };
    let row = |feed: FeedSet| FeedRow {
        people: people_of(&feed, &app, &people),
        feed,
    };
    let groups = groups.into_iter().map(|(kind, feeds)| FeedGroup {
        kind,
        feeds: feeds.into_iter().filter(is_wanted).map(row).collect(),
    });
    visit.page(&Feeds {
        action: app.url("/feeds"),
        query: typed,
        groups: groups.filter(|group| !group.feeds.is_empty()).collect(),
        opml: app.url("/feeds.opml"),
    })
}

/// How many people read a feed in any of its formats, as far as it's known.
fn people_of(feed: &FeedSet, app: &App, people: &[(String, i64)]) -> u64 {
    let formats = [&feed.rss, &feed.atom, &feed.json];
    let path = |url: &str| url.strip_prefix(&app.settings.base_url).map(str::to_owned);
    let paths: Vec<String> = formats.iter().filter_map(|url| path(url)).collect();
    let told = people.iter().filter(|(feed, _)| paths.contains(feed));
    told.map(|(_, people)| people.unsigned_abs()).sum()
}
