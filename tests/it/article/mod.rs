//! What becomes of what a source gave.

mod cost;
mod flood;
mod histories;
mod identity;

use chrono_tz::Tz;
use visnyk::article::clean::clean;
use visnyk::source::Draft;
use visnyk::source::Selectors;
use visnyk::source::SourceKind;
use visnyk::source::read;
use visnyk::store;
use visnyk::store::article::View;

use crate::support::app::TestApp;
use crate::support::app::draft;
use crate::support::database::TestDb;
use crate::support::database::on_both;

on_both! {
    what_is_known_is_left_or_revised_and_never_doubled,
    articles_that_share_an_address_stay_apart,
    an_article_keeps_its_identity_when_its_source_renames_it,
    one_name_twice_in_a_document_is_one_article_that_stands_still,
    an_article_taken_off_stays_off_when_its_source_changes_it,
    control_characters_reach_no_database,
    many_articles_at_once_come_out_as_they_went_in,
}

async fn what_is_known_is_left_or_revised_and_never_doubled(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let source = app.source().await;
    let drafts = vec![draft("Новина-2", &["Рада"]), draft("Новина-1", &[])];
    let taken = app.take_in(&source, drafts.clone()).await;
    assert_eq!((taken.new, taken.edited, taken.same), (2, 0, 0));
    let taken = app.take_in(&source, drafts).await;
    assert_eq!((taken.new, taken.edited, taken.same), (0, 0, 2));
    let edited = Draft {
        title: "Новина-1, уточнено".to_owned(),
        ..draft("Новина-1", &["Рада"])
    };
    let taken = app.take_in(&source, vec![edited]).await;
    assert_eq!((taken.new, taken.edited, taken.same), (0, 1, 0));
    let mut tx = app.db.read().await.unwrap();
    let page = store::article::page(&mut tx, View::Source(source.id), None, 10).await;
    let page = page.unwrap();
    let told: Vec<_> = page
        .iter()
        .map(|article| (article.seq.0, article.revision, article.title.as_str()))
        .collect();
    assert_eq!(told, [(2, 1, "Новина-2"), (1, 2, "Новина-1, уточнено")]);
    let (topic, named) = store::topic::find_any(&mut tx, "rada")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(named.name, "Рада");
    let page = store::article::page(&mut tx, View::Topic(topic), None, 10).await;
    assert_eq!(page.unwrap().len(), 2);
    let in_use = store::topic::in_use(&mut tx).await.unwrap();
    assert_eq!((in_use.len(), in_use[0].2), (1, 2));
}

fn at_home(title: &str) -> Draft {
    Draft {
        url: Some("https://source.example.org/news".to_owned()),
        ..draft(title, &[])
    }
}

async fn articles_that_share_an_address_stay_apart(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let source = app.source().await;
    let drafts = vec![at_home("Новина-2"), at_home("Новина-1")];
    let taken = app.take_in(&source, drafts.clone()).await;
    assert_eq!((taken.new, taken.edited, taken.same), (2, 0, 0));
    let taken = app.take_in(&source, drafts).await;
    assert_eq!((taken.new, taken.edited, taken.same), (0, 0, 2));
}

async fn an_article_keeps_its_identity_when_its_source_renames_it(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let source = app.source().await;
    app.take_in(&source, vec![draft("Новина-1", &[])]).await;
    let renamed = Draft {
        guid: Some("another".to_owned()),
        ..draft("Новина-1", &[])
    };
    let taken = app.take_in(&source, vec![renamed]).await;
    assert_eq!((taken.new, taken.edited, taken.same), (0, 0, 1));
}

async fn one_name_twice_in_a_document_is_one_article_that_stands_still(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let source = app.source().await;
    let twin = Draft {
        title: "Новина-1, двійник".to_owned(),
        ..draft("Новина-1", &[])
    };
    let drafts = vec![twin, draft("Новина-1", &[])];
    let taken = app.take_in(&source, drafts.clone()).await;
    assert_eq!((taken.new, taken.edited), (1, 0));
    let taken = app.take_in(&source, drafts).await;
    assert_eq!((taken.new, taken.edited), (0, 0));
}

async fn an_article_taken_off_stays_off_when_its_source_changes_it(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let source = app.source().await;
    let article = app.publish("Новина-1", &[]).await;
    app.withdraw(article.id).await;
    let edited = Draft {
        summary: "Уточнено.".to_owned(),
        ..draft("Новина-1", &[])
    };
    app.take_in(&source, vec![edited]).await;
    let mut tx = app.db.read().await.unwrap();
    let (article, withdrawn) = store::article::find(&mut tx, article.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((article.summary.as_str(), withdrawn), ("Уточнено.", true));
    let page = store::article::page(&mut tx, View::Everything, None, 10).await;
    assert!(page.unwrap().is_empty());
}

async fn control_characters_reach_no_database(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let source = app.source().await;
    let feed = br#"{"version": "https://jsonfeed.org/version/1.1", "title": "a\u0000b", "language": "u\u0000k", "items": [
        {"id": "1\u0000", "url": "https://example.org/a\u0000b", "title": "a\u0000b", "summary": "c\u0000d",
         "content_html": "<p>e\u0000f</p>", "content_text": "e\u0000f", "language": "u\u0000k",
         "authors": [{"name": "g\u0000h"}], "tags": ["i\u0000j"]}]}"#;
    let document = read::Document {
        bytes: feed,
        content_type: Some("application/feed+json"),
        base: None,
    };
    let how = read::How {
        kind: SourceKind::Auto,
        selectors: &Selectors::default(),
        zone: Tz::Europe__Kyiv,
        now: app.now(),
    };
    let reading = read::read(&document, &how);
    let mut drafts = reading.drafts;
    assert_eq!(drafts.len(), 1);
    // Whatever reading does for us, taking in does not count on it.
    drafts.push(Draft {
        guid: Some("2\u{0}".to_owned()),
        language: Some("u\u{0}k".to_owned()),
        licence: Some("https://example.org/\u{0}".to_owned()),
        summary: "c\u{0}d".to_owned(),
        text: "e\u{0}f".to_owned(),
        authors: vec!["g\u{0}h".to_owned()],
        ..draft("Новина-2", &["i\u{0}j"])
    });
    assert_eq!(app.take_in(&source, drafts.clone()).await.new, 2);
    assert_eq!(app.take_in(&source, drafts).await.same, 2);
}

/// More than one statement takes, with signs that JSON and SQL have their own ideas of.
async fn many_articles_at_once_come_out_as_they_went_in(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let source = app.source().await;
    let odd = "«\"Так\"», \\u0041 \\ / 'ні' $1 ? 𝄞 \u{2028}\u{fffd}<тег> &amp; {\"a\": [1]}\n";
    let drafts = (0..300).rev().map(|number| {
        let said = format!("{number} {}", odd.repeat(number * 7 % 120));
        let said = said.trim().to_owned();
        let full = number % 3 > 0;
        Draft {
            html: clean(&format!("<p>{}</p>", said.replace('<', "&lt;")), None),
            summary: if full {
                said.chars().take(200).collect()
            } else {
                String::new()
            },
            text: said,
            authors: vec![odd.trim().to_owned(); number % 3],
            licence: full.then(|| "https://licence.example/?a=\"".to_owned()),
            language: full.then(|| "en".to_owned()),
            ..draft(&format!("Новина-{number}"), &["Рада"])
        }
    });
    let drafts: Vec<Draft> = drafts.collect();
    assert_eq!(app.take_in(&source, drafts.clone()).await.new, 300);
    let mut tx = app.db.read().await.unwrap();
    let page = store::article::page(&mut tx, View::Source(source.id), None, 400).await;
    let page = page.unwrap();
    assert!(page.is_sorted_by(|newer, older| newer.id > older.id && newer.seq > older.seq));
    assert_eq!(page.len(), drafts.len());
    for (article, draft) in page.iter().zip(&drafts) {
        assert_eq!(article.title, draft.title);
        assert_eq!(article.summary, draft.summary);
        assert_eq!(article.html, draft.html);
        assert_eq!(article.text, draft.text);
        assert_eq!(article.published, draft.published);
        assert_eq!(article.authors, draft.authors);
        assert_eq!(article.media, draft.media);
        assert_eq!(article.licence, draft.licence);
        assert_eq!(article.language, draft.language.as_deref().unwrap_or("uk"));
        assert_eq!(article.topics.len(), 1);
    }
}
