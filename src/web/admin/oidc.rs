//! Sign-in by a provider: there by a link, back with a code. It lets in whom the provider vouches for
//! and who is a user here already: the first time by a verified address, from then on by the
//! provider's own name for them alone, so that whoever gets that address there later isn't them.
//!
//! A try is good once, within ten minutes, and in the browser that began it: that holds a token, we
//! keep its hash. What went wrong is said on the sign-in page, at an address that holds no code.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::header::SET_COOKIE;
use axum::response::IntoResponse;
use axum::response::Redirect;
use axum::response::Response;
use axum_extra::extract::CookieJar;
use chrono::TimeDelta;
use serde_json::json;

use crate::access::Token;
use crate::access::User;
use crate::access::oidc::Attempt;
use crate::access::oidc::Proven;
use crate::access::oidc::Provider;
use crate::access::oidc::Unproven;
use crate::app::App;
use crate::audience::EmailAddress;
use crate::store;
use crate::store::Tx;
use crate::templates::forms::FormProblem;
use crate::web::admin::desk::back;
use crate::web::admin::desk::note;
use crate::web::admin::session;
use crate::web::admin::session::Entered;
use crate::web::admin::session::Session;
use crate::web::error::Error;
use crate::web::network::Budgets;
use crate::web::network::Network;
use crate::web::network::Try;
use crate::web::visit::Visit;

/// How long somebody may take at the provider.
const TRY: TimeDelta = TimeDelta::minutes(10);

/// Nobody, and what they are told; or a problem of our own.
enum Refused {
    Told(FormProblem),
    Ours(Error),
}

impl<E: Into<Error>> From<E> for Refused {
    fn from(problem: E) -> Self {
        Self::Ours(problem.into())
    }
}

impl From<Unproven> for FormProblem {
    fn from(problem: Unproven) -> Self {
        match problem {
            Unproven::Away(_) => Self::ProviderAway,
            Unproven::Code => Self::ProviderStale,
            Unproven::Wrong(_) | Unproven::Signature => Self::ProviderBroken,
        }
    }
}

fn told(problem: Unproven) -> Refused {
    tracing::warn!(problem = problem.to_string(), "oidc.unproven");
    Refused::Told(problem.into())
}

fn provider(app: &App) -> Result<&Provider, Error> {
    app.provider.as_deref().ok_or(Error::NotFound)
}

/// `GET /admin/oidc`: on to the provider. A link and no form, since browsers let no form of ours
/// lead to another site.
pub(in crate::web) async fn begin(
    visit: Visit,
    network: Network,
    State(budgets): State<Arc<Budgets>>,
) -> Result<Response, Error> {
    let (app, now) = (&visit.app, visit.app.now());
    let provider = provider(app)?;
    if let Err(Error::TooMany(seconds)) = budgets.spend(Try::Provider(network), now) {
        return session::busy(&visit.clone().at("/admin/sign-in"), "", seconds);
    }
    let token = Token::random();
    let attempt = Attempt::of(&token, &app.secret);
    let there = match provider.begin(&attempt, now).await {
        Ok(there) => there,
        Err(problem) => return refused(&visit, told(problem)),
    };
    let mut tx = app.db.begin().await?;
    store::identity::begin(&mut tx, &token.hash(), (now, now + TRY)).await?;
    tx.commit().await?;
    let kept = visit.cookie(cookie_name(&visit), token.as_str(), TRY);
    let kept = kept.map(|cookie| [(SET_COOKIE, cookie)]);
    Ok((kept, Redirect::to(there.as_str())).into_response())
}

/// `GET /admin/oidc/callback`: back with a code, or a refusal.
pub(in crate::web) async fn callback(
    visit: Visit,
    network: Network,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let provider = provider(&visit.app)?;
    match enter(&visit, provider, network, &headers).await {
        Ok(entered) => Ok(without_try(&visit, session::welcome(&visit, &entered))),
        Err(problem) => {
            tracing::info!(%network, "sign_in.refused");
            refused(&visit, problem)
        }
    }
}

/// Their session, if all is as it should be.
async fn enter(
    visit: &Visit,
    provider: &Provider,
    network: Network,
    headers: &HeaderMap,
) -> Result<Entered, Refused> {
    let (app, now) = (&visit.app, visit.app.now());
    said_no(visit, provider).map_err(Refused::Told)?;
    let attempt = used_up(visit, headers).await?;
    let code = visit.asked_for("code");
    let code = code.ok_or(Refused::Told(FormProblem::ProviderBroken))?;
    let proven = provider.finish(&code, &attempt, now).await;
    let proven = proven.map_err(told)?;
    let whom = (provider.issuer(), proven.subject.as_str());
    let mut tx = app.db.read().await?;
    let bound = store::identity::find(&mut tx, whom.0, whom.1).await?;
    drop(tx);
    let email = match bound {
        Some(_) => None,
        None => Some(verified_address(app, provider, &proven).await?),
    };
    let mut tx = app.db.begin().await?;
    let user = match (bound, email) {
        (Some(id), _) => store::user::find_by_id(&mut tx, id).await?,
        (None, Some(email)) => bind(app, &mut tx, &email, whom).await?,
        (None, None) => None,
    };
    let user = user.ok_or(Refused::Told(FormProblem::ProviderStranger))?;
    let by = json!({ "by": provider.issuer() }).to_string();
    let what = ("user.sign_in", format!("user {}", user.id));
    note(&mut tx, &user, what, (String::new(), by), now).await?;
    let entered = session::open_session(app, &mut tx, &user, network).await?;
    tx.commit().await?;
    Ok(entered)
}

/// The try that this browser began, which is over with this.
async fn used_up(visit: &Visit, headers: &HeaderMap) -> Result<Attempt, Refused> {
    let (app, late) = (&visit.app, || Refused::Told(FormProblem::ProviderStale));
    let cookies = CookieJar::from_headers(headers);
    let cookie = cookies.get(cookie_name(visit)).ok_or_else(late)?;
    let token = Token::shown(cookie.value());
    let attempt = Attempt::of(&token, &app.secret);
    let state = visit.asked_for("state").ok_or_else(late)?;
    if !attempt.is_state(&state) {
        return Err(late());
    }
    let mut tx = app.db.begin().await?;
    let is_good = store::identity::take(&mut tx, &token.hash(), app.now()).await?;
    tx.commit().await?;
    if is_good { Ok(attempt) } else { Err(late()) }
}

/// What they are told if the provider says no, or if it's another that speaks (RFC 9207). Nobody is
/// let in by that, so it needs no try: some providers leave the state out.
fn said_no(visit: &Visit, provider: &Provider) -> Result<(), FormProblem> {
    let from = visit.asked_for("iss");
    if from.is_some_and(|from| from != provider.issuer()) {
        return Err(FormProblem::ProviderBroken);
    }
    match visit.asked_for("error").as_deref() {
        None => Ok(()),
        Some("access_denied" | "login_required" | "consent_required" | "interaction_required") => {
            Err(FormProblem::ProviderDenied)
        }
        Some("server_error" | "temporarily_unavailable") => Err(FormProblem::ProviderAway),
        Some(_) => Err(FormProblem::ProviderBroken),
    }
}

async fn verified_address(
    app: &App,
    provider: &Provider,
    proven: &Proven,
) -> Result<EmailAddress, Refused> {
    let address = provider.address(proven, app.now()).await.map_err(told)?;
    let address = address.filter(|address| address.is_verified);
    let address = address.and_then(|address| address.email.parse().ok());
    address.ok_or(Refused::Told(FormProblem::ProviderUnverified))
}

/// The user with this address, bound from now on; nobody is made.
async fn bind(
    app: &App,
    tx: &mut Tx,
    email: &EmailAddress,
    (issuer, subject): (&str, &str),
) -> Result<Option<User>, Refused> {
    let Some((user, _)) = store::user::find(tx, email).await? else {
        return Ok(None);
    };
    if !store::identity::bind(tx, user.id, (issuer, subject), app.now()).await? {
        return Err(Refused::Told(FormProblem::ProviderOther));
    }
    let became = json!({ "issuer": issuer, "subject": subject }).to_string();
    let what = ("user.provider_on", format!("user {}", user.id));
    note(tx, &user, what, (String::new(), became), app.now()).await?;
    Ok(Some(user))
}

/// Back to the sign-in page, which says what is wrong.
fn refused(visit: &Visit, problem: Refused) -> Result<Response, Error> {
    match problem {
        Refused::Told(problem) => {
            let path = format!("/admin/sign-in?problem={}", problem.as_str());
            Ok(without_try(visit, Redirect::to(&path).into_response()))
        }
        Refused::Ours(problem) => Err(problem),
    }
}

fn without_try(visit: &Visit, mut response: Response) -> Response {
    let gone: Option<HeaderValue> = visit.cookie(cookie_name(visit), "", TimeDelta::zero());
    if let Some(gone) = gone {
        response.headers_mut().append(SET_COOKIE, gone);
    }
    response
}

fn cookie_name(visit: &Visit) -> &'static str {
    if visit.is_secure() {
        "__Host-visnyk-oidc"
    } else {
        "visnyk-oidc"
    }
}

/// `POST /admin/account/provider/unbind`.
pub(in crate::web) async fn unbind(
    visit: Visit,
    Session(session): Session,
) -> Result<Response, Error> {
    let (app, user) = (&visit.app, &session.user);
    let mut tx = app.db.begin().await?;
    if store::identity::unbind(&mut tx, user.id).await? {
        let what = ("user.provider_off", format!("user {}", user.id));
        note(&mut tx, user, what, Default::default(), app.now()).await?;
        tx.commit().await?;
    }
    Ok(back("/admin/account", "saved"))
}
