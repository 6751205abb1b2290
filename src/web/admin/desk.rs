//! What every desk of the console does: let in who may, show a board, write changes down.

use axum::extract::FromRef;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::IntoResponse;
use axum::response::Redirect;
use axum::response::Response;

use crate::access::Role;
use crate::access::User;
use crate::app::App;
use crate::clock::Stamp;
use crate::store;
use crate::store::Tx;
use crate::store::audit::Change;
use crate::templates::board::Board;
use crate::templates::board::Cell;
use crate::templates::board::FormField;
use crate::templates::board::Part;
use crate::web::admin::session::Anyone;
use crate::web::admin::show;
use crate::web::error::Error;
use crate::web::visit::Visit;

/// Whoever is signed in and may change things of all lists, and what is no list's.
pub(in crate::web) struct Editor(pub(super) User);

/// Whoever is signed in and may change things, be it of some lists alone: for what goes no further
/// than their reach.
pub(in crate::web) struct AnyEditor(pub(super) User);

/// Whoever is signed in and may do everything.
pub(in crate::web) struct Owner(pub(super) User);

async fn at_least<S: Send + Sync>(parts: &mut Parts, state: &S, role: Role) -> Result<User, Error>
where
    App: FromRef<S>,
{
    let Anyone(user) = Anyone::from_request_parts(parts, state).await?;
    if user.role >= role {
        Ok(user)
    } else {
        Err(Error::Forbidden)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for AnyEditor
where
    App: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        at_least(parts, state, Role::Editor).await.map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Editor
where
    App: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let AnyEditor(user) = AnyEditor::from_request_parts(parts, state).await?;
        if user.reach.is_bound() {
            return Err(Error::Bound);
        }
        Ok(Self(user))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Owner
where
    App: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        at_least(parts, state, Role::Owner).await.map(Self)
    }
}

/// What an editor of some lists may post to, below the lists that they are shown.
const OF_LISTS: &[&str] = &[
    "/admin/account",
    "/admin/lists/",
    "/admin/subscriptions/",
    "/admin/subscribers/import",
];

/// Leaves out what would refuse whoever looks: buttons, forms that change something, ways to add.
/// What leads to `own` stays.
fn without_changes(mut page: Board, own: &[&str]) -> Board {
    let is_own = |at: &str| own.iter().any(|own| at.contains(own)) && !at.ends_with("/new");
    let adds = |at: &str| at.ends_with("/new");
    for parts in [&mut page.parts, &mut page.below] {
        parts.retain(|part| match part {
            Part::Form(form) => form.get || is_own(&form.action),
            Part::Buttons(buttons) => buttons.buttons.iter().all(|(at, _)| is_own(at)),
            _ => true,
        });
        let cells = parts.iter_mut().filter_map(|part| match part {
            Part::Table(table) => Some(table.rows.iter_mut().flatten()),
            _ => None,
        });
        for cell in cells.flatten() {
            if cell.post.as_deref().is_some_and(|at| !is_own(at)) {
                *cell = Cell::default();
            }
        }
    }
    page.links.retain(|(_, at)| !adds(at));
    page.empty = page.empty.filter(|empty| !adds(&empty.url));
    page
}

/// A board, for whoever is signed in.
pub(super) fn board(visit: &Visit, user: &User, mut page: Board) -> Result<Response, Error> {
    if user.role < Role::Editor {
        page = without_changes(page, &["/admin/account"]);
    } else if user.reach.is_bound() {
        page = without_changes(page, OF_LISTS);
    }
    page.done = page
        .done
        .or_else(|| match visit.asked_for("done")?.as_str() {
            "saved" => Some("saved"),
            "added" => Some("added"),
            "removed" => Some("removed"),
            "signed" => Some("signed"),
            "soon" => Some("soon"),
            "nothing_new" => Some("nothing_new"),
            "published_held" => Some("published_held"),
            _ => None,
        });
    show(visit, user, &page)
}

/// A board that says what is wrong with what was filled in.
pub(super) fn refused(visit: &Visit, user: &User, page: Board) -> Result<Response, Error> {
    let page = board(visit, user, page)?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

/// Back to a page, which says what was done.
pub(super) fn back(path: &str, done: &str) -> Response {
    Redirect::to(&format!("{path}?done={done}")).into_response()
}

/// A user, as the log of changes names them.
pub(super) fn actor(user: &User) -> String {
    format!("user {}", user.email)
}

/// Writes a change down.
pub(super) async fn note(
    tx: &mut Tx,
    user: &User,
    (action, subject): (&'static str, String),
    (was, became): (String, String),
    now: Stamp,
) -> store::Result<()> {
    let change = Change {
        was,
        became,
        ..by(user, (action, subject))
    };
    store::audit::record(tx, &change, now).await
}

/// A change that somebody makes.
pub(super) fn by(user: &User, (action, subject): (&'static str, String)) -> Change {
    Change {
        actor: actor(user),
        action,
        subject,
        ..Change::default()
    }
}

/// Writes down a change that a flow made in a transaction of its own.
pub(super) async fn note_after(
    app: &App,
    user: &User,
    what: (&'static str, String),
) -> store::Result<()> {
    store::audit::record_after(&app.db, &by(user, what), app.now()).await
}

/// A moment as people read it.
pub(super) fn moment(visit: &Visit, at: Stamp) -> String {
    visit.language.date_time(&visit.local(at))
}

/// A field.
pub(super) fn field(
    name: &'static str,
    label: &'static str,
    kind: &'static str,
    value: impl Into<String>,
) -> FormField {
    FormField {
        name,
        label,
        kind,
        value: value.into(),
        must: false,
        choices: Vec::new(),
        ticks: Vec::new(),
    }
}

/// A field that must be filled in.
pub(super) fn must(field: FormField) -> FormField {
    FormField {
        must: true,
        ..field
    }
}

/// A field that offers values, with the sentence that says each.
pub(super) fn choice(
    name: &'static str,
    label: &'static str,
    value: &str,
    choices: &[(&str, &'static str)],
) -> FormField {
    FormField {
        choices: choices
            .iter()
            .map(|(value, word)| ((*value).to_owned(), *word))
            .collect(),
        ..field(name, label, "choice", value)
    }
}
