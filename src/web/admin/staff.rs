//! Who may do what: users, keys, and the log of every change. Only owners change these.

use axum::extract::Path;
use axum::response::Response;

use crate::access::Role;
use crate::access::User;
use crate::access::key::KeyText;
use crate::access::key::Scope;
use crate::access::reach;
use crate::article::clean::one_line;
use crate::audience::EmailAddress;
use crate::audience::list::List;
use crate::audience::list::ListId;
use crate::store;
use crate::store::Tx;
use crate::templates::board::Board;
use crate::templates::board::Cell;
use crate::templates::board::Facts;
use crate::templates::board::Form;
use crate::templates::board::Part;
use crate::templates::board::Table;
use crate::web::admin::A_PAGE;
use crate::web::admin::account::provider;
use crate::web::admin::bound::lists_field;
use crate::web::admin::bound::of_lists;
use crate::web::admin::bound::ticked;
use crate::web::admin::desk::Owner;
use crate::web::admin::desk::back;
use crate::web::admin::desk::board;
use crate::web::admin::desk::choice;
use crate::web::admin::desk::field;
use crate::web::admin::desk::moment;
use crate::web::admin::desk::must;
use crate::web::admin::desk::note;
use crate::web::admin::desk::refused;
use crate::web::admin::limit;
use crate::web::admin::session::Insider;
use crate::web::admin::sign_in_link;
use crate::web::error::Error;
use crate::web::form::Fields;
use crate::web::visit::Visit;

/// `/admin/users`.
pub(in crate::web) async fn all(visit: Visit, Owner(user): Owner) -> Result<Response, Error> {
    let page = page(&visit).await?;
    board(&visit, &user, page)
}

async fn page(visit: &Visit) -> Result<Board, Error> {
    let mut tx = visit.app.db.read().await?;
    let lists = store::list::all(&mut tx).await?;
    let users = store::user::all(&mut tx).await?;
    let mut rows = Vec::new();
    let mut bound = Vec::new();
    for (user, active) in &users {
        rows.push(user_row(visit, user, *active, &lists));
        bound.push(store::identity::of_user(&mut tx, user.id).await?);
    }
    let mut columns = vec![
        "address",
        "role",
        "lists",
        "second_factor",
        "state",
        "action",
        "reset",
    ];
    if bound.iter().any(|bound| !bound.is_empty()) {
        columns.push("provider");
        for (row, bound) in rows.iter_mut().zip(&bound) {
            let bound: Vec<&str> = bound.iter().map(|one| provider(visit, one)).collect();
            row.push(Cell::text(bound.join(", ")));
        }
    }
    let keys = store::key::all(&mut tx).await?;
    let keys = keys.into_iter().map(|key| key_row(visit, key));
    let offered = Scope::ALL.iter().filter(|scope| !scope.is_about_access());
    let scopes: Vec<&str> = offered.map(|scope| scope.as_str()).collect();
    let new_key = Form {
        title: "add_key",
        action: "/admin/keys".to_owned(),
        get: false,
        fields: vec![
            must(field("name", "name", "text", "")),
            must(field("scopes", "scopes", "long", scopes.join("\n"))),
        ],
        buttons: vec![("add", "add")],
    };
    Ok(Board {
        title: "users",
        links: vec![("webhooks", visit.app.url("/admin/webhooks"))],
        parts: vec![
            Part::Table(Table {
                title: "",
                columns,
                rows,
            }),
            Part::Form(new_user(&lists)),
            Part::Table(Table {
                title: "keys",
                columns: vec!["name", "scopes", "state", "used", "action"],
                rows: keys.collect(),
            }),
            Part::Form(new_key),
        ],
        ..Board::default()
    })
}

fn new_user(lists: &[List]) -> Form {
    let roles = [
        ("viewer", "viewer"),
        ("editor", "editor"),
        ("owner", "owner"),
    ];
    let mut fields = vec![
        must(field("email", "address", "email", "")),
        choice("role", "role", "editor", &roles),
    ];
    if !lists.is_empty() {
        fields.push(lists_field("only_lists", of_lists(lists, |_| false)));
    }
    Form {
        title: "add",
        action: "/admin/users".to_owned(),
        get: false,
        fields,
        buttons: vec![("add", "add")],
    }
}

/// Which lists an editor looks after; to be changed while they may sign in.
fn lists_cell(visit: &Visit, user: &User, active: bool, lists: &[List]) -> Cell {
    if user.role != Role::Editor {
        return Cell::default();
    }
    let own = lists.iter().filter(|list| user.reach.has(list.id));
    let own: Vec<&str> = own.map(|list| list.name.as_str()).collect();
    let cell = if !user.reach.is_bound() {
        Cell::word("all_lists")
    } else if own.is_empty() {
        Cell::word("no_lists")
    } else {
        Cell::text(own.join(", "))
    };
    Cell {
        href: active.then(|| visit.app.url(&format!("/admin/users/{}", user.id))),
        ..cell
    }
}

fn user_row(visit: &Visit, user: &User, active: bool, lists: &[List]) -> Vec<Cell> {
    let role = match user.role {
        Role::Owner => "owner",
        Role::Editor => "editor",
        Role::Viewer => "viewer",
    };
    let disable = format!("/admin/users/{}/disable", user.id);
    let button = |word, post| {
        if active {
            Cell::button(word, post)
        } else {
            Cell::default()
        }
    };
    vec![
        Cell::text(user.email.to_string()),
        Cell::word(role),
        lists_cell(visit, user, active, lists),
        Cell::word(if user.has_totp { "on" } else { "off" }),
        Cell::word(if active { "active" } else { "disabled" }),
        button("disable", disable),
        button("reset", format!("/admin/users/{}/reset", user.id)),
    ]
}

fn key_row(visit: &Visit, listed: store::key::Listed) -> Vec<Cell> {
    let scopes: Vec<&str> = listed
        .key
        .scopes
        .iter()
        .map(|scope| scope.as_str())
        .collect();
    let used = listed.used_at.map(|at| Cell::text(moment(visit, at)));
    let revoke = format!("/admin/keys/{}/revoke", listed.key.id);
    vec![
        Cell::text(listed.key.name),
        Cell::text(scopes.join(", ")),
        Cell::word(if listed.active { "active" } else { "revoked" }),
        used.unwrap_or_else(|| Cell::word("never")),
        if listed.active {
            Cell::button("revoke", revoke)
        } else {
            Cell::default()
        },
    ]
}

/// What is shown this once: a link, a key.
async fn once(visit: &Visit, user: &User, fact: (&'static str, String)) -> Result<Response, Error> {
    let mut page = page(visit).await?;
    let facts = vec![(fact.0, Cell::text(fact.1))];
    page.done = Some("added");
    page.parts
        .insert(0, Part::Facts(Facts { title: "", facts }));
    board(visit, user, page)
}

async fn wrong(visit: &Visit, user: &User, problem: String) -> Result<Response, Error> {
    let mut page = page(visit).await?;
    page.problem = Some(problem);
    refused(visit, user, page)
}

/// `POST /admin/users`: the answer shows the link that lets them in once.
pub(in crate::web) async fn add(
    visit: Visit,
    Owner(user): Owner,
    fields: Fields,
) -> Result<Response, Error> {
    let visit = visit.at("/admin/users");
    let Ok(email) = fields.one("email").parse::<EmailAddress>() else {
        let problem = visit.say("desk.bad_address")?;
        return wrong(&visit, &user, problem).await;
    };
    let role: Role = match fields.one("role").parse() {
        Ok(role) => role,
        Err(problem) => return wrong(&visit, &user, format!("{problem}")).await,
    };
    let now = visit.app.now();
    let mut tx = visit.app.db.begin().await?;
    let lists = ticked(&mut tx, &fields).await?;
    let lists = lists.filter(|lists| lists.is_empty() || role == Role::Editor);
    let Some(lists) = lists else {
        drop(tx);
        let problem = visit.say("desk.lists_of_editors")?;
        return wrong(&visit, &user, problem).await;
    };
    let Some(id) = store::user::add(&mut tx, &email, role, now).await? else {
        drop(tx);
        let problem = visit.say("desk.known_user")?;
        return wrong(&visit, &user, problem).await;
    };
    let became = bound_anew(&mut tx, id, &lists).await?;
    let what = ("user.add", format!("user {id}"));
    note(&mut tx, &user, what, (String::new(), became), now).await?;
    tx.commit().await?;
    let link = sign_in_link(&visit.app, id).await?;
    once(&visit, &user, ("link", link)).await
}

/// Has somebody new look after these lists, or after all if there are none. Gives them as the log has
/// them.
async fn bound_anew(tx: &mut Tx, id: i64, lists: &[ListId]) -> Result<String, Error> {
    if !lists.is_empty() {
        store::user::bind(tx, id, Some(lists)).await?;
    }
    let user = store::user::find_by_id(tx, id).await?;
    let user = user.ok_or(Error::NotFound)?;
    let slugs = store::user::lists(tx, &user).await?;
    Ok(reach::added(&user, slugs.as_deref()).to_string())
}

/// `POST /admin/users/{id}/disable`: every session of theirs ends.
pub(in crate::web) async fn disable(
    visit: Visit,
    Owner(user): Owner,
    Path(id): Path<i64>,
) -> Result<Response, Error> {
    let visit = visit.at("/admin/users");
    if id == user.id {
        let problem = visit.say("desk.yourself")?;
        return wrong(&visit, &user, problem).await;
    }
    let now = visit.app.now();
    let mut tx = visit.app.db.begin().await?;
    let found = store::user::find_any(&mut tx, id).await?;
    let (other, _) = found.ok_or(Error::NotFound)?;
    store::user::disable(&mut tx, &other.email).await?;
    let what = ("user.disable", format!("user {id}"));
    note(&mut tx, &user, what, (String::new(), String::new()), now).await?;
    tx.commit().await?;
    Ok(back("/admin/users", "saved"))
}

/// `POST /admin/users/{id}/reset`: somebody lost their password, phone or account at the provider. They
/// are asked for no code any more, no account there is theirs until they sign in by one again, and the
/// answer shows the link that lets them in once.
pub(in crate::web) async fn reset(
    visit: Visit,
    Owner(user): Owner,
    Path(id): Path<i64>,
) -> Result<Response, Error> {
    let visit = visit.at("/admin/users");
    let now = visit.app.now();
    let mut tx = visit.app.db.begin().await?;
    let other = store::user::find_by_id(&mut tx, id).await?;
    let other = other.ok_or(Error::NotFound)?;
    store::user::clear_proofs(&mut tx, other.id).await?;
    let what = ("user.reset", format!("user {id}"));
    note(&mut tx, &user, what, Default::default(), now).await?;
    tx.commit().await?;
    let link = sign_in_link(&visit.app, id).await?;
    once(&visit, &user, ("link", link)).await
}

/// `POST /admin/keys`: the answer shows the key, once.
pub(in crate::web) async fn add_key(
    visit: Visit,
    Owner(user): Owner,
    fields: Fields,
) -> Result<Response, Error> {
    let visit = visit.at("/admin/users");
    let name = one_line(fields.one("name"), 60);
    let scopes: Result<Vec<Scope>, _> = fields
        .one("scopes")
        .split([',', '\n', '\r', ' '])
        .filter(|word| !word.is_empty())
        .map(str::parse)
        .collect();
    let scopes = match scopes {
        Ok(scopes) if !name.is_empty() && !scopes.is_empty() => scopes,
        Ok(_) => return wrong(&visit, &user, "expected a name and scopes".to_owned()).await,
        Err(problem) => return wrong(&visit, &user, problem.to_string()).await,
    };
    let (key, now) = (KeyText::random(), visit.app.now());
    let mut tx = visit.app.db.begin().await?;
    let Some(id) = store::key::add(&mut tx, &name, &key.hash(), &scopes, now).await? else {
        drop(tx);
        let problem = visit.say("desk.known_key")?;
        return wrong(&visit, &user, problem).await;
    };
    let what = ("key.add", format!("key {id}"));
    let became = serde_json::json!({ "name": name, "scopes": scopes }).to_string();
    note(&mut tx, &user, what, (String::new(), became), now).await?;
    tx.commit().await?;
    once(&visit, &user, ("new_key", key.as_str().to_owned())).await
}

/// `POST /admin/keys/{id}/revoke`.
pub(in crate::web) async fn revoke(
    visit: Visit,
    Owner(user): Owner,
    Path(id): Path<i64>,
) -> Result<Response, Error> {
    let now = visit.app.now();
    let mut tx = visit.app.db.begin().await?;
    let found = store::key::find_any(&mut tx, id).await?;
    let listed = found.ok_or(Error::NotFound)?;
    store::key::revoke(&mut tx, &listed.key.name).await?;
    let what = ("key.revoke", format!("key {id}"));
    note(&mut tx, &user, what, (String::new(), String::new()), now).await?;
    tx.commit().await?;
    Ok(back("/admin/users", "saved"))
}

/// `/admin/audit?before=`: who changed what.
pub(in crate::web) async fn audit(visit: Visit, Insider(user): Insider) -> Result<Response, Error> {
    let before = visit.asked_for("before").and_then(|id| id.parse().ok());
    let mut tx = visit.app.db.read().await?;
    let mut log = store::audit::page(&mut tx, None, before, limit(A_PAGE + 1)).await?;
    let more = log.len() > A_PAGE;
    log.truncate(A_PAGE);
    let last = log.last().filter(|_| more).map(|change| change.id);
    let rows = log.into_iter().map(|change| {
        vec![
            Cell::text(moment(&visit, change.at)),
            Cell::text(change.actor),
            Cell::text(change.action),
            Cell::text(change.subject),
            Cell::text(one_line(&change.was, 300)),
            Cell::text(one_line(&change.became, 300)),
        ]
    });
    let table = Table {
        title: "",
        columns: vec!["when", "actor", "action", "subject", "was", "became"],
        rows: rows.collect(),
    };
    let page = Board {
        title: "audit",
        parts: vec![Part::Table(table)],
        next: last.map(|last| visit.app.url(&format!("/admin/audit?before={last}"))),
        ..Board::default()
    };
    board(&visit, &user, page)
}
