//! What a good server gives, and what a refusing one says.

use std::io::Write as _;
use std::time::Duration;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use visnyk::source::fetch::FetchError;

use super::{FEED, brotli, document, error_of, fetcher, gzip, known, zlib};
use crate::support::origin::{Origin, Step, answer, head};

#[tokio::test]
async fn a_document_comes_with_all_that_the_next_request_needs() {
    let headers = [
        ("Content-Type", "application/rss+xml; charset=windows-1251"),
        ("ETag", "W/\"as it came\""),
        ("Last-Modified", "Sun, 06 Nov 2099 08:49:37 GMT"),
        ("Cache-Control", "max-age=900"),
    ];
    let origin = Origin::always(answer("200 OK", &headers, FEED)).await;
    let document = document(&fetcher(), &origin.url("/feed.xml")).await;
    assert_eq!(document.bytes, FEED);
    assert_eq!(document.content_type.as_deref(), Some(headers[0].1));
    assert_eq!(document.final_url, origin.url("/feed.xml"));
    assert_eq!(document.moved_to, None);
    assert_eq!(document.max_age, Some(Duration::from_mins(15)));
    assert!(!document.delta);
    let expected = known(
        origin.url("/feed.xml"),
        Some(headers[1].1),
        Some(headers[2].1),
    );
    assert_eq!(document.validators, Some(expected));
}

#[tokio::test]
async fn a_request_says_who_asks_and_nothing_needless() {
    let reply = answer(
        "200 OK",
        &[("Set-Cookie", "a=b; Path=/"), ("ETag", "\"1\"")],
        FEED,
    );
    let origin = Origin::always(reply).await;
    let fetcher = fetcher();
    for _ in 0..2 {
        document(&fetcher, &origin.url("/?q=1")).await;
    }
    for asked in origin.asked() {
        assert_eq!(asked.path, "/?q=1");
        let names: Vec<_> = asked
            .headers
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, ["accept", "accept-encoding", "host", "user-agent"]);
        assert_eq!(
            asked.header("user-agent"),
            Some("Visnyk/0.1 (+https://news.example)")
        );
    }
}

#[tokio::test]
async fn every_coding_is_unpacked() {
    let fetcher = fetcher();
    let packed: [(&str, Vec<u8>); 6] = [
        ("identity", FEED.into()),
        ("gzip", gzip(FEED.as_bytes())),
        ("X-GZip", gzip(FEED.as_bytes())),
        ("br", brotli(FEED.as_bytes())),
        ("zstd", zstd::encode_all(FEED.as_bytes(), 3).unwrap()),
        ("deflate", zlib(FEED.as_bytes())),
    ];
    for (coding, body) in packed {
        let reply = answer("200 OK", &[("Content-Encoding", coding)], body);
        let origin = Origin::always(reply).await;
        assert_eq!(
            document(&fetcher, &origin.url("/")).await.bytes,
            FEED,
            "{coding}"
        );
    }
}

#[tokio::test]
async fn deflate_without_its_zlib_wrapping_is_unpacked_too() {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(FEED.as_bytes()).unwrap();
    let body = encoder.finish().unwrap();
    let origin = Origin::always(answer("200 OK", &[("Content-Encoding", "deflate")], body)).await;
    assert_eq!(document(&fetcher(), &origin.url("/")).await.bytes, FEED);
}

#[tokio::test]
async fn an_empty_body_is_an_empty_document_in_every_coding() {
    let fetcher = fetcher();
    for coding in ["identity", "gzip", "br", "zstd"] {
        let reply = answer("200 OK", &[("Content-Encoding", coding)], "");
        let origin = Origin::always(reply).await;
        assert!(
            document(&fetcher, &origin.url("/")).await.bytes.is_empty(),
            "{coding}"
        );
    }
}

#[tokio::test]
async fn chunks_and_bodies_that_end_with_the_connection_are_read_whole() {
    let fetcher = fetcher();
    let chunked = vec![
        head("200 OK", &[("Transfer-Encoding", "chunked")]),
        Step::Send(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n".to_vec()),
    ];
    let until_the_end = vec![head("200 OK", &[]), Step::Send(b"abcde".to_vec())];
    let old = vec![Step::Send(b"HTTP/1.0 200 OK\r\n\r\nabcde".to_vec())];
    for reply in [chunked, until_the_end, old] {
        let origin = Origin::always(reply).await;
        assert_eq!(document(&fetcher, &origin.url("/")).await.bytes, "abcde");
    }
}

#[tokio::test]
async fn a_login_page_in_place_of_a_feed_is_handed_on_as_what_it_is() {
    let page = "<!doctype html><title>Увійдіть</title>";
    let reply = answer(
        "200 OK",
        &[("Content-Type", "text/html; charset=utf-8")],
        page,
    );
    let origin = Origin::always(reply).await;
    let document = document(&fetcher(), &origin.url("/feed.xml")).await;
    assert_eq!(
        document.content_type.as_deref(),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(document.bytes, page);
}

#[tokio::test]
async fn any_bytes_are_a_document() {
    let garbage: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let origin = Origin::always(answer("200 OK", &[], &garbage)).await;
    assert_eq!(document(&fetcher(), &origin.url("/")).await.bytes, garbage);
}

#[tokio::test]
async fn statuses_without_a_document_are_errors_and_only_410_is_for_ever() {
    let fetcher = fetcher();
    for status in [
        "204 No Content",
        "206 Partial",
        "300 Choices",
        "400 Bad",
        "401 Who",
        "403 No",
        "404 Not Found",
        "418 Teapot",
        "451 Law",
        "500 Oops",
        "502 Bad",
        "599 Odd",
    ] {
        let error = error_of(&fetcher, answer(status, &[], FEED)).await;
        let code = status.split(' ').next().unwrap().parse().unwrap();
        assert_eq!(
            error,
            FetchError::Status {
                code,
                retry_after: None,
                host: "127.0.0.1".to_owned(),
            }
        );
        assert!(!error.is_permanent());
    }
    let gone = error_of(&fetcher, answer("410 Gone", &[], "")).await;
    assert_eq!(gone, FetchError::Gone);
    assert!(gone.is_permanent());
}

#[tokio::test]
async fn retry_after_is_obeyed_up_to_a_day() {
    let fetcher = fetcher();
    let cases = [
        ("120", Some(120)),
        ("Sun, 06 Nov 1994 08:51:37 GMT", Some(120)),
        ("Sun, 06 Nov 1994 07:00:00 GMT", Some(0)),
        ("31536000", Some(86_400)),
        ("999999999999999999999999", Some(86_400)),
        ("Fri, 31 Dec 9999 23:59:59 GMT", Some(86_400)),
        ("-1", None),
        ("завтра", None),
    ];
    for status in ["429 Too Many Requests", "503 Service Unavailable"] {
        for (value, expected) in cases {
            let error = error_of(&fetcher, answer(status, &[("Retry-After", value)], "")).await;
            assert_eq!(
                error.retry_after(),
                expected.map(|seconds| (Duration::from_secs(seconds), "127.0.0.1")),
                "{value}"
            );
        }
    }
}
