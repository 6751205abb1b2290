//! OPML 2.0, both ways: our feeds as a list that readers import, and a reader's list as sources.
//!
//! Reading forgives: a broken file gives what stands before the break, unknown entities stay as
//! they are, names of attributes may be in any case. It never recurses, and stops at
//! 256 levels and 10,000 feeds. It doesn't judge the addresses it finds.

use quick_xml::Reader;
use quick_xml::Writer;
use quick_xml::events::BytesDecl;
use quick_xml::events::BytesStart;
use quick_xml::events::BytesText;
use quick_xml::events::Event;

use crate::feed::FeedError;
use crate::feed::legal::legal;

/// Outlines nested deeper than this end the reading.
const MAX_DEPTH: usize = 256;
/// No more feeds than this are read from one file.
const MAX_FEEDS: usize = 10_000;

/// A feed in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// Plain text.
    pub title: String,
    /// The feed.
    pub xml_url: String,
    /// The page for people.
    pub html_url: String,
    /// BCP 47 tag.
    pub language: String,
}

/// Writes a list of feeds, in their order.
pub fn write(title: &str, feeds: &[Outline]) -> Result<Vec<u8>, FeedError> {
    let mut writer = Writer::new(Vec::new());
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("utf-8"), None)))?;
    let opml = writer
        .create_element("opml")
        .with_attribute(("version", "2.0"));
    opml.write_inner_content(|inside| {
        inside.create_element("head").write_inner_content(|head| {
            let text = legal(title);
            head.create_element("title")
                .write_text_content(BytesText::new(&text))?;
            Ok(())
        })?;
        inside
            .create_element("body")
            .write_inner_content(|body| feeds.iter().try_for_each(|feed| outline(body, feed)))?;
        Ok(())
    })?;
    Ok(writer.into_inner())
}

fn outline(body: &mut Writer<Vec<u8>>, feed: &Outline) -> std::io::Result<()> {
    let attributes = [
        ("type", "rss"),
        ("text", &legal(&feed.title)),
        ("title", &legal(&feed.title)),
        ("xmlUrl", &legal(&feed.xml_url)),
        ("htmlUrl", &legal(&feed.html_url)),
        ("language", &legal(&feed.language)),
    ];
    body.create_element("outline")
        .with_attributes(attributes)
        .write_empty()?;
    Ok(())
}

/// The feeds of a list as (title, address), in the file's order, folders flattened. A feed
/// without a title has its address for one.
pub fn read(bytes: &[u8]) -> Vec<(String, String)> {
    let mut reader = forgiving(bytes);
    let mut buffer = Vec::new();
    let mut feeds = Vec::new();
    let mut depth = 0_usize;
    while depth <= MAX_DEPTH && feeds.len() < MAX_FEEDS {
        buffer.clear();
        match reader.read_event_into(&mut buffer) {
            Ok(Event::Start(start)) => {
                depth += 1;
                feeds.extend(feed(&reader, &start));
            }
            Ok(Event::Empty(start)) => feeds.extend(feed(&reader, &start)),
            Ok(Event::End(_)) => depth = depth.saturating_sub(1),
            Ok(Event::Eof) | Err(_) => break,
            Ok(_) => {}
        }
    }
    feeds
}

fn forgiving(bytes: &[u8]) -> Reader<&[u8]> {
    let mut reader = Reader::from_reader(bytes);
    let config = reader.config_mut();
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    config.allow_dangling_amp = true;
    reader
}

fn feed(reader: &Reader<&[u8]>, start: &BytesStart<'_>) -> Option<(String, String)> {
    if !start.name().as_ref().eq_ignore_ascii_case(b"outline") {
        return None;
    }
    let address = attribute(reader, start, "xmlUrl")?;
    let title = attribute(reader, start, "title").or_else(|| attribute(reader, start, "text"));
    Some((title.unwrap_or_else(|| address.clone()), address))
}

/// The attribute's value, trimmed; `None` if it is absent or empty.
fn attribute(reader: &Reader<&[u8]>, start: &BytesStart<'_>, name: &str) -> Option<String> {
    let mut attributes = start.attributes();
    let found = attributes
        .with_checks(false)
        .flatten()
        .find(|attribute| attribute.key.as_ref().eq_ignore_ascii_case(name.as_bytes()))?;
    let raw = reader.decoder().decode(&found.value).ok()?;
    let value = quick_xml::escape::unescape(&raw).map_or_else(|_| raw.to_string(), Into::into);
    Some(legal(value.trim())).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn outline(title: &str) -> Outline {
        Outline {
            title: title.to_owned(),
            xml_url: "https://news.example/feed.rss?a=1&b=2".to_owned(),
            html_url: "https://news.example/".to_owned(),
            language: "uk".to_owned(),
        }
    }

    #[test]
    fn a_written_list_reads_back() {
        let written = write("Канали", &[outline("«Усе» & <решта>"), outline("\"'")]).unwrap();
        let url = "https://news.example/feed.rss?a=1&b=2".to_owned();
        assert_eq!(
            read(&written),
            [
                ("«Усе» & <решта>".to_owned(), url.clone()),
                ("\"'".to_owned(), url)
            ]
        );
    }

    #[test]
    fn a_list_says_what_it_is() {
        let written = write("Канали", &[outline("Усе")]).unwrap();
        insta::assert_snapshot!(String::from_utf8(written).unwrap());
    }

    #[test]
    fn folders_are_flattened_and_other_outlines_left_out() {
        let text = r#"<opml><body><outline text="Folder"><outline text="A" XMLURL="http://a/"/>
            <outline type="link" url="http://no/"/></outline><outline xmlUrl=" http://b/ "/></body></opml>"#;
        let expected = [("A", "http://a/"), ("http://b/", "http://b/")];
        assert_eq!(
            read(text.as_bytes()),
            expected.map(|(t, u)| (t.into(), u.into()))
        );
    }

    #[test]
    fn a_broken_list_gives_what_stands_before_the_break() {
        let text = r#"<opml><body><outline text="A &nbsp; B & C" xmlUrl="http://a/?x&y"></wrong>
            <outline text="B" xmlUrl="http://b/"/><outline text="#;
        let expected = [("A &nbsp; B & C", "http://a/?x&y"), ("B", "http://b/")];
        assert_eq!(
            read(text.as_bytes()),
            expected.map(|(t, u)| (t.into(), u.into()))
        );
    }

    #[test]
    fn a_list_in_windows_1251_is_read() {
        let text = r#"<?xml version="1.0" encoding="windows-1251"?><opml><body><outline text="Новини" xmlUrl="http://a/"/></body></opml>"#;
        let (bytes, _, _) = encoding_rs::WINDOWS_1251.encode(text);
        assert_eq!(
            read(&bytes),
            [("Новини".to_owned(), "http://a/".to_owned())]
        );
    }

    #[test]
    fn nesting_without_end_ends_the_reading() {
        let deep = r#"<outline xmlUrl="http://a/">"#.repeat(100_000);
        assert_eq!(read(deep.as_bytes()).len(), MAX_DEPTH + 1);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            read(&bytes);
            let mut list = b"<opml><body><outline ".to_vec();
            list.extend(bytes);
            read(&list);
        }

        #[test]
        fn any_title_reads_back(title in "\\PC{1,60}") {
            let written = write(&title, &[outline(&title)]).unwrap();
            let title = legal(&title);
            let expected = if title.trim().is_empty() { outline("").xml_url } else { title.trim().to_owned() };
            prop_assert_eq!(read(&written), [(expected, outline("").xml_url)]);
        }
    }
}
