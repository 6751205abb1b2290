//! A tree without the site's frame in, the same tree without what stands between an article's
//! paragraphs and isn't one out: boxes of other stories, cards, lists of links, lines about the
//! author and the like.
//!
//! It looks closer than [`noise`](super::noise) does, and comes after the date has been found,
//! which stands in such places.

use std::collections::HashSet;
use std::sync::LazyLock;

use ego_tree::NodeId;
use scraper::{ElementRef, Html, Node};
use url::Url;

use crate::source::dom::all;
use crate::source::dom::first;
use crate::source::dom::names_of;
use crate::source::dom::words;
use crate::source::page::body::detach;
use crate::source::page::boxes::box_title;
use crate::source::page::boxes::exact_title;
use crate::source::page::boxes::headed_as_box;
use crate::source::page::boxes::invitation;
use crate::source::page::boxes::list_below;
use crate::source::page::boxes::pointer;
use crate::source::page::measure::Measure;
use crate::source::page::measure::Measures;
use crate::source::page::noise::own;
use crate::source::page::noise::strangers;

/// Words, and pairs of words, in class names and ids of what stands beside an article's words.
const BESIDE: &[&str] = &[
    "about author",
    "addthis",
    "addtoany",
    "affiliate",
    "affiliates",
    "also read",
    "app stores",
    "appstores",
    "article meta",
    "author bio",
    "author block",
    "author box",
    "author card",
    "author description",
    "author details",
    "author info",
    "author profile",
    "authorbox",
    "avatar",
    "breaking news",
    "byline",
    "comentarios",
    "commentaires",
    "commenti",
    "contact box",
    "contactbox",
    "crosslinks",
    "cta",
    "disclaimer",
    "disclosure",
    "donate",
    "donation",
    "editors choice",
    "entry footer",
    "entry meta",
    "follow us",
    "interesting articles",
    "komentarze",
    "kommentar",
    "kommentare",
    "last news",
    "lastnews",
    "lee tambien",
    "likes",
    "mailchimp",
    "mc4wp",
    "more news",
    "more stories",
    "most read",
    "mostread",
    "nav links",
    "news list",
    "news related",
    "newslist",
    "next post",
    "next story",
    "nextstory",
    "other news",
    "othernews",
    "outbrain",
    "paywall",
    "post meta",
    "post navigation",
    "postmeta",
    "postmetadata",
    "print hidden",
    "rating",
    "ratings",
    "read also",
    "read time",
    "reading time",
    "readmore",
    "recommendations",
    "related posts",
    "relatedposts",
    "relatedpoststitle",
    "replies",
    "respond",
    "see also",
    "sharedaddy",
    "shariff",
    "sign up",
    "signup",
    "sponsor",
    "taboola",
    "tag list",
    "tagcloud",
    "taglist",
    "tags",
    "tags list",
    "teaser",
    "teasers",
    "timestamp",
    "top news",
    "topnews",
    "trending",
    "yarpp",
];

/// The same, of short lines that tell when, by whom and in which department.
const LINES: &[&str] = &[
    "author",
    "authors",
    "categories",
    "category",
    "created",
    "date",
    "dateline",
    "datetime",
    "hits",
    "kicker",
    "meta",
    "pubdate",
    "published",
    "rubric",
    "updated",
];

/// Characters of the longest such line.
const LINE: usize = 80;

/// Those of them that also stand around an article's own words.
const WEAK: &[&str] = &[
    "article meta",
    "breaking news",
    "byline",
    "disclaimer",
    "paywall",
    "rating",
    "ratings",
    "tags",
    "teaser",
    "teasers",
];

/// Characters of prose in the longest card of another story.
const CARD: usize = 400;

/// Characters of the shortest headline.
const HEADLINE: usize = 30;

/// How addresses of pages end, as against those of files.
const PAGES: &[&str] = &["asp", "aspx", "cfm", "htm", "html", "jsp", "php", "shtml"];

/// Characters of the longest line above a list of links.
const TITLE: usize = 60;

static NAMES: LazyLock<HashSet<&str>> = LazyLock::new(|| BESIDE.iter().copied().collect());

/// Takes out what stands beside the article's words, but for what stands around `kept`. `site` is
/// an address on the same site.
pub(super) fn clear(html: &mut Html, kept: &[NodeId], site: Option<&Url>) {
    let boxes = boxes(html, kept);
    detach(html, &boxes);
    let links = links(html, kept, site);
    detach(html, &links);
}

/// Boxes of other things, by what they are called and how they are headed.
fn boxes(html: &Html, kept: &[NodeId]) -> Vec<NodeId> {
    let measures = Measures::new(html.root_element());
    let mut gone = Vec::new();
    for element in strangers(html, kept, &measures) {
        let measure = measures.of(element);
        let line = pointer(element, measure) || invitation(element, measure);
        if line || named(element, measure) || boxed(element, &measures) {
            gone.push(element.id());
        } else if titles_box(element, &measures) {
            gone.push(element.id());
            gone.extend(list_below(element, &measures).map(|list| list.id()));
        }
    }
    gone
}

/// What links to other stories, by its shape.
fn links(html: &Html, kept: &[NodeId], site: Option<&Url>) -> Vec<NodeId> {
    let measures = Measures::new(html.root_element());
    let mut gone = Vec::new();
    for element in strangers(html, kept, &measures) {
        let measure = measures.of(element);
        if is_card(element, measure) || is_lone_link(element, measure, site) {
            gone.push(element.id());
        } else if is_link_list(element, measure) {
            gone.push(element.id());
            let above = element.prev_siblings().find_map(ElementRef::wrap);
            gone.extend(above.filter(|above| heads(*above)).map(|title| title.id()));
        }
    }
    gone
}

fn named(element: ElementRef<'_>, measure: Measure) -> bool {
    let told = |name: &str| element.attr("itemprop").is_some_and(|of| of.contains(name));
    let own = own(measure);
    let by =
        |name: &String| NAMES.contains(name.as_str()) && !(own && WEAK.contains(&name.as_str()));
    let part = element
        .parent()
        .and_then(ElementRef::wrap)
        .is_some_and(|outer| outer.value().name() == "p");
    let line = measure.text <= LINE && !heading(element) && !part;
    let by_line = |name: &String| line && LINES.contains(&name.as_str());
    let names = names_of(element);
    told("author") || (!told("description") && names.iter().any(|name| by(name) || by_line(name)))
}

/// Whether its first words are the title of a box.
fn boxed(element: ElementRef<'_>, measures: &Measures) -> bool {
    let own = own(measures.of(element));
    let exact = |title: ElementRef<'_>| {
        short(measures.of(title)) && exact_title(title) && (!own || heading(title))
    };
    let begun = |title: ElementRef<'_>| short(measures.of(title)) && box_title(title);
    headed_as_box(element, exact) || (!own && headed_as_box(element, begun))
}

/// Whether it is the title of a box that is no element of its own.
fn titles_box(element: ElementRef<'_>, measures: &Measures) -> bool {
    let below = || element.next_siblings().find_map(ElementRef::wrap);
    let opens = || below().is_some_and(|below| own(measures.of(below)));
    short(measures.of(element)) && (exact_title(element) || (box_title(element) && !opens()))
}

fn short(measure: Measure) -> bool {
    measure.is_small() && measure.text <= 2 * TITLE
}

/// The headings at the end of a body, which nothing follows.
pub(super) fn endings(place: ElementRef<'_>) -> Vec<NodeId> {
    let mut gone: Vec<NodeId> = Vec::new();
    let nodes: Vec<_> = place.descendants().collect();
    for node in nodes.into_iter().rev() {
        let shown = match node.value() {
            Node::Text(text) => !text.trim().is_empty(),
            Node::Element(element) => element.name() == "img",
            _ => false,
        };
        if !shown {
            continue;
        }
        let inside = node
            .ancestors()
            .take_while(|outer| outer.id() != place.id());
        match inside
            .filter_map(ElementRef::wrap)
            .find(|outer| heading(*outer))
        {
            Some(heading) if gone.last() == Some(&heading.id()) => {}
            Some(heading) => gone.push(heading.id()),
            None => return gone,
        }
    }
    Vec::new()
}

/// Whether it shows another story: its headline, linked, and few words.
fn is_card(element: ElementRef<'_>, measure: Measure) -> bool {
    if measure.links == 0 || measure.prose > CARD || !measure.is_small() {
        return false;
    }
    match element.value().name() {
        "a" => first_heading(element).is_some(),
        "article" => headed_away(element),
        "li" | "div" | "section" | "figure" => {
            let class = element.attr("class");
            let beside = element
                .next_siblings()
                .chain(element.prev_siblings())
                .filter_map(ElementRef::wrap);
            let mut alike = beside
                .take(8)
                .filter(|other| class.is_some() && other.attr("class") == class);
            headed_away(element) && alike.any(headed_away)
        }
        _ => false,
    }
}

fn headed_away(element: ElementRef<'_>) -> bool {
    first_heading(element).is_some_and(leads_away)
}

fn first_heading(element: ElementRef<'_>) -> Option<ElementRef<'_>> {
    let mut inner = element.descendent_elements();
    inner.find(|inner| heading(*inner) || inner.value().name() == "h1")
}

/// Whether all its words are a link.
fn leads_away(heading: ElementRef<'_>) -> bool {
    let linked: usize = all(heading, "a[href]")
        .iter()
        .flat_map(ElementRef::text)
        .map(str::len)
        .sum();
    let around = heading.ancestors().take(3).filter_map(ElementRef::wrap);
    let all_words: usize = heading.text().map(str::len).sum();
    linked > 0 && linked * 10 >= all_words * 9
        || around.into_iter().any(|outer| outer.value().name() == "a")
}

/// Whether it links to other places and tells nothing itself. Files that an article brings stay.
fn is_link_list(element: ElementRef<'_>, measure: Measure) -> bool {
    let list = matches!(
        element.value().name(),
        "ul" | "ol" | "dl" | "div" | "section" | "article" | "table"
    );
    let links = || all(element, "a[href]").into_iter();
    let brings_files = || links().filter_map(|link| link.attr("href")).any(is_file);
    list && measure.links > 1 && measure.prose == 0 && measure.mostly_links(70) && !brings_files()
}

/// Whether it's a paragraph that is one headline, linked, of another story on the same site. A
/// link to a file stays: that's what the article is about.
fn is_lone_link(element: ElementRef<'_>, measure: Measure, site: Option<&Url>) -> bool {
    let block = matches!(element.value().name(), "p" | "div" | "blockquote");
    let headline = measure.links == 1 && measure.text >= HEADLINE && measure.mostly_links(95);
    let link = || first(element, "a[href]").and_then(|link| link.attr("href"));
    block && headline && link().is_some_and(|href| is_story(href, site))
}

fn is_story(href: &str, site: Option<&Url>) -> bool {
    let host = |url: &Url| {
        url.host_str()
            .map(|host| host.trim_start_matches("www.").to_owned())
    };
    let near = match Url::parse(href.trim()) {
        Ok(url) => site.is_some_and(|site| host(site) == host(&url)),
        Err(_) => !href.trim_start().starts_with('#'),
    };
    near && !is_file(href)
}

/// Whether an address ends as that of a file does, and not as that of a page.
fn is_file(href: &str) -> bool {
    let path = match Url::parse(href.trim()) {
        Ok(url) => url.path().to_owned(),
        Err(_) => href.trim().to_owned(),
    };
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let last = path.rsplit('/').next().unwrap_or_default();
    let ending = last.rsplit_once('.').map_or("", |(_, ending)| ending);
    (1..=5).contains(&ending.len()) && !PAGES.contains(&ending.to_ascii_lowercase().as_str())
}

/// Whether it's a heading, or a short line that ends as one.
fn heads(element: ElementRef<'_>) -> bool {
    heading(element) || words(element, TITLE).ends_with(':')
}

fn heading(element: ElementRef<'_>) -> bool {
    matches!(element.value().name(), "h2" | "h3" | "h4" | "h5" | "h6")
}

#[cfg(test)]
mod tests {
    use crate::source::page::body_of;

    const FIRST: &str =
        "Офіс діятиме при обласній адміністрації та поєднає громади з партнерами за кордоном.";
    const LAST: &str =
        "Запрацювати він має за два тижні, розповів журналістам голова адміністрації.";

    /// The body of a page that has this between two paragraphs.
    #[track_caller]
    fn between(what: &str) -> String {
        let page = format!(
            "<article><h1>Створили офіс</h1><div class=text><p>{FIRST}</p>{what}<p>{LAST}</p></div></article>"
        );
        let text = body_of(&page);
        let within = text
            .strip_prefix(FIRST)
            .and_then(|text| text.strip_suffix(LAST));
        within.unwrap_or_else(|| panic!("{text}")).trim().to_owned()
    }

    #[test]
    fn boxes_go_by_what_they_are_called() {
        for class in [
            "author-box",
            "postMeta",
            "see-also",
            "readmore",
            "list-kommentare",
        ] {
            let what = format!(
                "<div class={class}><p>Щось інше, і чимало слів про нього, і <a href=/2>ще</a>.</p></div>"
            );
            assert_eq!(between(&what), "", "{class}");
        }
        assert_eq!(between("<div class=boxing><p>Слова.</p></div>"), "Слова.");
    }

    #[test]
    fn a_weak_name_takes_no_prose_away() {
        let prose = "Слова статті. ".repeat(20);
        let teaser = format!("<div class=teaser><p>{prose}</p></div>");
        assert_eq!(between(&teaser), prose.trim());
        assert_eq!(
            between("<div class=teaser><a href=/2>Інша новина</a></div>"),
            ""
        );
    }

    #[test]
    fn boxes_go_by_their_titles_and_sections_stay() {
        let list = "<ul><li><a href=/2>Інша новина дня</a><li><a href=/3>І ще одна новина</a></ul>";
        for title in [
            "Читайте також:",
            "More from the region",
            "Mehr zum Thema",
            "Lea también",
        ] {
            assert_eq!(between(&format!("<h3>{title}</h3>{list}")), "", "{title}");
            assert_eq!(
                between(&format!("<div><h3>{title}</h3>{list}</div>")),
                "",
                "{title}"
            );
        }
        let prose = "Слова статті. ".repeat(20);
        let section = format!("<h3>Популярні маршрути</h3><p>{prose}</p>");
        assert!(between(&section).starts_with("Популярні маршрути"));
    }

    #[test]
    fn a_line_that_points_elsewhere_goes() {
        let story = "<a href=/2>У Полтаві відкрили новий центр для переселенців</a>";
        assert_eq!(
            between(&format!("<p><b>ЧИТАЙТЕ ТАКОЖ: {story}</b></p>")),
            ""
        );
        assert_eq!(between(&format!("<p>{story}</p>")), "");
        assert_eq!(
            between("<p>Підписуйтесь на наш <a href=https://t.me/x>канал</a>.</p>"),
            ""
        );
        let told = format!(
            "<p>Як ми писали, минулого тижня {story}, і це вже третій такий центр у області за рік.</p>"
        );
        assert!(between(&told).starts_with("Як ми писали"));
        let file = "<p><a href=/files/nakaz.pdf>Наказ про створення офісу, повний текст</a></p>";
        assert!(between(file).starts_with("Наказ"));
        let other =
            "<p><a href=https://example.org/>Сайт міжнародної програми співробітництва</a></p>";
        assert!(between(other).starts_with("Сайт"));
    }

    #[test]
    fn lists_of_links_go_with_their_titles_and_other_lists_stay() {
        let links =
            "<h4>Досьє</h4><ul><li><a href=/2>Одна новина</a><li><a href=/3>Друга новина</a></ul>";
        assert_eq!(between(links), "");
        let files = "<h4>Документи</h4><ul><li><a href=/files/nakaz.pdf>Наказ № 12</a>\
                     <li><a href=https://example.org/files/2.docx?x=1>Додаток 2</a></ul>";
        assert!(between(files).contains("Додаток 2"));
        let list = "<ul><li>перший напрям, <a href=/2>освіта</a><li>другий напрям, медицина</ul>";
        assert!(between(list).contains("освіта"));
    }

    #[test]
    fn cards_of_other_stories_go() {
        let card = "<div class=item><h3><a href=/2>Інша новина</a></h3><p>Кілька слів про неї, досить довгих для речення.</p></div>";
        assert_eq!(between(&card.repeat(3)), "");
        assert_eq!(
            between("<a href=/2><h4>Інша новина</h4><p>Про неї.</p></a>"),
            ""
        );
        assert!(between(card).contains("Кілька слів"));
    }

    #[test]
    fn headings_that_nothing_follows_go() {
        let page = format!(
            "<article><h1>Офіс</h1><p>{FIRST}</p><h2>Подробиці</h2><p>{LAST}</p><h2>Фото</h2></article>"
        );
        assert_eq!(body_of(&page), format!("{FIRST}\n\nПодробиці\n\n{LAST}"));
    }

    #[test]
    fn lines_of_dates_and_names_go_and_words_of_a_sentence_stay() {
        assert_eq!(between("<div class=article-date>Оновлено вчора</div>"), "");
        assert!(
            between("<p><span class=dateline>КИЇВ</span> – Так повідомили.</p>")
                .starts_with("КИЇВ")
        );
    }
}
