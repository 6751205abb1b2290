//! A request's header fields in, what its sender wants of a feed out.

use std::borrow::Cow;

use axum::http::HeaderMap;
use axum::http::HeaderName;
use axum::http::header;

use crate::feed::FeedFormat;

/// Whether `A-IM` names `feed`, and doesn't rule it out. feedparser names it for every program that
/// uses it, and those don't know the answer: rss2email 3.13 takes 226 for an error, and would never
/// see what is new.
pub(super) fn takes_entries(headers: &HeaderMap) -> bool {
    if text(headers, header::USER_AGENT).is_some_and(|agent| agent.starts_with("feedparser/")) {
        return false;
    }
    let accepted = joined(headers, HeaderName::from_static("a-im")).unwrap_or_default();
    accepted.split(',').any(|one| {
        let (name, weight) = one.split_once(';').unwrap_or((one, ""));
        let weight: String = weight.split_whitespace().collect();
        let is_none = weight.trim_end_matches(['0', '.']) == "q=";
        name.trim().eq_ignore_ascii_case("feed") && !is_none
    })
}

/// Browsers name `text/html`. So do some readers, but they name a feed type too.
pub(super) fn wants_page(headers: &HeaderMap) -> bool {
    let accept = joined(headers, header::ACCEPT).unwrap_or_default();
    let names = |wanted: &str| {
        accept.split(',').any(|range| {
            let mut parts = range.split(';').map(str::trim);
            let is_it = parts
                .next()
                .is_some_and(|name| name.eq_ignore_ascii_case(wanted));
            is_it && !parts.any(|part| part.trim_end_matches(['0', '.']) == "q=")
        })
    };
    names("text/html") && !FeedFormat::ALL.iter().any(|format| names(format.mime()))
}

/// A value that is no text counts as an empty one: a tag that can't be read still goes before a
/// date.
pub(super) fn texts(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).into_iter();
    values.map(|value| value.to_str().unwrap_or_default())
}

pub(super) fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    texts(headers, name).next()
}

/// Several lines of the same header are one list.
pub(super) fn joined(headers: &HeaderMap, name: HeaderName) -> Option<Cow<'_, str>> {
    let mut values = texts(headers, name);
    let first = Cow::Borrowed(values.next()?);
    Some(values.fold(first, |all, next| format!("{all}, {next}").into()))
}
