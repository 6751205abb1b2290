//! Rows of what a server does before, around and instead of a document.

use std::time::Duration;

use super::AFTER_A_FAILURE;
use super::Ends;
use super::Fails;
use super::MIME;
use super::Reads;
use super::Row;
use super::Unchanged;
use super::fails;
use super::feed;
use super::row;
use super::says;
use crate::source::fetch::brotli;
use crate::source::fetch::gzip;
use crate::source::fetch::noise;
use crate::source::fetch::zlib;
use crate::support::origin::Asked;
use crate::support::origin::Reply;
use crate::support::origin::Step;
use crate::support::origin::answer;
use crate::support::origin::head;
use crate::support::origin::redirect;

const MIB: usize = 1024 * 1024;
const NEW: &str = "<item><guid>3</guid><title>Третя</title></item>";
const HEADERS: &str = "expected headers, but got too little in time";
const PACE: &str = "expected a body at a fair pace, but got too little in time";
const BROKEN: &str = "expected the whole body, but got: ";
const LARGE: &str = "expected at most 15728640 bytes, but got more";
const BOMB: &str = "expected a body that unpacks to at most 200 times its size, but got more";
const NO_HTTP: &str = "expected an HTTP answer, but got: ";
const PUBLIC: &str =
    "expected a public address on port 80 or 443 or one that `ingest.allow` names, but got `";

pub(super) fn rows(canary: u16) -> Vec<Row> {
    let mut rows = slow();
    rows.extend(lengths());
    rows.extend(codings());
    rows.extend(not_http());
    rows.extend(redirects());
    rows.extend(inside(canary));
    rows.extend(statuses());
    rows.extend(validators());
    rows
}

fn raw(bytes: impl AsRef<[u8]>) -> Reply {
    vec![Step::Send(bytes.as_ref().to_vec())]
}

fn ok_then(steps: impl IntoIterator<Item = Step>) -> Reply {
    [head("200 OK", &[MIME])].into_iter().chain(steps).collect()
}

fn chunked(step: Step) -> Reply {
    vec![
        head("200 OK", &[MIME, ("Transfer-Encoding", "chunked")]),
        step,
    ]
}

fn slow() -> Vec<Row> {
    let second = Duration::from_secs(1);
    vec![
        fails("silence", HEADERS, vec![Step::Silence]),
        fails(
            "headers byte by byte",
            HEADERS,
            vec![Step::Drip(b"HTTP/1.1 200 OK\r\n".to_vec(), second)],
        ),
        fails(
            "a body byte by byte",
            PACE,
            ok_then([Step::Drip(feed("").into(), second)]),
        ),
        fails(
            "a body that stops",
            PACE,
            ok_then([Step::Send(b"<rss>".to_vec()), Step::Silence]),
        ),
        fails(
            "a packed body byte by byte",
            PACE,
            vec![
                head("200 OK", &[("Content-Encoding", "gzip")]),
                Step::Drip(gzip(&noise(900)), second),
            ],
        ),
        fails(
            "a body without end",
            LARGE,
            chunked(Step::Forever(
                [b"10000\r\n".as_slice(), &vec![b'x'; 0x10000], b"\r\n"].concat(),
            )),
        ),
    ]
}

fn lengths() -> Vec<Row> {
    let length = |length: &str, body: &str| {
        vec![
            head("200 OK", &[MIME, ("Content-Length", length)]),
            Step::Send(body.into()),
        ]
    };
    let sound = feed(NEW);
    let short = sound.find("<item><guid>2").unwrap().to_string();
    vec![
        fails("a length too long", BROKEN, length("100000", &sound)),
        says(
            "a length too short",
            Reads(&["Третя"], "the document breaks off"),
            length(&short, &sound),
        ),
        fails(
            "a length beyond reason",
            LARGE,
            length("999999999999999", &sound),
        ),
        fails(
            "two lengths",
            NO_HTTP,
            raw("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n<rss/>"),
        ),
        fails(
            "a length in words",
            NO_HTTP,
            raw("HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\n<rss/>"),
        ),
        fails(
            "a chunk that breaks off",
            BROKEN,
            chunked(Step::Send(b"64\r\n<rss>".to_vec())),
        ),
        fails(
            "a chunk without a length",
            BROKEN,
            chunked(Step::Send(b"xyz\r\n<rss>\r\n".to_vec())),
        ),
        fails(
            "one byte too many",
            LARGE,
            answer("200 OK", &[MIME], vec![b' '; 15 * MIB + 1]),
        ),
        fails(
            "nothing at all",
            "expected a feed or a page, but got nothing",
            answer("200 OK", &[MIME], ""),
        ),
    ]
}

fn codings() -> Vec<Row> {
    let zeros = vec![b' '; 16 * MIB];
    let coded =
        |coding: &str, body: Vec<u8>| answer("200 OK", &[MIME, ("Content-Encoding", coding)], body);
    let twice = gzip(&gzip(&zeros));
    let half = |bytes: Vec<u8>| bytes[..bytes.len() / 2].to_vec();
    vec![
        fails("a gzip bomb", BOMB, coded("gzip", gzip(&zeros))),
        fails("a brotli bomb", BOMB, coded("br", brotli(&zeros))),
        fails(
            "a zstd bomb",
            BOMB,
            coded("zstd", zstd::encode_all(&*zeros, 1).unwrap()),
        ),
        fails("a deflate bomb", BOMB, coded("deflate", zlib(&zeros))),
        fails(
            "gzip on gzip",
            "expected gzip, br, zstd or deflate, once, but got `gzip, gzip`",
            coded("gzip, gzip", twice.clone()),
        ),
        fails(
            "gzip hidden in gzip",
            "expected RSS, Atom or JSON Feed, but got ",
            coded("gzip", twice),
        ),
        fails(
            "a coding nobody asked for",
            "once, but got `compress`",
            coded("compress", feed("").into()),
        ),
        fails("gzip that is none", BROKEN, coded("gzip", feed("").into())),
        fails(
            "half a gzip",
            BROKEN,
            coded("gzip", half(gzip(&noise(5000)))),
        ),
        says(
            "a sound gzip",
            Reads(&["Третя"], ""),
            coded("gzip", gzip(feed(NEW).as_bytes())),
        ),
        says(
            "a sound zstd",
            Reads(&["Третя"], ""),
            coded("zstd", zstd::encode_all(feed(NEW).as_bytes(), 1).unwrap()),
        ),
    ]
}

fn not_http() -> Vec<Row> {
    let flood = vec![
        Step::Send(b"HTTP/1.1 200 OK\r\n".to_vec()),
        Step::Forever(b"X-Flood: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n".to_vec()),
    ];
    vec![
        fails("hanging up", NO_HTTP, Vec::new()),
        fails("HTTP/0.9", NO_HTTP, raw(feed(""))),
        fails("a mail server", NO_HTTP, raw("220 mail.example ESMTP\r\n")),
        fails(
            "TLS where none was asked",
            NO_HTTP,
            raw(b"\x16\x03\x01\x02\x00\x01\x00\x01"),
        ),
        fails(
            "a status in letters",
            NO_HTTP,
            raw("HTTP/1.1 abc OK\r\n\r\n"),
        ),
        fails(
            "headers that break off",
            NO_HTTP,
            raw("HTTP/1.1 200 OK\r\nContent-Ty"),
        ),
        fails("headers without end", NO_HTTP, flood),
        fails(
            "an ETag of a megabyte",
            NO_HTTP,
            answer("200 OK", &[("ETag", &"e".repeat(MIB))], feed("")),
        ),
    ]
}

/// Answers `/row` with a redirect to `/row/1`, that one to `/row/2`, and so on, and the last with
/// a feed.
fn chain(code: u16, length: usize) -> impl Fn(&Asked) -> Reply + Send + Sync {
    move |asked| {
        let mut parts = asked.path.trim_start_matches('/').split('/');
        let place = parts.next().unwrap().to_owned();
        let done: usize = parts.next().map_or(0, |part| part.parse().unwrap());
        if done == length {
            return answer("200 OK", &[MIME], feed(NEW));
        }
        redirect(code, &format!("/{place}/{}", done + 1))
    }
}

fn redirects() -> Vec<Row> {
    let many = "expected at most 5 redirects, but got more";
    let to = |location: &str| redirect(302, location);
    vec![
        row("one redirect", Reads(&["Третя"], ""), chain(302, 1)),
        row("five redirects", Reads(&["Третя"], ""), chain(307, 5)),
        row("a permanent redirect", Reads(&["Третя"], ""), chain(301, 1)),
        row("six redirects", Fails(many, AFTER_A_FAILURE), chain(302, 6)),
        row(
            "a redirect to itself",
            Fails(many, AFTER_A_FAILURE),
            |asked| redirect(301, &asked.path),
        ),
        fails(
            "a redirect without a target",
            "expected a redirect to an address, but got ``",
            answer("302 Found", &[], ""),
        ),
        fails(
            "a redirect to half an address",
            "but got `http://[::1`",
            to("http://[::1"),
        ),
        fails(
            "a redirect to a file",
            "but got the scheme `file`",
            to("file:///etc/passwd"),
        ),
        fails(
            "a redirect to gopher",
            "but got the scheme `gopher`",
            to("gopher://h:70/_x"),
        ),
        fails(
            "a redirect to a script",
            "but got the scheme `javascript`",
            to("javascript:alert(1)"),
        ),
        fails(
            "a redirect with a password",
            "without user and password",
            to("http://user:pw@127.0.2.1/"),
        ),
        fails("a redirect to ssh", PUBLIC, to("http://9.9.9.9:22/")),
    ]
}

fn inside(canary: u16) -> Vec<Row> {
    let to = |host: &str| redirect(301, &format!("http://{host}:{canary}/"));
    let named = |name, host, outcome| Row {
        host: Some(host),
        ..row(name, outcome, |_| answer("200 OK", &[MIME], feed(NEW)))
    };
    vec![
        fails("a redirect to loopback", PUBLIC, to("127.0.0.9")),
        fails(
            "a redirect to a mapped loopback",
            PUBLIC,
            to("[::ffff:127.0.0.9]"),
        ),
        fails(
            "a redirect to a translated loopback",
            PUBLIC,
            to("[64:ff9b::7f00:9]"),
        ),
        fails(
            "a redirect to loopback as one number",
            PUBLIC,
            to("2130706441"),
        ),
        fails("a redirect to zero", PUBLIC, to("0")),
        fails("a redirect to IPv6 loopback", PUBLIC, to("[::1]")),
        fails("a redirect to a private network", PUBLIC, to("[fd00::1]")),
        fails(
            "a redirect to a cloud's metadata",
            PUBLIC,
            redirect(302, "http://169.254.169.254/latest/"),
        ),
        named(
            "a name that turns inside",
            "rebind.example",
            Fails(PUBLIC, AFTER_A_FAILURE),
        ),
        named(
            "a name that leads outside and inside",
            "both.example",
            Reads(&["Третя"], ""),
        ),
    ]
}

fn statuses() -> Vec<Row> {
    let status = |name, words, line: &str| fails(name, words, answer(line, &[], feed(NEW)));
    let after = |name, code: u16, value: &str, words, next| {
        let reply = answer(&format!("{code} Later"), &[("Retry-After", value)], "");
        says(name, Fails(words, next), reply)
    };
    vec![
        status(
            "204",
            "expected a document, but got status 204",
            "204 No Content",
        ),
        status(
            "206",
            "expected a document, but got status 206",
            "206 Partial",
        ),
        status("401", "expected a document, but got status 401", "401 Who"),
        status("403", "expected a document, but got status 403", "403 No"),
        status(
            "404",
            "expected a document, but got status 404",
            "404 Not Found",
        ),
        status("451", "expected a document, but got status 451", "451 Law"),
        status("500", "expected a document, but got status 500", "500 Oops"),
        status(
            "502 with a page",
            "expected a document, but got status 502",
            "502 Bad Gateway",
        ),
        says(
            "410",
            Ends("expected a document, but got 410: it is gone for good"),
            answer("410 Gone", &[], ""),
        ),
        after("429 for two hours", 429, "7200", "status 429", 120..=132),
        after("503 for two hours", 503, "7200", "status 503", 120..=132),
        after(
            "503 until a moment",
            503,
            "Mon, 01 Jun 2026 17:00:00 GMT",
            "status 503",
            180..=198,
        ),
        after(
            "503 until yesterday",
            503,
            "Sun, 31 May 2026 17:00:00 GMT",
            "status 503",
            AFTER_A_FAILURE,
        ),
        after("429 for a year", 429, "31536000", "status 429", 1440..=1584),
        after(
            "429 until nobody knows when",
            429,
            "завтра",
            "status 429",
            AFTER_A_FAILURE,
        ),
    ]
}

fn validators() -> Vec<Row> {
    let with =
        |name: &'static str, value: &str| answer("200 OK", &[MIME, (name, value)], feed(NEW));
    let unchanged = answer("304 Not Modified", &[], "");
    let delta = format!("<rss version=\"2.0\"><channel><title>Новини</title>{NEW}</channel></rss>");
    let delta = answer(
        "226 IM Used",
        &[MIME, ("IM", "feed"), ("ETag", "\"2\"")],
        delta,
    );
    let unasked = "expected a document, but got 304 to a request that had no conditions";
    vec![
        says("304", Unchanged, unchanged.clone()),
        Row {
            bare: true,
            ..fails("304 that nobody asked for", unasked, unchanged)
        },
        says("226", Reads(&["Третя"], ""), delta.clone()),
        Row {
            bare: true,
            ..fails("226 that nobody asked for", "status 226", delta)
        },
        says(
            "a weak ETag",
            Reads(&["Третя"], ""),
            with("ETag", "W/\"1\""),
        ),
        says(
            "an ETag without quotes",
            Reads(&["Третя"], ""),
            with("ETag", "1"),
        ),
        says(
            "an ETag of four kilobytes",
            Reads(&["Третя"], ""),
            with("ETag", &"e".repeat(4096)),
        ),
        says(
            "a Last-Modified of 2099",
            Reads(&["Третя"], ""),
            with("Last-Modified", "Sun, 06 Nov 2099 08:49:37 GMT"),
        ),
        says(
            "a Last-Modified that is no date",
            Reads(&["Третя"], ""),
            with("Last-Modified", "сьогодні"),
        ),
    ]
}
