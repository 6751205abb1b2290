//! Who may see the console: by address and password, or by a link that opens it once.
//!
//! A session is a random token in a cookie; the database keeps its hash. A wrong password and an
//! unknown address get the same answer after the same time.

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

use crate::access::BadLink;
use crate::access::BadPassword;
use crate::access::PasswordHash;
use crate::access::Token;
use crate::access::User;
use crate::app::App;
use crate::audience::EmailAddress;
use crate::store;
use crate::store::Tx;
use crate::store::user::TokenUse;
use crate::templates::admin::Enter;
use crate::templates::admin::SignIn;
use crate::templates::forms::FormProblem;
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

/// Whoever is signed in.
pub(in crate::web) struct Insider(pub(super) User);

impl<S: Send + Sync> FromRequestParts<S> for Insider
where
    App: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let app = App::from_ref(state);
        let token = shown(&app, &parts.headers).ok_or(Error::SignIn)?;
        let mut tx = app.db.read().await?;
        let user = store::user::find_by_token(&mut tx, &token.hash(), TokenUse::Session, app.now())
            .await?;
        user.map(Self).ok_or(Error::SignIn)
    }
}

/// The link that lets a user in once, within 24 hours, to set a password. Making one leaves older
/// ones good.
pub async fn sign_in_link(app: &App, user_id: i64) -> store::Result<String> {
    let token = Token::random();
    let now = app.now();
    let mut tx = app.db.begin().await?;
    let life = (now, now + LINK);
    store::user::open(&mut tx, &token.hash(), user_id, TokenUse::SignIn, life).await?;
    tx.commit().await?;
    Ok(app.url(&format!("/admin/sign-in/{}", token.as_str())))
}

/// `GET /admin/sign-in`.
pub(in crate::web) async fn form(visit: Visit) -> Result<Response, Error> {
    visit.page(&sign_in_page("", None))
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
        let wait = [(RETRY_AFTER, seconds.to_string())];
        let page = visit.page(&sign_in_page(&email, Some(FormProblem::Busy)))?;
        return Ok((StatusCode::TOO_MANY_REQUESTS, wait, page).into_response());
    }
    let password = fields.exact("password").to_owned();
    let Some(user) = opened(&visit.app, &turns, &email, password).await? else {
        tracing::info!(%network, "sign_in.refused");
        let page = visit.page(&sign_in_page(&email, Some(FormProblem::Password)))?;
        return Ok((StatusCode::UNAUTHORIZED, page).into_response());
    };
    let mut tx = visit.app.db.begin().await?;
    let token = open_session(&visit.app, &mut tx, &user).await?;
    tx.commit().await?;
    Ok(welcome(&visit, &token))
}

/// Whom address and password open, after the same work whether there is such a user or not.
async fn opened(
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
    let user = user_of_link(&visit.app, &Token::shown(&token)).await?;
    visit.page(&enter_page(&token, &user, None))
}

/// `POST /admin/sign-in/{token}`: uses the link up.
pub(in crate::web) async fn enter(
    visit: Visit,
    State(turns): State<Arc<Semaphore>>,
    Path(token): Path<String>,
    fields: Fields,
) -> Result<Response, Error> {
    let link = Token::shown(&token);
    let user = user_of_link(&visit.app, &link).await?;
    let password = match new_password(&turns, fields.exact("password")).await? {
        Ok(password) => password,
        Err(problem) => {
            let page = visit.page(&enter_page(&token, &user, Some(problem)))?;
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
        }
    };
    let mut tx = visit.app.db.begin().await?;
    if !store::user::close(&mut tx, &link.hash()).await? {
        return Err(Error::Link(BadLink::Expired));
    }
    if let Some(password) = password {
        store::user::set_password(&mut tx, user.id, &password).await?;
    }
    let session = open_session(&visit.app, &mut tx, &user).await?;
    tx.commit().await?;
    Ok(welcome(&visit, &session))
}

async fn user_of_link(app: &App, link: &Token) -> Result<User, Error> {
    let mut tx = app.db.read().await?;
    let user =
        store::user::find_by_token(&mut tx, &link.hash(), TokenUse::SignIn, app.now()).await?;
    user.ok_or(Error::Link(BadLink::Expired))
}

/// The hash of a new password, if one is given.
async fn new_password(
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
        store::user::close(&mut tx, &token.hash()).await?;
        tx.commit().await?;
    }
    let gone = visit.cookie(cookie_name(&visit.app), "", TimeDelta::zero());
    let gone = gone.map(|cookie| [(SET_COOKIE, cookie)]);
    Ok((gone, Redirect::to("/admin/sign-in")).into_response())
}

async fn open_session(app: &App, tx: &mut Tx, user: &User) -> Result<Token, Error> {
    let token = Token::random();
    let now = app.now();
    let life = (now, now + SESSION);
    store::user::open(tx, &token.hash(), user.id, TokenUse::Session, life).await?;
    Ok(token)
}

/// Into the console, with a session's cookie.
fn welcome(visit: &Visit, session: &Token) -> Response {
    let cookie = visit.cookie(cookie_name(&visit.app), session.as_str(), SESSION);
    let cookie = cookie.map(|cookie| [(SET_COOKIE, cookie)]);
    (cookie, Redirect::to("/admin")).into_response()
}

/// With TLS, a name that browsers take only from this very host, and only when it's `Secure`.
fn cookie_name(app: &App) -> &'static str {
    if app.settings.base_url.starts_with("https:") {
        "__Host-visnyk"
    } else {
        "visnyk"
    }
}

fn shown(app: &App, headers: &HeaderMap) -> Option<Token> {
    let cookies = CookieJar::from_headers(headers);
    let cookie = cookies.get(cookie_name(app))?;
    Some(Token::shown(cookie.value()))
}

fn sign_in_page(email: &str, problem: Option<FormProblem>) -> SignIn {
    SignIn {
        action: "/admin/sign-in".to_owned(),
        email: email.to_owned(),
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
