//! A feed as text in, a [`Reading`] out: RSS 0.90 to 2.0, RDF, Atom 0.3 and 1.0 (RFC 4287),
//! JSON Feed 1.0 and 1.1.
//!
//! The `rss` and `atom_syndication` crates write our feeds; they don't read strangers'. They
//! match prefixes and not namespaces, keep one enclosure of several, date what is undated to
//! 1970, lose a whole feed on one bad date, and overflow the stack on deep nesting. What is
//! read here is the repaired tree itself. Dates without a zone are in UTC.

mod entry;
mod json;
mod media;
mod text;
mod wishes;

use std::num::NonZero;
use std::panic::resume_unwind;

use url::Url;

use crate::clock::Stamp;
use crate::source::DocumentKind;
use crate::source::Draft;
use crate::source::Reading;
use crate::source::address::language;
use crate::source::problems::Problems;
use crate::source::syndication::entry::Common;
use crate::source::syndication::text::line_of;
use crate::source::xml::Element;
use crate::source::xml::Space;
use crate::source::xml::Tree;

pub(crate) use json::read as read_json;

/// Articles of one document. Archives are read page by page; more at once is a mistake or an
/// attack.
const MOST_ARTICLES: usize = 5000;
/// Threads that read the articles of one document: cleaning them is most of the work.
const MOST_WORKERS: usize = 4;
/// Articles for which a thread is worth its start.
const WORTH_A_WORKER: usize = 50;

/// Reads a feed in XML. `base` is the document's address.
pub(crate) fn read(text: &str, base: Option<&Url>, now: Stamp) -> Reading {
    let mut tree = Tree::read(text);
    let mut problems = Problems::default();
    problems.extend(std::mem::take(&mut tree.problems));
    let mut reading = Reading::empty();
    match root(&tree) {
        Some((kind, channel)) => {
            reading.kind = Some(kind);
            describe(&mut reading, channel, base, &mut problems);
            let site = reading.link.as_deref().map(Url::parse);
            let site = site.and_then(Result::ok);
            let common = common(channel, base.or(site.as_ref()), now);
            reading.drafts = drafts(&tree, &common, &mut problems);
            reading.pace = wishes::pace(channel);
            reading.complete = wishes::is_complete(channel) && problems.is_empty();
            reading.deleted = wishes::deleted(&tree);
        }
        None => problems.add("expected RSS, RDF or Atom, but found none of them"),
    }
    reading.problems = problems.into_vec();
    reading
}

/// What kind of feed it is, and the element that speaks of the feed itself.
fn root<'t>(tree: &'t Tree<'t>) -> Option<(DocumentKind, Element<'t>)> {
    let (kind, root) = tree.elements().find_map(|element| {
        let kind = match element.name() {
            "rss" | "channel" | "item" => DocumentKind::Rss,
            "rdf" => DocumentKind::Rdf,
            "feed" | "entry" => DocumentKind::Atom,
            _ => return None,
        };
        Some((kind, element))
    })?;
    let channel = root.children().find(|child| child.name() == "channel");
    Some((kind, channel.unwrap_or(root)))
}

/// Tells what the feed says of itself. An article alone, without a feed, says nothing.
fn describe(
    reading: &mut Reading,
    channel: Element<'_>,
    base: Option<&Url>,
    problems: &mut Problems,
) {
    if channel.name() == "entry" || channel.name() == "item" {
        return;
    }
    let line = |places| {
        entry::texts(channel, places)
            .map(line_of)
            .find(|line| !line.is_empty())
    };
    reading.title = line(&[(Space::Feed, "title"), (Space::Dc, "title")]);
    reading.description = line(&[
        (Space::Feed, "description"),
        (Space::Feed, "subtitle"),
        (Space::Feed, "tagline"),
        (Space::Dc, "description"),
        (Space::Itunes, "summary"),
    ]);
    reading.link = entry::best_link(channel, base, problems);
    let said = line(&[(Space::Feed, "language"), (Space::Dc, "language")]);
    reading.language = said.as_deref().or(channel.language()).and_then(language);
}

/// What the feed says for all its articles. An Atom feed's authors wrote what names nobody
/// (RFC 4287 §4.1.1); RSS names only who answers for the feed.
fn common<'a>(channel: Element<'_>, base: Option<&'a Url>, now: Stamp) -> Common<'a> {
    let authors = (channel.name() == "feed").then(|| entry::authors(channel));
    Common {
        base,
        now,
        authors: authors.unwrap_or_default(),
        licence: entry::licence(channel),
    }
}

fn drafts(tree: &Tree<'_>, common: &Common<'_>, problems: &mut Problems) -> Vec<Draft> {
    let items = newest(items(tree), common.now, problems);
    if items.is_empty() {
        problems.add("the feed holds no articles");
    }
    let workers = std::thread::available_parallelism().map_or(1, NonZero::get);
    let workers = workers.min(MOST_WORKERS).min(items.len() / WORTH_A_WORKER);
    if workers < 2 {
        return read_each(&items, common, problems);
    }
    std::thread::scope(|scope| {
        let parts = items.chunks(items.len().div_ceil(workers));
        let started: Vec<_> = parts
            .map(|part| {
                scope.spawn(|| {
                    let mut problems = Problems::default();
                    (read_each(part, common, &mut problems), problems)
                })
            })
            .collect();
        let mut drafts = Vec::with_capacity(items.len());
        for worker in started {
            let (read, said) = worker.join().unwrap_or_else(|panic| resume_unwind(panic));
            drafts.extend(read);
            problems.append(said);
        }
        drafts
    })
}

fn read_each(items: &[Element<'_>], common: &Common<'_>, problems: &mut Problems) -> Vec<Draft> {
    let read = |item: &Element<'_>| entry::read(*item, common, problems);
    items.iter().map(read).collect()
}

/// All articles' elements, wherever in the document they stand: RSS 2.0 has them in the
/// channel, RDF beside it, Atom in the feed. One within another is part of that one; one that
/// is cut short would come again, whole and under another address, with the next reading.
fn items<'t>(tree: &'t Tree<'t>) -> Vec<Element<'t>> {
    let is_item =
        |element: &Element<'_>| element.is(Space::Feed, "item") || element.is(Space::Feed, "entry");
    tree.elements()
        .filter(|element| is_item(element) && element.is_whole())
        .filter(|item| !item.path().skip(1).any(|around| is_item(&around)))
        .collect()
}

/// At most [`MOST_ARTICLES`], from the end where the newer ones stand.
fn newest<'t>(
    mut items: Vec<Element<'t>>,
    now: Stamp,
    problems: &mut Problems,
) -> Vec<Element<'t>> {
    let count = items.len();
    if count <= MOST_ARTICLES {
        return items;
    }
    problems.add(format!(
        "only the newest {MOST_ARTICLES} of {count} articles were read"
    ));
    let dated = |item: Option<&Element<'_>>| entry::when(*item?, now);
    let (first, last) = (dated(items.first()), dated(items.last()));
    if last > first {
        items.drain(..count - MOST_ARTICLES);
    } else {
        items.truncate(MOST_ARTICLES);
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::article::Media;

    const LICENCE: &str = "https://creativecommons.org/licenses/by/4.0/";

    fn site() -> Url {
        Url::parse("https://example.org/feeds/all").unwrap()
    }

    fn read_here(text: &str) -> Reading {
        read(text, Some(&site()), Stamp(0))
    }

    fn written(date: Option<chrono::DateTime<chrono::FixedOffset>>) -> String {
        date.map_or_else(String::new, |date| date.to_rfc3339())
    }

    fn addresses(media: &[Media]) -> Vec<&str> {
        media.iter().map(|media| media.url.as_str()).collect()
    }

    #[test]
    fn rss_is_read_whole() {
        let reading = read_here(include_str!("../../../tests/fixtures/feeds/newsroom.rss"));
        assert_eq!(reading.kind, Some(DocumentKind::Rss));
        assert_eq!(reading.title.as_deref(), Some("Новини області"));
        assert_eq!(reading.link.as_deref(), Some("https://example.org/news"));
        assert_eq!(reading.language.as_deref(), Some("uk-UA"));
        assert_eq!(
            reading.description.as_deref(),
            Some("Офіційні повідомлення & оголошення")
        );
        let [first, second, third] = reading.drafts.as_slice() else {
            panic!("expected three drafts, but got {:?}", reading.drafts);
        };
        assert_eq!(first.title, "Створили «Офіс співробітництва»");
        assert_eq!(
            first.url.as_deref(),
            Some("https://example.org/news/42?from=rss&lang=uk")
        );
        assert_eq!(first.guid.as_deref(), Some("tag:example.org,2023:42"));
        assert_eq!(written(first.published), "2023-06-26T17:07:00+03:00");
        assert_eq!(written(first.updated), "2023-06-27T09:00:00+03:00");
        assert_eq!(first.authors, ["Іван Мороз", "Олена Коваль"]);
        assert_eq!(first.departments, ["Департамент економіки"]);
        assert_eq!(first.topics, ["економіка", "євроінтеграція"]);
        assert!(first.html.as_str().contains("https://example.org/about"));
        assert!(!first.html.as_str().contains("alert"));
        assert!(first.text.contains("Офіс діятиме"));
        assert!(first.summary.starts_with("Коротко про"));
        assert_eq!(
            addresses(&first.media),
            [
                "https://example.org/a.mp3",
                "https://example.org/b.pdf",
                "https://example.org/c.jpg",
                "https://example.org/c-small.jpg"
            ]
        );
        assert_eq!(first.media[0].length, Some(1024));
        assert_eq!(first.media[1].length, None);
        assert_eq!(first.media[1].mime.as_deref(), Some("application/pdf"));
        assert_eq!(first.media[2].caption.as_deref(), Some("Зала засідань"));
        assert_eq!(first.media[2].width, Some(800));
        assert_eq!(first.licence.as_deref(), Some(LICENCE));
        assert_eq!(second.url.as_deref(), Some("https://example.org/en/43"));
        assert_eq!(second.language.as_deref(), Some("en"));
        assert_eq!(second.published, None);
        assert_eq!(second.summary, "Only a summary.");
        assert_eq!((third.title.as_str(), &third.url), ("Пастка", &None));
        assert_eq!(
            reading.problems,
            [
                "expected a date, but got `someday soon`",
                "a link was left out: expected an http or https address, but got `javascript:alert(1)`"
            ]
        );
    }

    #[test]
    fn atom_is_read_by_its_namespace_and_bases() {
        let reading = read_here(include_str!("../../../tests/fixtures/feeds/newsroom.atom"));
        assert_eq!(reading.kind, Some(DocumentKind::Atom));
        assert_eq!(reading.title.as_deref(), Some("Новини <області>"));
        assert_eq!(reading.link.as_deref(), Some("https://example.org/news/"));
        assert_eq!(reading.language.as_deref(), Some("uk"));
        let [first, second] = reading.drafts.as_slice() else {
            panic!("expected two drafts, but got {:?}", reading.drafts);
        };
        assert!(first.title.starts_with("Офіс — "), "{}", first.title);
        assert_eq!(
            first.url.as_deref(),
            Some("https://example.org/news/2023/42")
        );
        assert_eq!(
            addresses(&first.media),
            [
                "https://example.org/news/2023/42.jpg",
                "https://example.org/news/2023/42.mp3"
            ]
        );
        assert_eq!(written(first.published), "2023-06-26T17:07:00+03:00");
        assert_eq!(first.updated, None);
        assert_eq!(first.authors, ["Пресслужба"]);
        assert_eq!(first.topics, ["економіка"]);
        assert_eq!(first.departments, ["Департамент економіки"]);
        assert_eq!(first.summary, "Один & два");
        let html = first.html.as_str();
        assert!(
            html.contains("<a href=\"https://example.org/news/2023/more\""),
            "{html}"
        );
        assert!(html.contains("<br>тут"), "{html}");
        assert_eq!(first.licence.as_deref(), Some(LICENCE));
        assert_eq!(second.title, "Без тексту");
        assert_eq!(second.authors, ["Олена Коваль"]);
        assert_eq!(second.published, None);
        assert_eq!(second.guid.as_deref(), Some("tag:example.org,2023:43"));
        assert!(second.html.is_empty());
    }

    #[test]
    fn rdf_is_read_whatever_its_prefixes() {
        let reading = read_here(include_str!("../../../tests/fixtures/feeds/newsroom.rdf"));
        assert_eq!(reading.kind, Some(DocumentKind::Rdf));
        assert_eq!(reading.language.as_deref(), Some("uk"));
        let [draft] = reading.drafts.as_slice() else {
            panic!("expected one draft, but got {:?}", reading.drafts);
        };
        assert_eq!(draft.title, "Перша");
        assert_eq!(draft.guid.as_deref(), Some("https://example.org/1"));
        assert_eq!(draft.url.as_deref(), Some("https://example.org/1"));
        assert_eq!(written(draft.published), "2003-05-01T10:00:00+00:00");
        assert_eq!(draft.topics, ["історія"]);
    }

    #[test]
    fn json_feed_is_read_whole() {
        let text = include_str!("../../../tests/fixtures/feeds/newsroom.json");
        let reading = read_json(text, Some(&site()), Stamp(0));
        assert_eq!(reading.kind, Some(DocumentKind::Json));
        assert_eq!(reading.problems, ["expected a date, but got `колись`"]);
        let [first, second] = reading.drafts.as_slice() else {
            panic!("expected two drafts, but got {:?}", reading.drafts);
        };
        assert_eq!(first.guid.as_deref(), Some("42"));
        assert_eq!(first.url.as_deref(), Some("https://example.org/news/42"));
        assert_eq!(first.title, "Офіс & люди");
        assert!(first.html.as_str().contains("https://example.org/more"));
        assert!(!first.html.as_str().contains("iframe"));
        assert_eq!(first.summary, "Коротко");
        assert_eq!(first.topics, ["економіка"]);
        assert_eq!(first.authors, ["Пресслужба"]);
        assert_eq!(
            addresses(&first.media),
            ["https://example.org/a.mp3", "https://example.org/42.png"]
        );
        assert_eq!(first.media[0].caption.as_deref(), Some("Запис"));
        assert_eq!(first.licence.as_deref(), Some(LICENCE));
        assert_eq!(second.authors, ["Олена"]);
        assert!(second.html.as_str().contains("один &lt; два"));
    }

    #[test]
    fn atom_03_has_its_own_words_for_dates() {
        let reading = read_here(
            "<feed version='0.3' xmlns='http://purl.org/atom/ns#'><title>а</title><tagline>б</tagline>
            <entry><title mode='escaped'>в</title><issued>2003-12-13T08:29:29-04:00</issued>
            <modified>2003-12-14T08:29:29Z</modified><link rel='alternate' href='/1'/></entry></feed>",
        );
        assert_eq!(reading.description.as_deref(), Some("б"));
        assert_eq!(
            written(reading.drafts[0].published),
            "2003-12-13T08:29:29-04:00"
        );
        assert_eq!(
            written(reading.drafts[0].updated),
            "2003-12-14T08:29:29+00:00"
        );
    }

    #[test]
    fn of_too_many_articles_the_newer_end_is_read() {
        let feed = |days: &mut dyn Iterator<Item = usize>| {
            let items: Vec<_> = days
                .map(|n| {
                    let (year, day) = (2000 + n / 300, 1 + n % 28);
                    format!(
                        "<item><title>{n}</title><pubDate>{day} Jan {year} 00:00:00 GMT</pubDate></item>"
                    )
                })
                .collect();
            format!("<rss><channel>{}</channel></rss>", items.concat())
        };
        let count = MOST_ARTICLES + 600;
        let rising = read_here(&feed(&mut (0..count)));
        let falling = read_here(&feed(&mut (0..count).rev()));
        for (reading, first) in [(&rising, 600), (&falling, count - 1)] {
            assert_eq!(reading.drafts.len(), MOST_ARTICLES);
            assert_eq!(reading.drafts[0].title, first.to_string());
            assert_eq!(
                reading.problems,
                ["only the newest 5000 of 5600 articles were read"]
            );
        }
    }
}
