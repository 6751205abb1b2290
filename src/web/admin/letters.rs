//! The ledger: the latest letters, and every try at one.

use axum::response::Response;

use crate::letter::LetterId;
use crate::letter::LetterState;
use crate::store;
use crate::store::letter::LetterRecord;
use crate::templates::board::Board;
use crate::templates::board::Cell;
use crate::templates::board::Empty;
use crate::templates::board::Facts;
use crate::templates::board::Form;
use crate::templates::board::Part;
use crate::templates::board::Table;
use crate::web::admin::A_PAGE;
use crate::web::admin::desk::board;
use crate::web::admin::desk::choice;
use crate::web::admin::desk::moment;
use crate::web::admin::limit;
use crate::web::admin::own::Seen;
use crate::web::admin::session::Anyone;
use crate::web::error::Error;
use crate::web::visit::Visit;

/// `/admin/letters?state=&before=`.
pub(in crate::web) async fn all(visit: Visit, Anyone(user): Anyone) -> Result<Response, Error> {
    let before = visit.asked_for("before").and_then(|id| id.parse().ok());
    let state: Option<LetterState> = visit.asked_for("state").and_then(|word| word.parse().ok());
    let mut tx = visit.app.db.read().await?;
    let mut letters = store::letter::page_within(
        &mut tx,
        &user.reach,
        before.map(LetterId),
        state,
        limit(A_PAGE + 1),
    )
    .await?;
    let more = letters.len() > A_PAGE;
    letters.truncate(A_PAGE);
    let last = letters.last().filter(|_| more).map(|letter| letter.id);
    let chosen = state.map_or("", LetterState::as_str);
    let mut choices = vec![("", "all_letters")];
    choices.extend(LetterState::ALL.map(|state| (state.as_str(), word(Some(state)))));
    let form = Form {
        title: "",
        action: "/admin/letters".to_owned(),
        get: true,
        fields: vec![choice("state", "state", chosen, &choices)],
        buttons: vec![("show", "")],
    };
    let table = Table {
        title: "",
        columns: vec!["when", "purpose", "address", "state", "tries"],
        rows: letters
            .into_iter()
            .map(|letter| row(&visit, letter))
            .collect(),
    };
    let page = Board {
        title: "letters",
        empty: state
            .is_none()
            .then(|| Empty::then("empty_letters", "lists", visit.app.url("/admin/lists"))),
        parts: vec![Part::Form(form), Part::Table(table)],
        next: last.map(|last| {
            visit
                .app
                .url(&format!("/admin/letters?state={chosen}&before={last}"))
        }),
        ..Board::default()
    };
    board(&visit, &user, page)
}

fn row(visit: &Visit, letter: LetterRecord) -> Vec<Cell> {
    let place = visit.app.url(&format!("/admin/letters/{}", letter.id));
    vec![
        Cell::link(moment(visit, letter.made_at), place),
        Cell::text(letter.purpose.as_str()),
        Cell::text(letter.email),
        Cell::word(word(Some(letter.state))),
        Cell::text(letter.tries.to_string()),
    ]
}

/// The sentence that says where a letter stands.
pub(super) fn word(state: Option<LetterState>) -> &'static str {
    state.map_or("none", LetterState::as_str)
}

/// `/admin/letters/{id}`.
pub(in crate::web) async fn one(
    visit: Visit,
    Seen(user, letter): Seen<LetterRecord>,
) -> Result<Response, Error> {
    let mut tx = visit.app.db.read().await?;
    let attempts = store::attempt::of_letter(&mut tx, letter.id).await?;
    let facts = vec![
        ("address", Cell::text(letter.email)),
        ("purpose", Cell::text(letter.purpose.as_str())),
        ("state", Cell::word(word(Some(letter.state)))),
        ("when", Cell::text(moment(&visit, letter.made_at))),
        ("tries", Cell::text(letter.tries.to_string())),
    ];
    let rows = attempts.into_iter().map(|attempt| {
        let code = attempt
            .code
            .map(|code| code.to_string())
            .unwrap_or_default();
        vec![
            Cell::text(moment(&visit, attempt.at)),
            Cell::text(attempt.outcome),
            Cell::text(attempt.host),
            Cell::text(format!("{code} {}", attempt.text)),
        ]
    });
    let table = Table {
        title: "attempts",
        columns: vec!["when", "state", "host", "answer"],
        rows: rows.collect(),
    };
    let page = Board {
        title: "letters",
        about: Some(format!("№ {}", letter.id)),
        parts: vec![Part::Facts(Facts { title: "", facts }), Part::Table(table)],
        ..Board::default()
    };
    board(&visit, &user, page)
}
