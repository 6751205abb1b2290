//! Sources: where news comes from.

use axum::extract::Path;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::TimeDelta;
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::article::clean::one_line;
use crate::source::Selectors;
use crate::source::Source;
use crate::source::SourceId;
use crate::source::SourceKind;
use crate::source::SourceState;
use crate::source::SourceUrl;
use crate::store;
use crate::store::Tx;
use crate::store::source::NewSource;
use crate::web::api::caller::Allowed;
use crate::web::api::caller::SourcesRead;
use crate::web::api::caller::SourcesWrite;
use crate::web::api::field::Css;
use crate::web::api::field::Name;
use crate::web::api::field::Text;
use crate::web::api::field::WebAddress;
use crate::web::api::field::Within;
use crate::web::api::problem::Problem;
use crate::web::api::problem::Problems;
use crate::web::api::shape::Body;
use crate::web::api::shape::Part;
use crate::web::api::shape::Seen;
use crate::web::api::shape::json;
use crate::web::api::shape::made;
use crate::web::api::shape::one;

/// Seconds between polls: a minute to a month.
type Every = Within<60, 2_592_000>;

/// A source.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Source)]
pub(super) struct SourceShown {
    #[schema(example = 1)]
    id: i64,
    #[schema(example = "Полтавська ОВА")]
    name: String,
    #[schema(example = "https://example.org/feed.xml")]
    url: String,
    kind: Kind,
    state: Standing,
    /// Seconds between polls.
    every: i64,
    /// Where things stand on its pages.
    selectors: SelectorsShown,
    /// When it last answered well.
    #[schema(format = DateTime)]
    last_good_at: Option<String>,
    /// When it's asked next.
    #[schema(format = DateTime)]
    next_poll_at: String,
    /// How many polls have failed in a row.
    failures: i64,
    /// Why the last one failed, in words.
    problem: Option<String>,
}

/// How a source is read; `auto` works it out from what it gives.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = SourceKind)]
pub(super) enum Kind {
    Auto,
    Feed,
    Listing,
    Page,
    Sitemap,
}

/// Whether a source is polled; `gone` is what it said itself.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = SourceState)]
pub(super) enum Standing {
    Active,
    Paused,
    Gone,
}

/// Whether a source is to be polled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Polling {
    Active,
    Paused,
}

/// CSS selectors that tell where things stand on a listing and on the pages it links to.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = Selectors)]
pub(super) struct SelectorsShown {
    item: Option<String>,
    link: Option<String>,
    title: Option<String>,
    date: Option<String>,
    summary: Option<String>,
    body: Option<String>,
    topics: Option<String>,
    departments: Option<String>,
    image: Option<String>,
}

/// CSS selectors that tell where things stand on a listing and on the pages it links to; what isn't
/// there is worked out.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSelectors {
    /// One article on a listing.
    item: Option<Css>,
    /// The link to its page, within the item.
    link: Option<Css>,
    /// Its headline.
    title: Option<Css>,
    /// Its date.
    date: Option<Css>,
    /// Its summary.
    summary: Option<Css>,
    /// The body, on the article's page.
    body: Option<Css>,
    /// Tags, one match each.
    topics: Option<Css>,
    /// Departments, one match each.
    departments: Option<Css>,
    /// Pictures, one match each.
    image: Option<Css>,
}

/// A source to be added; it's polled at once.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AddedSource {
    url: WebAddress,
    /// Its host, unless given.
    name: Option<Name>,
    kind: Option<Kind>,
    /// Seconds between polls; 900 unless given.
    every: Option<Every>,
    selectors: Option<NewSelectors>,
}

/// What is to change; what isn't named stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangedSource {
    name: Option<Name>,
    kind: Option<Kind>,
    /// Seconds between polls.
    every: Option<Every>,
    /// All of them anew.
    selectors: Option<NewSelectors>,
    state: Option<Polling>,
}

/// Every source, the oldest first.
#[utoipa::path(get, path = "/sources", tag = "sources", security(("key" = ["sources:read"])),
    params(("after" = Option<i64>, Query, minimum = 1, maximum = 9_007_199_254_740_991_i64, description = "Where the last page ended: as `Link` has it"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 200, description = "How many at most; 50 unless given")),
    responses((status = 200, description = "A page of them", body = Vec<SourceShown>, headers(("link" = String, description = "The next page"))), Problems))]
pub(super) async fn page(
    _: Allowed<SourcesRead>,
    State(app): State<App>,
    part: Part,
) -> Result<Response, Problem> {
    let after = SourceId(part.after.unwrap_or_default());
    let rows = store::source::page(&mut app.db.read().await?, after, part.with_one_more()).await?;
    let place = |source: &Source| format!("after={}", source.id.0);
    Ok(part.page(&app, "/sources", rows, place, shown))
}

/// Add a source.
#[utoipa::path(post, path = "/sources", tag = "sources", security(("key" = ["sources:write"])),
    params(("Idempotency-Key" = Option<String>, Header, pattern = "^[!-~]{1,200}$", description = "The same key, the same answer, done once")),
    request_body = AddedSource,
    responses((status = 201, description = "It's added", body = SourceShown, headers(("location" = String), ("etag" = String))), Problems))]
pub(super) async fn add(
    caller: Allowed<SourcesWrite>,
    State(app): State<App>,
    Body(new): Body<AddedSource>,
) -> Result<Response, Problem> {
    let url: SourceUrl = String::from(new.url)
        .parse()
        .map_err(|problem| Problem::field("/url", problem))?;
    let new = NewSource {
        name: new
            .name
            .map_or_else(|| url.host(), |name| one_line(name.as_str(), 200)),
        kind: new.kind.map_or(SourceKind::Auto, kind),
        selectors: new.selectors.map(selectors).unwrap_or_default(),
        every: TimeDelta::seconds(new.every.map_or(900, |every| every.0)),
        url,
    };
    let mut tx = app.db.begin().await?;
    let id = store::source::add(&mut tx, &new, app.now()).await?;
    let id = id.ok_or_else(|| Problem::conflict(format!("`{}` is a source already", new.url)))?;
    let source = find(&mut tx, id).await?;
    let mut change = caller.change("source.add", format!("source {}", id.0));
    let shown = shown(source);
    change.became = json(&shown);
    store::audit::record(&mut tx, &change, app.now()).await?;
    tx.commit().await?;
    made(&app, &format!("/sources/{}", id.0), &shown)
}

/// One source and how it has been lately.
#[utoipa::path(get, path = "/sources/{id}", tag = "sources", security(("key" = ["sources:read"])),
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 1)),
    responses((status = 200, body = SourceShown, description = "It", headers(("etag" = String))), Problems))]
pub(super) async fn get(
    _: Allowed<SourcesRead>,
    State(app): State<App>,
    Path(id): Path<i64>,
) -> Result<Response, Problem> {
    let source = find(&mut app.db.read().await?, SourceId(id)).await?;
    one(StatusCode::OK, &shown(source))
}

pub(super) async fn find(tx: &mut Tx, id: SourceId) -> Result<Source, Problem> {
    let found = store::source::find(tx, id).await?;
    found.ok_or_else(|| Problem::missing("source", id.0))
}

/// Change how a source is called, read or polled.
#[utoipa::path(patch, path = "/sources/{id}", tag = "sources", security(("key" = ["sources:write"])),
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 1), ("If-Match" = Option<String>, Header, description = "The `ETag` that was read")),
    request_body = ChangedSource,
    responses((status = 200, body = SourceShown, description = "As it is now", headers(("etag" = String))), Problems))]
pub(super) async fn change(
    caller: Allowed<SourcesWrite>,
    State(app): State<App>,
    Path(id): Path<i64>,
    seen: Seen,
    Body(changed): Body<ChangedSource>,
) -> Result<Response, Problem> {
    let id = SourceId(id);
    let mut tx = app.db.begin().await?;
    let mut source = find(&mut tx, id).await?;
    let was = shown(source.clone());
    seen.still(&was)?;
    if let Some(name) = changed.name {
        source.name = one_line(name.as_str(), 200);
    }
    source.kind = changed.kind.map_or(source.kind, kind);
    source.every = changed
        .every
        .map_or(source.every, |every| TimeDelta::seconds(every.0));
    source.selectors = changed.selectors.map_or(source.selectors, selectors);
    store::source::change(&mut tx, &source).await?;
    let state = changed.state.map(|state| match state {
        Polling::Active => SourceState::Active,
        Polling::Paused => SourceState::Paused,
    });
    if let Some(state) = state.filter(|state| *state != source.state) {
        store::source::set_state(&mut tx, id, state, app.now()).await?;
    }
    let now = shown(find(&mut tx, id).await?);
    let mut change = caller.change("source.change", format!("source {}", id.0));
    (change.was, change.became) = (json(&was), json(&now));
    store::audit::record(&mut tx, &change, app.now()).await?;
    tx.commit().await?;
    one(StatusCode::OK, &now)
}

/// Forget a source; its articles stay.
#[utoipa::path(delete, path = "/sources/{id}", tag = "sources", security(("key" = ["sources:write"])),
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 1)),
    responses((status = 204, description = "It's forgotten"), Problems))]
pub(super) async fn remove(
    caller: Allowed<SourcesWrite>,
    State(app): State<App>,
    Path(id): Path<i64>,
) -> Result<StatusCode, Problem> {
    let mut tx = app.db.begin().await?;
    let was = find(&mut tx, SourceId(id)).await?;
    store::source::remove(&mut tx, was.id).await?;
    let mut change = caller.change("source.remove", format!("source {id}"));
    change.was = json(&shown(was));
    store::audit::record(&mut tx, &change, app.now()).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Have a source polled at the next look, within seconds.
#[utoipa::path(post, path = "/sources/{id}/poll", tag = "sources", security(("key" = ["sources:write"])),
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 1)),
    responses((status = 202, body = SourceShown, description = "It's due now"), Problems))]
pub(super) async fn poll(
    caller: Allowed<SourcesWrite>,
    State(app): State<App>,
    Path(id): Path<i64>,
) -> Result<Response, Problem> {
    let mut tx = app.db.begin().await?;
    find(&mut tx, SourceId(id)).await?;
    if !store::source::call(&mut tx, SourceId(id), app.now()).await? {
        return Err(Problem::conflict(
            "it's paused or gone; make it active first",
        ));
    }
    let change = caller.change("source.poll", format!("source {id}"));
    store::audit::record(&mut tx, &change, app.now()).await?;
    let now = shown(find(&mut tx, SourceId(id)).await?);
    tx.commit().await?;
    one(StatusCode::ACCEPTED, &now)
}

fn kind(kind: Kind) -> SourceKind {
    match kind {
        Kind::Auto => SourceKind::Auto,
        Kind::Feed => SourceKind::Feed,
        Kind::Listing => SourceKind::Listing,
        Kind::Page => SourceKind::Page,
        Kind::Sitemap => SourceKind::Sitemap,
    }
}

fn selectors(new: NewSelectors) -> Selectors {
    let text = |css: Option<Css>| css.map(String::from);
    Selectors {
        item: text(new.item),
        link: text(new.link),
        title: text(new.title),
        date: text(new.date),
        summary: text(new.summary),
        body: text(new.body),
        topics: text(new.topics),
        departments: text(new.departments),
        image: text(new.image),
    }
}

fn shown(source: Source) -> SourceShown {
    let selectors = source.selectors;
    SourceShown {
        id: source.id.0,
        name: source.name,
        url: source.url.to_string(),
        kind: match source.kind {
            SourceKind::Auto => Kind::Auto,
            SourceKind::Feed => Kind::Feed,
            SourceKind::Listing => Kind::Listing,
            SourceKind::Page => Kind::Page,
            SourceKind::Sitemap => Kind::Sitemap,
        },
        state: match source.state {
            SourceState::Active => Standing::Active,
            SourceState::Paused => Standing::Paused,
            SourceState::Gone => Standing::Gone,
        },
        every: source.every.num_seconds(),
        selectors: SelectorsShown {
            item: selectors.item,
            link: selectors.link,
            title: selectors.title,
            date: selectors.date,
            summary: selectors.summary,
            body: selectors.body,
            topics: selectors.topics,
            departments: selectors.departments,
            image: selectors.image,
        },
        last_good_at: source.last_good_at.map(|at| at.to_string()),
        next_poll_at: source.next_poll_at.to_string(),
        failures: source.failures,
        problem: source.problem,
    }
}
