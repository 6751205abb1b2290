//! An import in the console, from an upload to the rows that weren't taken.

use axum::http::Method;
use axum::http::StatusCode;
use chrono::TimeDelta;
use visnyk::access::Role;
use visnyk::app::App;
use visnyk::audience::forget;
use visnyk::audience::import::upload;
use visnyk::digest::retain;
use visnyk::store;

use crate::support::app::TestApp;
use crate::web::Answer;
use crate::web::Browser;
use crate::web::desk::signed_in;
use crate::web::in_a_box;

in_a_box! {
    an_editor_imports_a_table_with_a_corrected_mapping,
    an_import_goes_on_after_a_restart_and_takes_nobody_twice,
    what_cannot_be_imported_is_refused_in_words,
    what_is_left_of_an_import_goes,
}

const PLACE: &str = "/admin/subscribers/import";

/// A file as a browser's form sends it.
async fn upload_file(browser: &Browser, name: &str, table: &str) -> Answer {
    let body = format!(
        "--x\r\nContent-Disposition: form-data; name=\"list\"\r\n\r\nall\r\n\
         --x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         Content-Type: text/csv\r\n\r\n{table}\r\n\
         --x\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\n\r\n--x--\r\n"
    );
    let form = browser.with("content-type", "multipart/form-data; boundary=x");
    form.ask(Method::POST, PLACE, body).await
}

async fn readers(app: &App, slug: &str) -> i64 {
    let mut tx = app.db.read().await.unwrap();
    let list = store::list::find(&mut tx, slug).await.unwrap().unwrap();
    store::list::count_active(&mut tx, list.id).await.unwrap()
}

/// Rows of uploads that are kept.
async fn rows(app: &App, id: i64) -> usize {
    let mut tx = app.db.read().await.unwrap();
    let waiting = store::upload::rows(&mut tx, id, 0, 100_000).await.unwrap();
    let left = store::upload::left(&mut tx, id, 0, 100_000).await.unwrap();
    waiting.len() + left.len()
}

async fn an_editor_imports_a_table_with_a_corrected_mapping(app: TestApp) {
    let list = app.add_list("all").await;
    app.enrol(&list, 1).await;
    let known = app.ledger().await.len();
    let editor = signed_in(&app, Role::Editor).await;
    let english = editor.get(PLACE).await;
    assert!(
        english.body.contains("multipart/form-data"),
        "{}",
        english.body
    );
    let table = "Contact,Who,Status\nolena@example.org,Олена,subscribed\nihor@example.org,Ігор,subscribed\n\
                 left@example.org,,unsubscribed\ngone@example.org,,bounced\n=1+1,,subscribed\n";
    let kept = upload_file(&editor, "people <1>.csv", table).await;
    assert_eq!(kept.location(), "/admin/subscribers/import/1", "{kept:?}");

    let page = editor.get("/admin/subscribers/import/1").await;
    assert!(page.body.contains("people &lt;1&gt;.csv"), "{}", page.body);
    assert!(
        page.body.contains("0 people will get the list"),
        "{}",
        page.body
    );
    let consent = "consent=a+form+on+paper&sure=yes&step=begin";
    let early = editor.post("/admin/subscribers/import/1", consent).await;
    assert_eq!(early.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(early.body.contains("which column holds the addresses"));

    let map = "c0=email&c1=name&c2=status&step=map";
    editor.post("/admin/subscribers/import/1", map).await;
    let page = editor.get("/admin/subscribers/import/1").await;
    for words in [
        "2 people will get the list",
        "1 address will be suppressed",
        "1 row will be left out",
        "1 row can’t be understood",
        "but got “=1+1”",
    ] {
        assert!(page.body.contains(words), "{words} in {}", page.body);
    }
    assert_eq!(readers(&app, "all").await, 1, "nothing has changed");
    let unsure = editor
        .post("/admin/subscribers/import/1", "consent=a&step=begin")
        .await;
    assert_eq!(unsure.status, StatusCode::UNPROCESSABLE_ENTITY);
    let begun = editor.post("/admin/subscribers/import/1", consent).await;
    assert_eq!(begun.location(), "/admin/subscribers/import/1");
    let going = editor.get("/admin/subscribers/import/1").await;
    assert!(going.body.contains("under way") && going.header("refresh") == "5");
    let still = editor.get("/admin/subscribers/import/1?still=1").await;
    assert_eq!(still.header("refresh"), "");

    upload::take_due(&app).await.unwrap();
    let done = editor.get("/admin/subscribers/import/1").await;
    assert!(done.body.contains("2 people joined"), "{}", done.body);
    assert_eq!(readers(&app, "all").await, 3);
    assert_eq!(
        app.ledger().await.len(),
        known,
        "nobody gets a letter for it"
    );
    assert_eq!(rows(&app, 1).await, 2, "what was taken is gone");
    let rejected = editor.get("/admin/subscribers/import/1/rejected.csv").await;
    assert_eq!(
        rejected.body,
        "\u{feff}line,problem,Contact,Who,Status\n4,Unsubscribed there: left@example.org,left@example.org,,unsubscribed\n\
         6,\"Expected an address such as name@example.org, but got “=1+1”\",'=1+1,,subscribed\n"
    );
    let audit = editor.get("/admin/audit").await.body;
    assert!(
        audit.contains("subscriber.imported") && audit.contains("a form on paper"),
        "{audit}"
    );
    let shown = editor.get("/admin/subscribers/2").await.body;
    assert!(shown.contains("import people &lt;1&gt;.csv"), "{shown}");
}

async fn an_import_goes_on_after_a_restart_and_takes_nobody_twice(app: TestApp) {
    let list = app.add_list("all").await;
    let people: Vec<String> = (0..2_500)
        .map(|number| format!("r{number}@example.org\n"))
        .collect();
    let people = people.concat();
    let table = format!("email\n{people}R7@example.org\n");
    let id = upload::keep(&app, &list, ("people.csv", table.as_bytes()), "user x").await;
    let id = id.unwrap();
    let kept = upload::find(&app, id).await.unwrap().unwrap();
    let would = upload::look(&app, &kept).await.unwrap().imported;
    assert_eq!((would.added, would.known), (2_500, 1));
    assert!(upload::begin(&app, &kept, "paper", "user x").await.unwrap());
    assert!(!upload::begin(&app, &kept, "paper", "user x").await.unwrap());
    upload::take_part(&app, id).await.unwrap();
    assert_eq!(readers(&app, "all").await, 1_000);

    // It stops here; two processes go on at once.
    let base = app.settings.base_url.clone();
    let (one, other) = (app.restarted(&base).await, app.restarted(&base).await);
    let (first, second) = tokio::join!(upload::take_due(&one), upload::take_due(&other));
    // On PostgreSQL one may meet what the other has just done; it goes on at the next ring.
    drop((first, second));
    upload::take_due(&app).await.unwrap();
    let done = upload::find(&app, id).await.unwrap().unwrap().kept;
    assert_eq!(
        (done.state.as_str(), done.added, done.known),
        ("done", 2_500, 1)
    );
    assert_eq!(readers(&app, "all").await, 2_500);
    assert_eq!(rows(&app, id).await, 0);
}

async fn what_cannot_be_imported_is_refused_in_words(app: TestApp) {
    app.add_list("all").await;
    let editor = signed_in(&app, Role::Editor).await;
    for (body, status, words) in [
        ("list=all&text=", 422, "Choose a file"),
        (
            "list=none&text=email%0Aa%40example.org",
            422,
            "Choose a list",
        ),
        ("list=all&text=email%0A%0A", 422, "nothing below the line"),
    ] {
        let refused = editor.post(PLACE, body).await;
        assert_eq!(refused.status.as_u16(), status, "{body}");
        assert!(refused.body.contains(words), "{words} in {}", refused.body);
    }
    let many = "a@example.org\n".repeat(upload::MOST_ROWS + 1);
    let refused = upload_file(&editor, "many.csv", &format!("email\n{many}")).await;
    assert!(refused.body.contains("at most 100,000"), "{}", refused.body);
    let large = upload_file(&editor, "large.csv", &"x".repeat(9 * 1024 * 1024)).await;
    assert_eq!(large.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(large.body.contains("at most 8 MB"), "{}", large.body);
    let pasted = editor
        .post(PLACE, "list=all&text=email%0Aa%40example.org")
        .await;
    assert_eq!(pasted.location(), "/admin/subscribers/import/1");
    let page = editor.get("/admin/subscribers/import/1").await;
    assert!(page.body.contains("1 person will get the list"));
    let ukrainian = editor.get("/admin/subscribers/import/1?l=uk").await;
    assert!(
        ukrainian
            .body
            .contains("1 людина почне отримувати розсилку")
    );
    let removed = editor
        .post("/admin/subscribers/import/1", "step=drop")
        .await;
    assert_eq!(removed.location(), "/admin/subscribers/import?done=removed");
    assert_eq!(
        editor.get("/admin/subscribers/import/1").await.status,
        StatusCode::NOT_FOUND
    );
}

async fn what_is_left_of_an_import_goes(app: TestApp) {
    let list = app.add_list("all").await;
    let table = "email,status\nolena@example.org,unsubscribed\nihor@example.org,unsubscribed\n";
    let keep = async || {
        let kept = upload::keep(&app, &list, ("people.csv", table.as_bytes()), "user x").await;
        let kept = upload::find(&app, kept.unwrap()).await.unwrap().unwrap();
        assert!(upload::begin(&app, &kept, "paper", "user x").await.unwrap());
        kept.kept.id
    };
    let id = keep().await;
    upload::take_due(&app).await.unwrap();
    assert_eq!(rows(&app, id).await, 2);
    let forgotten = "Olena@example.org".parse().unwrap();
    forget::forget_address(&app, &forgotten, ("form", ""))
        .await
        .unwrap();
    assert_eq!(
        rows(&app, id).await,
        1,
        "whoever is forgotten is in no table either"
    );
    let going = keep().await;
    app.wait(TimeDelta::days(8));
    retain::clear(&app).await.unwrap();
    assert!(upload::find(&app, id).await.unwrap().is_none());
    assert_eq!(
        rows(&app, going).await,
        2,
        "what is under way is not cleared away"
    );
}
