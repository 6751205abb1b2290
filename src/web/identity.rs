//! What the rarer links in letters open: taking another address, and being forgotten. Looking
//! changes nothing; a button posts.

use axum::extract::Path;
use axum::response::Response;

use crate::access::Purpose;
use crate::access::SignedLink;
use crate::audience::forget;
use crate::audience::preferences;
use crate::clock::Stamp;
use crate::store;
use crate::templates::pages::AddressChanged;
use crate::templates::pages::Erase;
use crate::templates::pages::Erased;
use crate::templates::pages::NewAddress;
use crate::web::error::Error;
use crate::web::network::Network;
use crate::web::visit::Visit;

/// `GET /address/{token}`.
pub(super) async fn new_address(
    visit: Visit,
    Path(token): Path<String>,
) -> Result<Response, Error> {
    let change = preferences::address_move(&visit.app, &token).await?;
    visit.page(&NewAddress {
        address: change.to.email.to_string(),
        action: format!("/address/{token}"),
    })
}

/// `POST /address/{token}`.
pub(super) async fn change_address(
    visit: Visit,
    network: Network,
    Path(token): Path<String>,
) -> Result<Response, Error> {
    let change = preferences::address_move(&visit.app, &token).await?;
    let (origin, wording) = (format!("page {network}"), visit.say("new_address.button")?);
    preferences::change_address(&visit.app, &change, (&origin, &wording)).await?;
    let mut tx = visit.app.db.read().await?;
    let subscriptions = store::subscription::of_subscriber(&mut tx, change.who.id).await?;
    let preferences = subscriptions.last().map(|newest| {
        let link = SignedLink {
            number: newest.id.0,
            made: Stamp(0),
        };
        let token = link.sign(Purpose::Preferences, &visit.app.secret);
        visit.app.url(&format!("/preferences/{token}"))
    });
    visit.page(&AddressChanged {
        address: change.to.email.to_string(),
        preferences_url: preferences,
    })
}

/// `GET /erase/{token}`.
pub(super) async fn erase(visit: Visit, Path(token): Path<String>) -> Result<Response, Error> {
    let subscriber = forget::whom(&visit.app, &token).await?;
    visit.page(&Erase {
        address: subscriber.email.to_string(),
        action: format!("/erase/{token}"),
    })
}

/// `POST /erase/{token}`.
pub(super) async fn erased(
    visit: Visit,
    network: Network,
    Path(token): Path<String>,
) -> Result<Response, Error> {
    let subscriber = forget::whom(&visit.app, &token).await?;
    let (origin, wording) = (format!("page {network}"), visit.say("erase.button")?);
    forget::forget(&visit.app, &subscriber, (&origin, &wording)).await?;
    visit.app.scrub_later();
    visit.page(&Erased {})
}
