//! Articles such as the sample newsroom gives, and feeds of them.

use chrono::DateTime;
use visnyk::article::Article;
use visnyk::article::ArticleId;
use visnyk::article::Attribution;
use visnyk::article::Media;
use visnyk::article::Seq;
use visnyk::article::Topic;
use visnyk::article::TopicKind;
use visnyk::article::clean::SafeHtml;
use visnyk::article::clean::clean;
use visnyk::clock::Stamp;
use visnyk::feed::Channel;
use visnyk::feed::FeedFormat;
use visnyk::feed::Fullness;
use visnyk::feed::Links;
use visnyk::feed::render;

pub(super) const LICENCE: &str = "https://creativecommons.org/licenses/by/4.0/";
/// 2023-06-26T14:10:00Z.
const TAKEN_IN: Stamp = Stamp(1_687_788_600_000);

pub(super) fn channel(base_url: &str, path: &str) -> Channel {
    let links = Links::new(base_url, "news.example", 2026);
    Channel {
        id: links.feed_id("all"),
        title: "Новини Полтавщини".to_owned(),
        description: "Усі новини обласної військової адміністрації".to_owned(),
        publisher: "Полтавська ОВА".to_owned(),
        language: "uk".to_owned(),
        home_url: links.to("/"),
        self_url: links.to(path),
        licence: Some(LICENCE.to_owned()),
        rights: Some("Полтавська ОВА, CC BY 4.0".to_owned()),
        updated: TAKEN_IN,
        ttl_minutes: 15,
        topics: Vec::new(),
        icon: Some(links.to("/icon.png")),
        hub: None,
        prev_archive: None,
        archive: None,
        links,
    }
}

pub(super) fn headline(number: i64, title: &str) -> Article {
    Article {
        id: ArticleId(number),
        seq: Seq(number),
        revision: 1,
        title: title.to_owned(),
        summary: String::new(),
        html: SafeHtml::default(),
        text: String::new(),
        url: format!("https://poda.example/news/{number}").parse().ok(),
        published: DateTime::parse_from_rfc3339("2023-06-26T00:00:00+03:00").ok(),
        published_at: TAKEN_IN,
        changed_at: TAKEN_IN,
        authors: Vec::new(),
        topics: Vec::new(),
        media: Vec::new(),
        pictures: visnyk::article::picture::Pictures::default(),
        language: "uk".to_owned(),
        licence: None,
        source: Some(Attribution {
            name: "Полтавська ОВА".to_owned(),
            url: "https://poda.example/news".to_owned(),
        }),
    }
}

/// Known only by headline and date, as most of the newsroom's lists are.
pub(super) fn headlines() -> Vec<Article> {
    let titles = [
        "«Діалог влади та бізнесу»: Володимир Когут провів зустріч із підприємцями",
        "Корисні новини від ДУ «Офіс з розвитку підприємництва та експорту»: стартує набір компаній на міжнародну програму «Export to Sweden 2.0»",
        "Синоптики попередили про туман",
    ];
    let numbered = titles.iter().zip(2..);
    numbered
        .map(|(title, number)| headline(number, title))
        .collect()
}

/// The press release: departments, tags, a gallery.
pub(super) fn press_release() -> Article {
    let body = "<p>Офіс діятиме при Полтавській облвійсьбкадміністрації.</p>\
        <p>«Офіс – вікно для міжнародних партнерів», – зауважив Дмитро Мандріков.</p>";
    let (department, tag) = (TopicKind::Department, TopicKind::Topic);
    Article {
        html: clean(body, None),
        text: "Офіс діятиме при Полтавській облвійсьбкадміністрації.\n\n\
            «Офіс – вікно для міжнародних партнерів», – зауважив Дмитро Мандріков."
            .to_owned(),
        published: DateTime::parse_from_rfc3339("2023-06-26T17:07:00+03:00").ok(),
        authors: vec!["Пресслужба ПОВА".to_owned()],
        topics: vec![
            topic(
                department,
                "komunikatsii",
                "Департамент інформаційної діяльності та комунікацій з громадськістю",
            ),
            topic(
                department,
                "ekonomichnyi-rozvytok",
                "Департамент економічного розвитку, торгівлі та залучення інвестицій",
            ),
            topic(tag, "ekonomika", "економіка"),
            topic(tag, "yevrointehratsiia", "євроінтеграція"),
            topic(
                tag,
                "rehionalnyi-ofis",
                "Регіональний офіс міжнародного співробітництва",
            ),
        ],
        media: vec![
            picture("https://poda.example/gallery/1.jpg", Some(48_213)),
            picture("https://poda.example/gallery/2.jpg", None),
        ],
        licence: Some(LICENCE.to_owned()),
        ..headline(
            1,
            "На Полтавщині створили Регіональний офіс міжнародного співробітництва",
        )
    }
}

pub(super) fn topic(kind: TopicKind, slug: &str, name: &str) -> Topic {
    Topic {
        kind,
        slug: slug.to_owned(),
        name: name.to_owned(),
    }
}

fn picture(url: &str, length: Option<u64>) -> Media {
    Media {
        url: url.to_owned(),
        mime: Some("image/jpeg".to_owned()),
        length,
        width: Some(1200),
        height: Some(800),
        caption: Some("Підписання розпорядження".to_owned()),
    }
}

pub(super) fn everything() -> Vec<Article> {
    let mut all = vec![press_release()];
    all.extend(headlines());
    all
}

pub(super) fn rendered(format: FeedFormat, articles: &[Article], fullness: Fullness) -> String {
    let path = format!("/feed.{}", format.extension());
    let channel = channel("https://news.example", &path);
    String::from_utf8(render(format, &channel, articles, fullness).unwrap()).unwrap()
}
