//! Sources: how each has been, what of it waits for a person, and how it's read.

mod editor;
mod held;
mod sayings;
mod told;

pub(in crate::web) use self::editor::add;
pub(in crate::web) use self::editor::change;
pub(in crate::web) use self::editor::fresh;

use std::collections::HashMap;

use axum::extract::Path;
use axum::response::Response;

use crate::app::App;
use crate::source::Source;
use crate::source::SourceId;
use crate::source::SourceState;
use crate::store;
use crate::templates::board::Board;
use crate::templates::board::Buttons;
use crate::templates::board::Cell;
use crate::templates::board::Empty;
use crate::templates::board::Facts;
use crate::templates::board::Part;
use crate::templates::board::Table;
use crate::web::admin::desk::Editor;
use crate::web::admin::desk::back;
use crate::web::admin::desk::board;
use crate::web::admin::desk::moment;
use crate::web::admin::desk::note;
use crate::web::admin::session::Anyone;
use crate::web::admin::sources::told::told;
use crate::web::admin::sources::told::told_shortly;
use crate::web::error::Error;
use crate::web::visit::Visit;

/// `/admin/sources`.
pub(in crate::web) async fn all(visit: Visit, Anyone(user): Anyone) -> Result<Response, Error> {
    let mut tx = visit.app.db.read().await?;
    let held: HashMap<SourceId, i64> = store::held::counts(&mut tx).await?.into_iter().collect();
    let sources = store::source::all(&mut tx).await?;
    let rows = sources
        .into_iter()
        .map(|source| {
            let held = held.get(&source.id).copied().unwrap_or_default();
            row(&visit, &source, held)
        })
        .collect();
    let table = Table {
        title: "",
        columns: vec!["name", "state", "problem", "last_good", "next_poll", "held"],
        rows,
    };
    let page = Board {
        title: "sources",
        links: vec![("add_source", visit.app.url("/admin/sources/new"))],
        empty: Some(Empty::then(
            "empty_sources",
            "add_source",
            visit.app.url("/admin/sources/new"),
        )),
        parts: vec![Part::Table(table)],
        ..Board::default()
    };
    board(&visit, &user, page)
}

fn row(visit: &Visit, source: &Source, held: i64) -> Vec<Cell> {
    let place = visit.app.url(&format!("/admin/sources/{}", source.id.0));
    let problem = source.problem.as_deref().unwrap_or_default();
    vec![
        Cell::link(source.name.clone(), place),
        Cell::word(state(source)),
        Cell::text(told_shortly(visit, problem)),
        last_good(visit, source),
        Cell::text(moment(visit, source.next_poll_at)),
        Cell::text(if held > 0 {
            held.to_string()
        } else {
            String::new()
        }),
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

/// `/admin/sources/{id}`: how it is, what waits for a person, what it would give now.
pub(in crate::web) async fn one(
    visit: Visit,
    Anyone(user): Anyone,
    Path(id): Path<i64>,
) -> Result<Response, Error> {
    let source = find(&visit.app, id).await?;
    let asked = visit.asked_for("preview").is_some();
    let caught = if asked {
        let looked = editor::look(&visit.app, &source.url, &editor::how(&source), false).await?;
        Some(editor::caught(&visit, looked))
    } else {
        None
    };
    let page = page_of(&visit, &source, caught).await?;
    board(&visit, &user, page)
}

async fn page_of(
    visit: &Visit,
    source: &Source,
    caught: Option<Vec<Part>>,
) -> Result<Board, Error> {
    let at = format!("/admin/sources/{}", source.id.0);
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
        Part::Facts(Facts {
            title: "",
            facts: facts(visit, source),
        }),
        Part::Buttons(Buttons { buttons }),
    ];
    parts.extend(held::parts(visit, source.id).await?);
    parts.push(Part::Form(editor::form_of(source)));
    Ok(Board {
        title: "sources",
        about: Some(source.name.clone()),
        links: vec![
            ("all_sources", visit.app.url("/admin/sources")),
            ("preview", visit.app.url(&format!("{at}?preview=1"))),
        ],
        parts,
        caught: Some(caught.unwrap_or_default()),
        ..Board::default()
    })
}

fn facts(visit: &Visit, source: &Source) -> Vec<(&'static str, Cell)> {
    let address = source.url.to_string();
    let mut facts = vec![
        ("address", Cell::link(address.clone(), address)),
        ("state", Cell::word(state(source))),
        ("last_good", last_good(visit, source)),
        ("next_poll", Cell::text(moment(visit, source.next_poll_at))),
    ];
    if source.failures > 0 {
        facts.push(("failures", Cell::text(source.failures.to_string())));
    }
    if let Some(problem) = &source.problem {
        facts.push(("problem", Cell::text(told(visit, problem))));
    }
    facts
}

/// `POST /admin/sources/{id}/{verb}`: poll, pause, resume, remove; publish or drop what is held.
pub(in crate::web) async fn act(
    visit: Visit,
    Editor(user): Editor,
    Path((id, verb)): Path<(i64, String)>,
) -> Result<Response, Error> {
    let app = &visit.app;
    let source = find(app, id).await?;
    let id = source.id;
    if let Some(done) = held::act(app, &user, &source, &verb).await? {
        return Ok(back(&format!("/admin/sources/{}", id.0), done));
    }
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
