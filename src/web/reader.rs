//! What the links in letters open: confirm and leave.
//!
//! Gateways follow links, so looking changes nothing; a button posts. Pressing it again finds it
//! done. A mailbox provider leaves for its user with one POST (RFC 8058), which gets a bare 200: no
//! page, no cookie, no redirect.

use axum::body::Bytes;
use axum::extract::Path;
use axum::http::HeaderMap;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::response::Response;

use crate::access::BadLink;
use crate::access::Purpose;
use crate::access::SignedLink;
use crate::audience::preferences;
use crate::audience::sign_up;
use crate::audience::sign_up::Standing;
use crate::audience::subscription::SubscriptionState;
use crate::clock::Stamp;
use crate::templates::pages::Confirm;
use crate::templates::pages::Confirmed;
use crate::templates::pages::Leave;
use crate::templates::pages::Left;
use crate::templates::pages::SecondThoughts;
use crate::web::error::Error;
use crate::web::form::Fields;
use crate::web::network::Network;
use crate::web::visit::Visit;

/// `GET /confirm/{token}`.
pub(super) async fn confirm(visit: Visit, Path(token): Path<String>) -> Result<Response, Error> {
    let standing = unconfirmed(&visit, &token).await?;
    visit.page(&Confirm {
        list: standing.list.name,
        action: format!("/confirm/{token}"),
    })
}

/// `POST /confirm/{token}`.
pub(super) async fn confirmed(
    visit: Visit,
    network: Network,
    Path(token): Path<String>,
) -> Result<Response, Error> {
    let standing = unconfirmed(&visit, &token).await?;
    let wording = visit.say("confirm.button")?;
    sign_up::confirm(&visit.app, &standing, &format!("page {network}"), &wording).await?;
    visit.page(&Confirmed {
        preferences_url: own_url(&visit, &standing, Purpose::Preferences),
        list: standing.list.name,
    })
}

/// What a link to confirm is about. Somebody who has left since comes back by the form: an old link
/// must not tell them that letters will come.
async fn unconfirmed(visit: &Visit, token: &str) -> Result<Standing, Error> {
    let standing = sign_up::standing(&visit.app, token, Purpose::Confirm).await?;
    if has_left(&standing) {
        return Err(Error::Link(BadLink::Expired));
    }
    Ok(standing)
}

pub(super) fn has_left(standing: &Standing) -> bool {
    standing.subscription.state == SubscriptionState::Ended
}

/// Letters come, or will again.
pub(super) fn is_alive(standing: &Standing) -> bool {
    matches!(
        standing.subscription.state,
        SubscriptionState::Active | SubscriptionState::Paused
    )
}

/// `GET /leave/{token}`.
pub(super) async fn leave(visit: Visit, Path(token): Path<String>) -> Result<Response, Error> {
    let standing = sign_up::standing(&visit.app, &token, Purpose::Leave).await?;
    if has_left(&standing) {
        return left_page(&visit, standing);
    }
    visit.page(&Leave {
        preferences_url: Some(own_url(&visit, &standing, Purpose::Preferences)),
        list: standing.list.name,
        action: format!("/leave/{token}"),
    })
}

/// `POST /leave/{token}`: from our button, or from a mailbox provider.
pub(super) async fn left(
    visit: Visit,
    network: Network,
    Path(token): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Error> {
    let standing = sign_up::standing(&visit.app, &token, Purpose::Leave).await?;
    let wording = visit.say("leave.button")?;
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    if is_one_click(kind.unwrap_or_default(), &body) {
        sign_up::leave(&visit.app, &standing, "one-click", &wording).await?;
        return Ok(StatusCode::OK.into_response());
    }
    if Fields::parse(&body).one("leave").is_empty() {
        return Err(Error::Unreadable(StatusCode::BAD_REQUEST));
    }
    sign_up::leave(&visit.app, &standing, &format!("page {network}"), &wording).await?;
    let standing = sign_up::standing(&visit.app, &token, Purpose::Leave).await?;
    left_page(&visit, standing)
}

/// They have left. For a while it can be taken back, or had otherwise.
pub(super) fn left_page(visit: &Visit, standing: Standing) -> Result<Response, Error> {
    let second_thoughts = preferences::may_come_back(&visit.app, &standing).then(|| {
        let preferences = own_path(visit, &standing, Purpose::Preferences);
        let rarer = standing.list.cadences.iter().copied();
        SecondThoughts {
            action: format!("{preferences}/return"),
            rarer: rarer
                .filter(|cadence| *cadence > standing.subscription.rhythm.cadence)
                .collect(),
        }
    });
    visit.page(&Left {
        list_url: visit.app.url(&format!("/lists/{}", standing.list.slug)),
        list: standing.list.name,
        second_thoughts,
    })
}

/// RFC 8058 §3.2: one field, `List-Unsubscribe=One-Click`, as a form of either encoding.
fn is_one_click(kind: &str, body: &[u8]) -> bool {
    let Some((_, boundary)) = kind.split_once("boundary=") else {
        return body.trim_ascii() == b"List-Unsubscribe=One-Click";
    };
    let boundary = boundary.split(';').next().unwrap_or_default();
    let boundary = format!("--{}", boundary.trim().trim_matches('"'));
    let body = String::from_utf8_lossy(body);
    let mut parts = body.split(boundary.as_str()).skip(1);
    parts.next().is_some_and(|part| {
        let (head, value) = part.split_once("\r\n\r\n").unwrap_or_default();
        head.contains("name=\"List-Unsubscribe\"") && value.trim() == "One-Click"
    })
}

/// Another page of the same subscription: the same link as its letters have.
pub(super) fn own_url(visit: &Visit, standing: &Standing, purpose: Purpose) -> String {
    visit.app.url(&own_path(visit, standing, purpose))
}

fn own_path(visit: &Visit, standing: &Standing, purpose: Purpose) -> String {
    let link = SignedLink {
        number: standing.subscription.id.0,
        made: Stamp(0),
    };
    let path = match purpose {
        Purpose::Leave => "leave",
        _ => "preferences",
    };
    format!("/{path}/{}", link.sign(purpose, &visit.app.secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_click_is_one_field_in_either_encoding() {
        let form = "application/x-www-form-urlencoded";
        assert!(is_one_click(form, b"List-Unsubscribe=One-Click"));
        let parts = "--b7\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b7--\r\n";
        assert!(is_one_click(
            "multipart/form-data; boundary=b7",
            parts.as_bytes()
        ));
        assert!(is_one_click(
            "multipart/form-data; boundary=\"b7\"",
            parts.as_bytes()
        ));
        for other in [
            "",
            "List-Unsubscribe=Two",
            "list-unsubscribe=one-click",
            "a=1&List-Unsubscribe=One-Click",
        ] {
            assert!(!is_one_click(form, other.as_bytes()), "{other}");
            assert!(
                !is_one_click("multipart/form-data; boundary=b7", other.as_bytes()),
                "{other}"
            );
        }
    }
}
