//! JSON Feed 1.1. What the format has no word for stands in objects whose names begin with an
//! underscore: `_license {url}`, `_source {name, url}`, `_generator {name, version}`.

use serde::Serialize;

use crate::article::Media;
use crate::feed::Channel;
use crate::feed::Entry;
use crate::feed::FeedError;
use crate::feed::GENERATOR;
use crate::feed::VERSION;

#[derive(Serialize)]
struct Feed<'a> {
    version: &'static str,
    title: &'a str,
    home_page_url: &'a str,
    #[serde(rename = "feed_url")]
    self_url: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    icon: Option<&'a str>,
    authors: Vec<Author<'a>>,
    language: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hubs: Vec<Hub<'a>>,
    #[serde(rename = "_license", skip_serializing_if = "Option::is_none")]
    licence: Option<Licence<'a>>,
    #[serde(rename = "_generator")]
    generator: Generator,
    items: Vec<Item<'a>>,
}

#[derive(Serialize)]
struct Item<'a> {
    id: &'a str,
    url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_url: Option<&'a str>,
    title: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_html: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<&'a str>,
    date_published: String,
    date_modified: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authors: Vec<Author<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<Attachment<'a>>,
    #[serde(rename = "_license", skip_serializing_if = "Option::is_none")]
    licence: Option<Licence<'a>>,
    #[serde(rename = "_source", skip_serializing_if = "Option::is_none")]
    source: Option<Author<'a>>,
}

#[derive(Serialize)]
struct Author<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
}

#[derive(Serialize)]
struct Hub<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    url: &'a str,
}

#[derive(Serialize)]
struct Licence<'a> {
    url: &'a str,
}

#[derive(Serialize)]
struct Generator {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Attachment<'a> {
    url: &'a str,
    mime_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size_in_bytes: Option<u64>,
}

pub(super) fn write(channel: &Channel, entries: &[Entry]) -> Result<Vec<u8>, FeedError> {
    let publisher = channel.links.to("/");
    let feed = Feed {
        version: "https://jsonfeed.org/version/1.1",
        title: &channel.title,
        home_page_url: &channel.home_url,
        self_url: &channel.self_url,
        description: &channel.description,
        icon: channel.icon.as_deref(),
        authors: vec![Author {
            name: &channel.publisher,
            url: Some(&publisher),
        }],
        language: &channel.language,
        hubs: channel.hub.iter().map(|url| hub(url)).collect(),
        licence: channel.licence.as_deref().map(|url| Licence { url }),
        generator: Generator {
            name: GENERATOR,
            version: VERSION,
        },
        items: entries.iter().map(item).collect(),
    };
    Ok(serde_json::to_vec(&feed)?)
}

fn hub(url: &str) -> Hub<'_> {
    Hub {
        kind: "WebSub",
        url,
    }
}

fn item(entry: &Entry) -> Item<'_> {
    let author = |name| Author { name, url: None };
    Item {
        id: &entry.id,
        url: &entry.url,
        external_url: entry.via.as_deref(),
        title: &entry.title,
        content_html: entry.html.as_deref(),
        content_text: content_text(entry),
        summary: entry.summary.as_deref(),
        image: entry.image(),
        date_published: entry.date.to_rfc3339(),
        date_modified: entry.changed.to_rfc3339(),
        authors: entry.authors.iter().map(|name| author(name)).collect(),
        tags: entry.topics.iter().map(|topic| &*topic.name).collect(),
        language: entry.language.as_deref(),
        attachments: entry.media.iter().filter_map(attachment).collect(),
        licence: entry.licence.as_deref().map(|url| Licence { url }),
        source: entry.source.as_ref().map(|source| Author {
            name: &source.name,
            url: Some(&source.url),
        }),
    }
}

/// The format demands some content: without a body it is the summary, else the headline.
fn content_text(entry: &Entry) -> Option<&str> {
    if entry.html.is_some() {
        return None;
    }
    Some(entry.summary.as_ref().unwrap_or(&entry.title))
}

fn attachment(media: &Media) -> Option<Attachment<'_>> {
    Some(Attachment {
        url: &media.url,
        mime_type: media.mime.as_deref()?,
        title: media.caption.as_deref(),
        size_in_bytes: media.length,
    })
}
