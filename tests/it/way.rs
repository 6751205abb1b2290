//! The way of one article and of one letter, from end to end: read this first.
//!
//! A site publishes a press release. A citizen has asked for news, and has pressed the button in
//! the letter that came. Visnyk reads the site, publishes the feed, cuts the digest when its hour
//! comes, and hands the letter to a mail server. Then the citizen leaves with one click. Site and
//! mail server are real ones on loopback, made by `support`; time is moved by hand.

use chrono::TimeDelta;
use mail_parser::Message;
use mail_parser::MessageParser;
use visnyk::access::Purpose;
use visnyk::audience::sign_up;
use visnyk::delivery::mailer::Mailer;
use visnyk::source::Selectors;
use visnyk::source::SourceKind;
use visnyk::store;
use visnyk::store::article::View;
use visnyk::store::source::NewSource;

use crate::support::app::TestApp;
use crate::support::mail_server::MailServer;
use crate::support::mail_server::Script;
use crate::support::origin::Origin;
use crate::support::origin::Reply;
use crate::support::origin::answer;

const LISTING: &str = r#"<!doctype html><html lang="uk"><title>Новини</title>
<ul class="news"><li><a href="/news/office">Створили Регіональний офіс</a> <span class="date">26 червня 2023, 17:07</span></li></ul>"#;

const PAGE: &str = r#"<!doctype html><html lang="uk"><title>Створили Регіональний офіс</title>
<main><article><h1>Створили Регіональний офіс</h1><p class="date">26 червня 2023, 17:07</p>
<ul class="departments"><li>Департамент економіки</li></ul>
<div class="body"><p>Офіс діятиме при Полтавській облвійськадміністрації.</p><script>alert(1)</script></div>
<ul class="tags"><li>економіка</li><li>євроінтеграція</li></ul></article></main>"#;

#[tokio::test]
async fn an_article_becomes_a_feed_entry_and_a_letter() {
    let site = Origin::routed("127.0.0.1", site).await;
    let mail = Script::default().start().await;
    let visnyk = visnyk_with(&mail).await;

    // A citizen asks for news, and confirms from the mailbox.
    let list = visnyk.add_list("news").await;
    sign_up::ask(&visnyk, &list, &TestApp::wish("olena@example.net"))
        .await
        .unwrap();
    visnyk.tick().await;
    let asked = last_letter(&mail, 1);
    let token = link(&asked, "/confirm/");
    let standing = sign_up::standing(&visnyk, &token, Purpose::Confirm)
        .await
        .unwrap();
    sign_up::confirm(&visnyk, &standing, "form", "Підтверджую")
        .await
        .unwrap();
    visnyk.tick().await;
    assert!(
        last_letter(&mail, 2)
            .subject()
            .unwrap()
            .contains("Ви підписалися")
    );

    // The site is read: one article, cleaned, dated, with its department and tags.
    add_source(&visnyk, &site).await;
    visnyk.tick().await;
    let articles = store::article::page(
        &mut visnyk.db.read().await.unwrap(),
        View::Everything,
        None,
        10,
    )
    .await;
    let articles = articles.unwrap();
    let [article] = articles.as_slice() else {
        panic!("expected one article, got {articles:?}")
    };
    assert_eq!(article.title, "Створили Регіональний офіс");
    assert_eq!(article.date().to_rfc3339(), "2023-06-26T17:07:00+03:00");
    assert!(
        article.html.as_str().contains("Офіс діятиме") && !article.html.as_str().contains("script")
    );
    let topics: Vec<&str> = article
        .topics
        .iter()
        .map(|topic| topic.name.as_str())
        .collect();
    assert_eq!(
        topics,
        ["Департамент економіки", "економіка", "євроінтеграція"]
    );

    // Next morning at eight in Kyiv the digest is cut, and its letter handed over; a minute later
    // there is no other.
    visnyk.wait(TimeDelta::hours(17));
    visnyk.tick().await;
    let digest = last_letter(&mail, 3);
    assert!(
        digest
            .subject()
            .unwrap()
            .contains("Створили Регіональний офіс"),
        "{:?}",
        digest.subject()
    );
    for part in [digest.body_text(0).unwrap(), digest.body_html(0).unwrap()] {
        for word in [
            "Створили Регіональний офіс",
            "26 червня 2023",
            "Департамент економіки",
            "євроінтеграція",
        ] {
            assert!(part.contains(word), "expected «{word}» in {part}");
        }
    }
    visnyk.wait(TimeDelta::minutes(1));
    visnyk.tick().await;
    assert_eq!(mail.accepted().len(), 3);

    // The citizen leaves by the link in the letter's header, and the ledger says so.
    let leave = digest.header_raw("List-Unsubscribe").unwrap().to_owned();
    let leave = leave
        .split("/leave/")
        .nth(1)
        .and_then(|rest| rest.split('>').next())
        .unwrap();
    let standing = sign_up::standing(&visnyk, leave, Purpose::Leave)
        .await
        .unwrap();
    sign_up::leave(&visnyk, &standing, "one-click", "")
        .await
        .unwrap();
    visnyk.wait(TimeDelta::days(1));
    visnyk.tick().await;
    assert!(
        last_letter(&mail, 4)
            .subject()
            .unwrap()
            .contains("відписалися")
    );
    visnyk.finish().await;
}

fn site(asked: &crate::support::origin::Asked) -> Reply {
    let html = [("Content-Type", "text/html; charset=utf-8")];
    match asked.path.as_str() {
        "/news" => answer("200 OK", &html, LISTING),
        "/news/office" => answer("200 OK", &html, PAGE),
        _ => answer("404 Not Found", &html, ""),
    }
}

/// A Visnyk whose letters go to this server, and whose news may be old: these are of 2023.
async fn visnyk_with(mail: &MailServer) -> TestApp {
    use crate::support::database::Kind;
    let mut visnyk = TestApp::on(Kind::Sqlite, [("VISNYK_INGEST__BACK_FILL", "off")]).await;
    let relay = format!("smtp://{}?tls=none", mail.address).parse().unwrap();
    visnyk.app.mailers = [Mailer::smtp(relay).unwrap()].into();
    visnyk
}

async fn add_source(visnyk: &TestApp, site: &Origin) {
    let css = |text: &str| Some(text.to_owned());
    let new = NewSource {
        url: site.url("/news"),
        kind: SourceKind::Listing,
        name: "Обласна адміністрація".to_owned(),
        selectors: Selectors {
            item: css(".news li"),
            link: css("a"),
            title: css("a"),
            date: css(".date"),
            body: css(".body"),
            topics: css(".tags li"),
            departments: css(".departments li"),
            ..Selectors::default()
        },
        every: TimeDelta::minutes(15),
    };
    let mut tx = visnyk.db.begin().await.unwrap();
    store::source::add(&mut tx, &new, visnyk.now())
        .await
        .unwrap()
        .unwrap();
    tx.commit().await.unwrap();
}

/// The newest letter that the server took, which must be the `nth`.
fn last_letter(mail: &MailServer, nth: usize) -> Message<'static> {
    let accepted = mail.accepted();
    assert_eq!(accepted.len(), nth, "letters so far");
    MessageParser::default()
        .parse(&accepted.last().unwrap().letter)
        .unwrap()
        .into_owned()
}

/// The token of the link in a letter's text.
fn link(letter: &Message<'_>, path: &str) -> String {
    let text = letter.body_text(0).unwrap().into_owned();
    let rest = text
        .split(path)
        .nth(1)
        .unwrap_or_else(|| panic!("expected a link with {path} in {text}"));
    rest.split_whitespace().next().unwrap().to_owned()
}
