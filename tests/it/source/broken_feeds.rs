//! Feeds that are broken and whole all the same, in every charset that Ukrainian news come in:
//! breakage × charset, and each must give all its whole articles with the right headlines.

use encoding_rs::Encoding;
use encoding_rs::ISO_8859_5;
use encoding_rs::KOI8_U;
use encoding_rs::UTF_8;
use encoding_rs::WINDOWS_1251;
use url::Url;
use visnyk::clock::Stamp;
use visnyk::source::Reading;
use visnyk::source::Selectors;
use visnyk::source::SourceKind;
use visnyk::source::read;

/// How a text becomes bytes.
#[derive(Debug, Clone, Copy)]
enum Bytes {
    Plain(&'static Encoding),
    Utf8WithMark,
    Utf16 { little: bool, mark: bool },
}

/// A way to send a document: its bytes, what its prolog declares, what HTTP says.
struct Charset {
    name: &'static str,
    bytes: Bytes,
    declared: Option<&'static str>,
    http: Option<&'static str>,
}

const fn plain(
    name: &'static str,
    encoding: &'static Encoding,
    declared: Option<&'static str>,
    http: Option<&'static str>,
) -> Charset {
    Charset {
        name,
        bytes: Bytes::Plain(encoding),
        declared,
        http,
    }
}

const fn utf16(
    name: &'static str,
    little: bool,
    mark: bool,
    declared: Option<&'static str>,
) -> Charset {
    Charset {
        name,
        bytes: Bytes::Utf16 { little, mark },
        declared,
        http: None,
    }
}

const CHARSETS: &[Charset] = &[
    plain("UTF-8", UTF_8, Some("UTF-8"), None),
    plain("UTF-8, undeclared", UTF_8, None, None),
    Charset {
        name: "UTF-8 with a mark",
        bytes: Bytes::Utf8WithMark,
        declared: Some("utf-8"),
        http: None,
    },
    plain(
        "UTF-8 declared as windows-1251",
        UTF_8,
        Some("windows-1251"),
        None,
    ),
    plain(
        "UTF-8 that HTTP calls latin-1",
        UTF_8,
        Some("UTF-8"),
        Some("iso-8859-1"),
    ),
    utf16("UTF-16LE with a mark", true, true, Some("UTF-16")),
    utf16("UTF-16BE with a mark", false, true, Some("UTF-16")),
    utf16("UTF-16LE without a mark", true, false, None),
    utf16("UTF-16BE without a mark", false, false, None),
    utf16(
        "UTF-16LE without a mark, declared as UTF-8",
        true,
        false,
        Some("utf-8"),
    ),
    utf16(
        "UTF-16BE without a mark, declared as UTF-16",
        false,
        false,
        Some("UTF-16"),
    ),
    plain("windows-1251", WINDOWS_1251, Some("windows-1251"), None),
    plain("windows-1251, undeclared", WINDOWS_1251, None, None),
    plain(
        "windows-1251 by HTTP alone",
        WINDOWS_1251,
        None,
        Some("windows-1251"),
    ),
    plain(
        "windows-1251 declared as UTF-8",
        WINDOWS_1251,
        Some("UTF-8"),
        None,
    ),
    plain(
        "windows-1251 that HTTP calls UTF-8",
        WINDOWS_1251,
        Some("windows-1251"),
        Some("utf-8"),
    ),
    plain(
        "windows-1251 that HTTP calls latin-1",
        WINDOWS_1251,
        Some("windows-1251"),
        Some("iso-8859-1"),
    ),
    plain("KOI8-U", KOI8_U, Some("koi8-u"), None),
    plain("KOI8-U, undeclared", KOI8_U, None, None),
    plain("KOI8-U by HTTP alone", KOI8_U, None, Some("koi8-u")),
    plain("ISO-8859-5", ISO_8859_5, Some("ISO-8859-5"), None),
    plain("ISO-8859-5, undeclared", ISO_8859_5, None, None),
    plain(
        "ISO-8859-5 by HTTP alone",
        ISO_8859_5,
        None,
        Some("iso-8859-5"),
    ),
];

impl Charset {
    fn encode(&self, text: &str) -> Vec<u8> {
        let units = |little: bool| -> Vec<u8> {
            let bytes = |unit: u16| {
                if little {
                    unit.to_le_bytes()
                } else {
                    unit.to_be_bytes()
                }
            };
            text.encode_utf16().flat_map(bytes).collect()
        };
        match self.bytes {
            Bytes::Plain(encoding) => encoding.encode(text).0.into_owned(),
            Bytes::Utf8WithMark => [b"\xEF\xBB\xBF", text.as_bytes()].concat(),
            Bytes::Utf16 {
                little,
                mark: false,
            } => units(little),
            Bytes::Utf16 {
                little: true,
                mark: true,
            } => [b"\xFF\xFE".to_vec(), units(true)].concat(),
            Bytes::Utf16 {
                little: false,
                mark: true,
            } => [b"\xFE\xFF".to_vec(), units(false)].concat(),
        }
    }

    fn prolog(&self) -> String {
        let encoding = self.declared.map(|name| format!(" encoding=\"{name}\""));
        format!("<?xml version=\"1.0\"{}?>\n", encoding.unwrap_or_default())
    }
}

/// Headlines with every letter that only Ukrainian has, and what a title must survive.
const TITLES: [&str; 3] = [
    "Ґрунтові води підмили ґанок: єдина школа Їжакового з’їздить до сусідів",
    "Об’єднані громади отримають європейську підтримку",
    "У Полтаві відкрили новий міст",
];

/// The headline that a breakage puts into the second article, as written and as meant.
struct Spoilt {
    written: &'static str,
    meant: &'static str,
}

/// What is done to a sound feed.
struct Breakage {
    name: &'static str,
    second: Option<Spoilt>,
    spoil: fn(&str) -> String,
}

fn breakage(name: &'static str, spoil: fn(&str) -> String) -> Breakage {
    Breakage {
        name,
        second: None,
        spoil,
    }
}

fn headline(name: &'static str, written: &'static str, meant: &'static str) -> Breakage {
    Breakage {
        name,
        second: Some(Spoilt { written, meant }),
        spoil: str::to_owned,
    }
}

/// The whole articles, and then this.
fn cut(feed: &str, rest: &str) -> String {
    let whole = feed.split_once("<!--end-->").unwrap().0;
    format!("{whole}{rest}")
}

fn breakages() -> Vec<Breakage> {
    vec![
        breakage("nothing", str::to_owned),
        headline(
            "a bare &",
            "Річка & ліс, R&D та Q&A;",
            "Річка & ліс, R&D та Q&A;",
        ),
        headline(
            "a bare <",
            "Температура < 5 градусів",
            "Температура < 5 градусів",
        ),
        headline(
            "HTML entities",
            "Річка&nbsp;&mdash; це&hellip; &laquo;ріка&raquo;",
            "Річка — це… «ріка»",
        ),
        headline(
            "control characters",
            "Річ\u{8}ка\u{b} \u{1f}ліс\u{1}",
            "Річка ліс",
        ),
        headline(
            "characters that XML has not",
            "Річ&#8;ка&#xD800; ліс&#0;",
            "Річка ліс",
        ),
        breakage("cut within a tag", |feed| cut(feed, "<ite")),
        breakage("cut within a fourth headline", |feed| {
            let start = if feed.contains("<entry>") {
                "<entry>"
            } else {
                "<item>"
            };
            cut(feed, &format!("{start}<title>Уривок, який ніхто не"))
        }),
        breakage("cut within CDATA", |feed| cut(feed, "<![CDATA[ уривок")),
        breakage("cut within a comment", |feed| cut(feed, "<!-- уривок")),
        breakage("white space before the prolog", |feed| {
            format!("\n\n \t{feed}")
        }),
        breakage("a warning before the prolog", |feed| {
            format!("<br />\n<b>Warning</b>:  session_start(): <b>/var/www/a.php</b> x < y\n{feed}")
        }),
        breakage("a sentence before the prolog", |feed| {
            format!("Помилка з’єднання з базою даних: спробуйте ще раз.\n{feed}")
        }),
        breakage("a second document behind", |feed| {
            format!("{feed}\n<html><body><p>Дякуємо, що читаєте</p></body></html>")
        }),
        breakage("tags in capitals", |feed| {
            feed.replace("title>", "TITLE>")
                .replace("<item>", "<ITEM>")
                .replace("</item>", "</Item>")
                .replace("<entry>", "<ENTRY>")
                .replace("</entry>", "</Entry>")
                .replace("<rss", "<RSS")
                .replace("</rss", "</Rss")
                .replace("<feed", "<Feed")
                .replace("channel>", "Channel>")
        }),
        breakage("starts and ends in different case", |feed| {
            feed.replace("</title>", "</Title>")
                .replace("</link>", "</LINK>")
        }),
        breakage("undeclared prefixes", |feed| {
            feed.replace("<!--more-->", "<dc:creator>Олена Коваль</dc:creator><content:encoded>&lt;p&gt;Тіло&lt;/p&gt;</content:encoded><media:thumbnail url='/a.jpg'/><x:y z:w='1'>Їжа</x:y>")
        }),
        breakage("headlines never closed", |feed| {
            feed.replace("</title>", "")
        }),
        breakage("articles never closed", |feed| {
            feed.replace("</item>", "").replace("</entry>", "")
        }),
        breakage("HTML that nobody escaped or closed", |feed| {
            feed.replace("<!--more-->", "<description><p>Перший<br>рядок<p>Другий <b>рядок<img src=a.jpg><ul><li>раз<li>два</description>")
        }),
        breakage("stray ends", |feed| {
            feed.replace("<!--more-->", "</p></br></div></ul>")
        }),
        breakage("a tag without its end", |feed| {
            feed.replace("</title>", "</title")
        }),
        breakage("an attribute without its quote", |feed| {
            feed.replace("<item>", "<item a=\"b>")
                .replace("<entry>", "<entry a=\"b>")
        }),
        breakage("attributes without quotes, and twice", |feed| {
            feed.replace("<item>", "<item a=b a=c d>")
                .replace("<entry>", "<entry a=b a=c d>")
        }),
        breakage("bad dates", |feed| {
            feed.replace("<!--more-->", "<pubDate>31 лютого, чверть по третій</pubDate><updated>2023-02-30T25:61:00</updated><dc:date>0000-00-00</dc:date>")
        }),
        breakage("no end at all", |feed| {
            feed.replace("</channel></rss>", "").replace("</feed>", "")
        }),
        breakage("a document type that nobody defines", |feed| {
            feed.replacen("?>\n", "?>\n<!DOCTYPE rss PUBLIC \"-//Хтось//EN\" \"http://x.example/a.dtd\" [<!ENTITY їжак \"x\">]>\n", 1)
        }),
        breakage("a letter cut in two", str::to_owned),
    ]
}

const RSS: &str = "<rss version=\"2.0\"><channel><title>Новини Полтавщини</title>\
    <link>https://example.org/</link><description>Новини області та громад</description>";
const ATOM: &str = "<feed xmlns=\"http://www.w3.org/2005/Atom\"><title>Новини Полтавщини</title>\
    <id>https://example.org/</id><updated>2026-06-01T12:00:00Z</updated>";

/// A sound feed of three articles.
fn feed(atom: bool, prolog: &str, second: &str) -> String {
    let mut text = format!("{prolog}{}", if atom { ATOM } else { RSS });
    let titles = [TITLES[0], second, TITLES[2]];
    for (title, number) in titles.iter().zip(1..) {
        let url = format!("https://example.org/{number}");
        let article = if atom {
            format!(
                "<entry><title>{title}</title><link href=\"{url}\"/><id>{url}</id>\
                 <summary>Коротко про головне в області</summary><!--more--></entry>\n"
            )
        } else {
            format!(
                "<item><title>{title}</title><link>{url}</link><guid>{url}</guid>\
                 <description>Коротко про головне в області</description><!--more--></item>\n"
            )
        };
        text.push_str(&article);
    }
    text + "<!--end-->" + if atom { "</feed>" } else { "</channel></rss>" }
}

fn read_it(bytes: &[u8], content_type: Option<&str>) -> Reading {
    let base = Url::parse("https://example.org/feed").unwrap();
    let document = read::Document {
        bytes,
        content_type,
        base: Some(&base),
    };
    let how = read::How {
        kind: SourceKind::Feed,
        selectors: &Selectors::default(),
        zone: chrono_tz::Tz::Europe__Kyiv,
        now: Stamp(1_780_000_000_000),
    };
    read::read(&document, &how)
}

/// What is wrong with what was read, if anything is.
fn wrong(breakage: &Breakage, charset: &Charset, atom: bool) -> Option<String> {
    let second = breakage.second.as_ref();
    let sound = feed(
        atom,
        &charset.prolog(),
        second.map_or(TITLES[1], |spoilt| spoilt.written),
    );
    let mut bytes = charset.encode(&(breakage.spoil)(&sound));
    if breakage.name == "a letter cut in two" {
        let end = charset
            .encode(sound.split_once("<!--end-->").unwrap().0)
            .len();
        bytes.truncate(end);
        bytes.extend(
            charset
                .encode("<item><description>Уривок")
                .split_last()
                .unwrap()
                .1,
        );
    }
    let mime = if atom {
        "application/atom+xml"
    } else {
        "application/rss+xml"
    };
    let content_type = charset.http.map(|name| format!("{mime}; charset={name}"));
    let reading = read_it(&bytes, content_type.as_deref().or(Some(mime)));
    let whole = reading.drafts.iter().take(3);
    let titles: Vec<_> = whole.clone().map(|draft| draft.title.as_str()).collect();
    let urls: Vec<_> = whole
        .map(|draft| draft.url.as_deref().unwrap_or_default())
        .collect();
    let expected = [
        TITLES[0],
        second.map_or(TITLES[1], |spoilt| spoilt.meant),
        TITLES[2],
    ];
    let addresses = [
        "https://example.org/1",
        "https://example.org/2",
        "https://example.org/3",
    ];
    let right = titles == expected && urls == addresses && reading.drafts.len() <= 4;
    (!right).then(|| {
        let kind = if atom { "Atom" } else { "RSS" };
        format!(
            "{} × {} ({kind}): {titles:?} {urls:?} as {:?}, {:?}",
            breakage.name, charset.name, reading.charset, reading.problems
        )
    })
}

#[test]
fn every_whole_article_of_every_broken_feed_is_read_in_every_charset() {
    let breakages = breakages();
    let mut wrongs = Vec::new();
    for breakage in &breakages {
        for charset in CHARSETS {
            wrongs.extend(
                [false, true]
                    .into_iter()
                    .filter_map(|atom| wrong(breakage, charset, atom)),
            );
        }
    }
    let all = breakages.len() * CHARSETS.len() * 2;
    println!(
        "{} breakages × {} charsets × RSS and Atom: {} of {all} give all their articles",
        breakages.len(),
        CHARSETS.len(),
        all - wrongs.len()
    );
    assert!(
        wrongs.is_empty(),
        "{} of {all}:\n{}",
        wrongs.len(),
        wrongs.join("\n")
    );
}
