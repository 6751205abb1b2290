//! Sources: how each has been, what it would give, and how it's read.

use axum::extract::Path;
use axum::response::Response;
use chrono::TimeDelta;

use crate::access::User;
use crate::app::App;
use crate::article::clean::one_line;
use crate::source::Reading;
use crate::source::Selectors;
use crate::source::Source;
use crate::source::SourceId;
use crate::source::SourceKind;
use crate::source::SourceState;
use crate::source::SourceUrl;
use crate::source::fetch::Accept;
use crate::source::fetch::Fetched;
use crate::source::fetch::Request;
use crate::source::poll::read_as;
use crate::store;
use crate::store::source::NewSource;
use crate::templates::board::Board;
use crate::templates::board::Buttons;
use crate::templates::board::Cell;
use crate::templates::board::Facts;
use crate::templates::board::Form;
use crate::templates::board::FormField;
use crate::templates::board::Part;
use crate::templates::board::Table;
use crate::web::admin::desk::Editor;
use crate::web::admin::desk::back;
use crate::web::admin::desk::board;
use crate::web::admin::desk::choice;
use crate::web::admin::desk::field;
use crate::web::admin::desk::moment;
use crate::web::admin::desk::must;
use crate::web::admin::desk::note;
use crate::web::admin::desk::refused;
use crate::web::admin::session::Insider;
use crate::web::error::Error;
use crate::web::form::Fields;
use crate::web::visit::Visit;

/// Articles that a preview shows.
const A_TASTE: usize = 20;

const KINDS: &[(&str, &str)] = &[
    ("auto", "kind_auto"),
    ("feed", "kind_feed"),
    ("listing", "kind_listing"),
    ("page", "kind_page"),
    ("sitemap", "kind_sitemap"),
];

const SELECTORS: [&str; 9] = [
    "item",
    "link",
    "title",
    "date",
    "summary",
    "body",
    "topics",
    "departments",
    "image",
];

/// `/admin/sources`.
pub(in crate::web) async fn all(visit: Visit, Insider(user): Insider) -> Result<Response, Error> {
    let sources = store::source::all(&mut visit.app.db.read().await?).await?;
    let rows = sources
        .into_iter()
        .map(|source| row(&visit, source))
        .collect();
    let table = Table {
        title: "",
        columns: vec!["name", "state", "last_good", "next_poll", "problem"],
        rows,
    };
    let page = Board {
        title: "sources",
        links: vec![("add_source", visit.app.url("/admin/sources/new"))],
        parts: vec![Part::Table(table)],
        ..Board::default()
    };
    board(&visit, user, page)
}

fn row(visit: &Visit, source: Source) -> Vec<Cell> {
    let place = visit.app.url(&format!("/admin/sources/{}", source.id.0));
    vec![
        Cell::link(source.name.clone(), place),
        Cell::word(state(&source)),
        last_good(visit, &source),
        Cell::text(moment(visit, source.next_poll_at)),
        Cell::text(source.problem.unwrap_or_default()),
    ]
}

fn state(source: &Source) -> &'static str {
    match source.state {
        SourceState::Active if source.failures > 0 => "failing",
        SourceState::Active => "active",
        SourceState::Paused => "paused",
        SourceState::Gone => "gone",
    }
}

fn last_good(visit: &Visit, source: &Source) -> Cell {
    let at = source.last_good_at.map(|at| Cell::text(moment(visit, at)));
    at.unwrap_or_else(|| Cell::word("never"))
}

/// `/admin/sources/{id}`: how it is, what it would give now.
pub(in crate::web) async fn one(
    visit: Visit,
    Insider(user): Insider,
    Path(id): Path<i64>,
) -> Result<Response, Error> {
    let source = find(&visit.app, id).await?;
    let reading = match visit.asked_for("preview") {
        Some(_) => Some(look(&visit.app, &source.url, source.kind, &source.selectors).await),
        None => None,
    };
    board(&visit, user, page_of(&visit, &source, reading))
}

fn page_of(visit: &Visit, source: &Source, reading: Option<Reading>) -> Board {
    let at = format!("/admin/sources/{}", source.id.0);
    let facts = vec![
        (
            "address",
            Cell::link(source.url.to_string(), source.url.to_string()),
        ),
        ("state", Cell::word(state(source))),
        ("last_good", last_good(visit, source)),
        ("next_poll", Cell::text(moment(visit, source.next_poll_at))),
        ("failures", Cell::text(source.failures.to_string())),
        (
            "problem",
            Cell::text(source.problem.clone().unwrap_or_default()),
        ),
    ];
    let verb = |verb: &str| format!("{at}/{verb}");
    let toggle = match source.state {
        SourceState::Active => (verb("pause"), "pause"),
        SourceState::Paused | SourceState::Gone => (verb("resume"), "resume"),
    };
    let buttons = vec![
        (verb("poll"), "poll_now"),
        toggle,
        (verb("remove"), "remove"),
    ];
    let mut parts = vec![
        Part::Facts(Facts { title: "", facts }),
        Part::Buttons(Buttons { buttons }),
    ];
    parts.extend(reading.into_iter().flat_map(preview));
    let mut fields = vec![
        must(field("name", "name", "text", source.name.clone())),
        must(field(
            "every",
            "every",
            "number",
            source.every.num_minutes().to_string(),
        )),
        choice("kind", "kind", source.kind.as_str(), KINDS),
    ];
    fields.extend(selector_fields(&source.selectors));
    parts.push(Part::Form(Form {
        title: "edit",
        action: at.clone(),
        get: false,
        fields,
        buttons: vec![("save", "save"), ("preview", "preview")],
    }));
    Board {
        title: "sources",
        about: Some(source.name.clone()),
        links: vec![("preview", visit.app.url(&format!("{at}?preview=1")))],
        parts,
        ..Board::default()
    }
}

fn selector_fields(selectors: &Selectors) -> Vec<FormField> {
    let shown = |css: &Option<String>| css.clone().unwrap_or_default();
    let values = [
        &selectors.item,
        &selectors.link,
        &selectors.title,
        &selectors.date,
        &selectors.summary,
        &selectors.body,
        &selectors.topics,
        &selectors.departments,
        &selectors.image,
    ];
    let labels = [
        "css_item",
        "css_link",
        "css_title",
        "css_date",
        "css_summary",
        "css_body",
        "css_topics",
        "css_departments",
        "css_image",
    ];
    let named = SELECTORS.into_iter().zip(labels).zip(values);
    named
        .map(|((name, label), value)| field(name, label, "text", shown(value)))
        .collect()
}

fn selectors(fields: &Fields) -> Selectors {
    let css = |name: &str| {
        let text = one_line(fields.one(name), 200);
        (!text.is_empty()).then_some(text)
    };
    Selectors {
        item: css("item"),
        link: css("link"),
        title: css("title"),
        date: css("date"),
        summary: css("summary"),
        body: css("body"),
        topics: css("topics"),
        departments: css("departments"),
        image: css("image"),
    }
}

/// What a source would give now; nothing is kept.
async fn look(app: &App, url: &SourceUrl, kind: SourceKind, selectors: &Selectors) -> Reading {
    let request = Request {
        url,
        validators: None,
        accept: Accept::Source,
        now: app.now(),
    };
    let document = match app.fetcher.get(&request).await {
        Ok(Fetched::Document(document)) => document,
        Ok(_) => return Reading::unread("expected a document, but got none"),
        Err(problem) => return Reading::unread(problem.to_string()),
    };
    read_as(app, kind, selectors, &document)
        .await
        .unwrap_or_else(|problem| Reading::unread(problem.to_string()))
}

/// What a reading gave, as people see it.
fn preview(reading: Reading) -> Vec<Part> {
    let kind = reading.kind.map(|kind| format!("{kind:?}").to_lowercase());
    let mut facts = vec![
        ("kind", Cell::text(kind.unwrap_or_default())),
        ("name", Cell::text(reading.title.unwrap_or_default())),
        ("count", Cell::text(reading.drafts.len().to_string())),
    ];
    let problems = reading.problems.into_iter().take(A_TASTE);
    facts.extend(problems.map(|problem| ("problem", Cell::text(problem))));
    let rows = reading.drafts.into_iter().take(A_TASTE).map(|draft| {
        let published = draft.published.map(|date| date.to_rfc3339());
        let topics = [draft.departments, draft.topics].concat();
        let title = match draft.url {
            Some(url) => Cell::link(draft.title, url),
            None => Cell::text(draft.title),
        };
        vec![
            title,
            Cell::text(published.unwrap_or_default()),
            Cell::text(one_line(&draft.summary, 200)),
            Cell::text(topics.join(", ")),
        ]
    });
    let table = Table {
        title: "",
        columns: vec!["headline", "date", "summary", "topics"],
        rows: rows.collect(),
    };
    vec![
        Part::Facts(Facts {
            title: "preview",
            facts,
        }),
        Part::Table(table),
    ]
}

/// `/admin/sources/new`.
pub(in crate::web) async fn fresh(visit: Visit, Editor(user): Editor) -> Result<Response, Error> {
    board(
        &visit,
        user,
        form_page(&visit, &Fields::parse(b""), None, None),
    )
}

fn form_page(
    visit: &Visit,
    filled: &Fields,
    reading: Option<Reading>,
    problem: Option<String>,
) -> Board {
    let every = Some(filled.one("every")).filter(|every| !every.is_empty());
    let mut fields = vec![
        must(field("url", "address", "url", filled.one("url"))),
        field("name", "name", "text", filled.one("name")),
        must(field("every", "every", "number", every.unwrap_or("15"))),
        choice("kind", "kind", filled.one("kind"), KINDS),
    ];
    fields.extend(selector_fields(&selectors(filled)));
    let mut parts = vec![Part::Form(Form {
        title: "",
        action: "/admin/sources/new".to_owned(),
        get: false,
        fields,
        buttons: vec![("preview", "preview"), ("add", "add")],
    })];
    parts.extend(reading.into_iter().flat_map(preview));
    Board {
        title: "add_source",
        links: vec![("sources", visit.app.url("/admin/sources"))],
        problem,
        parts,
        ..Board::default()
    }
}

/// What a source's form holds.
struct Filled {
    name: String,
    kind: SourceKind,
    every: TimeDelta,
    selectors: Selectors,
}

fn filled(fields: &Fields) -> Result<Filled, String> {
    let minutes: i64 = fields.one("every").parse().unwrap_or_default();
    if !(1..=43_200).contains(&minutes) {
        let got = one_line(fields.one("every"), 40);
        return Err(format!("expected 1 to 43200 minutes, but got `{got}`"));
    }
    let kind = Some(fields.one("kind")).filter(|kind| !kind.is_empty());
    let kind = <SourceKind as clap::ValueEnum>::from_str(kind.unwrap_or("auto"), false)?;
    Ok(Filled {
        name: one_line(fields.one("name"), 200),
        every: TimeDelta::minutes(minutes),
        selectors: selectors(fields),
        kind,
    })
}

/// `POST /admin/sources/new`: shows what would come, or adds it.
pub(in crate::web) async fn add(
    visit: Visit,
    Editor(user): Editor,
    fields: Fields,
) -> Result<Response, Error> {
    let understood = fields
        .one("url")
        .parse::<SourceUrl>()
        .map_err(|problem| problem.to_string())
        .and_then(|url| Ok((url, filled(&fields)?)));
    let (url, new) = match understood {
        Ok(understood) => understood,
        Err(problem) => {
            return refused(
                &visit,
                user,
                form_page(&visit, &fields, None, Some(problem)),
            );
        }
    };
    if fields.one("step") != "add" {
        let reading = look(&visit.app, &url, new.kind, &new.selectors).await;
        return board(
            &visit,
            user,
            form_page(&visit, &fields, Some(reading), None),
        );
    }
    if let Some(id) = keep(&visit.app, &user, url, new).await? {
        return Ok(back(&format!("/admin/sources/{}", id.0), "added"));
    }
    let known = Some(visit.say("desk.known_source")?);
    refused(&visit, user, form_page(&visit, &fields, None, known))
}

async fn keep(
    app: &App,
    user: &User,
    url: SourceUrl,
    filled: Filled,
) -> Result<Option<SourceId>, Error> {
    let new = NewSource {
        name: Some(filled.name)
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| url.host()),
        kind: filled.kind,
        selectors: filled.selectors,
        every: filled.every,
        url,
    };
    let mut tx = app.db.begin().await?;
    let Some(id) = store::source::add(&mut tx, &new, app.now()).await? else {
        return Ok(None);
    };
    let what = ("source.add", format!("source {}", id.0));
    let became = serde_json::json!({ "url": new.url, "name": new.name }).to_string();
    note(&mut tx, user, what, (String::new(), became), app.now()).await?;
    tx.commit().await?;
    Ok(Some(id))
}

/// `POST /admin/sources/{id}`: keeps how it's read, or shows what would come.
pub(in crate::web) async fn change(
    visit: Visit,
    Editor(user): Editor,
    Path(id): Path<i64>,
    fields: Fields,
) -> Result<Response, Error> {
    let was = find(&visit.app, id).await?;
    let mut source = was.clone();
    let new = match filled(&fields) {
        Ok(new) => new,
        Err(problem) => {
            let mut page = page_of(&visit, &was, None);
            page.problem = Some(problem);
            return refused(&visit, user, page);
        }
    };
    if !new.name.is_empty() {
        source.name = new.name;
    }
    (source.kind, source.every, source.selectors) = (new.kind, new.every, new.selectors);
    if fields.one("step") == "preview" {
        let reading = look(&visit.app, &source.url, source.kind, &source.selectors).await;
        return board(&visit, user, page_of(&visit, &source, Some(reading)));
    }
    let mut tx = visit.app.db.begin().await?;
    store::source::change(&mut tx, &source).await?;
    let said = |source: &Source| {
        serde_json::json!({ "name": source.name, "kind": source.kind, "selectors": source.selectors }).to_string()
    };
    let what = ("source.change", format!("source {id}"));
    note(
        &mut tx,
        &user,
        what,
        (said(&was), said(&source)),
        visit.app.now(),
    )
    .await?;
    tx.commit().await?;
    Ok(back(&format!("/admin/sources/{id}"), "saved"))
}

/// `POST /admin/sources/{id}/{verb}`: poll, pause, resume, remove.
pub(in crate::web) async fn act(
    visit: Visit,
    Editor(user): Editor,
    Path((id, verb)): Path<(i64, String)>,
) -> Result<Response, Error> {
    let app = &visit.app;
    let id = find(app, id).await?.id;
    let mut tx = app.db.begin().await?;
    let now = app.now();
    let (action, done) = match verb.as_str() {
        "poll" => {
            store::source::call(&mut tx, id, now).await?;
            ("source.poll", "soon")
        }
        "pause" => {
            store::source::set_state(&mut tx, id, SourceState::Paused, now).await?;
            ("source.pause", "saved")
        }
        "resume" => {
            store::source::set_state(&mut tx, id, SourceState::Active, now).await?;
            ("source.resume", "saved")
        }
        "remove" => {
            store::source::remove(&mut tx, id).await?;
            ("source.remove", "removed")
        }
        _ => return Err(Error::NotFound),
    };
    let what = (action, format!("source {}", id.0));
    note(&mut tx, &user, what, (String::new(), String::new()), now).await?;
    tx.commit().await?;
    let place = if done == "removed" {
        "/admin/sources".to_owned()
    } else {
        format!("/admin/sources/{}", id.0)
    };
    Ok(back(&place, done))
}

async fn find(app: &App, id: i64) -> Result<Source, Error> {
    let found = store::source::find(&mut app.db.read().await?, SourceId(id)).await?;
    found.ok_or(Error::NotFound)
}
