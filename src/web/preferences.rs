//! A reader's own page: what they chose, a pause, another address, their data, being forgotten.
//!
//! Each button posts to an address below the page's own, and leads back to the page, which says
//! what was done.

use std::sync::Arc;

use axum::Json;
use axum::extract::Path;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_DISPOSITION;
use axum::response::IntoResponse;
use axum::response::Redirect;
use axum::response::Response;
use chrono::NaiveDate;
use chrono::TimeDelta;

use crate::access::Purpose;
use crate::audience::EmailAddress;
use crate::audience::Format;
use crate::audience::forget;
use crate::audience::list::Cadence;
use crate::audience::preferences;
use crate::audience::private_feed;
use crate::audience::sign_up;
use crate::audience::sign_up::Standing;
use crate::audience::sign_up::Wish;
use crate::store;
use crate::templates::cards::ListCard;
use crate::templates::forms::FormProblem;
use crate::templates::forms::SignUpForm;
use crate::templates::pages::Done;
use crate::templates::pages::PauseForm;
use crate::templates::pages::Preferences;
use crate::web::choices;
use crate::web::choices::Filled;
use crate::web::error::Error;
use crate::web::form::Fields;
use crate::web::network::Budgets;
use crate::web::network::Network;
use crate::web::network::Try;
use crate::web::reader;
use crate::web::reader::has_left;
use crate::web::reader::left_page;
use crate::web::reader::own_url;
use crate::web::sign_up::in_equal_time;
use crate::web::visit::Visit;

/// `GET /preferences/{token}`, with what a button did in `?done=`.
pub(super) async fn page(visit: Visit, Path(token): Path<String>) -> Result<Response, Error> {
    let standing = standing(&visit, &token).await?;
    if has_left(&standing) {
        return left_page(&visit, standing);
    }
    let done = visit.asked_for("done").and_then(|done| Done::of(&done));
    show(&visit, standing, &token, done, None).await
}

async fn standing(visit: &Visit, token: &str) -> Result<Standing, Error> {
    Ok(sign_up::standing(&visit.app, token, Purpose::Preferences).await?)
}

/// Back to the page after a button, so that a reload posts nothing.
fn done(token: &str, done: Done) -> Response {
    let word = done.as_str();
    Redirect::to(&format!("/preferences/{token}?done={word}")).into_response()
}

/// `POST /preferences/{token}`.
pub(super) async fn choose(
    visit: Visit,
    network: Network,
    Path(token): Path<String>,
    fields: Fields,
) -> Result<Response, Error> {
    let visit = visit.at(&format!("/preferences/{token}"));
    let standing = standing(&visit, &token).await?;
    if has_left(&standing) {
        return left_page(&visit, standing);
    }
    let filled = Filled::read(&fields).by(&standing.subscriber.email);
    let mut tx = visit.app.db.read().await?;
    let wish = choices::wish(&mut tx, &standing.list, &filled).await?;
    drop(tx);
    let wish = match wish {
        Ok(wish) => wish,
        Err(problem) => return refused(&visit, standing, &token, Some(&filled), problem).await,
    };
    let wish = Wish {
        origin: format!("preferences {network}"),
        wording: visit.say("preferences.button")?,
        ..wish
    };
    sign_up::choose(&visit.app, &standing, &wish).await?;
    let format = match fields.one("format") {
        "text" => Format::Text,
        _ => Format::Both,
    };
    preferences::set_format(&visit.app, &standing, format).await?;
    Ok(done(&token, Done::Saved))
}

/// `POST /preferences/{token}/pause`: until a day, or, without one, no longer.
pub(super) async fn pause(
    visit: Visit,
    network: Network,
    Path(token): Path<String>,
    fields: Fields,
) -> Result<Response, Error> {
    let visit = visit.at(&format!("/preferences/{token}"));
    let standing = standing(&visit, &token).await?;
    let origin = format!("preferences {network}");
    if !fields.one("resume").is_empty() {
        let wording = visit.say("pause.resume")?;
        preferences::resume(&visit.app, &standing, (&origin, &wording)).await?;
        return Ok(done(&token, Done::Resumed));
    }
    let wording = visit.say("pause.button")?;
    if let Ok(until) = fields.one("until").parse::<NaiveDate>()
        && preferences::pause(&visit.app, &standing, until, (&origin, &wording)).await?
    {
        return Ok(done(&token, Done::Paused));
    }
    refused(&visit, standing, &token, None, FormProblem::Until).await
}

/// `POST /preferences/{token}/return`: they left, and take it back, as it was or with fewer
/// letters, or to have a month's rest.
pub(super) async fn come_back(
    visit: Visit,
    network: Network,
    Path(token): Path<String>,
    fields: Fields,
) -> Result<Response, Error> {
    let visit = visit.at(&format!("/preferences/{token}"));
    let standing = standing(&visit, &token).await?;
    let how = fields.one("how").to_owned();
    let origin = format!("preferences {network}");
    let wording = visit.say("left.return")?;
    let rarer = how.parse::<Cadence>().ok();
    let evidence = (origin.as_str(), wording.as_str());
    if !preferences::come_back(&visit.app, &standing, rarer, evidence).await? {
        return left_page(&visit, standing);
    }
    if how != "pause" {
        return Ok(done(&token, Done::Returned));
    }
    let today = visit
        .app
        .now()
        .utc()
        .with_timezone(&standing.subscriber.zone);
    let until = today.date_naive() + A_REST;
    preferences::pause(&visit.app, &standing, until, evidence).await?;
    Ok(done(&token, Done::Paused))
}

/// The pause offered to somebody who has just left.
const A_REST: TimeDelta = TimeDelta::days(30);

/// `POST /preferences/{token}/feed`: a private feed with a new address, or none.
pub(super) async fn feed(
    visit: Visit,
    Path(token): Path<String>,
    fields: Fields,
) -> Result<Response, Error> {
    let standing = standing(&visit, &token).await?;
    let subscription = standing.subscription.id;
    if fields.one("feed") == "off" {
        private_feed::close(&visit.app, subscription).await?;
        return Ok(done(&token, Done::FeedClosed));
    }
    if has_left(&standing) {
        return left_page(&visit, standing);
    }
    private_feed::open(&visit.app, subscription).await?;
    Ok(done(&token, Done::FeedOpened))
}

/// `POST /preferences/{token}/address`.
pub(super) async fn address(
    visit: Visit,
    network: Network,
    State(budgets): State<Arc<Budgets>>,
    Path(token): Path<String>,
    fields: Fields,
) -> Result<Response, Error> {
    let visit = visit.at(&format!("/preferences/{token}"));
    let standing = standing(&visit, &token).await?;
    budgets.spend(Try::SignUp(network), visit.app.now())?;
    let Ok(new) = fields.one("email").parse::<EmailAddress>() else {
        return refused(&visit, standing, &token, None, FormProblem::Email).await;
    };
    in_equal_time(preferences::ask_address(&visit.app, &standing, &new)).await?;
    Ok(done(&token, Done::Address))
}

/// `POST /preferences/{token}/erasure`.
pub(super) async fn erasure(
    visit: Visit,
    network: Network,
    State(budgets): State<Arc<Budgets>>,
    Path(token): Path<String>,
) -> Result<Response, Error> {
    let standing = standing(&visit, &token).await?;
    budgets.spend(Try::SignUp(network), visit.app.now())?;
    forget::ask(&visit.app, &standing).await?;
    Ok(done(&token, Done::Erasure))
}

/// `/preferences/{token}/data.json`: all that is held about the reader.
pub(super) async fn data(visit: Visit, Path(token): Path<String>) -> Result<Response, Error> {
    let standing = standing(&visit, &token).await?;
    let data = preferences::export(&visit.app, &standing.subscriber).await?;
    let file = [(CONTENT_DISPOSITION, "attachment; filename=\"visnyk.json\"")];
    Ok((file, Json(data)).into_response())
}

async fn refused(
    visit: &Visit,
    standing: Standing,
    token: &str,
    filled: Option<&Filled>,
    problem: FormProblem,
) -> Result<Response, Error> {
    let page = show(visit, standing, token, None, Some((filled, problem))).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

async fn show(
    visit: &Visit,
    standing: Standing,
    token: &str,
    done: Option<Done>,
    wrong: Option<(Option<&Filled>, FormProblem)>,
) -> Result<Response, Error> {
    let action = format!("/preferences/{token}");
    let mut form = form(visit, &standing, &action).await?;
    if let Some((filled, problem)) = wrong {
        form.problem = Some(problem);
        if let Some(filled) = filled {
            filled.keep_in(&mut form);
        }
    }
    let zone = standing.subscriber.zone;
    let today = visit.app.now().utc().with_timezone(&zone).date_naive();
    let paused_until = standing.subscription.paused_until;
    visit.page(&Preferences {
        leave_url: own_url(visit, &standing, Purpose::Leave),
        others: others(visit, &standing).await?,
        feed_url: private_feed::address(&visit.app, standing.subscription.id).await?,
        address: standing.subscriber.email.to_string(),
        text_only: standing.subscriber.format == Format::Text,
        pause: PauseForm {
            until: paused_until.map(|until| until.utc().with_timezone(&zone).date_naive()),
            earliest: today + TimeDelta::days(1),
            latest: today + TimeDelta::days(365),
        },
        list: standing.list.name,
        action,
        form,
        done,
    })
}

async fn form(visit: &Visit, standing: &Standing, action: &str) -> Result<SignUpForm, Error> {
    let mut tx = visit.app.db.read().await?;
    let mut form = choices::form_of(&mut tx, standing, visit).await?;
    action.clone_into(&mut form.action);
    Ok(form)
}

/// What else they have, each with its own page.
async fn others(visit: &Visit, standing: &Standing) -> Result<Vec<ListCard>, Error> {
    let mut tx = visit.app.db.read().await?;
    let mut others = Vec::new();
    for other in store::subscription::of_subscriber(&mut tx, standing.subscriber.id).await? {
        let list = store::list::get(&mut tx, other.list_id).await?;
        let other = Standing {
            subscriber: standing.subscriber.clone(),
            list,
            subscription: other,
        };
        if other.subscription.id == standing.subscription.id || !reader::is_alive(&other) {
            continue;
        }
        others.push(ListCard {
            name: other.list.name.clone(),
            description: String::new(),
            url: own_url(visit, &other, Purpose::Preferences),
        });
    }
    Ok(others)
}
