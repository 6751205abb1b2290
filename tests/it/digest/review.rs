//! What people do with digests: review, hold, skip, cancel; and what can't wait.

use chrono::TimeDelta;
use mail_parser::MessageParser;
use visnyk::access::Role;
use visnyk::access::reach::Reach;
use visnyk::article::Article;
use visnyk::audience::list::Cadence;
use visnyk::audience::list::List;
use visnyk::audience::list::Review;
use visnyk::audience::pace::Pace;
use visnyk::audience::pace::Silence;
use visnyk::audience::sign_up;
use visnyk::audience::sign_up::Wish;
use visnyk::digest::Digest;
use visnyk::digest::DigestState;
use visnyk::digest::compile;
use visnyk::digest::render;
use visnyk::digest::retain;
use visnyk::digest::review;
use visnyk::digest::review::Called;
use visnyk::letter::LetterState;
use visnyk::store;

use crate::support::app::TestApp;
use crate::support::app::titles;
use crate::support::database::TestDb;
use crate::support::database::on_both;

on_both! {
    an_editor_is_asked_by_mail_and_silence_sends,
    silence_may_hold_as_well,
    one_cut_by_hand_is_reviewed_too,
    nobody_is_asked_about_a_digest_that_nobody_gets,
    an_editor_reorders_drops_and_introduces,
    a_skipped_digest_is_never_sent,
    what_has_letters_is_neither_arranged_nor_skipped,
    a_digest_stopped_on_its_way_goes_on_where_it_stopped,
    what_was_cancelled_comes_with_the_next_digest,
    what_a_stopped_digest_gave_back_comes_with_the_next_one,
    what_ran_out_of_time_comes_with_the_next_digest,
    stale_news_is_not_sent_late,
    what_is_critical_goes_to_every_cadence_at_once_and_not_again,
    nobody_calls_an_article_critical_alone,
    letters_put_off_by_a_clock_that_ran_ahead_go_out,
    old_letters_become_numbers_and_who_never_answered_is_forgotten,
}

fn sent(to: &str, titles: &[&str]) -> (String, Vec<String>) {
    let titles = titles.iter().map(|&title| title.to_owned()).collect();
    (to.to_owned(), titles)
}

async fn held_list(app: &TestApp, silence: Silence) -> List {
    app.add_list_with("news", |list| {
        list.review = Review::Hold;
        list.pace = Pace {
            review_hours: 3,
            silence,
            ..Pace::default()
        };
    })
    .await
}

async fn newest(app: &TestApp) -> Digest {
    let mut tx = app.db.read().await.unwrap();
    let mut digests = store::digest::latest(&mut tx, None, 1).await.unwrap();
    digests.remove(0)
}

async fn add_editor(app: &TestApp, email: &str, role: Role) {
    let mut tx = app.db.begin().await.unwrap();
    store::user::add(&mut tx, &email.parse().unwrap(), role, app.now())
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

/// A held digest of two articles for one reader.
async fn held(app: &TestApp, silence: Silence) -> (List, Digest, [Article; 2]) {
    let list = held_list(app, silence).await;
    app.subscribe(&list, &TestApp::wish("a@example.net")).await;
    let articles = [
        app.publish("Новина-1", &[]).await,
        app.publish("Новина-2", &[]).await,
    ];
    app.wait(TimeDelta::days(1));
    assert!(app.digests().await.is_empty());
    let digest = newest(app).await;
    assert_eq!(digest.state, DigestState::Held);
    (list, digest, articles)
}

async fn an_editor_is_asked_by_mail_and_silence_sends(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = held_list(&app, Silence::Send).await;
    add_editor(&app, "editor@example.org", Role::Editor).await;
    add_editor(&app, "viewer@example.org", Role::Viewer).await;
    let other = app.add_list("other").await;
    for (number, email, bound) in [
        (3, "own@example.org", list.id),
        (4, "else@example.org", other.id),
    ] {
        add_editor(&app, email, Role::Editor).await;
        let mut tx = app.db.begin().await.unwrap();
        store::user::bind(&mut tx, number, Some(&[bound]))
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }
    app.subscribe(&list, &TestApp::wish("a@example.net")).await;
    app.tick().await;
    app.letters();
    app.publish("Новина-1", &[]).await;
    app.wait(TimeDelta::days(1));
    app.tick().await;
    let letters = app.letters();
    let mut asked: Vec<&str> = letters.iter().map(|kept| &*kept.envelope.to).collect();
    asked.sort_unstable();
    assert_eq!(asked, ["editor@example.org", "own@example.org"]);
    let letter = MessageParser::default().parse(&letters[0].letter).unwrap();
    let body = letter.body_text(0).unwrap();
    let url = format!(
        "https://news.example.org/admin/digests/{}",
        newest(&app).await.id.0
    );
    assert!(body.contains(&url) && body.contains("Новина-1"), "{body}");
    app.wait(TimeDelta::hours(2));
    assert!(app.digests().await.is_empty(), "still time for a review");
    app.wait(TimeDelta::hours(1));
    assert_eq!(app.digests().await, [sent("a@example.net", &["Новина-1"])]);
    app.finish().await;
}

async fn silence_may_hold_as_well(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let (_, digest, _) = held(&app, Silence::Hold).await;
    app.wait(TimeDelta::hours(4));
    assert!(app.digests().await.is_empty());
    assert_eq!(newest(&app).await.state, DigestState::Held);
    review::release(&app, digest.id).await.unwrap();
    assert_eq!(app.digests().await.len(), 1);
    app.finish().await;
}

async fn one_cut_by_hand_is_reviewed_too(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = held_list(&app, Silence::Hold).await;
    app.subscribe(&list, &TestApp::wish("a@example.net")).await;
    add_editor(&app, "editor@example.org", Role::Editor).await;
    let (empty, _) = compile::run_now(&app, &list, Cadence::Daily).await.unwrap();
    assert_eq!(newest(&app).await.state, DigestState::Planned, "of nothing");
    assert!(app.digests().await.is_empty());
    app.publish("Новина-1", &[]).await;
    app.wait(TimeDelta::minutes(1));
    let (id, letters) = compile::run_now(&app, &list, Cadence::Daily).await.unwrap();
    assert_ne!(id, empty);
    let held = newest(&app).await;
    assert_eq!((held.id, held.state, letters), (id, DigestState::Held, 0));
    assert!(held.review_until.is_some());
    app.tick().await;
    let letters = app.letters();
    let asked: Vec<&str> = letters.iter().map(|kept| &*kept.envelope.to).collect();
    assert_eq!(asked, ["editor@example.org"]);
    review::release(&app, id).await.unwrap();
    assert_eq!(app.digests().await, [sent("a@example.net", &["Новина-1"])]);
    app.finish().await;
}

async fn nobody_is_asked_about_a_digest_that_nobody_gets(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = held_list(&app, Silence::Hold).await;
    app.subscribe(&list, &TestApp::wish("a@example.net")).await;
    app.wait(TimeDelta::days(1));
    assert!(app.digests().await.is_empty());
    assert_eq!(newest(&app).await.state, DigestState::Planned);
    app.finish().await;
}

async fn an_editor_reorders_drops_and_introduces(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = held_list(&app, Silence::Hold).await;
    app.subscribe(&list, &TestApp::wish("a@example.net")).await;
    let first = app.publish("Новина-1", &[]).await;
    let second = app.publish("Новина-2", &[]).await;
    app.publish("Новина-3", &[]).await;
    app.wait(TimeDelta::days(1));
    app.digests().await;
    let digest = Digest {
        introduction: "Головне <за день>.".to_owned(),
        ranked: vec![first.id],
        dropped: vec![second.id],
        ..newest(&app).await
    };
    assert!(review::arrange(&app, &digest).await.unwrap());
    let (articles, dropped) = render::articles(&app, &digest, &list).await.unwrap();
    let titles_of = |articles: &[Article]| -> Vec<String> {
        articles
            .iter()
            .map(|article| article.title.clone())
            .collect()
    };
    assert_eq!(titles_of(&articles), ["Новина-1", "Новина-3"]);
    assert_eq!(titles_of(&dropped), ["Новина-2"]);
    review::release(&app, digest.id).await.unwrap();
    app.tick().await;
    let letters = app.letters();
    let letter = &letters
        .iter()
        .find(|kept| kept.name.starts_with("digest-"))
        .unwrap()
        .letter;
    assert_eq!(titles(letter), ["Новина-1", "Новина-3"]);
    let letter = MessageParser::default().parse(letter).unwrap();
    assert!(letter.body_text(0).unwrap().contains("Головне <за день>."));
    assert!(
        letter
            .body_html(0)
            .unwrap()
            .contains("Головне &lt;за день&gt;.")
    );
    app.wait(TimeDelta::days(1));
    app.tick().await;
    assert_eq!(
        newest(&app).await.state,
        DigestState::Planned,
        "nothing is left for it"
    );
    app.finish().await;
}

async fn a_skipped_digest_is_never_sent(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let (_, digest, _) = held(&app, Silence::Send).await;
    assert!(review::skip(&app, digest.id).await.unwrap());
    assert!(!review::skip(&app, digest.id).await.unwrap(), "twice");
    assert!(app.digests().await.is_empty());
    app.publish("Новина-3", &[]).await;
    app.wait(TimeDelta::days(1));
    app.digests().await;
    app.wait(TimeDelta::hours(3));
    assert_eq!(app.digests().await, [sent("a@example.net", &["Новина-3"])]);
    app.finish().await;
}

async fn queued(app: &TestApp, readers: usize) -> (List, Digest) {
    let list = app.add_list("news").await;
    app.enrol(&list, readers).await;
    app.queue_digest(&list, "Новина-1").await;
    (list, newest(app).await)
}

async fn a_digest_stopped_on_its_way_goes_on_where_it_stopped(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let (_, digest) = queued(&app, 3).await;
    assert_eq!(review::hold(&app, digest.id).await.unwrap(), Some(3));
    assert_eq!(review::hold(&app, digest.id).await.unwrap(), None, "twice");
    assert!(app.digests().await.is_empty());
    assert!(review::release(&app, digest.id).await.unwrap());
    assert_eq!(app.digests().await.len(), 3);
    assert_eq!(newest(&app).await.state, DigestState::Planned);
    app.finish().await;
}

async fn what_was_cancelled_comes_with_the_next_digest(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let (list, digest) = queued(&app, 2).await;
    assert_eq!(review::cancel(&app, digest.id).await.unwrap(), Some(2));
    assert!(app.digests().await.is_empty());
    app.queue_digest(&list, "Новина-2").await;
    let both = &["Новина-2", "Новина-1"];
    let expected = [
        sent("reader0@example.net", both),
        sent("reader1@example.net", both),
    ];
    assert_eq!(app.digests().await, expected);
    let mut tx = app.db.begin().await.unwrap();
    let retried = store::letter::retry(&mut tx, digest.id, app.now(), app.now()).await;
    tx.commit().await.unwrap();
    assert_eq!(retried.unwrap(), 0, "nothing of it is to be tried again");
    app.finish().await;
}

/// Skipping it would send what is to be left out: the letters were made before.
async fn what_has_letters_is_neither_arranged_nor_skipped(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let (_, digest) = queued(&app, 2).await;
    review::hold(&app, digest.id).await.unwrap();
    let otherwise = Digest {
        introduction: "Слово".to_owned(),
        ..newest(&app).await
    };
    assert!(!review::arrange(&app, &otherwise).await.unwrap());
    assert!(!review::skip(&app, digest.id).await.unwrap());
    assert!(app.digests().await.is_empty());
    let after = newest(&app).await;
    assert_eq!(
        (after.state, after.introduction.as_str(), after.dropped),
        (DigestState::Held, "", vec![])
    );
    app.finish().await;
}

/// A reader pauses while a digest is stopped, and goes on before it does.
async fn what_a_stopped_digest_gave_back_comes_with_the_next_one(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let (list, digest) = queued(&app, 1).await;
    assert_eq!(review::hold(&app, digest.id).await.unwrap(), Some(1));
    let reader = "reader0@example.net".parse().unwrap();
    let subscription = app.standing(&list, &reader).await.subscription.id;
    let mut tx = app.db.begin().await.unwrap();
    let now = app.now();
    store::owed::cancel_of_subscription(&mut tx, subscription, now)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert!(review::release(&app, digest.id).await.unwrap());
    compile::plan(&app, digest.id).await.unwrap();
    assert!(app.digests().await.is_empty());
    app.queue_digest(&list, "Новина-2").await;
    let both = &["Новина-2", "Новина-1"];
    assert_eq!(app.digests().await, [sent("reader0@example.net", both)]);
    app.finish().await;
}

async fn what_ran_out_of_time_comes_with_the_next_digest(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let (list, digest) = queued(&app, 1).await;
    app.wait(TimeDelta::hours(49));
    assert!(app.digests().await.is_empty());
    assert_eq!(app.count(LetterState::Failed).await, 1);
    let mut tx = app.db.begin().await.unwrap();
    let again = store::letter::retry(&mut tx, digest.id, app.now(), app.now()).await;
    assert_eq!(again.unwrap(), 0, "its articles are owed already");
    tx.commit().await.unwrap();
    compile::run_now(&app, &list, Cadence::Daily).await.unwrap();
    let expected = [sent("reader0@example.net", &["Новина-1"])];
    assert_eq!(app.digests().await, expected);
    app.finish().await;
}

async fn stale_news_is_not_sent_late(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let (_, digest, _) = held(&app, Silence::Hold).await;
    app.wait(TimeDelta::hours(52));
    review::release(&app, digest.id).await.unwrap();
    assert_eq!(compile::plan(&app, digest.id).await.unwrap(), 0);
    let mut tx = app.db.read().await.unwrap();
    let stale = store::digest::find(&mut tx, digest.id)
        .await
        .unwrap()
        .unwrap();
    drop(tx);
    assert_eq!(stale.state, DigestState::Cancelled);
    app.digests().await;
    review::release(&app, newest(&app).await.id).await.unwrap();
    let expected = [sent("a@example.net", &["Новина-2", "Новина-1"])];
    assert_eq!(app.digests().await, expected, "with the next one");
    app.finish().await;
}

async fn what_is_critical_goes_to_every_cadence_at_once_and_not_again(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    let roads = app.topic("Дороги").await;
    app.subscribe(&list, &TestApp::wish("daily@example.net"))
        .await;
    let weekly = Wish {
        cadence: Cadence::Weekly,
        ..TestApp::wish("weekly@example.net")
    };
    app.subscribe(&list, &weekly).await;
    let elsewhere = Wish {
        topics: visnyk::audience::subscription::TopicChoice::of(vec![roads]),
        ..TestApp::wish("roads@example.net")
    };
    app.subscribe(&list, &elsewhere).await;
    app.publish("Новина-1", &["Дороги"]).await;
    let storm = app.publish("Новина-storm", &["Погода"]).await;
    app.tick().await;
    app.letters();
    for by in ["first@example.org", "second@example.org"] {
        review::call_critical(&app, &list, storm.id, by)
            .await
            .unwrap();
    }
    app.tick().await;
    let letters = app.letters();
    let letter = MessageParser::default().parse(&letters[0].letter).unwrap();
    assert_eq!(letter.subject(), Some("Надзвичайно: Новина-storm"));
    let mut whom: Vec<&str> = letters.iter().map(|kept| &*kept.envelope.to).collect();
    whom.sort_unstable();
    assert_eq!(whom, ["daily@example.net", "weekly@example.net"]);
    app.wait(TimeDelta::days(8));
    let expected = [
        sent("daily@example.net", &["Новина-1"]),
        sent("roads@example.net", &["Новина-1"]),
        sent("weekly@example.net", &["Новина-1"]),
    ];
    assert_eq!(app.digests().await, expected);
    app.finish().await;
}

async fn nobody_calls_an_article_critical_alone(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    app.enrol(&list, 1).await;
    let article = app.publish("Новина-1", &[]).await.id;
    let call = async |by| {
        review::call_critical(&app, &list, article, by)
            .await
            .unwrap()
    };
    assert_eq!(call("one@example.org").await, Called::Asked);
    assert_eq!(call("one@example.org").await, Called::SamePerson);
    assert!(app.digests().await.is_empty());
    assert!(review::recall(&app, article, list.id).await.unwrap());
    assert_eq!(call("two@example.org").await, Called::Asked);
    assert!(matches!(call("one@example.org").await, Called::Sent(_, 1)));
    assert_eq!(call("three@example.org").await, Called::Known);
    assert_eq!(app.digests().await.len(), 1);
    app.finish().await;
}

async fn letters_put_off_by_a_clock_that_ran_ahead_go_out(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    app.subscribe(&list, &TestApp::wish("a@example.net")).await;
    app.publish("Новина-1", &[]).await;
    app.tick().await;
    app.letters();
    app.wait(TimeDelta::days(400));
    app.compile().await;
    app.wait(TimeDelta::days(-400));
    assert_eq!(app.digests().await, [sent("a@example.net", &["Новина-1"])]);
    app.publish("Новина-2", &[]).await;
    app.wait(TimeDelta::days(1));
    assert_eq!(app.digests().await, [sent("a@example.net", &["Новина-2"])]);
    app.finish().await;
}

async fn old_letters_become_numbers_and_who_never_answered_is_forgotten(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let (list, digest) = queued(&app, 2).await;
    sign_up::ask(&app, &list, &TestApp::wish("stranger@example.net"))
        .await
        .unwrap();
    app.tick().await;
    let counts = async || {
        let mut tx = app.db.read().await.unwrap();
        store::digest::counts(&mut tx, digest.id).await.unwrap()
    };
    assert_eq!(counts().await, [(LetterState::Accepted, 2)]);
    retain::clear(&app).await.unwrap();
    assert_eq!(app.ledger().await.len(), 3, "nothing is old");
    app.wait(TimeDelta::days(40));
    retain::clear(&app).await.unwrap();
    let ledger = app.ledger().await;
    assert_eq!(ledger.len(), 3);
    assert!(app.attempts(ledger[0].id).await.is_empty());
    let stranger = "stranger@example.net".parse().unwrap();
    let mut tx = app.db.read().await.unwrap();
    let found = store::subscriber::find_by_email(&mut tx, &stranger).await;
    assert!(found.unwrap().is_none());
    assert_eq!(store::subscriber::count(&mut tx).await.unwrap(), 2);
    drop(tx);
    app.wait(TimeDelta::days(51));
    retain::clear(&app).await.unwrap();
    assert!(app.ledger().await.is_empty());
    assert_eq!(counts().await, [(LetterState::Accepted, 2)]);
    let mut tx = app.db.read().await.unwrap();
    let summaries = store::digest::summaries(&mut tx, &Reach::All, None, 1)
        .await
        .unwrap();
    assert_eq!(summaries[0].letters, [(LetterState::Accepted, 2)]);
    drop(tx);
    app.finish().await;
}
