//! The way in: a list's page and form, asking for it, and "send me my link".
//!
//! Whatever address comes in, the answer is the same. A form may be posted from any site; with our
//! own it brings a signed time, which tells people from programs and earns a larger budget.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Path;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::Redirect;
use axum::response::Response;
use chrono::TimeDelta;

use crate::access::BadLink;
use crate::access::Purpose;
use crate::access::SignedLink;
use crate::app::App;
use crate::audience::EmailAddress;
use crate::audience::list::List;
use crate::audience::sign_up;
use crate::store;
use crate::store::Tx;
use crate::templates::forms::FormProblem;
use crate::templates::forms::SignUpForm;
use crate::templates::pages::AskLink;
use crate::templates::pages::Asked;
use crate::templates::pages::Embed;
use crate::templates::pages::ListPage;
use crate::web::choices;
use crate::web::choices::Filled;
use crate::web::error::Error;
use crate::web::form::Fields;
use crate::web::network::Budgets;
use crate::web::network::Network;
use crate::web::network::Try;
use crate::web::pages;
use crate::web::visit::Visit;

/// How long everything takes that is asked for an address.
const EQUAL: Duration = Duration::from_millis(100);
/// Nobody fills in a form faster.
const FASTEST: TimeDelta = TimeDelta::seconds(2);
/// How long a form may lie open.
const LONGEST: TimeDelta = TimeDelta::hours(24);

/// `/lists/{slug}`.
pub(super) async fn list(visit: Visit, Path(slug): Path<String>) -> Result<Response, Error> {
    let mut tx = visit.app.db.read().await?;
    let list = find(&mut tx, &slug).await?;
    let form = fresh_form(&visit, &mut tx, &list).await?;
    list_page(&visit, &mut tx, &list, form).await
}

/// `/lists/{slug}/embed`: the form as HTML that any site can show.
pub(super) async fn embed(visit: Visit, Path(slug): Path<String>) -> Result<Response, Error> {
    let list = find(&mut visit.app.db.read().await?, &slug).await?;
    let code = format!(
        "<form method=\"post\" action=\"{}\">\n  <label>{} <input type=\"email\" name=\"email\" required></label>\n  \
         <input type=\"hidden\" name=\"language\" value=\"{}\">\n  <button>{}</button>\n</form>",
        subscribe_url(&visit.app, &list),
        visit.say("sign_up.email")?,
        visit.language,
        visit.say("sign_up.button")?,
    );
    visit.page(&Embed {
        list: pages::list_card(&visit, &list),
        code,
    })
}

/// `POST /lists/{slug}/subscribe`.
pub(super) async fn subscribe(
    visit: Visit,
    network: Network,
    State(budgets): State<Arc<Budgets>>,
    Path(slug): Path<String>,
    fields: Fields,
) -> Result<Response, Error> {
    let visit = visit.at(&format!("/lists/{slug}"));
    let mut tx = visit.app.db.read().await?;
    let list = find(&mut tx, &slug).await?;
    let filled = Filled::read(&fields);
    let (own, all) = match proof(&visit.app, &fields) {
        Proof::Program => return Ok(look_into_your_mailbox()),
        Proof::Expired => {
            return again(&visit, &mut tx, &list, &filled, FormProblem::Expired).await;
        }
        Proof::None => (Try::Embedded(network), Try::AnyEmbedded),
        Proof::Person => (Try::SignUp(network), Try::AnySignUp),
    };
    let now = visit.app.now();
    let told = budgets
        .spend(own, now)
        .and_then(|()| budgets.look(&all, now));
    let told = told.map_err(|_| FormProblem::Busy);
    let wish = match told {
        Ok(()) => choices::wish(&mut tx, &list, &filled).await?,
        Err(problem) => Err(problem),
    };
    let mut wish = match wish {
        Ok(wish) => wish,
        Err(problem) => return again(&visit, &mut tx, &list, &filled, problem).await,
    };
    drop(tx);
    wish.origin = format!("form {network}");
    wish.wording = [visit.say("sign_up.lead")?, visit.say("sign_up.promise")?].join(" ");
    if in_equal_time(sign_up::ask(&visit.app, &list, &wish)).await? {
        budgets.count_one(all, now);
    }
    tracing::info!(list = %list.slug, "subscribe.asked");
    Ok(look_into_your_mailbox())
}

/// `/asked`.
pub(super) async fn asked(visit: Visit) -> Result<Response, Error> {
    visit.page(&Asked {})
}

/// `/link`: "send me my link".
pub(super) async fn link(visit: Visit) -> Result<Response, Error> {
    visit.page(&link_form("", None))
}

/// `POST /link`.
pub(super) async fn send_link(
    visit: Visit,
    network: Network,
    State(budgets): State<Arc<Budgets>>,
    fields: Fields,
) -> Result<Response, Error> {
    budgets.spend(Try::SignUp(network), visit.app.now())?;
    let email = fields.one("email");
    let Ok(address) = email.parse::<EmailAddress>() else {
        let page = visit.page(&link_form(email, Some(FormProblem::Email)))?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    };
    in_equal_time(sign_up::send_link(&visit.app, &address)).await?;
    Ok(look_into_your_mailbox())
}

fn link_form(email: &str, problem: Option<FormProblem>) -> AskLink {
    AskLink {
        action: "/link".to_owned(),
        email: email.to_owned(),
        problem,
    }
}

/// The list of this slug.
pub(super) async fn find(tx: &mut Tx, slug: &str) -> Result<List, Error> {
    let list = store::list::find(tx, slug).await?;
    list.ok_or(Error::NotFound)
}

/// What a form shows of whoever posts it.
enum Proof {
    /// It's ours, and took as long as people take.
    Person,
    /// It's from another site.
    None,
    /// It's ours, and lay open too long; or it's none of ours.
    Expired,
    /// A field that nobody sees is filled in, or it took no time: a program. It learns nothing.
    Program,
}

fn proof(app: &App, fields: &Fields) -> Proof {
    if !fields.one("website").is_empty() {
        return Proof::Program;
    }
    let token = fields.one("form");
    if token.is_empty() {
        return Proof::None;
    }
    let now = app.now();
    let link = SignedLink::open(token, Purpose::Form, &app.secret);
    match link.and_then(|link| link.within(LONGEST, now)) {
        Ok(link) if now - link.made < FASTEST => Proof::Program,
        Ok(_) => Proof::Person,
        Err(BadLink::Expired | BadLink::Forged) => Proof::Expired,
    }
}

/// What is done for an address takes as long as for any other: whoever holds a watch learns no more
/// than whoever reads. Longer than all of it takes, and too short to be noticed.
pub(super) async fn in_equal_time<T>(work: impl Future<Output = T>) -> T {
    let (done, ()) = tokio::join!(work, tokio::time::sleep(EQUAL));
    done
}

/// The same for every address, known or not, and for programs.
fn look_into_your_mailbox() -> Response {
    Redirect::to("/asked").into_response()
}

/// The list's page once more, with what was filled in and what is wrong with it.
async fn again(
    visit: &Visit,
    tx: &mut Tx,
    list: &List,
    filled: &Filled,
    problem: FormProblem,
) -> Result<Response, Error> {
    let mut form = fresh_form(visit, tx, list).await?;
    filled.keep_in(&mut form);
    form.problem = Some(problem);
    let page = list_page(visit, tx, list, form).await?;
    if problem == FormProblem::Busy {
        let wait = [(axum::http::header::RETRY_AFTER, "60")];
        return Ok((StatusCode::TOO_MANY_REQUESTS, wait, page).into_response());
    }
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

async fn list_page(
    visit: &Visit,
    tx: &mut Tx,
    list: &List,
    form: SignUpForm,
) -> Result<Response, Error> {
    let articles = pages::taste(visit, tx, list).await?;
    visit.page(&ListPage {
        list: pages::list_card(visit, list),
        form,
        archive_url: visit.app.url(&format!("/archive/{}", list.slug)),
        articles,
    })
}

/// A list's form, nothing filled in, with the time it's shown at.
pub(super) async fn fresh_form(
    visit: &Visit,
    tx: &mut Tx,
    list: &List,
) -> Result<SignUpForm, Error> {
    let app = &visit.app;
    let shown = SignedLink {
        number: 0,
        made: app.now(),
    };
    let mut form = choices::form(tx, list, visit).await?;
    form.action = subscribe_url(app, list);
    form.form = shown.sign(Purpose::Form, &app.secret);
    Ok(form)
}

fn subscribe_url(app: &App, list: &List) -> String {
    app.url(&format!("/lists/{}/subscribe", list.slug))
}
