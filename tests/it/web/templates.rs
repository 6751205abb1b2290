//! Letters' templates in the console: saved, refused, rolled back, tried, and what becomes of letters.

use std::sync::Arc;

use axum::http::StatusCode;
use chrono::TimeDelta;
use mail_parser::MessageParser;
use visnyk::access::Role;
use visnyk::app::App;
use visnyk::audience::sign_up;
use visnyk::delivery::mailer::Kept;
use visnyk::delivery::worker;
use visnyk::delivery::worker::Until;
use visnyk::letter::LetterPurpose;
use visnyk::letter::LetterTemplate;
use visnyk::letter::Part;
use visnyk::letter::template;
use visnyk::store;
use visnyk::store::template::AsOf;
use visnyk::templates::samples;

use crate::support::app::TestApp;
use crate::web::Answer;
use crate::web::Browser;
use crate::web::desk::signed_in;
use crate::web::in_a_box;

in_a_box! {
    what_is_saved_is_in_every_letter_made_from_then_on_whoever_sends_it,
    a_fault_is_told_with_its_line_and_nothing_typed_is_lost,
    a_letter_keeps_its_way_out_and_the_postal_address,
    a_hostile_template_is_refused,
    a_deep_template_takes_neither_stack_nor_time,
    a_template_that_fails_after_all_loses_no_letter,
    an_edition_that_was_printed_does_not_change,
    a_text_is_tried_in_a_letter_to_whoever_wrote_it_and_to_nobody_else,
    a_letter_is_shown_in_a_frame_that_runs_nothing,
    every_version_stays_and_can_be_brought_back,
}

const SUBJECT: &str = "/admin/templates/confirm/subject.txt";
const TEXT: &str = "/admin/templates/confirm/body.txt";

fn confirm_subject() -> LetterTemplate {
    LetterTemplate {
        purpose: LetterPurpose::Confirm,
        part: Part::Subject,
    }
}

async fn post(browser: &Browser, path: &str, step: &str, text: &str) -> Answer {
    let body = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("text", &text.replace('\n', "\r\n"))
        .append_pair("step", step)
        .finish();
    browser.post(path, &body).await
}

async fn save(browser: &Browser, path: &str, text: &str) {
    let saved = post(browser, path, "save", text).await;
    assert_eq!(saved.location(), format!("{path}?done=saved"), "{saved:?}");
}

/// How many versions of the confirmation's subject there are.
async fn versions(app: &TestApp) -> usize {
    let mut tx = app.db.read().await.unwrap();
    let versions = store::template::versions(&mut tx, confirm_subject(), 100).await;
    versions.unwrap().len()
}

fn subject(kept: &Kept) -> String {
    let letter = MessageParser::default().parse(&kept.letter).unwrap();
    letter.subject().unwrap().to_owned()
}

fn text(kept: &Kept) -> String {
    let letter = MessageParser::default().parse(&kept.letter).unwrap();
    letter.body_text(0).unwrap().into_owned()
}

/// Somebody asks for a letter to confirm their address.
async fn ask(app: &TestApp, email: &str) {
    app.wait(TimeDelta::milliseconds(1));
    let list = store::list::all(&mut app.db.read().await.unwrap()).await;
    let list = list.unwrap().remove(0);
    let wish = TestApp::wish(email);
    sign_up::ask(app, &list, &wish).await.unwrap();
    app.wait(TimeDelta::milliseconds(1));
}

/// What a process sends: subjects alone, by reader.
async fn sent_by(app: &TestApp, process: &App) -> Vec<String> {
    worker::run(process, Until::NothingDue).await.unwrap();
    let mut letters = app.letters();
    letters.sort_by(|one, other| one.envelope.to.cmp(&other.envelope.to));
    letters.iter().map(subject).collect()
}

async fn what_is_saved_is_in_every_letter_made_from_then_on_whoever_sends_it(app: TestApp) {
    app.add_list("all").await;
    let owner = signed_in(&app, Role::Owner).await;
    let mut other = app.restarted("https://news.example.org").await;
    other.mailers = Arc::clone(&app.mailers);
    ask(&app, "a@example.com").await;
    let shipped = sent_by(&app, &other).await;
    ask(&app, "b@example.com").await;
    save(&owner, SUBJECT, "Це ви? — {{ letter.list }}").await;
    ask(&app, "c@example.com").await;
    let sent = sent_by(&app, &other).await;
    let own = "Це ви? — Усі новини".to_owned();
    assert_eq!(sent, [shipped[0].clone(), own.clone()]);
    let back = owner.post(&format!("{SUBJECT}/shipped"), "").await;
    assert_eq!(back.location(), format!("{SUBJECT}?done=saved"));
    ask(&app, "d@example.com").await;
    assert_eq!(sent_by(&app, &other).await, shipped);
    ask(&app, "e@example.com").await;
    owner.post(&format!("{SUBJECT}/1"), "").await;
    ask(&app, "f@example.com").await;
    assert_eq!(sent_by(&app, &app).await, [shipped[0].clone(), own]);
    app.finish().await;
}

async fn a_fault_is_told_with_its_line_and_nothing_typed_is_lost(app: TestApp) {
    let owner = signed_in(&app, Role::Owner).await;
    for (typed, line, word) in [
        ("Вітаємо!\n{{ letter.topic }}\n", 2, "{{ letter.topic }}"),
        ("\n\n{% if %}", 3, "{% if %}"),
        ("{{ t(&quot;no.such&quot;) }}", 1, "no.such"),
        ("а\n{{ letter.url|safe }}", 2, "{{ letter.url|safe }}"),
    ] {
        let typed = typed.replace("&quot;", "\"");
        for step in ["save", "try"] {
            let refused = post(&owner, TEXT, step, &typed).await;
            assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{typed}");
            let told = format!("Line {line}: <code>");
            let (before, after) = refused.body.split_once(&told).unwrap_or_else(|| {
                panic!("{typed}: expected {told}, but got {}", refused.body);
            });
            assert!(before.contains("nothing you typed is lost"), "{before}");
            let (code, _) = after.split_once("</code>").unwrap();
            assert!(code.contains(word), "{code}");
            let page = scraper::Html::parse_document(&refused.body);
            let field = scraper::Selector::parse("textarea[name=text]").unwrap();
            let field = page.select(&field).next().unwrap();
            assert_eq!(field.text().collect::<String>(), typed);
        }
        let shown = post(&owner, TEXT, "preview", &typed).await;
        assert_eq!(shown.status, StatusCode::OK);
        let (_, caught) = shown.body.split_once("id=\"caught\"").unwrap();
        assert!(caught.contains(&format!("Line {line}:")), "{caught}");
    }
    app.send().await;
    assert_eq!(app.letters().len(), 0);
    let mut tx = app.db.read().await.unwrap();
    let saved = store::template::in_force(&mut tx, AsOf::NOW).await;
    assert_eq!(saved.unwrap(), []);
}

async fn a_letter_keeps_its_way_out_and_the_postal_address(app: TestApp) {
    let owner = signed_in(&app, Role::Owner).await;
    let file = "letters/digest/body.html.j2";
    let shipped = app.templates.source(file).unwrap();
    for (typed, told) in [
        (
            shipped.replace("{{ reader.leave_url }}", "#"),
            "its HTML has no link that ends the subscription",
        ),
        (
            "<p>{{ reader.leave_url }}</p>".to_owned(),
            "its HTML has no postal address",
        ),
    ] {
        let path = "/admin/templates/digest/body.html";
        let refused = post(&owner, path, "save", &typed).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{told}");
        assert!(refused.body.contains(told), "{told}: {}", refused.body);
    }
    let long = app
        .templates
        .source("letters/confirm/body.html.j2")
        .unwrap();
    let long = long.replace("<h1>", &format!("{}<h1>", "<p>Новини</p>".repeat(4_400)));
    let long = post(&owner, "/admin/templates/confirm/body.html", "save", &long).await;
    assert!(long.body.contains("HTML is too large"), "{long:?}");
    let empty = post(&owner, SUBJECT, "save", "{# nothing #}").await;
    assert!(empty.body.contains("no subject or no text"), "{empty:?}");
    assert_eq!(versions(&app).await, 0);
}

async fn a_hostile_template_is_refused(app: TestApp) {
    let owner = signed_in(&app, Role::Owner).await;
    for hostile in [
        "{{ 'a' * 100000000 }}",
        "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
        "{% set ns = namespace(x='aaaaaaaaaaaaaaaa') %}{% for i in range(40) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% include \"/etc/passwd\" %}",
        "{% include \"../../../etc/passwd\" %}",
        "{% include \"letters/confirm/subject.txt.j2\" %}",
        "{% import \"/etc/passwd\" as passwd %}",
        "{% autoescape false %}{{ letter.list }}{% endautoescape %}",
        &format!("{{{{ {}", "(".repeat(50_000)),
        &"x".repeat(100_000),
        &"{% if 1 %}".repeat(9_000),
    ] {
        let about: String = hostile.chars().take(60).collect();
        for step in ["save", "preview"] {
            let answer = post(&owner, SUBJECT, step, hostile).await;
            assert!(!answer.body.contains("root:"), "{about}");
            assert!(answer.body.contains("template engine says"), "{about}");
            let refused = answer.status == StatusCode::UNPROCESSABLE_ENTITY;
            assert_eq!(refused, step == "save", "{about}: {:?}", answer.status);
        }
    }
    let heavy = "x".repeat(400_000);
    let answer = post(&owner, SUBJECT, "save", &heavy).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(versions(&app).await, 0);
}

async fn a_deep_template_takes_neither_stack_nor_time(app: TestApp) {
    let owner = signed_in(&app, Role::Owner).await;
    for (begin, again, end) in [
        ("", "not ", "1"),
        ("", "-", "1"),
        ("1", "+1", ""),
        ("letter", ".a", ""),
        ("'a'", "|e", ""),
        ("1", " if 1", ""),
        ("1", "~1", ""),
    ] {
        let of = |bytes: usize| {
            let deep = again.repeat(bytes / again.len());
            format!("{{{{ {begin}{deep}{end} }}}}")
        };
        let answer = post(&owner, SUBJECT, "preview", &of(4_000)).await;
        assert_eq!(answer.status, StatusCode::OK, "{again}");
        let answer = post(&owner, SUBJECT, "save", &of(90_000)).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{again}");
        assert!(answer.body.contains("a tag of at most 4096 bytes"));
    }
}

async fn a_template_that_fails_after_all_loses_no_letter(app: TestApp) {
    app.add_list("all").await;
    ask(&app, "a@example.com").await;
    let shipped = sent_by(&app, &app).await;
    for broken in ["{{ letter.of_another_version }}", "{% if %}"] {
        let mut tx = app.db.begin().await.unwrap();
        let by = ("olena@example.org", app.now());
        store::template::add(&mut tx, confirm_subject(), Some(broken), by)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        ask(&app, &format!("b{}@example.com", broken.len())).await;
        assert_eq!(sent_by(&app, &app).await, shipped, "{broken}");
        // The doctor tells.
        let mut tx = app.db.read().await.unwrap();
        let strictly = template::strictly(&app, &mut tx, AsOf::NOW).await;
        let (templates, mut failed) = strictly.unwrap();
        failed.extend(samples::show_letter(&templates, "confirm").1);
        let told = failed.iter().map(ToString::to_string);
        let told: Vec<String> = told.collect();
        assert!(
            told.iter().any(|one| one.contains("confirm/subject.txt")),
            "{told:?}"
        );
    }
    app.finish().await;
}

async fn an_edition_that_was_printed_does_not_change(app: TestApp) {
    let list = app.add_list("all").await;
    app.enrol(&list, 2).await;
    let owner = signed_in(&app, Role::Owner).await;
    let path = "/admin/templates/digest/body.txt";
    let shipped = app.templates.source("letters/digest/body.txt.j2").unwrap();
    // It doesn't print its reader as they are, so that each letter is rendered when it's sent.
    let says = |words: &str| format!("{shipped}\n{{{{ reader.address|upper }}}}, {words}");
    save(&owner, path, &says("Перша редакція")).await;
    app.queue_digest(&list, "Новина-1").await;
    app.wait(TimeDelta::milliseconds(1));
    save(&owner, path, &says("Друга редакція")).await;
    app.send().await;
    let told = |words: &str, letters: &[Kept]| {
        let texts = letters.iter().map(text);
        texts.filter(|text| text.contains(words)).count()
    };
    let letters = app.letters();
    assert_eq!(told("READER0@EXAMPLE.NET, Перша редакція", &letters), 1);
    assert_eq!(told("Перша редакція", &letters), 2);
    assert_eq!(told("Друга редакція", &letters), 0);
    app.queue_digest(&list, "Новина-2").await;
    app.send().await;
    let letters = app.letters();
    assert_eq!(told("Перша редакція", &letters), 0);
    assert_eq!(told("Друга редакція", &letters), 2);
    app.finish().await;
}

async fn a_text_is_tried_in_a_letter_to_whoever_wrote_it_and_to_nobody_else(app: TestApp) {
    app.add_list("all").await;
    let owner = signed_in(&app, Role::Owner).await;
    let tried = post(&owner, SUBJECT, "try", "Проба: {{ letter.list }}").await;
    assert_eq!(tried.status, StatusCode::OK, "{tried:?}");
    assert!(tried.body.contains("on its way to you"), "{}", tried.body);
    assert!(tried.body.contains("Проба: {{ letter.list }}"));
    app.send().await;
    let letters = app.letters();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].envelope.to, "owner@example.org");
    assert_eq!(subject(&letters[0]), "Проба: Новини Полтавщини");
    assert!(letters[0].name.starts_with("sample-"));
    assert_eq!(versions(&app).await, 0);
    ask(&app, "a@example.com").await;
    let sent = sent_by(&app, &app).await;
    assert!(!sent[0].contains("Проба"), "{sent:?}");

    for _ in 1..20 {
        let tried = post(&owner, SUBJECT, "try", "Проба").await;
        assert_eq!(tried.status, StatusCode::OK);
    }
    let tried = post(&owner, SUBJECT, "try", "Ще одна").await;
    assert_eq!(tried.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(tried.body.contains("Ще одна") && tried.body.contains("within an hour"));
    app.send().await;
    assert_eq!(app.letters().len(), 19);
    app.finish().await;
}

async fn a_letter_is_shown_in_a_frame_that_runs_nothing(app: TestApp) {
    let owner = signed_in(&app, Role::Owner).await;
    let typed = "{{ letter.url }}<script>alert(1)</script>";
    let shown = post(
        &owner,
        "/admin/templates/confirm/body.html",
        "preview",
        typed,
    )
    .await;
    let policy = shown.header("content-security-policy");
    assert!(policy.contains("script-src 'self';"), "{policy}");
    assert_eq!(policy.matches("unsafe").count(), 1, "{policy}");
    assert!(policy.contains("style-src-attr 'unsafe-inline'"));
    let page = scraper::Html::parse_document(&shown.body);
    let count = |css| page.select(&scraper::Selector::parse(css).unwrap()).count();
    assert_eq!(count("iframe"), 2);
    assert_eq!(count("iframe[sandbox=''][srcdoc*='<script>']"), 2);
    assert_eq!(count("script"), 1, "the console's own");
    let list = owner.get("/admin/templates").await;
    let policy = list.header("content-security-policy");
    assert!(!policy.contains("unsafe"), "{policy}");
}

async fn every_version_stays_and_can_be_brought_back(app: TestApp) {
    let owner = signed_in(&app, Role::Owner).await;
    let list = owner.get("/admin/templates").await.body;
    assert_eq!(list.matches("as shipped").count(), 33, "{list}");
    save(&owner, SUBJECT, "Перша").await;
    save(&owner, SUBJECT, "Друга").await;
    let list = owner.get("/admin/templates").await.body;
    assert_eq!(list.matches("as shipped").count(), 32, "{list}");
    assert!(list.contains("owner@example.org"), "{list}");
    let page = owner.get(SUBJECT).await.body;
    assert!(page.contains("-Перша\n+Друга"), "{page}");
    assert!(
        page.contains("srcdoc=\"&lt;html") || page.contains("srcdoc=\"&lt;!DOCTYPE"),
        "{page}"
    );
    assert!(page.contains("<strong>Друга</strong>"), "{page}");
    for (version, now) in [("1", "Перша"), ("2", "Друга"), ("1", "Перша")] {
        let back = owner.post(&format!("{SUBJECT}/{version}"), "").await;
        assert_eq!(back.location(), format!("{SUBJECT}?done=saved"));
        let page = owner.get(SUBJECT).await.body;
        assert!(page.contains(&format!("<strong>{now}</strong>")), "{page}");
    }
    assert_eq!(versions(&app).await, 5);
    for missing in ["9", "0", "x", "-1"] {
        let back = owner.post(&format!("{SUBJECT}/{missing}"), "").await;
        assert_eq!(back.status, StatusCode::NOT_FOUND, "{missing}");
    }
    for missing in ["confirm/body.pdf", "sample/body.txt", "nothing/subject.txt"] {
        let page = owner.get(&format!("/admin/templates/{missing}")).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{missing}");
    }
    // What no sample can be written with stays where it is.
    let mut tx = app.db.begin().await.unwrap();
    let by = ("olena@example.org", app.now());
    store::template::add(&mut tx, confirm_subject(), Some("{{ gone }}"), by)
        .await
        .unwrap();
    store::template::add(&mut tx, confirm_subject(), None, by)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let back = owner.post(&format!("{SUBJECT}/6"), "").await;
    assert_eq!(back.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(back.body.contains("{{ gone }}"), "{}", back.body);
    let log = owner.get("/admin/audit").await.body;
    for words in [
        "template.save",
        "template.roll_back",
        "template confirm/subject.txt",
        "{&quot;version&quot;:2}",
        "{&quot;again&quot;:&quot;1&quot;,&quot;version&quot;:3}",
    ] {
        assert!(log.contains(words), "{words}: {log}");
    }
}
