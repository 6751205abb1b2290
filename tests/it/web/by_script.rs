//! The API where it does what owners and editors do in the console: templates, users, keys, the log, the
//! review of a digest, what is held of a source.

use axum::http::Method;
use axum::http::StatusCode;
use chrono::TimeDelta;
use serde_json::Value;
use serde_json::json;
use visnyk::access::key::Scope;
use visnyk::audience::list::Review;
use visnyk::source::Draft;
use visnyk::source::SourceId;
use visnyk::store;

use crate::support::app::TestApp;
use crate::web::Browser;
use crate::web::api::get;
use crate::web::api::is_problem;
use crate::web::api::json_of;
use crate::web::api::owner;
use crate::web::api::post;
use crate::web::api::script;
use crate::web::api::send;
use crate::web::in_a_box;

in_a_box! {
    a_template_is_tried_saved_and_rolled_back,
    who_looks_after_lists_is_added_bound_let_in_and_shut_out,
    a_key_makes_none_that_may_more_than_itself,
    a_held_digest_is_put_together_and_skipped_by_a_script,
    what_is_held_of_a_source_is_published_or_dropped_by_a_script,
}

async fn a_template_is_tried_saved_and_rolled_back(app: TestApp) {
    let script = owner(&app).await;
    let all = json_of(&get(&script, "/templates").await);
    let all = all.as_array().unwrap();
    assert_eq!(all.len(), 33);
    assert!(
        all.iter()
            .all(|one| one["shipped"] == true && one["version"].is_null())
    );
    let at = "/templates/welcome/subject.txt";
    let read = get(&script, at).await;
    let (shipped, tag) = (json_of(&read), read.header("etag").to_owned());
    let text = |text: &str| json!({ "text": text });
    let tried = post(&script, &format!("{at}/preview"), &text("Вітаємо!")).await;
    let tried = json_of(&tried);
    assert_eq!(tried["faults"], json!([]), "{tried}");
    assert_eq!(tried["letters"][0]["subject"], "Вітаємо!");
    assert_eq!(
        json_of(&get(&script, at).await),
        shipped,
        "it was only tried"
    );
    let faulty = text("{% if %}");
    let tried = json_of(&post(&script, &format!("{at}/preview"), &faulty).await);
    assert!(
        tried["faults"][0].as_str().unwrap().starts_with("Line 1:"),
        "{tried}"
    );
    let refused = send(&script, Method::PUT, at, &faulty).await;
    is_problem(&refused, 409);
    let why = json_of(&refused)["detail"].clone();
    assert!(why.as_str().unwrap().starts_with("Line 1:"), "{why}");
    let saved = send(
        &script.with("if-match", &tag),
        Method::PUT,
        at,
        &text("Вітаємо!"),
    )
    .await;
    assert_eq!(saved.status, StatusCode::OK, "{saved:?}");
    let saved = json_of(&saved);
    assert_eq!(
        (&saved["version"], &saved["shipped"]),
        (&json!(1), &json!(false))
    );
    assert_eq!(saved["made_by"], "key owner");
    is_problem(
        &send(
            &script.with("if-match", &tag),
            Method::PUT,
            at,
            &text("Ще!"),
        )
        .await,
        412,
    );
    assert_eq!(
        send(&script, Method::PUT, at, &text("Добрий день!"))
            .await
            .status,
        StatusCode::OK
    );
    let restored = post(&script, &format!("{at}/versions/1/restore"), &Value::Null).await;
    assert_eq!(json_of(&restored)["text"], "Вітаємо!");
    is_problem(
        &post(&script, &format!("{at}/versions/9/restore"), &Value::Null).await,
        404,
    );
    for _ in 0..2 {
        let dropped = send(&script, Method::DELETE, at, &Value::Null).await;
        assert_eq!(dropped.status, StatusCode::NO_CONTENT);
    }
    assert_eq!(json_of(&get(&script, at).await)["text"], shipped["text"]);
    let versions = json_of(&get(&script, &format!("{at}/versions")).await);
    let texts: Vec<&Value> = versions
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["text"])
        .collect();
    let expected = [
        json!(null),
        json!("Вітаємо!"),
        json!("Добрий день!"),
        json!("Вітаємо!"),
    ];
    assert_eq!(texts, expected.iter().collect::<Vec<_>>());
}

async fn who_looks_after_lists_is_added_bound_let_in_and_shut_out(app: TestApp) {
    app.add_list("news").await;
    let script = owner(&app).await;
    let new = json!({"email": "olena@example.org", "role": "editor", "lists": ["news"]});
    let once = script.with("idempotency-key", "one");
    let added = post(&once, "/users", &new).await;
    assert_eq!(added.status, StatusCode::CREATED, "{added:?}");
    let mut user = json_of(&added);
    let link = user.as_object_mut().unwrap().remove("link").unwrap();
    assert!(link.as_str().unwrap().contains("/admin/sign-in/"));
    assert_eq!(user["lists"], json!(["news"]));
    // The link is nowhere but with whoever asked.
    let again = post(&once, "/users", &new).await;
    is_problem(&again, 409);
    assert_eq!(again.header("idempotency-replayed"), "true");
    let kept = store::key::find_reply(&mut app.db.read().await.unwrap(), (1, "one")).await;
    assert!(!kept.unwrap().unwrap().body.contains("sign-in"));
    is_problem(&post(&script, "/users", &new).await, 409);
    let at = format!("/users/{}", user["id"]);
    assert_eq!(json_of(&get(&script, &at).await), user);
    for (odd, status) in [
        (
            json!({"email": "viewer@example.org", "role": "viewer", "lists": []}),
            409,
        ),
        (
            json!({"email": "other@example.org", "role": "editor", "lists": ["none"]}),
            404,
        ),
        (json!({"email": "other@example.org", "role": "king"}), 422),
    ] {
        is_problem(&post(&script, "/users", &odd).await, status);
    }
    let all = json!({ "lists": null });
    let unbound = send(&script, Method::PUT, &format!("{at}/lists"), &all).await;
    assert_eq!(json_of(&unbound)["lists"], Value::Null);
    let none = json!({ "lists": [] });
    let unbound = send(&script, Method::PUT, &format!("{at}/lists"), &none).await;
    assert_eq!(json_of(&unbound)["lists"], json!([]));
    let reset = post(&script, &format!("{at}/reset"), &Value::Null).await;
    assert_ne!(json_of(&reset)["link"], link);
    assert_eq!(reset.header("cache-control"), "no-store");
    let shut = post(&script, &format!("{at}/disable"), &Value::Null).await;
    assert_eq!(json_of(&shut)["active"], false);
    for verb in ["disable", "reset"] {
        is_problem(
            &post(&script, &format!("{at}/{verb}"), &Value::Null).await,
            409,
        );
    }
    let owner = json!({"email": "owner@example.org", "role": "owner"});
    let owner = json_of(&post(&script, "/users", &owner).await);
    let last = post(
        &script,
        &format!("/users/{}/disable", owner["id"]),
        &Value::Null,
    )
    .await;
    is_problem(&last, 409);
    let log = json_of(&get(&script, &format!("/audit?subject=user+{}", user["id"])).await);
    let actions: Vec<&Value> = log
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["action"])
        .collect();
    let expected = [
        "user.disable",
        "user.reset",
        "user.bind",
        "user.unbind",
        "user.add",
    ];
    assert_eq!(actions, expected);
    assert!(!log.to_string().contains("/admin/sign-in/"));
    is_problem(&get(&script, "/audit?subject=everything").await, 400);
}

async fn a_key_makes_none_that_may_more_than_itself(app: TestApp) {
    let maker = script(&app, "maker", &[Scope::KeysWrite, Scope::ArticlesWrite]).await;
    let new = json!({"name": "newsroom", "scopes": ["articles:write", "articles:read"]});
    let added = post(&maker, "/keys", &new).await;
    assert_eq!(added.status, StatusCode::CREATED, "{added:?}");
    let key = json_of(&added);
    let text = key["key"].as_str().unwrap();
    let newsroom = Browser::of(&app)
        .with("authorization", &format!("Bearer {text}"))
        .with("content-type", "application/json");
    assert_eq!(get(&newsroom, "/articles").await.status, StatusCode::OK);
    assert!(!get(&maker, "/keys").await.body.contains(text));
    is_problem(&post(&maker, "/keys", &new).await, 409);
    let more = json!({"name": "more", "scopes": ["users:write"]});
    is_problem(&post(&maker, "/keys", &more).await, 403);
    let none = json!({"name": "more", "scopes": []});
    is_problem(&post(&maker, "/keys", &none).await, 422);
    let listed = json_of(&get(&maker, "/keys").await);
    let own = listed[0]["id"].as_i64().unwrap();
    let itself = send(
        &maker,
        Method::DELETE,
        &format!("/keys/{own}"),
        &Value::Null,
    )
    .await;
    is_problem(&itself, 409);
    for _ in 0..2 {
        let path = format!("/keys/{}", key["id"]);
        let revoked = send(&maker, Method::DELETE, &path, &Value::Null).await;
        assert_eq!(revoked.status, StatusCode::NO_CONTENT);
    }
    is_problem(&get(&newsroom, "/articles").await, 401);
}

async fn a_held_digest_is_put_together_and_skipped_by_a_script(app: TestApp) {
    let list = app
        .add_list_with("news", |list| list.review = Review::Hold)
        .await;
    app.subscribe(&list, &TestApp::wish("a@example.net")).await;
    let script = owner(&app).await;
    for title in ["Перша новина", "Друга новина", "Третя новина"] {
        app.publish(title, &[]).await;
    }
    app.wait(TimeDelta::days(1));
    assert!(app.digests().await.is_empty());
    let id = json_of(&get(&script, "/digests").await)[0]["id"].clone();
    let at = format!("/digests/{id}");
    let read = json_of(&get(&script, &format!("{at}/arrangement")).await);
    let ids: Vec<i64> = read["articles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["id"].as_i64().unwrap())
        .collect();
    assert_eq!(ids.len(), 3);
    let new = json!({"introduction": "Добрий день!", "order": [ids[2]], "dropped": [ids[1]]});
    let arranged = send(&script, Method::PATCH, &format!("{at}/arrangement"), &new).await;
    let arranged = json_of(&arranged);
    assert_eq!(arranged["articles"][0]["id"], ids[2]);
    assert_eq!(arranged["dropped"][0]["id"], ids[1]);
    assert_eq!(
        json_of(&get(&script, &format!("{at}/arrangement")).await),
        arranged
    );
    let preview = json_of(&get(&script, &format!("{at}/preview?language=uk")).await);
    assert!(
        preview["text"].as_str().unwrap().contains("Добрий день!"),
        "{preview}"
    );
    for (query, status) in [
        ("language=de", 400),
        ("reader=nobody", 404),
        ("reader=nobody%40example.net", 404),
        ("reader=a%40example.net&reader=a%40example.net", 400),
    ] {
        let answer = get(&script, &format!("{at}/preview?{query}")).await;
        is_problem(&answer, status);
    }
    let theirs = json_of(&get(&script, &format!("{at}/preview?reader=a%40example.net")).await);
    assert_eq!(theirs["text"], preview["text"]);
    let skipped = post(&script, &format!("{at}/skip"), &Value::Null).await;
    assert_eq!(json_of(&skipped)["letters"], json!([]));
    is_problem(
        &post(&script, &format!("{at}/skip"), &Value::Null).await,
        409,
    );
    is_problem(
        &send(&script, Method::PATCH, &format!("{at}/arrangement"), &new).await,
        409,
    );
}

async fn hold(app: &TestApp, source: SourceId, title: &str) {
    let draft = Draft {
        title: title.to_owned(),
        guid: Some(title.to_owned()),
        ..Draft::default()
    };
    let json = serde_json::to_string(&draft).unwrap();
    let mut tx = app.db.begin().await.unwrap();
    let held = store::held::add(&mut tx, source, title, (title, &json), app.now()).await;
    held.unwrap();
    tx.commit().await.unwrap();
}

async fn what_is_held_of_a_source_is_published_or_dropped_by_a_script(app: TestApp) {
    let script = owner(&app).await;
    let source = app.source().await;
    let at = format!("/sources/{}/held", source.id.0);
    hold(&app, source.id, "Перша").await;
    hold(&app, source.id, "Друга").await;
    let first = get(&script, &format!("{at}?limit=1")).await;
    assert_eq!(json_of(&first)[0]["title"], "Перша");
    assert!(first.header("link").contains("/held?limit=1&after="));
    let published = post(&script, &format!("{at}/publish"), &json!({"mailed": false})).await;
    assert_eq!(
        json_of(&published),
        json!({"new": 2, "edited": 0, "same": 0})
    );
    let articles = json_of(&get(&script, "/articles").await);
    assert_eq!(articles.as_array().unwrap().len(), 2);
    hold(&app, source.id, "Третя").await;
    let dropped = send(&script, Method::DELETE, &at, &Value::Null).await;
    assert_eq!(dropped.status, StatusCode::NO_CONTENT);
    assert_eq!(json_of(&get(&script, &at).await), json!([]));
    is_problem(&get(&script, "/sources/999/held").await, 404);
}
