//! What strangers try, against the whole site and the console, asked as they'd ask.
//!
//! OWASP ASVS 5.0, as far as these tests show it; `file::test` is below `tests/it`.
//!
//! | item | what | shown by |
//! |---|---|---|
//! | 1.2.1, 1.3.1 | what people wrote is escaped, HTML is cleaned | [`what_people_wrote_runs_nowhere`], `templates::a_hostile_article_harms_neither_page_nor_letter` |
//! | 1.2.4 | no SQL from strings | [`nothing_that_is_asked_becomes_sql`], `architecture` (no `sqlx::AssertSqlSafe`) |
//! | 1.2.10 | CSV without formulas | `web::desk::the_file_of_subscribers_holds_no_formula_and_comes_back_in` |
//! | 1.3.11 | no header from a line end | [`a_line_end_in_a_name_makes_no_header`] |
//! | 1.3.6 | no request into our own network | `source::fetch::guard` |
//! | 1.3.12, 1.5.1 | XML and expressions have bounds | `source::fetch::body`, `templates` |
//! | 2.4.1 | what can be asked has budgets | `web::sign_up::one_address_gets_three_letters_a_day_whatever_is_posted`, `web::api` (`RateLimit`) |
//! | 3.3.1–3.3.4 | cookies: `__Host-`, `Secure`, `HttpOnly`, `SameSite` | `web::admin::a_link_lets_in_once_and_sets_a_password` |
//! | 3.4.1–3.4.8 | policy, types, referrers, frames | [`every_answer_tells_browsers_to_run_nothing`] |
//! | 3.5.1–3.5.3 | only our own pages may post; GET changes nothing | [`another_site_posts_in_vain`], [`looking_changes_nothing`] |
//! | 4.1.1, 4.1.4 | types are told and asked for, unknown methods refused | [`methods_that_nobody_takes_are_refused`], `web::api::whatever_goes_wrong_is_a_problem_in_json` |
//! | 5.3.2 | no path from a name | [`no_name_leads_out_of_the_assets`] |
//! | 6.2.1–6.2.8, 6.3.1 | passwords: length, same answer and same work for everybody, five tries | `web::admin` |
//! | 7.2.1–7.2.4, 7.4.1 | sessions: new at each sign-in, hashed, ended | [`a_session_is_new_at_each_sign_in_and_ends`] |
//! | 8.2.1–8.3.1 | roles and scopes for each route | `web::desk::each_role_may_do_what_it_may_and_nothing_else`, `web::api::a_key_may_do_what_its_scopes_say_and_nothing_else` |
//! | 9.2.1–9.2.3 | tokens are for one purpose, and whole | [`a_link_does_only_what_it_was_made_for`] |
//! | 13.2.3, 14.2.1 | links from settings alone | [`links_never_come_from_the_host_header`] |
//! | 14.3.2 | pages with people on them aren't kept | [`pages_with_people_on_them_are_not_kept`] |
//! | 15.3.3 | no field beyond those meant | `web::api::whatever_goes_wrong_is_a_problem_in_json` |
//! | 16.2.5, 16.3.1 | changes are logged, without secrets and addresses of readers | `web::api::every_change_is_in_the_audit_log` |
//! | 16.5.1 | a stranger is told a number, not the cause | `web::guard` |

use axum::http::Method;
use axum::http::StatusCode;
use visnyk::access::Purpose;
use visnyk::access::Role;
use visnyk::access::key::Scope;
use visnyk::audience::sign_up;
use visnyk::store;

use crate::support::app::TestApp;
use crate::web::Browser;
use crate::web::api::script;
use crate::web::desk::furnish;
use crate::web::desk::signed_in;
use crate::web::publish;
use crate::web::state;

/// Markup that would run, in the ways that markup runs.
const MARKUP: &[&str] = &[
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "'><svg/onload=alert(1)>",
    "</title><script>alert(1)</script>",
    "javascript:alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "<a href=\"javascript:alert(1)\">x</a>",
    "<iframe srcdoc=\"<script>alert(1)</script>\"></iframe>",
    "<style>@import 'https://evil.example'</style>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
];

pub(crate) fn runs(page: &str) -> bool {
    // What is described for search engines is no program, and holds no `<` at all.
    let own = "<script src=\"https://news.example.org/assets/htmx.js\" defer></script>";
    let page = page.replace(own, "").to_lowercase();
    let mut described = page.split(r#"<script type="application/ld+json">"#);
    let before = described.next().unwrap_or_default().to_owned();
    let page = described.fold(before, |page, rest| {
        let (data, rest) = rest.split_once("</script>").unwrap_or((rest, ""));
        assert!(!data.contains('<'), "{data}");
        page + rest
    });
    [
        "<script",
        "<iframe",
        "onerror=alert(1)>",
        "<svg/onload",
        "href=\"javascript:",
        "<style",
        "<img src=x",
    ]
    .iter()
    .any(|bad| page.contains(bad))
}

fn encoded(fields: &[(&str, &str)]) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(fields);
    form.finish()
}

#[tokio::test]
async fn what_people_wrote_runs_nowhere() {
    let app = TestApp::new().await;
    let owner = signed_in(&app, Role::Owner).await;
    for (number, markup) in MARKUP.iter().enumerate() {
        let slug = format!("list-{number}");
        let list = encoded(&[
            ("slug", &slug),
            ("name", &format!("Новини {markup}")),
            ("description", markup),
            ("sender", "news@example.org"),
            ("cadences", "daily"),
            ("hour", "8"),
            ("zone", "Europe/Kyiv"),
            ("language", "uk"),
            ("review", "auto"),
        ]);
        assert_eq!(
            owner.post("/admin/lists/new", &list).await.status,
            StatusCode::SEE_OTHER
        );
        let id = publish(
            &app,
            &format!("Новина {markup}"),
            &format!("<p>{markup}</p>"),
            &[&format!("Тема {markup}")],
        )
        .await;
        let list = store::list::find(&mut app.db.read().await.unwrap(), &slug)
            .await
            .unwrap()
            .unwrap();
        let mut wish = TestApp::wish(&format!("a{number}@example.org"));
        (*markup).clone_into(&mut wish.name);
        sign_up::enrol(&app, &list, &wish).await.unwrap();
        let query = encoded(&[
            ("q", markup),
            ("done", markup),
            ("before", markup),
            ("state", markup),
            ("l", markup),
        ]);
        for path in [
            format!("/articles/{id}"),
            format!("/lists/{slug}"),
            format!("/lists/{slug}/embed"),
            "/".into(),
            "/topics".into(),
            format!("/admin/articles/{id}?{query}"),
            format!("/admin/lists/{slug}?{query}"),
            format!("/admin/subscribers?{query}"),
            format!("/admin/subscribers/{}", number + 1),
            format!("/admin/letters?{query}"),
            format!("/admin/audit?{query}"),
            format!("/admin/articles?{query}"),
            "/admin".into(),
            format!("/nothing?{query}"),
            format!("/search?{query}"),
        ] {
            let page = owner.get(&path).await;
            assert!(!page.status.is_server_error(), "{path}: {page:?}");
            assert!(!runs(&page.body), "{markup} at {path}: {}", page.body);
        }
        let odd = owner
            .post(
                "/admin/sources/new",
                &encoded(&[("url", markup), ("every", "15"), ("name", markup)]),
            )
            .await;
        assert!(
            odd.status == StatusCode::UNPROCESSABLE_ENTITY && !runs(&odd.body),
            "{odd:?}"
        );
        let odd = owner
            .post(
                "/admin/sign-in",
                &encoded(&[("email", markup), ("password", "x")]),
            )
            .await;
        assert!(odd.status.is_client_error() && !runs(&odd.body), "{odd:?}");
    }
}

#[tokio::test]
async fn nothing_that_is_asked_becomes_sql() {
    let app = TestApp::new().await;
    furnish(&app).await;
    let owner = signed_in(&app, Role::Owner).await;
    let key = script(&app, "all", Scope::ALL).await;
    let before = state(&app).await;
    for odd in [
        "'",
        "' OR '1'='1",
        "1; DROP TABLE letter; --",
        "\" OR 1=1",
        "%' UNION SELECT password FROM user --",
        "\\",
        "\0",
        "1e309",
        "-1",
        "9223372036854775808",
        "NaN",
        "[]",
        "{}",
    ] {
        let query = encoded(&[
            ("q", odd),
            ("before", odd),
            ("state", odd),
            ("after", odd),
            ("email", odd),
            ("beyond", odd),
            ("topic", odd),
        ]);
        let name = encoded(&[("", odd)])
            .replacen('=', "", 1)
            .replace('+', "%20");
        for path in [
            "/search",
            "/admin/subscribers",
            "/admin/letters",
            "/admin/articles",
            "/admin/audit",
            "/admin/suppressions",
            "/feed.atom",
        ] {
            let answer = owner.get(&format!("{path}?{query}")).await;
            assert!(
                !answer.status.is_server_error(),
                "{path}?{query}: {answer:?}"
            );
        }
        for path in [
            "/articles/",
            "/topics/",
            "/departments/",
            "/lists/",
            "/archive/",
            "/admin/articles/",
            "/admin/lists/",
            "/admin/letters/",
            "/confirm/",
            "/preferences/",
            "/leave/",
        ] {
            let answer = owner.get(&format!("{path}{name}")).await;
            assert!(
                answer.status.is_client_error() || answer.status == StatusCode::OK,
                "{path}{name}: {answer:?}"
            );
            assert!(!answer.status.is_server_error());
        }
        for path in [
            "articles",
            "letters",
            "subscribers",
            "suppressions",
            "lists",
        ] {
            let answer = key.get(&format!("/api/v1/{path}?{query}")).await;
            assert!(
                !answer.status.is_server_error(),
                "{path}?{query}: {answer:?}"
            );
            let answer = key.get(&format!("/api/v1/{path}/{name}")).await;
            assert!(answer.status.is_client_error(), "{path}/{name}: {answer:?}");
        }
    }
    let without_sessions = |text: &str| {
        text.lines()
            .filter(|line| !line.starts_with("session"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert_eq!(
        without_sessions(&state(&app).await),
        without_sessions(&before)
    );
}

#[tokio::test]
async fn another_site_posts_in_vain() {
    let app = TestApp::new().await;
    furnish(&app).await;
    let owner = signed_in(&app, Role::Owner).await;
    let before = state(&app).await;
    for path in [
        "/admin/sources/1/remove",
        "/admin/articles/1/withdraw",
        "/admin/subscriptions/1/end",
        "/admin/users",
        "/admin/keys",
        "/admin/suppressions",
        "/admin/sign-out",
        "/link",
    ] {
        for (name, value) in [
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("origin", "http://news.example.org"),
            ("origin", "https://news.example.org.evil.example"),
            ("origin", "https://news.example.org:8443"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            let answer = owner
                .with(name, value)
                .post(path, "email=a%40example.org&role=owner&step=add")
                .await;
            assert_eq!(
                answer.status,
                StatusCode::FORBIDDEN,
                "{path} {name}: {value}"
            );
        }
    }
    assert_eq!(state(&app).await, before);
    for kind in [
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/json",
    ] {
        let answer = owner
            .with("content-type", kind)
            .ask(
                Method::POST,
                "/admin/suppressions",
                "email=a%40example.org".into(),
            )
            .await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind}");
    }
    let foreign = owner
        .with("origin", "https://evil.example")
        .get("/admin")
        .await;
    assert!(
        foreign
            .headers
            .keys()
            .all(|name| !name.as_str().starts_with("access-control"))
    );
}

#[tokio::test]
async fn looking_changes_nothing() {
    let app = TestApp::new().await;
    furnish(&app).await;
    let owner = signed_in(&app, Role::Owner).await;
    let before = state(&app).await;
    for path in [
        "/admin/sources/1/remove",
        "/admin/sources/1/pause",
        "/admin/articles/1/withdraw",
        "/admin/subscriptions/1/end",
        "/admin/users/1/disable",
        "/admin/keys/1/revoke",
        "/admin/suppressions/x/remove",
        "/admin/sign-out",
        "/admin/lists/all?step=save&name=x",
        "/admin/articles/1?title=x&step=save",
        "/admin/subscribers.csv",
    ] {
        for method in [Method::GET, Method::HEAD] {
            for (name, value) in [
                ("x-http-method-override", "POST"),
                ("x-method-override", "DELETE"),
                ("accept", "*/*"),
            ] {
                owner
                    .with(name, value)
                    .ask(method.clone(), path, String::new())
                    .await;
            }
        }
    }
    assert_eq!(state(&app).await, before);
    assert!(
        store::audit::page(&mut app.db.read().await.unwrap(), None, None, 9)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_session_is_new_at_each_sign_in_and_ends() {
    let app = TestApp::new().await;
    let planted = Browser::of(&app).with("cookie", "__Host-visnyk=planted; visnyk=planted");
    assert_eq!(planted.get("/admin").await.location(), "/admin/sign-in");
    let owner = signed_in(&app, Role::Owner).await;
    assert_eq!(planted.get("/admin").await.location(), "/admin/sign-in");
    assert!(!state(&app).await.contains("planted"));
    assert_eq!(owner.get("/admin").await.status, StatusCode::OK);
    owner.post("/admin/sign-out", "").await;
    assert_eq!(owner.get("/admin").await.location(), "/admin/sign-in");
    let editor = signed_in(&app, Role::Editor).await;
    app.wait(chrono::TimeDelta::days(15));
    assert_eq!(editor.get("/admin").await.location(), "/admin/sign-in");
}

#[tokio::test]
async fn a_link_does_only_what_it_was_made_for() {
    let app = TestApp::new().await;
    let list = app.add_list("all").await;
    let one = app
        .subscribe(&list, &TestApp::wish("one@example.org"))
        .await;
    let browser = Browser::of(&app);
    let all = [
        ("confirm", Purpose::Confirm),
        ("leave", Purpose::Leave),
        ("preferences", Purpose::Preferences),
    ];
    for (page, purpose) in all {
        let token = app.token(&one.subscription, purpose);
        for (other, _) in all {
            let answer = browser.get(&format!("/{other}/{token}")).await;
            assert_eq!(
                answer.status == StatusCode::OK,
                other == page,
                "{page} token at /{other}: {answer:?}"
            );
        }
        let (number, rest) = token.split_once('.').unwrap();
        let other: i64 = number.parse::<i64>().unwrap() + 1;
        for forged in [
            format!("{other}.{rest}"),
            format!("{token}x"),
            token.to_uppercase(),
            format!("{number}.{rest}.{rest}"),
            rest.to_owned(),
        ] {
            let answer = browser.get(&format!("/{page}/{forged}")).await;
            assert!(
                matches!(answer.status, StatusCode::NOT_FOUND | StatusCode::GONE),
                "/{page}/{forged}: {answer:?}"
            );
        }
    }
}

#[tokio::test]
async fn links_never_come_from_the_host_header() {
    let app = TestApp::new().await;
    furnish(&app).await;
    let owner = signed_in(&app, Role::Owner).await;
    for (name, value) in [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("forwarded", "host=evil.example"),
        ("x-original-url", "/admin"),
        ("x-forwarded-prefix", "/evil.example"),
    ] {
        for path in [
            "/",
            "/articles/1",
            "/lists/all",
            "/feed.atom",
            "/feed.json",
            "/sitemap.xml",
            "/robots.txt",
            "/admin",
            "/api",
            "/api/openapi.json",
            "/nothing",
        ] {
            let answer = owner.with(name, value).get(path).await;
            assert!(!answer.body.contains("evil.example"), "{path} with {name}");
            assert!(answer.headers.values().all(|value| {
                !value
                    .as_bytes()
                    .windows(12)
                    .any(|part| part == b"evil.example")
            }));
        }
    }
    let asked = Browser::of(&app)
        .with("host", "evil.example")
        .post("/lists/all/subscribe", "email=new%40example.org")
        .await;
    assert_eq!(asked.location(), "/asked");
    app.send().await;
    for letter in app.letters() {
        assert!(!String::from_utf8_lossy(&letter.letter).contains("evil.example"));
    }
}

#[tokio::test]
async fn no_name_leads_out_of_the_assets() {
    let app = TestApp::new().await;
    let browser = Browser::of(&app);
    for name in [
        "../Cargo.toml",
        "..%2fCargo.toml",
        "..%2f..%2fetc%2fpasswd",
        "%2e%2e/visnyk.css",
        "..%5c..%5csecret",
        "visnyk.css%00.svg",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        ".",
        "..",
        "visnyk.css/",
        "words/uk.toml",
    ] {
        let answer = browser.get(&format!("/assets/{name}")).await;
        assert!(answer.status.is_client_error(), "{name}: {answer:?}");
    }
    assert_eq!(
        browser.get("/assets/visnyk.css").await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn every_answer_tells_browsers_to_run_nothing() {
    let app = TestApp::new().await;
    furnish(&app).await;
    let owner = signed_in(&app, Role::Owner).await;
    for path in [
        "/",
        "/articles/1",
        "/lists/all",
        "/feed.atom",
        "/admin",
        "/admin/sources/1",
        "/api",
        "/api/v1/articles",
        "/nothing",
        "/assets/visnyk.css",
        "/metrics",
        "/healthz",
    ] {
        let answer = owner.get(path).await;
        let policy = answer.header("content-security-policy");
        for rule in [
            "default-src 'none'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
        ] {
            assert!(policy.contains(rule), "{path}: {policy}");
        }
        assert!(
            !policy.contains("unsafe") && !policy.contains("script-src *"),
            "{path}: {policy}"
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert!(!answer.header("referrer-policy").is_empty(), "{path}");
        assert!(!answer.body.contains("style=\""), "{path}");
    }
}

#[tokio::test]
async fn pages_with_people_on_them_are_not_kept() {
    let app = TestApp::new().await;
    furnish(&app).await;
    let owner = signed_in(&app, Role::Owner).await;
    for path in [
        "/admin",
        "/admin/subscribers",
        "/admin/subscribers/1",
        "/admin/subscribers.csv",
        "/admin/letters/1",
        "/admin/users",
        "/asked",
        "/link",
        "/confirm/x",
        "/preferences/x",
        "/leave/x",
        "/api/v1/subscribers",
    ] {
        let answer = owner.get(path).await;
        assert_eq!(
            answer.header("cache-control"),
            "no-store",
            "{path}: {answer:?}"
        );
    }
}

#[tokio::test]
async fn methods_that_nobody_takes_are_refused() {
    let app = TestApp::new().await;
    let browser = Browser::of(&app);
    for method in [
        "TRACE", "PUT", "DELETE", "PATCH", "CONNECT", "PROPFIND", "ODD",
    ] {
        for path in [
            "/",
            "/admin/sign-in",
            "/lists/all",
            "/healthz",
            "/feeds",
            "/api",
        ] {
            let answer = browser
                .ask(method.parse().unwrap(), path, String::new())
                .await;
            let refused = matches!(
                answer.status,
                StatusCode::METHOD_NOT_ALLOWED | StatusCode::FORBIDDEN
            );
            assert!(refused, "{method} {path}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn a_line_end_in_a_name_makes_no_header() {
    let app = TestApp::new().await;
    let owner = signed_in(&app, Role::Owner).await;
    let mut list = vec![
        ("slug", "all"),
        ("cadences", "daily"),
        ("hour", "8"),
        ("zone", "Europe/Kyiv"),
        ("language", "uk"),
        ("review", "auto"),
    ];
    list.extend([
        ("name", "Новини\r\nBcc: evil@example.org"),
        ("sender", "news@example.org"),
    ]);
    assert_eq!(
        owner.post("/admin/lists/new", &encoded(&list)).await.status,
        StatusCode::SEE_OTHER
    );
    for sender in [
        "news@example.org\r\nBcc: evil@example.org",
        "A\r\nBcc: evil@example.org <news@example.org>",
        "\"A\nB\" <news@example.org>",
    ] {
        list.last_mut().unwrap().1 = sender;
        let odd = owner.post("/admin/lists/all", &encoded(&list)).await;
        assert_eq!(odd.status, StatusCode::UNPROCESSABLE_ENTITY, "{sender:?}");
    }
    let asked = Browser::of(&app)
        .post(
            "/lists/all/subscribe",
            &encoded(&[
                ("email", "a@example.org"),
                ("name", "A\r\nBcc: evil@example.org"),
            ]),
        )
        .await;
    assert_eq!(asked.location(), "/asked");
    for odd in [
        "a@example.org\r\nBcc: evil@example.org",
        "a@example.org%0d%0aBcc:x",
        "a@example.org,b@example.org",
        "<a@example.org>",
    ] {
        let answer = Browser::of(&app)
            .post("/lists/all/subscribe", &encoded(&[("email", odd)]))
            .await;
        assert_ne!(answer.status, StatusCode::OK, "{odd:?}");
    }
    app.send().await;
    let letters = app.letters();
    assert_eq!(letters.len(), 1);
    let letter = String::from_utf8_lossy(&letters[0].letter).into_owned();
    let head = letter.split("\r\n\r\n").next().unwrap();
    assert!(
        !head
            .lines()
            .any(|line| line.to_lowercase().starts_with("bcc")),
        "{head}"
    );
}

#[tokio::test]
async fn what_is_too_large_is_refused_before_it_is_kept() {
    let app = TestApp::new().await;
    app.add_list("all").await;
    let browser = Browser::of(&app);
    let large = format!("email=a%40example.org&name={}", "x".repeat(100_000));
    assert_eq!(
        browser.post("/lists/all/subscribe", &large).await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    let many = "topics=a&".repeat(7_000);
    let answer = browser
        .post(
            "/lists/all/subscribe",
            &format!("{many}email=b%40example.org"),
        )
        .await;
    assert!(!answer.status.is_server_error(), "{answer:?}");
    let password = format!("email=a%40example.org&password={}", "x".repeat(70_000));
    assert_eq!(
        browser.post("/admin/sign-in", &password).await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    let long = format!("/search?q={}", "x".repeat(20_000));
    assert!(!browser.get(&long).await.status.is_server_error());
}
