//! What templates can do: the environment of minijinja with its limits, filters and functions.
//!
//! Templates print and choose; they reach no file, no network and no environment. Everything is
//! escaped in `.html.j2` but [`SafeHtml`](crate::article::clean::SafeHtml): there is no `safe`
//! filter. Fuel bounds both the steps and the memory of one rendering.

use std::sync::Arc;

use chrono::DateTime;
use chrono::FixedOffset;
use chrono::NaiveDate;
use minijinja::AutoEscape;
use minijinja::Environment;
use minijinja::Error;
use minijinja::ErrorKind;
use minijinja::State;
use minijinja::UndefinedBehavior;
use minijinja::Value;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Kwargs;
use url::Url;

use crate::locale::Language;
use crate::templates::words::Words;

/// Steps of one rendering, and 64 bytes of memory for each: a digest of 100 articles takes less
/// than a tenth.
const FUEL: u64 = 200_000;

/// Characters of a line of plain text.
const WIDTH: usize = 72;

/// An environment without templates, speaking `words`.
pub(super) fn environment(words: Arc<Words>) -> Environment<'static> {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_fuel(Some(FUEL));
    env.set_debug(false);
    env.set_syntax(
        SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build()
            .unwrap_or_default(),
    );
    env.set_auto_escape_callback(|name| {
        if name.ends_with(".html.j2") {
            AutoEscape::Html
        } else {
            AutoEscape::None
        }
    });
    env.set_formatter(|out, state, value| {
        if matches!(state.auto_escape(), AutoEscape::None) || value.is_safe() {
            return write!(out, "{value}").map_err(Error::from);
        }
        match value.as_str() {
            Some(text) => escape(out, text),
            None => escape(out, &value.to_string()),
        }
    });
    env.remove_filter("safe");
    env.add_function("t", move |state: &mut State, key: &str, fill: Kwargs| {
        say(&words, language(state)?, key, &fill)
    });
    for (name, date) in DATES {
        env.add_filter(*name, move |state: &mut State, text: &str| {
            Ok::<_, Error>(date(language(state)?, &moment(text)?))
        });
    }
    env.add_filter("until", |state: &mut State, first: &str, last: &str| {
        Ok::<_, Error>(language(state)?.range(&moment(first)?, &moment(last)?))
    });
    env.add_filter("number", |state: &mut State, number: u64| {
        Ok::<_, Error>(language(state)?.number(number))
    });
    env.add_filter("safe_url", safe_url);
    env.add_filter("in_language", in_language);
    env.add_filter("wrap", |text: &str| wrap(text, WIDTH));
    env
}

type InWords = fn(Language, &DateTime<FixedOffset>) -> String;

/// Filters over dates, by name.
const DATES: &[(&str, InWords)] = &[
    ("date", |language, moment| language.date(moment)),
    ("date_time", |language, moment| language.date_time(moment)),
    ("day", |language, moment| language.day(moment)),
    ("long_date", |language, moment| language.long_date(moment)),
];

/// HTML's five special characters; `/` stays, so that addresses stay legible.
fn escape(out: &mut minijinja::Output, text: &str) -> Result<(), Error> {
    let mut rest = text;
    while let Some((before, special, after)) = next_special(rest) {
        out.write_str(before)?;
        out.write_str(special)?;
        rest = after;
    }
    out.write_str(rest).map_err(Error::from)
}

fn next_special(text: &str) -> Option<(&str, &'static str, &str)> {
    let at = text.find(['&', '<', '>', '"', '\''])?;
    let (before, rest) = text.split_at(at);
    let mut after = rest.chars();
    let special = match after.next()? {
        '&' => "&amp;",
        '<' => "&lt;",
        '>' => "&gt;",
        '"' => "&quot;",
        _ => "&#39;",
    };
    Some((before, special, after.as_str()))
}

/// The language of this rendering.
fn language(state: &State) -> Result<Language, Error> {
    let value = state.lookup("language");
    value
        .as_ref()
        .and_then(Value::as_str)
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| bad("expected a language in the context, but got none"))
}

/// `t("key", count=5, site=site.name)`, and `t("cadence", of=page.cadence)` for the word
/// `cadence.daily` and its like.
fn say(words: &Words, language: Language, key: &str, fill: &Kwargs) -> Result<String, Error> {
    let mut count = None;
    let mut key = key.to_owned();
    let mut filled = Vec::new();
    for name in fill.args() {
        let value: Value = fill.get(name)?;
        match name {
            "count" => count = Some(u64::try_from(value)?),
            "of" => key = format!("{key}.{value}"),
            _ => filled.push((name, value.to_string())),
        }
    }
    words.say(language, &key, count, &filled).map_err(bad)
}

/// Dates travel through contexts as RFC 3339, or as a day alone.
fn moment(text: &str) -> Result<DateTime<FixedOffset>, Error> {
    DateTime::parse_from_rfc3339(text).or_else(|_| {
        text.parse::<NaiveDate>()
            .map(|day| day.and_time(chrono::NaiveTime::MIN).and_utc().into())
            .map_err(|_| bad(format!("expected a date, but got `{text}`")))
    })
}

/// The address if it is http, https or mailto, else `#`: autoescape doesn't stop `javascript:`.
fn safe_url(address: &str) -> String {
    match Url::parse(address.trim()) {
        Ok(url) if matches!(url.scheme(), "http" | "https" | "mailto") => address.trim().to_owned(),
        _ => "#".to_owned(),
    }
}

/// The same page in another language: `?l=` set, all else in the query kept.
fn in_language(path: &str, language: &str) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let kept = url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != "l");
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(kept)
        .append_pair("l", language)
        .finish();
    format!("{path}?{query}")
}

/// Breaks lines at white space so that they have at most `width` characters. A word longer than
/// that, such as an address, stays whole.
fn wrap(text: &str, width: usize) -> String {
    let lines: Vec<String> = text.lines().map(|line| wrap_line(line, width)).collect();
    lines.join("\n")
}

fn wrap_line(line: &str, width: usize) -> String {
    let mut wrapped = String::with_capacity(line.len());
    let mut length = 0;
    for word in line.split_whitespace() {
        let more = word.chars().count();
        if length > 0 && length + 1 + more > width {
            wrapped.push('\n');
            length = 0;
        } else if length > 0 {
            wrapped.push(' ');
            length += 1;
        }
        wrapped.push_str(word);
        length += more;
    }
    wrapped
}

fn bad(detail: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, detail.into())
}

/// The keys that a template's source says with `t("…")`, each with its line.
pub(super) fn words_said(source: &str) -> Vec<(usize, &str)> {
    let mut said = Vec::new();
    for (number, line) in source.lines().enumerate() {
        let mut pieces = line.split("t(\"");
        let mut before = pieces.next().unwrap_or_default();
        for piece in pieces {
            let is_call = !before.ends_with(|last: char| last.is_alphanumeric() || last == '_');
            if let Some((key, _)) = piece.split_once('"')
                && is_call
            {
                said.push((number + 1, key));
            }
            before = piece;
        }
    }
    said
}

/// Bytes of one tag that an owner writes. The engine bounds how deep brackets and blocks may be, but
/// `not not not …` and `1+1+1+…` take stack, and time for each pair of operators.
const MOST_TAG: usize = 4 * 1024;

/// The line of a tag that is too long to be taken apart, or that hides where others end; and why.
pub(super) fn unbounded(source: &str) -> Option<(usize, String)> {
    let mut at = 0;
    while let Some((start, tag)) = next_tag(source.as_bytes(), at) {
        let line = || {
            1 + source
                .bytes()
                .take(start)
                .filter(|byte| *byte == b'\n')
                .count()
        };
        let inside = tag.get(2..).unwrap_or_default();
        let inside = inside
            .strip_prefix(b"-")
            .or(inside.strip_prefix(b"+"))
            .unwrap_or(inside);
        if tag.starts_with(b"{%") && inside.trim_ascii_start().starts_with(b"raw") {
            return Some((line(), "expected no `raw`, but got one".to_owned()));
        }
        if tag.len() > MOST_TAG && !tag.starts_with(b"{#") {
            let got = tag.len();
            let reason = format!("expected a tag of at most {MOST_TAG} bytes, but got {got}");
            return Some((line(), reason));
        }
        at = start + tag.len();
    }
    None
}

/// The first tag that begins at or after a place: where it begins, and all of it.
fn next_tag(source: &[u8], from: usize) -> Option<(usize, &[u8])> {
    let rest = source.get(from..)?;
    let starts = |pair: &[u8]| matches!(pair, b"{{" | b"{%" | b"{#");
    let start = rest.windows(2).position(starts)?;
    let tag = rest.get(start..)?;
    Some((from + start, tag.get(..tag_length(tag))?))
}

/// A tag ends where its brackets are closed, outside of strings.
fn tag_length(tag: &[u8]) -> usize {
    if tag.starts_with(b"{#") {
        let end = tag.windows(2).position(|pair| pair == b"#}");
        return end.map_or(tag.len(), |end| end + 2);
    }
    let end: &[u8] = if tag.starts_with(b"{{") { b"}}" } else { b"%}" };
    let (mut open, mut quote, mut at) = (0_i64, None, 2);
    while let Some(byte) = tag.get(at).copied() {
        match (quote, byte) {
            (Some(_), b'\\') => at += 1,
            (Some(begun), _) if begun == byte => quote = None,
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, _) if open == 0 && tag.get(at..at + 2) == Some(end) => return at + 2,
            (None, b'(' | b'[' | b'{') => open += 1,
            (None, b')' | b']' | b'}') => open -= 1,
            _ => {}
        }
        at += 1;
    }
    tag.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_measured_to_its_end() {
        for (source, tag) in [
            ("<p>{{ a }}</p>", "{{ a }}"),
            ("{{ '}}' }}}}", "{{ '}}' }}"),
            ("{{ '\\'}}' }} '", "{{ '\\'}}' }}"),
            ("{{ {'a': {}} }}-", "{{ {'a': {}} }}"),
            ("{% if a == '%}' %}{% endif %}", "{% if a == '%}' %}"),
            ("{# {{ ' #}{{ a }}", "{# {{ ' #}"),
            ("{{ a", "{{ a"),
        ] {
            let (_, found) = next_tag(source.as_bytes(), 0).unwrap();
            assert_eq!(String::from_utf8_lossy(found), tag);
        }
        assert_eq!(unbounded("{{ a }}\n{# long #}{% set a = 'raw' %}"), None);
        let deep = format!("{{{{ a }}}}\n\n{{{{ {}1 }}}}", "not ".repeat(2_000));
        assert_eq!(unbounded(&deep).unwrap().0, 3);
        let hidden = "\n{%- raw %}{{ '{% endraw %}";
        assert_eq!(unbounded(hidden).unwrap().0, 2);
    }

    fn render(source: &str, name: &str, value: &str) -> Result<String, Error> {
        let mut words = Words::default();
        words
            .add(Language::Uk, "uk.toml", "hello = 'Вітаємо, {name}!'")
            .unwrap();
        let env = environment(Arc::new(words));
        env.render_named_str(
            name,
            source,
            minijinja::context! { language => "uk", value },
        )
    }

    #[test]
    fn what_is_printed_into_html_is_escaped_and_text_is_not() {
        let hostile = "<b title='x'>\"R&D\"</b>";
        let html = render("{{ value }}", "a.html.j2", hostile).unwrap();
        assert_eq!(
            html,
            "&lt;b title=&#39;x&#39;&gt;&quot;R&amp;D&quot;&lt;/b&gt;"
        );
        assert_eq!(render("{{ value }}", "a.txt.j2", hostile).unwrap(), hostile);
        let said = render("{{ t(\"hello\", name=value) }}", "a.html.j2", "<i>").unwrap();
        assert_eq!(said, "Вітаємо, &lt;i&gt;!");
        assert!(render("{{ value|safe }}", "a.html.j2", hostile).is_err());
    }

    #[test]
    fn only_addresses_that_do_no_harm_become_links() {
        for good in ["https://example.org/a?b=1", "http://a.ua", "mailto:a@b.ua"] {
            assert_eq!(safe_url(good), good);
        }
        for bad in [
            "javascript:alert(1)",
            " JavaScript:1",
            "data:text/html,x",
            "/a",
            "",
            "//a.ua",
        ] {
            assert_eq!(safe_url(bad), "#", "{bad}");
        }
    }

    #[test]
    fn dates_are_said_in_the_language_of_the_page() {
        let date = "2023-06-26T17:07:00+03:00";
        let said = |source| render(source, "a.txt.j2", date).unwrap();
        assert_eq!(said("{{ value|date_time }}"), "26 червня 2023 р., 17:07");
        assert_eq!(
            said("{{ '2023-06-21'|until(value) }}"),
            "21–26 червня 2023 р."
        );
        assert!(render("{{ 'вчора'|date }}", "a.txt.j2", "").is_err());
    }

    #[test]
    fn no_template_can_eat_the_memory_or_the_time() {
        for greedy in [
            "{{ 'a' * 100000000 }}",
            "{% for a in range(999999999) %}{% endfor %}",
            "{% set ns = namespace(x='aaaaaaaaaaaaaaaa') %}{% for i in range(40) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
            "{% macro m(x) %}{{ x }}{{ x }}{% endmacro %}{% set ns = namespace(x='aaaaaaaaaaaaaaaa') %}{% for i in range(40) %}{% set ns.x = m(ns.x) %}{% endfor %}",
            "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        ] {
            assert!(render(greedy, "a.txt.j2", "").is_err(), "{greedy}");
        }
    }

    #[test]
    fn the_other_language_keeps_the_query() {
        assert_eq!(in_language("/topics", "en"), "/topics?l=en");
        assert_eq!(
            in_language("/search?q=a%26b&l=uk", "en"),
            "/search?q=a%26b&l=en"
        );
    }

    #[test]
    fn keys_said_are_found_with_their_lines() {
        let source = "{{ t(\"a.b\") }}\n{% if x %}{{ t(\"c\", of=x) }}{{ start(\"no\") }}";
        assert_eq!(words_said(source), [(1, "a.b"), (2, "c")]);
    }

    proptest::proptest! {
        #[test]
        fn wrapping_loses_no_word_and_keeps_the_width(text in "[а-яіїє ]{0,300}") {
            let wrapped = wrap(&text, 30);
            let words: Vec<&str> = wrapped.split_whitespace().collect();
            let before: Vec<&str> = text.split_whitespace().collect();
            proptest::prop_assert_eq!(words, before);
            for line in wrapped.lines() {
                let one_word = line.split_whitespace().count() == 1;
                proptest::prop_assert!(one_word || line.chars().count() <= 30, "{}", line);
            }
        }
    }
}
