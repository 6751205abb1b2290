//! A snapshot in; its answer to whoever asks out, with no more work than a comparison of tags.
//!
//! What stands before the bytes depends on the snapshot alone, so it's worked out once: the headers
//! of a full answer and of a 304, in each coding.

use std::sync::Arc;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::Response;

use crate::feed::snapshot::Answer;
use crate::feed::snapshot::Conditions;
use crate::feed::snapshot::Representation;
use crate::feed::snapshot::Snapshot;
use crate::web::feeds::FRESH;
use crate::web::feeds::fields::joined;
use crate::web::feeds::fields::text;
use crate::web::feeds::fields::texts;

/// A snapshot with all that goes before its bytes.
#[derive(Debug)]
pub(super) struct Ready {
    snapshot: Arc<Snapshot>,
    /// Whether the snapshot's date can be relied upon.
    dated: bool,
    /// In the order of the snapshot's representations.
    heads: Vec<Heads>,
}

/// The headers of one representation.
#[derive(Debug)]
struct Heads {
    full: HeaderMap,
    not_modified: HeaderMap,
}

impl Ready {
    /// Works out the headers, of which `own` are those that don't depend on the coding.
    pub(super) fn new(snapshot: Arc<Snapshot>, dated: bool, own: &HeaderMap) -> Self {
        let heads = snapshot
            .representations()
            .map(|one| Heads::new(&snapshot, one, dated, own))
            .collect();
        Self {
            snapshot,
            dated,
            heads,
        }
    }

    /// The answer to a GET or HEAD.
    pub(super) fn answer(&self, headers: &HeaderMap) -> Response {
        let accept_encoding = joined(headers, header::ACCEPT_ENCODING);
        let since = text(headers, header::IF_MODIFIED_SINCE);
        let conditions = Conditions {
            if_none_match: texts(headers, header::IF_NONE_MATCH).collect(),
            if_modified_since: since.filter(|_| self.dated),
            accept_encoding: accept_encoding.as_deref(),
        };
        let answer = self.snapshot.answer(&conditions);
        let (Answer::NotModified(chosen) | Answer::Full(chosen)) = answer;
        let mut all = self.snapshot.representations().zip(&self.heads);
        let found = all.find(|(one, _)| one.encoding == chosen.encoding);
        let heads = found.map(|(_, heads)| heads);
        let mut response = Response::new(Body::empty());
        if let Answer::Full(_) = answer {
            *response.body_mut() = Body::from(chosen.bytes.clone());
            *response.headers_mut() = heads.map(|heads| heads.full.clone()).unwrap_or_default();
        } else {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            let not_modified = heads.map(|heads| heads.not_modified.clone());
            *response.headers_mut() = not_modified.unwrap_or_default();
        }
        response
    }
}

impl Heads {
    fn new(snapshot: &Snapshot, one: &Representation, dated: bool, own: &HeaderMap) -> Self {
        let mut not_modified = own.clone();
        let date = dated.then(|| snapshot.last_modified_header());
        let validators = [
            (header::ETAG, Some(one.etag.clone())),
            (header::LAST_MODIFIED, date),
        ];
        let validators = validators
            .into_iter()
            .filter_map(|(name, value)| Some((name, HeaderValue::try_from(value?).ok()?)));
        not_modified.extend(validators);
        not_modified.insert(header::CACHE_CONTROL, HeaderValue::from_static(FRESH));
        let mut full = not_modified.clone();
        full.extend(content(snapshot, one));
        Self { full, not_modified }
    }
}

/// What the body is.
pub(super) fn content(snapshot: &Snapshot, one: &Representation) -> HeaderMap {
    let kind = HeaderValue::from_static(snapshot.media_type);
    let coding = one.encoding.content_coding().map(HeaderValue::from_static);
    let coding = coding.map(|coding| (header::CONTENT_ENCODING, coding));
    let length = (header::CONTENT_LENGTH, one.bytes.len().into());
    let kind = std::iter::once((header::CONTENT_TYPE, kind));
    kind.chain(coding).chain([length]).collect()
}
