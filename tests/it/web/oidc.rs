//! Sign-in by a provider: whom it lets in, and everything that it doesn't.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use chrono::TimeDelta;
use serde_json::Value;
use serde_json::json;
use visnyk::access::Role;
use visnyk::access::totp::Totp;
use visnyk::clock::Clock;
use visnyk::clock::SystemClock;
use visnyk::config::SecondFactor;
use visnyk::config::Secret;
use visnyk::config::Settings;
use visnyk::locale::Language;
use visnyk::store;

use crate::support::app::TestApp;
use crate::support::command::Visnyk;
use crate::support::database::Kind;
use crate::support::database::TestDb;
use crate::support::database::on_both;
use crate::support::oidc_provider_mock::OidcProviderMock;
use crate::support::peer::status;
use crate::support::provider::CLIENT;
use crate::support::provider::CLIENT_SECRET;
use crate::support::provider::Key;
use crate::support::provider::Provider;
use crate::support::provider::query_of;
use crate::web::Answer;
use crate::web::Browser;
use crate::web::state;

on_both! {
    whom_the_provider_vouches_for_is_let_in_and_may_undo_the_tie,
    the_first_time_the_address_counts_and_then_the_subject_alone,
    a_token_that_is_not_right_lets_nobody_in,
    keys_are_learnt_when_they_change,
    a_try_is_good_once_for_ten_minutes_and_in_its_own_browser,
    what_goes_wrong_is_said_and_changes_nothing,
    an_address_counts_only_if_it_is_verified,
    a_second_proof_is_asked_for_all_the_same,
}

const HERE: &str = "https://news.example.org";

/// A Visnyk with a provider, and one user.
struct Scene {
    app: TestApp,
    provider: Provider,
}

impl Scene {
    async fn over(test: TestDb) -> Self {
        let provider = Provider::start().await;
        let settings = settings(provider.issuer(), CLIENT, CLIENT_SECRET);
        let app = TestApp::over(test, settings).await;
        add(&app, "owner@example.org", Role::Owner).await;
        Self { app, provider }
    }

    /// Where somebody is sent, and their browser from then on.
    async fn begin(&self) -> (String, Browser) {
        let stranger = Browser::of(&self.app);
        let begun = stranger.get("/admin/oidc").await;
        assert_eq!(begun.status, StatusCode::SEE_OTHER, "{begun:?}");
        let browser = stranger.with("cookie", &cookie(&begun));
        (begun.location().to_owned(), browser)
    }

    fn agree(&self, there: &str) -> String {
        let back = self.provider.agree(there, self.app.now().seconds());
        back.strip_prefix(HERE).unwrap().to_owned()
    }

    /// The whole way, to the answer at its end.
    async fn sign_in(&self) -> Answer {
        self.app.wait(TimeDelta::minutes(1));
        let (there, browser) = self.begin().await;
        browser.get(&self.agree(&there)).await
    }

    async fn let_in(&self) -> Browser {
        let answer = self.sign_in().await;
        assert_eq!(answer.location(), "/admin", "{answer:?}");
        let browser = Browser::of(&self.app).with("cookie", &cookie(&answer));
        browser.with("accept-language", "en")
    }

    /// Nobody is let in by this, and they are told why, in both languages.
    async fn refused(&self, answer: &Answer, word: &str, what: &str) {
        let path = format!("/admin/sign-in?problem={word}");
        assert_eq!(answer.location(), path, "{what}: {answer:?}");
        for cookie in answer.headers.get_all(SET_COOKIE) {
            assert!(cookie.to_str().unwrap().starts_with("__Host-visnyk-oidc=;"));
        }
        for language in [Language::Uk, Language::En] {
            let browser = Browser::of(&self.app).with("accept-language", language.as_str());
            let page = browser.get(&path).await;
            let key = format!("problem.provider_{word}");
            let words = self.app.templates.say(language, &key, None, &[]).unwrap();
            assert!(page.body.contains(&words), "{what}: {}", page.body);
            assert!(page.body.contains("href=\"/admin/oidc\""), "a way back");
        }
    }

    async fn stays_out(&self, word: &str, what: &str) {
        let before = state(&self.app).await;
        let answer = self.sign_in().await;
        self.refused(&answer, word, what).await;
        assert_eq!(state(&self.app).await, before, "{what}");
    }

    /// The same after a start with other settings.
    fn under(mut self, settings: Settings) -> Self {
        let oidc = settings.access.oidc.clone().unwrap();
        let provider = visnyk::access::oidc::Provider::new(oidc, HERE).unwrap();
        self.app.app.provider = Some(Arc::new(provider));
        self.app.app.settings = Arc::new(settings);
        self
    }

    /// The token has these claims over those that are right.
    fn says(&self, claims: Value) {
        self.provider.be(|manner| manner.claims = claims);
    }
}

fn settings<'a>(issuer: &'a str, client: &'a str, secret: &'a str) -> [(&'a str, &'a str); 4] {
    [
        ("VISNYK_ACCESS__OIDC__ISSUER", issuer),
        ("VISNYK_ACCESS__OIDC__CLIENT_ID", client),
        ("VISNYK_ACCESS__OIDC__CLIENT_SECRET", secret),
        ("VISNYK_ACCESS__OIDC__NAME", "Редакція"),
    ]
}

async fn add(app: &TestApp, email: &str, role: Role) -> i64 {
    let mut tx = app.db.begin().await.unwrap();
    let id = store::user::add(&mut tx, &email.parse().unwrap(), role, app.now()).await;
    tx.commit().await.unwrap();
    id.unwrap().unwrap()
}

fn cookie(answer: &Answer) -> String {
    let cookie = answer.header("set-cookie").split(';').next().unwrap();
    cookie.to_owned()
}

async fn whom_the_provider_vouches_for_is_let_in_and_may_undo_the_tie(test: TestDb) {
    let scene = Scene::over(test).await;
    let page = Browser::of(&scene.app).with("accept-language", "uk");
    let page = page.get("/admin/sign-in").await.body;
    assert!(page.contains("Увійти через «Редакція»"), "{page}");
    let (there, browser) = scene.begin().await;
    let kept = Browser::of(&scene.app).get("/admin/oidc").await;
    let kept = kept.header("set-cookie");
    assert!(kept.starts_with("__Host-visnyk-oidc="), "{kept}");
    for part in [
        "; Path=/;",
        "Max-Age=600",
        "HttpOnly",
        "SameSite=Lax",
        "Secure",
    ] {
        assert!(kept.contains(part), "{part} in {kept}");
    }
    let asked = query_of(&there);
    assert_eq!(asked["redirect_uri"], format!("{HERE}/admin/oidc/callback"));
    let planted = browser.with("cookie", "__Host-visnyk=planted");
    let entered = planted.get(&scene.agree(&there)).await;
    assert_eq!(entered.location(), "/admin", "{entered:?}");
    let session = cookie(&entered);
    assert!(!session.contains("planted"));
    let kept = state(&scene.app).await;
    let token = session.split_once('=').unwrap().1;
    for secret in [token, &asked["state"], &asked["nonce"]] {
        assert!(!kept.contains(secret));
    }
    let inside = Browser::of(&scene.app).with("cookie", &session);
    assert_eq!(inside.get("/admin").await.status, StatusCode::OK);
    let log = inside.get("/admin/audit").await.body;
    assert!(log.contains("user.provider_on") && log.contains("user.sign_in"));
    assert!(log.contains(scene.provider.issuer()), "by what: {log}");

    let account = inside.get("/admin/account").await.body;
    assert!(account.contains("Редакція"), "{account}");
    let unbind = "/admin/account/provider/unbind";
    assert!(account.contains(unbind));
    let unbound = inside.post(unbind, "").await;
    assert_eq!(unbound.location(), "/admin/account?done=saved");
    assert!(!inside.get("/admin/account").await.body.contains(unbind));
    let log = inside.get("/admin/audit").await.body;
    assert!(log.contains("user.provider_off"), "{log}");
    scene.says(json!({ "sub": "another" }));
    scene.let_in().await;

    let users = inside.get("/admin/users").await.body;
    assert!(users.contains("Редакція"), "owners see the tie: {users}");
    let reset = inside.post("/admin/users/1/reset", "").await;
    assert_eq!(reset.status, StatusCode::OK, "{reset:?}");
    scene.says(json!({ "sub": "a third, since the second account is lost" }));
    scene.let_in().await;
}

async fn the_first_time_the_address_counts_and_then_the_subject_alone(test: TestDb) {
    let scene = Scene::over(test).await;
    add(&scene.app, "editor@example.org", Role::Editor).await;
    // Spelt as its owner likes.
    scene.says(json!({ "email": "Owner@Example.ORG" }));
    scene.let_in().await;
    scene.says(json!({ "email": "editor@example.org" }));
    let still = scene.let_in().await.get("/admin/account").await.body;
    assert!(still.contains("owner@example.org"), "who it was: {still}");
    scene.says(json!({ "email": null, "email_verified": null }));
    scene.let_in().await;
    scene.says(json!({ "sub": "1002" }));
    scene
        .stays_out("other", "another with the same address")
        .await;
    scene.says(json!({ "sub": "1002", "email": "nobody@example.org" }));
    scene.stays_out("stranger", "nobody here").await;
    scene.says(json!({ "sub": "1002", "email": "editor@example.org" }));
    let editor = scene.let_in().await;
    let page = editor.get("/admin/account").await.body;
    assert!(page.contains("editor@example.org"), "{page}");

    let mut tx = scene.app.db.begin().await.unwrap();
    let gone = "editor@example.org".parse().unwrap();
    store::user::disable(&mut tx, &gone).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(editor.get("/admin").await.location(), "/admin/sign-in");
    scene.stays_out("stranger", "who may no more").await;
}

async fn a_token_that_is_not_right_lets_nobody_in(test: TestDb) {
    let scene = Scene::over(test).await;
    let now = scene.app.now().seconds();
    for (what, claims) in [
        ("no nonce", json!({ "nonce": null })),
        ("another nonce", json!({ "nonce": "another" })),
        ("another audience", json!({ "aud": "another" })),
        ("one more audience", json!({ "aud": [CLIENT, "another"] })),
        ("no audience", json!({ "aud": [] })),
        ("for another party", json!({ "azp": "another" })),
        ("expired", json!({ "exp": now - 1 })),
        (
            "made in days",
            json!({ "iat": now + 300_000, "exp": now + 400_000 }),
        ),
        ("another issuer", json!({ "iss": "https://evil.example" })),
        (
            "another access token",
            json!({ "at_hash": "AAAAAAAAAAAAAAAAAAAAAA" }),
        ),
        ("no subject", json!({ "sub": null })),
        ("an empty subject", json!({ "sub": "" })),
        ("an endless subject", json!({ "sub": "x".repeat(256) })),
    ] {
        scene.says(claims);
        scene.stays_out("broken", what).await;
    }
    scene.says(json!({}));
    scene.provider.be(|manner| manner.keeps_token = true);
    scene.stays_out("broken", "no token").await;
    scene.provider.be(|manner| manner.keeps_token = false);
    let right = scene.provider.key();
    for (what, signs) in [
        ("a forged signature", ("first", Key::rsa())),
        ("a key of another kind", ("first", Key::curve())),
        ("an unknown key", ("second", Key::rsa())),
        ("alg: none", ("first", Arc::new(Key::Nothing))),
        ("what we know too", ("first", Arc::new(Key::Shared))),
    ] {
        scene.provider.be(|manner| manner.signs = signs);
        scene.stays_out("broken", what).await;
    }
    scene.provider.be(|manner| manner.signs = ("first", right));
    // With one more audience it would be right if that were us.
    scene.says(json!({ "aud": [CLIENT], "azp": CLIENT, "at_hash": null }));
    scene.let_in().await;
}

async fn keys_are_learnt_when_they_change(test: TestDb) {
    let scene = Scene::over(test).await;
    scene.let_in().await;
    scene.provider.peer.came();
    scene.let_in().await;
    let asked = |path: &str| {
        let came = scene.provider.peer.came();
        came.iter().filter(|came| came.uri.path() == path).count()
    };
    assert_eq!(asked("/keys"), 0, "what is known isn't asked again");
    let next = Key::curve();
    scene.provider.be(|manner| {
        manner.published = vec![("second", Arc::clone(&next))];
        manner.signs = ("second", next);
    });
    scene.let_in().await;
    assert_eq!(asked("/keys"), 1, "a new key is learnt at once");
    // The same name for another key.
    let next = Key::rsa();
    scene.provider.be(|manner| {
        manner.published.push(("first", Arc::clone(&next)));
        manner.signs = ("first", next);
    });
    scene.let_in().await;
    scene.app.wait(TimeDelta::minutes(61));
    scene.let_in().await;
    assert_eq!(asked("/keys"), 2, "and all of them once an hour");
}

async fn a_try_is_good_once_for_ten_minutes_and_in_its_own_browser(test: TestDb) {
    let scene = Scene::over(test).await;
    let (there, browser) = scene.begin().await;
    let back = scene.agree(&there);
    assert_eq!(browser.get(&back).await.location(), "/admin");
    let before = state(&scene.app).await;
    let replayed = browser.get(&scene.agree(&there)).await;
    scene.refused(&replayed, "stale", "replayed").await;

    // An attacker's own code, opened in somebody else's browser.
    let (there, attacker) = scene.begin().await;
    let (_, victim) = scene.begin().await;
    let back = scene.agree(&there);
    for (what, browser) in [
        ("another browser", victim),
        ("a browser that began nothing", Browser::of(&scene.app)),
        (
            "a cookie of nobody",
            Browser::of(&scene.app).with("cookie", "__Host-visnyk-oidc=AAAA"),
        ),
    ] {
        scene
            .refused(&browser.get(&back).await, "stale", what)
            .await;
    }
    for (what, odd) in [
        ("no state", "/admin/oidc/callback?code=x".to_owned()),
        ("another state", format!("{back}x")),
        ("nothing", "/admin/oidc/callback".to_owned()),
    ] {
        scene
            .refused(&attacker.get(&odd).await, "stale", what)
            .await;
    }
    scene.app.wait(TimeDelta::minutes(10));
    scene
        .refused(&attacker.get(&back).await, "stale", "late")
        .await;
    assert_eq!(state(&scene.app).await, before);
}

async fn what_goes_wrong_is_said_and_changes_nothing(test: TestDb) {
    let scene = Scene::over(test).await;
    let before = state(&scene.app).await;
    for (word, said) in [
        ("denied", "error=access_denied"),
        (
            "denied",
            "error=login_required&error_description=%3Cscript%3E",
        ),
        ("away", "error=temporarily_unavailable"),
        ("broken", "error=%3Cscript%3E"),
        ("broken", ""),
        ("stale", "code=unknown"),
        // As if another provider had answered (RFC 9207).
        ("broken", "code=x&iss=https%3A%2F%2Fevil.example"),
    ] {
        let (there, browser) = scene.begin().await;
        let state = &query_of(&there)["state"];
        let back = format!("/admin/oidc/callback?state={state}&{said}");
        scene.refused(&browser.get(&back).await, word, said).await;
        scene.app.wait(TimeDelta::minutes(1));
    }
    let secret = "what only the two of them know";
    let mut other = (*scene.app.settings).clone();
    other.access.oidc.as_mut().unwrap().client_secret = Some(Secret::new(secret.to_owned()));
    let scene = scene.under(other);
    scene
        .stays_out("broken", "a secret that the provider doesn't know")
        .await;
    assert_eq!(state(&scene.app).await, before);
    scene.app.wait(TimeDelta::minutes(61));
    for (word, metadata) in [
        ("broken", json!({ "issuer": "https://evil.example" })),
        ("broken", json!({ "jwks_uri": null })),
        (
            "broken",
            json!({ "authorization_endpoint": "javascript:alert(1)" }),
        ),
        ("away", json!({ "jwks_uri": "http://127.0.0.1:9/keys" })),
        // Passwords and tokens don't go there unencrypted.
        ("away", json!({ "jwks_uri": "http://192.0.2.1/keys" })),
    ] {
        let what = metadata.to_string();
        scene.provider.be(|manner| manner.metadata = metadata);
        let answer = Browser::of(&scene.app).get("/admin/oidc").await;
        scene.refused(&answer, word, &what).await;
        scene.app.wait(TimeDelta::minutes(61));
    }
    scene.provider.be(|manner| manner.metadata = json!({}));
    for code in [302, 404, 500] {
        scene.provider.peer.answer(move |_| status(code));
        let answer = Browser::of(&scene.app).get("/admin/oidc").await;
        let word = if code == 500 { "away" } else { "broken" };
        scene.refused(&answer, word, "no provider at all").await;
    }
    assert_eq!(state(&scene.app).await, before);
}

async fn an_address_counts_only_if_it_is_verified(test: TestDb) {
    let scene = Scene::over(test).await;
    let person = |person: Value| scene.provider.be(|manner| manner.person = person);
    scene.says(json!({ "email_verified": false }));
    person(json!({ "sub": "1001", "email": "owner@example.org", "email_verified": true }));
    scene
        .stays_out("unverified", "the token says that it isn't")
        .await;
    scene.says(json!({ "email_verified": null }));
    for (word, said) in [
        ("broken", Value::Null),
        (
            "broken",
            json!({ "sub": "1002", "email": "owner@example.org", "email_verified": true }),
        ),
        (
            "unverified",
            json!({ "sub": "1001", "email": "owner@example.org" }),
        ),
        (
            "unverified",
            json!({ "sub": "1001", "email_verified": true }),
        ),
        (
            "unverified",
            json!({ "sub": "1001", "email": "owner", "email_verified": true }),
        ),
    ] {
        let what = said.to_string();
        person(said);
        scene.stays_out(word, &what).await;
    }
    // Some providers write it so.
    person(json!({ "sub": "1001", "email": "owner@example.org", "email_verified": "true" }));
    scene.let_in().await;
}

async fn a_second_proof_is_asked_for_all_the_same(test: TestDb) {
    let mut scene = Scene::over(test).await;
    let mut settings = (*scene.app.settings).clone();
    settings.access.second_factor = SecondFactor::Owners;
    scene.app.app.settings = Arc::new(settings);
    let inside = scene.let_in().await;
    assert_eq!(inside.get("/admin").await.location(), "/admin/account/code");
    let salt = "a".repeat(43);
    let mut tx = scene.app.db.begin().await.unwrap();
    store::user::set_totp(&mut tx, 1, (&salt, 0), &[])
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let half = scene.sign_in().await;
    assert_eq!(half.location(), "/admin/sign-in/code");
    let half = Browser::of(&scene.app).with("cookie", &cookie(&half));
    assert_eq!(half.get("/admin").await.location(), "/admin/sign-in");
    let totp = Totp::of(&scene.app.secret, (1, &salt), ("", "")).unwrap();
    let code = format!("code={}", totp.code(scene.app.now()));
    let entered = half.post("/admin/sign-in/code", &code).await;
    assert_eq!(entered.location(), "/admin", "{entered:?}");
}

#[tokio::test]
async fn nobody_is_led_elsewhere_and_too_many_tries_are_too_many() {
    let scene = Scene::over(TestDb::make(Kind::Sqlite).await).await;
    let browser = Browser::of(&scene.app).with("x-forwarded-for", "203.0.113.7");
    for at in [
        "",
        "?next=https://evil.example",
        "?redirect_uri=https://evil.example&l=en",
    ] {
        let begun = browser.get(&format!("/admin/oidc{at}")).await;
        let there = begun.location();
        assert!(
            there.starts_with(scene.provider.issuer()) && !there.contains("evil"),
            "{there}"
        );
        let (there, browser) = scene.begin().await;
        let back = scene.agree(&there) + "&next=https%3A%2F%2Fevil.example";
        assert_eq!(browser.get(&back).await.location(), "/admin");
    }
    for _ in 3..10 {
        assert_eq!(
            browser.get("/admin/oidc").await.status,
            StatusCode::SEE_OTHER
        );
    }
    let busy = browser.get("/admin/oidc").await;
    assert_eq!(busy.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(busy.is_page() && !busy.header("retry-after").is_empty());
    let other = browser
        .with("x-forwarded-for", "198.51.100.9")
        .get("/admin/oidc")
        .await;
    assert_eq!(other.status, StatusCode::SEE_OTHER, "others are served");
}

#[tokio::test]
async fn without_a_provider_there_is_nothing_of_it() {
    let app = TestApp::new().await;
    let browser = Browser::of(&app);
    for path in ["/admin/oidc", "/admin/oidc/callback?code=x&state=y"] {
        assert_eq!(browser.get(path).await.status, StatusCode::NOT_FOUND);
    }
    let page = browser.get("/admin/sign-in").await.body;
    assert!(!page.contains("/admin/oidc"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_says_whether_the_provider_answers() {
    let provider = Provider::start().await;
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(provider.issuer(), CLIENT, CLIENT_SECRET);
    let check = || Visnyk::at(folder.path()).run_with(&["check"], &settings, "");
    let good = check();
    let about = format!("good  provider {}: answers", provider.issuer());
    assert!(good.stdout.contains(&about), "{}", good.stdout);
    assert!(
        good.stdout.contains("/admin/oidc/callback"),
        "{}",
        good.stdout
    );
    provider.peer.answer(|_| status(500));
    let bad = check();
    assert_eq!(bad.code, 69);
    assert!(bad.stdout.contains("BAD   provider"), "{}", bad.stdout);
    assert!(!bad.stdout.contains(CLIENT_SECRET));
}

#[tokio::test]
#[ignore = "needs oidc-provider-mock"]
async fn a_provider_of_others_is_understood() {
    let callback = format!("{HERE}/admin/oidc/callback");
    let mut provider = OidcProviderMock::start(&callback);
    let mut settings = settings(
        &provider.issuer,
        &provider.client_id,
        &provider.client_secret,
    )
    .to_vec();
    settings.push(("VISNYK_ACCESS__OIDC__NAME", "oidc-provider-mock"));
    let app = TestApp::on(Kind::Sqlite, settings).await;
    // Its clock is the machine's.
    app.wait(SystemClock.now() - app.now());
    add(&app, "owner@example.org", Role::Owner).await;
    let stranger = Browser::of(&app);
    for (who, place) in [
        (Some("owner"), "/admin"),
        (Some("owner"), "/admin"),
        (Some("unverified"), "/admin/sign-in?problem=unverified"),
        (Some("nobody"), "/admin/sign-in?problem=stranger"),
        (None, "/admin/sign-in?problem=denied"),
    ] {
        let begun = stranger.get("/admin/oidc").await;
        let browser = stranger.with("cookie", &cookie(&begun));
        let back = provider.agree(begun.location(), who);
        let back = back.strip_prefix(HERE).unwrap();
        let entered = browser.get(back).await;
        assert_eq!(entered.location(), place, "{who:?}: {entered:?}");
        if who == Some("owner") {
            let inside = stranger.with("cookie", &cookie(&entered));
            assert_eq!(inside.get("/admin").await.status, StatusCode::OK);
            let again = browser.get(back).await;
            assert_eq!(again.location(), "/admin/sign-in?problem=stale");
        }
    }
}
