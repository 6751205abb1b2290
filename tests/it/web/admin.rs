//! The console, and who may see it.

use std::path::Path;
use std::sync::Arc;

use axum::http::StatusCode;
use chrono::TimeDelta;
use visnyk::access::Role;
use visnyk::audience::list::Cadence;
use visnyk::audience::list::Hour;
use visnyk::audience::list::Review;
use visnyk::audience::sign_up;
use visnyk::audience::sign_up::Wish;
use visnyk::config::Settings;
use visnyk::digest::DigestId;
use visnyk::digest::alarm::Alarm;
use visnyk::digest::alarm::Spike;
use visnyk::digest::compile;
use visnyk::digest::review;
use visnyk::locale::Language;
use visnyk::store;
use visnyk::web::admin::sign_in_link;

use crate::support::app::TestApp;
use crate::web::Answer;
use crate::web::Browser;
use crate::web::in_a_box;
use crate::web::publish;
use crate::web::state;

in_a_box! {
    a_link_lets_in_once_and_sets_a_password,
    the_console_shows_how_things_stand,
    subscribers_are_paged_and_found,
    an_editor_arranges_and_releases_a_digest_and_a_viewer_only_looks,
    a_digest_that_waits_is_shown_as_each_reader_will_get_it,
    a_digest_that_stopped_itself_says_why_and_goes_on_when_told,
    settings_are_seen_without_secrets_and_examined_when_asked,
    several_subscriptions_are_ended_or_suppressed_at_once_if_meant,
    the_next_digests_are_foreseen,
}

const PASSWORD: &str = "correct horse battery";

/// A viewer's one-time link, as a path.
async fn link(app: &TestApp) -> String {
    let mut tx = app.db.begin().await.unwrap();
    let email = "redaktor@example.org".parse().unwrap();
    let id = store::user::add(&mut tx, &email, Role::Viewer, app.now())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let url = sign_in_link(app, id.unwrap_or(1)).await.unwrap();
    url.strip_prefix("https://news.example.org")
        .unwrap()
        .to_owned()
}

fn cookie(answer: &Answer) -> String {
    answer
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned()
}

/// A browser that is signed in.
async fn insider(app: &TestApp) -> Browser {
    let browser = Browser::of(app);
    let link = link(app).await;
    let entered = browser
        .post(&link, &format!("password={}", PASSWORD.replace(' ', "+")))
        .await;
    assert_eq!(
        (entered.status, entered.location()),
        (StatusCode::SEE_OTHER, "/admin")
    );
    browser.with("cookie", &cookie(&entered))
}

async fn sign_in(browser: &Browser, email: &str, password: &str) -> Answer {
    let body = format!(
        "email={}&password={}",
        email.replace('@', "%40"),
        password.replace(' ', "+")
    );
    browser.post("/admin/sign-in", &body).await
}

async fn a_link_lets_in_once_and_sets_a_password(app: TestApp) {
    let path = link(&app).await;
    let browser = Browser::of(&app);
    let before = state(&app).await;
    assert!(
        browser
            .get(&path)
            .await
            .body
            .contains("redaktor@example.org")
    );
    browser.head(&path).await;
    let short = browser.post(&path, "password=short").await;
    assert_eq!(short.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(state(&app).await, before);

    let entered = browser.post(&path, "password=correct+horse+battery").await;
    assert_eq!(entered.status, StatusCode::SEE_OTHER);
    assert_eq!(
        browser
            .post(&path, "password=another+good+password")
            .await
            .status,
        StatusCode::GONE
    );
    assert_eq!(browser.get(&path).await.status, StatusCode::GONE);

    let signed_in = sign_in(&browser, "Redaktor@example.org", PASSWORD).await;
    assert_eq!(
        (signed_in.status, signed_in.location()),
        (StatusCode::SEE_OTHER, "/admin")
    );
    let flags = signed_in.header("set-cookie");
    assert!(flags.starts_with("__Host-visnyk="), "{flags}");
    assert!(
        flags.ends_with("; Path=/; Max-Age=1209600; HttpOnly; SameSite=Lax; Secure"),
        "{flags}"
    );

    let inside = browser.with("cookie", &cookie(&signed_in));
    assert_eq!(inside.get("/admin").await.status, StatusCode::OK);
    let out = inside.post("/admin/sign-out", "").await;
    assert_eq!(out.location(), "/admin/sign-in");
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(
        inside.get("/admin").await.location(),
        "/admin/sign-in",
        "the session itself has ended"
    );
}

async fn the_console_shows_how_things_stand(app: TestApp) {
    let list = app.add_list("all").await;
    let mut wish = TestApp::wish("olena@example.com");
    wish.name = "<b>Олена</b>".to_owned();
    sign_up::enrol(&app, &list, &wish).await.unwrap();
    publish(&app, "Перша", "<p>Текст.</p>", &["освіта"]).await;
    publish(&app, "Друга", "<p>Текст.</p>", &["освіта"]).await;
    app.wait(TimeDelta::seconds(1));
    compile::run_now(&app, &list, Cadence::Daily).await.unwrap();
    let inside = insider(&app).await.with("accept-language", "en");
    let digests = inside.get("/admin/digests").await;
    assert_eq!(digests.status, StatusCode::OK);
    assert!(digests.body.contains("being sent") && digests.body.contains("Усі новини"));
    assert!(
        digests.body.contains("<td class=\"number\">2</td>"),
        "{}",
        digests.body
    );
    app.tick().await;
    let home = inside.get("/admin").await;
    assert_eq!(home.status, StatusCode::OK);
    assert_eq!(home.header("cache-control"), "no-store");
    assert!(
        home.body.contains("<dd>2</dd>") && home.body.contains("<dd>1</dd>"),
        "{}",
        home.body
    );
    let people = inside.get("/admin/subscribers").await;
    assert!(people.body.contains("olena@example.com") && people.body.contains("&lt;b&gt;Олена"));
    app.finish().await;
}

async fn subscribers_are_paged_and_found(app: TestApp) {
    let list = app.add_list("all").await;
    for number in 0..60 {
        let wish = TestApp::wish(&format!("reader{number}@example.com"));
        sign_up::enrol(&app, &list, &wish).await.unwrap();
    }
    let inside = insider(&app).await;
    let first = inside.get("/admin/subscribers").await.body;
    assert_eq!(first.matches("<tr>").count(), 51, "a head and fifty");
    let next = first
        .split("rel=\"next\" href=\"https://news.example.org")
        .nth(1)
        .unwrap();
    let next = next.split('"').next().unwrap().replace("&amp;", "&");
    assert_eq!(inside.get(&next).await.body.matches("<tr>").count(), 11);
    let found = inside.get("/admin/subscribers?q=READER5").await.body;
    assert_eq!(
        found.matches("<tr>").count(),
        12,
        "reader5 and reader50 to reader59"
    );
    let hostile = inside
        .get("/admin/subscribers?q=%27%20OR%201%3D1--%3Cscript%3E%25_")
        .await;
    assert!(
        hostile.status.is_success()
            && !hostile.body.contains("<tr>")
            && !hostile.body.contains("<script")
    );
}

#[tokio::test]
async fn strangers_are_sent_to_the_door() {
    let app = TestApp::new().await;
    let browser = Browser::of(&app);
    for path in ["/admin", "/admin/subscribers", "/admin/digests"] {
        let browser = browser.with("cookie", "__Host-visnyk=guessed");
        let answer = browser.get(path).await;
        assert_eq!(
            (answer.status, answer.location()),
            (StatusCode::SEE_OTHER, "/admin/sign-in"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_look_alike() {
    let app = TestApp::new().await;
    insider(&app).await;
    let browser = Browser::of(&app);
    let wrong = sign_in(&browser, "redaktor@example.org", "wrong").await;
    let unknown = sign_in(&browser, "nobody00@example.org", PASSWORD).await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert_eq!(wrong.headers, unknown.headers);
    assert_eq!(wrong.body, unknown.body.replace("nobody00@", "redaktor@"));
    for _ in 0..4 {
        sign_in(&browser, "redaktor@example.org", "wrong").await;
    }
    let right = sign_in(&browser, "redaktor@example.org", PASSWORD).await;
    assert_eq!(right.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(!right.header("retry-after").is_empty());
    app.wait(TimeDelta::minutes(1));
    let later = sign_in(&browser, "redaktor@example.org", PASSWORD).await;
    assert_eq!(later.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn sessions_and_links_end() {
    let app = TestApp::new().await;
    let inside = insider(&app).await;
    let path = link(&app).await;
    app.wait(TimeDelta::hours(25));
    assert_eq!(Browser::of(&app).get(&path).await.status, StatusCode::GONE);
    assert_eq!(inside.get("/admin").await.status, StatusCode::OK);
    app.wait(TimeDelta::days(14));
    assert_eq!(inside.get("/admin").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn without_tls_cookies_ask_for_none() {
    let mut app = TestApp::new().await;
    let mut settings = (*app.settings).clone();
    settings.base_url = "http://127.0.0.1:8080".to_owned();
    app.app.settings = Arc::new(settings);
    let mut tx = app.db.begin().await.unwrap();
    let email = "redaktor@example.org".parse().unwrap();
    let id = store::user::add(&mut tx, &email, Role::Owner, app.now())
        .await
        .unwrap()
        .unwrap();
    tx.commit().await.unwrap();
    let url = sign_in_link(&app, id).await.unwrap();
    let path = url.strip_prefix("http://127.0.0.1:8080").unwrap();
    let entered = Browser::of(&app).post(path, "").await;
    let flags = entered.header("set-cookie");
    assert!(
        flags.starts_with("visnyk=") && !flags.contains("Secure"),
        "{flags}"
    );
}

async fn an_editor_arranges_and_releases_a_digest_and_a_viewer_only_looks(app: TestApp) {
    let list = app
        .add_list_with("news", |list| list.review = Review::Hold)
        .await;
    app.subscribe(&list, &TestApp::wish("a@example.net")).await;
    let first = app.publish("Новина-1", &[]).await.id;
    let second = app.publish("Новина-2", &[]).await.id;
    app.publish("Новина-3", &[]).await;
    app.wait(TimeDelta::days(1));
    assert!(app.digests().await.is_empty());
    let browser = insider(&app).await;
    let page = browser.get("/admin/digests").await;
    assert!(page.body.contains("/admin/digests/1\""), "{}", page.body);
    let page = browser.get("/admin/digests/1").await;
    assert!(page.body.contains("Новина-2"), "{}", page.body);
    assert!(!page.body.contains("value=\"release\""), "{}", page.body);
    let act = format!("action=release&article={first}&place-{first}=1&drop={second}");
    let refused = browser.post("/admin/digests/1", &act).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    app.sql("UPDATE \"user\" SET role = 'editor'").await;
    let page = browser.get("/admin/digests/1").await;
    assert!(page.body.contains("value=\"release\""), "{}", page.body);
    let done = browser.post("/admin/digests/1", &act).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER);
    let live = "hx-trigger=\"every 5s\"";
    let page = browser.get("/admin/digests/1").await.body;
    assert!(
        page.contains(live) && page.contains("/assets/htmx.js"),
        "{page}"
    );
    let sent = app.digests().await;
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].1, ["Новина-1", "Новина-3"]);
    let page = browser.get("/admin/digests/1").await;
    assert!(page.body.contains("<progress"), "{}", page.body);
    assert!(!page.body.contains(live), "it's over: {}", page.body);
    let log = browser.get("/admin/audit").await;
    assert!(log.body.contains("digest.release"), "{}", log.body);
    assert_eq!(
        browser.get("/admin/digests/2").await.status,
        StatusCode::NOT_FOUND
    );
}

async fn a_digest_that_waits_is_shown_as_each_reader_will_get_it(app: TestApp) {
    let list = app
        .add_list_with("news", |list| list.review = Review::Hold)
        .await;
    app.subscribe(&list, &TestApp::wish("a@example.net")).await;
    let late = Wish {
        language: Language::En,
        ..TestApp::wish("late@example.net")
    };
    app.publish("Новина-1", &[]).await;
    app.subscribe(&list, &late).await;
    app.publish("Новина-2 <b>", &[]).await;
    app.wait(TimeDelta::days(1));
    app.tick().await;
    let browser = insider(&app).await;
    let page = browser.get("/admin/digests/1").await;
    let policy = page.header("content-security-policy");
    assert!(policy.contains("style-src-attr 'unsafe-inline'"));
    assert!(!policy.contains("script-src 'unsafe"), "{policy}");
    let letters = |page: &Answer| -> Vec<String> {
        let page = scraper::Html::parse_document(&page.body);
        let frames = scraper::Selector::parse("iframe[sandbox='']").unwrap();
        let letters = page
            .select(&frames)
            .filter_map(|frame| frame.attr("srcdoc"));
        letters.map(str::to_owned).collect()
    };
    let shown = letters(&page);
    assert_eq!(shown.len(), 4, "two languages, two widths");
    for letter in &shown {
        assert!(letter.contains("Новина-1") && letter.contains("Новина-2 &lt;b&gt;"));
    }
    let theirs = browser
        .get("/admin/digests/1?reader=late%40example.net")
        .await;
    let shown = letters(&theirs);
    assert_eq!(shown.len(), 2, "in their own language: {}", theirs.body);
    for letter in &shown {
        assert!(!letter.contains("Новина-1") && letter.contains("Новина-2"));
        assert!(letter.contains("lang=\"en\""), "{letter}");
    }
    for (reader, words) in [
        (
            "nobody%40example.net",
            "За цією адресою розсилки не отримують",
        ),
        ("nobody", "Це не адреса електронної пошти"),
    ] {
        let page = browser
            .get(&format!("/admin/digests/1?reader={reader}"))
            .await;
        assert!(page.body.contains(words), "{}", page.body);
        assert_eq!(letters(&page).len(), 0);
    }
}

async fn settings_are_seen_without_secrets_and_examined_when_asked(mut app: TestApp) {
    let browser = insider(&app).await;
    app.sql("UPDATE \"user\" SET role = 'owner'").await;
    let examined = browser.post("/admin/settings/examination", "").await;
    assert_eq!(examined.status, StatusCode::OK);
    for part in ["statements understood", "samples written", "гаразд"] {
        assert!(examined.body.contains(part), "{part} in {}", examined.body);
    }

    let file = "secret = 'sixteen letters hush'\nhooks.generic = 'sixteen letters hush'\n\
                [[mail.relay]]\nurl = 'smtp://me:hush@relay.example:587?tls=none'\n";
    let given = Settings::read(Some((Path::new("visnyk.toml"), file)), None, []).unwrap();
    let mut settings = (*app.settings).clone();
    settings.hooks = given.hooks;
    settings.mail.relays.extend(given.mail.relays);
    app.app.settings = Arc::new(settings);
    let browser = insider(&app).await;
    let page = browser.get("/admin/settings").await.body;
    for part in [
        "https://news.example.org",
        "smtp://relay.example:587?tls=none",
        "relay 2, connections",
        "retain.letters",
        "90d",
        "встановлено, не показуємо",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    assert!(!page.contains("hush"), "{page}");
}

async fn several_subscriptions_are_ended_or_suppressed_at_once_if_meant(app: TestApp) {
    let news = app.add_list("news").await;
    let city = app.add_list("city").await;
    for (list, email) in [
        (&news, "a@example.net"),
        (&news, "b@example.net"),
        (&city, "b@example.net"),
        (&news, "c@example.net"),
    ] {
        app.subscribe(list, &TestApp::wish(email)).await;
    }
    let browser = insider(&app).await;
    let page = browser.get("/admin/subscribers").await.body;
    assert!(
        !page.contains("name=\"subscription\""),
        "a viewer only looks"
    );
    app.sql("UPDATE \"user\" SET role = 'editor'").await;
    let page = browser.get("/admin/subscribers?q=b").await.body;
    assert_eq!(page.matches("name=\"subscription\"").count(), 2, "{page}");
    let ended = |page: &str| page.matches("class=\"state ended\"").count();

    let all = "subscription=1&subscription=2&subscription=99&subscription=x&q=";
    let unsure = browser
        .post("/admin/subscribers", &format!("{all}&step=end"))
        .await;
    assert_eq!(unsure.location(), "/admin/subscribers?q=&ended=0");
    let page = browser.get(unsure.location()).await.body;
    assert!(page.contains("Нічого не змінено"), "{page}");
    assert_eq!(ended(&page), 0);
    let meant = format!("{all}&sure=yes&step=end");
    let done = browser.post("/admin/subscribers", &meant).await;
    let page = browser.get(done.location()).await.body;
    assert!(page.contains("Завершено 2 підписки."), "{page}");
    assert_eq!(ended(&page), 2);
    let again = browser.post("/admin/subscribers", &meant).await;
    assert_eq!(again.location(), "/admin/subscribers?q=&ended=0");

    let both = "subscription=2&subscription=3&sure=yes&step=suppress&q=b%40";
    let done = browser.post("/admin/subscribers", both).await;
    assert_eq!(done.location(), "/admin/subscribers?q=b%40&suppressed=1");
    let odd = browser
        .post("/admin/subscribers", "sure=yes&step=forget")
        .await;
    assert_eq!(odd.status, StatusCode::NOT_FOUND);
    app.publish("Новина-1", &[]).await;
    app.wait(TimeDelta::days(1));
    let sent = app.digests().await;
    let to: Vec<&str> = sent.iter().map(|(to, _)| to.as_str()).collect();
    assert_eq!(to, ["c@example.net"]);
    let log = browser.get("/admin/audit").await.body;
    assert_eq!(log.matches("subscription.end").count(), 2, "{log}");
    assert_eq!(log.matches("suppression.add").count(), 1, "{log}");
}

async fn the_next_digests_are_foreseen(app: TestApp) {
    let news = app.add_list("news").await;
    let city = app
        .add_list_with("city", |list| list.review = Review::Hold)
        .await;
    app.add_list("nobody").await;
    let browser = insider(&app).await;
    let title = "Наступні дайджести";
    assert!(!browser.get("/admin/digests").await.body.contains(title));
    for (list, email, hour) in [
        (&news, "a@example.net", 7),
        (&news, "b@example.net", 9),
        (&city, "a@example.net", 8),
    ] {
        let wish = Wish {
            hour: Some(Hour::try_from(hour).unwrap()),
            ..TestApp::wish(email)
        };
        app.subscribe(list, &wish).await;
    }
    for path in ["/admin", "/admin/digests"] {
        let page = browser.get(path).await.body;
        let page = scraper::Html::parse_document(&page);
        let rows = scraper::Selector::parse("[aria-label='Наступні дайджести'] tbody tr").unwrap();
        let rows: Vec<String> = page.select(&rows).map(|row| row.html()).collect();
        assert_eq!(
            rows.len(),
            2,
            "one for each list with readers: {rows:?} on {path}"
        );
        let row = |slug: &str| rows.iter().find(|row| row.contains(slug)).unwrap();
        assert!(row("/lists/news").contains("07:00"), "{rows:?}");
        let city = row("/lists/city");
        assert!(city.contains("08:00") && city.contains("чекатиме на перевірку"));
    }
}

async fn a_digest_that_stopped_itself_says_why_and_goes_on_when_told(app: TestApp) {
    let list = app.add_list("news").await;
    app.enrol(&list, 2).await;
    app.queue_digest(&list, "Новина-1").await;
    let mut tx = app.db.begin().await.unwrap();
    let digest = store::digest::find(&mut tx, DigestId(1)).await.unwrap();
    let alarm = Alarm {
        why: Spike::Bounces,
        reports: 84,
        letters: 1_204,
        stopped: 0,
    };
    review::stop_in_alarm(&mut tx, &digest.unwrap(), alarm, app.now())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let browser = insider(&app).await;
    app.sql("UPDATE \"user\" SET role = 'editor'").await;
    let page = browser.get("/admin/digests/1").await.body;
    assert!(page.contains("Повернулося листів: 84 з 1"), "{page}");
    assert!(page.contains("value=\"release\""), "{page}");
    browser.post("/admin/digests/1", "action=release").await;
    let page = browser.get("/admin/digests/1").await.body;
    assert!(page.contains("Повернулося листів: 84 з 1"), "{page}");
    assert!(!page.contains("зупинився сам"), "{page}");
    assert_eq!(app.digests().await.len(), 2);
}
