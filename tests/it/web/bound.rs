//! Editors of some lists: what is theirs in the console, and that nothing else is.

use std::collections::BTreeSet;

use axum::http::Method;
use axum::http::StatusCode;
use chrono::TimeDelta;
use visnyk::access::Role;
use visnyk::access::reach::Reach;
use visnyk::audience::list::List;
use visnyk::audience::list::ListId;
use visnyk::audience::sign_up::Standing;
use visnyk::store;
use visnyk::store::Db;

use crate::support::app::TestApp;
use crate::web::Browser;
use crate::web::desk::ROUTES;
use crate::web::desk::browser_of;
use crate::web::desk::furnish;
use crate::web::desk::no_other_way_in;
use crate::web::desk::signed_in;
use crate::web::in_a_box;
use crate::web::state;

in_a_box! {
    an_editor_of_a_list_may_do_what_is_of_it_and_nothing_else,
    what_belongs_to_another_list_is_not_there,
    no_field_or_question_reaches_another_list,
    a_reader_of_two_lists_is_shown_as_far_as_one_goes,
    an_editor_of_some_lists_is_offered_nothing_that_refuses,
    an_owner_binds_an_editor_and_unbinds_them,
    an_editor_whose_last_list_is_gone_edits_nothing,
    whatever_is_bound_is_an_editor,
}

/// What is open to an editor of the list `all`, and whether it's of that list alone: not there for
/// editors of others. All else that [`ROUTES`] has refuses both.
const OPEN: &[(&str, &str, bool)] = &[
    ("GET", "/admin", false),
    ("GET", "/admin/sources", false),
    ("GET", "/admin/sources/1", false),
    ("GET", "/admin/articles", false),
    ("GET", "/admin/articles/1", false),
    ("GET", "/admin/lists", false),
    ("GET", "/admin/lists/all", true),
    ("POST", "/admin/lists/all", true),
    ("POST", "/admin/lists/all/digest", true),
    ("GET", "/admin/subscribers", false),
    ("POST", "/admin/subscribers", false),
    ("GET", "/admin/subscribers/1", true),
    ("GET", "/admin/subscribers.csv", false),
    ("GET", "/admin/subscribers/import", false),
    ("POST", "/admin/subscribers/import", false),
    ("GET", "/admin/subscribers/import/1", true),
    ("POST", "/admin/subscribers/import/1", true),
    ("GET", "/admin/subscribers/import/1/rejected.csv", true),
    ("POST", "/admin/subscriptions/1/end", true),
    ("GET", "/admin/digests", false),
    ("GET", "/admin/digests/1", true),
    ("POST", "/admin/digests/1", true),
    ("GET", "/admin/letters", false),
    ("GET", "/admin/letters/1", true),
    ("GET", "/admin/suppressions", false),
    ("GET", "/admin/account", false),
    ("GET", "/admin/account/code", false),
    ("POST", "/admin/account/password", false),
    ("POST", "/admin/account/code", false),
    ("POST", "/admin/account/code/off", false),
    ("POST", "/admin/account/provider/unbind", false),
    ("POST", "/admin/account/sessions/end", false),
    ("POST", "/admin/account/sessions/99/end", false),
];

/// A browser of an editor of these lists, signed in.
async fn bound(app: &TestApp, name: &str, lists: &[ListId]) -> Browser {
    let email = format!("{name}@example.org").parse().unwrap();
    let mut tx = app.db.begin().await.unwrap();
    let id = store::user::add(&mut tx, &email, Role::Editor, app.now()).await;
    let id = id.unwrap().unwrap();
    store::user::bind(&mut tx, id, Some(lists)).await.unwrap();
    tx.commit().await.unwrap();
    browser_of(app, id).await
}

async fn list_of(app: &TestApp, slug: &str) -> List {
    let mut tx = app.db.read().await.unwrap();
    store::list::find(&mut tx, slug).await.unwrap().unwrap()
}

/// Editors of `all`, which has something of everything, and of `city`, which has a reader of its own.
async fn two_editors(app: &TestApp) -> (Browser, Browser) {
    furnish(app).await;
    let all = list_of(app, "all").await;
    let city = app.add_list("city").await;
    app.subscribe(&city, &TestApp::wish("citizen@example.net"))
        .await;
    let own = bound(app, "own", &[all.id]).await;
    let other = bound(app, "other", &[city.id]).await;
    (own, other)
}

fn form(browser: &Browser) -> Browser {
    browser
        .with("content-type", "application/x-www-form-urlencoded")
        .with("origin", "https://news.example.org")
}

/// All that is kept, tables that wait and digests too.
async fn everything(app: &TestApp) -> String {
    let mut tx = app.db.read().await.unwrap();
    let uploads = store::upload::newest(&mut tx, &Reach::All, 99).await;
    let digests = store::digest::latest(&mut tx, None, 99).await.unwrap();
    let lists = store::list::all(&mut tx).await.unwrap();
    drop(tx);
    let kept = state(app).await;
    format!("{kept}\n{:?}\n{digests:?}\n{lists:?}", uploads.unwrap())
}

async fn an_editor_of_a_list_may_do_what_is_of_it_and_nothing_else(app: TestApp) {
    let (own, _) = two_editors(&app).await;
    for (method, path, of) in OPEN {
        let told = ROUTES.iter().any(|(m, p, _)| (m, p) == (method, path));
        assert!(told, "{method} {path} {of} is no route");
    }
    for (method, path, _) in ROUTES {
        let open = OPEN.iter().find(|(m, p, _)| (m, p) == (method, path));
        let method: Method = method.parse().unwrap();
        // Two runs within one millisecond are one.
        app.wait(TimeDelta::milliseconds(1));
        let before = everything(&app).await;
        let body = "step=preview&cadence=daily".to_owned();
        let answer = form(&own).ask(method.clone(), path, body).await;
        let refused = answer.status == StatusCode::FORBIDDEN;
        assert_eq!(refused, open.is_none(), "{method} {path}: {answer:?}");
        assert!(!answer.status.is_server_error(), "{method} {path}");
        if refused {
            assert!(answer.is_page(), "{method} {path}: {answer:?}");
            let back = "href=\"https://news.example.org/admin\"";
            assert!(answer.body.contains(back), "{method} {path}");
            assert_eq!(everything(&app).await, before, "{method} {path}");
        } else if method == Method::GET {
            assert_eq!(answer.status, StatusCode::OK, "{path}: {answer:?}");
        } else if open.is_some_and(|(_, _, of)| *of) {
            assert_ne!(answer.status, StatusCode::NOT_FOUND, "{path}");
        }
        no_other_way_in(&form(&own), &method, path).await;
    }
}

async fn what_belongs_to_another_list_is_not_there(app: TestApp) {
    let (_, other) = two_editors(&app).await;
    for (method, path, _) in OPEN.iter().filter(|(_, _, of)| *of) {
        let method: Method = method.parse().unwrap();
        let mut ways = vec![(*path).to_owned()];
        // As somebody else may write the number.
        ways.extend(
            ["/01", "/+1", "/%31", "/1%00", "/1.0", "/1;2", "/-1"]
                .map(|odd| path.replace("/1", odd)),
        );
        ways.extend(["/ALL", "/%61ll", "/all%00", "/all%20"].map(|odd| path.replace("/all", odd)));
        let not_there = path.replace("/1", "/9").replace("/all", "/nil");
        for body in [
            "step=preview",
            "step=begin&consent=yes&sure=yes&list=city",
            "step=drop",
            "action=cancel",
            "action=hold&list=city&list_id=2",
            "cadence=daily&slug=city",
            "name=x&sender=a%40example.org&cadences=daily&hour=8&zone=Europe%2FKyiv&language=uk&slug=city",
        ] {
            if method == Method::GET && body != "step=preview" {
                continue;
            }
            let nothing = form(&other)
                .ask(method.clone(), &not_there, body.into())
                .await;
            for way in &ways {
                let before = everything(&app).await;
                let answer = form(&other).ask(method.clone(), way, body.into()).await;
                assert_eq!(
                    answer.status,
                    StatusCode::NOT_FOUND,
                    "{method} {way} {body}: {answer:?}"
                );
                assert_eq!(everything(&app).await, before, "{method} {way} {body}");
                if way == path {
                    let nothing = nothing.body.replace(&not_there, path);
                    assert_eq!(answer.body, nothing, "{method} {way}");
                }
            }
        }
    }
}

/// Words that only pages about `all` have.
const OF_ALL: &[&str] = &[
    "reader0@",
    "/admin/subscribers/1\"",
    "/admin/digests/1\"",
    "people.csv",
    "/admin/lists/all",
];

async fn no_field_or_question_reaches_another_list(app: TestApp) {
    let (own, other) = two_editors(&app).await;
    let mut shown: BTreeSet<&&str> = BTreeSet::new();
    for path in [
        "/admin",
        "/admin/lists",
        "/admin/subscribers",
        "/admin/subscribers?q=reader",
        "/admin/subscribers?before=2",
        "/admin/subscribers?q=reader&before=9",
        "/admin/subscribers.csv",
        "/admin/subscribers.csv?list=all",
        "/admin/subscribers/import",
        "/admin/subscribers/import?list=all",
        "/admin/digests",
        "/admin/digests?before=9&list=all",
        "/admin/letters",
        "/admin/letters?state=queued",
        "/admin/letters?state=queued&before=9&digest=1",
        "/admin/account",
        "/admin/suppressions",
    ] {
        let theirs = own.get(path).await.body;
        let seen = OF_ALL.iter().filter(|word| theirs.contains(**word));
        shown.extend(seen);
        let answer = other.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        for word in OF_ALL {
            assert!(!answer.body.contains(word), "{path}: {word}");
        }
    }
    assert_eq!(shown.len(), OF_ALL.len(), "{shown:?}");
    let editor = signed_in(&app, Role::Editor).await;
    for (browser, readers) in [(&own, 1), (&other, 1), (&editor, 2)] {
        let home = browser.get("/admin").await.body;
        let figure = format!("<dt>Active subscriptions</dt><dd>{readers}</dd>");
        assert!(home.contains(&figure), "{figure}: {home}");
    }
    let own_reader = other.get("/admin/subscribers.csv").await.body;
    assert!(own_reader.contains("citizen@example.net"), "{own_reader}");
    let page = other.get("/admin/subscribers").await.body;
    assert!(page.contains("citizen@example.net"), "{page}");
    let before = everything(&app).await;
    let table = "text=email%0Aevil%40example.org";
    for list in ["all", "All", "", "2", "all%00", "city%00all", "city,all"] {
        for body in [
            format!("{table}&list={list}"),
            format!("list={list}&{table}&list=city"),
        ] {
            let answer = other.post("/admin/subscribers/import", &body).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        }
    }
    assert_eq!(everything(&app).await, before);
    let body = format!("{table}&list=city");
    let taken = other.post("/admin/subscribers/import", &body).await;
    assert_eq!(taken.location(), "/admin/subscribers/import/2");
}

async fn a_reader_of_two_lists_is_shown_as_far_as_one_goes(app: TestApp) {
    let (own, other) = two_editors(&app).await;
    let (all, city) = (list_of(&app, "all").await, list_of(&app, "city").await);
    let mut changed = city.clone();
    "Містяни".clone_into(&mut changed.name);
    let mut tx = app.db.begin().await.unwrap();
    store::list::change(&mut tx, &changed).await.unwrap();
    tx.commit().await.unwrap();
    let wish = TestApp::wish("both@example.net");
    let of_all = app.subscribe(&all, &wish).await;
    let of_city = app.subscribe(&city, &wish).await;
    let page = format!("/admin/subscribers/{}", of_all.subscriber.id.0);
    let end =
        |standing: &Standing| format!("/admin/subscriptions/{}/end", standing.subscription.id.0);
    let editor = signed_in(&app, Role::Editor).await;
    let whole = editor.get(&page).await.body;
    let letters = |page: &str| page.matches("/admin/letters/").count();
    let consents = |page: &str| page.matches("gave consent").count();
    let (mine, theirs) = (own.get(&page).await.body, other.get(&page).await.body);
    for seen in [&whole, &mine, &theirs] {
        assert!(seen.contains("both@example.net"), "{seen}");
    }
    assert!(
        mine.contains(&end(&of_all)) && !mine.contains(&end(&of_city)),
        "{mine}"
    );
    assert!(
        theirs.contains(&end(&of_city)) && !theirs.contains(&end(&of_all)),
        "{theirs}"
    );
    assert!(theirs.contains("Містяни") && !theirs.contains("Усі новини"));
    assert_eq!(
        (consents(&whole), consents(&mine), consents(&theirs)),
        (2, 1, 1)
    );
    assert!(letters(&mine) > 0 && letters(&theirs) > 0);
    assert_eq!(letters(&mine) + letters(&theirs), letters(&whole));

    let beyond = other.post(&end(&of_all), "").await;
    assert_eq!(beyond.status, StatusCode::NOT_FOUND);
    let ended = other.post(&end(&of_city), "").await;
    assert_eq!(ended.status, StatusCode::SEE_OTHER);
    let standing = app.standing(&all, &wish.email).await;
    assert_eq!(standing.subscription.state, of_all.subscription.state);
    // Who left is shown, and isn't taken along.
    let file = other.get("/admin/subscribers.csv").await.body;
    assert!(!file.contains("both@example.net"), "{file}");
    assert!(other.get(&page).await.body.contains("ended"));
}

async fn an_editor_of_some_lists_is_offered_nothing_that_refuses(app: TestApp) {
    let (own, _) = two_editors(&app).await;
    let (mut links, mut posts) = (BTreeSet::new(), BTreeSet::new());
    for (_, path, _) in OPEN.iter().filter(|(method, ..)| *method == "GET") {
        let page = own.get(path).await.body;
        for (mark, found) in [
            ("method=\"post\" action=\"", &mut posts),
            ("href=\"", &mut links),
        ] {
            for at in page.split(mark).skip(1) {
                let at = at.split('"').next().unwrap();
                let at = at.strip_prefix("https://news.example.org").unwrap_or(at);
                let at = at.split(['?', '#']).next().unwrap();
                if at.starts_with("/admin") && at != "/admin/sign-out" {
                    found.insert((at.to_owned(), *path));
                }
            }
        }
    }
    assert!(
        posts.iter().any(|(at, _)| at == "/admin/lists/all"),
        "{posts:?}"
    );
    assert!(
        posts
            .iter()
            .any(|(at, _)| at == "/admin/subscriptions/1/end")
    );
    assert!(links.iter().any(|(at, _)| at == "/admin/digests/1"));
    for (at, from) in links {
        let there = own.get(&at).await;
        assert_eq!(there.status, StatusCode::OK, "{from} leads to {at}");
    }
    for (at, from) in posts {
        let told = OPEN
            .iter()
            .any(|(method, path, _)| *method == "POST" && *path == at);
        let session = at.starts_with("/admin/account/sessions/");
        assert!(told || session, "{from} offers {at}");
    }
}

async fn an_owner_binds_an_editor_and_unbinds_them(app: TestApp) {
    app.add_list("all").await;
    app.add_list("city").await;
    let owner = signed_in(&app, Role::Owner).await;
    let add = "email=olena%40example.org&role";
    for odd in [
        "=viewer&lists=all",
        "=owner&lists=city",
        "=editor&lists=none",
        "=editor&lists=all&lists=none",
    ] {
        let odd = owner.post("/admin/users", &format!("{add}{odd}")).await;
        assert_eq!(odd.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(
            odd.body.contains("Only editors can be given"),
            "{}",
            odd.body
        );
    }
    let added = owner
        .post("/admin/users", &format!("{add}=editor&lists=city"))
        .await;
    assert_eq!(added.status, StatusCode::OK, "{added:?}");
    let olena = browser_of(&app, 2).await;
    let reads = async |list: &str| {
        let page = olena.get(&format!("/admin/lists/{list}")).await;
        page.status == StatusCode::OK
    };
    assert!(reads("city").await && !reads("all").await);
    let page = owner.get("/admin/users/2").await.body;
    assert!(
        page.contains("value=\"city\" checked") && !page.contains("value=\"all\" checked"),
        "{page}"
    );
    assert!(
        owner
            .get("/admin/users")
            .await
            .body
            .contains("/admin/users/2\">Усі новини</a>")
    );
    assert!(
        olena
            .get("/admin/account")
            .await
            .body
            .contains("Усі новини")
    );
    // The session that is open feels it.
    for (ticked, all, city) in [
        ("lists=all", true, false),
        ("lists=all&lists=city", true, true),
        ("lists=*", true, true),
        ("lists=city", false, true),
        ("lists=city", false, true),
    ] {
        let saved = owner.post("/admin/users/2", ticked).await;
        assert_eq!(saved.location(), "/admin/users/2?done=saved", "{saved:?}");
        assert_eq!(
            (reads("all").await, reads("city").await),
            (all, city),
            "{ticked}"
        );
    }
    for odd in [
        "",
        "lists=",
        "lists=*&lists=all",
        "lists=none",
        "lists=city&lists=none",
    ] {
        let odd = owner.post("/admin/users/2", odd).await;
        assert_eq!(odd.status, StatusCode::UNPROCESSABLE_ENTITY, "{odd:?}");
    }
    assert!(!reads("all").await && reads("city").await);
    assert_eq!(
        owner.get("/admin/users/1").await.status,
        StatusCode::NOT_FOUND,
        "an owner has all"
    );
    assert_eq!(
        owner.post("/admin/users/1", "lists=all").await.status,
        StatusCode::NOT_FOUND
    );
    let mut tx = app.db.read().await.unwrap();
    let log = store::audit::page(&mut tx, Some("user 2"), None, 9)
        .await
        .unwrap();
    let log: Vec<String> = log
        .into_iter()
        .rev()
        .map(|change| format!("{} {} {}", change.action, change.was, change.became))
        .collect();
    assert_eq!(
        log,
        [
            r#"user.add  {"email":"olena@example.org","lists":["city"],"role":"editor"}"#,
            r#"user.bind {"lists":["city"]} {"lists":["all"]}"#,
            r#"user.bind {"lists":["all"]} {"lists":["all","city"]}"#,
            r#"user.unbind {"lists":["all","city"]} {"lists":"all"}"#,
            r#"user.bind {"lists":"all"} {"lists":["city"]}"#,
        ]
    );
}

async fn execute(app: &TestApp, sql: &'static str) -> Result<(), sqlx::Error> {
    match &app.db {
        Db::Sqlite { write, .. } => sqlx::query(sql).execute(write).await.map(drop),
        Db::Postgres(pool) => sqlx::query(sql).execute(pool).await.map(drop),
    }
}

async fn an_editor_whose_last_list_is_gone_edits_nothing(app: TestApp) {
    furnish(&app).await;
    let gone = app.add_list("gone").await;
    let editor = bound(&app, "own", &[gone.id]).await;
    assert_eq!(editor.get("/admin/lists/gone").await.status, StatusCode::OK);
    execute(&app, "DELETE FROM list WHERE slug = 'gone'")
        .await
        .unwrap();
    for (method, path, of) in OPEN.iter().filter(|(_, _, of)| *of) {
        let method: Method = method.parse().unwrap();
        let answer = form(&editor).ask(method, path, "step=preview".into()).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path} {of}");
    }
    assert_eq!(
        editor.get("/admin/sources/new").await.status,
        StatusCode::FORBIDDEN
    );
    for path in [
        "/admin/lists",
        "/admin/subscribers",
        "/admin/subscribers.csv",
        "/admin/letters",
        "/admin/digests",
    ] {
        let page = editor.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        for word in OF_ALL {
            assert!(!page.body.contains(word), "{path}: {word}");
        }
    }
    let owner = signed_in(&app, Role::Owner).await;
    let page = owner.get("/admin/users/1").await.body;
    assert!(
        !page.contains("checked"),
        "nothing makes them an editor of all: {page}"
    );
}

async fn whatever_is_bound_is_an_editor(app: TestApp) {
    for role in [Role::Viewer, Role::Owner] {
        signed_in(&app, role).await;
    }
    for id in [1, 2] {
        let mut tx = app.db.begin().await.unwrap();
        store::user::bind(&mut tx, id, Some(&[])).await.unwrap_err();
    }
    bound(&app, "own", &[]).await;
    let promoted = execute(&app, "UPDATE \"user\" SET role = 'owner' WHERE bound = 1").await;
    promoted.unwrap_err();
}
