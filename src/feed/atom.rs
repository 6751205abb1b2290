//! Atom 1.0 (RFC 4287), with licence links (RFC 4946), tombstones (RFC 6721) and archives (RFC 5005). Bodies are `type="html"`, never
//! xhtml, which the crate would write unbalanced.

use atom_syndication::extension::Extension;
use atom_syndication::{Category, Content, Feed, Generator, Link, Person, Text};
use quick_xml::escape::partial_escape;

use crate::article::ArticleId;
use crate::article::Media;
use crate::article::Topic;
use crate::clock::Stamp;
use crate::feed::Channel;
use crate::feed::Entry;
use crate::feed::FeedError;
use crate::feed::FeedFormat;
use crate::feed::GENERATOR;
use crate::feed::HISTORY;
use crate::feed::Links;
use crate::feed::VERSION;
use crate::feed::entry::at;
use crate::feed::legal::looks_like_html;
use crate::feed::legal::words;

const TOMBSTONES: &str = "http://purl.org/atompub/tombstones/1.0";

pub(super) fn write(
    channel: &Channel,
    entries: Vec<Entry>,
    withdrawn: &[(ArticleId, Stamp)],
) -> Result<Vec<u8>, FeedError> {
    let entries = entries.into_iter().map(|one| entry(&channel.links, one));
    let mut feed = Feed {
        entries: entries.collect(),
        ..head(channel)
    };
    let tombstones = withdrawn.iter();
    let tombstones: Vec<Extension> = tombstones
        .map(|(id, when)| tombstone(&channel.links, *id, *when))
        .collect();
    if !tombstones.is_empty() {
        feed.namespaces
            .insert("at".to_owned(), TOMBSTONES.to_owned());
        let named = [("deleted-entry".to_owned(), tombstones)].into();
        feed.extensions.insert("at".to_owned(), named);
    }
    if channel.archive.is_some() {
        feed.namespaces.insert("fh".to_owned(), HISTORY.to_owned());
        let mark = Extension {
            name: "fh:archive".to_owned(),
            ..Extension::default()
        };
        let named = [("archive".to_owned(), vec![mark])].into();
        feed.extensions.insert("fh".to_owned(), named);
    }
    Ok(feed.write_to(Vec::new())?)
}

/// RFC 6721 §3.
fn tombstone(links: &Links, id: ArticleId, when: Stamp) -> Extension {
    let attrs = [
        ("ref".to_owned(), links.article_id(id)),
        ("when".to_owned(), at(when).to_rfc3339()),
    ];
    Extension {
        name: "at:deleted-entry".to_owned(),
        attrs: attrs.into(),
        ..Extension::default()
    }
}

fn head(channel: &Channel) -> Feed {
    Feed {
        title: text(&channel.title),
        id: channel.id.clone(),
        updated: at(channel.updated),
        authors: vec![person(&channel.publisher, Some(channel.links.to("/")))],
        categories: categories(&channel.links, &channel.topics),
        generator: Some(Generator {
            value: GENERATOR.to_owned(),
            version: Some(VERSION.to_owned()),
            uri: None,
        }),
        icon: channel.icon.clone(),
        links: links(channel),
        rights: channel.rights.as_deref().map(text),
        subtitle: Some(&channel.description)
            .filter(|description| !description.is_empty())
            .map(|one| text(one)),
        lang: Some(channel.language.clone()),
        ..Feed::default()
    }
}

fn links(channel: &Channel) -> Vec<Link> {
    let atom = FeedFormat::Atom.mime();
    let mut links = vec![
        link("self", &channel.self_url, Some(atom)),
        link("alternate", &channel.home_url, Some("text/html")),
    ];
    let more = [
        ("license", &channel.licence, None),
        ("hub", &channel.hub, None),
        ("prev-archive", &channel.prev_archive, Some(atom)),
    ];
    for (rel, href, mime) in more {
        links.extend(href.as_deref().map(|href| link(rel, href, mime)));
    }
    for (rel, href) in channel.chain() {
        links.push(link(rel, href, Some(atom)));
    }
    links
}

fn link(rel: &str, href: &str, mime: Option<&str>) -> Link {
    Link {
        rel: rel.to_owned(),
        href: href.to_owned(),
        mime_type: mime.map(str::to_owned),
        ..Link::default()
    }
}

fn entry(links: &Links, entry: Entry) -> atom_syndication::Entry {
    atom_syndication::Entry {
        title: text_of(&entry, &entry.title),
        updated: entry.changed,
        published: Some(entry.date),
        authors: authors(&entry),
        categories: categories(links, &entry.topics),
        links: entry_links(&entry),
        summary: summary(&entry),
        content: content(&entry),
        id: entry.id,
        ..atom_syndication::Entry::default()
    }
}

/// Plain, unless a reader might take it for HTML: then it is HTML, and says so.
fn text(text: &str) -> Text {
    if looks_like_html(text) {
        return Text::html(partial_escape(text));
    }
    Text::plain(text)
}

fn text_of(entry: &Entry, of: &str) -> Text {
    Text {
        lang: entry.language.clone(),
        ..text(of)
    }
}

/// An entry should say something beyond its title. Of a headline nothing more is known, so the
/// summary repeats it: readers that show only summaries would show nothing otherwise.
fn summary(entry: &Entry) -> Option<Text> {
    let headline = Some(&entry.title).filter(|_| entry.html.is_none());
    let summary = entry.summary.as_ref().or(headline)?;
    Some(text_of(entry, summary))
}

fn content(entry: &Entry) -> Option<Content> {
    let html = entry.html.clone()?;
    Some(Content {
        value: Some(html),
        content_type: Some("html".to_owned()),
        lang: entry.language.clone(),
        ..Content::default()
    })
}

/// People, else the source; without either the feed's own author stands for the entry.
fn authors(entry: &Entry) -> Vec<Person> {
    if entry.authors.is_empty() {
        let source = entry.source.iter();
        return source
            .map(|source| person(&source.name, Some(source.url.clone())))
            .collect();
    }
    entry
        .authors
        .iter()
        .map(|name| person(name, None))
        .collect()
}

fn person(name: &str, uri: Option<String>) -> Person {
    Person {
        name: words(name),
        uri,
        ..Person::default()
    }
}

fn categories(links: &Links, topics: &[Topic]) -> Vec<Category> {
    let category = |topic: &Topic| Category {
        // Many readers show the term and never the label.
        term: words(&topic.name),
        scheme: Some(links.topics(topic.kind)),
        label: None,
    };
    topics.iter().map(category).collect()
}

fn entry_links(entry: &Entry) -> Vec<Link> {
    let mut links = vec![Link {
        hreflang: entry.language.clone(),
        ..link("alternate", &entry.url, Some("text/html"))
    }];
    links.extend(entry.via.as_deref().map(|via| Link {
        title: entry.source.as_ref().map(|source| words(&source.name)),
        ..link("via", via, None)
    }));
    links.extend(entry.media.iter().map(enclosure));
    let licence = entry.licence.as_deref();
    links.extend(licence.map(|licence| link("license", licence, None)));
    links
}

fn enclosure(media: &Media) -> Link {
    Link {
        length: media.length.map(|bytes| bytes.to_string()),
        title: media.caption.as_deref().map(words),
        ..link("enclosure", &media.url, media.mime.as_deref())
    }
}
