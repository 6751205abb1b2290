//! Too many articles at once wait for a person: nothing is published, nothing is mailed.

use chrono::TimeDelta;
use visnyk::article::intake;
use visnyk::source::Draft;
use visnyk::source::Source;
use visnyk::store;

use super::identity::story;
use super::identity::titles;
use crate::support::app::TestApp;
use crate::support::database::TestDb;
use crate::support::database::on_both;

on_both! {
    more_than_five_hundred_new_articles_wait_and_are_published_by_a_person,
    dropped_articles_do_not_come_again,
    old_news_under_new_names_waits,
    news_after_an_outage_does_not_wait,
    the_first_poll_is_no_flood,
}

async fn held(app: &TestApp, source: &Source) -> i64 {
    let mut tx = app.db.read().await.unwrap();
    store::held::count(&mut tx, source.id).await.unwrap()
}

fn flood() -> Vec<Draft> {
    (0..501).rev().map(story).collect()
}

async fn more_than_five_hundred_new_articles_wait_and_are_published_by_a_person(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    app.enrol(&list, 1).await;
    let source = app.source().await;
    app.take_in(&source, vec![story(900)]).await;
    app.wait(TimeDelta::days(1));
    assert_eq!(app.digests().await.len(), 1);
    for _ in 0..2 {
        let mut drafts = flood();
        drafts.push(story(900));
        let taken = app.take_in(&source, drafts).await;
        assert_eq!((taken.new, taken.same, taken.held), (0, 1, 501));
    }
    assert_eq!(held(&app, &source).await, 501);
    assert_eq!(titles(&app).await, ["Новина-900"]);
    app.wait(TimeDelta::days(1));
    assert!(app.digests().await.is_empty());
    let taken = intake::publish_held(&app, &source, false).await.unwrap();
    assert_eq!((taken.new, held(&app, &source).await), (501, 0));
    let published = titles(&app).await;
    assert_eq!(
        (published.len(), published[0].as_str()),
        (502, "Новина-500")
    );
    app.wait(TimeDelta::days(1));
    assert!(app.digests().await.is_empty());
    let taken = app.take_in(&source, flood()).await;
    assert_eq!((taken.new, taken.same, taken.held), (0, 501, 0));
}

async fn dropped_articles_do_not_come_again(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let source = app.source().await;
    app.take_in(&source, flood()).await;
    assert_eq!(intake::drop_held(&app, source.id).await.unwrap(), 501);
    let mut next = flood();
    next.push(story(700));
    let taken = app.take_in(&source, next).await;
    assert_eq!((taken.new, taken.held), (1, 501));
    assert_eq!(titles(&app).await, ["Новина-700"]);
}

async fn old_news_under_new_names_waits(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let mut source = app.source().await;
    app.take_in(&source, (0..20).rev().map(story).collect())
        .await;
    source.last_good_at = Some(app.now());
    // Everything is called otherwise, and says something else.
    let renamed = |number: usize| Draft {
        guid: Some(format!("new {number}")),
        url: Some(format!("https://portal.example/new/{number}")),
        title: format!("Інша-{number}"),
        text: String::new(),
        published: story(number)
            .published
            .map(|date| date - TimeDelta::days(40)),
        ..Draft::default()
    };
    let taken = app
        .take_in(&source, (0..20).rev().map(renamed).collect())
        .await;
    assert_eq!((taken.new, taken.held), (0, 20));
    assert!(
        taken
            .flood
            .unwrap()
            .starts_with("none of 20 articles is known")
    );
}

async fn news_after_an_outage_does_not_wait(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let mut source = app.source().await;
    app.take_in(&source, (0..20).rev().map(story).collect())
        .await;
    source.last_good_at = Some(app.now());
    app.wait(TimeDelta::days(10));
    let later = |number: usize| Draft {
        published: story(number)
            .published
            .map(|date| date + TimeDelta::days(9)),
        ..story(number)
    };
    let taken = app
        .take_in(&source, (100..120).rev().map(later).collect())
        .await;
    assert_eq!((taken.new, taken.held), (20, 0));
}

async fn the_first_poll_is_no_flood(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let mut source = app.source().await;
    source.first_polled_at = None;
    let taken = app.take_in(&source, flood()).await;
    assert_eq!((taken.new, taken.held), (501, 0));
}
