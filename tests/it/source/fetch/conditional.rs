//! Asking again: validators out, 304 and 226 back.

use std::time::Duration;

use visnyk::source::fetch::{FetchError, Fetched};

use super::{FEED, ask, document, error_of, fetcher, known};
use crate::support::origin::{Origin, answer, redirect};

#[tokio::test]
async fn validators_go_back_byte_for_byte_and_304_means_unchanged() {
    let fetcher = fetcher();
    let etags = [
        "\"plain\"",
        "W/\"weak\"",
        "unquoted",
        "\"\"",
        "\"ключ\"",
        "\"a\\\" b\"",
    ];
    let date = "Not, even a date";
    for etag in etags {
        let origin = Origin::always(answer(
            "304 Not Modified",
            &[("Cache-Control", "max-age=60")],
            "",
        ))
        .await;
        let validators = known(origin.url("/"), Some(etag), Some(date));
        let unchanged = ask(&fetcher, &origin.url("/"), Some(&validators))
            .await
            .unwrap();
        let expected = Fetched::NotModified {
            moved_to: None,
            max_age: Some(Duration::from_mins(1)),
        };
        assert_eq!(unchanged, expected);
        let asked = &origin.asked()[0];
        assert_eq!(asked.header("if-none-match"), Some(etag));
        assert_eq!(asked.header("if-modified-since"), Some(date));
        assert_eq!(asked.header("a-im"), Some("feed"));
    }
}

#[tokio::test]
async fn a_date_alone_is_condition_enough_and_asks_for_no_delta() {
    let origin = Origin::always(answer("304 Not Modified", &[], "")).await;
    let validators = known(origin.url("/"), None, Some("Sun, 06 Nov 2099 08:49:37 GMT"));
    let fetched = ask(&fetcher(), &origin.url("/"), Some(&validators)).await;
    assert!(matches!(fetched, Ok(Fetched::NotModified { .. })));
    let asked = &origin.asked()[0];
    assert_eq!(asked.header("if-none-match"), None);
    assert_eq!(asked.header("a-im"), None);
}

#[tokio::test]
async fn a_304_that_nobody_asked_for_is_an_error() {
    let error = error_of(&fetcher(), answer("304 Not Modified", &[], "")).await;
    assert_eq!(error, FetchError::Unasked);
}

#[tokio::test]
async fn a_validator_with_a_line_break_is_not_sent() {
    let origin = Origin::always(answer("200 OK", &[], FEED)).await;
    let validators = known(origin.url("/"), Some("\"a\"\r\nX-Evil: 1"), None);
    ask(&fetcher(), &origin.url("/"), Some(&validators))
        .await
        .unwrap();
    assert_eq!(origin.asked()[0].header("x-evil"), None);
    assert_eq!(origin.asked()[0].header("if-none-match"), None);
}

#[tokio::test]
async fn an_etag_of_four_kilobytes_is_not_kept() {
    let etag = format!("\"{}\"", "e".repeat(4096));
    let origin = Origin::always(answer("200 OK", &[("ETag", &etag)], FEED)).await;
    assert_eq!(
        document(&fetcher(), &origin.url("/")).await.validators,
        None
    );
}

#[tokio::test]
async fn validators_go_only_to_the_address_that_gave_them() {
    let origin = Origin::routed("127.0.0.1", |asked| match asked.path.as_str() {
        "/old" => redirect(301, "/new"),
        _ if asked.header("if-none-match").is_some() => answer("304 Not Modified", &[], ""),
        _ => answer("200 OK", &[("ETag", "\"1\"")], FEED),
    })
    .await;
    let fetcher = fetcher();
    let first = document(&fetcher, &origin.url("/old")).await;
    let validators = first.validators.unwrap();
    assert_eq!(validators.url, origin.url("/new"));
    let second = ask(&fetcher, &origin.url("/old"), Some(&validators))
        .await
        .unwrap();
    let expected = Fetched::NotModified {
        moved_to: Some(origin.url("/new")),
        max_age: None,
    };
    assert_eq!(second, expected);
    let sent: Vec<_> = origin
        .asked()
        .iter()
        .map(|asked| {
            (
                asked.path.clone(),
                asked.header("if-none-match").map(str::to_owned),
            )
        })
        .collect();
    let expected = [
        ("/old", None),
        ("/new", None),
        ("/old", None),
        ("/new", Some("\"1\"")),
    ];
    assert_eq!(
        sent,
        expected.map(|(path, etag)| (path.to_owned(), etag.map(str::to_owned)))
    );
}

#[tokio::test]
async fn a_delta_is_a_document_that_says_so_and_only_when_asked_for() {
    let fetcher = fetcher();
    let reply = answer("226 IM Used", &[("IM", "feed"), ("ETag", "\"2\"")], FEED);
    let origin = Origin::always(reply).await;
    let validators = known(origin.url("/"), Some("\"1\""), None);
    match ask(&fetcher, &origin.url("/"), Some(&validators))
        .await
        .unwrap()
    {
        Fetched::Document(document) => assert!(document.delta),
        other @ Fetched::NotModified { .. } => panic!("expected a delta, but got {other:?}"),
    }
    let error = ask(&fetcher, &origin.url("/"), None).await.unwrap_err();
    assert!(
        matches!(error, FetchError::Status { code: 226, .. }),
        "{error}"
    );
}
