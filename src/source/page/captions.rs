//! A page's tree in, the same tree with its captions marked as such out, whatever elements they
//! stood in. So they stay with their pictures and don't read as the article's paragraphs.

use ego_tree::NodeId;
use html5ever::{LocalName, QualName, ns};
use scraper::{ElementRef, Html, Node};

use crate::source::dom::names_of;
use crate::source::page::body::detach;
use crate::source::page::measure::Measures;

/// Words in class names and ids of captions, and of who took a picture.
const CAPTIONS: &[&str] = &[
    "bildtext",
    "bildunterschrift",
    "bildunterzeile",
    "caption",
    "captions",
    "copyright",
    "credit",
    "credits",
    "image author",
    "image description",
    "imagedescription",
    "img description",
    "imgcaption",
    "legende",
    "photo author",
    "photo description",
    "photographer",
    "picture description",
    "pie foto",
    "piefoto",
];

/// Characters of the longest caption.
const LONGEST: usize = 600;

/// Elements around a caption that its picture is looked for in.
const AROUND: usize = 4;

/// Makes figures of pictures and captions; takes out captions of what isn't there.
pub(super) fn mark(html: &mut Html) {
    let measures = Measures::new(html.root_element());
    let (mut captions, mut figures, mut gone) = (Vec::new(), Vec::new(), Vec::new());
    for element in html.root_element().descendent_elements() {
        let measure = measures.of(element);
        let fits = measure.images == 0 && (1..=LONGEST).contains(&measure.text);
        if !fits || !is_caption(element) {
            continue;
        }
        match figure(element, &measures) {
            Some(figure) => {
                captions.push(element.id());
                figures.push(figure.id());
            }
            None if measure.prose == 0 => {}
            None => gone.push(element.id()),
        }
    }
    rename(html, &captions, "figcaption");
    rename(html, &figures, "figure");
    detach(html, &gone);
}

fn is_caption(element: ElementRef<'_>) -> bool {
    let block = matches!(
        element.value().name(),
        "p" | "div" | "span" | "small" | "em" | "h2" | "h3" | "h4" | "h5" | "h6"
    );
    let named = || {
        names_of(element)
            .iter()
            .any(|name| CAPTIONS.contains(&name.as_str()))
    };
    let inside = || {
        let around = element.ancestors().filter_map(ElementRef::wrap);
        around
            .take(AROUND)
            .any(|outer| matches!(outer.value().name(), "figcaption" | "p" | "a" | "table"))
    };
    block && named() && !inside()
}

/// The nearest element around a caption that holds a picture, if it holds little else.
fn figure<'a>(caption: ElementRef<'a>, measures: &Measures) -> Option<ElementRef<'a>> {
    let mut around = caption
        .ancestors()
        .filter_map(ElementRef::wrap)
        .take(AROUND);
    let figure = around.find(|outer| measures.of(*outer).images > 0)?;
    let own = measures.of(caption).text;
    let fits = matches!(
        figure.value().name(),
        "div" | "span" | "figure" | "section" | "center"
    );
    (fits && measures.of(figure).text <= own + 100).then_some(figure)
}

fn rename(html: &mut Html, ids: &[NodeId], name: &str) {
    for id in ids {
        let Some(mut node) = html.tree.get_mut(*id) else {
            continue;
        };
        if let Node::Element(element) = node.value() {
            element.name = QualName::new(None, ns!(html), LocalName::from(name));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::source::page::body_of;

    const WORDS: &str = "Офіс діятиме при обласній адміністрації та поєднає громади з партнерами.";

    fn with(what: &str) -> String {
        body_of(&format!(
            "<article><h1>Офіс</h1><div><p>{WORDS}</p>{what}<p>{WORDS}</p></div></article>"
        ))
    }

    #[test]
    fn captions_are_told_from_paragraphs_by_their_names() {
        let whole = format!("{WORDS}\n\n{WORDS}");
        let caption = "Учасники зустрічі біля будівлі обласної адміністрації.";
        for what in [
            format!(
                "<div class=wp-caption><img src=/1.jpg><p class=wp-caption-text>{caption}</p></div>"
            ),
            format!("<figure><img src=/1.jpg><div class=credit>{caption}</div></figure>"),
            format!("<div><div class=image-caption>{caption}</div></div>"),
        ] {
            assert_eq!(with(&what), whole, "{what}");
        }
    }

    #[test]
    fn a_paragraph_beside_a_picture_is_no_caption() {
        let text = with("<div><img src=/1.jpg><p>Учасники зустрічі обговорили це.</p></div>");
        assert!(text.contains("Учасники"), "{text}");
    }
}
