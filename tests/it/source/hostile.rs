//! What a hostile source can cost: the whole command, with its memory and its time.
//!
//! None may end it by a signal or a panic, take more than [`MEMORY`] or [`SECONDS`], or have it ask
//! the canary, which every document here that can name an address names.

use std::path::Path;
use std::process::Command;
use std::process::Stdio;

use tempfile::TempDir;

use super::fetch::brotli;
use super::fetch::gzip;
use crate::support::command::Visnyk;
use crate::support::origin::Asked;
use crate::support::origin::Origin;
use crate::support::origin::Reply;
use crate::support::origin::Step;
use crate::support::origin::answer;
use crate::support::origin::head;
use crate::support::origin::redirect;

/// KiB that it may hold.
const MEMORY: f64 = 256.0 * 1024.0;
/// Of the processor. A debug build needs ten times as long as the one that people run.
const SECONDS: f64 = if cfg!(debug_assertions) { 300.0 } else { 30.0 };
const MIB: usize = 1024 * 1024;

/// A hostile document, what it is to be taken for, and its bytes.
type Hostile = (&'static str, &'static str, Vec<u8>);

fn rss(item: &str) -> String {
    format!("<rss version='2.0'><channel><title>Новини</title><item><title>а</title>{item}</item>")
}

fn numbered(count: usize, one: impl Fn(usize) -> String) -> String {
    (0..count).map(one).collect()
}

/// Entities that stand for more and more of each other.
fn billion_laughs() -> String {
    let more = numbered(12, |n| {
        format!("<!ENTITY l{} \"{}\">", n + 1, format!("&l{n};").repeat(10))
    });
    format!(
        "<!DOCTYPE rss [<!ENTITY l0 'ха'>{more}]>{}",
        rss("<description>&l12;</description>")
    )
}

fn one_large_entity() -> String {
    let large = "х".repeat(100_000);
    let often = "&x;".repeat(1_000_000);
    format!(
        "<!DOCTYPE rss [<!ENTITY x '{large}'>]>{}",
        rss(&format!("<description>{often}</description>"))
    )
}

fn feeds(canary: &str) -> Vec<Hostile> {
    let page = "<div><p>".repeat(10);
    let xml = |text: String| text.into_bytes();
    vec![
        (
            "a million levels of XML",
            "auto",
            xml(rss(&"<x>".repeat(1_000_000))),
        ),
        (
            "a million levels of HTML within",
            "auto",
            xml(rss(&format!(
                "<description><![CDATA[{}",
                "<div>".repeat(1_000_000)
            ))),
        ),
        (
            "a million levels of JSON",
            "auto",
            xml(format!(
                "{{\"version\": \"https://jsonfeed.org/version/1.1\", \"items\": {}",
                "[".repeat(1_000_000)
            )),
        ),
        ("billion laughs", "auto", xml(billion_laughs())),
        (
            "one large entity, a million times",
            "auto",
            xml(one_large_entity()),
        ),
        (
            "an entity out of a file",
            "auto",
            xml(format!(
                "<!DOCTYPE rss [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>{}",
                rss("<description>&x;</description>")
            )),
        ),
        (
            "an entity, a type and a style out of the network",
            "auto",
            xml(format!(
                "<?xml version='1.0'?><?xml-stylesheet href='{canary}/x.xsl' type='text/xsl'?>\
             <!DOCTYPE rss SYSTEM '{canary}/x.dtd' [<!ENTITY % p SYSTEM '{canary}/p'> %p; <!ENTITY x SYSTEM '{canary}/x'>]>{}",
                rss(&format!(
                    "<description>&x;</description><x:include xmlns:x='http://www.w3.org/2001/XInclude' href='{canary}/i'/>"
                ))
            )),
        ),
        (
            "a hundred thousand attributes",
            "auto",
            xml(rss(&format!(
                "<x{}>",
                numbered(100_000, |n| format!(" a{n}='б'"))
            ))),
        ),
        (
            "a hundred thousand namespaces",
            "auto",
            xml(rss(&numbered(100_000, |n| {
                format!("<n{n}:x xmlns:n{n}='urn:{n}'>")
            }))),
        ),
        (
            "a title of ten megabytes",
            "auto",
            xml(rss(&format!("<title>{}</title>", "ї".repeat(5 * MIB)))),
        ),
        (
            "a title of ten megabytes of mark-up",
            "auto",
            xml(rss(&format!(
                "<title><![CDATA[{}]]></title>",
                "<b>ї".repeat(2 * MIB)
            ))),
        ),
        (
            "a hundred thousand articles",
            "auto",
            xml(format!(
                "<rss><channel>{}",
                numbered(100_000, |n| {
                    format!(
                        "<item><guid>{n}</guid><title>Новина {n}</title><link>https://example.org/{n}</link></item>"
                    )
                })
            )),
        ),
        (
            "an article of a hundred thousand parts",
            "auto",
            xml(rss(&numbered(100_000, |n| {
                format!(
                    "<category>тема {n}</category><enclosure url='{canary}/{n}.jpg' type='image/jpeg'/><dc:creator>{n}</dc:creator>"
                )
            }))),
        ),
        (
            "a date of five megabytes",
            "auto",
            xml(rss(&format!(
                "<pubDate>{}</pubDate>",
                "1 січня ".repeat(5 * MIB / 14)
            ))),
        ),
        (
            "formats that are never closed",
            "auto",
            xml(rss(&format!(
                "<description><![CDATA[{}]]></description>",
                "<b><i><a><font color=1><p>".repeat(200_000)
            ))),
        ),
        (
            "tables within tables",
            "auto",
            xml(rss(&format!(
                "<description><![CDATA[{}]]></description>",
                "<table><tr><td>ї".repeat(200_000)
            ))),
        ),
        (
            "pictures and frames from inside",
            "auto",
            xml(rss(&format!(
                "<description><![CDATA[<img src='{canary}/a'><iframe src='{canary}/b'></iframe><link rel=stylesheet href='{canary}/c'>\
             <script src='{canary}/d'></script><object data='{canary}/e'></object>]]></description>"
            ))),
        ),
        (
            "a page of a million boxes",
            "page",
            xml("<div>ї".repeat(1_000_000)),
        ),
        (
            "a listing of a hundred thousand links",
            "listing",
            xml(format!(
                "<html><body>{page}{}",
                numbered(100_000, |n| {
                    format!(
                        "<article><h2><a href=/news/{n}>Новина номер {n} про область</a></h2><time>{n}</time></article>"
                    )
                })
            )),
        ),
        (
            "a page that refreshes inwards",
            "page",
            xml(format!(
                "<html><head><meta http-equiv=refresh content='0; url={canary}/'><link rel=canonical href='{canary}/c'>\
             <meta property=og:image content='{canary}/i'><base href='{canary}/'></head><body><article><h1>Новина</h1><p>{}",
                "слово ".repeat(200)
            )),
        ),
        (
            "a sitemap of a hundred thousand addresses",
            "auto",
            xml(format!(
                "<urlset>{}",
                numbered(100_000, |n| {
                    format!("<url><loc>{canary}/{n}</loc><lastmod>2026-01-01</lastmod></url>")
                })
            )),
        ),
        ("fifteen mebibytes of nothing", "auto", vec![0; 15 * MIB]),
        ("fifteen mebibytes of tags", "auto", b"<a>".repeat(5 * MIB)),
    ]
}

/// What a server does on the way.
fn answers(canary: &str) -> Vec<(&'static str, Reply)> {
    let zeros = vec![0; 16 * MIB];
    let packed = |coding, bytes: &[u8]| answer("200 OK", &[("Content-Encoding", coding)], bytes);
    let chunk = [b"10000\r\n".as_slice(), &vec![b'x'; 0x10000], b"\r\n"].concat();
    vec![
        ("a gzip bomb", packed("gzip", &gzip(&zeros))),
        (
            "a gzip bomb in gzip",
            packed("gzip, gzip", &gzip(&gzip(&zeros))),
        ),
        ("a brotli bomb", packed("br", &brotli(&zeros))),
        (
            "a zstd bomb",
            packed("zstd", &zstd::encode_all(&*zeros, 1).unwrap()),
        ),
        (
            "a body without end",
            vec![
                head("200 OK", &[("Transfer-Encoding", "chunked")]),
                Step::Forever(chunk),
            ],
        ),
        (
            "headers without end",
            vec![
                Step::Send(b"HTTP/1.1 200 OK\r\n".to_vec()),
                Step::Forever(b"X-More: x\r\n".to_vec()),
            ],
        ),
        ("a redirect to itself", redirect(301, "")),
        ("a redirect inside", redirect(302, &format!("{canary}/"))),
        ("a redirect to a file", redirect(302, "file:///etc/passwd")),
    ]
}

/// Runs `visnyk read` and says what it took: KiB and seconds.
fn cost_of(folder: &Path, arguments: &[&str], what: &str) {
    let visnyk = Visnyk::at(folder).command(&[&["read"], arguments].concat());
    let measured = folder.join("measured");
    let output = Command::new("/usr/bin/time")
        .args(["--quiet", "-f", "%M %U %S", "-o"])
        .arg(&measured)
        .arg(visnyk.get_program())
        .args(visnyk.get_args())
        .env_clear()
        .env("VISNYK_DATA", folder)
        .env("VISNYK_INGEST__ALLOW", "127.0.0.2/32")
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (out, told) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    let code = output.status.code();
    assert!(matches!(code, Some(0 | 65 | 69)), "{what}: {code:?} {told}");
    assert!(!out.contains("root:"), "{what}: {out}");
    let measured = std::fs::read_to_string(measured).unwrap();
    let mut figures = measured
        .split_whitespace()
        .map(|figure| figure.parse::<f64>().unwrap());
    let memory = figures.next().unwrap();
    let seconds: f64 = figures.sum();
    println!(
        "{what}: {:.0} MiB, {seconds:.2} s, exit {}",
        memory / 1024.0,
        code.unwrap()
    );
    assert!(memory < MEMORY, "{what}: {memory} KiB");
    assert!(seconds < SECONDS, "{what}: {seconds} s");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs GNU time"]
async fn nothing_that_a_source_sends_costs_more_than_a_little() {
    let canary = Origin::always(answer("200 OK", &[], "secret")).await;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("hostile");
    let path = file.to_str().unwrap();
    for (what, kind, bytes) in feeds(&canary.at("")) {
        std::fs::write(&file, bytes).unwrap();
        cost_of(
            folder.path(),
            &["--kind", kind, "--base", &canary.at("/feed"), path],
            what,
        );
    }
    for (what, reply) in answers(&canary.at("")) {
        let origin = Origin::routed("127.0.0.2", move |_: &Asked| reply.clone()).await;
        cost_of(folder.path(), &[&origin.at("/feed")], what);
        assert!(!origin.asked().is_empty(), "{what}");
    }
    assert_eq!(canary.asked(), []);
}
