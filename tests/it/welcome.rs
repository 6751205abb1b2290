//! The first letter after confirming shows what the list sent last.

use mail_parser::MessageParser;
use visnyk::audience::sign_up;

use crate::support::app::TestApp;
use crate::web::in_a_box;

in_a_box! {
    a_welcome_brings_the_latest_digest_and_nothing_of_whoever_got_it,
    a_welcome_before_the_first_digest_does_without,
}

/// Both parts of the only letter that is due.
async fn only_letter(app: &TestApp) -> (String, String) {
    app.send().await;
    let letters = app.letters();
    assert_eq!(letters.len(), 1);
    let read = MessageParser::default().parse(&letters[0].letter).unwrap();
    let html = read.body_html(0).unwrap().into_owned();
    (html, read.body_text(0).unwrap().into_owned())
}

async fn a_welcome_brings_the_latest_digest_and_nothing_of_whoever_got_it(app: TestApp) {
    let list = app.add_list("all").await;
    sign_up::enrol(&app, &list, &TestApp::wish("first@example.net"))
        .await
        .unwrap();
    for title in ["Давнє", "Туман"] {
        app.queue_digest(&list, title).await;
        app.send().await;
    }
    app.letters();
    app.subscribe(&list, &TestApp::wish("second@example.net"))
        .await;
    app.send().await;
    let letters = app.letters();
    let welcome = letters
        .iter()
        .find(|kept| kept.name.starts_with("welcome-"));
    let read = MessageParser::default()
        .parse(&welcome.unwrap().letter)
        .unwrap();
    for part in [read.body_html(0).unwrap(), read.body_text(0).unwrap()] {
        assert!(part.contains("Туман"), "{part}");
        assert!(!part.contains("Давнє"), "{part}");
        assert!(
            part.contains("https://news.example.org/archive/all/2"),
            "{part}"
        );
        assert!(!part.contains("first@"), "{part}");
    }
}

async fn a_welcome_before_the_first_digest_does_without(app: TestApp) {
    let list = app.add_list("all").await;
    app.subscribe(&list, &TestApp::wish("first@example.net"))
        .await;
    app.sql("UPDATE letter SET state = 'cancelled' WHERE purpose = 'confirm'")
        .await;
    let (html, text) = only_letter(&app).await;
    assert!(
        !html.contains("/archive/") && !text.contains("/archive/"),
        "{text}"
    );
}
