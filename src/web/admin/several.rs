//! `POST /admin/subscribers`: what was ticked in the table ends, or isn't written to any more. Each is
//! looked up by itself, within the reach of whoever is signed in, and stands in the log by itself.

use std::collections::HashSet;

use axum::response::IntoResponse;
use axum::response::Redirect;
use axum::response::Response;

use crate::access::User;
use crate::app::App;
use crate::audience::sign_up;
use crate::audience::sign_up::Standing;
use crate::audience::subscription::SubscriptionState;
use crate::store;
use crate::store::subscriber::Suppression;
use crate::web::admin::A_PAGE;
use crate::web::admin::desk::AnyEditor;
use crate::web::admin::desk::note;
use crate::web::admin::desk::note_after;
use crate::web::admin::own::OfList;
use crate::web::error::Error;
use crate::web::form::Fields;
use crate::web::visit::Visit;

/// Does it to all that were ticked; nothing unless somebody says that they mean it.
pub(in crate::web) async fn act(
    visit: Visit,
    AnyEditor(user): AnyEditor,
    fields: Fields,
) -> Result<Response, Error> {
    let app = &visit.app;
    let (done, told) = match fields.one("step") {
        "end" => (Deed::End, "ended"),
        "suppress" if user.reach.is_bound() => return Err(Error::Bound),
        "suppress" => (Deed::Suppress, "suppressed"),
        _ => return Err(Error::NotFound),
    };
    let mut count = 0;
    if fields.one("sure") == "yes" {
        let mut seen = HashSet::new();
        for id in fields.all("subscription").take(A_PAGE) {
            let standing = Standing::named(app, id, &user.reach).await?;
            let fresh = standing.filter(|standing| seen.insert(done.concerns(standing)));
            let Some(standing) = fresh else { continue };
            count += u64::from(done.to(app, &user, &standing).await?);
        }
    }
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("q", fields.one("q"));
    query.append_pair(told, &count.to_string());
    let back = format!("/admin/subscribers?{}", query.finish());
    Ok(Redirect::to(&back).into_response())
}

/// What is done to each.
#[derive(Debug, Clone, Copy)]
enum Deed {
    End,
    Suppress,
}

impl Deed {
    /// A subscription is ended, a person is suppressed: once, however many lists they have.
    fn concerns(self, standing: &Standing) -> i64 {
        match self {
            Self::End => standing.subscription.id.0,
            Self::Suppress => standing.subscriber.id.0,
        }
    }

    /// Says whether there was anything to do.
    async fn to(self, app: &App, user: &User, standing: &Standing) -> Result<bool, Error> {
        match self {
            Self::End if standing.subscription.state == SubscriptionState::Ended => Ok(false),
            Self::End => {
                sign_up::leave(app, standing, "console", "").await?;
                let subject = format!("subscription {}", standing.subscription.id.0);
                note_after(app, user, ("subscription.end", subject)).await?;
                Ok(true)
            }
            Self::Suppress => {
                let (email, now) = (&standing.subscriber.email, app.now());
                let subject = format!("suppression {}", app.secret.address_mac(email));
                let what = ("suppression.add", subject);
                let mut tx = app.db.begin().await?;
                let (why, secret) = (Suppression::Admin, &app.secret);
                store::subscriber::suppress(&mut tx, email, why, secret, now).await?;
                note(&mut tx, user, what, Default::default(), now).await?;
                tx.commit().await?;
                Ok(true)
            }
        }
    }
}
