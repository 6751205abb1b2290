//! Pictures of articles, fetched once and shown from here.

use std::io::Cursor;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use axum::http::StatusCode;
use chrono::TimeDelta;
use visnyk::article::Media;
use visnyk::article::clean;
use visnyk::source::Draft;
use visnyk::source::pictures;
use visnyk::store;
use visnyk::store::article::View;

use crate::support::app::TestApp;
use crate::support::app::draft;
use crate::support::origin::Origin;
use crate::support::origin::answer;
use crate::web::Browser;

fn png() -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image::DynamicImage::new_rgb8(1400, 700)
        .write_to(&mut bytes, image::ImageFormat::Png)
        .unwrap();
    bytes.into_inner()
}

fn media(url: String) -> Media {
    Media {
        url,
        mime: Some("image/png".into()),
        length: None,
        width: None,
        height: None,
        caption: Some("Відкриття школи".into()),
    }
}

async fn newest(app: &TestApp) -> visnyk::article::Article {
    let mut tx = app.db.read().await.unwrap();
    store::article::page(&mut tx, View::Everything, None, 1)
        .await
        .unwrap()
        .remove(0)
}

#[tokio::test]
async fn pages_and_letters_show_our_own_pictures_and_call_nobody_else() {
    let app = TestApp::new().await;
    let list = app.add_list("all").await;
    app.enrol(&list, 1).await;
    let origin = Origin::routed("127.0.0.1", |asked| match asked.path.as_str() {
        "/a.png" | "/b.png" => answer("200 OK", &[("Content-Type", "image/png")], png()),
        _ => answer("404 Not Found", &[], ""),
    })
    .await;
    let (a, b, gone) = (
        origin.url("/a.png").to_string(),
        origin.url("/b.png").to_string(),
        origin.url("/gone.png").to_string(),
    );
    let source = app.source().await;
    let article = Draft {
        html: clean::clean(
            &format!("<p>Текст <img src=\"{b}\" alt=\"школа\"> і <img src=\"{gone}\">.</p>"),
            None,
        ),
        media: vec![media(a), media(gone)],
        ..draft("Новина-1", &[])
    };
    app.take_in(&source, vec![article.clone()]).await;
    let browser = Browser::of(&app);
    let path = format!("/articles/{}", newest(&app).await.id);
    let before = browser.get(&path).await.body;
    assert!(
        !before.contains("<img") && !before.contains("127.0.0.1"),
        "{before}"
    );

    assert_eq!(pictures::hold_due(&app).await.unwrap(), 2);
    assert_eq!(pictures::hold_due(&app).await.unwrap(), 0);
    let page = browser.get(&path).await;
    assert!(
        page.header("content-security-policy")
            .contains("img-src 'self';")
    );
    let images: Vec<&str> = page
        .body
        .split("src=\"https://news.example.org")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .filter(|path| path.starts_with("/pictures/"))
        .collect();
    assert_eq!(images.len(), 2, "{}", page.body);
    assert!(!page.body.contains("src=\"http://"), "{}", page.body);
    for image in images {
        let file = browser.get(image).await;
        assert_eq!(file.status, StatusCode::OK);
        assert_eq!(file.header("content-type"), "image/jpeg");
        assert!(file.header("cache-control").contains("immutable"));
    }
    for nowhere in [
        "/pictures/x-640.jpg",
        "/pictures/..%2f..%2fsecret",
        "/pictures/AAAAAAAAAAAAAAAAAAAAAA-640.jpg",
        "/pictures/AAAAAAAAAAAAAAAAAAAAAA-641.jpg",
    ] {
        let answer = browser.get(nowhere).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{nowhere}");
    }

    app.queue_digest(&list, "Новина-2").await;
    app.send().await;
    let letter = app.letters().remove(0);
    let letter = mail_parser::MessageParser::default()
        .parse(&letter.letter)
        .unwrap()
        .body_html(0)
        .unwrap()
        .into_owned();
    assert!(
        letter.contains("src=\"https://news.example.org/pictures/"),
        "{letter}"
    );
    assert!(!letter.contains("127.0.0.1"), "{letter}");

    // What the source edits is looked at again; what is held stays, the missing is asked for later.
    let asked = origin.asked().len();
    app.take_in(
        &source,
        vec![Draft {
            summary: "Інакше.".into(),
            ..article
        }],
    )
    .await;
    pictures::hold_due(&app).await.unwrap();
    assert_eq!(origin.asked().len(), asked + 1, "only the missing one");
    app.wait(TimeDelta::minutes(31));
    pictures::hold_due(&app).await.unwrap();
    assert_eq!(origin.asked().len(), asked + 2);
    app.wait(TimeDelta::hours(7));
    pictures::hold_due(&app).await.unwrap();
    app.wait(TimeDelta::hours(7));
    pictures::hold_due(&app).await.unwrap();
    assert_eq!(origin.asked().len(), asked + 3, "and no more in the end");
}

#[tokio::test]
async fn many_newer_articles_without_pictures_keep_none_from_an_older_one() {
    let app = TestApp::new().await;
    let origin = Origin::always(answer("200 OK", &[("Content-Type", "image/png")], png())).await;
    let source = app.source().await;
    let old = Draft {
        media: vec![media(origin.url("/a.png").to_string())],
        ..draft("Новина з фото", &[])
    };
    app.take_in(&source, vec![old]).await;
    let newer = (0..50).map(|number| draft(&format!("Новина-{number}"), &[]));
    app.take_in(&source, newer.collect()).await;
    assert_eq!(pictures::hold_due(&app).await.unwrap(), 1);
}

#[tokio::test]
async fn a_picture_of_the_inner_network_is_not_fetched() {
    let app = TestApp::on(
        crate::support::database::Kind::Sqlite,
        [("VISNYK_INGEST__ALLOW", "127.0.0.9/32")],
    )
    .await;
    let origin = Origin::always(answer("200 OK", &[("Content-Type", "image/png")], png())).await;
    let source = app.source().await;
    let article = Draft {
        media: vec![media(origin.url("/a.png").to_string())],
        ..draft("Новина-1", &[])
    };
    app.take_in(&source, vec![article]).await;
    assert_eq!(pictures::hold_due(&app).await.unwrap(), 0);
    assert!(origin.asked().is_empty());
}

#[tokio::test]
async fn a_site_that_is_asked_or_wants_to_be_left_alone_keeps_its_pictures_for_later() {
    let app = TestApp::new().await;
    let refused = AtomicBool::new(false);
    let origin = Origin::routed("127.0.0.1", move |_| {
        if refused.swap(true, Ordering::Relaxed) {
            answer("200 OK", &[("Content-Type", "image/png")], png())
        } else {
            answer("429 Busy", &[("Retry-After", "600")], "")
        }
    })
    .await;
    let pictures = |numbers: [u8; 2]| {
        let address = |number| media(origin.url(&format!("/{number}.png")).to_string());
        numbers.map(address).to_vec()
    };
    let source = app.source().await;
    let articles = vec![
        Draft {
            media: pictures([0, 1]),
            ..draft("Новина-1", &[])
        },
        Draft {
            media: pictures([2, 3]),
            ..draft("Новина-2", &[])
        },
    ];
    app.take_in(&source, articles).await;
    let mut tx = app.db.begin().await.unwrap();
    let until = app.now() + TimeDelta::minutes(1);
    let poll = store::source::take_site(&mut tx, "127.0.0.1", app.now(), until).await;
    tx.commit().await.unwrap();
    assert!(poll.unwrap());
    assert_eq!(pictures::hold_due(&app).await.unwrap(), 0);
    assert!(origin.asked().is_empty(), "a poll is asking it");
    app.wait(TimeDelta::minutes(2));
    assert_eq!(pictures::hold_due(&app).await.unwrap(), 0);
    assert_eq!(origin.asked().len(), 1, "nothing more after the 429");
    app.wait(TimeDelta::minutes(9));
    assert_eq!(pictures::hold_due(&app).await.unwrap(), 0);
    assert_eq!(origin.asked().len(), 1);
    app.wait(TimeDelta::minutes(2));
    assert_eq!(pictures::hold_due(&app).await.unwrap(), 4);
}
