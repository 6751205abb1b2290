//! What stands between an article's paragraphs and leads elsewhere: boxes of other stories, by
//! how they are headed.

use ego_tree::NodeId;
use scraper::ElementRef;

use crate::source::dom::words;
use crate::source::measure::Measures;

/// How such boxes are headed.
const BOXES: &[&str] = &[
    "also read",
    "also see",
    "latest",
    "latest news",
    "more news",
    "most read",
    "popular",
    "read also",
    "read more",
    "recommended",
    "related",
    "related articles",
    "related news",
    "related stories",
    "share",
    "share this",
    "subscribe",
    "tags",
    "більше новин",
    "головні новини",
    "дивіться також",
    "ділитися",
    "за темою",
    "інші новини",
    "матеріали за темою",
    "новини за темою",
    "новина за темою",
    "останні новини",
    "підписатися",
    "поділитися",
    "поділитись",
    "популярне",
    "популярні новини",
    "рекомендуємо",
    "схожі матеріали",
    "схожі новини",
    "теги",
    "читайте також",
    "читати також",
    "що ще почитати",
];

/// How their titles begin.
const STARTS: &[&str] = &[
    "a lire",
    "also in",
    "also on",
    "auch interessant",
    "czytaj ",
    "das könnte",
    "empfehlungen",
    "explore further",
    "get the latest",
    "join the conversation",
    "kommentar",
    "kommentare",
    "comments",
    "lea también",
    "lea más",
    "lee también",
    "leer más",
    "leggi anche",
    "lesen sie",
    "lire aussi",
    "mas noticias",
    "más noticias",
    "mehr aus",
    "mehr von",
    "mehr zum thema",
    "mehr zu",
    "more about",
    "more from",
    "more great",
    "more in",
    "more news",
    "more stories",
    "more to explore",
    "most popular",
    "most read",
    "najnowsze",
    "najczęściej",
    "potrebbe interessarti",
    "potrebbero interessarti",
    "przeczytaj",
    "puede interesar",
    "le puede interesar",
    "te puede interesar",
    "te recomendamos",
    "read also",
    "read more",
    "read further",
    "read next",
    "recommended",
    "related",
    "schon gelesen",
    "see also",
    "siehe auch",
    "sponsored",
    "sur le même",
    "top stories",
    "top rated",
    "trending",
    "vea también",
    "vedi anche",
    "verwandte",
    "veja também",
    "voir aussi",
    "weitere artikel",
    "weitere beiträge",
    "weitere meldungen",
    "weitere news",
    "weitere themen",
    "you may also",
    "you might also",
    "you may be",
    "zobacz też",
    "zobacz także",
    "à lire",
    "дивіться ",
    "ще за темою",
    "ще на тему",
    "коментарі",
    "найпопулярніше",
    "останні новини",
    "популярні",
    "популярне",
    "рекомендовані",
    "схожі",
    "читайте ",
    "читати ",
    "что почитать",
    "последние новости",
    "по теме",
    "комментарии",
];

/// Characters of the longest title.
const TITLE: usize = 60;

/// Whether its first words are such a title.
pub(super) fn headed_as_box(element: ElementRef<'_>, own: bool) -> bool {
    let container = matches!(element.value().name(), "div" | "section" | "ul" | "article");
    container
        && element.child_elements().next().is_some_and(|title| {
            box_title(title) && (!own || title.value().name().starts_with('h'))
        })
}

/// Whether it is such a title.
pub(super) fn box_title(element: ElementRef<'_>) -> bool {
    let name = element.value().name();
    let headline = matches!(
        name,
        "h2" | "h3" | "h4" | "h5" | "h6" | "p" | "div" | "span" | "strong" | "b"
    );
    if !headline {
        return false;
    }
    let text = words(element, TITLE).to_lowercase();
    let plain = text.trim_end_matches([':', '…', '.', ' ', '»', '→']);
    let short = !text.ends_with(['…', '.', '?', '!']);
    BOXES.contains(&plain) || (short && STARTS.iter().any(|start| begins(&text, start)))
}

/// Whether the text begins with these words.
fn begins(text: &str, start: &str) -> bool {
    let rest = text.strip_prefix(start);
    rest.is_some_and(|rest| start.ends_with(' ') || !rest.starts_with(char::is_alphanumeric))
}

/// The lists of links right below a title.
pub(super) fn list_below<'a>(
    title: ElementRef<'a>,
    measures: &Measures,
) -> impl Iterator<Item = ElementRef<'a>> {
    let below = title.next_siblings().filter_map(ElementRef::wrap);
    below.take_while(|next| {
        matches!(next.value().name(), "ul" | "ol" | "a") || measures.of(*next).mostly_links(60)
    })
}

/// What links to other places and tells nothing itself, within a body: lists of links with the
/// titles above them.
pub(super) fn link_lists(place: ElementRef<'_>, measures: &Measures) -> Vec<NodeId> {
    let mut gone = Vec::new();
    for element in place.descendent_elements() {
        let list = matches!(
            element.value().name(),
            "ul" | "ol" | "dl" | "div" | "section" | "article" | "table"
        );
        let measure = measures.of(element);
        if !list || measure.links < 2 || measure.prose > 0 || !measure.mostly_links(70) {
            continue;
        }
        gone.push(element.id());
        let above = element.prev_siblings().filter_map(ElementRef::wrap).next();
        let titled = above.filter(|above| heads(*above));
        gone.extend(titled.map(|title| title.id()));
    }
    gone
}

/// Whether it's a heading, or a short line that ends as one.
fn heads(element: ElementRef<'_>) -> bool {
    let name = element.value().name();
    matches!(name, "h2" | "h3" | "h4" | "h5" | "h6") || words(element, TITLE).ends_with(':')
}
