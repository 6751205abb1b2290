//! The attacks themselves, by kind: who asks, for what, and how it must end.
//!
//! In paths, bodies and headers `{confirm}`, `{leave}`, `{preferences}`, `{erase}` and `{data}` stand
//! for links of a reader who is there, `{expired}` for one whose time is over, `{shifted}` for one with
//! another reader's number, `{ended}` for the cookie of a session that has ended.

use super::Attack;
use super::By::{Editor, Key, Owner, Stranger, Viewer};
use super::get;
use super::post;

const JSON: (&str, &str) = ("content-type", "application/json");

/// What another site has an owner's browser do.
pub(super) fn forged() -> Vec<Attack> {
    let user = "email=evil%40example.org&role=owner";
    let mut all: Vec<Attack> = [
        "https://evil.example",
        "null",
        "",
        "http://news.example.org",
        "https://news.example.org.evil.example",
        "https://evil.example/https://news.example.org",
        "https://news.example.org@evil.example",
        "https://news.example.org:8443",
        "https://news.example.org/",
        "HTTPS://NEWS.EXAMPLE.ORG",
    ]
    .into_iter()
    .map(|origin| {
        let forged = post("from another origin", Owner, "/admin/users", user);
        forged.with("origin", origin).refused(403)
    })
    .collect();
    for path in [
        "/admin/keys",
        "/admin/sign-in",
        "/admin/sign-out",
        "/admin/account/password",
        "/admin/account/code/off",
        "/link",
        "/confirm/{confirm}",
        "/preferences/{preferences}",
        "/preferences/{preferences}/erasure",
        "/erase/{erase}",
    ] {
        let forged = post("from another site", Owner, path, user);
        all.push(forged.with("sec-fetch-site", "cross-site").refused(403));
    }
    for kind in [
        "text/plain",
        "application/json",
        "multipart/form-data; boundary=x",
        "",
    ] {
        let forged = post("in a form that isn't one", Owner, "/admin/users", user);
        all.push(forged.with("content-type", kind).refused(415));
    }
    all.extend([
        post("from a sister site", Owner, "/admin/users", user)
            .with("sec-fetch-site", "same-site")
            .with("origin", "https://news.example.org")
            .refused(403),
        get(
            "by another method's name",
            Owner,
            "/admin/users?_method=POST&role=owner",
        )
        .with("x-http-method-override", "POST"),
        post(
            "to the API with a cookie",
            Owner,
            "/api/v1/suppressions",
            r#"{"email":"a@example.org"}"#,
        )
        .with(JSON.0, JSON.1)
        .refused(401),
        Attack {
            method: "OPTIONS".to_owned(),
            ..get("asked whether it may", Owner, "/api/v1/suppressions")
        }
        .with("origin", "https://evil.example")
        .with("access-control-request-method", "POST"),
        get("read by another site", Owner, "/admin/subscribers")
            .with("origin", "https://evil.example"),
    ]);
    all
}

/// What would be somebody's session.
pub(super) fn sessions() -> Vec<Attack> {
    let cookies = [
        ("planted", "__Host-visnyk=planted"),
        ("without its prefix", "visnyk=planted"),
        ("empty", "__Host-visnyk="),
        ("nothing but a name", "__Host-visnyk"),
        ("two at once", "__Host-visnyk=a; __Host-visnyk=b"),
        ("a condition", "__Host-visnyk=' OR 1=1 --"),
        ("a wildcard", "__Host-visnyk=%"),
        ("ended", "{ended}"),
    ];
    let mut all: Vec<Attack> = cookies
        .into_iter()
        .map(|(name, cookie)| {
            get(name, Stranger, "/admin")
                .with("cookie", cookie)
                .leads_to("/admin/sign-in")
        })
        .collect();
    all.extend([
        get("endless", Stranger, "/admin")
            .with("cookie", &format!("__Host-visnyk={}", "x".repeat(30_000)))
            .leads_to("/admin/sign-in"),
        post(
            "a planted session is not taken over",
            Stranger,
            "/admin/sign-in",
            "email=owner%40example.org&password=",
        )
        .with("cookie", "__Host-visnyk=planted")
        .refused(401),
        post(
            "a password of a user who has none",
            Stranger,
            "/admin/sign-in",
            "email=owner%40example.org&password=x",
        )
        .refused(401),
        post(
            "two passwords",
            Stranger,
            "/admin/sign-in",
            "email=owner%40example.org&password=x&password=",
        )
        .refused(401),
        post(
            "a code without a password",
            Stranger,
            "/admin/sign-in/code",
            "code=000000",
        ),
        get(
            "a code of somebody's provider",
            Stranger,
            "/admin/oidc/callback?code=x&state=x",
        )
        .with("cookie", "__Host-visnyk-oidc=x")
        .refused(404),
        post(
            "a tie that another site undoes",
            Owner,
            "/admin/account/provider/unbind",
            "",
        )
        .with("sec-fetch-site", "cross-site")
        .refused(403),
        post(
            "a tie that a stranger undoes",
            Stranger,
            "/admin/account/provider/unbind",
            "",
        )
        .leads_to("/admin/sign-in"),
        get(
            "a guessed link",
            Stranger,
            "/admin/sign-in/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        )
        .refused(410),
        post(
            "a guessed link, entered",
            Stranger,
            "/admin/sign-in/x",
            "password=correct+horse+battery",
        )
        .refused(410),
        post(
            "somebody else's session, ended",
            Viewer,
            "/admin/account/sessions/2/end",
            "",
        )
        .refused(404),
    ]);
    all
}

/// Markup, wherever something is said back.
pub(super) fn markup() -> Vec<Attack> {
    let script = "%3Cscript%3Ealert(1)%3C%2Fscript%3E";
    let broken = "%22%3E%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E";
    let mut all = Vec::new();
    for path in [
        "/search?q=",
        "/?l=",
        "/nothing?q=",
        "/nothing/",
        "/lists/",
        "/topics/",
        "/articles/",
        "/archive/all/",
        "/admin/subscribers?q=",
        "/admin/articles?q=",
        "/admin/letters?state=",
        "/admin/audit?before=",
        "/admin/subscribers/1?done=",
    ] {
        all.push(get("a script", Owner, &format!("{path}{script}")));
        all.push(get("a broken attribute", Owner, &format!("{path}{broken}")));
    }
    for (path, fields) in [
        ("/link", "email="),
        ("/admin/sign-in", "password=x&email="),
        ("/lists/all/subscribe", "email="),
        ("/lists/all/subscribe", "email=m%40example.org&zone="),
        ("/admin/sources/new", "step=preview&every=15&url="),
        ("/admin/lists/new", "name=x&slug="),
        ("/admin/lists/new", "slug=x&name=x&sender="),
        ("/admin/users", "role=owner&email="),
        ("/admin/keys", "name=x&scopes="),
        ("/admin/suppressions", "email="),
        ("/admin/articles/1", "title=+&summary="),
    ] {
        all.push(
            post(
                "a broken attribute",
                Owner,
                path,
                &format!("{fields}{broken}"),
            )
            .turned_away(),
        );
    }
    // The same answer to whatever comes in.
    all.push(post(
        "a broken attribute",
        Stranger,
        "/admin/sign-in/lost",
        &format!("email={broken}"),
    ));
    for (path, fields) in [
        ("/lists/all/subscribe", "email=named%40example.org&name="),
        ("/admin/keys", "scopes=articles:read&name="),
        ("/admin/articles/1", "title=x&html="),
        ("/admin/articles/1", "title="),
    ] {
        all.push(post("a script", Owner, path, &format!("{fields}{script}")).taken());
    }
    all
}

/// Where somebody might be led.
pub(super) fn redirects() -> Vec<Attack> {
    let evil = "https%3A%2F%2Fevil.example";
    vec![
        get("next", Stranger, &format!("/admin?next={evil}")),
        get(
            "next at the door",
            Stranger,
            &format!("/admin/sign-in?next={evil}"),
        ),
        get(
            "return after a language",
            Stranger,
            &format!("/?l=en&return={evil}"),
        ),
        get(
            "next by a provider",
            Stranger,
            &format!("/admin/oidc?next={evil}&redirect_uri={evil}"),
        )
        .refused(404),
        get(
            "back from another provider",
            Stranger,
            &format!("/admin/oidc/callback?code=x&state=x&iss={evil}&next={evil}"),
        )
        .refused(404),
        get(
            "a problem that is an address",
            Stranger,
            &format!("/admin/sign-in?problem={evil}"),
        ),
        get("a referrer", Stranger, "/?l=uk").with("referer", "https://evil.example/"),
        get("two slashes", Stranger, "//evil.example/%2e%2e"),
        get("a backslash", Stranger, "/%5Cevil.example"),
        get("slashes in code", Stranger, "/%2f%2fevil.example"),
        post(
            "after signing out",
            Viewer,
            &format!("/admin/sign-in?next={evil}"),
            &format!("email=x&password=x&next={evil}"),
        ),
        post(
            "after asking",
            Stranger,
            &format!("/lists/all/subscribe?next={evil}"),
            &format!("email=n%40example.org&next={evil}"),
        )
        .taken(),
    ]
}

/// Line ends, which would begin another header.
pub(super) fn headers() -> Vec<Attack> {
    let end = "%0d%0aSet-Cookie:%20evil=1%0d%0aBcc:%20evil@example.org";
    let mut all = Vec::new();
    for path in [
        "/lists/",
        "/admin/lists/",
        "/?l=",
        "/assets/",
        "/search?q=",
        "/topics/",
        "/feeds?l=",
    ] {
        all.push(get("in an address", Owner, &format!("{path}{end}")));
    }
    for (path, fields) in [
        ("/lists/all/subscribe", "email=a%40example.org"),
        ("/link", "email=a%40example.org"),
        ("/admin/users", "role=viewer&email=a%40example.org"),
        (
            "/admin/lists/new",
            "slug=x&name=x&sender=news%40example.org",
        ),
        ("/admin/suppressions", "email=a%40example.org"),
    ] {
        all.push(post("in a field", Owner, path, &format!("{fields}{end}")).turned_away());
    }
    // Taken as addresses are: without line ends, which are no part of one.
    let callback = "hub.mode=subscribe&hub.topic=https://news.example.org/feed.atom&hub.callback=https://a.example/";
    all.push(post(
        "in a callback",
        Stranger,
        "/hub",
        &format!("{callback}{end}"),
    ));
    all.push(
        post(
            "in a name",
            Stranger,
            "/lists/all/subscribe",
            &format!("email=lines%40example.org&name=A{end}"),
        )
        .taken(),
    );
    all
}

/// What would be part of a statement, a pattern or a search.
pub(super) fn statements() -> Vec<Attack> {
    let mut all = Vec::new();
    for odd in [
        "'",
        "'%20OR%20'1'='1",
        "1;DROP%20TABLE%20letter;--",
        "%25'%20UNION%20SELECT%20password%20FROM%20%22user%22--",
        "%5C",
        "%00",
        "%25_%25",
        "1e309",
        "-9223372036854775809",
        "%22%20OR%20%22",
        "NEAR(a%20b)",
        "title:*",
        "%24ne",
        "%F0%9F%92%A9%CC%81",
    ] {
        all.push(get("looked for", Owner, &format!("/search?q={odd}")));
        all.push(get(
            "a filter",
            Owner,
            &format!("/admin/subscribers?q={odd}&before={odd}&order={odd}"),
        ));
        all.push(get(
            "a page",
            Key,
            &format!("/api/v1/articles?after={odd}&limit={odd}&topic={odd}"),
        ));
    }
    all
}

/// Names of files that are none of ours.
pub(super) fn paths() -> Vec<Attack> {
    let mut all = Vec::new();
    for odd in [
        "..%2fCargo.toml",
        "..%2f..%2f..%2fetc%2fpasswd",
        "%2e%2e%2f%2e%2e%2fvisnyk.db",
        "..%5c..%5cvisnyk.db",
        "%252e%252e%252fvisnyk.db",
        "visnyk.css%00.png",
        "%2fetc%2fpasswd",
        "....%2f%2fvisnyk.db",
        "%c0%ae%c0%ae%2fvisnyk.db",
    ] {
        for folder in ["assets", "pictures"] {
            all.push(get("out of the folder", Stranger, &format!("/{folder}/{odd}")).turned_away());
        }
    }
    for path in [
        "/.git/config",
        "/.env",
        "/visnyk.db",
        "/visnyk.toml",
        "/admin/../secret",
        "/metrics/..%2fadmin",
    ] {
        all.push(get("a file beside", Stranger, path).refused(404));
    }
    all
}

/// Fields that nobody was meant to send.
pub(super) fn fields() -> Vec<Attack> {
    let list = r#"{"slug":"x","name":"x","sender":{"address":"news@example.org"},"id":1}"#;
    vec![
        post(
            "a state of one's own",
            Stranger,
            "/lists/all/subscribe",
            "email=m1%40example.org&state=confirmed&subscriber_id=1&id=1&confirmed=yes",
        )
        .taken(),
        post(
            "another list",
            Stranger,
            "/lists/all/subscribe",
            "email=m2%40example.org&list_id=2&slug=city",
        )
        .taken(),
        post(
            "two addresses",
            Stranger,
            "/lists/all/subscribe",
            "email=m3%40example.org&email=evil%40evil.example",
        )
        .taken(),
        post(
            "a role with a password",
            Viewer,
            "/admin/account/password",
            "password=correct+horse+battery&role=owner&user_id=1",
        )
        .taken(),
        post(
            "another reader's number",
            Stranger,
            "/preferences/{preferences}",
            "cadence=nonsense&subscriber_id=2",
        )
        .turned_away(),
        post(
            "a role in the API",
            Key,
            "/api/v1/users",
            r#"{"email":"evil@example.org","role":"owner"}"#,
        )
        .with(JSON.0, JSON.1)
        .refused(403),
        post("a number in the API", Key, "/api/v1/lists", list)
            .with(JSON.0, JSON.1)
            .turned_away(),
        post(
            "a name within a name",
            Owner,
            "/admin/users",
            "email[]=evil%40example.org&role[]=owner",
        )
        .turned_away(),
        post(
            "a role that isn't one",
            Owner,
            "/admin/users",
            "email=evil%40example.org&role=god",
        )
        .turned_away(),
    ]
}

/// What belongs to somebody else.
pub(super) fn others() -> Vec<Attack> {
    let mut all = Vec::new();
    for (by, path) in [
        (Viewer, "/admin/users"),
        (Editor, "/admin/users"),
        (Editor, "/admin/keys"),
        (Editor, "/admin/users/1/disable"),
        (Editor, "/admin/users/1/reset"),
        (Viewer, "/admin/suppressions"),
        (Viewer, "/admin/subscriptions/1/end"),
        (Viewer, "/admin/articles/1/withdraw"),
        (Viewer, "/admin/lists/all"),
        (Viewer, "/admin/digests/1"),
        (Viewer, "/admin/subscribers/import/1"),
        (Viewer, "/admin/sources/1/pause"),
    ] {
        all.push(
            post(
                "beyond one's role",
                by,
                path,
                "email=evil%40example.org&role=owner&action=release&step=save",
            )
            .refused(403),
        );
    }
    for path in [
        "/admin/users",
        "/admin/subscribers.csv",
        "/admin/subscribers/import/1/rejected.csv",
        "/admin/lists/new",
    ] {
        all.push(get("beyond a viewer's sight", Viewer, path).refused(403));
    }
    for path in [
        "subscribers",
        "subscribers/1",
        "letters",
        "suppressions",
        "sources",
        "lists",
        "digests",
        "subscriptions",
    ] {
        all.push(get("beyond a key's scope", Key, &format!("/api/v1/{path}")).refused(403));
        all.push(get("without a key", Stranger, &format!("/api/v1/{path}")).refused(401));
    }
    for key in [
        "Bearer visnyk_x",
        "Bearer ",
        "Basic dmlzbnlr",
        "bearer%20visnyk",
        "Bearer null",
    ] {
        all.push(
            get("a key that isn't one", Stranger, "/api/v1/articles")
                .with("authorization", key)
                .refused(401),
        );
    }
    all.push(
        get(
            "a key in the address",
            Stranger,
            "/api/v1/articles?key={key}&access_token={key}",
        )
        .refused(401),
    );
    all.push(get("another's import", Editor, "/admin/subscribers/import/999").refused(404));
    all
}

/// Links that were made for something else, for somebody else, or by nobody.
pub(super) fn tokens() -> Vec<Attack> {
    let mut all = Vec::new();
    for (page, odd) in [
        ("confirm", "{leave}"),
        ("confirm", "{preferences}"),
        ("confirm", "{erase}"),
        ("leave", "{confirm}"),
        ("leave", "{preferences}"),
        ("preferences", "{leave}"),
        ("preferences", "{confirm}"),
        ("erase", "{leave}"),
        ("erase", "{preferences}"),
        ("address", "{leave}"),
        ("confirm", "{expired}"),
        ("leave", "{shifted}"),
        ("preferences", "{shifted}"),
        ("leave", "{leave}x"),
        ("leave", "x{leave}"),
        ("leave", "{leave}.{leave}"),
        ("leave", "1."),
        ("leave", "1.AAAA"),
        ("leave", "-1.AAAA"),
        ("leave", "99999999999999999999.AAAA"),
        ("leave", "%00"),
    ] {
        all.push(
            post(
                "posted to",
                Stranger,
                &format!("/{page}/{odd}"),
                "List-Unsubscribe=One-Click",
            )
            .turned_away(),
        );
    }
    for path in [
        "/preferences/{leave}/data.json",
        "/preferences/{shifted}/data.json",
        "/admin/sign-in/{leave}",
        "/erase/{confirm}",
    ] {
        all.push(get("looked at", Stranger, path).turned_away());
    }
    all
}

/// Looking, and what mailbox providers post.
pub(super) fn looking() -> Vec<Attack> {
    let mut all = Vec::new();
    for path in [
        "/confirm/{confirm}?confirm=true",
        "/leave/{leave}?List-Unsubscribe=One-Click",
        "/preferences/{preferences}?cadence=weekly",
        "/erase/{erase}?yes=1",
        "/admin/sign-out",
        "/admin/users/1/disable",
        "/admin/suppressions?email=a%40example.org&step=add",
        "/admin/subscriptions/1/end",
        "/lists/all/subscribe?email=a%40example.org",
    ] {
        all.push(get("looked at", Owner, path));
        all.push(Attack {
            method: "HEAD".to_owned(),
            ..get("asked after", Owner, path)
        });
    }
    for (name, body) in [
        ("nothing", ""),
        ("in small letters", "list-unsubscribe=one-click"),
        ("with more", "List-Unsubscribe=One-Click&evil=1"),
        (
            "twice",
            "List-Unsubscribe=One-Click&List-Unsubscribe=One-Click",
        ),
        ("another value", "List-Unsubscribe=1"),
        ("JSON", "{\"List-Unsubscribe\":\"One-Click\"}"),
    ] {
        all.push(post(name, Stranger, "/leave/{leave}", body).refused(400));
    }
    all
}

/// Too much of it.
pub(super) fn size() -> Vec<Attack> {
    let large = format!("email=a%40example.org&name={}", "x".repeat(70_000));
    let deep = format!("{}1{}", "[".repeat(30_000), "]".repeat(30_000));
    let mut all = Vec::new();
    for path in [
        "/lists/all/subscribe",
        "/link",
        "/hub",
        "/admin/sign-in",
        "/admin/sign-in/lost",
    ] {
        all.push(post("a large form", Stranger, path, &large).refused(413));
    }
    all.extend([
        post("a large form to oneself", Owner, "/admin/users", &large).turned_away(),
        post(
            "fields without end",
            Stranger,
            "/link",
            &"a=&".repeat(20_000),
        )
        .turned_away(),
        post(
            "names without end",
            Stranger,
            "/lists/all/subscribe",
            &"topics=a&".repeat(7_000),
        )
        .turned_away(),
        post(
            "a large article",
            Owner,
            "/admin/articles/1",
            &format!("title={}", "x".repeat(1_100_000)),
        )
        .refused(413),
        post(
            "large JSON",
            Key,
            "/api/v1/articles",
            &format!("{{\"title\":\"{}\"}}", "x".repeat(1_100_000)),
        )
        .with(JSON.0, JSON.1)
        .turned_away(),
        post("deep JSON", Key, "/api/v1/articles", &deep)
            .with(JSON.0, JSON.1)
            .turned_away(),
        post(
            "a large hook",
            Stranger,
            "/hooks/generic",
            &"x".repeat(1_100_000),
        )
        .turned_away(),
        post(
            "a large import",
            Editor,
            "/admin/subscribers/import",
            &"x".repeat(70_000),
        )
        .with("content-type", "multipart/form-data; boundary=y")
        .turned_away(),
        get(
            "a long address",
            Stranger,
            &format!("/search?q={}", "x".repeat(60_000)),
        ),
        get(
            "a long name",
            Stranger,
            &format!("/{}", "x/".repeat(30_000)),
        )
        .refused(404),
        get("a long header", Stranger, "/").with("accept-language", &"uk,".repeat(20_000)),
        get(
            "parameters without end",
            Stranger,
            &format!("/?{}", "a=1&".repeat(15_000)),
        ),
        get(
            "a page of everything",
            Owner,
            "/admin/subscribers?before=9223372036854775807",
        ),
        get("more than a page", Key, "/api/v1/articles?limit=1000000000"),
    ]);
    all
}

/// Hosts that aren't ours, and methods that aren't any.
pub(super) fn hosts() -> Vec<Attack> {
    let mut all = Vec::new();
    for (name, value) in [
        ("host", "evil.example"),
        ("host", "news.example.org:evil"),
        ("x-forwarded-host", "evil.example"),
        ("x-host", "evil.example"),
        ("forwarded", "host=evil.example;proto=http"),
        ("x-forwarded-server", "evil.example"),
        ("x-forwarded-prefix", "//evil.example"),
        ("x-original-url", "/admin/users"),
        ("x-rewrite-url", "/admin/users"),
        ("x-forwarded-for", "evil.example, <script>"),
    ] {
        all.push(get("a page", Stranger, "/lists/all").with(name, value));
    }
    all.push(get(
        "a whole address",
        Stranger,
        "http://evil.example/lists/all",
    ));
    all.push(
        post(
            "a letter",
            Stranger,
            "/lists/all/subscribe",
            "email=hosted%40example.org",
        )
        .with("host", "evil.example")
        .taken(),
    );
    for method in [
        "TRACE", "CONNECT", "PUT", "DELETE", "PATCH", "PROPFIND", "DEBUG", "BREW",
    ] {
        let odd = get("an odd method", Owner, "/lists/all");
        all.push(
            Attack {
                method: method.to_owned(),
                ..odd
            }
            .refused(405),
        );
    }
    all
}

/// What programs of others bring.
pub(super) fn programs() -> Vec<Attack> {
    let mut all = Vec::new();
    for provider in [
        "generic",
        "mailgun",
        "sendgrid",
        "postmark",
        "ses",
        "..%2fadmin",
    ] {
        let event = r#"[{"event":"complaint","email":"reader0@example.net"}]"#;
        all.push(
            post("unsigned", Stranger, &format!("/hooks/{provider}"), event)
                .with(JSON.0, JSON.1)
                .turned_away(),
        );
    }
    for callback in [
        "http://127.0.0.1/",
        "http://169.254.169.254/",
        "file:///etc/passwd",
        "http://[::1]/",
        "gopher://a.example/",
        "http://user:pw@a.example/",
    ] {
        let wish = format!(
            "hub.mode=subscribe&hub.topic=https://evil.example/feed&hub.callback={callback}"
        );
        all.push(post("a hub's callback", Stranger, "/hub", &wish).turned_away());
    }
    for source in [
        "http://10.0.0.1/",
        "http://169.254.169.254/latest",
        "http://[::ffff:10.0.0.1]/",
        "http://0x0a000001:25/",
        "http://[fd00::1]/",
    ] {
        // It can be written down; nothing is asked of it.
        let fields = format!("every=15&step=preview&url={source}");
        all.push(post(
            "a source within",
            Editor,
            "/admin/sources/new",
            &fields,
        ));
    }
    let file = "every=15&step=add&url=file:///etc/passwd";
    all.push(post("a file as a source", Editor, "/admin/sources/new", file).turned_away());
    all.push(
        post(
            "a hub that is none of ours",
            Stranger,
            "/websub/1.AAAA",
            "<feed/>",
        )
        .turned_away(),
    );
    all
}
