//! What people do in the console, and what their role keeps them from.

use axum::http::Method;
use axum::http::StatusCode;
use visnyk::access::Role;
use visnyk::audience::import::upload;
use visnyk::store;
use visnyk::web::admin::sign_in_link;
use visnyk::webhook::Event;
use visnyk::webhook::SigningSecret;

use crate::security::runs;
use crate::support::app::TestApp;
use crate::support::origin::Origin;
use crate::support::origin::answer;
use crate::web::Browser;
use crate::web::in_a_box;
use crate::web::publish;

in_a_box! {
    each_role_may_do_what_it_may_and_nothing_else,
    an_editor_adds_a_source_after_seeing_what_it_gives,
    an_editor_edits_withdraws_and_puts_back_an_article,
    an_article_gives_way_to_the_one_that_tells_the_same,
    an_editor_adds_and_changes_a_list,
    a_person_is_shown_whole_and_their_subscription_ended,
    the_file_of_subscribers_holds_no_formula_and_comes_back_in,
    an_owner_lets_people_and_scripts_in_and_out,
    a_suppression_is_added_and_lifted,
    an_owner_has_a_program_told,
    whoever_only_looks_is_offered_nothing_that_refuses,
}

/// A browser of somebody with this role, signed in.
pub(crate) async fn signed_in(app: &TestApp, role: Role) -> Browser {
    let email = format!("{}@example.org", role.as_str());
    let mut tx = app.db.begin().await.unwrap();
    let id = store::user::add(&mut tx, &email.parse().unwrap(), role, app.now()).await;
    let id = id.unwrap().unwrap();
    tx.commit().await.unwrap();
    browser_of(app, id).await
}

/// A browser of this user, signed in.
pub(crate) async fn browser_of(app: &TestApp, id: i64) -> Browser {
    let link = sign_in_link(app, id).await.unwrap();
    let browser = Browser::of(app);
    let path = link.strip_prefix("https://news.example.org").unwrap();
    let entered = browser.post(path, "").await;
    assert_eq!(entered.location(), "/admin");
    let cookie = entered
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    browser
        .with("cookie", &cookie)
        .with("accept-language", "en")
}

/// Every address of the console: what it's asked with, who may.
pub(crate) const ROUTES: &[(&str, &str, Option<Role>)] = &[
    ("GET", "/admin", Some(Role::Viewer)),
    ("POST", "/admin/test-letter", Some(Role::Owner)),
    ("GET", "/admin/sources", Some(Role::Viewer)),
    ("GET", "/admin/sources/1", Some(Role::Viewer)),
    ("GET", "/admin/sources/new", Some(Role::Editor)),
    ("POST", "/admin/sources/new", Some(Role::Editor)),
    ("POST", "/admin/sources/1", Some(Role::Editor)),
    ("POST", "/admin/sources/1/pause", Some(Role::Editor)),
    ("POST", "/admin/sources/1/resume", Some(Role::Editor)),
    ("POST", "/admin/sources/1/poll", Some(Role::Editor)),
    ("POST", "/admin/sources/1/publish-held", Some(Role::Editor)),
    ("POST", "/admin/sources/1/drop-held", Some(Role::Editor)),
    ("POST", "/admin/sources/99/remove", Some(Role::Editor)),
    ("GET", "/admin/articles", Some(Role::Viewer)),
    ("GET", "/admin/articles/1", Some(Role::Viewer)),
    ("POST", "/admin/articles/1", Some(Role::Editor)),
    ("POST", "/admin/articles/1/withdraw", Some(Role::Editor)),
    ("POST", "/admin/articles/1/publish", Some(Role::Editor)),
    ("GET", "/admin/lists", Some(Role::Viewer)),
    ("GET", "/admin/lists/all", Some(Role::Viewer)),
    ("GET", "/admin/lists/new", Some(Role::Editor)),
    ("POST", "/admin/lists/new", Some(Role::Editor)),
    ("POST", "/admin/lists/all", Some(Role::Editor)),
    ("POST", "/admin/lists/all/digest", Some(Role::Editor)),
    ("GET", "/admin/subscribers", Some(Role::Viewer)),
    ("POST", "/admin/subscribers", Some(Role::Editor)),
    ("GET", "/admin/subscribers/1", Some(Role::Viewer)),
    ("GET", "/admin/subscribers.csv", Some(Role::Editor)),
    ("GET", "/admin/subscribers/import", Some(Role::Editor)),
    ("POST", "/admin/subscribers/import", Some(Role::Editor)),
    ("GET", "/admin/subscribers/import/1", Some(Role::Editor)),
    ("POST", "/admin/subscribers/import/1", Some(Role::Editor)),
    (
        "GET",
        "/admin/subscribers/import/1/rejected.csv",
        Some(Role::Editor),
    ),
    ("POST", "/admin/subscriptions/1/end", Some(Role::Editor)),
    ("GET", "/admin/digests", Some(Role::Viewer)),
    ("GET", "/admin/digests/1", Some(Role::Viewer)),
    ("POST", "/admin/digests/1", Some(Role::Editor)),
    ("GET", "/admin/letters", Some(Role::Viewer)),
    ("GET", "/admin/letters/1", Some(Role::Viewer)),
    ("GET", "/admin/suppressions", Some(Role::Viewer)),
    ("POST", "/admin/suppressions", Some(Role::Editor)),
    (
        "POST",
        "/admin/suppressions/none/remove",
        Some(Role::Editor),
    ),
    ("GET", "/admin/templates", Some(Role::Owner)),
    (
        "GET",
        "/admin/templates/confirm/body.txt",
        Some(Role::Owner),
    ),
    (
        "GET",
        "/admin/templates/digest/body.html",
        Some(Role::Owner),
    ),
    (
        "POST",
        "/admin/templates/confirm/body.txt",
        Some(Role::Owner),
    ),
    (
        "POST",
        "/admin/templates/confirm/body.txt/shipped",
        Some(Role::Owner),
    ),
    ("GET", "/admin/users", Some(Role::Owner)),
    ("POST", "/admin/users", Some(Role::Owner)),
    ("GET", "/admin/users/2", Some(Role::Owner)),
    ("POST", "/admin/users/2", Some(Role::Owner)),
    ("POST", "/admin/users/99/disable", Some(Role::Owner)),
    ("POST", "/admin/keys", Some(Role::Owner)),
    ("POST", "/admin/keys/99/revoke", Some(Role::Owner)),
    ("POST", "/admin/users/99/reset", Some(Role::Owner)),
    ("GET", "/admin/webhooks", Some(Role::Owner)),
    ("POST", "/admin/webhooks", Some(Role::Owner)),
    ("GET", "/admin/webhooks/1", Some(Role::Owner)),
    ("POST", "/admin/webhooks/1/test", Some(Role::Owner)),
    ("POST", "/admin/webhooks/99/remove", Some(Role::Owner)),
    ("GET", "/admin/audit", Some(Role::Viewer)),
    ("POST", "/admin/articles/1/merge", Some(Role::Editor)),
    ("GET", "/admin/settings", Some(Role::Owner)),
    ("POST", "/admin/settings", Some(Role::Owner)),
    ("POST", "/admin/settings/signing", Some(Role::Owner)),
    ("POST", "/admin/settings/examination", Some(Role::Owner)),
    ("GET", "/admin/account", Some(Role::Viewer)),
    ("GET", "/admin/account/code", Some(Role::Viewer)),
    ("POST", "/admin/account/password", Some(Role::Viewer)),
    ("POST", "/admin/account/code", Some(Role::Viewer)),
    ("POST", "/admin/account/code/off", Some(Role::Viewer)),
    ("POST", "/admin/account/provider/unbind", Some(Role::Viewer)),
    ("POST", "/admin/account/sessions/end", Some(Role::Viewer)),
    ("POST", "/admin/account/sessions/99/end", Some(Role::Viewer)),
];

/// Something of everything.
pub(crate) async fn furnish(app: &TestApp) {
    publish(app, "Новина", "<p>Так</p>", &["Спорт"]).await;
    let list = app.add_list("all").await;
    app.enrol(&list, 1).await;
    app.queue_digest(&list, "Новина-2").await;
    let told = "https://example.org/told".parse().unwrap();
    let secret = SigningSecret::random();
    let mut tx = app.db.begin().await.unwrap();
    store::webhook::add(&mut tx, &told, Event::ALL, &secret, app.now())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let people = "Email Address,First Name,LEID,UNSUB_TIME\nolena@example.org,Олена,1,\n,Ігор,2,\n\
                  left@example.org,,3,2021-03-04 10:00:00\n";
    upload::keep(app, &list, ("people.csv", people.as_bytes()), "user")
        .await
        .unwrap();
}

/// However else an address is written, and whatever else its method is called, nothing is there.
pub(crate) async fn no_other_way_in(form: &Browser, method: &Method, path: &str) {
    let form = form.with("origin", "https://news.example.org");
    for odd in [format!("{path}/"), path.to_uppercase(), format!("/{path}")] {
        let body = "step=preview".to_owned();
        let odd = form.ask(method.clone(), &odd, body).await;
        assert!(odd.status.is_client_error(), "{path}: {odd:?}");
    }
    let forced = form.with("x-http-method-override", "POST");
    let forced = forced.ask(Method::GET, path, String::new()).await;
    assert_ne!(forced.status, StatusCode::SEE_OTHER, "{path}");
}

/// Every address that the router has is in [`ROUTES`], by every method; who isn't signed in may only
/// come in.
#[test]
fn every_address_of_the_console_was_thought_of() {
    let router = include_str!("../../../src/web/mod.rs");
    let mut there = std::collections::BTreeSet::new();
    for route in router.split(".route(").skip(1) {
        let path = route.split('"').nth(1).unwrap_or_default();
        let open = ["/admin/sign-in", "/admin/sign-out", "/admin/oidc"];
        if !path.starts_with("/admin") || open.iter().any(|open| path.starts_with(open)) {
            continue;
        }
        let handlers = route.split(".layer(").next().unwrap();
        for (method, word) in [("GET", "get("), ("POST", "post(")] {
            if handlers.contains(word) {
                there.insert((method, path));
            }
        }
    }
    assert!(there.len() > 50, "{there:?}");
    let fits = |pattern: &str, path: &str| {
        let (pattern, path): (Vec<_>, Vec<_>) =
            (pattern.split('/').collect(), path.split('/').collect());
        pattern.len() == path.len()
            && pattern
                .iter()
                .zip(&path)
                .all(|(own, at)| own.starts_with('{') || own == at)
    };
    let mut untold = there.clone();
    for (method, path, _) in ROUTES {
        let found = there
            .iter()
            .filter(|(own, pattern)| own == method && fits(pattern, path));
        let found = found.min_by_key(|(_, pattern)| pattern.matches('{').count());
        let found = found.unwrap_or_else(|| panic!("nothing is at {method} {path}"));
        untold.remove(found);
    }
    assert!(untold.is_empty(), "nobody says who may: {untold:#?}");
}

async fn each_role_may_do_what_it_may_and_nothing_else(app: TestApp) {
    furnish(&app).await;
    for role in [Role::Viewer, Role::Editor, Role::Owner] {
        let browser = signed_in(&app, role).await;
        for (method, path, least) in ROUTES {
            let method: Method = method.parse().unwrap();
            let form = browser.with("content-type", "application/x-www-form-urlencoded");
            let ask = |browser: Browser, path: String| {
                let method = method.clone();
                async move { browser.ask(method, &path, "step=preview".into()).await }
            };
            let answer = ask(
                form.with("origin", "https://news.example.org"),
                (*path).into(),
            )
            .await;
            let may = least.is_some_and(|least| role >= least);
            let refused = answer.status == StatusCode::FORBIDDEN;
            assert_eq!(
                refused, !may,
                "{role:?}: {method} {path}: {:?}",
                answer.status
            );
            assert!(
                !answer.status.is_server_error(),
                "{method} {path}: {answer:?}"
            );
            if may && method == Method::GET {
                assert_eq!(answer.status, StatusCode::OK, "{path}: {answer:?}");
                assert!(answer.header("cache-control").contains("no-store"));
            }
            // Nobody signed in, another site's page, another way to write it, another method.
            let stranger =
                Browser::of(&app).with("content-type", "application/x-www-form-urlencoded");
            let outside = ask(stranger, (*path).into()).await;
            assert_eq!(
                outside.location(),
                "/admin/sign-in",
                "{method} {path}: {outside:?}"
            );
            if method == Method::POST {
                let foreign =
                    ask(form.with("origin", "https://evil.example"), (*path).into()).await;
                assert_eq!(foreign.status, StatusCode::FORBIDDEN, "{path}");
            }
            no_other_way_in(&form, &method, path).await;
        }
    }
}

async fn an_editor_adds_a_source_after_seeing_what_it_gives(app: TestApp) {
    let editor = signed_in(&app, Role::Editor).await;
    let page = "<html><body><ul><li class=n><a href=/a>Перша новина міста</a></li>\
                <li class=n><a href=/b>Друга новина міста</a></li></ul>";
    let origin = Origin::always(answer(
        "200 OK",
        &[("Content-Type", "text/html; charset=utf-8")],
        page,
    ))
    .await;
    let url = origin.url("/news").as_str().replace(':', "%3A");
    let body = |step: &str| {
        format!("url={url}&every=15&kind=listing&item=li.n&title=a&link=a&step={step}")
    };
    let seen = editor.post("/admin/sources/new", &body("preview")).await;
    assert_eq!(seen.status, StatusCode::OK, "{seen:?}");
    assert!(seen.body.contains("Друга новина міста"), "{}", seen.body);
    assert!(
        store::source::all(&mut app.db.read().await.unwrap())
            .await
            .unwrap()
            .is_empty()
    );
    let added = editor.post("/admin/sources/new", &body("add")).await;
    assert_eq!(added.location(), "/admin/sources/1?done=added");
    let again = editor.post("/admin/sources/new", &body("add")).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    let bad = editor
        .post("/admin/sources/new", "url=ftp%3A%2F%2Fx&every=15&step=add")
        .await;
    assert_eq!(bad.status, StatusCode::UNPROCESSABLE_ENTITY);
    let page = editor.get("/admin/sources/1?done=added&preview=1").await;
    assert!(page.body.contains("Перша новина міста") && page.body.contains("Added."));
    let changed = editor
        .post(
            "/admin/sources/1",
            "name=%D0%9C%D1%96%D1%81%D1%82%D0%BE&every=30&kind=listing&item=li&step=save",
        )
        .await;
    assert_eq!(changed.status, StatusCode::SEE_OTHER, "{changed:?}");
    assert_eq!(
        editor.post("/admin/sources/1/pause", "").await.status,
        StatusCode::SEE_OTHER
    );
    let source = store::source::all(&mut app.db.read().await.unwrap())
        .await
        .unwrap()
        .remove(0);
    assert_eq!(
        (source.name.as_str(), source.state.as_str()),
        ("Місто", "paused")
    );
    assert_eq!(source.selectors.item.as_deref(), Some("li"));
    let gone = editor.post("/admin/sources/1/remove", "").await;
    assert_eq!(gone.location(), "/admin/sources?done=removed");
    let log = editor.get("/admin/audit").await;
    for action in [
        "source.add",
        "source.change",
        "source.pause",
        "source.remove",
    ] {
        assert!(log.body.contains(action), "{action}");
    }
    assert!(log.body.contains("user editor@example.org"));
}

async fn an_editor_edits_withdraws_and_puts_back_an_article(app: TestApp) {
    let editor = signed_in(&app, Role::Editor).await;
    let id = publish(&app, "Новина", "<p>Так</p>", &[]).await;
    let at = format!("/admin/articles/{id}");
    let edited = editor
        .post(
            &at,
            "title=Readable+title&summary=In+short&html=%3Cp%3EYes%3Cscript%3E1%3C%2Fscript%3E",
        )
        .await;
    assert_eq!(edited.location(), format!("{at}?done=saved"));
    let page = Browser::of(&app).get(&format!("/articles/{id}")).await;
    assert!(page.body.contains("Readable title") && !runs(&page.body));
    assert_eq!(
        editor.post(&at, "title=+").await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    editor.post(&format!("{at}/withdraw"), "").await;
    assert_eq!(
        Browser::of(&app)
            .get(&format!("/articles/{id}"))
            .await
            .status,
        StatusCode::GONE
    );
    editor.post(&format!("{at}/publish"), "").await;
    assert_eq!(
        Browser::of(&app)
            .get(&format!("/articles/{id}"))
            .await
            .status,
        StatusCode::OK
    );
    assert_eq!(
        editor.post(&format!("{at}/erase"), "").await.status,
        StatusCode::NOT_FOUND
    );
}

async fn an_article_gives_way_to_the_one_that_tells_the_same(app: TestApp) {
    for title in ["Міст відкрили", "Відкрили міст", "Відкрито міст"]
    {
        app.publish(title, &[]).await;
    }
    let editor = signed_in(&app, Role::Editor).await;
    let page = async |id: i64| Browser::of(&app).get(&format!("/articles/{id}")).await;
    for into in ["1", "99", "", "x", "https://news.example.org/articles/1"] {
        let body = format!("into={}", into.replace('/', "%2F"));
        let refused = editor.post("/admin/articles/1/merge", &body).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{into}");
        assert!(refused.body.contains("There is no other published news"));
    }
    let into = "into=https%3A%2F%2Fnews.example.org%2Farticles%2F2";
    let merged = editor.post("/admin/articles/1/merge", into).await;
    assert_eq!(
        merged.location(),
        "/admin/articles/1?done=saved",
        "{merged:?}"
    );
    let led = page(1).await;
    assert_eq!(led.status, StatusCode::PERMANENT_REDIRECT);
    assert_eq!(led.location(), "https://news.example.org/articles/2");
    let feed = Browser::of(&app).get("/feed.json").await.body;
    assert!(!feed.contains("Міст відкрили") && feed.contains("Відкрили міст"));
    let gone = editor.post("/admin/articles/3/merge", "into=1").await;
    assert_eq!(
        gone.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "into one that is off"
    );

    editor.post("/admin/articles/2/merge", "into=3").await;
    for id in [1, 2] {
        let place = "https://news.example.org/articles/3";
        assert_eq!(page(id).await.location(), place, "{id}");
    }
    editor.post("/admin/articles/1/publish", "").await;
    assert_eq!(page(1).await.status, StatusCode::OK);
    editor.post("/admin/articles/1/withdraw", "").await;
    assert_eq!(page(1).await.status, StatusCode::GONE);
    let log = editor.get("/admin/audit").await.body;
    assert_eq!(log.matches("article.merge").count(), 2, "{log}");
}

async fn an_editor_adds_and_changes_a_list(app: TestApp) {
    let editor = signed_in(&app, Role::Editor).await;
    let form = editor.get("/admin/lists/new").await;
    assert!(form.body.contains("news@example.org"));
    let list = "slug=city&name=City&sender=Visnyk+%3Cnews%40example.org%3E&cadences=daily,weekly&hour=9&zone=Europe%2FKyiv&language=en&review=hold&topics=Sport";
    let added = editor.post("/admin/lists/new", list).await;
    assert_eq!(
        added.location(),
        "/admin/lists/city?done=added",
        "{added:?}"
    );
    assert_eq!(
        editor.post("/admin/lists/new", list).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let page = editor.get("/admin/lists/city").await;
    assert!(page.body.contains("value=\"sport\""), "{}", page.body);
    let changed = editor
        .post("/admin/lists/city", &list.replace("name=City", "name=Town"))
        .await;
    assert_eq!(changed.status, StatusCode::SEE_OTHER);
    let odd = editor
        .post("/admin/lists/city", &list.replace("hour=9", "hour=25"))
        .await;
    assert_eq!(odd.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(odd.body.contains("expected an hour"));
    let page = Browser::of(&app).get("/lists/city").await;
    assert!(page.body.contains("Town"));
}

async fn a_person_is_shown_whole_and_their_subscription_ended(app: TestApp) {
    furnish(&app).await;
    let editor = signed_in(&app, Role::Editor).await;
    let page = editor.get("/admin/subscribers/1").await;
    for words in [
        "reader0@example.net",
        "gave consent",
        "/admin/letters/1",
        "/admin/subscriptions/1/end",
    ] {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    assert!(
        editor
            .get("/admin/letters/1")
            .await
            .body
            .contains("reader0@example.net")
    );
    editor.post("/admin/subscriptions/1/end", "").await;
    assert!(
        editor
            .get("/admin/subscribers/1")
            .await
            .body
            .contains("ended")
    );
    app.send().await;
    assert_eq!(
        app.letters()
            .iter()
            .filter(|kept| kept.name.starts_with("digest"))
            .count(),
        0
    );
}

async fn the_file_of_subscribers_holds_no_formula_and_comes_back_in(app: TestApp) {
    let editor = signed_in(&app, Role::Editor).await;
    let list = app.add_list("all").await;
    for (number, name) in ["=1+1", "+1", "-1", "@SUM(A1)", "Олена"].iter().enumerate() {
        let mut wish = TestApp::wish(&format!("a{number}@example.org"));
        (*name).clone_into(&mut wish.name);
        visnyk::audience::sign_up::enrol(&app, &list, &wish)
            .await
            .unwrap();
    }
    let wish = TestApp::wish("=cmd@example.org");
    visnyk::audience::sign_up::enrol(&app, &list, &wish)
        .await
        .unwrap();
    let file = editor.get("/admin/subscribers.csv").await;
    assert!(file.header("content-disposition").contains("attachment"));
    let cells: Vec<String> = csv::Reader::from_reader(file.body.as_bytes())
        .records()
        .flat_map(|row| row.unwrap().iter().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    assert_eq!(cells.len(), 6 * 5);
    assert!(
        cells
            .iter()
            .all(|cell| !cell.starts_with(['=', '+', '-', '@'])),
        "{cells:?}"
    );

    let other = app.add_list("other").await;
    let terms = visnyk::audience::import::Terms {
        origin: "import".into(),
        consent: "так".into(),
        ..Default::default()
    };
    let came = visnyk::audience::import::import(&app, &other, file.body.as_bytes(), &terms, |_| ())
        .await
        .unwrap();
    assert_eq!((came.added, came.bad), (6, 0), "{came:?}");
    let mut tx = app.db.read().await.unwrap();
    assert_eq!(store::subscriber::count(&mut tx).await.unwrap(), 6);
}

async fn an_owner_lets_people_and_scripts_in_and_out(app: TestApp) {
    let owner = signed_in(&app, Role::Owner).await;
    let added = owner
        .post("/admin/users", "email=olena%40example.org&role=editor")
        .await;
    let link = added
        .body
        .split("https://news.example.org/admin/sign-in/")
        .nth(1)
        .unwrap();
    let path = format!("/admin/sign-in/{}", link.split(['<', '"']).next().unwrap());
    let entered = Browser::of(&app).post(&path, "").await;
    let cookie = entered
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let olena = Browser::of(&app).with("cookie", &cookie);
    assert_eq!(olena.get("/admin/sources/new").await.status, StatusCode::OK);
    assert_eq!(
        owner.post("/admin/users/2/disable", "").await.status,
        StatusCode::SEE_OTHER
    );
    assert_eq!(olena.get("/admin").await.location(), "/admin/sign-in");
    let own = owner.post("/admin/users/1/disable", "").await;
    assert_eq!(own.status, StatusCode::UNPROCESSABLE_ENTITY);

    let made = owner
        .post("/admin/keys", "name=press&scopes=articles%3Aread")
        .await;
    let key = made.body.split("visnyk_").nth(1).unwrap();
    let key = format!("visnyk_{}", key.split('<').next().unwrap());
    let script = Browser::of(&app).with("authorization", &format!("Bearer {key}"));
    assert_eq!(script.get("/api/v1/articles").await.status, StatusCode::OK);
    assert!(!owner.get("/admin/users").await.body.contains(&key));
    let odd = owner
        .post("/admin/keys", "name=other&scopes=everything")
        .await;
    assert_eq!(odd.status, StatusCode::UNPROCESSABLE_ENTITY);
    owner.post("/admin/keys/1/revoke", "").await;
    assert_eq!(
        script.get("/api/v1/articles").await.status,
        StatusCode::UNAUTHORIZED
    );
}

async fn a_suppression_is_added_and_lifted(app: TestApp) {
    let editor = signed_in(&app, Role::Editor).await;
    editor
        .post("/admin/suppressions", "email=olena%40example.org&step=add")
        .await;
    let page = editor.get("/admin/suppressions").await;
    assert!(page.body.contains("our decision") && !page.body.contains("olena@"));
    let lifted = editor
        .post(
            "/admin/suppressions",
            "email=Olena%40example.org&step=remove",
        )
        .await;
    assert_eq!(lifted.location(), "/admin/suppressions?done=removed");
    let page = editor.get("/admin/suppressions").await;
    assert!(!page.body.contains("our decision"));
    let odd = editor.post("/admin/suppressions", "email=olena").await;
    assert_eq!(odd.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn the_metrics_are_numbers_and_no_addresses() {
    let app = TestApp::new().await;
    furnish(&app).await;
    let browser = Browser::of(&app);
    browser.get("/feed.atom").await;
    let page = browser.get("/metrics").await;
    assert_eq!(
        page.header("content-type"),
        "text/plain; version=0.0.4; charset=utf-8"
    );
    for line in page.body.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(name.starts_with("visnyk_"), "{line}");
        value.parse::<i64>().unwrap();
    }
    for line in [
        "visnyk_letters{state=\"queued\"} 1",
        "visnyk_subscriptions_active 1",
        "visnyk_sources{state=\"failing\"} 0",
    ] {
        assert!(page.body.contains(line), "{line}: {}", page.body);
    }
    assert!(!page.body.contains('@'));
    let board =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/grafana.json"))
            .unwrap();
    let board: serde_json::Value = serde_json::from_str(&board).unwrap();
    for panel in board["panels"].as_array().unwrap() {
        let asked = panel["targets"][0]["expr"].as_str().unwrap();
        let name = asked.split(|sign: char| !(sign.is_ascii_lowercase() || sign == '_'));
        let name = name
            .into_iter()
            .find(|word| word.starts_with("visnyk_"))
            .unwrap();
        assert!(page.body.contains(name), "{name}");
    }
}

async fn an_owner_has_a_program_told(app: TestApp) {
    let owner = signed_in(&app, Role::Owner).await;
    let page = owner.get("/admin/webhooks").await;
    assert!(page.body.contains("No webhooks yet"), "{}", page.body);
    let events = "subscriber.left%0D%0Adigest.sent";
    for (form, words) in [
        (
            format!("url=http%3A%2F%2F10.0.0.1%2F&events={events}"),
            "public address",
        ),
        (
            "url=https%3A%2F%2Fexample.org%2F&events=all".to_owned(),
            "one a line",
        ),
        (
            "url=https%3A%2F%2Fexample.org%2F&events=".to_owned(),
            "one a line",
        ),
    ] {
        let odd = owner.post("/admin/webhooks", &form).await;
        assert_eq!(odd.status, StatusCode::UNPROCESSABLE_ENTITY, "{form}");
        assert!(odd.body.contains(words), "{form}: {}", odd.body);
    }
    let form = format!("url=https%3A%2F%2Fexample.org%2Ftold&events={events}");
    let added = owner.post("/admin/webhooks", &form).await;
    assert_eq!(added.status, StatusCode::OK, "{added:?}");
    assert!(added.body.contains("whsec_"), "the secret, this once");
    let page = owner.get("/admin/webhooks").await;
    assert!(
        page.body.contains("subscriber.left, digest.sent"),
        "{}",
        page.body
    );
    assert!(!page.body.contains("whsec_"));
    let tried = owner.post("/admin/webhooks/1/test", "").await;
    assert_eq!(tried.location(), "/admin/webhooks/1?done=soon");
    let page = owner.get("/admin/webhooks/1").await;
    assert!(page.body.contains("webhook.test"), "{}", page.body);
    let removed = owner.post("/admin/webhooks/1/remove", "").await;
    assert_eq!(removed.location(), "/admin/webhooks?done=removed");
    assert_eq!(
        owner.get("/admin/webhooks/1").await.status,
        StatusCode::NOT_FOUND
    );
    let log = owner.get("/admin/audit").await;
    for action in ["webhook.add", "webhook.test", "webhook.remove"] {
        assert!(log.body.contains(action), "{action}");
    }
    assert!(!log.body.contains("whsec_"));
}

async fn whoever_only_looks_is_offered_nothing_that_refuses(app: TestApp) {
    furnish(&app).await;
    let viewer = signed_in(&app, Role::Viewer).await;
    let mine = ["/admin/account", "/admin/sign-out"];
    for (method, path, least) in ROUTES {
        if *method != "GET" || *least != Some(Role::Viewer) {
            continue;
        }
        let page = viewer.get(path).await;
        for (mark, end) in [("method=\"post\" action=\"", '"'), ("href=\"", '"')] {
            for at in page.body.split(mark).skip(1) {
                let at = at.split(end).next().unwrap();
                let at = at.strip_prefix("https://news.example.org").unwrap_or(at);
                let at = at.split(['?', '#']).next().unwrap();
                if !at.starts_with("/admin") || mine.iter().any(|own| at.starts_with(own)) {
                    continue;
                }
                assert_eq!(mark, "href=\"", "{path} offers {at}");
                let there = viewer.get(at).await;
                assert_eq!(there.status, StatusCode::OK, "{path} leads to {at}");
            }
        }
    }
}
