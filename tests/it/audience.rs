//! How readers come, choose and go, and what they're never sent.

use std::time::Duration;

use chrono::TimeDelta;
use visnyk::access::BadLink;
use visnyk::access::Purpose;
use visnyk::access::SignedLink;
use visnyk::audience::consent;
use visnyk::audience::consent::Act;
use visnyk::audience::sign_up;
use visnyk::audience::sign_up::NoStanding;
use visnyk::audience::sign_up::Wish;
use visnyk::audience::subscription::SubscriptionState;
use visnyk::letter::LetterState;
use visnyk::locale::Language;
use visnyk::store;
use visnyk::store::subscriber::Suppression;

use crate::support::app::TestApp;
use crate::support::database::TestDb;
use crate::support::database::on_both;

on_both! {
    asking_changes_nothing_until_the_button_is_pressed,
    pressing_a_button_twice_is_pressing_it_once,
    asking_while_subscribed_sends_the_link_to_ones_choices,
    whoever_left_may_come_back_and_gets_only_what_is_new,
    an_old_confirm_link_wakes_nobody_who_left,
    a_suppressed_address_hears_nothing,
    a_hundred_requests_make_three_letters_a_day,
    a_hundred_requests_at_once_make_three_letters,
    consent_is_recorded_in_order,
    a_link_does_what_it_was_made_for_and_nothing_else,
    an_expired_link_confirms_nothing,
    leaving_stops_what_waits_at_once,
    an_address_is_one_however_it_is_spelt,
    an_imported_reader_joins_without_a_letter,
}

/// What letters go, by name: several at once go over connections of their own, and which is first is
/// chance.
async fn names(app: &TestApp) -> Vec<String> {
    app.send().await;
    let names = app.letters().into_iter().map(|kept| {
        let purpose = kept.name.split('-').next().unwrap_or_default();
        purpose.to_owned()
    });
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

async fn acts(app: &TestApp, email: &str) -> Vec<Act> {
    let mut tx = app.db.read().await.unwrap();
    let subscriber = store::subscriber::find_by_email(&mut tx, &email.parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    let consents = store::consent::of_subscriber(&mut tx, subscriber.id).await;
    consents.unwrap().into_iter().map(|one| one.act).collect()
}

async fn asking_changes_nothing_until_the_button_is_pressed(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    let wish = TestApp::wish("a@example.net");
    sign_up::ask(&app, &list, &wish).await.unwrap();
    assert_eq!(names(&app).await, ["confirm"]);
    app.publish("Новина-1", &[]).await;
    app.wait(TimeDelta::days(2));
    assert!(app.digests().await.is_empty());
    let standing = app.standing(&list, &wish.email).await;
    assert_eq!(standing.subscription.state, SubscriptionState::Asked);
    app.finish().await;
}

async fn pressing_a_button_twice_is_pressing_it_once(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    let wish = TestApp::wish("a@example.net");
    sign_up::ask(&app, &list, &wish).await.unwrap();
    let standing = app.standing(&list, &wish.email).await;
    for _ in 0..2 {
        sign_up::confirm(&app, &standing, "form", "Так")
            .await
            .unwrap();
    }
    assert_eq!(names(&app).await, ["confirm", "welcome"]);
    let standing = app.standing(&list, &wish.email).await;
    for _ in 0..2 {
        sign_up::leave(&app, &standing, "form", "Ні").await.unwrap();
    }
    assert_eq!(names(&app).await, ["goodbye"]);
    let expected = [Act::Asked, Act::Given, Act::Withdrawn];
    assert_eq!(acts(&app, "a@example.net").await, expected);
    app.finish().await;
}

async fn asking_while_subscribed_sends_the_link_to_ones_choices(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    let wish = TestApp::wish("a@example.net");
    let before = app.subscribe(&list, &wish).await;
    names(&app).await;
    let strangers = Wish {
        cadence: visnyk::audience::list::Cadence::Monthly,
        language: Language::En,
        ..wish.clone()
    };
    sign_up::ask(&app, &list, &strangers).await.unwrap();
    assert_eq!(names(&app).await, ["link"]);
    let after = app.standing(&list, &wish.email).await;
    assert_eq!(after.subscription, before.subscription);
    assert_eq!(after.subscriber, before.subscriber);
    app.finish().await;
}

async fn whoever_left_may_come_back_and_gets_only_what_is_new(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    let wish = TestApp::wish("a@example.net");
    let standing = app.subscribe(&list, &wish).await;
    sign_up::leave(&app, &standing, "form", "").await.unwrap();
    app.publish("Новина-while-away", &[]).await;
    app.wait(TimeDelta::days(2));
    assert!(app.digests().await.is_empty());
    app.subscribe(&list, &wish).await;
    app.publish("Новина-back", &[]).await;
    app.wait(TimeDelta::days(1));
    let digests = app.digests().await;
    assert_eq!(digests.len(), 1);
    assert_eq!(digests[0].1, ["Новина-back"]);
    app.finish().await;
}

async fn an_old_confirm_link_wakes_nobody_who_left(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    let wish = TestApp::wish("a@example.net");
    let standing = app.subscribe(&list, &wish).await;
    sign_up::leave(&app, &standing, "form", "").await.unwrap();
    sign_up::confirm(&app, &standing, "form", "").await.unwrap();
    let after = app.standing(&list, &wish.email).await;
    assert_eq!(after.subscription.state, SubscriptionState::Ended);
    assert_eq!(names(&app).await, ["goodbye"]);
    app.finish().await;
}

async fn a_suppressed_address_hears_nothing(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    let wish = TestApp::wish("a@example.net");
    let mut tx = app.db.begin().await.unwrap();
    let (why, secret) = (Suppression::Complaint, &app.secret);
    store::subscriber::suppress(&mut tx, &wish.email, why, secret, app.now())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    sign_up::ask(&app, &list, &wish).await.unwrap();
    sign_up::send_link(&app, &wish.email).await.unwrap();
    assert!(app.ledger().await.is_empty());
    let mut tx = app.db.begin().await.unwrap();
    assert!(
        store::subscriber::unsuppress(&mut tx, &wish.email, secret)
            .await
            .unwrap()
    );
    tx.commit().await.unwrap();
    sign_up::ask(&app, &list, &wish).await.unwrap();
    assert_eq!(names(&app).await, ["confirm"]);
    app.finish().await;
}

async fn a_hundred_requests_make_three_letters_a_day(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let lists = [app.add_list("one").await, app.add_list("two").await];
    let wish = TestApp::wish("a@example.net");
    for day in 0..2 {
        for number in 0..100 {
            sign_up::ask(&app, &lists[number % 2], &wish).await.unwrap();
            sign_up::send_link(&app, &wish.email).await.unwrap();
            app.wait(TimeDelta::minutes(1));
        }
        assert_eq!(names(&app).await.len(), 3, "on day {day}");
        app.wait(TimeDelta::days(1));
    }
    let standing = app.subscribe(&lists[0], &wish).await;
    for _ in 0..10 {
        sign_up::send_link(&app, &standing.subscriber.email)
            .await
            .unwrap();
    }
    assert_eq!(names(&app).await.len(), 3, "to a subscriber");
    app.finish().await;
}

async fn a_hundred_requests_at_once_make_three_letters(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    let wish = TestApp::wish("a@example.net");
    app.subscribe(&list, &wish).await;
    app.wait(TimeDelta::days(2));
    names(&app).await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..100 {
        let (app, list, wish) = (app.app.clone(), list.clone(), wish.clone());
        tasks.spawn(async move {
            if number % 2 == 0 {
                sign_up::ask(&app, &list, &wish).await.unwrap();
            } else {
                sign_up::send_link(&app, &wish.email).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    assert_eq!(names(&app).await.len(), 3);
    // Who counts what was sent lets nobody else count until it's sent.
    let mut counting = app.db.begin().await.unwrap();
    let held = store::subscriber::hold_by_email(&mut counting, &wish.email).await;
    assert!(held.unwrap().is_some());
    let mut other = Box::pin(sign_up::send_link(&app, &wish.email));
    let waited = tokio::time::timeout(Duration::from_millis(300), &mut other).await;
    assert!(waited.is_err());
    drop(counting);
    other.await.unwrap();
    assert!(names(&app).await.is_empty());
    app.finish().await;
}

async fn consent_is_recorded_in_order(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    let wish = TestApp::wish("a@example.net");
    let standing = app.subscribe(&list, &wish).await;
    app.wait(TimeDelta::minutes(1));
    sign_up::choose(&app, &standing, &wish).await.unwrap();
    sign_up::leave(&app, &standing, "one-click", "")
        .await
        .unwrap();
    let mut tx = app.db.read().await.unwrap();
    let consents = store::consent::of_subscriber(&mut tx, standing.subscriber.id).await;
    drop(tx);
    let consents = consents.unwrap();
    let told: Vec<_> = consents
        .iter()
        .map(|one| (one.act, one.origin.as_str()))
        .collect();
    let expected = [
        (Act::Asked, "form"),
        (Act::Given, "form"),
        (Act::Changed, "form"),
        (Act::Withdrawn, "one-click"),
    ];
    assert_eq!(told, expected);
    assert_eq!(consents[0].wording, consent::hash(&wish.wording));
    assert!(consents.iter().all(|one| one.list_id == list.id));
    assert!(consents[2].at > consents[1].at);
}

async fn a_link_does_what_it_was_made_for_and_nothing_else(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    let wish = TestApp::wish("a@example.net");
    let standing = app.subscribe(&list, &wish).await;
    let all = [
        Purpose::Confirm,
        Purpose::Leave,
        Purpose::Preferences,
        Purpose::Form,
    ];
    for made in all {
        let token = app.token(&standing.subscription, made);
        for used in all {
            let opened = sign_up::standing(&app, &token, used).await;
            if made == used {
                assert_eq!(opened.unwrap().subscription, standing.subscription);
            } else {
                let forged = matches!(opened, Err(NoStanding::Link(BadLink::Forged)));
                assert!(forged, "{made:?} as {used:?}");
            }
        }
    }
}

async fn an_expired_link_confirms_nothing(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    let wish = TestApp::wish("a@example.net");
    sign_up::ask(&app, &list, &wish).await.unwrap();
    let subscription = app.standing(&list, &wish.email).await.subscription;
    let tokens =
        [Purpose::Confirm, Purpose::Leave].map(|purpose| app.token(&subscription, purpose));
    app.wait(TimeDelta::days(7));
    assert!(
        sign_up::standing(&app, &tokens[0], Purpose::Confirm)
            .await
            .is_ok()
    );
    app.wait(TimeDelta::seconds(1));
    let late = sign_up::standing(&app, &tokens[0], Purpose::Confirm).await;
    assert!(matches!(late, Err(NoStanding::Link(BadLink::Expired))));
    app.wait(TimeDelta::days(4000));
    assert!(
        sign_up::standing(&app, &tokens[1], Purpose::Leave)
            .await
            .is_ok()
    );
}

async fn leaving_stops_what_waits_at_once(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let (news, other) = (app.add_list("news").await, app.add_list("other").await);
    let wish = TestApp::wish("a@example.net");
    let standing = app.subscribe(&news, &wish).await;
    app.subscribe(&other, &wish).await;
    names(&app).await;
    app.queue_digest(&news, "Новина-1").await;
    app.queue_digest(&other, "Новина-2").await;
    sign_up::leave(&app, &standing, "one-click", "")
        .await
        .unwrap();
    assert_eq!(app.count(LetterState::Cancelled).await, 1);
    assert_eq!(names(&app).await, ["digest", "goodbye"]);
    app.finish().await;
}

async fn an_address_is_one_however_it_is_spelt(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    app.subscribe(&list, &TestApp::wish("a@example.net")).await;
    names(&app).await;
    sign_up::ask(&app, &list, &TestApp::wish("A@Example.NET"))
        .await
        .unwrap();
    assert_eq!(names(&app).await, ["link"]);
    let mut tx = app.db.read().await.unwrap();
    assert_eq!(store::subscriber::count(&mut tx).await.unwrap(), 1);
    assert_eq!(
        store::list::count_active(&mut tx, list.id).await.unwrap(),
        1
    );
    let page = store::subscriber::page(&mut tx, visnyk::audience::SubscriberId(0), 10).await;
    assert_eq!(page.unwrap().len(), 1);
}

async fn an_imported_reader_joins_without_a_letter(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    let wish = TestApp::wish("a@example.net");
    assert!(sign_up::enrol(&app, &list, &wish).await.unwrap().is_some());
    assert!(sign_up::enrol(&app, &list, &wish).await.unwrap().is_none());
    assert!(app.ledger().await.is_empty());
    assert_eq!(acts(&app, "a@example.net").await, [Act::Given]);
    app.publish("Новина-1", &[]).await;
    app.wait(TimeDelta::days(1));
    assert_eq!(app.digests().await.len(), 1);
    app.finish().await;
}

#[tokio::test]
async fn nobody_who_left_or_is_suppressed_comes_back_by_a_file() {
    use visnyk::audience::import::Terms;
    use visnyk::audience::import::import;
    let app = TestApp::new().await;
    let list = app.add_list("news").await;
    let people = "email\nleft@example.org\nsuppressed@example.org\nnew@example.org\n";
    let file = format!("{people}NEW@example.org\n");
    let terms = Terms {
        origin: "import people.csv".into(),
        consent: "paper".into(),
        ..Terms::default()
    };
    let id = sign_up::enrol(&app, &list, &TestApp::wish("left@example.org"))
        .await
        .unwrap()
        .unwrap();
    let link = SignedLink {
        number: id.0,
        made: app.now(),
    };
    let token = link.sign(Purpose::Leave, &app.secret);
    let standing = sign_up::standing(&app, &token, Purpose::Leave)
        .await
        .unwrap();
    sign_up::leave(&app, &standing, "form", "").await.unwrap();
    let mut tx = app.db.begin().await.unwrap();
    let suppressed = "suppressed@example.org".parse().unwrap();
    let why = Suppression::Complaint;
    store::subscriber::suppress(&mut tx, &suppressed, why, &app.secret, app.now())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let dry = Terms {
        dry_run: true,
        ..terms.clone()
    };
    let would = import(&app, &list, file.as_bytes(), &dry, |_| {})
        .await
        .unwrap();
    let mut imported = import(&app, &list, file.as_bytes(), &terms, |_| {})
        .await
        .unwrap();
    assert_eq!((imported.added, imported.known, imported.bad), (1, 3, 0));
    imported.dry_run = true;
    assert_eq!(would, imported, "a dry run says what will happen");
}
