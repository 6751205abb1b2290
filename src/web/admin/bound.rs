//! `/admin/users/{id}`: which lists an editor looks after. Only owners decide.

use axum::extract::Path;
use axum::response::Response;

use crate::access::Role;
use crate::access::User;
use crate::access::reach;
use crate::audience::list::List;
use crate::audience::list::ListId;
use crate::store;
use crate::store::Tx;
use crate::templates::board::Board;
use crate::templates::board::Form;
use crate::templates::board::FormField;
use crate::templates::board::Part;
use crate::templates::board::Tick;
use crate::web::admin::desk::Owner;
use crate::web::admin::desk::back;
use crate::web::admin::desk::board;
use crate::web::admin::desk::field;
use crate::web::admin::desk::note;
use crate::web::admin::desk::refused;
use crate::web::error::Error;
use crate::web::form::Fields;
use crate::web::visit::Visit;

/// What stands for all lists, and is no list's slug.
const ALL: &str = "*";

/// `GET`.
pub(in crate::web) async fn page(
    visit: Visit,
    Owner(user): Owner,
    Path(id): Path<i64>,
) -> Result<Response, Error> {
    let mut tx = visit.app.db.read().await?;
    let editor = find(&mut tx, id).await?;
    let page = about(&visit, &mut tx, &editor, None).await?;
    board(&visit, &user, page)
}

/// The active editor with this number.
async fn find(tx: &mut Tx, id: i64) -> Result<User, Error> {
    let found = store::user::find_by_id(tx, id).await?;
    let editor = found.filter(|user| user.role == Role::Editor);
    editor.ok_or(Error::NotFound)
}

async fn about(
    visit: &Visit,
    tx: &mut Tx,
    editor: &User,
    problem: Option<String>,
) -> Result<Board, Error> {
    let bound = editor.reach.is_bound();
    let mut ticks = vec![Tick {
        value: ALL.to_owned(),
        word: Some("all_lists"),
        on: !bound,
        ..Tick::default()
    }];
    let has = |list: &List| bound && editor.reach.has(list.id);
    ticks.extend(of_lists(&store::list::all(tx).await?, has));
    let form = Form {
        title: "",
        action: format!("/admin/users/{}", editor.id),
        fields: vec![lists_field("lists_of_editor", ticks)],
        buttons: vec![("save", "save")],
        ..Form::default()
    };
    Ok(Board {
        title: "users",
        about: Some(editor.email.to_string()),
        links: vec![("all_users", visit.app.url("/admin/users"))],
        problem,
        parts: vec![Part::Form(form)],
        ..Board::default()
    })
}

/// A field that has lists ticked.
pub(super) fn lists_field(label: &'static str, ticks: Vec<Tick>) -> FormField {
    FormField {
        ticks,
        ..field("lists", label, "ticks", "")
    }
}

/// A box for each list.
pub(super) fn of_lists(lists: &[List], on: impl Fn(&List) -> bool) -> Vec<Tick> {
    let ticks = lists.iter().map(|list| Tick {
        value: list.slug.to_string(),
        text: list.name.clone(),
        on: on(list),
        ..Tick::default()
    });
    ticks.collect()
}

/// The lists that are ticked, in the order of their being made; `None` if one of them isn't there.
pub(super) async fn ticked(tx: &mut Tx, fields: &Fields) -> Result<Option<Vec<ListId>>, Error> {
    let ticked: Vec<&str> = fields.all("lists").filter(|slug| *slug != ALL).collect();
    let lists = store::list::all(tx).await?;
    let is_known = |slug: &&str| lists.iter().any(|list| list.slug.as_str() == *slug);
    if !ticked.iter().all(is_known) {
        return Ok(None);
    }
    let ids = lists
        .iter()
        .filter(|list| ticked.contains(&list.slug.as_str()));
    Ok(Some(ids.map(|list| list.id).collect()))
}

/// `POST`: either all are ticked, or those that they're bound to. Nothing ticked isn't all.
pub(in crate::web) async fn change(
    visit: Visit,
    Owner(user): Owner,
    Path(id): Path<i64>,
    fields: Fields,
) -> Result<Response, Error> {
    let place = format!("/admin/users/{id}");
    let visit = visit.at(&place);
    let mut tx = visit.app.db.begin().await?;
    let editor = find(&mut tx, id).await?;
    let all = fields.all("lists").any(|slug| slug == ALL);
    let lists = ticked(&mut tx, &fields).await?;
    let Some(lists) = lists.filter(|lists| all == lists.is_empty()) else {
        let problem = Some(visit.say("desk.which_lists")?);
        let page = about(&visit, &mut tx, &editor, problem).await?;
        return refused(&visit, &user, page);
    };
    let was = store::user::lists(&mut tx, &editor).await?;
    store::user::bind(&mut tx, id, (!all).then_some(lists.as_slice())).await?;
    let editor = find(&mut tx, id).await?;
    let became = store::user::lists(&mut tx, &editor).await?;
    if was != became {
        let action = if all { "user.unbind" } else { "user.bind" };
        let what = (action, format!("user {id}"));
        let said = |slugs: Option<Vec<String>>| reach::of_lists(slugs.as_deref());
        let change = (said(was), said(became));
        note(&mut tx, &user, what, change, visit.app.now()).await?;
    }
    tx.commit().await?;
    Ok(back(&place, "saved"))
}
