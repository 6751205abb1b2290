//! Pages in, a sitemap out (sitemaps.org protocol 0.9, with Google's news extension): where search
//! engines find them all.

use chrono::DateTime;
use chrono::FixedOffset;
use chrono::SecondsFormat;
use quick_xml::escape::escape;

use crate::clock::Stamp;
use crate::feed::legal::legal;

/// The most pages that one sitemap may hold.
pub const MOST_PAGES: usize = 50_000;

/// A page that search engines should know.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// Its address.
    pub url: String,
    /// When it last changed, if that is known.
    pub changed: Option<Stamp>,
    /// What it says of itself while it is news.
    pub news: Option<News>,
}

/// An article of the last two days.
#[derive(Debug, Clone, PartialEq)]
pub struct News {
    /// Who publishes it.
    pub publication: String,
    /// BCP 47 tag.
    pub language: String,
    /// The date people see.
    pub date: DateTime<FixedOffset>,
    /// Plain text.
    pub title: String,
}

impl Page {
    /// A page of which nothing more is known.
    pub fn at(url: String) -> Self {
        Self {
            url,
            changed: None,
            news: None,
        }
    }
}

/// Writes the first [`MOST_PAGES`] of `pages`.
pub fn write(pages: impl IntoIterator<Item = Page>) -> Vec<u8> {
    let pages = pages.into_iter().take(MOST_PAGES);
    let pages: String = pages.map(|one| page(&one)).collect();
    let head = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
        <urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\" \
        xmlns:news=\"http://www.google.com/schemas/sitemap-news/0.9\">\n";
    format!("{head}{pages}</urlset>\n").into_bytes()
}

/// Writes where sitemaps are.
pub fn index(maps: &[String]) -> Vec<u8> {
    let maps: Vec<String> = maps.iter().map(|url| map(url)).collect();
    let maps = maps.concat();
    let head = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
        <sitemapindex xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n";
    format!("{head}{maps}</sitemapindex>\n").into_bytes()
}

fn map(url: &str) -> String {
    format!("<sitemap><loc>{}</loc></sitemap>\n", escape(url))
}

fn page(page: &Page) -> String {
    let changed = page
        .changed
        .map(|moment| moment.utc().to_rfc3339_opts(SecondsFormat::Secs, true))
        .map(|moment| format!("<lastmod>{moment}</lastmod>"))
        .unwrap_or_default();
    let news = page.news.as_ref().map(news).unwrap_or_default();
    format!(
        "<url><loc>{}</loc>{changed}{news}</url>\n",
        escape(page.url.as_str())
    )
}

fn news(news: &News) -> String {
    let words = |text: &str| escape(legal(text)).into_owned();
    let main = news.language.split('-').next().unwrap_or_default();
    format!(
        "<news:news><news:publication><news:name>{}</news:name><news:language>{}</news:language>\
         </news:publication><news:publication_date>{}</news:publication_date>\
         <news:title>{}</news:title></news:news>",
        words(&news.publication),
        words(main),
        news.date.to_rfc3339_opts(SecondsFormat::Secs, true),
        words(&news.title),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_its_address_and_the_moment_it_changed() {
        let pages = [
            Page::at("https://news.example/?a=1&b=2".to_owned()),
            Page {
                changed: Some(Stamp(1_687_788_420_123)),
                ..Page::at("https://news.example/articles/1".to_owned())
            },
        ];
        let map = String::from_utf8(write(pages)).unwrap();
        assert!(map.contains("<url><loc>https://news.example/?a=1&amp;b=2</loc></url>"));
        assert!(map.contains("/articles/1</loc><lastmod>2023-06-26T14:07:00Z</lastmod></url>"));
    }

    #[test]
    fn news_say_what_they_are() {
        let page = Page {
            news: Some(News {
                publication: "Вісник".to_owned(),
                language: "uk-UA".to_owned(),
                date: DateTime::parse_from_rfc3339("2023-06-26T17:07:00+03:00").unwrap(),
                title: "Офіс & <міст>\u{8}".to_owned(),
            }),
            ..Page::at("https://news.example/articles/1".to_owned())
        };
        let map = String::from_utf8(write([page])).unwrap();
        assert!(map.contains("<news:language>uk</news:language>"));
        assert!(
            map.contains(
                "<news:publication_date>2023-06-26T17:07:00+03:00</news:publication_date>"
            )
        );
        assert!(map.contains("<news:title>Офіс &amp; &lt;міст&gt;</news:title>"));
    }

    #[test]
    fn no_more_pages_than_the_protocol_allows() {
        let pages = (0..60_000).map(|number| Page::at(format!("https://news.example/{number}")));
        let map = String::from_utf8(write(pages)).unwrap();
        assert_eq!(map.matches("<loc>").count(), MOST_PAGES);
    }
}
