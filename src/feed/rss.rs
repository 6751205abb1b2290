//! RSS 2.0 by the RSS Advisory Board's profile, with content:encoded, Dublin Core, Media RSS,
//! Atom links and Creative Commons.
//!
//! `<author>` asks for an e-mail address, so people stand in dc:creator. An enclosure asks for its
//! length, so media without one stand in media:content alone. Nothing says whether a title is HTML,
//! so titles pass `words`.

use std::collections::BTreeMap;

use ::rss::extension::Extension;
use ::rss::extension::ExtensionMap;
use ::rss::extension::atom::AtomExtension;
use ::rss::extension::dublincore::DublinCoreExtension;
use ::rss::{Category, Enclosure, Guid, Image, Item, Source};
use atom_syndication::Link;
use chrono::DateTime;
use chrono::FixedOffset;
use quick_xml::escape::partial_escape;

use crate::article::Attribution;
use crate::article::Media;
use crate::article::Topic;
use crate::feed::Channel;
use crate::feed::Entry;
use crate::feed::FeedError;
use crate::feed::FeedFormat;
use crate::feed::GENERATOR;
use crate::feed::HISTORY;
use crate::feed::Links;
use crate::feed::VERSION;
use crate::feed::entry::at;
use crate::feed::legal::words;

const NAMESPACES: [(&str, &str); 2] = [
    (
        "creativeCommons",
        "http://backend.userland.com/creativeCommonsRssModule",
    ),
    ("media", "http://search.yahoo.com/mrss/"),
];

pub(super) fn write(channel: &Channel, entries: Vec<Entry>) -> Result<Vec<u8>, FeedError> {
    let items = entries.into_iter().map(|entry| item(&channel.links, entry));
    let rss = ::rss::Channel {
        items: items.collect(),
        ..head(channel)
    };
    Ok(rss.write_to(Vec::new())?)
}

fn head(channel: &Channel) -> ::rss::Channel {
    ::rss::Channel {
        title: words(&channel.title),
        link: channel.home_url.clone(),
        description: words(&channel.description),
        language: Some(channel.language.clone()),
        copyright: channel.rights.as_deref().map(words),
        last_build_date: Some(rfc822(at(channel.updated))),
        categories: categories(&channel.links, &channel.topics),
        generator: Some(format!("{GENERATOR} {VERSION}")),
        ttl: Some(channel.ttl_minutes.to_string()),
        image: channel.icon.as_ref().map(|icon| image(channel, icon)),
        extensions: extensions(about(channel)),
        atom_ext: Some(AtomExtension {
            links: links(channel),
        }),
        namespaces: namespaces(channel),
        ..::rss::Channel::default()
    }
}

fn namespaces(channel: &Channel) -> BTreeMap<String, String> {
    let history = channel.archive.as_ref().map(|_| ("fh", HISTORY));
    let all = NAMESPACES.into_iter().chain(history);
    all.map(|(prefix, uri)| (prefix.to_owned(), uri.to_owned()))
        .collect()
}

fn about(channel: &Channel) -> Vec<Extension> {
    let mark = channel.archive.as_ref().map(|_| Extension {
        name: "fh:archive".to_owned(),
        ..Extension::default()
    });
    let licence = licence(channel.licence.as_deref()).into_iter();
    licence.chain(mark).collect()
}

fn image(channel: &Channel, icon: &str) -> Image {
    Image {
        url: icon.to_owned(),
        title: words(&channel.title),
        link: channel.home_url.clone(),
        ..Image::default()
    }
}

fn links(channel: &Channel) -> Vec<Link> {
    let of_type = |href: &str, rel: &str| Link {
        mime_type: Some(FeedFormat::Rss.mime().to_owned()),
        ..link(href, rel)
    };
    let mut links = vec![of_type(&channel.self_url, "self")];
    links.extend(channel.hub.as_deref().map(|hub| link(hub, "hub")));
    let archive = channel.prev_archive.as_deref();
    links.extend(archive.map(|archive| of_type(archive, "prev-archive")));
    links.extend(channel.chain().map(|(rel, href)| of_type(href, rel)));
    links
}

fn link(href: &str, rel: &str) -> Link {
    Link {
        href: href.to_owned(),
        rel: rel.to_owned(),
        ..Link::default()
    }
}

fn item(links: &Links, entry: Entry) -> Item {
    let mut more = media(&entry);
    more.extend(licence(entry.licence.as_deref()));
    Item {
        title: Some(words(&entry.title)),
        link: Some(entry.url.clone()),
        description: description(&entry),
        categories: categories(links, &entry.topics),
        enclosure: entry.media.iter().find_map(enclosure),
        guid: Some(Guid {
            value: entry.id,
            permalink: false,
        }),
        pub_date: Some(rfc822(entry.date)),
        source: entry.source.map(source),
        content: entry.html,
        extensions: extensions(more),
        atom_ext: entry.via.map(|via| AtomExtension {
            links: vec![link(&via, "via")],
        }),
        dublin_core_ext: Some(DublinCoreExtension {
            creators: entry.authors.iter().map(|name| words(name)).collect(),
            languages: entry.language.into_iter().collect(),
            ..DublinCoreExtension::default()
        }),
        ..Item::default()
    }
}

/// The summary as HTML, which is what a description is. Before a body there must be one.
fn description(entry: &Entry) -> Option<String> {
    let body = entry.html.as_ref().map(|_| &entry.title);
    let text = entry.summary.as_ref().or(body)?;
    Some(partial_escape(text.as_str()).into_owned())
}

fn categories(links: &Links, topics: &[Topic]) -> Vec<Category> {
    let category = |topic: &Topic| Category {
        name: words(&topic.name),
        domain: Some(links.topics(topic.kind)),
    };
    topics.iter().map(category).collect()
}

fn source(source: Attribution) -> Source {
    Source {
        url: source.url,
        title: Some(words(&source.name)),
    }
}

fn enclosure(media: &Media) -> Option<Enclosure> {
    Some(Enclosure {
        url: media.url.clone(),
        length: media.length?.to_string(),
        mime_type: media.mime.clone()?,
    })
}

fn media(entry: &Entry) -> Vec<Extension> {
    let thumbnail = entry.image().map(|url| Extension {
        name: "media:thumbnail".to_owned(),
        attrs: [("url".to_owned(), url.to_owned())].into(),
        ..Extension::default()
    });
    let contents = entry.media.iter().map(media_content);
    contents.chain(thumbnail).collect()
}

fn media_content(media: &Media) -> Extension {
    let medium = media
        .mime
        .as_deref()
        .and_then(|mime| match mime.split_once('/')?.0 {
            kind @ ("image" | "audio" | "video") => Some(kind.to_owned()),
            _ => Some("document".to_owned()),
        });
    let known = [
        ("url", Some(media.url.clone())),
        ("type", media.mime.clone()),
        ("medium", medium),
        ("fileSize", media.length.map(|bytes| bytes.to_string())),
        ("width", media.width.map(|pixels| pixels.to_string())),
        ("height", media.height.map(|pixels| pixels.to_string())),
    ];
    let attrs = known
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Extension {
        name: "media:content".to_owned(),
        attrs: attrs.collect(),
        children: caption(media).unwrap_or_default(),
        ..Extension::default()
    }
}

fn caption(media: &Media) -> Option<BTreeMap<String, Vec<Extension>>> {
    let description = Extension {
        name: "media:description".to_owned(),
        value: Some(words(media.caption.as_deref()?)),
        attrs: [("type".to_owned(), "plain".to_owned())].into(),
        ..Extension::default()
    };
    Some([("description".to_owned(), vec![description])].into())
}

fn licence(url: Option<&str>) -> Vec<Extension> {
    let licence = |url: &str| Extension {
        name: "creativeCommons:license".to_owned(),
        value: Some(url.to_owned()),
        ..Extension::default()
    };
    url.map(licence).into_iter().collect()
}

/// Extensions by prefix and name, as the crate keeps them.
fn extensions(flat: Vec<Extension>) -> ExtensionMap {
    let mut map = ExtensionMap::new();
    for extension in flat {
        if let Some((prefix, name)) = extension.name.split_once(':') {
            let named = map.entry(prefix.to_owned()).or_default();
            named.entry(name.to_owned()).or_default().push(extension);
        }
    }
    map
}

/// Four digits for the year; days in English, whatever the feed's language.
fn rfc822(date: DateTime<FixedOffset>) -> String {
    date.format("%a, %d %b %Y %H:%M:%S %z").to_string()
}
