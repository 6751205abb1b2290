//! When digests come, and what lies in their windows.

use chrono::DateTime;
use chrono::TimeDelta;
use visnyk::audience::list::Cadence;
use visnyk::audience::list::Hour;
use visnyk::audience::list::Review;
use visnyk::audience::sign_up;
use visnyk::audience::sign_up::Wish;
use visnyk::audience::subscription::TopicChoice;
use visnyk::clock::Stamp;
use visnyk::digest::DigestState;
use visnyk::digest::compile;
use visnyk::digest::review;
use visnyk::locale::Language;
use visnyk::store;

use crate::support::app::TestApp;
use crate::support::app::draft;
use crate::support::database::TestDb;
use crate::support::database::on_both;

on_both! {
    a_digest_holds_what_came_after_joining_and_holds_it_once,
    each_hour_and_zone_has_its_own_digest,
    topics_narrow_and_a_list_has_its_own,
    an_empty_window_moves_on_without_a_letter,
    six_days_of_silence_give_one_digest,
    a_held_digest_waits_for_its_release,
    held_digests_may_be_released_in_any_order,
    a_cancelled_digest_sends_nothing,
    a_run_by_hand_and_the_periods_own_repeat_nothing,
    withdrawn_articles_are_left_out_and_edits_mail_nothing,
    what_was_old_at_the_first_poll_is_never_mailed_and_late_news_is_mailed_once,
    a_change_of_clocks_neither_skips_nor_repeats_a_day,
    a_changed_choice_repeats_and_loses_nothing,
    immediate_digests_gather,
    a_reader_who_turns_to_immediate_is_served_what_waits,
    weekdays_are_the_readers_own,
    a_list_says_how_long_immediate_digests_gather,
    a_few_articles_wait_for_company_but_not_for_ever,
}

fn day() -> TimeDelta {
    TimeDelta::days(1)
}

fn sent(to: &str, titles: &[&str]) -> (String, Vec<String>) {
    let titles = titles.iter().map(|&title| title.to_owned()).collect();
    (to.to_owned(), titles)
}

async fn a_digest_holds_what_came_after_joining_and_holds_it_once(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    app.publish("Новина-before", &[]).await;
    app.subscribe(&list, &TestApp::wish("a@example.net")).await;
    app.publish("Новина-1", &[]).await;
    app.publish("Новина-2", &[]).await;
    assert!(app.digests().await.is_empty(), "before the hour");
    app.wait(day());
    let first = [sent("a@example.net", &["Новина-2", "Новина-1"])];
    assert_eq!(app.digests().await, first);
    assert!(app.digests().await.is_empty(), "at the second look");
    app.wait(day());
    assert!(app.digests().await.is_empty(), "with nothing new");
    app.publish("Новина-3", &[]).await;
    app.wait(day());
    assert_eq!(app.digests().await, [sent("a@example.net", &["Новина-3"])]);
    app.finish().await;
}

async fn each_hour_and_zone_has_its_own_digest(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    let wishes = [
        ("a@example.net", Some(15), chrono_tz::Tz::Europe__Kyiv), // noon UTC: now, so tomorrow
        ("b@example.net", Some(16), chrono_tz::Tz::Europe__Kyiv),
        ("c@example.net", Some(16), chrono_tz::Tz::America__New_York),
        ("d@example.net", None, chrono_tz::Tz::Europe__Kyiv),
    ];
    for (email, hour, zone) in wishes {
        let wish = Wish {
            hour: hour.map(|hour| Hour::try_from(hour).unwrap()),
            zone,
            ..TestApp::wish(email)
        };
        app.subscribe(&list, &wish).await;
    }
    app.publish("Новина-1", &[]).await;
    let mut came = Vec::new();
    for hour in 0..25 {
        for (reader, titles) in app.digests().await {
            assert_eq!(titles, ["Новина-1"]);
            came.push((hour, reader));
        }
        app.wait(TimeDelta::hours(1));
    }
    let expected = [(1, "b"), (8, "c"), (17, "d"), (24, "a")];
    let expected = expected.map(|(hour, name)| (hour, format!("{name}@example.net")));
    assert_eq!(came, expected);
    app.finish().await;
}

async fn topics_narrow_and_a_list_has_its_own(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let (roads, schools) = (app.topic("Дороги").await, app.topic("Школи").await);
    let all = app.add_list("all").await;
    let roads_only = app
        .add_list_with("roads", |list| list.topics = vec![roads])
        .await;
    let about = |email, topics| Wish {
        topics: TopicChoice::of(topics),
        ..TestApp::wish(email)
    };
    app.subscribe(&all, &about("a@example.net", vec![])).await;
    app.subscribe(&all, &about("b@example.net", vec![schools]))
        .await;
    app.subscribe(&roads_only, &about("c@example.net", vec![]))
        .await;
    app.subscribe(&roads_only, &about("d@example.net", vec![schools]))
        .await;
    app.publish("Новина-0", &[]).await;
    app.publish("Новина-r", &["Дороги"]).await;
    app.publish("Новина-s", &["Школи"]).await;
    app.publish("Новина-rs", &["Дороги", "Школи"]).await;
    app.wait(day());
    let expected = [
        sent(
            "a@example.net",
            &["Новина-rs", "Новина-s", "Новина-r", "Новина-0"],
        ),
        sent("b@example.net", &["Новина-rs", "Новина-s"]),
        sent("c@example.net", &["Новина-rs", "Новина-r"]),
        sent("d@example.net", &["Новина-rs"]),
    ];
    assert_eq!(app.digests().await, expected);
    app.finish().await;
}

async fn an_empty_window_moves_on_without_a_letter(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    let schools = app.topic("Школи").await;
    let wish = Wish {
        topics: TopicChoice::of(vec![schools]),
        ..TestApp::wish("a@example.net")
    };
    let standing = app.subscribe(&list, &wish).await;
    let road = app.publish("Новина-r", &["Дороги"]).await;
    app.wait(day());
    assert!(app.digests().await.is_empty());
    let moved = app.standing(&list, &wish.email).await;
    assert!(moved.subscription.cursor > standing.subscription.cursor);
    assert_eq!(moved.subscription.cursor, road.seq);
    app.finish().await;
}

async fn six_days_of_silence_give_one_digest(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    app.subscribe(&list, &TestApp::wish("a@example.net")).await;
    app.publish("Новина-1", &[]).await;
    app.wait(TimeDelta::days(6));
    app.publish("Новина-2", &[]).await;
    let expected = [sent("a@example.net", &["Новина-2", "Новина-1"])];
    assert_eq!(app.digests().await, expected);
    app.wait(TimeDelta::hours(1));
    assert!(app.digests().await.is_empty());
    app.finish().await;
}

async fn digest_ids(app: &TestApp) -> Vec<visnyk::digest::Digest> {
    let mut tx = app.db.read().await.unwrap();
    let mut digests = store::digest::latest(&mut tx, None, 1000).await.unwrap();
    digests.reverse();
    digests
}

async fn a_held_digest_waits_for_its_release(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app
        .add_list_with("news", |list| list.review = Review::Hold)
        .await;
    app.subscribe(&list, &TestApp::wish("a@example.net")).await;
    app.publish("Новина-1", &[]).await;
    app.wait(day());
    assert!(app.digests().await.is_empty());
    let held = digest_ids(&app).await.remove(0);
    assert_eq!(held.state, DigestState::Held);
    assert_eq!(
        compile::plan(&app, held.id).await.unwrap(),
        0,
        "planned while held"
    );
    app.publish("Новина-after-the-cut", &[]).await;
    assert!(review::release(&app, held.id).await.unwrap());
    assert!(!review::release(&app, held.id).await.unwrap(), "twice");
    assert_eq!(app.digests().await, [sent("a@example.net", &["Новина-1"])]);
    app.finish().await;
}

async fn held_digests_may_be_released_in_any_order(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app
        .add_list_with("news", |list| list.review = Review::Hold)
        .await;
    app.subscribe(&list, &TestApp::wish("a@example.net")).await;
    for title in ["Новина-1", "Новина-2", "Новина-3"] {
        app.publish(title, &[]).await;
        app.wait(day());
        assert!(app.digests().await.is_empty());
    }
    let held = digest_ids(&app).await;
    review::release(&app, held[1].id).await.unwrap();
    let second = [sent("a@example.net", &["Новина-2", "Новина-1"])];
    assert_eq!(app.digests().await, second);
    review::release(&app, held[0].id).await.unwrap();
    assert!(app.digests().await.is_empty());
    assert!(review::cancel(&app, held[2].id).await.unwrap().is_some());
    assert!(!review::release(&app, held[2].id).await.unwrap());
    app.wait(day());
    assert!(app.digests().await.is_empty(), "held again");
    let fourth = digest_ids(&app).await.pop().unwrap();
    review::release(&app, fourth.id).await.unwrap();
    assert_eq!(
        app.digests().await,
        [sent("a@example.net", &["Новина-3"])],
        "what was never planned isn't lost with its digest"
    );
    app.finish().await;
}

async fn a_cancelled_digest_sends_nothing(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    app.subscribe(&list, &TestApp::wish("a@example.net")).await;
    app.tick().await;
    app.letters();
    app.publish("Новина-1", &[]).await;
    app.wait(day());
    assert_eq!(app.compile().await, 1);
    let digest = digest_ids(&app).await.remove(0);
    assert_eq!(review::cancel(&app, digest.id).await.unwrap(), Some(1));
    assert!(app.digests().await.is_empty());
    assert_eq!(compile::plan(&app, digest.id).await.unwrap(), 0);
    assert!(app.digests().await.is_empty());
    app.finish().await;
}

async fn a_run_by_hand_and_the_periods_own_repeat_nothing(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    app.subscribe(&list, &TestApp::wish("a@example.net")).await;
    let late = Wish {
        hour: Some(Hour::try_from(20).unwrap()),
        ..TestApp::wish("b@example.net")
    };
    app.subscribe(&list, &late).await;
    app.publish("Новина-1", &[]).await;
    let (run, letters) = compile::run_now(&app, &list, Cadence::Daily).await.unwrap();
    assert_eq!(letters, 2, "every hour of the cadence");
    let again = compile::run_now(&app, &list, Cadence::Daily).await.unwrap();
    assert_eq!(again, (run, 0), "a button that's pressed twice at once");
    app.publish("Новина-2", &[]).await;
    let first = [
        sent("a@example.net", &["Новина-1"]),
        sent("b@example.net", &["Новина-1"]),
    ];
    assert_eq!(app.digests().await, first);
    app.wait(day());
    let second = [
        sent("a@example.net", &["Новина-2"]),
        sent("b@example.net", &["Новина-2"]),
    ];
    assert_eq!(app.digests().await, second);
    let (_, letters) = compile::run_now(&app, &list, Cadence::Daily).await.unwrap();
    assert_eq!(letters, 0);
    assert!(app.digests().await.is_empty());
    app.finish().await;
}

async fn withdrawn_articles_are_left_out_and_edits_mail_nothing(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    app.subscribe(&list, &TestApp::wish("a@example.net")).await;
    app.publish("Новина-1", &[]).await;
    let withdrawn = app.publish("Новина-2", &[]).await;
    app.withdraw(withdrawn.id).await;
    app.wait(day());
    assert_eq!(app.digests().await, [sent("a@example.net", &["Новина-1"])]);
    let edited = visnyk::source::Draft {
        summary: "Уточнено.".to_owned(),
        topics: vec!["Нова тема".to_owned()],
        ..draft("Новина-1", &[])
    };
    let source = app.source().await;
    let taken = app.take_in(&source, vec![edited.clone()]).await;
    assert_eq!((taken.new, taken.edited), (0, 1));
    let taken = app.take_in(&source, vec![edited]).await;
    assert_eq!((taken.new, taken.edited, taken.same), (0, 0, 1));
    app.wait(day());
    assert!(app.digests().await.is_empty());
    app.finish().await;
}

async fn what_was_old_at_the_first_poll_is_never_mailed_and_late_news_is_mailed_once(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    app.subscribe(&list, &TestApp::wish("a@example.net")).await;
    let dated = |title: &str, days| {
        let date = (app.now() - TimeDelta::days(days)).utc().fixed_offset();
        visnyk::source::Draft {
            published: Some(date),
            ..draft(title, &[])
        }
    };
    let mut source = app.source().await;
    source.first_polled_at = None;
    let drafts = vec![dated("Новина-yesterday", 1), dated("Новина-old", 400)];
    app.take_in(&source, drafts).await;
    let source = app.source().await;
    app.take_in(&source, vec![dated("Новина-late", 500)]).await;
    app.wait(day());
    let expected = [sent("a@example.net", &["Новина-late", "Новина-yesterday"])];
    assert_eq!(app.digests().await, expected);
    app.wait(day());
    assert!(app.digests().await.is_empty());
    app.finish().await;
}

async fn a_change_of_clocks_neither_skips_nor_repeats_a_day(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    let wish = Wish {
        hour: Some(Hour::try_from(3).unwrap()),
        ..TestApp::wish("a@example.net")
    };
    // Kyiv skips 03:00 on 28 March 2027 and has it twice on 31 October 2027.
    for start in ["2027-03-26T12:00:00Z", "2027-10-29T12:00:00Z"] {
        let start: Stamp = DateTime::parse_from_rfc3339(start).unwrap().into();
        app.wait(start - app.now());
        app.digests().await;
        app.subscribe(&list, &wish).await;
        let (mut came, mut number) = (Vec::new(), 0);
        for quarter in 0..4 * 24 * 4 {
            if quarter % 4 == 0 {
                number += 1;
                app.publish(&format!("Новина-{start}-{number}"), &[]).await;
            }
            for (_, titles) in app.digests().await {
                came.push(titles.len());
            }
            app.wait(TimeDelta::minutes(15));
        }
        assert_eq!(came.len(), 4, "{start}: {came:?}");
        assert!(
            came[1..].iter().all(|titles| (23..=25).contains(titles)),
            "{came:?}"
        );
    }
}

async fn a_changed_choice_repeats_and_loses_nothing(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    let schools = app.topic("Школи").await;
    let wish = TestApp::wish("a@example.net");
    let standing = app.subscribe(&list, &wish).await;
    app.publish("Новина-1", &["Школи"]).await;
    app.wait(day());
    assert_eq!(app.digests().await.len(), 1);
    app.publish("Новина-2", &["Школи"]).await;
    app.publish("Новина-3", &["Дороги"]).await;
    let weekly = Wish {
        cadence: Cadence::Weekly,
        language: Language::En,
        ..wish.clone()
    };
    sign_up::choose(&app, &standing, &weekly).await.unwrap();
    app.wait(day());
    assert!(app.digests().await.is_empty());
    let narrow = Wish {
        cadence: Cadence::Hourly,
        topics: TopicChoice::of(vec![schools]),
        ..wish
    };
    sign_up::choose(&app, &standing, &narrow).await.unwrap();
    app.wait(TimeDelta::hours(1));
    assert_eq!(app.digests().await, [sent("a@example.net", &["Новина-2"])]);
    app.wait(TimeDelta::days(8));
    assert!(app.digests().await.is_empty());
    app.finish().await;
}

fn at_once(email: &str) -> Wish {
    Wish {
        cadence: Cadence::Immediate,
        ..TestApp::wish(email)
    }
}

async fn immediate_digests_gather(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    app.subscribe(&list, &at_once("a@example.net")).await;
    app.wait(day());
    assert!(app.digests().await.is_empty());
    app.publish("Новина-1", &[]).await;
    assert_eq!(app.digests().await, [sent("a@example.net", &["Новина-1"])]);
    app.publish("Новина-2", &[]).await;
    app.wait(TimeDelta::minutes(1));
    assert!(app.digests().await.is_empty(), "gathers");
    app.publish("Новина-3", &[]).await;
    app.wait(TimeDelta::minutes(4));
    let gathered = [sent("a@example.net", &["Новина-3", "Новина-2"])];
    assert_eq!(app.digests().await, gathered);
    app.finish().await;
}

async fn a_reader_who_turns_to_immediate_is_served_what_waits(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    app.subscribe(&list, &at_once("a@example.net")).await;
    let daily = TestApp::wish("b@example.net");
    let standing = app.subscribe(&list, &daily).await;
    app.publish("Новина-1", &[]).await;
    app.wait(TimeDelta::minutes(5));
    assert_eq!(app.digests().await, [sent("a@example.net", &["Новина-1"])]);
    let now = at_once("b@example.net");
    sign_up::choose(&app, &standing, &now).await.unwrap();
    app.wait(TimeDelta::minutes(5));
    assert_eq!(app.digests().await, [sent("b@example.net", &["Новина-1"])]);
    app.finish().await;
}

async fn weekdays_are_the_readers_own(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    for (email, days) in [("a@example.net", Some("tue,thu")), ("b@example.net", None)] {
        let wish = Wish {
            cadence: Cadence::Weekdays,
            days: days.map(|days| days.parse().unwrap()),
            ..TestApp::wish(email)
        };
        app.subscribe(&list, &wish).await;
    }
    app.digests().await;
    let mut came = Vec::new();
    for day in ["tue", "wed", "thu", "fri", "sat", "sun", "mon"] {
        app.publish(&format!("Новина-{day}"), &[]).await;
        app.wait(TimeDelta::days(1));
        for (reader, titles) in app.digests().await {
            came.push((day, reader.chars().next().unwrap(), titles.len()));
        }
    }
    let expected = [
        ("tue", 'a', 1),
        ("tue", 'b', 1),
        ("wed", 'b', 1),
        ("thu", 'a', 2),
        ("thu", 'b', 1),
        ("fri", 'b', 1),
        ("mon", 'b', 3),
    ];
    assert_eq!(came, expected);
    app.finish().await;
}

async fn a_list_says_how_long_immediate_digests_gather(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app
        .add_list_with("news", |list| list.pace.gather = 30)
        .await;
    app.subscribe(&list, &at_once("a@example.net")).await;
    app.wait(day());
    app.publish("Новина-1", &[]).await;
    assert_eq!(app.digests().await.len(), 1);
    app.publish("Новина-2", &[]).await;
    app.wait(TimeDelta::minutes(29));
    assert!(app.digests().await.is_empty());
    app.wait(TimeDelta::minutes(1));
    assert_eq!(app.digests().await, [sent("a@example.net", &["Новина-2"])]);
    app.finish().await;
}

async fn a_few_articles_wait_for_company_but_not_for_ever(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app
        .add_list_with("news", |list| {
            list.pace.least = 3;
            list.pace.longest_wait = 40;
        })
        .await;
    app.subscribe(&list, &TestApp::wish("a@example.net")).await;
    app.publish("Новина-1", &[]).await;
    app.wait(day());
    assert!(app.digests().await.is_empty());
    app.publish("Новина-2", &[]).await;
    app.wait(day());
    let waited = [sent("a@example.net", &["Новина-2", "Новина-1"])];
    assert_eq!(app.digests().await, waited, "long enough");
    for title in ["Новина-3", "Новина-4", "Новина-5"] {
        app.publish(title, &[]).await;
    }
    app.wait(day());
    assert_eq!(app.digests().await.len(), 1, "three are company");
    app.finish().await;
}
