//! Everything that speaks HTTP.
//!
//! In come requests from strangers, out go pages, feeds and redirects. A handler extracts, parses,
//! calls one flow and shows a page; what goes wrong is an [`error::Error`], dressed as a page in
//! the reader's language on the way out. GET and HEAD never change anything. Every link comes from
//! `base_url`, never from the Host header.

pub mod admin;
pub mod api;
pub mod feeds;
pub mod newsroom;

mod archive;
mod asset;
mod choices;
mod directory;
mod error;
mod form;
mod front;
mod guard;
mod health;
mod hooks;
mod hub;
mod identity;
mod listen;
mod metrics;
mod network;
mod pages;
mod picture;
mod preferences;
mod reader;
mod sign_up;
mod site;
mod visit;
mod websub;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::extract::FromRef;
use axum::extract::Request;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::middleware::Next;
use axum::middleware::from_fn_with_state;
use axum::response::Redirect;
use axum::response::Response;
use axum::routing::get;
use axum::routing::post;
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;

use crate::app::App;
use crate::web::feeds::Kiosk;
pub use crate::web::front::Front;
pub use crate::web::listen::serve;
pub use crate::web::listen::serve_within;
use crate::web::network::Budgets;

/// Bytes of a request's body.
const MOST_BODY: usize = 64 * 1024;
/// Bytes of an article's text in the console.
const MOST_TEXT: usize = 1024 * 1024;
/// How long one request may take, its body included.
const PATIENCE: Duration = Duration::from_secs(30);
/// How many passwords are checked at once: each takes 19 MiB and a core for some 40 ms.
const PASSWORDS_AT_ONCE: usize = 2;

/// What handlers share.
#[derive(Clone, FromRef)]
struct Web {
    #[from_ref(skip)]
    app: App,
    budgets: Arc<Budgets>,
    passwords: Arc<Semaphore>,
}

/// By the settings in force when the request came.
impl FromRef<Web> for App {
    fn from_ref(web: &Web) -> Self {
        web.app.current()
    }
}

/// The whole site, by the long way.
pub fn router(app: App) -> Router {
    router_within(PATIENCE, app)
}

/// The same with another patience.
pub fn router_within(patience: Duration, app: App) -> Router {
    routes(patience, app, Arc::default())
}

/// Whoever changes something sees it in the feeds at once.
async fn look_anew(State(kiosk): State<Arc<Kiosk>>, request: Request, next: Next) -> Response {
    let reads = request.method().is_safe();
    let response = next.run(request).await;
    if !reads {
        kiosk.look_anew();
    }
    response
}

fn routes(patience: Duration, app: App, kiosk: Arc<Kiosk>) -> Router {
    let changed = Arc::clone(&kiosk);
    let web = Web {
        app,
        budgets: Arc::default(),
        passwords: Arc::new(Semaphore::new(PASSWORDS_AT_ONCE)),
    };
    let open = private(open_to_strangers());
    let own = public().merge(private(own_pages()).merge(private(console())));
    let own = own.layer(from_fn_with_state(web.clone(), guard::same_origin));
    open.merge(own)
        .merge(private(api::routes(&web)))
        .merge(feeds::routes(kiosk))
        .fallback(error::no_such_page)
        .method_not_allowed_fallback(error::no_such_method)
        .layer(DefaultBodyLimit::max(MOST_BODY))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::REQUEST_TIMEOUT,
            patience,
        ))
        .layer(CatchPanicLayer::custom(error::after_panic))
        .layer(from_fn_with_state(web.clone(), error::dress))
        .layer(from_fn_with_state(changed, look_anew))
        .layer(from_fn_with_state(web.clone(), guard::protect))
        .layer(from_fn_with_state(web.clone(), guard::tell))
        .with_state(web)
}

/// What everybody may see and keep.
fn public() -> Router<Web> {
    Router::new()
        .route("/", get(pages::home))
        .route("/articles/{id}", get(pages::article))
        .route("/topics", get(pages::topics))
        .route("/topics/{slug}", get(pages::topic))
        .route("/departments/{slug}", get(pages::department))
        .route("/privacy", get(site::privacy))
        .route("/map", get(site::map))
        .route("/feeds", get(directory::feeds))
        .route("/search", get(directory::search))
        .route("/lists/{slug}", get(sign_up::list))
        .route("/lists/{slug}/embed", get(sign_up::embed))
        .route("/archive/{slug}", get(archive::list))
        .route("/archive/{slug}/{digest}", get(archive::digest))
        .route("/assets/{file}", get(asset::asset))
        .route("/pictures/{file}", get(picture::picture))
        .route(
            "/favicon.ico",
            get(|| async { Redirect::permanent("/assets/favicon.svg") }),
        )
        .route("/api", get(api::page))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::metrics))
}

/// What forms on any site, mailbox providers and mail providers may post to: an address, a token or
/// a signature is all they bring.
fn open_to_strangers() -> Router<Web> {
    Router::new()
        .route("/lists/{slug}/subscribe", post(sign_up::subscribe))
        .route("/leave/{token}", get(reader::leave).post(reader::left))
        .route("/hub", post(hub::ask))
        .route(
            "/websub/{token}",
            get(websub::agree)
                .post(websub::take)
                .layer(DefaultBodyLimit::max(websub::MOST_BODY)),
        )
        .route(
            "/hooks/{provider}",
            post(hooks::hook).layer(DefaultBodyLimit::max(hooks::MOST_BODY)),
        )
}

/// A reader's own pages.
fn own_pages() -> Router<Web> {
    Router::new()
        .route("/asked", get(sign_up::asked))
        .route(
            "/confirm/{token}",
            get(reader::confirm).post(reader::confirmed),
        )
        .route(
            "/preferences/{token}",
            get(preferences::page).post(preferences::choose),
        )
        .route("/preferences/{token}/data.json", get(preferences::data))
        .route("/preferences/{token}/pause", post(preferences::pause))
        .route("/preferences/{token}/return", post(preferences::come_back))
        .route("/preferences/{token}/feed", post(preferences::feed))
        .route("/preferences/{token}/address", post(preferences::address))
        .route("/preferences/{token}/erasure", post(preferences::erasure))
        .route(
            "/address/{token}",
            get(identity::new_address).post(identity::change_address),
        )
        .route(
            "/erase/{token}",
            get(identity::erase).post(identity::erased),
        )
        .route("/link", get(sign_up::link).post(sign_up::send_link))
}

/// The web console.
fn console() -> Router<Web> {
    Router::new()
        .route("/admin", get(admin::home))
        .route("/admin/test-letter", post(admin::first_steps::test_letter))
        .route(
            "/admin/subscribers",
            get(admin::subscribers).post(admin::several::act),
        )
        .route("/admin/digests", get(admin::digests))
        .merge(desks())
        .merge(programs())
        .merge(letters())
        .route(
            "/admin/digests/{id}",
            get(admin::digest::page).post(admin::digest::act),
        )
        .route(
            "/admin/sign-in",
            get(admin::session::form).post(admin::session::sign_in),
        )
        .route(
            "/admin/sign-in/code",
            get(admin::codes::ask).post(admin::codes::enter),
        )
        .route(
            "/admin/sign-in/lost",
            get(admin::lost::page).post(admin::lost::ask),
        )
        .route("/admin/oidc", get(admin::oidc::begin))
        .route("/admin/oidc/callback", get(admin::oidc::callback))
        .merge(account())
        .route(
            "/admin/sign-in/{token}",
            get(admin::session::link).post(admin::session::enter),
        )
        .route("/admin/sign-out", post(admin::session::sign_out))
}

/// One's own account in the console.
fn account() -> Router<Web> {
    use admin::account;
    use admin::codes;
    Router::new()
        .route("/admin/account", get(account::page))
        .route("/admin/account/password", post(account::password))
        .route("/admin/account/sessions/end", post(account::end_others))
        .route("/admin/account/sessions/{id}/end", post(account::end))
        .route("/admin/account/code", get(codes::page).post(codes::turn_on))
        .route("/admin/account/code/off", post(codes::turn_off))
        .route("/admin/account/provider/unbind", post(admin::oidc::unbind))
}

/// What people change in the console.
fn desks() -> Router<Web> {
    use admin::articles;
    use admin::import;
    use admin::letters;
    use admin::lists;
    use admin::people;
    use admin::sources;
    use admin::suppressions;
    Router::new()
        .route("/admin/sources", get(sources::all))
        .route("/admin/sources/new", get(sources::fresh).post(sources::add))
        .route(
            "/admin/sources/{id}",
            get(sources::one).post(sources::change),
        )
        .route("/admin/sources/{id}/{verb}", post(sources::act))
        .route("/admin/articles", get(articles::all))
        .route(
            "/admin/articles/{id}",
            get(articles::one).post(articles::edit),
        )
        .route("/admin/articles/{id}/merge", post(articles::merge))
        .route("/admin/articles/{id}/{verb}", post(articles::act))
        .route("/admin/lists", get(lists::all))
        .route("/admin/lists/new", get(lists::fresh).post(lists::add))
        .route("/admin/lists/{slug}", get(lists::one).post(lists::change))
        .route("/admin/lists/{slug}/digest", post(lists::send_digest))
        .route("/admin/subscribers/{id}", get(people::one))
        .route("/admin/subscribers.csv", get(people::export))
        .route(
            "/admin/subscribers/import",
            get(import::page)
                .post(import::take)
                .layer(DefaultBodyLimit::max(import::MOST_BODY)),
        )
        .route(
            "/admin/subscribers/import/{id}",
            get(import::one).post(import::act),
        )
        .route(
            "/admin/subscribers/import/{id}/rejected.csv",
            get(import::rejected),
        )
        .route("/admin/subscriptions/{id}/end", post(people::end))
        .route("/admin/letters", get(letters::all))
        .route("/admin/letters/{id}", get(letters::one))
        .route(
            "/admin/suppressions",
            get(suppressions::all).post(suppressions::change),
        )
        .route(
            "/admin/suppressions/{hash}/remove",
            post(suppressions::remove),
        )
        .merge(people_who_may())
        .layer(DefaultBodyLimit::max(MOST_TEXT))
}

/// Who may do what and what they did, and whose newsroom it is.
fn people_who_may() -> Router<Web> {
    use admin::bound;
    use admin::settings;
    use admin::staff;
    Router::new()
        .route("/admin/users", get(staff::all).post(staff::add))
        .route("/admin/users/{id}", get(bound::page).post(bound::change))
        .route("/admin/users/{id}/disable", post(staff::disable))
        .route("/admin/users/{id}/reset", post(staff::reset))
        .route("/admin/keys", post(staff::add_key))
        .route("/admin/keys/{id}/revoke", post(staff::revoke))
        .route("/admin/audit", get(staff::audit))
        .route(
            "/admin/settings",
            get(settings::page).post(settings::choose),
        )
        .route("/admin/settings/signing", post(settings::sign))
        .route("/admin/settings/examination", post(settings::examine))
}

/// Who is told of what happens here.
fn programs() -> Router<Web> {
    use admin::webhooks;
    Router::new()
        .route("/admin/webhooks", get(webhooks::all).post(webhooks::add))
        .route("/admin/webhooks/{id}", get(webhooks::one))
        .route("/admin/webhooks/{id}/{verb}", post(webhooks::act))
        .layer(DefaultBodyLimit::max(MOST_TEXT))
}

/// What letters are made of.
fn letters() -> Router<Web> {
    use admin::templates;
    Router::new()
        .route("/admin/templates", get(templates::all))
        .route(
            "/admin/templates/{purpose}/{part}",
            get(templates::one)
                .post(templates::change)
                .layer(DefaultBodyLimit::max(templates::MOST_BODY)),
        )
        .route(
            "/admin/templates/{purpose}/{part}/{version}",
            post(templates::roll_back),
        )
}

/// Nothing of these pages is kept by browsers or proxies.
fn private(routes: Router<Web>) -> Router<Web> {
    routes.layer(SetResponseHeaderLayer::overriding(
        CACHE_CONTROL,
        HeaderValue::from_static("no-store"),
    ))
}
