//! Bodies and headers that are too slow, too large, or broken.

use std::sync::Arc;
use std::time::Duration;

use visnyk::source::fetch::{FetchError, Phase};

use super::{
    FEED, MIB, ask, brotli, document, error_of, fetcher, gzip, noise, quick_headers, quick_stretch,
    timeout, with_limit, zlib,
};
use crate::support::origin::{Asked, Origin, Reply, Step, answer, head};

#[tokio::test]
async fn silence_after_the_request_ends_with_the_headers_time() {
    let error = error_of(&quick_headers(), vec![Step::Silence]).await;
    assert_eq!(error, timeout(Phase::Headers));
}

#[tokio::test]
async fn headers_that_drip_end_with_their_time() {
    let drip = Step::Drip(
        b"HTTP/1.1 200 OK\r\nX: ".repeat(100),
        Duration::from_millis(20),
    );
    assert_eq!(
        error_of(&quick_headers(), vec![drip]).await,
        timeout(Phase::Headers)
    );
}

#[tokio::test]
async fn headers_that_never_end_are_no_http() {
    let flood = vec![
        Step::Send(b"HTTP/1.1 200 OK\r\n".to_vec()),
        Step::Forever(b"X-Flood: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n".to_vec()),
    ];
    let error = error_of(&fetcher(), flood).await;
    assert!(matches!(error, FetchError::NotHttp(_)), "{error}");
}

#[tokio::test]
async fn one_header_of_two_megabytes_is_no_http() {
    let etag = "e".repeat(2 * MIB);
    let error = error_of(&fetcher(), answer("200 OK", &[("ETag", &etag)], FEED)).await;
    assert!(matches!(error, FetchError::NotHttp(_)), "{error}");
}

#[tokio::test]
async fn a_body_that_stops_is_given_up_after_one_stretch() {
    let reply = vec![
        head("200 OK", &[]),
        Step::Send(b"<rss>".to_vec()),
        Step::Silence,
    ];
    assert_eq!(
        error_of(&quick_stretch(), reply).await,
        timeout(Phase::Pace)
    );
}

#[tokio::test]
async fn a_body_that_drips_is_given_up_though_it_never_stops() {
    let drip = Step::Drip(vec![b'x'; 10_000], Duration::from_millis(5));
    let error = error_of(&quick_stretch(), vec![head("200 OK", &[]), drip]).await;
    assert_eq!(error, timeout(Phase::Pace));
}

#[tokio::test]
async fn a_packed_body_that_drips_is_given_up_too() {
    let drip = Step::Drip(gzip(&noise(20_000)), Duration::from_millis(5));
    let reply = vec![head("200 OK", &[("Content-Encoding", "gzip")]), drip];
    assert_eq!(
        error_of(&quick_stretch(), reply).await,
        timeout(Phase::Pace)
    );
}

#[tokio::test]
async fn a_body_at_a_fair_pace_still_ends_with_its_time() {
    let fetcher = with_limit(|limits| {
        limits.body = Duration::from_millis(500);
        limits.stretch = Duration::from_millis(100);
        limits.stretch_bytes = 0;
    });
    let drip = Step::Drip(vec![b'x'; 10_000], Duration::from_millis(5));
    let error = error_of(&fetcher, vec![head("200 OK", &[]), drip]).await;
    assert_eq!(error, timeout(Phase::Body));
}

#[tokio::test]
async fn a_redirect_chain_shares_one_headers_time() {
    let origin = Origin::routed("127.0.0.1", |_| {
        let head = b"HTTP/1.1 302 Found\r\nLocation: /a\r\nContent-Length: 0\r\n\r\n".to_vec();
        vec![Step::Drip(head, Duration::from_millis(4))]
    })
    .await;
    let error = ask(&quick_headers(), &origin.url("/"), None)
        .await
        .unwrap_err();
    assert_eq!(error, timeout(Phase::Headers));
}

fn too_large() -> FetchError {
    FetchError::TooLarge { limit: 15 * MIB }
}

#[tokio::test]
async fn fifteen_mebibytes_pass_and_one_byte_more_does_not() {
    let fetcher = fetcher();
    let origin = Origin::always(answer("200 OK", &[], noise(15 * MIB))).await;
    assert_eq!(
        document(&fetcher, &origin.url("/")).await.bytes.len(),
        15 * MIB
    );
    let announced = answer("200 OK", &[], vec![b'x'; 15 * MIB + 1]);
    assert_eq!(error_of(&fetcher, announced).await, too_large());
    let unannounced = vec![head("200 OK", &[]), Step::Send(vec![b'x'; 15 * MIB + 1])];
    assert_eq!(error_of(&fetcher, unannounced).await, too_large());
}

#[tokio::test]
async fn a_length_beyond_the_limit_is_believed_before_a_byte_comes() {
    let headers = [("Content-Length", "999999999999999")];
    let reply = vec![head("200 OK", &headers), Step::Silence];
    assert_eq!(error_of(&fetcher(), reply).await, too_large());
}

#[tokio::test]
async fn a_body_without_end_is_cut_at_the_limit() {
    let chunk = [b"10000\r\n".as_slice(), &vec![b'x'; 0x10000], b"\r\n"].concat();
    let reply = vec![
        head("200 OK", &[("Transfer-Encoding", "chunked")]),
        Step::Forever(chunk),
    ];
    assert_eq!(error_of(&fetcher(), reply).await, too_large());
}

#[tokio::test]
async fn a_packed_body_is_measured_unpacked() {
    let noise = noise(15 * MIB + 1);
    let reply = answer(
        "200 OK",
        &[("Content-Encoding", "zstd")],
        zstd::encode_all(&*noise, 1).unwrap(),
    );
    assert_eq!(error_of(&fetcher(), reply).await, too_large());
}

#[tokio::test]
async fn bombs_of_every_coding_are_stopped_by_their_ratio() {
    let fetcher = fetcher();
    let zeros = vec![0; 16 * MIB];
    let bombs = [
        ("gzip", gzip(&zeros)),
        ("deflate", zlib(&zeros)),
        ("br", brotli(&zeros)),
        ("zstd", zstd::encode_all(&*zeros, 1).unwrap()),
    ];
    for (coding, bomb) in bombs {
        let reply = answer("200 OK", &[("Content-Encoding", coding)], bomb);
        let error = error_of(&fetcher, reply).await;
        assert_eq!(error, FetchError::Ratio { limit: 200 }, "{coding}");
    }
}

#[tokio::test]
async fn a_small_text_may_pack_as_well_as_it_likes() {
    let body = vec![b'x'; MIB];
    let reply = answer("200 OK", &[("Content-Encoding", "gzip")], gzip(&body));
    let origin = Origin::always(reply).await;
    assert_eq!(document(&fetcher(), &origin.url("/")).await.bytes, body);
}

#[tokio::test]
async fn two_codings_on_top_of_each_other_are_refused() {
    let fetcher = fetcher();
    let twice = gzip(&gzip(&vec![0; 4 * MIB]));
    let one_header = [("Content-Encoding", "gzip, gzip")];
    let two_headers = [("Content-Encoding", "gzip"), ("Content-Encoding", "gzip")];
    for headers in [&one_header[..], &two_headers[..]] {
        let error = error_of(&fetcher, answer("200 OK", headers, &twice)).await;
        assert_eq!(error, FetchError::Encoding("gzip, gzip".to_owned()));
    }
}

#[tokio::test]
async fn an_unknown_coding_is_refused() {
    let fetcher = fetcher();
    for coding in ["compress", "gzip;q=1", "aes128gcm"] {
        let error = error_of(
            &fetcher,
            answer("200 OK", &[("Content-Encoding", coding)], FEED),
        )
        .await;
        assert_eq!(error, FetchError::Encoding(coding.to_owned()));
    }
}

#[tokio::test]
async fn a_hidden_second_coding_stays_packed() {
    let inner = gzip(&vec![0; 4 * MIB]);
    let reply = answer("200 OK", &[("Content-Encoding", "gzip")], gzip(&inner));
    let origin = Origin::always(reply).await;
    assert_eq!(document(&fetcher(), &origin.url("/")).await.bytes, inner);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_an_error() {
    let fetcher = fetcher();
    let short = vec![
        head("200 OK", &[("Content-Length", "1000")]),
        Step::Send(FEED.into()),
    ];
    let chunked = vec![
        head("200 OK", &[("Transfer-Encoding", "chunked")]),
        Step::Send(b"64\r\nnot a hundred bytes".to_vec()),
    ];
    let odd_chunk = vec![
        head("200 OK", &[("Transfer-Encoding", "chunked")]),
        Step::Send(b"xyz\r\nabc\r\n".to_vec()),
    ];
    for reply in [short, chunked, odd_chunk] {
        let error = error_of(&fetcher, reply).await;
        assert!(matches!(error, FetchError::Broken(_)), "{error}");
    }
}

#[tokio::test]
async fn packed_bodies_that_break_off_or_lie_are_errors() {
    let fetcher = fetcher();
    let noise = noise(50_000);
    let half = |packed: Vec<u8>| packed[..packed.len() / 2].to_vec();
    let broken = [
        ("gzip", half(gzip(&noise))),
        ("br", half(brotli(&noise))),
        ("deflate", half(zlib(&noise))),
        ("gzip", FEED.into()),
        ("zstd", FEED.into()),
    ];
    for (coding, body) in broken {
        let error = error_of(
            &fetcher,
            answer("200 OK", &[("Content-Encoding", coding)], body),
        )
        .await;
        assert!(matches!(error, FetchError::Broken(_)), "{coding}: {error}");
    }
}

#[tokio::test]
async fn bytes_beyond_the_length_are_left_unread() {
    let reply = vec![
        head("200 OK", &[("Content-Length", "5")]),
        Step::Send(b"abcdefghij".to_vec()),
    ];
    let origin = Origin::always(reply).await;
    assert_eq!(document(&fetcher(), &origin.url("/")).await.bytes, "abcde");
}

#[tokio::test]
async fn what_is_not_http_is_named_so() {
    let fetcher = fetcher();
    let answers: [&[u8]; 9] = [
        b"",
        b"<html>HTTP/0.9 says hello</html>",
        b"220 mail.example ESMTP\r\n",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
        b"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nabcde",
        b"HTTP/1.1 200 OK\r\nContent-Ty",
    ];
    for bytes in answers {
        let error = error_of(&fetcher, vec![Step::Send(bytes.to_vec())]).await;
        let text = String::from_utf8_lossy(bytes);
        assert!(matches!(error, FetchError::NotHttp(_)), "{text}: {error}");
    }
}

#[tokio::test]
async fn a_closed_port_is_a_connection_that_fails() {
    let origin = Origin::always(vec![]).await;
    let url = origin.url("/");
    drop(origin);
    let error = ask(&fetcher(), &url, None).await.unwrap_err();
    assert!(matches!(error, FetchError::Connect(_)), "{error}");
}

#[tokio::test]
async fn tls_that_cannot_be_trusted_is_refused() {
    let origin = tls_origin(|_| answer("200 OK", &[], FEED)).await;
    let url = origin.at("/").replace("http:", "https:").parse().unwrap();
    let error = ask(&fetcher(), &url, None).await.unwrap_err();
    assert!(matches!(error, FetchError::Tls(_)), "{error}");
    assert_eq!(origin.asked(), []);
}

#[tokio::test]
async fn https_to_a_port_that_hangs_up_never_becomes_http() {
    let origin = Origin::always(answer("200 OK", &[], FEED)).await;
    let url = origin.at("/").replace("http:", "https:").parse().unwrap();
    let error = ask(&quick_headers(), &url, None).await.unwrap_err();
    let failed = matches!(
        error,
        FetchError::Tls(_) | FetchError::Connect(_) | FetchError::Timeout { .. }
    );
    assert!(failed, "{error}");
    assert_eq!(origin.asked(), []);
}

/// A server whose certificate nobody has signed.
async fn tls_origin<F>(reply: F) -> Origin
where
    F: Fn(&Asked) -> Reply + Send + Sync + 'static,
{
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    Origin::wrapped("127.0.0.1", reply, move |stream| {
        let accept = acceptor.accept(stream);
        async { accept.await.ok() }
    })
    .await
}
