//! From a digest to its letters: editions, chunks, and what may come between.

use std::time::Duration;

use chrono::TimeDelta;
use visnyk::access::Secret;
use visnyk::article::ArticleId;
use visnyk::audience::list::Cadence;
use visnyk::audience::list::List;
use visnyk::audience::sign_up::Wish;
use visnyk::audience::subscription::SubscriptionId;
use visnyk::digest::Digest;
use visnyk::digest::DigestState;
use visnyk::digest::EditionId;
use visnyk::digest::compile;
use visnyk::digest::review;
use visnyk::letter::LetterPurpose;
use visnyk::letter::LetterState;
use visnyk::locale::Language;
use visnyk::source::Draft;
use visnyk::store;
use visnyk::store::digest::NewDigest;
use visnyk::store::edition::Edition;
use visnyk::store::plan::Group;
use visnyk::store::subscriber::Suppression;

use crate::support::app::TestApp;
use crate::support::app::draft;
use crate::support::database::TestDb;
use crate::support::database::on_both;

on_both! {
    readers_who_get_the_same_share_an_edition,
    a_plan_cut_short_is_taken_up_where_it_ended,
    a_digest_cancelled_between_chunks_goes_no_further,
    many_groups_at_once_cut_short_are_taken_up_where_they_ended,
    many_groups_at_once_of_a_cancelled_digest_go_no_further,
    many_groups_at_once_take_in_only_whom_they_should,
    two_digests_planned_at_once_repeat_nothing,
    who_must_not_be_written_to_gets_no_letter_and_holds_up_nobody,
    one_broken_list_holds_up_no_other,
    a_digest_of_two_thousand_articles_is_a_letter_of_ninety_kilobytes,
    an_immediate_rhythm_with_nobody_waiting_is_left_alone,
}

async fn readers(app: &TestApp, list: &List, count: usize) {
    for number in 0..count {
        app.subscribe(list, &TestApp::wish(&format!("reader{number}@example.net")))
            .await;
    }
    app.tick().await;
    app.letters();
}

/// Cuts a digest of everybody's, and leaves it to be planned.
async fn cut(app: &TestApp, list: &List, key: &str) -> Digest {
    let mut tx = app.db.begin().await.unwrap();
    let new = NewDigest {
        list_id: list.id,
        cadence: Cadence::Daily,
        period_key: key,
        rhythm_id: None,
        state: DigestState::Planning,
        not_after: app.now() + TimeDelta::days(2),
        review_until: None,
        critical: None,
    };
    let id = store::digest::cut(&mut tx, &new, app.now()).await;
    let id = id.unwrap().unwrap();
    let digest = store::digest::find(&mut tx, id).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    digest
}

async fn edition(app: &TestApp, digest: &Digest, articles: Vec<ArticleId>) -> EditionId {
    let mut tx = app.db.begin().await.unwrap();
    let new = Edition {
        id: EditionId(0),
        digest_id: digest.id,
        language: Language::Uk,
        articles,
        subject: "Новини".to_owned(),
        html: "<p>Новина-1</p>".to_owned(),
        text: "Новина-1\n".to_owned(),
        made_at: app.now(),
        own: None,
    };
    let id = store::edition::add(&mut tx, &new).await.unwrap();
    tx.commit().await.unwrap();
    id
}

/// Plans at most `most` readers of the first group; commits or lets the machine die before.
async fn chunk(
    app: &TestApp,
    digest: &Digest,
    edition: EditionId,
    most: i64,
    commits: bool,
) -> Option<u64> {
    let groups = store::plan::groups(&mut app.db.read().await.unwrap(), digest, &Group::none())
        .await
        .unwrap();
    let then = groups[0].served().unwrap().after(digest.to_seq);
    let mut tx = app.db.begin().await.unwrap();
    let times = (most, app.now(), app.now() + TimeDelta::days(2));
    let planned = store::plan::chunk(&mut tx, digest, &groups[0], (Some(edition), &then), times)
        .await
        .unwrap();
    if commits {
        tx.commit().await.unwrap();
    }
    planned
}

async fn readers_who_get_the_same_share_an_edition(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    readers(&app, &list, 3).await;
    for number in 0..2 {
        let english = Wish {
            language: Language::En,
            ..TestApp::wish(&format!("english{number}@example.net"))
        };
        app.subscribe(&list, &english).await;
    }
    app.publish("Новина-1", &[]).await;
    let (id, letters) = compile::run_now(&app, &list, Cadence::Daily).await.unwrap();
    assert_eq!(letters, 5);
    let mut tx = app.db.read().await.unwrap();
    let editions = store::edition::of_digest(&mut tx, id).await.unwrap();
    drop(tx);
    let languages: Vec<_> = editions.iter().map(|edition| edition.language).collect();
    assert_eq!(languages.len(), 2, "{languages:?}");
    assert_ne!(editions[0].text, editions[1].text);
    assert_eq!(app.digests().await.len(), 5);
    app.finish().await;
}

async fn a_plan_cut_short_is_taken_up_where_it_ended(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    readers(&app, &list, 10).await;
    let article = app.publish("Новина-1", &[]).await;
    let digest = cut(&app, &list, "by hand").await;
    let edition = edition(&app, &digest, vec![article.id]).await;
    assert_eq!(chunk(&app, &digest, edition, 3, true).await, Some(3));
    assert_eq!(chunk(&app, &digest, edition, 3, false).await, Some(3));
    assert_eq!(chunk(&app, &digest, edition, 2, true).await, Some(2));
    app.publish("Новина-2", &[]).await;
    let digests = app.digests().await;
    assert_eq!(digests.len(), 10);
    assert!(digests.iter().all(|(_, titles)| titles == &["Новина-1"]));
    app.finish().await;
}

async fn a_digest_cancelled_between_chunks_goes_no_further(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    readers(&app, &list, 10).await;
    let article = app.publish("Новина-1", &[]).await;
    let digest = cut(&app, &list, "by hand").await;
    let edition = edition(&app, &digest, vec![article.id]).await;
    assert_eq!(chunk(&app, &digest, edition, 3, true).await, Some(3));
    let cancelled = review::cancel(&app, digest.id).await.unwrap();
    assert_eq!(cancelled, Some(3));
    assert_eq!(chunk(&app, &digest, edition, 3, true).await, None);
    assert_eq!(compile::plan(&app, digest.id).await.unwrap(), 0);
    assert!(app.digests().await.is_empty());
    app.finish().await;
}

/// Plans for all groups at once, at most `most` readers after one; commits or lets the machine die
/// before.
async fn stretch(
    app: &TestApp,
    digest: &Digest,
    edition: EditionId,
    (after, most): (SubscriptionId, i64),
    commits: bool,
) -> Option<(SubscriptionId, u64)> {
    let groups = store::plan::groups(&mut app.db.read().await.unwrap(), digest, &Group::none())
        .await
        .unwrap();
    assert!(groups.iter().all(Group::is_plain));
    let turns: Vec<_> = groups.iter().map(|group| (group, edition)).collect();
    let mut tx = app.db.begin().await.unwrap();
    let times = (most, app.now(), app.now() + TimeDelta::days(2));
    let planned = store::plan::stretch(&mut tx, digest, &turns, after, times)
        .await
        .unwrap();
    if commits {
        tx.commit().await.unwrap();
    }
    planned
}

async fn many_groups_at_once_cut_short_are_taken_up_where_they_ended(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    readers(&app, &list, 10).await;
    let article = app.publish("Новина-1", &[]).await;
    let digest = cut(&app, &list, "by hand").await;
    let edition = edition(&app, &digest, vec![article.id]).await;
    let none = SubscriptionId(0);
    let (reached, letters) = stretch(&app, &digest, edition, (none, 3), true)
        .await
        .unwrap();
    assert_eq!(letters, 3);
    let dropped = stretch(&app, &digest, edition, (reached, 3), false).await;
    assert_eq!(dropped.unwrap().1, 3);
    // Whoever takes it up knows of no place to begin at.
    let again = stretch(&app, &digest, edition, (none, 5), true).await;
    assert_eq!(again.unwrap().1, 2, "three of the five have theirs");
    app.publish("Новина-2", &[]).await;
    let digests = app.digests().await;
    assert_eq!(digests.len(), 10);
    assert!(digests.iter().all(|(_, titles)| titles == &["Новина-1"]));
    app.finish().await;
}

async fn many_groups_at_once_of_a_cancelled_digest_go_no_further(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    readers(&app, &list, 10).await;
    let article = app.publish("Новина-1", &[]).await;
    let digest = cut(&app, &list, "by hand").await;
    let edition = edition(&app, &digest, vec![article.id]).await;
    let planned = stretch(&app, &digest, edition, (SubscriptionId(0), 3), true).await;
    let (reached, _) = planned.unwrap();
    assert_eq!(review::cancel(&app, digest.id).await.unwrap(), Some(3));
    let further = stretch(&app, &digest, edition, (reached, 3), true).await;
    assert_eq!(further, None);
    assert!(app.digests().await.is_empty());
    app.finish().await;
}

/// Another cadence's readers, another list's, and whom we may not write to; the last are served all
/// the same, and aren't asked for again.
async fn many_groups_at_once_take_in_only_whom_they_should(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let (list, other) = (app.add_list("news").await, app.add_list("other").await);
    readers(&app, &list, 4).await;
    readers(&app, &other, 2).await;
    let wishes = [
        ("english", Language::En, Cadence::Daily),
        ("weekly", Language::Uk, Cadence::Weekly),
    ];
    for (name, language, cadence) in wishes {
        let wish = Wish {
            language,
            cadence,
            ..TestApp::wish(&format!("{name}@example.net"))
        };
        app.subscribe(&list, &wish).await;
    }
    app.tick().await;
    app.letters();
    let suppressed = "reader1@example.net".parse().unwrap();
    let mut tx = app.db.begin().await.unwrap();
    let secret: &Secret = &app.secret;
    store::subscriber::suppress(
        &mut tx,
        &suppressed,
        Suppression::Complaint,
        secret,
        app.now(),
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
    app.publish("Новина-1", &[]).await;
    let (_, letters) = compile::run_now(&app, &list, Cadence::Daily).await.unwrap();
    assert_eq!(letters, 4);
    let next = cut(&app, &list, "next").await;
    let mut tx = app.db.read().await.unwrap();
    let waiting = store::plan::groups(&mut tx, &next, &Group::none()).await;
    assert_eq!(waiting.unwrap(), []);
    drop(tx);
    let to: Vec<String> = app.digests().await.into_iter().map(|(to, _)| to).collect();
    let expected = ["english", "reader0", "reader2", "reader3"];
    assert_eq!(to, expected.map(|name| format!("{name}@example.net")));
    app.finish().await;
}

async fn two_digests_planned_at_once_repeat_nothing(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    readers(&app, &list, 5).await;
    let article = app.publish("Новина-1", &[]).await;
    let (first, second) = (cut(&app, &list, "one").await, cut(&app, &list, "two").await);
    let edition = edition(&app, &first, vec![article.id]).await;
    let groups =
        store::plan::groups(&mut app.db.read().await.unwrap(), &first, &Group::none()).await;
    let group = groups.unwrap().remove(0);
    let then = group.served().unwrap().after(first.to_seq);
    let times = (100, app.now(), app.now() + TimeDelta::days(2));
    let mut tx = app.db.begin().await.unwrap();
    let planned = store::plan::chunk(&mut tx, &first, &group, (Some(edition), &then), times).await;
    assert_eq!(planned.unwrap(), Some(5));
    let mut other = Box::pin(compile::plan(&app, second.id));
    let waited = tokio::time::timeout(Duration::from_millis(300), &mut other).await;
    assert!(
        waited.is_err(),
        "planned past a reader whose cursor is moving"
    );
    tx.commit().await.unwrap();
    assert_eq!(other.await.unwrap(), 0);
    assert_eq!(app.digests().await.len(), 5);
    app.finish().await;
}

async fn who_must_not_be_written_to_gets_no_letter_and_holds_up_nobody(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    readers(&app, &list, 3).await;
    let mut tx = app.db.begin().await.unwrap();
    let email = "reader1@example.net".parse().unwrap();
    let secret: &Secret = &app.secret;
    store::subscriber::suppress(&mut tx, &email, Suppression::Complaint, secret, app.now())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    app.publish("Новина-1", &[]).await;
    let (_, letters) = compile::run_now(&app, &list, Cadence::Daily).await.unwrap();
    assert_eq!(letters, 2);
    assert_eq!(app.digests().await.len(), 2);
    app.finish().await;
}

async fn one_broken_list_holds_up_no_other(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let broken = app.add_list("broken").await;
    let sound = app.add_list("sound").await;
    for list in [&broken, &sound] {
        app.subscribe(list, &TestApp::wish("a@example.net")).await;
    }
    app.publish("Новина-1", &[]).await;
    app.sql("UPDATE list SET sender = 'nobody' WHERE slug = 'broken'")
        .await;
    app.wait(TimeDelta::days(1));
    assert!(compile::compile_due(&app).await.is_err(), "and says so");
    let queued = app.ledger().await;
    let digests = queued
        .iter()
        .filter(|letter| letter.purpose == LetterPurpose::Digest);
    assert_eq!(digests.count(), 1, "{queued:?}");
    app.send().await;
    assert_eq!(app.letters().len(), 3, "of the sound list");
    assert_eq!(app.count(LetterState::Failed).await, 2, "of the broken one");
}

async fn a_digest_of_two_thousand_articles_is_a_letter_of_ninety_kilobytes(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    readers(&app, &list, 1).await;
    let source = app.source().await;
    let words = "Обласна рада розглянула на черговому засіданні багато питань. ".repeat(20);
    let today = chrono::DateTime::from_timestamp_millis(app.now().0).unwrap();
    let drafts = (0..2000).map(|number| Draft {
        summary: words.clone(),
        published: Some(today.fixed_offset()),
        ..draft(
            &format!("Новина-{number}"),
            &["Рада", "Засідання", "Бюджет"],
        )
    });
    // More at once would wait for a person.
    let drafts: Vec<Draft> = drafts.collect();
    for part in drafts.chunks(500) {
        app.take_in(&source, part.to_vec()).await;
    }
    let (id, letters) = compile::run_now(&app, &list, Cadence::Daily).await.unwrap();
    assert_eq!(letters, 1);
    let mut tx = app.db.read().await.unwrap();
    let edition = store::edition::of_digest(&mut tx, id)
        .await
        .unwrap()
        .remove(0);
    drop(tx);
    assert!(edition.html.len() <= 90 * 1024, "{}", edition.html.len());
    assert!(edition.html.len() > 60 * 1024, "{}", edition.html.len());
    assert_eq!(edition.articles.len(), 2000);
    let shown = app.digests().await.remove(0).1.len();
    let rest = (2000 - shown).to_string();
    assert!(edition.text.contains(&rest), "{rest} of the rest");
    app.finish().await;
}

async fn an_immediate_rhythm_with_nobody_waiting_is_left_alone(test: TestDb) {
    let app = TestApp::over(test, []).await;
    let list = app.add_list("news").await;
    let wish = Wish {
        cadence: Cadence::Immediate,
        ..TestApp::wish("a@example.net")
    };
    app.subscribe(&list, &wish).await;
    for _ in 0..5 {
        app.wait(TimeDelta::minutes(5));
        assert!(app.digests().await.is_empty());
    }
    let mut tx = app.db.read().await.unwrap();
    assert!(
        store::digest::latest(&mut tx, None, 10)
            .await
            .unwrap()
            .is_empty()
    );
    drop(tx);
    app.finish().await;
}

/// Prints how long ten and twenty thousand readers take.
#[tokio::test]
async fn twenty_thousand_readers_are_planned_set_by_set() {
    for readers in [10_000, 20_000] {
        let app = TestApp::new().await;
        let list = app.add_list("news").await;
        app.subscribe(&list, &TestApp::wish("reader0@example.net"))
            .await;
        app.tick().await;
        app.sql(&format!(
            "WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < {readers})
             INSERT INTO subscriber (email, email_key, address_mac, name, language, zone, state, created_at)
             SELECT 'r' || i || '@example.net', 'r' || i || '@example.net', 'mac' || i, '', 'uk', 'Europe/Kyiv', 'confirmed', 0 FROM n"
        ))
        .await;
        app.sql(
            "INSERT INTO subscription (subscriber_id, list_id, rhythm_id, topics_key, cursor_seq, state, asked_at, active_at)
             SELECT r.id, s.list_id, s.rhythm_id, '', 0, 'active', 0, 0
             FROM subscriber r, subscription s WHERE s.id = 1 AND r.id > 1",
        )
        .await;
        app.publish("Новина-1", &[]).await;
        let begun = tokio::time::Instant::now();
        let (_, letters) = compile::run_now(&app, &list, Cadence::Daily).await.unwrap();
        println!("{letters} letters planned in {:?}", begun.elapsed());
        assert_eq!(letters, readers);
    }
}
