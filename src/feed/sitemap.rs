//! Pages in, a sitemap out (sitemaps.org protocol 0.9): where search engines find them all.

use chrono::SecondsFormat;
use quick_xml::escape::escape;

use crate::clock::Stamp;

/// The most pages that one sitemap may hold.
pub const MOST_PAGES: usize = 50_000;

/// Writes the first [`MOST_PAGES`] of `pages`, each with when it last changed.
pub fn write(pages: impl IntoIterator<Item = (String, Option<Stamp>)>) -> Vec<u8> {
    let pages = pages.into_iter().take(MOST_PAGES);
    let pages: String = pages.map(|(url, changed)| page(&url, changed)).collect();
    let head = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
        <urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n";
    format!("{head}{pages}</urlset>\n").into_bytes()
}

fn page(url: &str, changed: Option<Stamp>) -> String {
    let changed = changed
        .map(|moment| moment.utc().to_rfc3339_opts(SecondsFormat::Secs, true))
        .map(|moment| format!("<lastmod>{moment}</lastmod>"))
        .unwrap_or_default();
    format!("<url><loc>{}</loc>{changed}</url>\n", escape(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_its_address_and_the_moment_it_changed() {
        let pages = [
            ("https://news.example/?a=1&b=2".to_owned(), None),
            (
                "https://news.example/articles/1".to_owned(),
                Some(Stamp(1_687_788_420_123)),
            ),
        ];
        let map = String::from_utf8(write(pages)).unwrap();
        assert!(map.contains("<url><loc>https://news.example/?a=1&amp;b=2</loc></url>"));
        assert!(map.contains("/articles/1</loc><lastmod>2023-06-26T14:07:00Z</lastmod></url>"));
    }

    #[test]
    fn no_more_pages_than_the_protocol_allows() {
        let map = write((0..60_000).map(|number| (format!("https://news.example/{number}"), None)));
        let map = String::from_utf8(map).unwrap();
        assert_eq!(map.matches("<loc>").count(), MOST_PAGES);
    }
}
