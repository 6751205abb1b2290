//! No text in an article makes a feed that can't be read, or that says something else.

use atom_syndication::TextType;
use proptest::prelude::*;
use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::escape::unescape;
use quick_xml::events::Event;
use visnyk::article::Article;
use visnyk::article::clean::clean;
use visnyk::feed::FeedFormat;
use visnyk::feed::Fullness;

use super::support::press_release;
use super::support::rendered;

/// Pieces that break documents, among any characters.
fn nasty_text() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "]]>",
        "]]",
        ">",
        "<![CDATA[",
        "<!--",
        "-->",
        "<b>",
        "</title>",
        "&",
        "&amp;",
        "&nbsp;",
        "&#0;",
        "&#x1F;",
        "&lt;script&gt;",
        "\0",
        "\u{8}",
        "\u{B}",
        "\u{1F}",
        "\u{85}",
        "\u{FFFD}",
        "\u{FFFE}",
        "\u{FFFF}",
        "\u{202E}",
        "\r\n",
        "\t",
        "\"",
        "'",
        "ї",
        "🇺🇦",
        "<?xml?>",
        "%",
        "]",
    ]);
    let piece = prop_oneof![4 => pieces.prop_map(str::to_owned), 1 => "\\PC{0,8}"];
    prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

fn nasty_article() -> impl Strategy<Value = Article> {
    let texts = prop::collection::vec(nasty_text(), 8);
    // Cleaning costs more than all the rest, and escapes what could hurt: a few bodies are enough.
    let body = prop::option::weighted(0.05, nasty_text());
    let sound = press_release();
    (texts, body).prop_map(move |(texts, body)| {
        let mut article = sound.clone();
        article.title.clone_from(&texts[0]);
        article.summary.clone_from(&texts[1]);
        article.text.clone_from(&texts[2]);
        if let Some(body) = body {
            article.html = clean(&format!("<p>{body}</p>"), None);
        }
        article.authors = vec![texts[3].clone()];
        article.topics[0].name.clone_from(&texts[4]);
        article.media[0].caption = Some(texts[5].clone());
        article.media[1].url = format!("https://poda.example/{}", texts[5]);
        article.media[1].mime = Some(texts[6].clone());
        article.language.clone_from(&texts[6]);
        article.licence = Some(texts[6].clone());
        if let Some(source) = &mut article.source {
            source.name.clone_from(&texts[7]);
            source.url = format!("https://poda.example/?{}", texts[7]);
        }
        article
    })
}

/// XML 1.0 §2.1 and §2.2, as far as a reader without DTD checks them.
fn assert_well_formed(xml: &str) {
    let legal = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..);
    assert!(xml.chars().all(legal), "a forbidden character: {xml:?}");
    let mut reader = Reader::from_str(xml);
    reader.config_mut().check_comments = true;
    loop {
        match reader.read_event().unwrap() {
            Event::Eof => break,
            Event::Start(start) | Event::Empty(start) => {
                for attribute in start.attributes() {
                    let value = attribute.unwrap();
                    value
                        .decoded_and_normalized_value(XmlVersion::default(), reader.decoder())
                        .unwrap();
                }
            }
            Event::Text(text) => assert!(!text.decode().unwrap().contains("]]>")),
            Event::GeneralRef(name) => {
                let name = name.decode().unwrap();
                let known = ["lt", "gt", "amp", "quot", "apos"];
                assert!(known.contains(&&*name), "&{name};");
            }
            _ => {}
        }
    }
}

/// What a title is to be: one line, without what XML forbids.
fn expected_title(article: &Article) -> String {
    let feed = rendered(
        FeedFormat::Json,
        std::slice::from_ref(article),
        Fullness::Full,
    );
    let feed: serde_json::Value = serde_json::from_str(&feed).unwrap();
    feed["items"][0]["title"].as_str().unwrap().to_owned()
}

/// Without what keeps a title from being taken for HTML in RSS.
fn bare(title: &str) -> String {
    title
        .replace('‹', "<")
        .replace('›', ">")
        .replace('\u{2060}', "")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn any_text_gives_well_formed_feeds_that_say_the_same(article in nasty_article()) {
        let articles = std::slice::from_ref(&article);
        let title = expected_title(&article);

        let xml = rendered(FeedFormat::Rss, articles, Fullness::Full);
        assert_well_formed(&xml);
        let read = rss::Channel::read_from(xml.as_bytes()).unwrap();
        prop_assert_eq!(read.items.len(), 1);
        prop_assert_eq!(bare(read.items[0].title.as_deref().unwrap()), bare(&title));
        prop_assert_eq!(read.items[0].guid.as_ref().map(|g| &*g.value), Some("tag:news.example,2026:article/1"));

        let xml = rendered(FeedFormat::Atom, articles, Fullness::Full);
        assert_well_formed(&xml);
        let read = atom_syndication::Feed::read_from(xml.as_bytes()).unwrap();
        prop_assert_eq!(read.entries.len(), 1);
        let read = &read.entries[0].title;
        let value = if read.r#type == TextType::Html { unescape(&read.value).unwrap() } else { (&*read.value).into() };
        prop_assert_eq!(value, title);
    }
}
