//! The few HTTP headers that decide when and how to ask again (RFC 9110, RFC 9111). In go a
//! server's headers, out come validators and spans of time. Never trusts a span beyond a day.

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime};
use reqwest::header::{
    CACHE_CONTROL, ETAG, EXPIRES, HeaderMap, HeaderName, LAST_MODIFIED, LINK, RETRY_AFTER,
};

use crate::clock::Stamp;
use crate::source::SourceUrl;

/// The longest span that a server can ask for.
pub const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// A longer validator isn't kept: it would be sent with every request.
const LONGEST_VALIDATOR: usize = 1024;

/// What a server gave with a document, to be handed back when asking for it again. Opaque:
/// kept and sent byte for byte, quotes and all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validators {
    /// The address that gave them. They go to no other, so a redirect's target has its own.
    pub url: SourceUrl,
    /// For `If-None-Match`.
    pub etag: Option<String>,
    /// For `If-Modified-Since`.
    pub last_modified: Option<String>,
}

impl Validators {
    /// What `url` gave with its answer, if it gave any.
    pub(super) fn found(url: &SourceUrl, headers: &HeaderMap) -> Option<Self> {
        let kept = |name| verbatim(headers, name).filter(|text| text.len() <= LONGEST_VALIDATOR);
        let found = Self {
            url: url.clone(),
            etag: kept(ETAG),
            last_modified: kept(LAST_MODIFIED),
        };
        (found.etag.is_some() || found.last_modified.is_some()).then_some(found)
    }
}

/// `Retry-After`, in seconds or as a date.
pub(super) fn retry_after(headers: &HeaderMap, now: Stamp) -> Option<Duration> {
    let text = verbatim(headers, RETRY_AFTER)?;
    seconds(&text).or_else(|| Some(until(http_date(&text)?, now)))
}

/// How long the document needn't be asked for again: `Cache-Control: max-age`, else `Expires`.
pub(super) fn max_age(headers: &HeaderMap, now: Stamp) -> Option<Duration> {
    let control = verbatim(headers, CACHE_CONTROL).unwrap_or_default();
    let directives = || control.split(',').map(str::trim);
    if directives()
        .any(|one| one.eq_ignore_ascii_case("no-cache") || one.eq_ignore_ascii_case("no-store"))
    {
        return None;
    }
    directives()
        .filter_map(|one| one.split_once('='))
        .find(|(name, _)| name.eq_ignore_ascii_case("max-age"))
        .and_then(|(_, value)| seconds(value.trim_matches('"')))
        .or_else(|| Some(until(http_date(&verbatim(headers, EXPIRES)?)?, now)))
}

/// The header as it came; `None` if it isn't text in UTF-8.
pub(super) fn verbatim(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    let value = headers.get(name)?;
    std::str::from_utf8(value.as_bytes())
        .ok()
        .map(str::to_owned)
}

/// As many `Link` headers as anybody needs, as they came.
pub(super) fn links(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(LINK).into_iter();
    let texts = values.filter_map(|value| std::str::from_utf8(value.as_bytes()).ok());
    texts.take(20).map(str::to_owned).collect()
}

/// Whole seconds, however many digits they have.
fn seconds(text: &str) -> Option<Duration> {
    let text = text.trim();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let span = text.parse().map_or(LONGEST_WAIT, Duration::from_secs);
    Some(span.min(LONGEST_WAIT))
}

/// From `now` to `moment`; zero if it has passed.
fn until(moment: Stamp, now: Stamp) -> Duration {
    let span = (moment - now).to_std().unwrap_or(Duration::ZERO);
    span.min(LONGEST_WAIT)
}

/// The three layouts of RFC 9110 §5.6.7, all of which a recipient must read.
fn http_date(text: &str) -> Option<Stamp> {
    let text = text.trim();
    if let Ok(date) = DateTime::parse_from_rfc2822(text) {
        return Some(date.into());
    }
    ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"]
        .into_iter()
        .find_map(|layout| NaiveDateTime::parse_from_str(text, layout).ok())
        .map(|date| date.and_utc().into())
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    /// 1994-11-06T08:49:37Z, the moment of RFC 9110's own examples.
    const NOW: Stamp = Stamp(784_111_777_000);

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_bytes(value.as_bytes()).unwrap())])
    }

    #[test]
    fn retry_after_is_read_in_seconds_and_in_every_layout_of_dates() {
        let cases = [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Sun, 06 Nov 1994 08:51:37 GMT", Some(120)),
            ("Sunday, 06-Nov-94 08:51:37 GMT", Some(120)),
            ("Sun Nov  6 08:51:37 1994", Some(120)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("99999999999999999999999999", Some(86_400)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(86_400)),
            ("-5", None),
            ("soon", None),
            ("", None),
        ];
        for (text, expected) in cases {
            let found = retry_after(&headers(RETRY_AFTER, text), NOW);
            assert_eq!(found, expected.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn max_age_wins_over_expires_and_no_cache_over_both() {
        let mut both = headers(CACHE_CONTROL, "public, Max-Age=600");
        both.extend(headers(EXPIRES, "Sun, 06 Nov 1994 08:51:37 GMT"));
        assert_eq!(max_age(&both, NOW), Some(Duration::from_mins(10)));
        both.remove(CACHE_CONTROL);
        assert_eq!(max_age(&both, NOW), Some(Duration::from_mins(2)));
        both.extend(headers(CACHE_CONTROL, "no-cache, max-age=600"));
        assert_eq!(max_age(&both, NOW), None);
        assert_eq!(max_age(&headers(EXPIRES, "0"), NOW), None);
    }

    #[test]
    fn validators_are_kept_byte_for_byte_and_only_if_short() {
        let url: SourceUrl = "https://example.org/".parse().unwrap();
        for etag in ["W/\"a b\"", "unquoted", "\"\"", "\"ключ\"", "\"a\\\"b\""] {
            let found = Validators::found(&url, &headers(ETAG, etag)).unwrap();
            assert_eq!(found.etag.as_deref(), Some(etag));
        }
        let long = "x".repeat(LONGEST_VALIDATOR + 1);
        assert_eq!(Validators::found(&url, &headers(ETAG, &long)), None);
    }
}
