//! The archive of digests.

use axum::http::StatusCode;
use visnyk::audience::list::Cadence;
use visnyk::digest::compile;

use crate::support::app::TestApp;
use crate::web::Browser;
use crate::web::in_a_box;

in_a_box! {
    every_digest_that_was_sent_has_a_page_that_lasts,
    what_was_withdrawn_leaves_the_archive_too,
    a_digest_that_waits_for_a_person_is_not_shown_yet,
}

/// The addresses of the archive's pages that a page links, in order.
fn digests(page: &str) -> Vec<String> {
    let pieces = page
        .split("<li><a href=\"https://news.example.org/archive/all/")
        .skip(1);
    let ids = pieces.map(|piece| piece.split('"').next().unwrap());
    ids.map(|id| format!("/archive/all/{id}")).collect()
}

async fn every_digest_that_was_sent_has_a_page_that_lasts(app: TestApp) {
    let list = app.add_list("all").await;
    app.enrol(&list, 2).await;
    for title in ["Новина-1", "Новина-2", "Новина-3"] {
        app.queue_digest(&list, title).await;
    }
    app.send().await;
    let letters = app.letters();
    let browser = Browser::of(&app);
    let archive = browser.get("/archive/all").await;
    let pages = digests(&archive.body);
    assert_eq!(pages.len(), 3, "{}", archive.body);
    assert!(archive.body.contains("/lists/all/feed.atom"));
    // Editions and letters are cleared away one day; the archive stays.
    app.sql("DELETE FROM letter").await;
    app.sql("DELETE FROM edition").await;
    let middle = browser.get(&pages[1]).await;
    assert_eq!(middle.status, StatusCode::OK);
    assert!(middle.body.contains("Новина-2") && !middle.body.contains("Новина-1"));
    for (rel, page) in [("prev", &pages[2]), ("next", &pages[0])] {
        let link = format!("<link rel=\"{rel}\" href=\"https://news.example.org{page}\">");
        assert!(middle.body.contains(&link), "{link} in {}", middle.body);
    }
    let (_, linked) = middle
        .body
        .split_once("<script type=\"application/ld+json\">")
        .unwrap();
    let linked: serde_json::Value =
        serde_json::from_str(linked.split("</script>").next().unwrap()).unwrap();
    assert_eq!(linked["hasPart"][0]["headline"], "Новина-2");
    for page in [&archive.body, &middle.body] {
        assert!(!page.contains("reader0@") && !page.contains("/preferences/"));
    }
    let named = |letter: &visnyk::delivery::mailer::Kept| {
        let letter = mail_parser::MessageParser::default()
            .parse(&letter.letter)
            .unwrap()
            .body_text(0)
            .unwrap()
            .into_owned();
        pages.iter().any(|page| {
            letter.contains(&format!("https://news.example.org{page}\n").replace('\n', "\r\n"))
                || letter.contains(&format!("https://news.example.org{page}"))
        })
    };
    assert!(letters.iter().all(named), "each letter leads to its page");
    for nowhere in ["/archive/all/999", "/archive/all/x", "/archive/none/1"] {
        assert_eq!(
            browser.get(nowhere).await.status,
            StatusCode::NOT_FOUND,
            "{nowhere}"
        );
    }
}

async fn what_was_withdrawn_leaves_the_archive_too(app: TestApp) {
    let list = app.add_list("all").await;
    app.enrol(&list, 1).await;
    app.queue_digest(&list, "Новина-1").await;
    app.send().await;
    let browser = Browser::of(&app);
    let page = digests(&browser.get("/archive/all").await.body).remove(0);
    let article = app.publish("Новина-2", &[]).await;
    app.withdraw(article.id).await;
    assert!(browser.get(&page).await.body.contains("Новина-1"));
    let mut tx = app.db.read().await.unwrap();
    let all =
        visnyk::store::article::page(&mut tx, visnyk::store::article::View::Everything, None, 9)
            .await
            .unwrap();
    drop(tx);
    app.withdraw(all[0].id).await;
    assert_eq!(browser.get(&page).await.status, StatusCode::GONE);
    assert!(digests(&browser.get("/archive/all").await.body).is_empty());
}

async fn a_digest_that_waits_for_a_person_is_not_shown_yet(app: TestApp) {
    let list = app.add_list("all").await;
    app.enrol(&list, 1).await;
    app.publish("Новина-1", &[]).await;
    let (id, _) = compile::run_now(&app, &list, Cadence::Daily).await.unwrap();
    let path = format!("/archive/all/{}", id.0);
    let browser = Browser::of(&app);
    assert_eq!(browser.get(&path).await.status, StatusCode::OK);
    for state in ["held", "cancelled"] {
        app.sql(&format!("UPDATE digest SET state = '{state}'"))
            .await;
        assert_eq!(browser.get(&path).await.status, StatusCode::NOT_FOUND);
        assert!(digests(&browser.get("/archive/all").await.body).is_empty());
    }
    app.sql("UPDATE digest SET state = 'planned'").await;
    app.sql("UPDATE letter SET state = 'cancelled'").await;
}
