//! A sitemap as text in (sitemaps.org protocol, with Google's news and image extensions), drafts
//! known by address, and by headline and date where it is a news sitemap, out.

use url::Url;

use crate::article::Media;
use crate::article::clean;
use crate::clock::Stamp;
use crate::source::DocumentKind;
use crate::source::Draft;
use crate::source::Reading;
use crate::source::address::address;
use crate::source::dated::dated;
use crate::source::problems::Problems;
use crate::source::problems::quote;
use crate::source::xml::Element;
use crate::source::xml::Space;
use crate::source::xml::Tree;

/// Addresses of one sitemap that are read; the protocol allows 50,000.
const MOST_ADDRESSES: usize = 5000;

/// Reads a sitemap. `base` is the document's address.
pub(crate) fn read(text: &str, base: Option<&Url>, now: Stamp) -> Reading {
    let mut tree = Tree::read(text);
    let mut problems = Problems::default();
    problems.extend(std::mem::take(&mut tree.problems));
    let all = |name| {
        let elements = tree.elements();
        elements.filter(move |element| element.is(Space::Feed, name))
    };
    for child in all("sitemap") {
        let address = child
            .child(Space::Feed, "loc")
            .map(|loc| quote(&loc.text()));
        if let Some(address) = address {
            problems.add(format!(
                "this is an index of sitemaps: add {address} instead"
            ));
        }
    }
    let mut dated: Vec<_> = all("url")
        .filter(|url| url.is_whole())
        .filter_map(|element| draft(element, base, now, &mut problems))
        .collect();
    if dated.len() > MOST_ADDRESSES {
        let count = dated.len();
        problems.add(format!(
            "only the newest {MOST_ADDRESSES} of {count} addresses were read"
        ));
        dated.sort_by_key(|draft| std::cmp::Reverse(draft.published.max(draft.updated)));
        dated.truncate(MOST_ADDRESSES);
    }
    let known = all("urlset").chain(all("sitemapindex")).next().is_some();
    if !known {
        problems.add("expected a sitemap, but found none");
    }
    Reading {
        kind: known.then_some(DocumentKind::Sitemap),
        problems: problems.into_vec(),
        drafts: dated,
        ..Reading::empty()
    }
}

fn draft(
    element: Element<'_>,
    base: Option<&Url>,
    now: Stamp,
    problems: &mut Problems,
) -> Option<Draft> {
    let loc = element.child(Space::Feed, "loc")?;
    let url = match address(&loc.text(), base) {
        Ok(url) => url,
        Err(problem) => {
            problems.add(format!("an address was left out: {problem}"));
            return None;
        }
    };
    let news = element.child(Space::News, "news");
    let said = |name| {
        let text = news?.child(Space::News, name)?.text();
        Some(clean::one_line(&text, 500)).filter(|text| !text.is_empty())
    };
    let mut date = |text: Option<String>| dated(&text?, now, problems);
    let modified = element.child(Space::Feed, "lastmod");
    let publication = news.and_then(|news| news.child(Space::News, "publication"));
    let language = publication.and_then(|from| from.child(Space::News, "language"));
    Some(Draft {
        title: said("title").unwrap_or_default(),
        published: date(said("publication_date")),
        updated: date(modified.map(|date| date.text().into_owned())),
        topics: said("keywords").map_or_else(Vec::new, |words| {
            let words = words.split(',').map(|word| word.trim().to_owned());
            words.filter(|word| !word.is_empty()).collect()
        }),
        language: language.map(|tag| tag.text().trim().to_owned()),
        media: pictures(element, base),
        url: Some(url),
        ..Draft::default()
    })
}

fn pictures(element: Element<'_>, base: Option<&Url>) -> Vec<Media> {
    let images = element.all(Space::Image, "image").take(100);
    let picture = |image: Element<'_>| {
        let url = address(&image.child(Space::Image, "loc")?.text(), base).ok()?;
        let caption = image.child(Space::Image, "caption");
        let caption = caption.or_else(|| image.child(Space::Image, "title"));
        Some(Media {
            url,
            mime: None,
            length: None,
            width: None,
            height: None,
            caption: caption.map(|text| clean::one_line(&text.text(), 500)),
        })
    };
    images.filter_map(picture).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_news_sitemap_gives_headlines_and_dates() {
        let xml = "<?xml version='1.0'?><urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'
            xmlns:n='http://www.google.com/schemas/sitemap-news/0.9'><url>
            <loc>https://example.org/1</loc><n:news><n:publication><n:name>Вісник</n:name>
            <n:language>uk</n:language></n:publication>
            <n:publication_date>2023-06-26T17:07:00+03:00</n:publication_date>
            <n:title>Регіональний офіс</n:title></n:news></url>
            <url><loc>javascript:x</loc></url></urlset>";
        let reading = read(xml, None, Stamp(0));
        assert_eq!(reading.kind, Some(DocumentKind::Sitemap));
        let [draft] = reading.drafts.as_slice() else {
            panic!("expected one draft, but got {:?}", reading.drafts);
        };
        assert_eq!(draft.title, "Регіональний офіс");
        assert_eq!(draft.url.as_deref(), Some("https://example.org/1"));
        assert_eq!(draft.language.as_deref(), Some("uk"));
        let published = draft.published.map(|date| date.to_rfc3339());
        assert_eq!(published.as_deref(), Some("2023-06-26T17:07:00+03:00"));
        assert_eq!(
            reading.problems,
            ["an address was left out: expected an http or https address, but got `javascript:x`"]
        );
    }

    #[test]
    fn an_index_says_which_sitemaps_to_add() {
        let xml = "<sitemapindex><sitemap><loc>https://example.org/a.xml</loc></sitemap>";
        let reading = read(xml, None, Stamp(0));
        assert_eq!(reading.kind, Some(DocumentKind::Sitemap));
        assert!(reading.drafts.is_empty());
        assert!(reading.problems.iter().any(|problem| {
            problem == "this is an index of sitemaps: add `https://example.org/a.xml` instead"
        }));
    }
}
