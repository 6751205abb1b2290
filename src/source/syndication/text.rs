//! An element that holds text in, HTML or one line of plain text out.
//!
//! Atom says which of the two it holds (RFC 4287 §3.1), RSS never does, and neither can be relied
//! on: what says nothing is HTML if it looks like it.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use url::Url;

use crate::article::clean;
use crate::source::xml::Element;
use crate::source::xml::escape;
use crate::source::xml::scan::resolve;

/// Characters of a title.
const LONGEST_TITLE: usize = 500;
/// Characters of which a title is made; markup counts here.
const LONGEST_LINE_SOURCE: usize = 20_000;

/// What the element's text is.
enum Form {
    Plain,
    Html,
    /// Pictures, other people's formats: nothing to show.
    Foreign,
}

/// The element's content as HTML of a stranger: not yet clean.
pub(super) fn html_of(element: Element<'_>) -> String {
    if element.has_markup() {
        return element.inner_html();
    }
    let text = content(element);
    match form(element, &text) {
        Form::Plain => paragraphs(&text, true),
        Form::Html if text.contains('<') => text.into_owned(),
        Form::Html => paragraphs(&text, false),
        Form::Foreign => String::new(),
    }
}

/// The element's content as one line of plain text.
pub(super) fn line_of(element: Element<'_>) -> String {
    if element.has_markup() {
        return line(&element.inner_html());
    }
    let text = content(element);
    match form(element, &text) {
        Form::Plain => clean::one_line(&text, LONGEST_TITLE),
        Form::Html => line(&text),
        Form::Foreign => String::new(),
    }
}

/// HTML, or text that may be HTML, as one line of plain text.
pub(super) fn line(html: &str) -> String {
    let start: Cow<'_, str> = match html.char_indices().nth(LONGEST_LINE_SOURCE) {
        Some((end, _)) => html.get(..end).unwrap_or_default().into(),
        None => html.into(),
    };
    if has_tags(&start) {
        let plain = clean::plain_text(&clean::clean(&start, None));
        clean::one_line(&plain, LONGEST_TITLE)
    } else {
        clean::one_line(&resolve(&start), LONGEST_TITLE)
    }
}

/// HTML as plain text with paragraphs.
pub(super) fn plain(html: &str, base: Option<&Url>) -> String {
    if html.is_empty() {
        return String::new();
    }
    clean::plain_text(&clean::clean(html, base))
        .trim()
        .to_owned()
}

/// Plain text as HTML: a blank line parts paragraphs, another line end is a break.
pub(super) fn paragraphs(text: &str, escaped: bool) -> String {
    let mut html = String::with_capacity(text.len() + 16);
    let text = text.trim().replace("\r\n", "\n");
    if text.is_empty() {
        return html;
    }
    for paragraph in text.split("\n\n").filter(|part| !part.trim().is_empty()) {
        html.push_str("<p>");
        for (number, line) in paragraph.trim().lines().enumerate() {
            if number > 0 {
                html.push_str("<br>");
            }
            if escaped {
                escape(line, &mut html);
            } else {
                html.push_str(line);
            }
        }
        html.push_str("</p>");
    }
    html
}

/// The text, out of the base64 that Atom 0.3 allows.
fn content(element: Element<'_>) -> Cow<'_, str> {
    let text = element.text();
    if element.attribute("mode") != Some("base64") {
        return text;
    }
    let packed: String = text.split_whitespace().collect();
    match STANDARD.decode(packed).map(String::from_utf8) {
        Ok(Ok(text)) => Cow::Owned(text),
        _ => text,
    }
}

fn form(element: Element<'_>, text: &str) -> Form {
    let said = element.attribute("type").unwrap_or_default();
    let said = said.split(';').next().unwrap_or_default().trim();
    match said.to_ascii_lowercase().as_str() {
        "text" => Form::Plain,
        // Atom 0.3's default, which its generators wrote over HTML too.
        "text/plain" if !has_tags(text) => Form::Plain,
        "" | "text/plain" | "html" | "xhtml" => Form::Html,
        mime if mime.ends_with("html") || mime.ends_with("+xml") => Form::Html,
        mime if mime.starts_with("text/") => Form::Plain,
        mime if mime.contains('/') => Form::Foreign,
        _ => Form::Html,
    }
}

/// Whether there is anything that HTML reads as a tag.
fn has_tags(text: &str) -> bool {
    let starts = |c: char| c.is_ascii_alphabetic() || c == '/' || c == '!';
    let Some((before, _)) = text.rsplit_once('>') else {
        return false;
    };
    let mut after = before.split('<').skip(1);
    after.any(|after| after.starts_with(starts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::xml::Tree;

    fn line_in(xml: &str) -> String {
        let tree = Tree::read(xml);
        line_of(tree.elements().next().unwrap())
    }

    #[test]
    fn titles_are_plain_whatever_they_are_written_in() {
        for xml in [
            "<title>Річка &amp; ліс</title>",
            "<title>Річка &amp;amp; ліс</title>",
            "<title type='html'>Річка &lt;span>&amp;amp;&lt;/span> ліс</title>",
            "<title type='xhtml'><div>Річка <span>&amp;</span> ліс</div></title>",
            "<title type='text'>Річка &amp;\n  ліс</title>",
            "<title mode='base64' type='text/html'>\n0KDRltGH0LrQsCAmIN\nC70ZbRgQ==</title>",
        ] {
            assert_eq!(line_in(xml), "Річка & ліс", "{xml}");
        }
        assert_eq!(line_in("<title type='text'>a &lt;b> c</title>"), "a <b> c");
        assert_eq!(line_in("<title>5 &lt; 6</title>"), "5 < 6");
        assert_eq!(line_in("<title>A&lt;B</title>"), "A<B");
        assert_eq!(line_in("<title type='image/png'>AAAA</title>"), "");
    }

    #[test]
    fn plain_text_keeps_its_paragraphs() {
        assert_eq!(
            paragraphs("а\nб < в\n\n\nг", true),
            "<p>а<br>б &lt; в</p><p>г</p>"
        );
    }
}
