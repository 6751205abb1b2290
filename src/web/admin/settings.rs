//! `/admin/settings`: what the operator set, without the secrets, and what the doctor finds when asked.
//! Nothing is changed here: settings are the operator's file and environment.

use std::time::Duration;

use axum::response::Response;

use crate::config::Shown;
use crate::doctor;
use crate::doctor::Finding;
use crate::doctor::State;
use crate::templates::board::Board;
use crate::templates::board::Buttons;
use crate::templates::board::Cell;
use crate::templates::board::Part;
use crate::templates::board::Table;
use crate::web::admin::desk::Owner;
use crate::web::admin::desk::board;
use crate::web::error::Error;
use crate::web::visit::Visit;

/// How long the doctor may look: name servers and relays that don't answer take longest.
const LOOKS: Duration = Duration::from_secs(20);

/// `GET`.
pub(in crate::web) async fn page(visit: Visit, Owner(user): Owner) -> Result<Response, Error> {
    let page = page_of(&visit, Vec::new());
    board(&visit, &user, page)
}

/// `POST /admin/settings/examination`: has the doctor look.
pub(in crate::web) async fn examine(visit: Visit, Owner(user): Owner) -> Result<Response, Error> {
    let visit = visit.at("/admin/settings");
    let looking = tokio::time::timeout(LOOKS, doctor::examine(&visit.app, None)).await;
    let page = match looking {
        Ok(findings) => page_of(&visit, findings.map_err(Error::trouble)?),
        Err(_) => Board {
            problem: Some(visit.say("desk.examines_too_long")?),
            ..page_of(&visit, Vec::new())
        },
    };
    board(&visit, &user, page)
}

fn page_of(visit: &Visit, findings: Vec<Finding>) -> Board {
    let examine = ("/admin/settings/examination".to_owned(), "examine");
    let mut parts = vec![Part::Buttons(Buttons {
        buttons: vec![examine],
    })];
    if !findings.is_empty() {
        parts.push(Part::Table(Table {
            title: "findings",
            columns: vec!["examined", "state", "found"],
            rows: findings.into_iter().map(found).collect(),
        }));
    }
    let settings = visit.app.settings.in_force();
    parts.push(Part::Table(Table {
        title: "settings_in_force",
        columns: vec!["setting", "value"],
        rows: settings.into_iter().map(setting).collect(),
    }));
    Board {
        title: "settings",
        parts,
        ..Board::default()
    }
}

fn found(finding: Finding) -> Vec<Cell> {
    let state = match finding.state {
        State::Good => "in_order",
        State::Unknown => "unclear",
        State::Bad => "out_of_order",
    };
    vec![
        Cell::text(finding.about),
        Cell::word(state),
        Cell::code(finding.words),
    ]
}

fn setting((name, value): (String, Shown)) -> Vec<Cell> {
    let value = match value {
        Shown::Text(text) => Cell::text(text),
        Shown::Secret => Cell::word("set_secret"),
        Shown::Unset => Cell::word("not_set"),
    };
    vec![Cell::text(name), value]
}
