//! People who look after lists: added, bound to lists, let in again, shut out.

use axum::extract::Path;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access;
use crate::access::User;
use crate::access::reach;
use crate::app::App;
use crate::audience::list::ListId;
use crate::store;
use crate::store::Tx;
use crate::web::admin::sign_in_link;
use crate::web::api::caller::Allowed;
use crate::web::api::caller::UsersRead;
use crate::web::api::caller::UsersWrite;
use crate::web::api::field::Email;
use crate::web::api::field::SlugText;
use crate::web::api::field::Text;
use crate::web::api::field::few;
use crate::web::api::lists;
use crate::web::api::problem::Problem;
use crate::web::api::problem::Problems;
use crate::web::api::shape::Body;
use crate::web::api::shape::Part;
use crate::web::api::shape::made;
use crate::web::api::shape::once;
use crate::web::api::shape::one;

/// Somebody who looks after lists.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User)]
pub(super) struct UserShown {
    #[schema(example = 1)]
    id: i64,
    #[schema(example = "olena@example.org")]
    email: String,
    role: Role,
    /// The slugs of the lists that an editor is bound to; null for all lists there are and will be.
    lists: Option<Vec<String>>,
    /// Whether they prove themselves by codes too.
    second_factor: bool,
    /// The addresses of the providers of `OpenID` Connect that vouch for them.
    providers: Vec<String>,
    /// Whether they may sign in.
    active: bool,
}

/// Somebody who may sign in by a link that is shown this once.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UserWithLink)]
pub(super) struct WithLink {
    #[serde(flatten)]
    user: UserShown,
    /// Lets them in once, within 24 hours, to set a password.
    #[schema(example = "https://news.example.org/admin/sign-in/token")]
    link: String,
}

/// What a user may do: viewers see, editors change, owners decide who may.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Role)]
pub(super) enum Role {
    Viewer,
    Editor,
    Owner,
}

impl From<Role> for access::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Viewer => Self::Viewer,
            Role::Editor => Self::Editor,
            Role::Owner => Self::Owner,
        }
    }
}

impl From<access::Role> for Role {
    fn from(role: access::Role) -> Self {
        match role {
            access::Role::Viewer => Self::Viewer,
            access::Role::Editor => Self::Editor,
            access::Role::Owner => Self::Owner,
        }
    }
}

few! {
    /// Slugs of lists.
    Slugs of SlugText;
}

/// Somebody to be added.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewUser {
    email: Email,
    role: Role,
    /// The slugs of the lists that an editor is to look after; without it, all.
    lists: Option<Slugs>,
}

/// Which lists an editor is to look after.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Lists {
    /// Their slugs; null for all lists there are and will be.
    lists: Option<Slugs>,
}

/// Everybody who looks after lists, the oldest first.
#[utoipa::path(get, path = "/users", tag = "users", security(("key" = ["users:read"])),
    params(("after" = Option<i64>, Query, minimum = 1, maximum = 9_007_199_254_740_991_i64, description = "Where the last page ended: as `Link` has it"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 200, description = "How many at most; 50 unless given")),
    responses((status = 200, description = "A page of them", body = Vec<UserShown>, headers(("link" = String, description = "The next page"))), Problems))]
pub(super) async fn page(
    _: Allowed<UsersRead>,
    State(app): State<App>,
    part: Part,
) -> Result<Response, Problem> {
    let mut tx = app.db.read().await?;
    let after = part.after.unwrap_or_default();
    let mut rows = Vec::new();
    for (user, active) in store::user::page(&mut tx, after, part.with_one_more()).await? {
        rows.push(shown(&mut tx, &user, active).await?);
    }
    let place = |user: &UserShown| format!("after={}", user.id);
    Ok(part.page(&app, "/users", rows, place, |user| user))
}

async fn shown(tx: &mut Tx, user: &User, active: bool) -> store::Result<UserShown> {
    let bound = store::identity::of_user(tx, user.id).await?;
    Ok(UserShown {
        id: user.id,
        email: user.email.to_string(),
        role: user.role.into(),
        lists: store::user::lists(tx, user).await?,
        second_factor: user.has_totp,
        providers: bound.into_iter().map(|bound| bound.issuer).collect(),
        active,
    })
}

/// Whoever has this number, whether they may sign in or not.
async fn find(tx: &mut Tx, id: i64) -> Result<(User, bool), Problem> {
    let found = store::user::find_any(tx, id).await?;
    found.ok_or_else(|| Problem::missing("user", id))
}

async fn find_active(tx: &mut Tx, id: i64) -> Result<User, Problem> {
    match find(tx, id).await? {
        (user, true) => Ok(user),
        (_, false) => Err(Problem::conflict("they may not sign in any more")),
    }
}

/// Have somebody look after lists. The answer has the link that lets them in once, and isn't kept: sent
/// again with the same `Idempotency-Key`, the request gets a conflict.
#[utoipa::path(post, path = "/users", tag = "users", security(("key" = ["users:write"])),
    params(("Idempotency-Key" = Option<String>, Header, pattern = "^[!-~]{1,200}$", description = "The same key, done once")),
    request_body = NewUser,
    responses((status = 201, description = "They may sign in", body = WithLink, headers(("location" = String), ("etag" = String))), Problems))]
pub(super) async fn add(
    caller: Allowed<UsersWrite>,
    State(app): State<App>,
    Body(new): Body<NewUser>,
) -> Result<Response, Problem> {
    let email = new.email.as_str().parse();
    let email = email.map_err(|problem| Problem::field("/email", problem))?;
    let role = access::Role::from(new.role);
    let mut tx = app.db.begin().await?;
    let lists = ids(&mut tx, new.lists.as_ref()).await?;
    if lists.is_some() && role != access::Role::Editor {
        let words = "expected lists for an editor alone: viewers and owners see all";
        return Err(Problem::conflict(words));
    }
    let id = store::user::add(&mut tx, &email, role, app.now()).await?;
    let id = id.ok_or_else(|| Problem::conflict("there is, or was, a user with this address"))?;
    if lists.is_some() {
        store::user::bind(&mut tx, id, lists.as_deref()).await?;
    }
    let (user, active) = find(&mut tx, id).await?;
    let shown = shown(&mut tx, &user, active).await?;
    let mut change = caller.change("user.add", format!("user {id}"));
    change.became = reach::added(&user, shown.lists.as_deref()).to_string();
    store::audit::record(&mut tx, &change, app.now()).await?;
    tx.commit().await?;
    let link = sign_in_link(&app, id).await?;
    let added = WithLink { user: shown, link };
    made(&app, &format!("/users/{id}"), &added).map(once)
}

/// The lists of these slugs.
async fn ids(tx: &mut Tx, slugs: Option<&Slugs>) -> Result<Option<Vec<ListId>>, Problem> {
    let Some(slugs) = slugs else {
        return Ok(None);
    };
    let mut ids = Vec::new();
    for slug in &slugs.0 {
        ids.push(lists::find(tx, slug.as_str()).await?.id);
    }
    Ok(Some(ids))
}

/// One of them.
#[utoipa::path(get, path = "/users/{id}", tag = "users", security(("key" = ["users:read"])),
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 1)),
    responses((status = 200, body = UserShown, description = "They", headers(("etag" = String))), Problems))]
pub(super) async fn get(
    _: Allowed<UsersRead>,
    State(app): State<App>,
    Path(id): Path<i64>,
) -> Result<Response, Problem> {
    let mut tx = app.db.read().await?;
    let (user, active) = find(&mut tx, id).await?;
    one(StatusCode::OK, &shown(&mut tx, &user, active).await?)
}

/// Have an editor look after these lists alone, or after all.
#[utoipa::path(put, path = "/users/{id}/lists", tag = "users", security(("key" = ["users:write"])),
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 1)),
    request_body = Lists,
    responses((status = 200, body = UserShown, description = "As they are now", headers(("etag" = String))), Problems))]
pub(super) async fn bind(
    caller: Allowed<UsersWrite>,
    State(app): State<App>,
    Path(id): Path<i64>,
    Body(new): Body<Lists>,
) -> Result<Response, Problem> {
    let mut tx = app.db.begin().await?;
    let editor = find_active(&mut tx, id).await?;
    if editor.role != access::Role::Editor {
        return Err(Problem::conflict("only editors are bound to lists"));
    }
    let lists = ids(&mut tx, new.lists.as_ref()).await?;
    let was = store::user::lists(&mut tx, &editor).await?;
    store::user::bind(&mut tx, id, lists.as_deref()).await?;
    let (editor, active) = find(&mut tx, id).await?;
    let shown = shown(&mut tx, &editor, active).await?;
    if was != shown.lists {
        let bound = shown.lists.is_some();
        let action = if bound { "user.bind" } else { "user.unbind" };
        let mut change = caller.change(action, format!("user {id}"));
        change.was = reach::of_lists(was.as_deref());
        change.became = reach::of_lists(shown.lists.as_deref());
        store::audit::record(&mut tx, &change, app.now()).await?;
    }
    tx.commit().await?;
    one(StatusCode::OK, &shown)
}

/// Let somebody in again who lost their password, phone or account at the provider: they are asked for
/// no code any more, and no account there is theirs until they sign in by one again. The answer has the link that lets them in once, and isn't kept.
#[utoipa::path(post, path = "/users/{id}/reset", tag = "users", security(("key" = ["users:write"])),
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 1)),
    responses((status = 200, body = WithLink, description = "They may sign in by the link"), Problems))]
pub(super) async fn reset(
    caller: Allowed<UsersWrite>,
    State(app): State<App>,
    Path(id): Path<i64>,
) -> Result<Response, Problem> {
    let mut tx = app.db.begin().await?;
    find_active(&mut tx, id).await?;
    store::user::clear_proofs(&mut tx, id).await?;
    let (user, active) = find(&mut tx, id).await?;
    let user = shown(&mut tx, &user, active).await?;
    let change = caller.change("user.reset", format!("user {id}"));
    store::audit::record(&mut tx, &change, app.now()).await?;
    tx.commit().await?;
    let link = sign_in_link(&app, id).await?;
    one(StatusCode::OK, &WithLink { user, link }).map(once)
}

/// Shut somebody out: every session of theirs ends. The last owner stays.
#[utoipa::path(post, path = "/users/{id}/disable", tag = "users", security(("key" = ["users:write"])),
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 1)),
    responses((status = 200, body = UserShown, description = "As they are now"), Problems))]
pub(super) async fn disable(
    caller: Allowed<UsersWrite>,
    State(app): State<App>,
    Path(id): Path<i64>,
) -> Result<Response, Problem> {
    let mut tx = app.db.begin().await?;
    let user = find_active(&mut tx, id).await?;
    let all = store::user::all(&mut tx).await?;
    let is_owner = |user: &User| user.role == access::Role::Owner;
    let mut others = all
        .iter()
        .filter(|(other, active)| *active && other.id != id);
    if is_owner(&user) && !others.any(|(other, _)| is_owner(other)) {
        return Err(Problem::conflict(
            "nobody else could let anybody in; add an owner first",
        ));
    }
    store::user::disable(&mut tx, &user.email).await?;
    let change = caller.change("user.disable", format!("user {id}"));
    store::audit::record(&mut tx, &change, app.now()).await?;
    let shown = shown(&mut tx, &user, false).await?;
    tx.commit().await?;
    one(StatusCode::OK, &shown)
}
