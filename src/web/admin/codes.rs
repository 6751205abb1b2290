//! The second proof: it's asked for after the password, and set up or taken off in one's own
//! account.
//!
//! A page that sets it up makes a salt and keeps nothing; the form brings the salt back together
//! with a code that only its key gives, and only then is it kept. Recovery codes are shown once.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::Response;
use qrcodegen::QrCode;
use qrcodegen::QrCodeEcc;
use tokio::sync::Semaphore;

use crate::access::Token;
use crate::access::User;
use crate::access::totp::RecoveryCode;
use crate::access::totp::Totp;
use crate::app::App;
use crate::store;
use crate::store::Tx;
use crate::store::session::Shown;
use crate::store::session::TokenUse;
use crate::templates::admin::AskCode;
use crate::templates::board::Board;
use crate::templates::board::Cell;
use crate::templates::board::Facts;
use crate::templates::board::Form;
use crate::templates::board::Part;
use crate::templates::board::Picture;
use crate::templates::board::Table;
use crate::templates::forms::FormProblem;
use crate::web::admin::account;
use crate::web::admin::desk::back;
use crate::web::admin::desk::board;
use crate::web::admin::desk::field;
use crate::web::admin::desk::must;
use crate::web::admin::desk::note;
use crate::web::admin::desk::refused;
use crate::web::admin::session;
use crate::web::admin::session::Session;
use crate::web::error::Error;
use crate::web::form::Fields;
use crate::web::network::Budgets;
use crate::web::network::Network;
use crate::web::network::Try;
use crate::web::visit::Visit;

/// Characters of a salt.
const SALT: usize = 43;

/// `GET /admin/sign-in/code`.
pub(in crate::web) async fn ask(visit: Visit, headers: HeaderMap) -> Result<Response, Error> {
    session::shown_as(&visit.app, &headers, TokenUse::Code).await?;
    visit.page(&ask_page(None))
}

fn ask_page(problem: Option<FormProblem>) -> AskCode {
    AskCode {
        action: "/admin/sign-in/code".to_owned(),
        problem,
    }
}

/// `POST /admin/sign-in/code`: a code of the phone, or a recovery code.
pub(in crate::web) async fn enter(
    visit: Visit,
    network: Network,
    State(budgets): State<Arc<Budgets>>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response, Error> {
    let app = &visit.app;
    let user = session::shown_as(app, &headers, TokenUse::Code).await?.user;
    budgets.spend(Try::Code(user.id), app.now())?;
    let mut tx = app.db.begin().await?;
    if !takes(app, &mut tx, &user, fields.one("code")).await? {
        drop(tx);
        tracing::info!(%network, user = user.id, "code.refused");
        let page = visit.page(&ask_page(Some(FormProblem::Code)))?;
        return Ok((StatusCode::UNAUTHORIZED, page).into_response());
    }
    if let Some(half) = session::shown(app, &headers) {
        store::session::close(&mut tx, &half.hash()).await?;
    }
    let entered = session::entered(app, &mut tx, (&user, network), TokenUse::Session).await?;
    tx.commit().await?;
    Ok(session::welcome(&visit, &entered))
}

/// Whether this is a code of theirs that wasn't taken yet; takes it.
async fn takes(app: &App, tx: &mut Tx, user: &User, code: &str) -> Result<bool, Error> {
    let Some(salt) = store::user::totp_salt(tx, user.id).await? else {
        return Ok(false);
    };
    if let Some(step) = totp(app, user, &salt)?.step(code, app.now()) {
        return Ok(store::user::use_step(tx, user.id, step).await?);
    }
    let recovery = RecoveryCode::shown(code).hash();
    Ok(store::user::use_recovery(tx, user.id, &recovery).await?)
}

fn totp(app: &App, user: &User, salt: &str) -> Result<Totp, Error> {
    let shown = (app.site.name.as_str(), user.email.as_str());
    let totp = Totp::of(&app.secret, (user.id, salt), shown);
    totp.map_err(|problem| Error::trouble(problem.into()))
}

/// `GET /admin/account/code`: a key to set up, or what can be taken off.
pub(in crate::web) async fn page(
    visit: Visit,
    Session(session): Session,
) -> Result<Response, Error> {
    let page = set_up_or_off(&visit, &session.user, Token::random().as_str()).await?;
    board(&visit, &session.user, page)
}

async fn set_up_or_off(visit: &Visit, user: &User, salt: &str) -> Result<Board, Error> {
    let has_password = account::has_password(visit, user).await?;
    let password = has_password.then(|| must(field("password", "password", "password", "")));
    let code = must(field("code", "code", "text", ""));
    let form = |title, action: &str, hidden, button| Form {
        title,
        action: action.to_owned(),
        get: false,
        fields: [hidden, Some(code.clone()), password.clone()]
            .into_iter()
            .flatten()
            .collect(),
        buttons: vec![button],
    };
    let parts = if user.has_totp {
        let off = ("turn_off", "off");
        vec![Part::Form(form("", "/admin/account/code/off", None, off))]
    } else {
        let totp = totp(&visit.app, user, salt)?;
        let kept = Some(field("salt", "code", "hidden", salt));
        let facts = vec![("totp_key", Cell::text(totp.typed()))];
        vec![
            Part::Picture(picture(&totp)?),
            Part::Facts(Facts { title: "", facts }),
            Part::Form(form("", "/admin/account/code", kept, ("turn_on", "on"))),
        ]
    };
    Ok(Board {
        title: "second_factor",
        links: vec![("account", visit.app.url("/admin/account"))],
        about: None,
        parts,
        ..Board::default()
    })
}

/// The key for a phone's camera.
fn picture(totp: &Totp) -> Result<Picture, Error> {
    let address = totp
        .address()
        .map_err(|problem| Error::trouble(problem.into()))?;
    let code = QrCode::encode_text(&address, QrCodeEcc::Medium)
        .map_err(|problem| Error::trouble(problem.into()))?;
    let dots = (0..code.size()).flat_map(|y| (0..code.size()).map(move |x| (x, y)));
    let dark = dots.filter(|(x, y)| code.get_module(*x, *y));
    let squares: Vec<String> = dark.map(|(x, y)| format!("M{x} {y}h1v1h-1z")).collect();
    Ok(Picture {
        title: "totp_picture",
        size: code.size(),
        path: squares.concat(),
    })
}

/// `POST /admin/account/code`: from now on it's asked for. The answer shows the recovery codes,
/// once.
pub(in crate::web) async fn turn_on(
    visit: Visit,
    Session(session): Session,
    network: Network,
    State(budgets): State<Arc<Budgets>>,
    State(turns): State<Arc<Semaphore>>,
    fields: Fields,
) -> Result<Response, Error> {
    let visit = visit.at("/admin/account/code");
    let user = &session.user;
    let salt = fields.one("salt").to_owned();
    if user.has_totp || salt.len() != SALT {
        return Ok(back("/admin/account/code", ""));
    }
    let code = fields.one("code");
    let step = totp(&visit.app, user, &salt)?.step(code, visit.app.now());
    let proven = account::proves(&visit, user, (network, &budgets, &turns), &fields).await?;
    let step = match (proven, step) {
        (Ok(()), Some(step)) => step,
        (Ok(()), None) => return wrong(&visit, &session, &salt, visit.say("problem.code")?).await,
        (Err(problem), _) => return wrong(&visit, &session, &salt, problem).await,
    };
    let codes = RecoveryCode::some();
    let hashes: Vec<_> = codes.iter().map(RecoveryCode::hash).collect();
    let now = visit.app.now();
    let mut tx = visit.app.db.begin().await?;
    store::user::set_totp(&mut tx, user.id, (&salt, step), &hashes).await?;
    store::session::close_others(&mut tx, user.id, session.id).await?;
    let what = ("user.code_on", format!("user {}", user.id));
    note(&mut tx, user, what, Default::default(), now).await?;
    tx.commit().await?;
    show_once(&visit, &session, &codes)
}

fn show_once(visit: &Visit, session: &Shown, codes: &[RecoveryCode]) -> Result<Response, Error> {
    let rows = codes.iter().map(|code| vec![Cell::text(code.to_string())]);
    let table = Table {
        title: "",
        columns: vec!["recovery"],
        rows: rows.collect(),
    };
    let page = Board {
        title: "second_factor",
        done: Some("recovery_once"),
        links: vec![("account", visit.app.url("/admin/account"))],
        parts: vec![Part::Table(table)],
        ..Board::default()
    };
    board(visit, &session.user, page)
}

async fn wrong(
    visit: &Visit,
    session: &Shown,
    salt: &str,
    problem: String,
) -> Result<Response, Error> {
    let mut page = set_up_or_off(visit, &session.user, salt).await?;
    page.problem = Some(problem);
    refused(visit, &session.user, page)
}

/// `POST /admin/account/code/off`.
pub(in crate::web) async fn turn_off(
    visit: Visit,
    Session(session): Session,
    network: Network,
    State(budgets): State<Arc<Budgets>>,
    State(turns): State<Arc<Semaphore>>,
    fields: Fields,
) -> Result<Response, Error> {
    let visit = visit.at("/admin/account/code");
    let user = &session.user;
    if !user.has_totp {
        return Ok(back("/admin/account/code", ""));
    }
    let (app, now) = (&visit.app, visit.app.now());
    if let Err(problem) =
        account::proves(&visit, user, (network, &budgets, &turns), &fields).await?
    {
        return wrong(&visit, &session, "", problem).await;
    }
    budgets.spend(Try::Code(user.id), now)?;
    let mut tx = app.db.begin().await?;
    if !takes(app, &mut tx, user, fields.one("code")).await? {
        drop(tx);
        let problem = visit.say("problem.code")?;
        return wrong(&visit, &session, "", problem).await;
    }
    store::user::clear_totp(&mut tx, user.id).await?;
    let what = ("user.code_off", format!("user {}", user.id));
    note(&mut tx, user, what, Default::default(), now).await?;
    tx.commit().await?;
    Ok(back("/admin/account", "saved"))
}
