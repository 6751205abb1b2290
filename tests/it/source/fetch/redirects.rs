//! Redirects: how many, where to, and what they mean.

use visnyk::source::fetch::FetchError;

use super::{FEED, ask, document, error_of, fetcher};
use crate::support::origin::{Asked, Origin, Reply, answer, redirect};

/// Answers `/n` with a redirect to `/n-1`, and `/0` with the feed.
fn countdown(code: u16) -> impl Fn(&Asked) -> Reply {
    move |asked| match asked.path.trim_start_matches('/').parse::<u32>() {
        Ok(left) if left > 0 => redirect(code, &format!("/{}", left - 1)),
        _ => answer("200 OK", &[], FEED),
    }
}

#[tokio::test]
async fn five_redirects_are_followed_and_six_are_too_many() {
    let fetcher = fetcher();
    let origin = Origin::routed("127.0.0.1", countdown(302)).await;
    let document = document(&fetcher, &origin.url("/5")).await;
    assert_eq!(
        (document.final_url, document.moved_to),
        (origin.url("/0"), None)
    );
    let error = ask(&fetcher, &origin.url("/6"), None).await.unwrap_err();
    assert_eq!(error, FetchError::TooManyRedirects { limit: 5 });
}

#[tokio::test]
async fn a_redirect_to_itself_is_a_loop() {
    let fetcher = fetcher();
    let origin = Origin::always(redirect(301, "")).await;
    let error = ask(&fetcher, &origin.url("/"), None).await.unwrap_err();
    assert_eq!(error, FetchError::BadRedirect(String::new()));
    let origin = Origin::always(redirect(301, "/")).await;
    let error = ask(&fetcher, &origin.url("/"), None).await.unwrap_err();
    assert_eq!(error, FetchError::TooManyRedirects { limit: 5 });
    assert_eq!(origin.asked().len(), 6);
}

#[tokio::test]
async fn a_move_is_reported_only_if_every_hop_is_for_good() {
    let fetcher = fetcher();
    for (code, moved) in [
        (301, true),
        (308, true),
        (302, false),
        (303, false),
        (307, false),
    ] {
        let origin = Origin::routed("127.0.0.1", countdown(code)).await;
        let document = document(&fetcher, &origin.url("/2")).await;
        assert_eq!(document.moved_to, moved.then(|| origin.url("/0")), "{code}");
    }
    let mixed = Origin::routed("127.0.0.1", |asked| match asked.path.as_str() {
        "/a" => redirect(301, "/b"),
        "/b" => redirect(302, "/c"),
        _ => answer("200 OK", &[], FEED),
    })
    .await;
    let document = document(&fetcher, &mixed.url("/a")).await;
    assert_eq!(
        (document.final_url, document.moved_to),
        (mixed.url("/c"), None)
    );
}

#[tokio::test]
async fn redirects_carry_no_referrer() {
    let origin = Origin::routed("127.0.0.1", countdown(302)).await;
    document(&fetcher(), &origin.url("/1")).await;
    assert!(
        origin
            .asked()
            .iter()
            .all(|asked| asked.header("referer").is_none())
    );
}

#[tokio::test]
async fn redirects_to_nowhere_are_errors() {
    let fetcher = fetcher();
    for location in ["http://", "http://[::1", "http://exa mple/"] {
        let error = error_of(&fetcher, redirect(302, location)).await;
        assert_eq!(error, FetchError::BadRedirect(location.to_owned()));
    }
    let without = error_of(&fetcher, answer("302 Found", &[], "")).await;
    assert_eq!(without, FetchError::BadRedirect(String::new()));
}

#[tokio::test]
async fn only_http_and_https_are_followed() {
    let fetcher = fetcher();
    let schemes = [
        "file:///etc/passwd",
        "gopher://h:70/_x",
        "ftp://h/",
        "data:text/xml,<rss/>",
        "javascript:alert(1)",
        "dict://h:11211/",
        "ldap://h/",
        "unix:/run/x",
        "jar:http://h!/",
    ];
    for location in schemes {
        let error = error_of(&fetcher, redirect(302, location)).await;
        let scheme = location.split(':').next().unwrap();
        assert_eq!(error, FetchError::Scheme(scheme.to_owned()));
    }
}
