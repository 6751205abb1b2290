//! Feeds over HTTP, the list of them, and what search engines ask for.
//!
//! Requests in; snapshots out, by RFC 9110: strong tags, honest dates, 304 where nothing changed.
//! An extension never negotiates; `/feed` alone shows people a page and gives programs Atom.
//! Nothing here changes anything, and no request compresses.

mod cache;
mod fields;
mod people;
mod ready;
mod short;

use std::sync::Arc;

use axum::Extension;
use axum::Router;
use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::extract::MatchedPath;
use axum::extract::Path;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::HeaderName;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::Uri;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::routing::get;

use crate::access::BadLink;
use crate::app::App;
use crate::audience::private_feed;
use crate::audience::sign_up::NoStanding;
use crate::feed::FeedFormat;
use crate::feed::address::Address;
use crate::feed::address::Form;
use crate::feed::document;
use crate::feed::document::Document;
use crate::feed::document::Mirror;
use crate::feed::snapshot::Answer;
use crate::feed::snapshot::Conditions;
use crate::feed::snapshot::Snapshot;
use crate::locale::Language;
use crate::web::Web;
use crate::web::feeds::fields::joined;
use crate::web::feeds::fields::takes_entries;
use crate::web::feeds::fields::text;
use crate::web::feeds::fields::texts;
use crate::web::feeds::fields::wants_page;
use crate::web::feeds::ready::Ready;
pub(super) use crate::web::feeds::short::Kiosk;
use crate::web::guard;

/// What stands before `/feed`.
const PLACES: [&str; 6] = [
    "",
    "/topics/{slug}",
    "/departments/{slug}",
    "/sources/{id}",
    "/search",
    "/lists/{slug}",
];

/// As long as `ttl` in RSS.
const FRESH: &str = "public, max-age=300";

/// The same for what is one person's own.
const FRESH_FOR_ONE: &str = "private, max-age=300";
/// Part of a feed: only for caches that know RFC 3229.
const FRESH_PART: &str = "no-store, im";

// `Vary`.
const BY_WHAT_IS_HELD: &str = "A-IM, If-None-Match, Accept, Accept-Encoding";
const BY_CODING: &str = "Accept-Encoding";
const BY_LANGUAGE: &str = "Accept-Encoding, Accept-Language";
const BY_EVERYTHING: &str = "Accept, Accept-Encoding, Accept-Language";

/// Another process may see a change this much later than the one that a reader asked, and the same
/// second must be over there too: until then a date proves nothing.
const SECONDS_TO_SETTLE: i64 = 2;

/// How long a sitemap is good for: it tells what is news, and that ends by itself.
const A_MAP: i64 = 6 * 3_600_000;

/// Feeds in every form, `/feeds.opml`, `/sitemap.xml` and `/robots.txt`.
/// `kiosk` is what the short way to feeds shares with them.
pub(super) fn routes(kiosk: Arc<Kiosk>) -> Router<Web> {
    let mut routes = Router::new()
        .route("/feeds.opml", get(directory))
        .route("/feed/archive/{file}", get(archive))
        .route("/my/{token}/feed.atom", get(mirror))
        .route("/sitemap.xml", get(sitemap))
        .route("/sitemap/{file}", get(sitemap_part))
        .route("/robots.txt", get(robots));
    for place in PLACES {
        for end in Form::ENDS {
            routes = routes.route(&format!("{place}/feed{end}"), get(feed));
        }
    }
    routes.layer(Extension(kiosk))
}

/// Who asks for what on which condition: all that an answer depends on.
#[derive(FromRequestParts)]
#[from_request(state(Web))]
struct Asked {
    #[from_request(via(State))]
    app: App,
    #[from_request(via(Extension))]
    kiosk: Arc<Kiosk>,
    route: Option<MatchedPath>,
    uri: Uri,
    headers: HeaderMap,
}

async fn feed(asked: Asked) -> Response {
    let uri = &asked.uri;
    let Some(address) = Address::read(uri.path(), uri.query().unwrap_or_default()) else {
        return not_found();
    };
    let spelling = address.path();
    if uri
        .path_and_query()
        .is_some_and(|asked| asked.as_str() != spelling)
    {
        return moved(&asked.app.url(&spelling));
    }
    let (document, vary) = asked.document(address);
    asked.answer(&document, vary).await
}

async fn directory(asked: Asked) -> Response {
    asked.answer(&Document::Directory, BY_CODING).await
}

async fn sitemap(asked: Asked) -> Response {
    let until = asked.until();
    asked.answer(&Document::Sitemap(until), BY_CODING).await
}

/// `/sitemap/{number}.xml`.
async fn sitemap_part(Path(file): Path<String>, asked: Asked) -> Response {
    let Some(number) = file.strip_suffix(".xml").and_then(number) else {
        return not_found();
    };
    let document = Document::SitemapPart(number, asked.until());
    asked.answer(&document, BY_CODING).await
}

/// `/feed/archive/{number}.{rss,atom}`.
async fn archive(Path(file): Path<String>, asked: Asked) -> Response {
    let parts = file.split_once('.');
    let parts = parts.and_then(|(name, end)| Some((number(name)?, FeedFormat::find(end)?)));
    match parts {
        Some((number, format @ (FeedFormat::Rss | FeedFormat::Atom))) => {
            let document = Document::Archive(number, format);
            asked.answer(&document, BY_CODING).await
        }
        _ => not_found(),
    }
}

/// `/my/{token}/feed.atom`: nobody else's, so no cache keeps it and no search engine shows it.
async fn mirror(Path(token): Path<String>, asked: Asked) -> Response {
    let standing = match private_feed::standing(&asked.app, &token).await {
        Ok(standing) => standing,
        Err(NoStanding::Link(BadLink::Forged)) => return not_found(),
        Err(NoStanding::Link(BadLink::Expired) | NoStanding::Forgotten) => {
            return (StatusCode::GONE, "this feed was taken back\n").into_response();
        }
        Err(NoStanding::Store(problem)) => return failed(&problem.into()),
    };
    let document = Document::Mirror(Mirror {
        token,
        list: standing.list.id,
        topics: standing.subscription.topics.ids().to_vec(),
    });
    let mut response = asked.answer(&document, BY_CODING).await;
    let headers = response.headers_mut();
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static(FRESH_FOR_ONE),
    );
    headers.insert("x-robots-tag", HeaderValue::from_static("noindex"));
    response
}

/// A number as we write it ourselves.
fn number(text: &str) -> Option<i64> {
    let number: i64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// Crawlers have no business where links act for one person.
async fn robots(State(app): State<App>) -> String {
    let closed = [
        "/admin",
        "/confirm",
        "/leave",
        "/my/",
        "/preferences",
        "/search?",
    ];
    let closed = closed.map(|path| format!("Disallow: {path}\n")).concat();
    let map = app.url("/sitemap.xml");
    format!("User-agent: *\n{closed}\nSitemap: {map}\n")
}

impl Asked {
    /// What the address stands for, and the headers that had a say in it.
    fn document(&self, address: Address) -> (Document, &'static str) {
        let vary = match address.form {
            Form::Feed(format) => return (Document::Feed(address, format), BY_CODING),
            Form::Page => BY_LANGUAGE,
            Form::Any => BY_EVERYTHING,
        };
        if address.form == Form::Any && !wants_page(&self.headers) {
            return (Document::Feed(address, FeedFormat::Atom), vary);
        }
        let language = self.language(&address);
        let form = Form::Page;
        (Document::Page(Address { form, ..address }, language), vary)
    }

    /// What the address says, else what the browser prefers, else the site's own.
    fn language(&self, address: &Address) -> Language {
        let accepted = || Language::accepted(text(&self.headers, header::ACCEPT_LANGUAGE)?);
        let own = || self.app.settings.site.language.parse().ok();
        let said = address.language.or_else(accepted).or_else(own);
        said.unwrap_or_default()
    }

    async fn answer(&self, document: &Document, vary: &'static str) -> Response {
        let found = self.kiosk.cache.get(&self.app, document).await;
        let held = match found {
            Ok(Some(held)) => held,
            Ok(None) => return not_found(),
            Err(problem) => return failed(&problem),
        };
        if let (Document::Feed(..), Some(feed)) = (document, self.uri.path_and_query()) {
            self.kiosk.listen(&self.app, feed.as_str(), &self.headers);
        }
        if let Some(newer) = self.newer(document, &held.snapshot).await {
            return newer;
        }
        if let Some(ready) = held.ready.get() {
            return ready.answer(&self.headers);
        }
        let settled = self.app.now().seconds() - SECONDS_TO_SETTLE;
        let is_settled = held.snapshot.last_modified().seconds() <= settled;
        let dated = document.is_dated() && is_settled;
        let snapshot = Arc::clone(&held.snapshot);
        let ready = Ready::new(snapshot, dated, &self.around(document, vary));
        let response = ready.answer(&self.headers);
        if is_settled && is_for_programs(document) {
            self.keep_at_hand(document);
            held.ready.set(ready).ok();
        }
        response
    }

    /// The headers that don't depend on what the document holds.
    fn around(&self, document: &Document, vary: &'static str) -> HeaderMap {
        let mut around = HeaderMap::new();
        guard::shield(&mut around);
        around.insert(header::VARY, HeaderValue::from_static(vary));
        for link in self.licence().into_iter().chain(self.hub(document)) {
            around.append(header::LINK, link);
        }
        around
    }

    /// Next time the feed is answered by the short way.
    fn keep_at_hand(&self, document: &Document) {
        if let (Some(address), Some(route)) = (self.uri.path_and_query(), &self.route) {
            let cache = &self.kiosk.cache;
            cache.keep_at_hand(address.as_str(), document, route);
        }
    }

    /// Where a feed is pushed from, and under which name (WebSub §4).
    fn hub(&self, document: &Document) -> Option<HeaderValue> {
        let Document::Feed(address, _) = document else {
            return None;
        };
        let (hub, own) = (document::hub(&self.app), self.app.url(&address.path()));
        HeaderValue::try_from(format!("<{hub}>; rel=\"hub\", <{own}>; rel=\"self\"")).ok()
    }

    /// Only the entries that the client lacks, if it asks for that and its tag tells (RFC 3229). A
    /// feed in which everything is new, or from which something only went, is sent whole.
    async fn newer(&self, document: &Document, snapshot: &Snapshot) -> Option<Response> {
        let Document::Feed(address, format) = document else {
            return None;
        };
        let held: Vec<&str> = texts(&self.headers, header::IF_NONE_MATCH).collect();
        if held.is_empty() || !takes_entries(&self.headers) {
            return None;
        }
        let coding = joined(&self.headers, header::ACCEPT_ENCODING);
        let conditions = Conditions {
            if_none_match: held.clone(),
            if_modified_since: None,
            accept_encoding: coding.as_deref(),
        };
        let Answer::Full(whole) = snapshot.answer(&conditions) else {
            return None;
        };
        let (lacking, base) = snapshot.lacking(&held, &document::look(&self.app))?;
        if lacking == 0 || lacking == snapshot.entries() {
            return None;
        }
        let newer = Document::Newer(address.clone(), *format, lacking);
        let newer = self.kiosk.cache.get(&self.app, &newer).await.ok()??;
        let newer = &newer.snapshot;
        // Something came in between: the newest of then aren't those that are lacking now.
        if newer.version() != snapshot.version() {
            return None;
        }
        Some(part(newer, base, &whole.etag, coding.as_deref()))
    }

    /// Until when a sitemap asked for now may be kept.
    fn until(&self) -> i64 {
        (self.app.now().0.div_euclid(A_MAP) + 1) * A_MAP
    }

    fn licence(&self) -> Option<HeaderValue> {
        let licence = self.app.site.licence.as_ref()?;
        let url = url::Url::parse(&licence.url).ok()?;
        HeaderValue::try_from(format!("<{url}>; rel=\"license\"")).ok()
    }
}

/// The entries that a client lacks who holds what `base` names; `etag` names the whole feed.
fn part(newer: &Snapshot, base: &str, etag: &str, accept_encoding: Option<&str>) -> Response {
    let chosen = newer.choose(accept_encoding);
    let mut response = Response::new(Body::from(chosen.bytes.clone()));
    *response.status_mut() = StatusCode::IM_USED;
    *response.headers_mut() = ready::content(newer, chosen);
    let base = HeaderValue::try_from(format!("\"{base}\""));
    let told = [
        (
            HeaderName::from_static("im"),
            Ok(HeaderValue::from_static("feed")),
        ),
        (HeaderName::from_static("delta-base"), base),
        (header::ETAG, HeaderValue::try_from(etag)),
        (
            header::CACHE_CONTROL,
            Ok(HeaderValue::from_static(FRESH_PART)),
        ),
        (header::VARY, Ok(HeaderValue::from_static(BY_WHAT_IS_HELD))),
    ];
    let told = told
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.ok()?)));
    response.headers_mut().extend(told);
    response
}

/// Whether its address alone says what it is: nothing is negotiated but the coding.
fn is_for_programs(document: &Document) -> bool {
    matches!(document, Document::Feed(address, _) if matches!(address.form, Form::Feed(_)))
}

fn failed(problem: &anyhow::Error) -> Response {
    tracing::error!(problem = format!("{problem:#}"), "feed.failed");
    let words = "something went wrong\n";
    (StatusCode::INTERNAL_SERVER_ERROR, words).into_response()
}

fn moved(to: &str) -> Response {
    (StatusCode::MOVED_PERMANENTLY, [(header::LOCATION, to)]).into_response()
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, "there is no such feed\n").into_response()
}
