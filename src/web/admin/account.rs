//! One's own account: the password, the provider, where one is signed in, and the second proof. Open also to
//! whoever must still set up a second proof.

use std::sync::Arc;

use axum::extract::Path;
use axum::extract::State;
use axum::response::Response;
use tokio::sync::Semaphore;

use crate::access::User;
use crate::access::oidc::Provider;
use crate::store;
use crate::store::identity::Bound;
use crate::store::session::Listed;
use crate::store::session::Shown;
use crate::store::session::TokenUse;
use crate::templates::board::Board;
use crate::templates::board::Buttons;
use crate::templates::board::Cell;
use crate::templates::board::Facts;
use crate::templates::board::Form;
use crate::templates::board::Part;
use crate::templates::board::Table;
use crate::web::admin::desk::back;
use crate::web::admin::desk::board;
use crate::web::admin::desk::field;
use crate::web::admin::desk::moment;
use crate::web::admin::desk::must;
use crate::web::admin::desk::note;
use crate::web::admin::desk::refused;
use crate::web::admin::session::Session;
use crate::web::admin::session::entered;
use crate::web::admin::session::new_password;
use crate::web::admin::session::opened;
use crate::web::admin::session::welcome_to;
use crate::web::error::Error;
use crate::web::form::Fields;
use crate::web::network::Budgets;
use crate::web::network::Network;
use crate::web::network::Try;
use crate::web::visit::Visit;

/// `GET /admin/account`.
pub(in crate::web) async fn page(
    visit: Visit,
    Session(session): Session,
) -> Result<Response, Error> {
    let page = account(&visit, &session).await?;
    board(&visit, &session.user, page)
}

async fn account(visit: &Visit, session: &Shown) -> Result<Board, Error> {
    let user = &session.user;
    let mut tx = visit.app.db.read().await?;
    let sessions = store::session::of_user(&mut tx, user.id, visit.app.now()).await?;
    let left = store::user::count_recovery(&mut tx, user.id).await?;
    let lists = store::list::all(&mut tx).await?;
    let bound = store::identity::of_user(&mut tx, user.id).await?;
    drop(tx);
    let mut facts = vec![
        ("address", Cell::text(user.email.to_string())),
        ("role", Cell::word(user.role.as_str())),
        (
            "second_factor",
            Cell::word(if user.has_totp { "on" } else { "off" }),
        ),
    ];
    if user.reach.is_bound() {
        let own = lists.iter().filter(|list| user.reach.has(list.id));
        let own: Vec<&str> = own.map(|list| list.name.as_str()).collect();
        facts.insert(2, ("lists", Cell::text(own.join(", "))));
    }
    if user.has_totp {
        facts.push(("recovery_left", Cell::text(left.to_string())));
    }
    facts.extend(
        bound
            .iter()
            .map(|bound| ("provider", Cell::text(provider(visit, bound)))),
    );
    let unbind = ("/admin/account/provider/unbind".to_owned(), "unbind");
    let unbind = (!bound.is_empty()).then(|| {
        Part::Buttons(Buttons {
            buttons: vec![unbind],
        })
    });
    Ok(Board {
        title: "account",
        links: vec![("second_factor", visit.app.url("/admin/account/code"))],
        parts: [Part::Facts(Facts { title: "", facts })]
            .into_iter()
            .chain(unbind)
            .chain([
                Part::Form(password_form(has_password(visit, user).await?)),
                Part::Table(table_of(visit, session.id, sessions)),
                Part::Buttons(Buttons {
                    buttons: vec![("/admin/account/sessions/end".to_owned(), "end_others")],
                }),
            ])
            .collect(),
        ..Board::default()
    })
}

/// By the name that people know it by, if it's still the one that they may sign in by.
pub(super) fn provider<'a>(visit: &'a Visit, bound: &'a Bound) -> &'a str {
    let known = visit.app.provider.as_deref();
    let known = known.filter(|provider| provider.issuer() == bound.issuer);
    known.map_or(bound.issuer.as_str(), Provider::name)
}

fn table_of(visit: &Visit, this: i64, sessions: Vec<Listed>) -> Table {
    let rows = sessions.into_iter().map(|one| {
        let close = format!("/admin/account/sessions/{}/end", one.id);
        vec![
            Cell::text(one.network),
            Cell::text(moment(visit, one.created_at)),
            Cell::text(moment(visit, one.seen_at)),
            if one.id == this {
                Cell::word("this_session")
            } else {
                Cell::button("end", close)
            },
        ]
    });
    Table {
        title: "sessions",
        columns: vec!["from_where", "since", "last_seen", "action"],
        rows: rows.collect(),
    }
}

fn password_form(has_one: bool) -> Form {
    let current = has_one.then(|| must(field("password", "password", "password", "")));
    let new = must(field("new_password", "new_password", "password", ""));
    Form {
        title: "change_password",
        action: "/admin/account/password".to_owned(),
        get: false,
        fields: current.into_iter().chain([new]).collect(),
        buttons: vec![("save", "save")],
    }
}

/// Whether they set a password yet: who came by a link may have none.
pub(super) async fn has_password(visit: &Visit, user: &User) -> Result<bool, Error> {
    let found = store::user::find(&mut visit.app.db.read().await?, &user.email).await?;
    Ok(found.is_some_and(|(_, password)| password.is_some()))
}

/// Whether whoever sits here knows the password, if there is one; what they are told if not. A few
/// tries only.
pub(super) async fn proves(
    visit: &Visit,
    user: &User,
    (network, budgets, turns): (Network, &Budgets, &Semaphore),
    fields: &Fields,
) -> Result<Result<(), String>, Error> {
    if !has_password(visit, user).await? {
        return Ok(Ok(()));
    }
    let email = user.email.as_str().to_lowercase();
    budgets.spend(Try::Password(network, email), visit.app.now())?;
    let password = fields.exact("password").to_owned();
    let found = opened(&visit.app, turns, user.email.as_str(), password).await?;
    if found.is_some() {
        return Ok(Ok(()));
    }
    Ok(Err(visit.say("desk.wrong_password")?))
}

/// `POST /admin/account/password`: every other session ends.
pub(in crate::web) async fn password(
    visit: Visit,
    Session(session): Session,
    network: Network,
    State(budgets): State<Arc<Budgets>>,
    State(turns): State<Arc<Semaphore>>,
    fields: Fields,
) -> Result<Response, Error> {
    let visit = visit.at("/admin/account");
    let user = &session.user;
    if let Err(problem) = proves(&visit, user, (network, &budgets, &turns), &fields).await? {
        return wrong(&visit, &session, problem).await;
    }
    let Ok(Some(password)) = new_password(&turns, fields.exact("new_password")).await? else {
        let problem = visit.say("problem.length")?;
        return wrong(&visit, &session, problem).await;
    };
    let now = visit.app.now();
    let mut tx = visit.app.db.begin().await?;
    store::user::set_password(&mut tx, user.id, &password, now).await?;
    let what = ("user.password", format!("user {}", user.id));
    note(&mut tx, user, what, Default::default(), now).await?;
    let anew = entered(&visit.app, &mut tx, (user, network), TokenUse::Session).await?;
    tx.commit().await?;
    Ok(welcome_to(&visit, &anew, "/admin/account?done=saved"))
}

async fn wrong(visit: &Visit, session: &Shown, problem: String) -> Result<Response, Error> {
    let mut page = account(visit, session).await?;
    page.problem = Some(problem);
    refused(visit, &session.user, page)
}

/// `POST /admin/account/sessions/{id}/end`.
pub(in crate::web) async fn end(
    visit: Visit,
    Session(session): Session,
    Path(id): Path<i64>,
) -> Result<Response, Error> {
    let user = &session.user;
    let now = visit.app.now();
    let mut tx = visit.app.db.begin().await?;
    if !store::session::close_one(&mut tx, user.id, id).await? {
        return Err(Error::NotFound);
    }
    let what = ("session.end", format!("user {}", user.id));
    note(&mut tx, user, what, Default::default(), now).await?;
    tx.commit().await?;
    Ok(back("/admin/account", "saved"))
}

/// `POST /admin/account/sessions/end`: all but this one.
pub(in crate::web) async fn end_others(
    visit: Visit,
    Session(session): Session,
) -> Result<Response, Error> {
    let user = &session.user;
    let now = visit.app.now();
    let mut tx = visit.app.db.begin().await?;
    if store::session::close_others(&mut tx, user.id, session.id).await? > 0 {
        let what = ("session.end_others", format!("user {}", user.id));
        note(&mut tx, user, what, Default::default(), now).await?;
        tx.commit().await?;
    }
    Ok(back("/admin/account", "saved"))
}
