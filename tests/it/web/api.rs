//! The API, as a script asks it: what each key may do, what is said once, what is never lost.

use axum::http::Method;
use axum::http::StatusCode;
use serde_json::Value;
use serde_json::json;
use visnyk::access::key::KeyText;
use visnyk::access::key::Scope;
use visnyk::audience::list::Cadence;
use visnyk::store;
use visnyk::web::api::openapi;

use crate::support::app::TestApp;
use crate::web::Answer;
use crate::web::Browser;
use crate::web::in_a_box;

in_a_box! {
    a_key_may_do_what_its_scopes_say_and_nothing_else,
    an_article_is_pushed_in_once_and_then_edited,
    what_is_pushed_in_is_cleaned_and_mailed,
    a_request_that_is_sent_again_is_done_once,
    whatever_goes_wrong_is_a_problem_in_json,
    a_list_is_read_page_by_page,
    nobody_overwrites_what_somebody_else_changed,
    whoever_is_asked_for_by_a_script_gets_the_letter_and_nothing_more,
    whoever_is_imported_joins_by_the_consent_on_record,
    every_change_is_in_the_audit_log,
    a_revoked_key_opens_nothing,
    a_digest_is_run_held_and_stopped,
    a_suppressed_address_is_known_by_its_hash_alone,
    a_program_is_told_by_a_webhook_whose_secret_is_said_once,
}

/// A script with a key.
pub(crate) async fn script(app: &TestApp, name: &str, scopes: &[Scope]) -> Browser {
    let key = KeyText::random();
    let mut tx = app.db.begin().await.unwrap();
    let made = store::key::add(&mut tx, name, &key.hash(), scopes, app.now()).await;
    made.unwrap().unwrap();
    tx.commit().await.unwrap();
    Browser::of(app)
        .with("authorization", &format!("Bearer {}", key.as_str()))
        .with("content-type", "application/json")
}

pub(super) async fn owner(app: &TestApp) -> Browser {
    script(app, "owner", Scope::ALL).await
}

pub(super) async fn send(script: &Browser, method: Method, path: &str, body: &Value) -> Answer {
    let path = format!("/api/v1{path}");
    script.ask(method, &path, body.to_string()).await
}

pub(super) async fn post(script: &Browser, path: &str, body: &Value) -> Answer {
    send(script, Method::POST, path, body).await
}

pub(super) async fn get(script: &Browser, path: &str) -> Answer {
    script.get(&format!("/api/v1{path}")).await
}

pub(super) fn json_of(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{answer:?}"))
}

pub(super) fn is_problem(answer: &Answer, status: u16) {
    assert_eq!(answer.status.as_u16(), status, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let problem = json_of(answer);
    assert_eq!(problem["status"], status);
    for field in ["type", "title", "detail"] {
        let words = problem[field].as_str().unwrap();
        assert!(!words.is_empty(), "{problem}");
    }
}

fn new_list(slug: &str) -> Value {
    json!({"slug": slug, "name": "Усі новини", "sender": {"name": "Вісник", "address": "news@example.org"}})
}

/// Every operation: method, path, the scope it needs.
fn operations() -> Vec<(Method, String, Option<Scope>)> {
    let described = serde_json::to_value(openapi("https://news.example.org")).unwrap();
    let paths = described["paths"].as_object().unwrap().clone();
    let mut all = Vec::new();
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().unwrap() {
            let scope = operation["security"][0]["key"][0].as_str();
            let path = path.replace("{id}", "999").replace("{number}", "999");
            let path = path
                .replace("{slug}", "none")
                .replace("{letter}/{part}", "none/html");
            let method = method.to_uppercase().parse().unwrap();
            all.push((method, path, scope.map(|scope| scope.parse().unwrap())));
        }
    }
    all
}

async fn a_key_may_do_what_its_scopes_say_and_nothing_else(app: TestApp) {
    let all = operations();
    assert!(all.len() > 30);
    let stranger = Browser::of(&app).with("content-type", "application/json");
    for (method, path, _) in &all {
        let answer = stranger.ask(method.clone(), path, "{}".into()).await;
        is_problem(&answer, 401);
        assert!(answer.header("www-authenticate").starts_with("Bearer"));
    }
    for scope in Scope::ALL {
        let script = script(&app, scope.as_str(), &[*scope]).await;
        for (method, path, needs) in &all {
            let may = needs.is_none_or(|needs| scope.covers(needs));
            let answer = script.ask(method.clone(), path, "{}".into()).await;
            let refused = answer.status == StatusCode::FORBIDDEN;
            assert_eq!(refused, !may, "{scope}: {method} {path}: {answer:?}");
            // Another way to write the same is the same, or nothing.
            for odd in [
                format!("{path}/"),
                path.to_uppercase(),
                path.replacen("/api/", "//api/", 1),
                format!("{path}%2f"),
                path.replacen("/v1/", "/v1/./", 1),
            ] {
                let answer = script.ask(method.clone(), &odd, "{}".into()).await;
                let status = answer.status.as_u16();
                let nothing = matches!(status, 400 | 403 | 404 | 405);
                assert!(nothing, "{scope}: {method} {odd}: {answer:?}");
            }
        }
    }
    let reader = script(&app, "reader", &[Scope::SourcesRead]).await;
    app.source().await;
    for name in [
        "x-http-method-override",
        "x-http-method",
        "x-method-override",
    ] {
        let forced = reader.with(name, "DELETE");
        assert_eq!(get(&forced, "/sources/1").await.status, StatusCode::OK);
        let posted = forced.ask(Method::POST, "/api/v1/sources/1", "_method=DELETE".into());
        is_problem(&posted.await, 405);
    }
    assert_eq!(get(&reader, "/sources/1").await.status, StatusCode::OK);
}

async fn an_article_is_pushed_in_once_and_then_edited(app: TestApp) {
    let script = owner(&app).await;
    let mut article = json!({"title": "Майданчик відкрито", "guid": "press-1", "topics": ["Спорт"],
        "departments": ["Департамент цифрового розвитку"], "published": "2026-06-01T09:00:00+03:00"});
    let first = post(&script, "/articles", &article).await;
    assert_eq!(first.status, StatusCode::CREATED, "{first:?}");
    let pushed = json_of(&first);
    let place = format!("https://news.example.org/api/v1/articles/{}", pushed["id"]);
    assert_eq!(first.location(), place);
    assert_eq!(pushed["published"], "2026-06-01T09:00:00+03:00");
    assert_eq!(pushed["topics"][1]["name"], "Спорт");

    let again = post(&script, "/articles", &article).await;
    assert_eq!(again.status, StatusCode::OK);
    assert_eq!(json_of(&again)["revision"], 1);
    article["title"] = json!("Майданчик відкрито у Степовому");
    let edited = json_of(&post(&script, "/articles", &article).await);
    assert_eq!(
        (&edited["id"], &edited["revision"]),
        (&pushed["id"], &json!(2))
    );
    assert_eq!(
        json_of(&get(&script, "/articles").await)
            .as_array()
            .unwrap()
            .len(),
        1
    );

    let withdrawn = post(
        &script,
        &format!("/articles/{}/withdraw", pushed["id"]),
        &json!({}),
    )
    .await;
    assert_eq!(json_of(&withdrawn)["withdrawn"], true);
    let page = Browser::of(&app)
        .get(&format!("/articles/{}", pushed["id"]))
        .await;
    assert_eq!(page.status, StatusCode::GONE);
    let other = json!({"title": "Новий майданчик", "guid": "press-2"});
    let other = json_of(&post(&script, "/articles", &other).await)["id"].clone();
    let merge = format!("/articles/{}/merge", pushed["id"]);
    for into in [&pushed["id"], &json!(99)] {
        is_problem(&post(&script, &merge, &json!({ "into": into })).await, 409);
    }
    let merged = post(&script, &merge, &json!({ "into": other })).await;
    assert_eq!(json_of(&merged)["withdrawn"], true, "{merged:?}");
    let page = format!("/articles/{}", pushed["id"]);
    let page = Browser::of(&app).get(&page).await;
    assert_eq!(
        page.location(),
        format!("https://news.example.org/articles/{other}")
    );
}

async fn what_is_pushed_in_is_cleaned_and_mailed(app: TestApp) {
    let script = owner(&app).await;
    let list = app.add_list("all").await;
    app.enrol(&list, 1).await;
    let article = json!({"title": "Новина-1", "summary": "Коротко",
        "html": "<p onclick=alert(1)>Так<script>alert(1)</script> <a href='javascript:alert(1)'>тут</a></p>"});
    let pushed = json_of(&post(&script, "/articles", &article).await);
    let html = pushed["html"].as_str().unwrap();
    for bad in ["script", "onclick", "javascript"] {
        assert!(!html.contains(bad), "{html}");
    }
    let old = json!({"title": "Новина-стара", "published": "2020-01-01T00:00:00Z"});
    assert_eq!(
        post(&script, "/articles", &old).await.status,
        StatusCode::CREATED
    );
    app.wait(chrono::TimeDelta::days(1));
    let digests = app.digests().await;
    assert_eq!(
        digests,
        [(
            "reader0@example.net".to_owned(),
            vec!["Новина-1".to_owned()]
        )]
    );
    app.finish().await;
}

async fn a_request_that_is_sent_again_is_done_once(app: TestApp) {
    let script = owner(&app).await;
    let named = script.with("idempotency-key", "a-1");
    let first = post(&named, "/lists", &new_list("one")).await;
    assert_eq!(first.status, StatusCode::CREATED, "{first:?}");
    let again = post(&named, "/lists", &new_list("one")).await;
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    assert_eq!(again.location(), first.location());
    assert_eq!(again.header("etag"), first.header("etag"));
    assert_eq!(again.header("idempotency-replayed"), "true");
    is_problem(&post(&named, "/lists", &new_list("two")).await, 409);
    is_problem(&post(&script, "/lists", &new_list("one")).await, 409);

    // What failed may be sent again, corrected; another key's names are its own.
    let wrong = script.with("idempotency-key", "a-2");
    is_problem(&post(&wrong, "/lists", &json!({"slug": "Two!"})).await, 422);
    assert_eq!(
        post(&wrong, "/lists", &new_list("two")).await.status,
        StatusCode::CREATED
    );
    let other = self::script(&app, "other", Scope::ALL)
        .await
        .with("idempotency-key", "a-1");
    assert_eq!(
        post(&other, "/lists", &new_list("three")).await.status,
        StatusCode::CREATED
    );
    is_problem(
        &post(
            &script.with("idempotency-key", "пробіл"),
            "/lists",
            &new_list("four"),
        )
        .await,
        400,
    );

    // A process that died while it answered is taken over; one that is at it is waited for.
    app.sql("UPDATE reply SET status = 0 WHERE name = 'a-2'")
        .await;
    is_problem(&post(&wrong, "/lists", &new_list("two")).await, 409);
    app.wait(chrono::TimeDelta::minutes(2));
    is_problem(&post(&wrong, "/lists", &new_list("two")).await, 409);
    app.wait(chrono::TimeDelta::hours(50));
    is_problem(&post(&named, "/lists", &new_list("one")).await, 409);
}

async fn whatever_goes_wrong_is_a_problem_in_json(app: TestApp) {
    let script = owner(&app).await;
    is_problem(&get(&script, "/nothing").await, 404);
    is_problem(&get(&script, "/articles/77").await, 404);
    is_problem(&get(&script, "/articles/x").await, 400);
    is_problem(&get(&script, "/articles?limit=0").await, 400);
    is_problem(&get(&script, "/articles?limit=1&limit=2").await, 400);
    let not_allowed = send(&script, Method::PUT, "/articles", &json!({})).await;
    is_problem(&not_allowed, 405);
    assert_eq!(not_allowed.header("allow"), "GET,HEAD,POST");
    is_problem(
        &script
            .ask(Method::POST, "/api/v1/articles", "{".into())
            .await,
        400,
    );
    is_problem(
        &script
            .ask(
                Method::POST,
                "/api/v1/articles",
                "{\"title\":\"a\"} {}".into(),
            )
            .await,
        400,
    );
    let deep = format!("{{\"title\":{}", "[".repeat(100_000));
    let deep = script.ask(Method::POST, "/api/v1/articles", deep).await;
    assert!(deep.status.is_client_error(), "{deep:?}");
    let wrong = post(
        &script,
        "/articles",
        &json!({"title": "Так", "topics": ["a", 7]}),
    )
    .await;
    is_problem(&wrong, 422);
    assert_eq!(json_of(&wrong)["pointer"], "/topics/1");
    is_problem(
        &post(
            &script,
            "/articles",
            &json!({"title": "Так", "role": "owner"}),
        )
        .await,
        422,
    );
    is_problem(
        &post(&script, "/articles", &json!({"title": "   "})).await,
        422,
    );
    let large = json!({"title": "Так", "html": "x".repeat(1_100_000)});
    is_problem(&post(&script, "/articles", &large).await, 413);
    let named = script.with("idempotency-key", "large");
    is_problem(&post(&named, "/articles", &large).await, 413);
    let key = script_with_form(&app).await;
    is_problem(
        &post(&key, "/articles", &json!({"title": "Так"})).await,
        415,
    );
    assert!(
        json_of(&get(&script, "/articles").await)
            .as_array()
            .unwrap()
            .is_empty()
    );
}

/// A script that says it sends a form.
async fn script_with_form(app: &TestApp) -> Browser {
    let key = KeyText::random();
    let mut tx = app.db.begin().await.unwrap();
    store::key::add(&mut tx, "form", &key.hash(), Scope::ALL, app.now())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    Browser::of(app)
        .with("authorization", &format!("Bearer {}", key.as_str()))
        .with("content-type", "text/plain")
}

async fn a_list_is_read_page_by_page(app: TestApp) {
    let script = owner(&app).await;
    for number in 0..7 {
        let article = json!({"title": format!("Новина-{number}"), "guid": format!("g{number}")});
        post(&script, "/articles", &article).await;
        post(
            &script,
            "/sources",
            &json!({"url": format!("https://example{number}.org/feed")}),
        )
        .await;
        post(
            &script,
            "/suppressions",
            &json!({"email": format!("a{number}@example.org")}),
        )
        .await;
    }
    for (path, rows) in [("/articles", 7), ("/sources", 8), ("/suppressions", 7)] {
        let (mut seen, mut next) = (Vec::new(), format!("/api/v1{path}?limit=3"));
        for _ in 0..4 {
            let answer = script.get(&next).await;
            let page = json_of(&answer);
            seen.extend(
                page.as_array()
                    .unwrap()
                    .iter()
                    .map(|row| row["id"].to_string()),
            );
            let Some(link) = answer.header("link").strip_suffix(">; rel=\"next\"") else {
                break;
            };
            let address = link.strip_prefix("<https://news.example.org").unwrap();
            address.clone_into(&mut next);
        }
        assert_eq!(seen.len(), rows, "{path}");
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), rows, "{path}");
    }
}

async fn nobody_overwrites_what_somebody_else_changed(app: TestApp) {
    let script = owner(&app).await;
    let made = post(&script, "/lists", &new_list("one")).await;
    let mine = script.with("if-match", made.header("etag"));
    let patch = |name: &str| json!({"name": name, "hour": 7.0});
    let changed = send(&mine, Method::PATCH, "/lists/one", &patch("Перша")).await;
    assert_eq!(changed.status, StatusCode::OK, "{changed:?}");
    let late = send(&mine, Method::PATCH, "/lists/one", &patch("Друга")).await;
    is_problem(&late, 412);
    let now = get(&script, "/lists/one").await;
    assert_eq!(json_of(&now)["name"], "Перша");
    assert_eq!(now.header("etag"), changed.header("etag"));
    let any = script.with("if-match", "*");
    let changed = send(&any, Method::PATCH, "/lists/one", &patch("Третя")).await;
    assert_eq!(json_of(&changed)["name"], "Третя");
    assert_eq!(json_of(&changed)["slug"], "one");
}

async fn whoever_is_asked_for_by_a_script_gets_the_letter_and_nothing_more(app: TestApp) {
    let writer = script(&app, "forms", &[Scope::SubscribersWrite]).await;
    app.add_list("all").await;
    let wish =
        json!({"email": "olena@example.org", "list": "all", "name": "Олена", "cadence": "weekly"});
    let first = post(&writer, "/subscribers", &wish).await;
    assert_eq!(first.status, StatusCode::ACCEPTED);
    app.send().await;
    let letters = app.letters();
    assert_eq!(letters.len(), 1);
    assert!(
        letters[0].name.starts_with("confirm-"),
        "{}",
        letters[0].name
    );
    let again = post(&writer, "/subscribers", &wish).await;
    let mut tx = app.db.begin().await.unwrap();
    let gone = "gone@example.org".parse().unwrap();
    let why = store::subscriber::Suppression::Complaint;
    store::subscriber::suppress(&mut tx, &gone, why, &app.secret, app.now())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let suppressed = json!({"email": "gone@example.org", "list": "all"});
    let suppressed = post(&writer, "/subscribers", &suppressed).await;
    assert_eq!((&first.body, &first.body), (&again.body, &suppressed.body));
    for _ in 0..5 {
        post(&writer, "/subscribers", &wish).await;
    }
    app.send().await;
    assert_eq!(
        app.letters().len(),
        2,
        "one address gets three letters a day"
    );
    // Joining at once needs more than asking.
    let imported =
        json!({"email": "petro@example.org", "list": "all", "consent": "паперова заява 7"});
    is_problem(&post(&writer, "/subscribers", &imported).await, 403);
    is_problem(&get(&writer, "/letters").await, 403);
    let unknown = json!({"email": "olena@example.org", "list": "none"});
    is_problem(&post(&writer, "/subscribers", &unknown).await, 404);
}

async fn whoever_is_imported_joins_by_the_consent_on_record(app: TestApp) {
    let script = owner(&app).await;
    let list = app
        .add_list_with("all", |list| {
            list.cadences = vec![Cadence::Daily, Cadence::Weekly];
        })
        .await;
    let wish = json!({"email": "petro@example.org", "list": "all", "consent": "паперова заява 7", "topics": ["Спорт"]});
    assert_eq!(
        json_of(&post(&script, "/subscribers", &wish).await)["state"],
        "active"
    );
    assert_eq!(
        json_of(&post(&script, "/subscribers", &wish).await)["state"],
        "known"
    );
    let found = json_of(&get(&script, "/subscribers?email=Petro%40example.org").await);
    assert_eq!(found[0]["confirmed"], true);
    let full = json_of(&get(&script, &format!("/subscribers/{}", found[0]["id"])).await);
    assert_eq!(full["consents"][0]["origin"], "api owner");
    let mine = format!("/subscriptions/{}", full["subscriptions"][0]["id"]);
    let weekly = send(
        &script,
        Method::PATCH,
        &mine,
        &json!({"cadence": "weekly", "hour": 6}),
    )
    .await;
    assert_eq!(json_of(&weekly)["cadence"], "weekly");
    assert_eq!(json_of(&weekly)["topics"][0]["name"], "Спорт");
    is_problem(
        &send(&script, Method::PATCH, &mine, &json!({"cadence": "hourly"})).await,
        409,
    );
    let ended = send(&script, Method::DELETE, &mine, &json!({})).await;
    assert_eq!(ended.status, StatusCode::NO_CONTENT);
    assert_eq!(json_of(&get(&script, &mine).await)["state"], "ended");
    assert_eq!(list.id.0, 1);
    app.send().await;
}

async fn every_change_is_in_the_audit_log(app: TestApp) {
    let script = owner(&app).await;
    post(&script, "/lists", &new_list("one")).await;
    send(
        &script,
        Method::PATCH,
        "/lists/one",
        &json!({"name": "Перша"}),
    )
    .await;
    post(
        &script,
        "/articles",
        &json!({"title": "Новина", "guid": "g"}),
    )
    .await;
    send(
        &script,
        Method::PATCH,
        "/articles/1",
        &json!({"title": "Новина!"}),
    )
    .await;
    post(&script, "/articles/1/withdraw", &json!({})).await;
    post(&script, "/articles/1/withdraw", &json!({})).await;
    send(&script, Method::DELETE, "/sources/1", &json!({})).await;
    post(
        &script,
        "/suppressions",
        &json!({"email": "olena@example.org"}),
    )
    .await;
    let mut tx = app.db.read().await.unwrap();
    let mut log = store::audit::page(&mut tx, None, None, 100).await.unwrap();
    log.reverse();
    let actions: Vec<(&str, &str)> = log
        .iter()
        .map(|one| (one.actor.as_str(), one.action.as_str()))
        .collect();
    let by_key = |action| ("key owner", action);
    let expected = [
        "list.add",
        "list.change",
        "article.push",
        "article.edit",
        "article.withdraw",
        "source.remove",
        "suppression.add",
    ];
    assert_eq!(actions, expected.map(by_key));
    assert!(log[1].was.contains("Усі новини") && log[1].became.contains("Перша"));
    assert!(
        !format!("{log:?}").contains("olena@"),
        "an erased address would stay in the log"
    );
    let of_article = store::audit::page(&mut tx, Some("article 1"), None, 100)
        .await
        .unwrap();
    assert_eq!(of_article.len(), 3);
}

async fn a_revoked_key_opens_nothing(app: TestApp) {
    let script = script(&app, "old", &[Scope::ArticlesRead]).await;
    let answer = get(&script, "/articles").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("ratelimit"), "\"key\";r=5999;t=60");
    assert_eq!(answer.header("cache-control"), "no-store");
    let mut tx = app.db.begin().await.unwrap();
    let keys = store::key::all(&mut tx).await.unwrap();
    assert_eq!(keys[0].used_at, Some(app.now()));
    assert!(store::key::revoke(&mut tx, "old").await.unwrap());
    tx.commit().await.unwrap();
    is_problem(&get(&script, "/articles").await, 401);
    let kept = format!("{:?}", app.sql("SELECT 1").await);
    assert!(!kept.contains("visnyk_"));
}

async fn a_digest_is_run_held_and_stopped(app: TestApp) {
    let script = owner(&app).await;
    let list = app.add_list("all").await;
    app.enrol(&list, 2).await;
    post(&script, "/articles", &json!({"title": "Новина-1"})).await;
    let run = post(
        &script,
        "/digests",
        &json!({"list": "all", "cadence": "daily"}),
    )
    .await;
    assert_eq!(run.status, StatusCode::CREATED, "{run:?}");
    let digest = json_of(&run);
    assert_eq!(
        digest["letters"][0],
        json!({"state": "queued", "letters": 2})
    );
    let at = |verb: &str| format!("/digests/{}/{verb}", digest["id"]);
    is_problem(&post(&script, &at("release"), &json!({})).await, 409);
    let held = json_of(&post(&script, &at("hold"), &json!({})).await);
    assert_eq!(held["state"], "held");
    assert_eq!(held["letters"][0], json!({"state": "paused", "letters": 2}));
    is_problem(&post(&script, &at("hold"), &json!({})).await, 409);
    let released = json_of(&post(&script, &at("release"), &json!({})).await);
    assert_eq!(
        released["letters"][0],
        json!({"state": "queued", "letters": 2})
    );
    let cancelled = json_of(&post(&script, &at("cancel"), &json!({})).await);
    assert_eq!(
        cancelled["letters"][0],
        json!({"state": "cancelled", "letters": 2})
    );
    let letters = json_of(&get(&script, "/letters?state=cancelled&digest=1").await);
    assert_eq!(letters.as_array().unwrap().len(), 2);
    let letter = json_of(&get(&script, &format!("/letters/{}", letters[0]["id"])).await);
    assert_eq!(letter["attempts"], json!([]));
    assert_eq!(
        json_of(&post(&script, &at("retry"), &json!({})).await)["queued"],
        0
    );
    is_problem(&get(&script, "/letters?state=nowhere").await, 400);
}

async fn a_suppressed_address_is_known_by_its_hash_alone(app: TestApp) {
    let script = owner(&app).await;
    let added = post(
        &script,
        "/suppressions",
        &json!({"email": "olena@example.org"}),
    )
    .await;
    assert_eq!(added.status, StatusCode::CREATED);
    assert!(!added.body.contains("olena"));
    let id = json_of(&added)["id"].as_str().unwrap().to_owned();
    let found = json_of(&get(&script, "/suppressions?email=OLENA%40example.org").await);
    assert_eq!(found[0]["id"], id);
    let removed = send(
        &script,
        Method::DELETE,
        &format!("/suppressions/{id}"),
        &json!({}),
    )
    .await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    is_problem(&get(&script, &format!("/suppressions/{id}")).await, 404);
}

#[tokio::test]
async fn the_api_is_described_for_programs_and_for_people() {
    let app = TestApp::new().await;
    let browser = Browser::of(&app);
    let described = browser.get("/api/openapi.json").await;
    let described = json_of(&described);
    assert_eq!(described["openapi"], "3.1.0");
    assert_eq!(described["servers"][0]["url"], "https://news.example.org");
    let page = browser.get("/api").await;
    assert!(page.is_page());
    for path in described["paths"].as_object().unwrap().keys() {
        assert!(
            page.body.contains(&format!("<code>{path}</code>")),
            "{path}"
        );
    }
    assert!(!page.body.contains("<script") && !page.body.contains("style="));
}

async fn a_program_is_told_by_a_webhook_whose_secret_is_said_once(app: TestApp) {
    let script = owner(&app).await;
    let new = json!({"url": "https://example.org/told", "events": ["digest.sent", "subscriber.left", "digest.sent"]});
    let added = post(&script, "/webhooks", &new).await;
    assert_eq!(added.status, StatusCode::CREATED, "{added:?}");
    let mut webhook = json_of(&added);
    let secret = webhook.as_object_mut().unwrap().remove("secret").unwrap();
    assert!(secret.as_str().unwrap().starts_with("whsec_"));
    assert_eq!(webhook["events"], json!(["subscriber.left", "digest.sent"]));
    assert_eq!(json_of(&get(&script, "/webhooks/1").await), webhook);
    assert_eq!(json_of(&get(&script, "/webhooks").await), json!([webhook]));
    for odd in [
        json!({"url": "https://example.org/told", "events": []}),
        json!({"url": "https://example.org/told", "events": ["webhook.test"]}),
        json!({"url": "ftp://example.org/told", "events": ["digest.sent"]}),
        json!({"url": "https://10.0.0.1/told", "events": ["digest.sent"]}),
    ] {
        is_problem(&post(&script, "/webhooks", &odd).await, 422);
    }
    let tried = post(&script, "/webhooks/1/test", &Value::Null).await;
    assert_eq!(tried.status, StatusCode::OK, "{tried:?}");
    let messages = json_of(&get(&script, "/webhooks/1/messages").await);
    assert_eq!(messages[0]["event"], "webhook.test");
    assert_eq!(messages[0]["state"], "waiting");
    let removed = send(&script, Method::DELETE, "/webhooks/1", &Value::Null).await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    for path in ["/webhooks/1", "/webhooks/1/messages"] {
        is_problem(&get(&script, path).await, 404);
    }
    for _ in 0..50 {
        assert_eq!(
            post(&script, "/webhooks", &new).await.status,
            StatusCode::CREATED
        );
    }
    is_problem(&post(&script, "/webhooks", &new).await, 409);
}
