//! Rows of what a document holds.

use std::fmt::Write as _;

use encoding_rs::KOI8_U;
use encoding_rs::WINDOWS_1251;

use super::MIME;
use super::Outcome;
use super::Reads;
use super::Row;
use super::fails;
use super::feed;
use super::says;
use crate::support::origin::answer;

pub(super) fn rows() -> Vec<Row> {
    let mut rows = charsets();
    rows.extend(wrong_documents());
    rows.extend(hostile());
    rows.extend(items());
    rows.extend(dates());
    rows
}

fn reads(
    name: &'static str,
    new: &'static [&'static str],
    words: &'static str,
    body: impl AsRef<[u8]>,
) -> Row {
    says(name, Reads(new, words), answer("200 OK", &[MIME], body))
}

/// A new item of the feed, read without a word.
fn item(name: &'static str, new: &'static [&'static str], item: &str) -> Row {
    reads(name, new, "", feed(&format!("<item>{item}</item>")))
}

const NEWS: &str = "<item><guid>3</guid><title>Ґанок і їжак: нова єдність у громаді</title></item>";
const TITLE: &[&str] = &["Ґанок і їжак: нова єдність у громаді"];

fn charsets() -> Vec<Row> {
    let declared =
        |name: &str| feed(NEWS).replacen("\"1.0\"", &format!("\"1.0\" encoding=\"{name}\""), 1);
    let http = |name, words, said: &str, body: Vec<u8>| {
        let mime = ("Content-Type", said);
        says(name, Reads(TITLE, words), answer("200 OK", &[mime], body))
    };
    let cyrillic = |text: &str| WINDOWS_1251.encode(text).0.into_owned();
    let utf16: Vec<u8> = declared("UTF-16")
        .encode_utf16()
        .flat_map(u16::to_be_bytes)
        .collect();
    vec![
        http(
            "windows-1251 that HTTP calls UTF-8",
            "the HTTP header says UTF-8, but the text is windows-1251",
            "text/xml; charset=utf-8",
            cyrillic(&declared("windows-1251")),
        ),
        reads(
            "windows-1251 that calls itself UTF-8",
            TITLE,
            "the document says UTF-8, but the text is windows-1251",
            cyrillic(&declared("utf-8")),
        ),
        http(
            "KOI8-U that calls itself windows-1251",
            "the document says windows-1251, but the text is KOI8-U",
            "text/xml; charset=koi8-u",
            KOI8_U.encode(&declared("windows-1251")).0.into_owned(),
        ),
        http(
            "a mark that HTTP contradicts",
            "",
            "text/xml; charset=windows-1251",
            [b"\xEF\xBB\xBF", declared("utf-8").as_bytes()].concat(),
        ),
        reads(
            "windows-1251 that says nothing",
            TITLE,
            "",
            cyrillic(&feed(NEWS)),
        ),
        reads("UTF-16 without a mark", TITLE, "", utf16),
        http(
            "a charset that nobody knows",
            "the HTTP header names an unknown charset `x-klingon`",
            "text/xml; charset=x-klingon",
            feed(NEWS).into_bytes(),
        ),
    ]
}

fn wrong_documents() -> Vec<Row> {
    let html = |body: &str| {
        answer(
            "200 OK",
            &[("Content-Type", "text/html; charset=utf-8")],
            body,
        )
    };
    let whole = feed(NEWS);
    let (cut, _) = whole.split_once("Друга").unwrap();
    vec![
        fails(
            "a login page",
            "expected RSS, Atom or JSON Feed, but got HTML",
            html(
                "<!doctype html><html><head><title>Увійдіть</title></head><body><form></form></body></html>",
            ),
        ),
        fails(
            "a picture",
            "but got something unknown",
            answer("200 OK", &[MIME], b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
        ),
        fails(
            "JSON that is no feed",
            "expected",
            answer("200 OK", &[MIME], "{\"error\": 1}"),
        ),
        reads("a feed that calls itself a page", TITLE, "", feed(NEWS)),
        reads(
            "a truncated feed",
            TITLE,
            "the document breaks off: what is whole was read",
            cut,
        ),
        reads(
            "a feed without articles",
            &[],
            "the feed holds no articles",
            "<rss version='2.0'><channel><title>т</title></channel></rss>",
        ),
        reads(
            "a warning before the prolog",
            TITLE,
            "",
            format!("<br />\n<b>Warning</b>: x\n{}", feed(NEWS)),
        ),
    ]
}

fn hostile() -> Vec<Row> {
    let third = |inside: &str| {
        feed(&format!(
            "<item><guid>3</guid><title>Третя</title>{inside}</item>"
        ))
    };
    let described = |text: &str| third(&format!("<description>{text}</description>"));
    let new: &[&str] = &["Третя"];
    let mut attributes = String::new();
    for number in 0..20_000 {
        write!(attributes, " a{number}=''").unwrap();
    }
    let mut lol = String::from("<!DOCTYPE rss [<!ENTITY l0 'ха'>");
    for number in 1..10 {
        let inner = format!("&l{};", number - 1).repeat(10);
        write!(lol, "<!ENTITY l{number} '{inner}'>").unwrap();
    }
    let many: Vec<_> = (0..100_000)
        .map(|number| format!("<item><title>н{number}</title></item>"))
        .collect();
    vec![
        reads(
            "control characters",
            new,
            "control characters were taken out",
            third("<category>а\0б\u{b}</category>"),
        ),
        reads("half a surrogate", new, "", described("а&#xD800;&#0;б")),
        reads(
            "a billion laughs",
            new,
            "",
            format!("{lol}]>{}", described("&l9;")),
        ),
        reads(
            "an entity from a file",
            new,
            "",
            format!(
                "<!DOCTYPE rss [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>{}",
                described("&x;")
            ),
        ),
        reads(
            "nesting without end",
            new,
            "nesting beyond 256 levels was flattened",
            third(&["<x>".repeat(100_000), "</x>".repeat(100_000)].concat()),
        ),
        reads(
            "20,000 attributes",
            new,
            "more attributes than any document needs were left out",
            third(&format!("<x{attributes}/>")),
        ),
        says(
            "a hundred thousand articles",
            Reads(&[], "articles at once: they wait for a person"),
            answer("200 OK", &[MIME], feed(&many.concat())),
        ),
        reads(
            "scripts and frames",
            new,
            "",
            described(
                "<![CDATA[<script>x()</script><iframe src='//a'></iframe><svg onload=x()><p onclick=x()>а</p><meta http-equiv=refresh>]]>",
            ),
        ),
    ]
}

fn items() -> Vec<Row> {
    vec![
        item(
            "an article with a headline alone",
            &["Третя"],
            "<title>Третя</title>",
        ),
        item(
            "an article without a headline",
            &["Третя новина, яку видно"],
            "<guid>3</guid><description>Третя новина, яку видно</description>",
        ),
        item(
            "a repeated identifier",
            &["Третя"],
            "<guid>3</guid><title>Третя</title></item><item><guid>3</guid><title>Третя</title>",
        ),
        reads(
            "a link that is a script",
            &["Третя"],
            "a link was left out: expected an http or https address",
            feed("<item><guid>3</guid><title>Третя</title><link>javascript:alert(1)</link></item>"),
        ),
        item(
            "a relative link",
            &["Третя"],
            "<guid>3</guid><title>Третя</title><link>../новини/3</link>",
        ),
        item(
            "one article at two addresses",
            &["Третя"],
            "<guid>3</guid><title>Третя</title><link>/3</link></item><item><guid>3</guid><title>Третя</title><link>/три</link>",
        ),
    ]
}

fn dates() -> Vec<Row> {
    let dated = |name, words: &'static str, date: &str| {
        let item =
            format!("<item><guid>3</guid><title>Третя</title><pubDate>{date}</pubDate></item>");
        let outcome: Outcome = Reads(&["Третя"], words);
        says(name, outcome, answer("200 OK", &[MIME], feed(&item)))
    };
    vec![
        dated(
            "a date of 1970",
            "expected a date, but got `Thu, 01 Jan 1970 00:00:00 GMT`",
            "Thu, 01 Jan 1970 00:00:00 GMT",
        ),
        dated("a date of 2099", "", "Thu, 01 Jan 2099 00:00:00 GMT"),
        dated(
            "the 31st of February",
            "expected a date, but got `31 Feb 2026`",
            "31 Feb 2026",
        ),
        dated("a Ukrainian date", "", "26 червня 2023, 17:07"),
        dated("a date without a zone", "", "2026-06-01T10:00:00"),
        dated(
            "words for a date",
            "expected a date, but got `колись`",
            "колись",
        ),
    ]
}
