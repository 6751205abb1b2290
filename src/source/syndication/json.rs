//! JSON Feed 1.0 and 1.1 as text in, a [`Reading`] out.

use serde_json::Value;
use url::Url;

use crate::article::Media;
use crate::article::clean;
use crate::clock::Stamp;
use crate::source::DocumentKind;
use crate::source::Draft;
use crate::source::Reading;
use crate::source::address::absolute;
use crate::source::address::address;
use crate::source::address::language;
use crate::source::dated::dated;
use crate::source::problems::Problems;
use crate::source::syndication::MOST_ARTICLES;
use crate::source::syndication::entry::LONGEST_GUID;
use crate::source::syndication::media;
use crate::source::syndication::text::line;
use crate::source::syndication::text::paragraphs;

/// Reads a JSON Feed. `base` is the document's address. The kind is `None` if it is none.
pub(crate) fn read(text: &str, base: Option<&Url>, now: Stamp) -> Reading {
    let mut problems = Problems::default();
    let feed = parse(text, &mut problems);
    let items = feed.get("items").and_then(Value::as_array);
    if items.is_none() && !feed.is_null() {
        problems.add("expected a JSON Feed with `items`, but found none");
    }
    let drafts = items.map_or_else(Vec::new, |items| {
        let from = (&feed, base, now);
        let all = items.iter().take(MOST_ARTICLES);
        all.map(|item| draft(item, from, &mut problems)).collect()
    });
    match items.map_or(0, Vec::len) {
        0 if items.is_some() => problems.add("the feed holds no articles"),
        count if count > MOST_ARTICLES => problems.add(format!(
            "only the first {MOST_ARTICLES} of {count} articles were read"
        )),
        _ => {}
    }
    Reading {
        kind: items.map(|_| DocumentKind::Json),
        title: line_at(&feed, "title"),
        link: word(&feed, "home_page_url").and_then(|link| address(&link, base).ok()),
        language: word(&feed, "language").and_then(|tag| language(&tag)),
        description: line_at(&feed, "description"),
        problems: problems.into_vec(),
        drafts,
        ..Reading::empty()
    }
}

/// The document, or of one that breaks off what stands before the break.
fn parse(text: &str, problems: &mut Problems) -> Value {
    let error = match serde_json::from_str(text) {
        Ok(feed) => return feed,
        Err(error) => error,
    };
    if error.is_eof()
        && let Some(whole) = whole_items(text)
        && let Ok(feed) = serde_json::from_str(&whole)
    {
        problems.add("the document breaks off: what is whole was read");
        return feed;
    }
    problems.add(format!("expected JSON, but {error}"));
    Value::Null
}

/// The text up to the end of the last whole object in a list of the outermost object, closed.
fn whole_items(text: &str) -> Option<String> {
    let (mut open, mut end) = (Vec::new(), None);
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'{' | b'[' => open.push(byte),
            b'}' | b']' => {
                open.pop();
                if byte == b'}' && open == *b"{[" {
                    end = Some(at + 1);
                }
            }
            _ => {}
        }
    }
    Some(format!("{}]}}", text.get(..end?)?))
}

fn draft(
    item: &Value,
    (feed, base, now): (&Value, Option<&Url>, Stamp),
    problems: &mut Problems,
) -> Draft {
    let link = word(item, "url").or_else(|| word(item, "external_url"));
    let url = link.and_then(|link| match address(&link, base) {
        Ok(url) => Some(url),
        Err(problem) => {
            problems.add(format!("a link was left out: {problem}"));
            None
        }
    });
    let title = line_at(item, "title").unwrap_or_default();
    let guid = word(item, "id").filter(|guid| guid.len() <= LONGEST_GUID);
    if title.is_empty() && guid.is_none() && url.is_none() {
        problems.add("an article has neither guid nor link nor title");
    }
    let mut date = |key| dated(&word(item, key)?, now, problems);
    let own = url.as_deref().and_then(|url| Url::parse(url).ok());
    let base = base.or(own.as_ref());
    let html = word(item, "content_html")
        .or_else(|| word(item, "content_text").map(|text| paragraphs(&text, true)));
    let html = clean::clean(&html.unwrap_or_default(), base);
    let authors = match names_of(item) {
        names if names.is_empty() => names_of(feed),
        names => names,
    };
    Draft {
        title,
        guid,
        summary: line_at(item, "summary").unwrap_or_default(),
        text: clean::plain_text(&html).trim().to_owned(),
        html,
        published: date("date_published"),
        updated: date("date_modified"),
        authors,
        topics: list(item, "tags")
            .filter_map(Value::as_str)
            .map(line)
            .filter(|tag| !tag.is_empty())
            .collect(),
        media: media_of(item, base),
        language: word(item, "language").and_then(|tag| language(&tag)),
        licence: licence(item).or_else(|| licence(feed)),
        url,
        ..Draft::default()
    }
}

/// A text that isn't empty; a number counts as one, since some feeds number their articles.
fn word(value: &Value, key: &str) -> Option<String> {
    match value.get(key)? {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn line_at(value: &Value, key: &str) -> Option<String> {
    let text = line(&word(value, key)?);
    Some(text).filter(|text| !text.is_empty())
}

fn list<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    let list = value.get(key).and_then(Value::as_array);
    list.into_iter().flatten().take(100)
}

/// Version 1.0 has one author, 1.1 a list.
fn names_of(value: &Value) -> Vec<String> {
    let one = value.get("author");
    list(value, "authors")
        .chain(one)
        .filter_map(|author| line_at(author, "name"))
        .fold(Vec::new(), |mut names, name| {
            if !names.contains(&name) {
                names.push(name);
            }
            names
        })
}

fn media_of(item: &Value, base: Option<&Url>) -> Vec<Media> {
    let mut found = Vec::new();
    for attachment in list(item, "attachments") {
        let mime = word(attachment, "mime_type").filter(|mime| media::is_mime(mime));
        let url = word(attachment, "url");
        let mut one = url.and_then(|url| plain_media(&url, base));
        if let Some(one) = &mut one {
            one.mime = mime.or_else(|| one.mime.take());
            one.length = attachment.get("size_in_bytes").and_then(Value::as_u64);
            one.caption = line_at(attachment, "title");
        }
        media::add(&mut found, one);
    }
    for key in ["image", "banner_image"] {
        let url = word(item, key);
        media::add(&mut found, url.and_then(|url| plain_media(&url, base)));
    }
    found
}

fn plain_media(url: &str, base: Option<&Url>) -> Option<Media> {
    let url = address(url, base).ok()?;
    Some(Media {
        mime: media::mime_of(&url).map(str::to_owned),
        length: None,
        width: None,
        height: None,
        caption: None,
        url,
    })
}

/// Our own feeds' extension, as an address or as an object with one.
fn licence(value: &Value) -> Option<String> {
    let licence = value.get("_license")?;
    let url = licence.get("url").unwrap_or(licence).as_str()?;
    absolute(url)
}
