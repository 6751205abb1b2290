//! What stands between an article's paragraphs and leads elsewhere: boxes of other stories, by
//! how they are headed.

use scraper::ElementRef;

use crate::source::dom::words;
use crate::source::page::measure::Measure;
use crate::source::page::measure::Measures;

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
    "матеріали за темою",
    "новина за темою",
    "новини за темою",
    "останні новини",
    "поділитись",
    "поділитися",
    "популярне",
    "популярні новини",
    "підписатися",
    "рекомендуємо",
    "схожі матеріали",
    "схожі новини",
    "теги",
    "читайте також",
    "читати також",
    "що ще почитати",
    "інші новини",
];

/// How their titles begin.
const STARTS: &[&str] = &[
    "a lire",
    "also in",
    "also on",
    "auch interessant",
    "comments",
    "czytaj ",
    "das könnte",
    "empfehlungen",
    "explore further",
    "get the latest",
    "join the conversation",
    "kommentar",
    "kommentare",
    "le puede interesar",
    "lea más",
    "lea también",
    "lee también",
    "leer más",
    "leggi anche",
    "lesen sie",
    "lire aussi",
    "mas noticias",
    "mehr aus",
    "mehr von",
    "mehr zu",
    "mehr zum thema",
    "more about",
    "more from",
    "more great",
    "more in",
    "more news",
    "more stories",
    "more to explore",
    "most popular",
    "most read",
    "más noticias",
    "najczęściej",
    "najnowsze",
    "potrebbe interessarti",
    "potrebbero interessarti",
    "przeczytaj",
    "puede interesar",
    "read also",
    "read further",
    "read more",
    "read next",
    "recommended",
    "related",
    "schon gelesen",
    "see also",
    "siehe auch",
    "sponsored",
    "sur le même",
    "te puede interesar",
    "te recomendamos",
    "top rated",
    "top stories",
    "trending",
    "vea también",
    "vedi anche",
    "veja também",
    "verwandte",
    "voir aussi",
    "weitere artikel",
    "weitere beiträge",
    "weitere meldungen",
    "weitere news",
    "weitere themen",
    "you may also",
    "you may be",
    "you might also",
    "zobacz także",
    "zobacz też",
    "à lire",
    "дивіться ",
    "коментарі",
    "комментарии",
    "найпопулярніше",
    "останні новини",
    "по теме",
    "популярне",
    "популярні",
    "последние новости",
    "рекомендовані",
    "схожі",
    "читайте ",
    "читати ",
    "что почитать",
    "ще за темою",
    "ще на тему",
];

/// How a line begins that asks for subscribers.
const INVITATIONS: &[&str] = &[
    "abonnez vous",
    "abonnez-vous",
    "abonnieren sie",
    "folge uns",
    "folgen sie",
    "follow me on",
    "follow us",
    "have a tip",
    "iscriviti",
    "join our",
    "obserwuj nas",
    "seguici",
    "sign up",
    "subscribe",
    "suivez nous",
    "suivez-nous",
    "suscríbete",
    "síguenos",
    "want more",
    "zapisz się",
    "долучайтесь до нашого",
    "долучайтеся до нашого",
    "подписывайтесь",
    "подпишитесь",
    "приєднуйтесь до нашого",
    "приєднуйтеся до нашого",
    "підписатись на",
    "підписуйтесь",
    "підписуйтеся",
    "підпишись",
    "підпишіться",
    "следите за нами",
    "слідкуйте за нами",
    "стежте за нами",
    "читайте нас",
];

/// How a line begins that points to another story, and may begin otherwise too.
const CALLS: &[&str] = &[
    "also",
    "auch",
    "don't miss",
    "lea",
    "lee",
    "lesen",
    "lire",
    "mira",
    "more",
    "puedes ver",
    "read",
    "see",
    "vea",
    "watch",
    "weiterlesen",
    "детальніше",
    "дивись",
    "нагадаємо",
    "подробнее",
    "также",
    "також",
    "читай",
];

/// Lists of links that may stand below one title.
const LISTS: usize = 20;

/// Characters of the longest such line.
const POINTER: usize = 300;

/// Characters of the longest title.
const TITLE: usize = 60;

/// Whether its first words are such a title.
pub(super) fn headed_as_box(
    element: ElementRef<'_>,
    title: impl Fn(ElementRef<'_>) -> bool,
) -> bool {
    let container = matches!(element.value().name(), "div" | "section" | "ul" | "article");
    container && element.child_elements().next().is_some_and(title)
}

/// Whether it is such a title, word for word.
pub(super) fn exact_title(element: ElementRef<'_>) -> bool {
    headline(element) && BOXES.contains(&bare(&words(element, 40).to_lowercase()))
}

/// Whether it is such a title, or begins as one.
pub(super) fn box_title(element: ElementRef<'_>) -> bool {
    if !headline(element) {
        return false;
    }
    let text = words(element, TITLE).to_lowercase();
    let short = !text.ends_with(['…', '.', '?', '!']);
    BOXES.contains(&bare(&text)) || (short && STARTS.iter().any(|start| begins(&text, start)))
}

/// Whether it is a line that points to another story: it begins as a title does, and the rest of
/// it is a link.
pub(super) fn pointer(element: ElementRef<'_>, measure: Measure) -> bool {
    let line = matches!(
        element.value().name(),
        "p" | "div" | "blockquote" | "li" | "h2" | "h3" | "h4" | "h5" | "h6" | "section"
    );
    if !line || !measure.is_small() || measure.text > POINTER || !measure.mostly_links(50) {
        return false;
    }
    let text = words(element, TITLE).to_lowercase();
    let text = text.trim_start_matches(|c: char| !c.is_alphanumeric());
    BOXES
        .iter()
        .chain(STARTS)
        .chain(CALLS)
        .any(|start| begins(text, start))
}

/// Whether it is a line that asks its reader to subscribe or to follow, with a link to do so.
pub(super) fn invitation(element: ElementRef<'_>, measure: Measure) -> bool {
    let line = matches!(
        element.value().name(),
        "p" | "div" | "blockquote" | "li" | "h3" | "h4"
    );
    if !line || !measure.is_small() || measure.links == 0 || measure.text > POINTER {
        return false;
    }
    let text = words(element, TITLE).to_lowercase();
    let text = text.trim_start_matches(|c: char| !c.is_alphanumeric());
    INVITATIONS.iter().any(|start| begins(text, start))
}

fn headline(element: ElementRef<'_>) -> bool {
    matches!(
        element.value().name(),
        "h2" | "h3" | "h4" | "h5" | "h6" | "p" | "div" | "span" | "strong" | "b"
    )
}

fn bare(text: &str) -> &str {
    text.trim_end_matches([':', '…', '.', ' ', '»', '→'])
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
    below.take(LISTS).take_while(|next| {
        matches!(next.value().name(), "ul" | "ol" | "a") || measures.of(*next).mostly_links(60)
    })
}
