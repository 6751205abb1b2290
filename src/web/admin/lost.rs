//! A lost password: a letter with a link that is good once. Whoever asks, and for whichever
//! address, is answered the same.

use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use axum::response::Redirect;
use axum::response::Response;
use chrono::TimeDelta;

use crate::access::MAILED_LINK_WORKS;
use crate::app::App;
use crate::audience::EmailAddress;
use crate::letter::LetterPurpose;
use crate::store;
use crate::store::audit::Change;
use crate::templates::admin::Lost;
use crate::web::error::Error;
use crate::web::form::Fields;
use crate::web::network::Budgets;
use crate::web::network::Network;
use crate::web::network::Try;
use crate::web::visit::Visit;

/// The most such letters that one address gets in a day.
const LETTERS_A_DAY: i64 = 3;

/// `GET /admin/sign-in/lost`, with `?done=sent` after asking.
pub(in crate::web) async fn page(visit: Visit) -> Result<Response, Error> {
    visit.page(&Lost {
        action: "/admin/sign-in/lost".to_owned(),
        sent: visit.asked_for("done").is_some(),
    })
}

/// `POST /admin/sign-in/lost`.
pub(in crate::web) async fn ask(
    visit: Visit,
    network: Network,
    State(budgets): State<Arc<Budgets>>,
    fields: Fields,
) -> Result<Response, Error> {
    budgets.spend(Try::SignUp(network), visit.app.now())?;
    if let Ok(email) = fields.one("email").parse::<EmailAddress>() {
        write(&visit.app, &email, network).await?;
    }
    Ok(Redirect::to("/admin/sign-in/lost?done=sent").into_response())
}

/// Queues the letter, if this is the address of somebody who may sign in and had no more than
/// their share today.
async fn write(app: &App, email: &EmailAddress, network: Network) -> store::Result<()> {
    let (purpose, now) = (LetterPurpose::Password, app.now());
    let mut tx = app.db.begin().await?;
    let Some((user, _)) = store::user::find(&mut tx, email).await? else {
        return Ok(());
    };
    let day_ago = now - TimeDelta::days(1);
    if store::letter::count_to_user(&mut tx, purpose, user.id, day_ago).await? >= LETTERS_A_DAY {
        return Ok(());
    }
    let until = now + MAILED_LINK_WORKS;
    store::letter::add_to_user(&mut tx, purpose, user.id, (now, until)).await?;
    let change = Change {
        actor: format!("somebody at {network}"),
        action: "user.lost_password",
        subject: format!("user {}", user.id),
        ..Change::default()
    };
    store::audit::record(&mut tx, &change, now).await?;
    tx.commit().await?;
    app.letters_waiting.notify_one();
    Ok(())
}
