//! One story is one article, whatever its sources call it; two stories stay two.

use chrono::DateTime;
use chrono::TimeDelta;
use visnyk::article::intake;
use visnyk::article::intake::Given;
use visnyk::article::intake::change;
use visnyk::source::Draft;
use visnyk::source::Selectors;
use visnyk::source::Source;
use visnyk::source::SourceKind;
use visnyk::store;
use visnyk::store::article::View;
use visnyk::store::source::NewSource;

use crate::support::app::TestApp;
use crate::support::database::TestDb;
use crate::support::database::on_both;

on_both! {
    another_scheme_slash_host_or_tracking_makes_no_second_article,
    a_permalink_that_becomes_a_tag_makes_no_second_article,
    a_new_slug_and_a_new_identifier_at_once_make_no_second_article,
    a_story_from_two_sources_is_one_article_with_two_origins,
    near_equal_titles_and_one_title_on_two_dates_stay_apart,
    one_identifier_for_all_articles_loses_none,
    an_identifier_given_to_something_else_makes_a_second_article,
    one_story_twice_in_a_document_is_one_article,
    a_tombstone_withdraws_and_only_the_source_gives_anew,
    what_a_complete_feed_no_longer_holds_is_withdrawn,
    what_a_person_took_off_no_source_puts_back,
    an_article_stays_while_one_of_its_sources_has_it,
    an_edit_shows_what_it_changed,
}

/// Sixty words that no other number gives.
pub(super) fn body(number: usize) -> String {
    let word = |place: usize| format!("слово{}", (place * 7919 + number * 104_729) % 99_991);
    (0..60).map(word).collect::<Vec<_>>().join(" ")
}

pub(super) fn story(number: usize) -> Draft {
    let noon = DateTime::parse_from_rfc3339("2026-06-01T10:00:00+03:00").unwrap();
    let number_of_minutes = i64::try_from(number).unwrap();
    Draft {
        guid: Some(format!("http://portal.example/news/{number}")),
        url: Some(format!("http://portal.example/news/{number}")),
        title: format!("Новина-{number}"),
        text: body(number),
        published: Some(noon + TimeDelta::minutes(number_of_minutes)),
        ..Draft::default()
    }
}

pub(super) async fn another_source(app: &TestApp, url: &str) -> Source {
    let new = NewSource {
        url: url.parse().unwrap(),
        kind: SourceKind::Feed,
        name: url.to_owned(),
        selectors: Selectors::default(),
        every: TimeDelta::days(10_000),
    };
    let mut tx = app.db.begin().await.unwrap();
    let id = store::source::add(&mut tx, &new, app.now()).await.unwrap();
    let mut source = store::source::find(&mut tx, id.unwrap())
        .await
        .unwrap()
        .unwrap();
    tx.commit().await.unwrap();
    source.first_polled_at = Some(app.now());
    source.last_good_at = Some(app.now());
    source
}

async fn give(app: &TestApp, source: &Source, given: Given) -> intake::Taken {
    let mut tx = app.db.begin().await.unwrap();
    let taken = intake::take_document(app, &mut tx, source, given).await;
    tx.commit().await.unwrap();
    taken.unwrap()
}

pub(super) async fn titles(app: &TestApp) -> Vec<String> {
    let mut tx = app.db.read().await.unwrap();
    let page = store::article::page(&mut tx, View::Everything, None, 10_000).await;
    page.unwrap()
        .into_iter()
        .map(|article| article.title)
        .collect()
}

async fn another_scheme_slash_host_or_tracking_makes_no_second_article(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let source = app.source().await;
    app.take_in(&source, vec![story(1), story(2)]).await;
    for name in [
        "https://portal.example/news/1",
        "https://portal.example/news/1/",
        "https://www.portal.example/news/1?utm_source=rss",
    ] {
        let renamed = Draft {
            guid: Some(name.to_owned()),
            url: Some(name.to_owned()),
            ..story(1)
        };
        let taken = app.take_in(&source, vec![story(2), renamed]).await;
        assert_eq!((taken.new, taken.edited), (0, 0), "{name}");
    }
    assert_eq!(titles(&app).await.len(), 2);
}

async fn a_permalink_that_becomes_a_tag_makes_no_second_article(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let source = app.source().await;
    app.take_in(&source, vec![story(1), story(2)]).await;
    let tagged = |number: usize| Draft {
        guid: Some(format!("tag:portal.example,2026:{number}")),
        ..story(number)
    };
    for _ in 0..2 {
        let taken = app.take_in(&source, vec![tagged(2), tagged(1)]).await;
        assert_eq!((taken.new, taken.same), (0, 2));
    }
}

async fn a_new_slug_and_a_new_identifier_at_once_make_no_second_article(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let source = app.source().await;
    app.take_in(&source, vec![story(1), story(2)]).await;
    let moved = |title: &str| Draft {
        guid: Some(format!("http://portal.example/{title}")),
        url: Some(format!("http://portal.example/{title}")),
        title: title.to_owned(),
        ..story(1)
    };
    let taken = app
        .take_in(&source, vec![story(2), moved("Новина-1")])
        .await;
    assert_eq!((taken.new, taken.edited), (0, 1));
    // While the article is there under its name, nothing else is it.
    let copy = Draft {
        title: "Новина-1, продовження".to_owned(),
        ..moved("prodovzhennia")
    };
    let mut copy = Draft {
        text: body(77),
        ..copy
    };
    copy.published = copy.published.map(|date| date + TimeDelta::minutes(30));
    let taken = app
        .take_in(&source, vec![copy, story(2), moved("Новина-1")])
        .await;
    assert_eq!((taken.new, taken.edited), (1, 0));
}

async fn a_story_from_two_sources_is_one_article_with_two_origins(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let first = app.source().await;
    let second = another_source(&app, "https://agency.example/feed").await;
    app.take_in(&first, vec![story(1), story(2)]).await;
    let by_address = Draft {
        guid: Some("agency-1".to_owned()),
        url: Some("https://www.portal.example/news/1?utm_source=agency".to_owned()),
        text: String::new(),
        ..story(1)
    };
    let mut by_text = Draft {
        guid: Some("agency-2".to_owned()),
        url: Some("https://agency.example/2".to_owned()),
        text: format!("{} Джерело агенція", body(2)),
        ..story(2)
    };
    by_text.published = by_text.published.map(|date| date + TimeDelta::hours(2));
    for _ in 0..2 {
        let drafts = vec![by_text.clone(), by_address.clone()];
        let taken = app.take_in(&second, drafts).await;
        assert_eq!((taken.new, taken.edited, taken.same), (0, 0, 2));
        let taken = app.take_in(&first, vec![story(2), story(1)]).await;
        assert_eq!((taken.new, taken.edited, taken.same), (0, 0, 2));
    }
    assert_eq!(titles(&app).await.len(), 2);
    let mut tx = app.db.read().await.unwrap();
    let page = store::article::page(&mut tx, View::Everything, None, 10).await;
    for article in page.unwrap() {
        let origins = store::origin::of_article(&mut tx, article.id).await;
        assert_eq!(origins.unwrap().len(), 2);
    }
}

async fn near_equal_titles_and_one_title_on_two_dates_stay_apart(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let source = app.source().await;
    let other = another_source(&app, "https://agency.example/feed").await;
    let release = |number: usize| Draft {
        title: format!("Про призначення стипендій учням громади номер {number}"),
        ..story(number)
    };
    for number in 0..30 {
        let from = if number % 2 == 0 { &source } else { &other };
        let mut drafts = vec![release(number)];
        if number > 1 {
            drafts.push(release(number - 2));
        }
        app.take_in(from, drafts).await;
    }
    assert_eq!(titles(&app).await.len(), 30);
    let notice = |day: u32| Draft {
        guid: Some(format!("notice {day}")),
        url: Some(format!("https://portal.example/notice/{day}")),
        title: "Корисні новини тижня для всіх мешканців".to_owned(),
        text: body(500),
        published: DateTime::parse_from_rfc3339(&format!("2026-05-{day:02}T00:00:00+03:00")).ok(),
        ..Draft::default()
    };
    app.take_in(&source, vec![notice(1)]).await;
    app.take_in(&source, vec![notice(8)]).await;
    app.take_in(&other, vec![notice(15)]).await;
    assert_eq!(titles(&app).await.len(), 33);
}

async fn one_identifier_for_all_articles_loses_none(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let source = app.source().await;
    let constant = |number: usize| Draft {
        guid: Some("1".to_owned()),
        ..story(number)
    };
    for window in [0..5, 3..8, 7..9, 8..9] {
        let drafts = window.rev().map(constant).collect();
        app.take_in(&source, drafts).await;
    }
    assert_eq!(titles(&app).await.len(), 9);
    let nameless = |number: usize| Draft {
        guid: None,
        url: None,
        ..story(number)
    };
    for window in [20..25, 23..28] {
        let drafts = window.rev().map(nameless).collect();
        app.take_in(&source, drafts).await;
    }
    assert_eq!(titles(&app).await.len(), 17);
}

async fn an_identifier_given_to_something_else_makes_a_second_article(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let source = app.source().await;
    let top = |number: usize| Draft {
        guid: Some("top".to_owned()),
        title: ["Бюджет ухвалено", "Школу відкрито", "Міст збудовано"][number].to_owned(),
        ..story(number)
    };
    for number in [0, 0, 1, 1, 2, 2] {
        app.take_in(&source, vec![top(number)]).await;
    }
    assert_eq!(titles(&app).await.len(), 3);
}

async fn one_story_twice_in_a_document_is_one_article(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let source = app.source().await;
    let copy = Draft {
        guid: Some("copy".to_owned()),
        url: Some("https://portal.example/en/news/1".to_owned()),
        ..story(1)
    };
    for _ in 0..2 {
        app.take_in(&source, vec![copy.clone(), story(1)]).await;
    }
    app.take_in(&source, vec![copy]).await;
    assert_eq!(titles(&app).await.len(), 1);
}

async fn a_tombstone_withdraws_and_only_the_source_gives_anew(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let source = app.source().await;
    app.take_in(&source, vec![story(1), story(2)]).await;
    let tombstone = || Given {
        drafts: vec![story(2), story(1)],
        deleted: vec!["http://portal.example/news/1".to_owned()],
        complete: false,
    };
    assert_eq!(give(&app, &source, tombstone()).await.withdrawn, 1);
    assert_eq!(give(&app, &source, tombstone()).await.withdrawn, 0);
    assert_eq!(titles(&app).await, ["Новина-2"]);
    app.take_in(&source, vec![story(2)]).await;
    assert_eq!(titles(&app).await, ["Новина-2"]);
    app.take_in(&source, vec![story(2), story(1)]).await;
    assert_eq!(titles(&app).await, ["Новина-2", "Новина-1"]);
}

async fn what_a_complete_feed_no_longer_holds_is_withdrawn(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let source = app.source().await;
    let complete = |numbers: &[usize]| Given {
        drafts: numbers.iter().copied().map(story).collect(),
        complete: true,
        ..Given::default()
    };
    give(&app, &source, complete(&[3, 2, 1])).await;
    assert_eq!(give(&app, &source, complete(&[3, 1])).await.withdrawn, 1);
    assert_eq!(titles(&app).await, ["Новина-3", "Новина-1"]);
    // An empty one is a mistake.
    assert_eq!(give(&app, &source, complete(&[])).await.withdrawn, 0);
    assert_eq!(titles(&app).await.len(), 2);
    give(&app, &source, complete(&[3, 2, 1])).await;
    assert_eq!(titles(&app).await.len(), 3);
}

async fn what_a_person_took_off_no_source_puts_back(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let source = app.source().await;
    app.take_in(&source, vec![story(1)]).await;
    let mut tx = app.db.read().await.unwrap();
    let page = store::article::page(&mut tx, View::Everything, None, 1).await;
    let id = page.unwrap()[0].id;
    drop(tx);
    app.withdraw(id).await;
    let deleted = Given {
        deleted: vec!["http://portal.example/news/1".to_owned()],
        ..Given::default()
    };
    give(&app, &source, deleted).await;
    let renamed = Draft {
        guid: Some("new".to_owned()),
        url: Some("https://portal.example/new".to_owned()),
        ..story(1)
    };
    for draft in [story(1), renamed] {
        app.take_in(&source, vec![draft]).await;
        assert!(titles(&app).await.is_empty());
    }
}

async fn an_article_stays_while_one_of_its_sources_has_it(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let first = app.source().await;
    let second = another_source(&app, "https://agency.example/feed").await;
    app.take_in(&first, vec![story(1)]).await;
    app.take_in(&second, vec![story(1)]).await;
    let deleted = || Given {
        deleted: vec!["http://portal.example/news/1".to_owned()],
        ..Given::default()
    };
    assert_eq!(give(&app, &first, deleted()).await.withdrawn, 0);
    assert_eq!(titles(&app).await.len(), 1);
    assert_eq!(give(&app, &second, deleted()).await.withdrawn, 1);
    assert!(titles(&app).await.is_empty());
}

async fn an_edit_shows_what_it_changed(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let source = app.source().await;
    let told = |title: &str, summary: &str| Draft {
        title: title.to_owned(),
        summary: summary.to_owned(),
        text: String::new(),
        ..story(1)
    };
    app.take_in(&source, vec![told("Рада ухвалила бюджет", "Перше слово")])
        .await;
    app.take_in(&source, vec![told("Рада схвалила бюджет", "Друге слово")])
        .await;
    let mut tx = app.db.read().await.unwrap();
    let page = store::article::page(&mut tx, View::Everything, None, 1).await;
    let article = page.unwrap().remove(0);
    let revisions = store::article::revisions(&mut tx, article.id)
        .await
        .unwrap();
    let edits = change::history(&article, &revisions);
    assert_eq!(edits.len(), 1);
    let shown = (
        change::plain(&edits[0].title),
        change::plain(&edits[0].text),
    );
    assert_eq!(shown.0, "Рада [-ухвалила-]{+схвалила+} бюджет");
    assert_eq!(shown.1, "[-Перше-]{+Друге+} слово");
}
