//! Who may see the console: by address and password, by a link that opens it once, or by a provider
//! ([`oidc`](super::oidc)).
//!
//! A session is a random token in a cookie; the database keeps its hash. A wrong password and an
//! unknown address get the same answer after the same time. Whoever has a second proof is let in
//! only as far as the page that asks for it ([`codes`](super::codes)).

use std::sync::Arc;

use axum::extract::FromRef;
use axum::extract::FromRequestParts;
use axum::extract::Path;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::http::header::SET_COOKIE;
use axum::http::request::Parts;
use axum::response::IntoResponse;
use axum::response::Redirect;
use axum::response::Response;
use axum_extra::extract::CookieJar;
use chrono::TimeDelta;
use tokio::sync::Semaphore;

use crate::access;
use crate::access::BadLink;
use crate::access::BadPassword;
use crate::access::PasswordHash;
use crate::access::Purpose;
use crate::access::SignedLink;
use crate::access::Token;
use crate::access::User;
use crate::app::App;
use crate::audience::EmailAddress;
use crate::clock::Stamp;
use crate::store;
use crate::store::Tx;
use crate::store::session::Shown;
use crate::store::session::TokenUse;
use crate::templates::admin::Enter;
use crate::templates::admin::OtherWay;
use crate::templates::admin::SignIn;
use crate::templates::forms::FormProblem;
use crate::web::admin::desk::note;
use crate::web::error::Error;
use crate::web::form::Fields;
use crate::web::network::Budgets;
use crate::web::network::Network;
use crate::web::network::Try;
use crate::web::visit::Visit;

/// How long somebody stays signed in.
const SESSION: TimeDelta = TimeDelta::days(14);
/// How long a sign-in link is good.
const LINK: TimeDelta = TimeDelta::hours(24);

/// How long somebody may look for their phone.
const CODE: TimeDelta = TimeDelta::minutes(10);
/// A session that is in use is noted so often.
const SEEN: TimeDelta = TimeDelta::minutes(5);

/// A browser that is signed in, whatever its owner still has to prove: their own account is open
/// to it.
pub(in crate::web) struct Session(pub(super) Shown);

/// Whoever is signed in, with every proof that is asked for, be only some lists theirs: for pages
/// that show nothing of a list, or only what is within their reach.
pub(in crate::web) struct Anyone(pub(super) User);

/// The same, with all lists: an editor of some is refused.
pub(in crate::web) struct Insider(pub(super) User);

impl<S: Send + Sync> FromRequestParts<S> for Session
where
    App: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let app = App::from_ref(state);
        let session = shown_as(&app, &parts.headers, TokenUse::Session).await?;
        if app.now() - session.seen_at >= SEEN {
            let Ok(network) = Network::from_request_parts(parts, state).await;
            if let Err(problem) = see(&app, session.id, network).await {
                tracing::warn!(problem = problem.to_string(), "session.not_noted");
            }
        }
        Ok(Self(session))
    }
}

async fn see(app: &App, session: i64, network: Network) -> store::Result<()> {
    let mut tx = app.db.begin().await?;
    store::session::see(&mut tx, session, &network.to_string(), app.now()).await?;
    tx.commit().await
}

/// Whose cookie this is, if it's good for this.
pub(super) async fn shown_as(
    app: &App,
    headers: &HeaderMap,
    for_: TokenUse,
) -> Result<Shown, Error> {
    let token = shown(app, headers).ok_or(Error::SignIn)?;
    let mut tx = app.db.read().await?;
    let session = store::session::find(&mut tx, &token.hash(), for_, app.now()).await?;
    session.ok_or(Error::SignIn)
}

impl<S: Send + Sync> FromRequestParts<S> for Anyone
where
    App: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let Session(Shown { user, .. }) = Session::from_request_parts(parts, state).await?;
        let asked = App::from_ref(state).settings.access.second_factor;
        if user.role.owes(asked) && !user.has_totp {
            return Err(Error::SecondFactor);
        }
        Ok(Self(user))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Insider
where
    App: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let Anyone(user) = Anyone::from_request_parts(parts, state).await?;
        if user.reach.is_bound() {
            return Err(Error::Bound);
        }
        Ok(Self(user))
    }
}

/// The link that lets a user in once, within 24 hours, to set a password. Making one leaves older
/// ones good.
pub async fn sign_in_link(app: &App, user_id: i64) -> store::Result<String> {
    let token = Token::random();
    let now = app.now();
    let mut tx = app.db.begin().await?;
    let life = (now, now + LINK);
    let whom = (user_id, "");
    store::session::open(&mut tx, &token.hash(), whom, TokenUse::SignIn, life).await?;
    tx.commit().await?;
    Ok(app.url(&format!("/admin/sign-in/{}", token.as_str())))
}

/// `GET /admin/sign-in`, with `?problem=` after a provider vouched for nobody.
pub(in crate::web) async fn form(visit: Visit) -> Result<Response, Error> {
    let told = visit.asked_for("problem");
    let told = told.and_then(|word| FormProblem::of_provider(&word));
    visit.page(&sign_in_page(&visit.app, "", told))
}

/// `POST /admin/sign-in`.
pub(in crate::web) async fn sign_in(
    visit: Visit,
    network: Network,
    State(budgets): State<Arc<Budgets>>,
    State(turns): State<Arc<Semaphore>>,
    fields: Fields,
) -> Result<Response, Error> {
    let email = fields.one("email").to_lowercase();
    let what = Try::Password(network, email.chars().take(254).collect());
    if let Err(Error::TooMany(seconds)) = budgets.spend(what, visit.app.now()) {
        return busy(&visit, &email, seconds);
    }
    let password = fields.exact("password").to_owned();
    let Some(user) = opened(&visit.app, &turns, &email, password).await? else {
        tracing::info!(%network, "sign_in.refused");
        let page = sign_in_page(&visit.app, &email, Some(FormProblem::Password));
        let page = visit.page(&page)?;
        return Ok((StatusCode::UNAUTHORIZED, page).into_response());
    };
    let mut tx = visit.app.db.begin().await?;
    let entered = open_session(&visit.app, &mut tx, &user, network).await?;
    tx.commit().await?;
    Ok(welcome(&visit, &entered))
}

/// The sign-in page, for whoever tried too often.
pub(super) fn busy(visit: &Visit, email: &str, seconds: u64) -> Result<Response, Error> {
    let wait = [(RETRY_AFTER, seconds.to_string())];
    let page = visit.page(&sign_in_page(&visit.app, email, Some(FormProblem::Busy)))?;
    Ok((StatusCode::TOO_MANY_REQUESTS, wait, page).into_response())
}

/// Whom address and password open, after the same work whether there is such a user or not.
pub(super) async fn opened(
    app: &App,
    turns: &Semaphore,
    email: &str,
    password: String,
) -> Result<Option<User>, Error> {
    let found = match email.parse::<EmailAddress>() {
        Ok(email) => store::user::find(&mut app.db.read().await?, &email).await?,
        Err(_) => None,
    };
    let (user, hash) = found.unzip();
    let hash = hash.flatten().unwrap_or_else(PasswordHash::nobody);
    let opens = at_work(turns, move || hash.opens(&password)).await?;
    Ok(user.filter(|_| opens))
}

/// Works on a password, a few at a time, away from the threads that serve everybody.
async fn at_work<T: Send + 'static>(
    turns: &Semaphore,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    let turn = turns.acquire().await;
    let done = tokio::task::spawn_blocking(work).await;
    drop(turn);
    done.map_err(|problem| Error::trouble(problem.into()))
}

/// `GET /admin/sign-in/{token}`: looks only, so that whatever follows links in letters uses none
/// up.
pub(in crate::web) async fn link(
    visit: Visit,
    Path(token): Path<String>,
) -> Result<Response, Error> {
    let link = Link::open(&visit.app, &token)?;
    let user = link.user(&visit.app).await?;
    visit.page(&enter_page(&token, &user, None))
}

/// `POST /admin/sign-in/{token}`: uses the link up.
pub(in crate::web) async fn enter(
    visit: Visit,
    network: Network,
    State(turns): State<Arc<Semaphore>>,
    Path(token): Path<String>,
    fields: Fields,
) -> Result<Response, Error> {
    let link = Link::open(&visit.app, &token)?;
    let user = link.user(&visit.app).await?;
    let password = match new_password(&turns, fields.exact("password")).await? {
        Ok(password) => password,
        Err(problem) => {
            let page = visit.page(&enter_page(&token, &user, Some(problem)))?;
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
        }
    };
    let now = visit.app.now();
    let mut tx = visit.app.db.begin().await?;
    if !link.use_up(&mut tx, now).await? {
        return Err(Error::Link(BadLink::Expired));
    }
    if let Some(password) = password {
        store::user::set_password(&mut tx, user.id, &password, now).await?;
        let what = ("user.password", format!("user {}", user.id));
        note(&mut tx, &user, what, Default::default(), now).await?;
    }
    let entered = open_session(&visit.app, &mut tx, &user, network).await?;
    tx.commit().await?;
    Ok(welcome(&visit, &entered))
}

/// A link that lets somebody in once.
enum Link {
    /// Shown by the console or the command line.
    Shown(Token),
    /// Sent by mail: signed, so that the letter is the same at every try.
    Mailed(SignedLink),
}

impl Link {
    fn open(app: &App, token: &str) -> Result<Self, Error> {
        match SignedLink::open(token, Purpose::Password, &app.secret) {
            Ok(link) => link
                .within(access::MAILED_LINK_WORKS, app.now())
                .map(Self::Mailed)
                .map_err(Error::Link),
            Err(_) => Ok(Self::Shown(Token::shown(token))),
        }
    }

    async fn user(&self, app: &App) -> Result<User, Error> {
        let mut tx = app.db.read().await?;
        let user = match self {
            Self::Shown(token) => {
                let hash = token.hash();
                let found = store::session::find(&mut tx, &hash, TokenUse::SignIn, app.now());
                found.await?.map(|shown| shown.user)
            }
            Self::Mailed(link) => {
                if store::user::is_link_good(&mut tx, link.number, link.made).await? {
                    store::user::find_by_id(&mut tx, link.number).await?
                } else {
                    None
                }
            }
        };
        user.ok_or(Error::Link(BadLink::Expired))
    }

    async fn use_up(&self, tx: &mut Tx, now: Stamp) -> store::Result<bool> {
        match self {
            Self::Shown(token) => store::session::close(tx, &token.hash()).await,
            Self::Mailed(link) => store::user::use_link(tx, link.number, link.made, now).await,
        }
    }
}

/// The hash of a new password, if one is given.
pub(super) async fn new_password(
    turns: &Semaphore,
    password: &str,
) -> Result<Result<Option<PasswordHash>, FormProblem>, Error> {
    if password.is_empty() {
        return Ok(Ok(None));
    }
    let password = password.to_owned();
    match at_work(turns, move || PasswordHash::of(&password)).await? {
        Ok(hash) => Ok(Ok(Some(hash))),
        Err(BadPassword::Length(_)) => Ok(Err(FormProblem::Length)),
        Err(problem @ BadPassword::Hash(_)) => Err(Error::trouble(problem.into())),
    }
}

/// `POST /admin/sign-out`.
pub(in crate::web) async fn sign_out(visit: Visit, headers: HeaderMap) -> Result<Response, Error> {
    if let Some(token) = shown(&visit.app, &headers) {
        let mut tx = visit.app.db.begin().await?;
        store::session::close(&mut tx, &token.hash()).await?;
        tx.commit().await?;
    }
    let gone = visit.cookie(cookie_name(&visit.app), "", TimeDelta::zero());
    let gone = gone.map(|cookie| [(SET_COOKIE, cookie)]);
    Ok((gone, Redirect::to("/admin/sign-in")).into_response())
}

/// What a browser holds from now on.
pub(super) struct Entered {
    token: Token,
    life: TimeDelta,
    next: &'static str,
}

/// A session for somebody who proved themselves by password, link or provider: a whole one, or, if
/// they have a second proof, one that lasts until they showed it.
pub(super) async fn open_session(
    app: &App,
    tx: &mut Tx,
    user: &User,
    network: Network,
) -> Result<Entered, Error> {
    if user.has_totp {
        return entered(app, tx, (user, network), TokenUse::Code).await;
    }
    entered(app, tx, (user, network), TokenUse::Session).await
}

/// A new token for a browser, whatever it had before.
pub(super) async fn entered(
    app: &App,
    tx: &mut Tx,
    (user, network): (&User, Network),
    for_: TokenUse,
) -> Result<Entered, Error> {
    let (life, next) = match for_ {
        TokenUse::Code => (CODE, "/admin/sign-in/code"),
        TokenUse::Session | TokenUse::SignIn => (SESSION, "/admin"),
    };
    let (token, now) = (Token::random(), app.now());
    let (hash, network) = (token.hash(), network.to_string());
    let whom = (user.id, network.as_str());
    store::session::open(tx, &hash, whom, for_, (now, now + life)).await?;
    Ok(Entered { token, life, next })
}

/// On, with a session's cookie.
pub(super) fn welcome(visit: &Visit, entered: &Entered) -> Response {
    welcome_to(visit, entered, entered.next)
}

/// To this page, with a session's cookie.
pub(super) fn welcome_to(visit: &Visit, entered: &Entered, path: &str) -> Response {
    let name = cookie_name(&visit.app);
    let cookie = visit.cookie(name, entered.token.as_str(), entered.life);
    let cookie = cookie.map(|cookie| [(SET_COOKIE, cookie)]);
    (cookie, Redirect::to(path)).into_response()
}

/// With TLS, a name that browsers take only from this very host, and only when it's `Secure`.
fn cookie_name(app: &App) -> &'static str {
    if app.settings.base_url.starts_with("https:") {
        "__Host-visnyk"
    } else {
        "visnyk"
    }
}

/// The token in a browser's cookie.
pub(super) fn shown(app: &App, headers: &HeaderMap) -> Option<Token> {
    let cookies = CookieJar::from_headers(headers);
    let cookie = cookies.get(cookie_name(app))?;
    Some(Token::shown(cookie.value()))
}

fn sign_in_page(app: &App, email: &str, problem: Option<FormProblem>) -> SignIn {
    let provider = app.provider.as_deref().map(|provider| OtherWay {
        url: "/admin/oidc".to_owned(),
        name: provider.name().to_owned(),
    });
    SignIn {
        provider,
        action: "/admin/sign-in".to_owned(),
        email: email.to_owned(),
        lost: "/admin/sign-in/lost".to_owned(),
        problem,
    }
}

fn enter_page(token: &str, user: &User, problem: Option<FormProblem>) -> Enter {
    Enter {
        action: format!("/admin/sign-in/{token}"),
        email: user.email.to_string(),
        problem,
    }
}
