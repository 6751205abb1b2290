//! The short way to a feed: past the router and its layers.
//!
//! Readers ask for the same few feeds, over and over, and nearly all are told that nothing changed.
//! A request comes in; the answer that the routes would give goes out, if it can be given at once.
//! All else is left to them: other methods, RFC 3229, negotiation, a snapshot that may be old, a
//! date that proves nothing yet, an address spelt in another way. What the layers do for every
//! request is done here too: browsers are told what they mayn't do, and the log and the counts know
//! of it. The others (deadlines, panics, errors' pages) have nothing to do where nothing is awaited
//! and nothing fails.

use axum::http::HeaderMap;
use axum::http::HeaderName;
use axum::http::Method;
use axum::http::Request;
use axum::http::header;
use axum::response::Response;

use crate::app::App;
use crate::web::feeds::cache::FeedCache;
use crate::web::feeds::fields::text;
use crate::web::feeds::people::Told;
use crate::web::guard;

/// What requests for feeds share, by either way.
#[derive(Debug, Default)]
pub(in crate::web) struct Kiosk {
    pub(super) cache: FeedCache,
    told: Told,
}

impl Kiosk {
    /// The answer, if there is one that takes no looking up or writing.
    pub(in crate::web) fn at_once<B>(&self, app: &App, request: &Request<B>) -> Option<Response> {
        let (method, headers) = (request.method(), request.headers());
        let reads = matches!(*method, Method::GET | Method::HEAD);
        if !reads || headers.contains_key(HeaderName::from_static("a-im")) {
            return None;
        }
        let address = request.uri().path_and_query()?.as_str();
        let (held, route) = self.cache.at_hand(address, app.now())?;
        let mut response = held.ready.get()?.answer(headers);
        if *method == Method::HEAD {
            drop(std::mem::take(response.body_mut()));
        }
        self.listen(app, address, headers);
        guard::record(method, route.as_str(), response.status(), 0);
        Some(response)
    }

    /// Something may have changed here: the next reader gets it.
    pub(in crate::web) fn look_anew(&self) {
        self.cache.look_anew();
    }

    /// Hears for how many people somebody reads a feed.
    pub(super) fn listen(&self, app: &App, feed: &str, headers: &HeaderMap) {
        if let Some(user_agent) = text(headers, header::USER_AGENT) {
            self.told.listen(app, feed, user_agent);
        }
    }
}
