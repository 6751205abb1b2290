//! Addresses that aren't written to: kept as hashes, so added and looked up by address alone.

use axum::extract::Path;
use axum::response::Response;

use crate::audience::EmailAddress;
use crate::store;
use crate::store::subscriber::Suppressed;
use crate::store::subscriber::Suppression;
use crate::templates::board::Board;
use crate::templates::board::Cell;
use crate::templates::board::Form;
use crate::templates::board::Part;
use crate::templates::board::Table;
use crate::web::admin::A_PAGE;
use crate::web::admin::desk::Editor;
use crate::web::admin::desk::back;
use crate::web::admin::desk::board;
use crate::web::admin::desk::field;
use crate::web::admin::desk::moment;
use crate::web::admin::desk::must;
use crate::web::admin::desk::note;
use crate::web::admin::desk::refused;
use crate::web::admin::limit;
use crate::web::admin::session::Anyone;
use crate::web::error::Error;
use crate::web::form::Fields;
use crate::web::visit::Visit;

/// `/admin/suppressions?beyond=`.
pub(in crate::web) async fn all(visit: Visit, Anyone(user): Anyone) -> Result<Response, Error> {
    let page = page(&visit, "", None).await?;
    board(&visit, &user, page)
}

async fn page(visit: &Visit, filled: &str, problem: Option<String>) -> Result<Board, Error> {
    let beyond = visit
        .asked_for("beyond")
        .unwrap_or_default()
        .replace('\0', "");
    let mut tx = visit.app.db.read().await?;
    let mut rows = store::subscriber::suppressed(&mut tx, &beyond, limit(A_PAGE + 1)).await?;
    let more = rows.len() > A_PAGE;
    rows.truncate(A_PAGE);
    let last = rows
        .last()
        .filter(|_| more)
        .map(|row| row.address_mac.clone());
    let form = Form {
        title: "suppress",
        action: "/admin/suppressions".to_owned(),
        get: false,
        fields: vec![must(field("email", "address", "email", filled))],
        buttons: vec![("suppress", "add"), ("resume_writing", "remove")],
    };
    let table = Table {
        title: "suppressions",
        columns: vec!["hash", "reason", "when", "action"],
        rows: rows.into_iter().map(|row| cells(visit, row)).collect(),
    };
    Ok(Board {
        title: "suppressions",
        problem,
        parts: vec![Part::Form(form), Part::Table(table)],
        next: last.map(|last| visit.app.url(&format!("/admin/suppressions?beyond={last}"))),
        ..Board::default()
    })
}

fn cells(visit: &Visit, row: Suppressed) -> Vec<Cell> {
    let why = match row.reason.as_str() {
        "bounce" => "bounce",
        "complaint" => "complaint",
        "erasure" => "erasure",
        _ => "admin",
    };
    let remove = format!("/admin/suppressions/{}/remove", row.address_mac);
    vec![
        Cell::text(row.address_mac),
        Cell::word(why),
        Cell::text(moment(visit, row.at)),
        Cell::button("remove", remove),
    ]
}

/// `POST /admin/suppressions`: writes to an address no more, or again.
pub(in crate::web) async fn change(
    visit: Visit,
    Editor(user): Editor,
    fields: Fields,
) -> Result<Response, Error> {
    let Ok(email) = fields.one("email").parse::<EmailAddress>() else {
        let problem = Some(visit.say("desk.bad_address")?);
        let page = page(&visit, fields.one("email"), problem).await?;
        return refused(&visit, &user, page);
    };
    let (app, now) = (&visit.app, visit.app.now());
    let subject = format!("suppression {}", app.secret.address_mac(&email));
    let mut tx = app.db.begin().await?;
    let (action, done) = if fields.one("step") == "remove" {
        store::subscriber::unsuppress(&mut tx, &email, &app.secret).await?;
        ("suppression.remove", "removed")
    } else {
        store::subscriber::suppress(&mut tx, &email, Suppression::Admin, &app.secret, now).await?;
        ("suppression.add", "added")
    };
    note(
        &mut tx,
        &user,
        (action, subject),
        (String::new(), String::new()),
        now,
    )
    .await?;
    tx.commit().await?;
    Ok(back("/admin/suppressions", done))
}

/// `POST /admin/suppressions/{hash}/remove`.
pub(in crate::web) async fn remove(
    visit: Visit,
    Editor(user): Editor,
    Path(hash): Path<String>,
) -> Result<Response, Error> {
    let hash = hash.replace('\0', "");
    let now = visit.app.now();
    let mut tx = visit.app.db.begin().await?;
    if !store::subscriber::end_suppression(&mut tx, &hash).await? {
        return Err(Error::NotFound);
    }
    let what = ("suppression.remove", format!("suppression {hash}"));
    note(&mut tx, &user, what, (String::new(), String::new()), now).await?;
    tx.commit().await?;
    Ok(back("/admin/suppressions", "removed"))
}
