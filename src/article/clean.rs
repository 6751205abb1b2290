//! A stranger's HTML in, HTML that is safe in our pages, feeds and letters out.
//!
//! ammonia decides what may stand, by allow-list: words, lists, tables, links and pictures; no
//! style, script, form, frame or drawing. [`tidy`](super::tidy) then makes it ours: absolute
//! addresses, one `h1` a page, no empty shells, no tracking. Cleaning what is clean changes
//! nothing. Nothing here fetches anything.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use ammonia::UrlRelative;
use serde::Serialize;
use url::Url;

use crate::article::html::eased;
use crate::article::html::sound;
use crate::article::html::writable;
pub use crate::article::plain::plain_text;
use crate::article::tidy::tidy;

/// HTML that may be shown unescaped: only the cleaner makes it, and the store, which reads back
/// what the cleaner made.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct SafeHtml(String);

impl SafeHtml {
    /// The HTML as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same with something left out or readdressed. Only [`picture`](crate::article::picture)
    /// calls this.
    pub(super) fn readdressed(&self, change: impl FnOnce(&str) -> String) -> Self {
        Self(change(&self.0))
    }

    /// HTML that was cleaned before it was stored. Only the store calls this.
    pub(crate) fn stored(html: String) -> Self {
        Self(html)
    }
}

/// Rounds of cleaning after which HTML that still changes is kept as text alone.
const ROUNDS: usize = 4;

const TAGS: &[&str] = &[
    "a",
    "abbr",
    "article",
    "aside",
    "b",
    "bdi",
    "bdo",
    "blockquote",
    "br",
    "caption",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "del",
    "details",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "figcaption",
    "figure",
    "footer",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "i",
    "img",
    "ins",
    "kbd",
    "li",
    "main",
    "mark",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "samp",
    "section",
    "small",
    "strong",
    "sub",
    "summary",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "time",
    "tr",
    "u",
    "ul",
    "var",
    "wbr",
];

/// What goes with all that is in it; of other strangers only the tags go.
const GONE: &[&str] = &[
    "applet",
    "audio",
    "button",
    "canvas",
    "datalist",
    "iframe",
    "math",
    "noembed",
    "noframes",
    "noscript",
    "object",
    "plaintext",
    "script",
    "select",
    "style",
    "svg",
    "template",
    "textarea",
    "title",
    "video",
    "xmp",
];

const ATTRIBUTES: &[(&str, &[&str])] = &[
    ("a", &["href", "hreflang", "title"]),
    ("abbr", &["title"]),
    ("blockquote", &["cite"]),
    ("col", &["span"]),
    ("colgroup", &["span"]),
    ("del", &["datetime"]),
    ("img", &["alt", "height", "src", "title", "width"]),
    ("ins", &["datetime"]),
    ("li", &["value"]),
    ("ol", &["reversed", "start"]),
    ("q", &["cite"]),
    ("td", &["colspan", "rowspan"]),
    ("th", &["colspan", "rowspan", "scope"]),
    ("time", &["datetime"]),
];

static ALLOWED: LazyLock<ammonia::Builder<'static>> = LazyLock::new(|| {
    let set = |words: &[&'static str]| words.iter().copied().collect::<HashSet<_>>();
    let attributes: HashMap<_, _> = ATTRIBUTES
        .iter()
        .map(|(tag, are)| (*tag, set(are)))
        .collect();
    let mut builder = ammonia::Builder::empty();
    builder
        .tags(set(TAGS))
        .clean_content_tags(set(GONE))
        .tag_attributes(attributes)
        .generic_attributes(set(&["dir", "lang"]))
        .url_schemes(set(&["http", "https", "mailto", "tel"]))
        .url_relative(UrlRelative::PassThrough)
        .link_rel(None);
    builder
});

/// Cleans a stranger's HTML by an allow-list; relative addresses become absolute by `base`, or
/// are dropped without one. `clean(clean(x)) == clean(x)`, whatever `x` is.
pub fn clean(html: &str, base: Option<&Url>) -> SafeHtml {
    let cleaned = settled(&eased(html), base);
    let part = writable(&cleaned);
    if part.len() < cleaned.len() {
        return SafeHtml(settled(part, None));
    }
    SafeHtml(cleaned)
}

/// Cleaned until another round changes nothing.
fn settled(html: &str, base: Option<&Url>) -> String {
    let (mut cleaned, mut stable) = round(html, base);
    for _ in 1..ROUNDS {
        if stable {
            return cleaned;
        }
        let (again, _) = round(&cleaned, None);
        stable = again == cleaned;
        cleaned = again;
    }
    if stable {
        return cleaned;
    }
    paragraphs(&plain_text(&SafeHtml(cleaned)))
}

/// One cleaning, and whether another would certainly change nothing.
fn round(html: &str, base: Option<&Url>) -> (String, bool) {
    tidy(&ALLOWED.clean(sound(html)).to_string(), base)
}

/// Plain text with paragraphs as HTML.
fn paragraphs(text: &str) -> String {
    let paragraphs = text.split("\n\n").map(str::trim).filter(|p| !p.is_empty());
    let html: Vec<String> = paragraphs
        .map(|p| format!("<p>{}</p>", ammonia::clean_text(p).replace("&#10;", "\n")))
        .collect();
    tidy(&ALLOWED.clean(&html.join("\n")).to_string(), None).0
}

/// One clean line of text: entities decoded by whoever read it, no control, direction or
/// invisible characters, white space folded, at most `most` characters; «…» at the end, on a
/// word's boundary, where it was cut.
pub fn one_line(text: &str, most: usize) -> String {
    let mut line = String::with_capacity(text.len().min(most.saturating_mul(4)));
    let (mut length, mut space, mut cut) = (0, false, false);
    for letter in text.chars() {
        if letter.is_whitespace() {
            space = length > 0;
        } else if !invisible(letter, line.chars().next_back()) {
            let more = 1 + usize::from(space);
            if length + more > most {
                cut = true;
                break;
            }
            if std::mem::take(&mut space) {
                line.push(' ');
            }
            line.push(letter);
            length += more;
        }
    }
    if cut {
        shortened(&line, space, most)
    } else {
        line
    }
}

/// A line that goes on, ended by «…»: after a whole word, unless that would cost over half of it.
fn shortened(line: &str, whole: bool, most: usize) -> String {
    if most == 0 {
        return String::new();
    }
    let kept: String = line.chars().take(most - 1).collect();
    let whole = whole && kept.len() == line.len();
    let words = kept
        .rsplit_once(' ')
        .map_or(kept.as_str(), |(words, _)| words);
    let words = if whole || words.len() * 2 < kept.len() {
        &kept
    } else {
        words
    };
    let ends = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | ':' | '–' | '—' | '-');
    format!("{}…", words.trim_end_matches(ends))
}

/// Whether the letter has no business in a line of text. Joiners stay where scripts and emoji
/// need them.
fn invisible(letter: char, before: Option<char>) -> bool {
    match letter {
        '\u{200c}' | '\u{200d}' => before.is_none_or(|before| before < '\u{600}'),
        '\u{ad}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{fffe}'
        | '\u{ffff}'
        | '\u{e0000}'..='\u{e007f}' => true,
        _ => letter.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cleaned(html: &str) -> String {
        let base = Url::parse("https://poda.gov.ua/news/1?x=1").unwrap();
        clean(html, Some(&base)).as_str().to_owned()
    }

    fn text(html: &str) -> String {
        plain_text(&clean(html, None))
    }

    #[test]
    fn what_runs_or_frames_or_asks_is_gone() {
        let dirty = "<p onclick=x style=y class=z>Так<script>alert(1)</script><style>p{}</style>\
            <iframe src=//x>f</iframe><svg><a xlink:href='javascript:x'>s</a></svg></p>\
            <form action=/go><input name=a><button>Go</button><p>Ні</p></form>\
            <a href='javascript:x'>a</a><a href='data:text/html,x'>b</a><img src='data:image/png;base64,AA'>";
        assert_eq!(cleaned(dirty), "<p>Так</p><p>Ні</p>ab");
    }

    #[test]
    fn a_long_document_out_of_a_word_processor_stays_whole() {
        let cells =
            "<td style='width:12pt;mso-border-alt:solid'><p class=MsoNormal>&nbsp;</p></td>"
                .repeat(8);
        let row = format!("<tr><td>Видатки на освіту\u{a0}— 5</td>{cells}</tr>");
        let table = format!("<table>{}</table><p>Голова ради</p>", row.repeat(800));
        assert!(text(&table).ends_with("Голова ради"));
    }

    #[test]
    fn addresses_become_absolute_and_lose_what_follows_people() {
        assert_eq!(
            cleaned(
                "<a href='../a?utm_source=x&id=7&fbclid=y#z'>a</a> <a href=mailto:a@b.ua>m</a>"
            ),
            "<a href=\"https://poda.gov.ua/a?id=7#z\" rel=\"noopener nofollow\">a</a> \
             <a href=\"mailto:a@b.ua\" rel=\"noopener nofollow\">m</a>"
        );
        assert_eq!(
            clean("<a href=/a>a</a> <img src=b.png>", None).as_str(),
            "a"
        );
        assert_eq!(
            cleaned("<img src=/b.png alt='Б &amp; В' width=300 height=1x0 onerror=x>"),
            "<img src=\"https://poda.gov.ua/b.png\" alt=\"Б &amp; В\" width=\"300\" loading=\"lazy\">"
        );
    }

    #[test]
    fn the_list_of_tracking_parameters_is_sorted() {
        let url = |text: &str| {
            let mut url = Url::parse(text).unwrap();
            crate::article::tracking::without_tracking(&mut url);
            url.to_string()
        };
        let names = "__hssc __hstc _openstat dclid fbclid gclid mc_cid mc_eid msclkid wickedid yclid ysclid UTM_x mtm_y pk_z";
        for name in names.split(' ') {
            assert_eq!(
                url(&format!("https://a.ua/?{name}=1")),
                "https://a.ua/",
                "{name}"
            );
        }
        assert_eq!(
            url("https://a.ua/?a=%D1&utm=1"),
            "https://a.ua/?a=%D1&utm=1"
        );
    }

    #[test]
    fn headings_step_down_and_empty_shells_and_pixels_go() {
        assert_eq!(
            cleaned(
                "<h1>Один</h1><div><p>&nbsp;</p><p><br></p><span> </span></div><p>два<b> </b>три</p>\
                <img src=/p.gif width=1 height=1>"
            ),
            "<h2>Один</h2><p>два три</p>"
        );
    }

    #[test]
    fn characters_that_xml_cannot_hold_are_removed() {
        let html = cleaned("<p title=x>a\u{1}b&#2;c\u{b}d\u{fffe}e&#13;f\0g</p>");
        assert!(
            !html.contains(|c: char| c.is_control() && c != '\n'),
            "{html:?}"
        );
    }

    #[test]
    fn plain_text_has_paragraphs_bullets_and_no_brackets() {
        let html = "<h1>Новина</h1><p>Перший  <a href='https://a.ua'>абзац</a>&nbsp;&lt;тут&gt;.</p>\
            <ul><li>один</li><li><p>два</p><ol start=3><li>а</li><li>б</li></ol></li></ul>\
            <table><tr><th>Рік</th><td>2023</td></tr><tr><td>А</td><td>Б</td></tr></table>рядок<br>другий";
        assert_eq!(
            text(html),
            "Новина\n\nПерший абзац <тут>.\n\n• один\n• два\n  3. а\n  4. б\n\nРік · 2023\nА · Б\n\nрядок\nдругий"
        );
    }

    #[test]
    fn plain_text_shows_no_captions_of_pictures_it_lacks() {
        let picture = "<p>а</p><figure><img src='https://a.ua/1.jpg'><figcaption>Фото</figcaption></figure><p>б</p>";
        assert_eq!(text(picture), "а\n\nб");
        let table =
            "<figure><figcaption>Таблиця</figcaption><table><tr><td>1</td></tr></table></figure>";
        assert_eq!(text(table), "Таблиця\n\n1");
        let item = "<ul><li><figure><figcaption>Фото</figcaption></figure>один</li></ul>";
        assert_eq!(text(item), "• один");
    }

    #[test]
    fn a_line_is_cut_on_a_word_and_says_so() {
        assert_eq!(
            one_line(" На\u{202e} Пол\u{ad}тавщині\n\u{7}ство\u{200b}рили ", 500),
            "На Полтавщині створили"
        );
        assert_eq!(
            one_line("На Полтавщині створили", 22),
            "На Полтавщині створили"
        );
        assert_eq!(one_line("На Полтавщині створили", 21), "На Полтавщині…");
        assert_eq!(one_line("На Полтавщині, створили", 15), "На Полтавщині…");
        assert_eq!(one_line("Саміт створили", 6), "Саміт…");
        assert_eq!(one_line("ПереДовгеСлово", 5), "Пере…");
        assert_eq!(one_line("аб", 0), "");
        assert_eq!(one_line("👨\u{200d}👩 a\u{200d}b", 9), "👨\u{200d}👩 ab");
    }

    #[test]
    fn a_million_nested_elements_end_nothing() {
        let run = || {
            for tag in [
                "div",
                "b",
                "blockquote",
                "table",
                "svg",
                "a",
                "ul><li",
                "font",
            ] {
                let html = format!("<{tag}>").repeat(1_000_000);
                let safe = clean(&(html + "x"), None);
                assert!(plain_text(&safe).len() < 10);
            }
        };
        let thread = std::thread::Builder::new().stack_size(2 << 20);
        thread.spawn(run).unwrap().join().unwrap();
    }

    /// A parser drops a line end there, so the next cleaning would.
    #[test]
    fn no_line_end_stands_first_in_preformatted_text() {
        for html in [
            "<pre>\n\nx",
            "<pre>&#13;x",
            "<pre>\u{1}&#13;x",
            "<pre>\u{1}\n\u{1}\nx",
            "<pre><a>\n\nx",
        ] {
            assert_eq!(cleaned(html), "<pre>x</pre>", "{html:?}");
        }
    }

    /// HTML as bad as it comes: real tags in any order, with text between.
    fn soup() -> impl Strategy<Value = String> {
        let tags = "a href=x|a href='//y.ua?utm_a=1&b'|b|i|p|div|ul|ol|li|table|tr|td|th|tbody|caption|col|colgroup|h1|h3|pre|blockquote|\
            br|hr|img src=/i.png alt='<'|svg|math|mi|title|style|script|noscript|template|form|button|select|option|font color=1|\
            details|summary|dl|dt|dd|q|section|figure|figcaption|span|nobr|frameset|body|html|head|textarea|plaintext|desc|foreignObject|!--|![CDATA[";
        let tags: Vec<&'static str> = tags.split('|').collect();
        let part = prop_oneof![
            4 => proptest::sample::select(tags.clone()).prop_map(|tag| format!("<{tag}>")),
            3 => proptest::sample::select(tags).prop_map(|tag| format!("</{}>", tag.split(' ').next().unwrap_or_default())),
            2 => proptest::sample::select(vec![" ", "x", "\n\n", "Ї ", "&amp;lt;", "&nbsp;", "-->", "]]>", "&#13;", "<", "\u{1}", "\"", ">"]).prop_map(str::to_owned),
            1 => ".{0,4}",
        ];
        proptest::collection::vec(part, 0..40).prop_map(|parts| parts.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        #[test]
        fn cleaning_what_is_clean_changes_nothing(html in soup()) {
            let once = cleaned(&html);
            prop_assert_eq!(&cleaned(&once), &once);
            let low = once.to_lowercase();
            for bad in ["<script", "<style", "<svg", "<iframe", "<form", " on", "javascript:", "<h1"] {
                prop_assert!(!low.contains(bad) || bad == " on", "{}", once);
            }
        }

        #[test]
        fn text_of_anything_is_readable(html in soup()) {
            let text = plain_text(&clean(&html, None));
            prop_assert!(!text.contains("\n\n\n"));
            prop_assert_eq!(text.trim_end(), &text);
        }

        #[test]
        fn a_line_is_one_line_and_short_enough(text in "\\PC{0,60}|[а-яї ]{0,60}|.{0,60}", most in 0_usize..40) {
            let line = one_line(&text, most);
            prop_assert!(line.chars().count() <= most);
            prop_assert!(!line.chars().any(char::is_control));
            prop_assert_eq!(one_line(&line, most), line);
        }
    }
}
