//! One article's element in, of whatever dialect, a draft out.
//!
//! RSS, RDF and Atom are read alike, since feeds mix them: each thing is looked for in all the
//! places where it may stand, the best first.

use chrono::DateTime;
use chrono::FixedOffset;
use url::Url;

use crate::article::clean;
use crate::clock::Stamp;
use crate::source::Draft;
use crate::source::address::absolute;
use crate::source::address::address;
use crate::source::address::language;
use crate::source::dated::dated;
use crate::source::problems::Problems;
use crate::source::syndication::media;
use crate::source::syndication::text::html_of;
use crate::source::syndication::text::line;
use crate::source::syndication::text::line_of;
use crate::source::syndication::text::plain;
use crate::source::xml::Element;
use crate::source::xml::Space;

/// A place where something may stand.
type Place = (Space, &'static str);

const TITLE: [Place; 4] = [
    (Space::Feed, "title"),
    (Space::Dc, "title"),
    (Space::Media, "title"),
    (Space::Itunes, "title"),
];
const BODY: [Place; 4] = [
    (Space::Content, "encoded"),
    (Space::Feed, "content"),
    (Space::Html, "body"),
    (Space::Html, "div"),
];
const SUMMARY: [Place; 6] = [
    (Space::Feed, "description"),
    (Space::Feed, "summary"),
    (Space::Dc, "description"),
    (Space::Media, "description"),
    (Space::Itunes, "summary"),
    (Space::Itunes, "subtitle"),
];
const PUBLISHED: [Place; 7] = [
    (Space::Feed, "pubdate"),
    (Space::Feed, "published"),
    (Space::Feed, "issued"),
    (Space::Dc, "date"),
    (Space::Feed, "created"),
    (Space::Dc, "issued"),
    (Space::Dc, "created"),
];
const UPDATED: [Place; 3] = [
    (Space::Feed, "updated"),
    (Space::Feed, "modified"),
    (Space::Dc, "modified"),
];

/// Bytes of a guid. A longer one is no identifier, and cut it would no longer be one.
pub(super) const LONGEST_GUID: usize = 4096;
/// Names of one kind on one article.
const MOST_NAMES: usize = 100;
/// Characters of a name.
const LONGEST_NAME: usize = 200;
/// A description beyond this many characters is a body, and no summary.
const LONGEST_SUMMARY: usize = 1000;

/// What holds for all articles of a feed.
#[derive(Debug)]
pub(super) struct Common<'a> {
    /// The document's address, else the page it belongs to.
    pub(super) base: Option<&'a Url>,
    pub(super) now: Stamp,
    /// For articles that name nobody.
    pub(super) authors: Vec<String>,
    /// For articles that say nothing.
    pub(super) licence: Option<String>,
}

/// Reads one article. One without guid, link and title may still be news (RSS asks for no more
/// than a description), so whether it can be known again is left to whoever takes it in.
pub(super) fn read(item: Element<'_>, common: &Common<'_>, problems: &mut Problems) -> Draft {
    let url = link(item, common.base, problems);
    let own = url.as_deref().and_then(|url| Url::parse(url).ok());
    let base = common.base.or(own.as_ref());
    let title = texts(item, &TITLE)
        .map(line_of)
        .find(|title| !title.is_empty());
    let mut draft = Draft {
        guid: guid(item),
        url,
        title: title.unwrap_or_default(),
        published: date(item, &PUBLISHED, common.now, problems),
        updated: date(item, &UPDATED, common.now, problems),
        authors: authors(item),
        media: media::read(item, item.base(base).as_ref()),
        language: own_language(item),
        licence: licence(item),
        ..Draft::default()
    };
    tell_content(item, base, &mut draft);
    sort_categories(item, &mut draft);
    if draft.guid.is_none() && draft.url.is_none() && draft.title.is_empty() {
        problems.add("an article has neither guid nor link nor title");
    }
    if draft.authors.is_empty() {
        draft.authors.clone_from(&common.authors);
    }
    draft.licence = draft.licence.or_else(|| common.licence.clone());
    draft
}

/// The elements at the places, in the places' order.
pub(super) fn texts<'t>(
    within: Element<'t>,
    places: &'static [Place],
) -> impl Iterator<Item = Element<'t>> {
    places
        .iter()
        .flat_map(move |(space, name)| within.all(*space, name))
}

fn guid(item: Element<'_>) -> Option<String> {
    let said = texts(item, &[(Space::Feed, "guid"), (Space::Feed, "id")]);
    let mut said = said.map(|element| element.text().trim().to_owned());
    let about = item.attribute_in(Space::Rdf, "about").map(str::to_owned);
    said.find(|guid| !guid.is_empty())
        .or(about)
        .filter(|guid| guid.len() <= LONGEST_GUID)
}

/// The address of the article's page.
fn link(item: Element<'_>, base: Option<&Url>, problems: &mut Problems) -> Option<String> {
    best_link(item, base, problems)
        .or_else(|| permanent(item))
        .or_else(|| {
            let content = item.child(Space::Feed, "content")?;
            address(content.attribute("src")?, content.base(base).as_ref()).ok()
        })
}

/// The link that leads to the page of an article or a feed.
pub(super) fn best_link(
    within: Element<'_>,
    base: Option<&Url>,
    problems: &mut Problems,
) -> Option<String> {
    let mut links: Vec<_> = within
        .all(Space::Feed, "link")
        .filter_map(|link| Some((rank(link)?, link)))
        .collect();
    links.sort_by_key(|(rank, _)| *rank);
    for (_, link) in links {
        let text = link.text();
        let written = link.attribute("href").unwrap_or(text.trim());
        if written.is_empty() {
            continue;
        }
        match address(written, link.base(base).as_ref()) {
            Ok(url) => return Some(url),
            Err(problem) => problems.add(format!("a link was left out: {problem}")),
        }
    }
    None
}

/// How well a link serves as the article's own; `None` if it leads elsewhere.
fn rank(link: Element<'_>) -> Option<u8> {
    let html = link
        .attribute("type")
        .is_none_or(|mime| mime.contains("html"));
    match link.attribute("rel") {
        _ if link.attribute("href").is_none() => Some(0),
        Some("alternate") if html => Some(1),
        None | Some("") => Some(2),
        Some("alternate") => Some(3),
        Some(_) => None,
    }
}

/// A guid or id that is an address, or the address an RDF item is about.
fn permanent(item: Element<'_>) -> Option<String> {
    let guid = texts(item, &[(Space::Feed, "guid"), (Space::Feed, "id")])
        .filter(|guid| guid.attribute("ispermalink") != Some("false"))
        .find_map(|guid| absolute(&guid.text()));
    guid.or_else(|| absolute(item.attribute_in(Space::Rdf, "about")?))
}

fn tell_content(item: Element<'_>, base: Option<&Url>, draft: &mut Draft) {
    let first = |places| {
        texts(item, places)
            .map(|element| (html_of(element), element.base(base)))
            .find(|(html, _)| !html.trim().is_empty())
    };
    let summary = first(&SUMMARY);
    let body = first(&BODY);
    let alone = body.is_none();
    let grouped = || {
        let group = item.child(Space::Media, "group")?;
        let element = group.child(Space::Media, "description")?;
        Some((html_of(element), element.base(base)))
    };
    let summary = summary.or_else(grouped);
    if let Some((html, base)) = body.as_ref().or(summary.as_ref()) {
        draft.html = clean::clean(html, base.as_ref());
        clean::plain_text(&draft.html)
            .trim()
            .clone_into(&mut draft.text);
    }
    draft.summary = match summary {
        Some(_) if alone && draft.text.chars().nth(LONGEST_SUMMARY).is_none() => draft.text.clone(),
        Some((html, base)) if !alone => plain(&html, base.as_ref()),
        _ => String::new(),
    };
}

/// The article's date, newest word first, for telling which end of a feed is newer.
pub(super) fn when(item: Element<'_>, now: Stamp) -> Option<DateTime<FixedOffset>> {
    let mut unsaid = Problems::default();
    date(item, &UPDATED, now, &mut unsaid).or_else(|| date(item, &PUBLISHED, now, &mut unsaid))
}

fn date(
    item: Element<'_>,
    places: &'static [Place],
    now: Stamp,
    problems: &mut Problems,
) -> Option<DateTime<FixedOffset>> {
    let mut unread = Problems::default();
    let date = texts(item, places).find_map(|element| dated(&element.text(), now, &mut unread));
    if date.is_none() {
        problems.extend(unread.into_vec());
    }
    date
}

/// The names of the people who wrote it.
pub(super) fn authors(within: Element<'_>) -> Vec<String> {
    let mut names = Vec::new();
    for element in texts(within, &[(Space::Feed, "author"), (Space::Dc, "creator")]) {
        let name = match element.child(Space::Feed, "name") {
            Some(name) => clean::one_line(&name.text(), LONGEST_NAME),
            None if element.has_markup() => continue,
            None => person(&element.text()),
        };
        add_name(&mut names, name);
    }
    if names.is_empty()
        && let Some(author) = within.child(Space::Itunes, "author")
    {
        add_name(&mut names, person(&author.text()));
    }
    names
}

/// The name in `name`, `mail (name)`, `name <mail>`; nothing in a bare `mail`: an address is
/// no name, and not ours to publish.
fn person(text: &str) -> String {
    let text = line(text);
    let name = match (text.split_once('('), text.split_once('<')) {
        (Some((mail, name)), _) if mail.contains('@') => name.trim_end_matches(')'),
        (_, Some((name, mail))) if mail.contains('@') => name,
        _ if text.contains('@') && !text.contains(' ') => "",
        _ => &text,
    };
    clean::one_line(name.trim_matches(['"', ' ']), LONGEST_NAME)
}

fn add_name(names: &mut Vec<String>, name: String) {
    if !name.is_empty() && names.len() < MOST_NAMES && !names.contains(&name) {
        names.push(name);
    }
}

/// Categories whose scheme speaks of departments name who issued the article, all others what
/// it is about.
fn sort_categories(item: Element<'_>, draft: &mut Draft) {
    for category in texts(item, &[(Space::Feed, "category"), (Space::Dc, "subject")]) {
        let text = category.text();
        let said = [category.attribute("label"), category.attribute("term")];
        let mut said = said.into_iter().flatten().chain([text.as_ref()]);
        let name = said.find(|name| !name.trim().is_empty()).map(line);
        let scheme = category
            .attribute("domain")
            .or(category.attribute("scheme"));
        let names = if scheme.is_some_and(speaks_of_departments) {
            &mut draft.departments
        } else {
            &mut draft.topics
        };
        let name = clean::one_line(&name.unwrap_or_default(), LONGEST_NAME);
        add_name(names, name);
    }
}

fn speaks_of_departments(scheme: &str) -> bool {
    let scheme = scheme.to_lowercase();
    ["department", "департамент", "підрозділ"]
        .iter()
        .any(|word| scheme.contains(word))
}

/// What the article says of its own language, apart from the feed's.
fn own_language(item: Element<'_>) -> Option<String> {
    let parts = [(Space::Feed, "content"), (Space::Feed, "title")];
    let parts = parts
        .into_iter()
        .filter_map(|(space, name)| item.child(space, name));
    let said = std::iter::once(item)
        .chain(parts)
        .find_map(|element| element.attribute_in(Space::Xml, "lang"));
    let core = item.child(Space::Dc, "language").map(Element::text);
    language(core.as_deref().or(said)?)
}

/// The address of the licence, in the words of Creative Commons, Atom or Dublin Core.
pub(super) fn licence(within: Element<'_>) -> Option<String> {
    let linked = within
        .all(Space::Feed, "link")
        .find(|link| link.attribute("rel") == Some("license"))
        .and_then(|link| absolute(link.attribute("href")?));
    linked.or_else(|| {
        let places: &'static [Place] = &[
            (Space::Licence, "license"),
            (Space::Dc, "license"),
            (Space::Dc, "rights"),
            (Space::Feed, "rights"),
            (Space::Feed, "copyright"),
        ];
        texts(within, places).find_map(|element| {
            let resource = element.attribute_in(Space::Rdf, "resource");
            absolute(resource.unwrap_or(&element.text()))
        })
    })
}
