//! A sample newsroom for `visnyk demo`: a small site of 13 pieces of news, made from one page of
//! a real portal. In goes the page's text, out come HTML pages as such portals have them, which
//! our own listing reader then reads like any stranger's. Never invents news: where only a
//! headline and a date are known, the page has no more.
//!
//! The text is © Полтавська обласна військова адміністрація, CC BY 4.0; the pictures are drawn
//! here.

mod picture;
mod seed;

use std::future::ready;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use bytes::Bytes;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::source::Selectors;

use seed::{News, Seed};

/// The licence of the text, as `rel=license` names it.
pub const LICENCE: &str = "https://creativecommons.org/licenses/by/4.0/";

const TEMPLATES: [(&str, &str); 3] = [
    ("layout.html", include_str!("layout.html")),
    ("listing.html", include_str!("listing.html")),
    ("article.html", include_str!("article.html")),
];

/// Where things stand on the newsroom's pages, for adding it as a source of kind `listing`. The
/// headline is a link on the listing, and the heading on an article's own page.
pub fn selectors() -> Selectors {
    let css = |text: &str| Some(text.to_owned());
    Selectors {
        item: css(".news > li"),
        link: css("a"),
        title: css(".news a, h1"),
        date: css(".date"),
        summary: None,
        body: css(".article-body"),
        topics: css(".tags li"),
        departments: css(".departments li"),
        image: css(".gallery img"),
    }
}

/// The newsroom's site: `/` and `/news` list everything, `/news/{slug}` is one article,
/// `/pictures/{n}.png` the gallery.
#[expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "text and templates are part of the program, and a test renders them all"
)]
pub fn router() -> Router {
    let pages = pages(&Seed::embedded()).expect("the newsroom's own templates render");
    let pictures = [picture::field(), picture::waves()];
    let pictures = (1..).zip(pictures).map(|(n, png)| {
        let path = format!("/pictures/{n}.png");
        (path, "image/png", png)
    });
    pages
        .into_iter()
        .chain(pictures)
        .fold(Router::new(), |router, (path, content_type, body)| {
            let answer = move || ready(([(CONTENT_TYPE, content_type)], body.clone()));
            router.route(&path, get(answer))
        })
}

/// Serves the newsroom until `stop`.
pub async fn serve(listener: TcpListener, stop: CancellationToken) {
    let served = axum::serve(listener, router())
        .with_graceful_shutdown(stop.cancelled_owned())
        .await;
    if let Err(problem) = served {
        tracing::error!(%problem, "newsroom.failed");
    }
}

/// Path, content type and body of each page.
type Page = (String, &'static str, Bytes);

/// What a template is given; `article` is the page's own, none on the listing.
#[derive(Serialize)]
struct View<'a> {
    seed: &'a Seed,
    news: &'a [&'a News],
    article: Option<&'a News>,
    licence: &'static str,
}

fn pages(seed: &Seed) -> Result<Vec<Page>, minijinja::Error> {
    let templates = templates()?;
    let news: Vec<&News> = seed.newest_first().collect();
    let html = |path: String, template, article| {
        let view = View {
            seed,
            news: &news,
            article,
            licence: LICENCE,
        };
        let text = templates.get_template(template)?.render(Serde(view))?;
        Ok((path, "text/html; charset=utf-8", Bytes::from(text)))
    };
    let listings = ["/", "/news"]
        .into_iter()
        .map(|path| html(path.to_owned(), "listing.html", None));
    let articles = news
        .iter()
        .map(|one| html(format!("/news/{}", one.slug), "article.html", Some(*one)));
    listings.chain(articles).collect()
}

fn templates() -> Result<Environment<'static>, minijinja::Error> {
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    for (name, text) in TEMPLATES {
        templates.add_template(name, text)?;
    }
    Ok(templates)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::LazyLock;

    use axum::body::Body;
    use axum::http::{Request, StatusCode};
    use http_body_util::BodyExt;
    use scraper::{ElementRef, Html, Selector};
    use tower::ServiceExt;

    use super::*;

    static SITE: LazyLock<Router> = LazyLock::new(router);

    async fn get(path: &str) -> (StatusCode, Bytes) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = SITE.clone().oneshot(request).await.unwrap();
        let status = answer.status();
        (
            status,
            answer.into_body().collect().await.unwrap().to_bytes(),
        )
    }

    async fn page(path: &str) -> Html {
        let (status, body) = get(path).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        Html::parse_document(std::str::from_utf8(&body).unwrap())
    }

    fn texts(of: ElementRef<'_>, css: &str) -> Vec<String> {
        of.select(&Selector::parse(css).unwrap())
            .map(|found| found.text().collect::<String>().trim().to_owned())
            .collect()
    }

    fn attributes(page: &Html, css: &str, name: &str) -> Vec<String> {
        page.select(&Selector::parse(css).unwrap())
            .filter_map(|found| found.attr(name).map(str::to_owned))
            .collect()
    }

    async fn links() -> Vec<String> {
        attributes(&page("/").await, ".news > li a", "href")
    }

    #[tokio::test]
    async fn the_listing_holds_thirteen_items_each_with_link_headline_and_date() {
        let selectors = selectors();
        for path in ["/", "/news"] {
            let page = page(path).await;
            let items = Selector::parse(&selectors.item.clone().unwrap()).unwrap();
            let items: Vec<_> = page.select(&items).collect();
            assert_eq!(items.len(), 13);
            for item in items {
                assert_eq!(texts(item, selectors.link.as_deref().unwrap()).len(), 1);
                assert_eq!(texts(item, selectors.date.as_deref().unwrap()).len(), 1);
            }
        }
    }

    #[tokio::test]
    async fn the_dates_are_those_of_the_seed_newest_first() {
        let dates = texts(page("/").await.root_element(), ".news .date");
        let mut expected = vec!["18/12/2025"; 9];
        expected.push("26 червня 2023, 17:07");
        expected.extend(["26/06/2023"; 3]);
        assert_eq!(dates, expected);
    }

    #[tokio::test]
    async fn the_headline_is_picked_on_the_listing_and_on_each_page() {
        let css = selectors().title.unwrap();
        let listing = page("/").await;
        let items = Selector::parse(".news > li").unwrap();
        let listed: Vec<_> = listing.select(&items).map(|li| texts(li, &css)).collect();
        for (link, listed) in links().await.iter().zip(listed) {
            let picked = texts(page(link).await.root_element(), &css);
            assert_eq!(picked, listed, "{link}");
        }
    }

    #[tokio::test]
    async fn one_headline_on_two_dates_is_two_articles() {
        let page = page("/").await;
        let titles = texts(page.root_element(), ".news a");
        let distinct: BTreeSet<_> = titles.iter().collect();
        assert_eq!((titles.len(), distinct.len()), (13, 12));
        let links: BTreeSet<_> = links().await.into_iter().collect();
        assert_eq!(links.len(), 13);
    }

    #[tokio::test]
    async fn the_press_release_is_there_in_full() {
        let page = page("/news/rehionalnyi-ofis").await;
        let selectors = selectors();
        let root = page.root_element();
        let found = |css: Option<String>| texts(root, &css.unwrap());
        let title = "На Полтавщині створили Регіональний офіс міжнародного співробітництва";
        assert_eq!(texts(root, "h1"), [title]);
        assert_eq!(found(selectors.date), ["26 червня 2023, 17:07"]);
        let departments = found(selectors.departments);
        assert_eq!(departments.len(), 2);
        assert!(departments[1].starts_with("Департамент економічного розвитку, торгівлі"));
        let tags = [
            "економіка",
            "євроінтеграція",
            "Регіональний офіс міжнародного співробітництва",
        ];
        assert_eq!(found(selectors.topics), tags);
        let paragraphs = texts(root, ".article-body p");
        assert_eq!(paragraphs.len(), 5);
        assert!(paragraphs[0].starts_with("Офіс діятиме при"));
        assert!(paragraphs[4].ends_with("запрацювати за два тижні."));
        let captions = attributes(&page, ".gallery img", "alt");
        assert_eq!(captions, [format!("{title} (1)"), format!("{title} (2)")]);
    }

    #[tokio::test]
    async fn the_boxes_stand_outside_the_article() {
        let page = page("/news/rehionalnyi-ofis").await;
        let root = page.root_element();
        assert_eq!(texts(root, ".related li").len(), 3);
        assert_eq!(texts(root, ".latest li").len(), 9);
        assert!(texts(root, "article .related, article .latest").is_empty());
        let body = texts(root, ".article-body").concat();
        for stranger in ["Поділитись", "Казахстан", "Синоптики", "Теги"]
        {
            assert!(!body.contains(stranger), "{stranger}");
        }
    }

    #[tokio::test]
    async fn a_headline_gets_a_page_with_its_date_and_nothing_invented() {
        for link in links().await {
            let page = page(&link).await;
            let root = page.root_element();
            assert_eq!(texts(root, "article h1").len(), 1, "{link}");
            assert_eq!(texts(root, "article .date").len(), 1, "{link}");
            let bodies = texts(root, ".article-body, .departments, .tags, .gallery").len();
            assert_eq!(bodies, if link.ends_with("ofis") { 4 } else { 0 }, "{link}");
        }
    }

    #[tokio::test]
    async fn every_page_is_well_formed_and_names_its_licence_and_author() {
        let mut paths = links().await;
        paths.push("/".to_owned());
        for path in paths {
            let page = page(&path).await;
            assert_eq!(page.errors, Vec::<String>::new(), "{path}");
            assert_eq!(attributes(&page, "html", "lang"), ["uk"]);
            assert_eq!(attributes(&page, "a[rel=license]", "href"), [LICENCE]);
            let footer = texts(page.root_element(), "footer").concat();
            assert!(footer.contains("ПОЛТАВСЬКА ОБЛАСНА ВІЙСЬКОВА АДМІНІСТРАЦІЯ"));
            assert!(footer.contains("36014, Полтава,вулиця Соборності, 45"));
        }
    }

    #[tokio::test]
    async fn every_link_and_picture_of_our_own_is_there() {
        for path in links().await {
            let page = page(&path).await;
            let mut targets = attributes(&page, "a", "href");
            targets.extend(attributes(&page, "img", "src"));
            for target in targets.iter().filter(|target| target.starts_with('/')) {
                assert_eq!(get(target).await.0, StatusCode::OK, "{target}");
            }
        }
        assert_eq!(get("/news/none").await.0, StatusCode::NOT_FOUND);
    }
}
