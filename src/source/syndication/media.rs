//! An article's element in, its pictures, sounds and files out: enclosures, Media RSS, Atom
//! links, a podcast's picture. Each address once, with all that was said of it.

use url::Url;

use crate::article::Media;
use crate::source::address::address;
use crate::source::syndication::text::line_of;
use crate::source::xml::Element;
use crate::source::xml::Space;

/// Media of one article.
const MOST: usize = 100;

/// All media, enclosures first. Addresses that aren't http(s) are left out.
pub(super) fn read(item: Element<'_>, base: Option<&Url>) -> Vec<Media> {
    let mut found = Vec::new();
    for link in item.children().filter(|child| is_enclosure(*child)) {
        let url = link.attribute("url").or(link.attribute("href"));
        add(&mut found, one(link, url, "length", base));
    }
    for group in groups(item) {
        let caption = caption(group);
        for content in group.all(Space::Media, "content") {
            let mut media = one(content, content.attribute("url"), "filesize", base);
            if let Some(media) = &mut media {
                media.caption = self::caption(content).or_else(|| caption.clone());
                media.mime = media.mime.take().or_else(|| medium(content));
            }
            add(&mut found, media);
            thumbnails(content, base, &mut found);
        }
        thumbnails(group, base, &mut found);
    }
    for image in item.children().filter(|child| child.name() == "image") {
        let inner = image.child(Space::Feed, "url").map(Element::text);
        let url = image.attribute("href").or(inner.as_deref());
        add(&mut found, one(image, url, "length", base));
    }
    found.truncate(MOST);
    found
}

/// Adds media to those found; of one that is there already, only what wasn't known.
pub(super) fn add(found: &mut Vec<Media>, media: Option<Media>) {
    let Some(media) = media else { return };
    let full = found.len() >= MOST;
    match found.iter_mut().find(|other| other.url == media.url) {
        Some(known) => {
            known.mime = known.mime.take().or(media.mime);
            known.length = known.length.or(media.length);
            known.width = known.width.or(media.width);
            known.height = known.height.or(media.height);
            known.caption = known.caption.take().or(media.caption);
        }
        None if !full => found.push(media),
        None => {}
    }
}

/// The MIME type that a file's ending tells.
pub(super) fn mime_of(url: &str) -> Option<&'static str> {
    let path = url.split(['?', '#']).next()?;
    let (_, ending) = path.rsplit_once('.')?;
    Some(match ending.to_ascii_lowercase().as_str() {
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "svg" => "image/svg+xml",
        "mp3" => "audio/mpeg",
        "m4a" => "audio/mp4",
        "ogg" | "oga" => "audio/ogg",
        "wav" => "audio/wav",
        "mp4" | "m4v" => "video/mp4",
        "webm" => "video/webm",
        "pdf" => "application/pdf",
        _ => return None,
    })
}

fn is_enclosure(child: Element<'_>) -> bool {
    child.is(Space::Feed, "enclosure")
        || child.is(Space::Feed, "link") && child.attribute("rel") == Some("enclosure")
}

/// The item itself and its media groups: the places where Media RSS stands.
fn groups(item: Element<'_>) -> impl Iterator<Item = Element<'_>> {
    std::iter::once(item).chain(item.all(Space::Media, "group"))
}

fn thumbnails(around: Element<'_>, base: Option<&Url>, found: &mut Vec<Media>) {
    for thumbnail in around.all(Space::Media, "thumbnail") {
        let text = thumbnail.text();
        let url = thumbnail.attribute("url").unwrap_or(&text);
        add(found, one(thumbnail, Some(url), "filesize", base));
    }
}

fn one(element: Element<'_>, url: Option<&str>, length: &str, base: Option<&Url>) -> Option<Media> {
    let url = address(url?, base).ok()?;
    let said = element.attribute("type").filter(|mime| is_mime(mime));
    let mime = said.or_else(|| mime_of(&url));
    Some(Media {
        mime: mime.map(str::to_ascii_lowercase),
        length: number(element, length).filter(|length| *length > 0),
        width: number(element, "width"),
        height: number(element, "height"),
        caption: None,
        url,
    })
}

fn number<N: std::str::FromStr>(element: Element<'_>, name: &str) -> Option<N> {
    element.attribute(name)?.parse().ok()
}

/// Whether it has the shape `type/subtype`, and nothing that would break a header or an attribute.
pub(super) fn is_mime(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "!#$&-^_.+/".contains(c);
    text.len() <= 100 && text.contains('/') && text.chars().all(allowed)
}

/// Media RSS's word for the kind, if the type isn't told and the address doesn't tell it.
fn medium(content: Element<'_>) -> Option<String> {
    match content.attribute("medium")? {
        "image" => Some("image/jpeg".to_owned()),
        "audio" => Some("audio/mpeg".to_owned()),
        "video" => Some("video/mp4".to_owned()),
        _ => None,
    }
}

fn caption(around: Element<'_>) -> Option<String> {
    ["description", "title"]
        .into_iter()
        .filter_map(|name| around.child(Space::Media, name))
        .map(line_of)
        .find(|caption| !caption.is_empty())
}
