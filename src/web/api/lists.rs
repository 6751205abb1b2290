//! Lists: the newsletters people subscribe to.

use axum::extract::Path;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::article::clean::one_line;
use crate::audience::list;
use crate::audience::list::Hour;
use crate::audience::list::List;
use crate::audience::list::ListId;
use crate::audience::list::TopicId;
use crate::audience::pace::Pace;
use crate::config::Mailbox;
use crate::locale::Language;
use crate::store;
use crate::store::Tx;
use crate::web::api::caller::Allowed;
use crate::web::api::caller::ListsRead;
use crate::web::api::caller::ListsWrite;
use crate::web::api::field::Email;
use crate::web::api::field::Name;
use crate::web::api::field::Names;
use crate::web::api::field::Plain;
use crate::web::api::field::SenderName;
use crate::web::api::field::SlugText;
use crate::web::api::field::Text;
use crate::web::api::field::Within;
use crate::web::api::field::Zone;
use crate::web::api::problem::Problem;
use crate::web::api::problem::Problems;
use crate::web::api::shape::Body;
use crate::web::api::shape::Part;
use crate::web::api::shape::Seen;
use crate::web::api::shape::json;
use crate::web::api::shape::made;
use crate::web::api::shape::one;
use crate::web::api::topics::TopicShown;
use crate::web::api::wish::Cadence;
use crate::web::api::wish::Cadences;
use crate::web::api::wish::Tongue;
use crate::web::api::wish::topic_ids;

/// A newsletter.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = List)]
pub(super) struct ListShown {
    /// Its name in addresses.
    #[schema(example = "all-news")]
    slug: String,
    #[schema(example = "Усі новини")]
    name: String,
    description: String,
    /// Who its letters come from.
    #[schema(example = "Вісник <news@example.org>")]
    sender: String,
    language: String,
    zone: String,
    /// The hour for whoever doesn't choose.
    hour: u32,
    /// What subscribers may choose from.
    cadences: Vec<Cadence>,
    /// What its articles are about; none is everything.
    topics: Vec<TopicShown>,
    review: Review,
    /// Active subscriptions.
    readers: i64,
}

/// Whether digests go out by themselves or wait for a person.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Review {
    Auto,
    Hold,
}

/// Who letters come from.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Sender {
    name: Option<SenderName>,
    address: Email,
}

/// A list to be added.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewList {
    slug: SlugText,
    name: Name,
    description: Option<Plain>,
    sender: Sender,
    /// The site's, unless given.
    language: Option<Tongue>,
    /// The site's, unless given.
    zone: Option<Zone>,
    /// 8 unless given.
    hour: Option<Within<0, 23>>,
    /// Daily and weekly, unless given.
    #[serde(default)]
    cadences: Cadences,
    /// Names or slugs of topics and departments; none is everything.
    #[serde(default)]
    topics: Names,
    review: Option<Review>,
}

/// What is to change; what isn't named stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangedList {
    name: Option<Name>,
    description: Option<Plain>,
    sender: Option<Sender>,
    language: Option<Tongue>,
    /// Of whoever chooses from now on.
    zone: Option<Zone>,
    /// Of whoever chooses from now on.
    hour: Option<Within<0, 23>>,
    cadences: Option<Cadences>,
    topics: Option<Names>,
    review: Option<Review>,
}

/// Every list, the oldest first.
#[utoipa::path(get, path = "/lists", tag = "lists", security(("key" = ["lists:read"])),
    params(("after" = Option<i64>, Query, minimum = 1, maximum = 9_007_199_254_740_991_i64, description = "Where the last page ended: as `Link` has it"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 200, description = "How many at most; 50 unless given")),
    responses((status = 200, description = "A page of them", body = Vec<ListShown>, headers(("link" = String, description = "The next page"))), Problems))]
pub(super) async fn page(
    _: Allowed<ListsRead>,
    State(app): State<App>,
    part: Part,
) -> Result<Response, Problem> {
    let mut tx = app.db.read().await?;
    let after = ListId(part.after.unwrap_or_default());
    let mut rows = Vec::new();
    for list in store::list::page(&mut tx, after, part.with_one_more()).await? {
        rows.push((list.id, shown(&mut tx, list).await?));
    }
    let place = |(id, _): &(ListId, ListShown)| format!("after={}", id.0);
    Ok(part.page(&app, "/lists", rows, place, |(_, shown)| shown))
}

/// Add a list that people can subscribe to.
#[utoipa::path(post, path = "/lists", tag = "lists", security(("key" = ["lists:write"])),
    params(("Idempotency-Key" = Option<String>, Header, pattern = "^[!-~]{1,200}$", description = "The same key, the same answer, done once")),
    request_body = NewList,
    responses((status = 201, description = "It's added", body = ListShown, headers(("location" = String), ("etag" = String))), Problems))]
pub(super) async fn add(
    caller: Allowed<ListsWrite>,
    State(app): State<App>,
    Body(new): Body<NewList>,
) -> Result<Response, Problem> {
    let mut tx = app.db.begin().await?;
    let topics = topic_ids(&mut tx, &new.topics).await?;
    let list = fresh(&app, new, topics)?;
    let id = store::list::add(&mut tx, &list).await?;
    id.ok_or_else(|| Problem::conflict(format!("there is a list `{}` already", list.slug)))?;
    let slug = list.slug.to_string();
    let list = find(&mut tx, &slug).await?;
    let shown = shown(&mut tx, list).await?;
    let mut change = caller.change("list.add", format!("list {slug}"));
    change.became = json(&shown);
    store::audit::record(&mut tx, &change, app.now()).await?;
    tx.commit().await?;
    made(&app, &format!("/lists/{slug}"), &shown)
}

fn fresh(app: &App, new: NewList, topics: Vec<TopicId>) -> Result<List, Problem> {
    let site = &app.settings.site;
    let cadences = cadences(new.cadences);
    Ok(List {
        id: ListId(0),
        slug: new
            .slug
            .as_str()
            .parse()
            .map_err(|problem| Problem::field("/slug", problem))?,
        name: one_line(new.name.as_str(), 200),
        description: new.description.map(String::from).unwrap_or_default(),
        sender: mailbox(new.sender),
        language: new
            .language
            .map(Language::from)
            .or_else(|| site.language.parse().ok())
            .unwrap_or_default(),
        zone: new.zone.map_or(site.zone, |zone| zone.0),
        hour: hour(new.hour.map_or(8, |hour| hour.0))?,
        cadences: if cadences.is_empty() {
            vec![list::Cadence::Daily, list::Cadence::Weekly]
        } else {
            cadences
        },
        topics,
        pace: Pace::default(),
        review: new.review.map_or(list::Review::Auto, list::Review::from),
        created_at: app.now(),
    })
}

/// One list.
#[utoipa::path(get, path = "/lists/{slug}", tag = "lists", security(("key" = ["lists:read"])),
    params(("slug" = SlugText, Path, description = "Its slug")),
    responses((status = 200, body = ListShown, description = "It", headers(("etag" = String))), Problems))]
pub(super) async fn get(
    _: Allowed<ListsRead>,
    State(app): State<App>,
    Path(slug): Path<String>,
) -> Result<Response, Problem> {
    let mut tx = app.db.read().await?;
    let list = find(&mut tx, &slug).await?;
    one(StatusCode::OK, &shown(&mut tx, list).await?)
}

/// The list of this slug.
pub(super) async fn find(tx: &mut Tx, slug: &str) -> Result<List, Problem> {
    let slug = slug.replace('\0', "");
    let found = store::list::find(tx, &slug).await?;
    found.ok_or_else(|| Problem::missing("list", slug))
}

/// Change a list. Subscribers keep the hours and topics they chose.
#[utoipa::path(patch, path = "/lists/{slug}", tag = "lists", security(("key" = ["lists:write"])),
    params(("slug" = SlugText, Path, description = "Its slug"), ("If-Match" = Option<String>, Header, description = "The `ETag` that was read")),
    request_body = ChangedList,
    responses((status = 200, body = ListShown, description = "As it is now", headers(("etag" = String))), Problems))]
pub(super) async fn change(
    caller: Allowed<ListsWrite>,
    State(app): State<App>,
    Path(slug): Path<String>,
    seen: Seen,
    Body(changed): Body<ChangedList>,
) -> Result<Response, Problem> {
    let mut tx = app.db.begin().await?;
    let mut list = find(&mut tx, &slug).await?;
    let was = shown(&mut tx, list.clone()).await?;
    seen.still(&was)?;
    if let Some(topics) = &changed.topics {
        list.topics = topic_ids(&mut tx, topics).await?;
    }
    merge(&mut list, changed)?;
    store::list::change(&mut tx, &list).await?;
    let now = find(&mut tx, &slug).await?;
    let now = shown(&mut tx, now).await?;
    let mut change = caller.change("list.change", format!("list {slug}"));
    (change.was, change.became) = (json(&was), json(&now));
    store::audit::record(&mut tx, &change, app.now()).await?;
    tx.commit().await?;
    one(StatusCode::OK, &now)
}

fn merge(list: &mut List, changed: ChangedList) -> Result<(), Problem> {
    if let Some(name) = changed.name {
        list.name = one_line(name.as_str(), 200);
    }
    if let Some(description) = changed.description {
        list.description = description.into();
    }
    if let Some(sender) = changed.sender {
        list.sender = mailbox(sender);
    }
    if let Some(hour_) = changed.hour {
        list.hour = hour(hour_.0)?;
    }
    let cadences = changed
        .cadences
        .map(cadences)
        .filter(|cadences| !cadences.is_empty());
    list.cadences = cadences.unwrap_or_else(|| list.cadences.clone());
    list.language = changed.language.map_or(list.language, Language::from);
    list.zone = changed.zone.map_or(list.zone, |zone| zone.0);
    list.review = changed.review.map_or(list.review, list::Review::from);
    Ok(())
}

fn hour(hour: i64) -> Result<Hour, Problem> {
    Hour::try_from(hour).map_err(|problem| Problem::field("/hour", problem))
}

/// As settings have it.
pub(super) fn mailbox(sender: Sender) -> Mailbox {
    Mailbox {
        name: sender.name.map(String::from),
        address: sender.address.as_str().to_lowercase(),
    }
}

/// In the order given, each once.
fn cadences(given: Cadences) -> Vec<list::Cadence> {
    let mut all: Vec<list::Cadence> = Vec::new();
    for cadence in given.0.into_iter().map(list::Cadence::from) {
        if !all.contains(&cadence) {
            all.push(cadence);
        }
    }
    all
}

impl From<Review> for list::Review {
    fn from(review: Review) -> Self {
        match review {
            Review::Auto => Self::Auto,
            Review::Hold => Self::Hold,
        }
    }
}

async fn shown(tx: &mut Tx, list: List) -> store::Result<ListShown> {
    let topics = store::topic::some(tx, &list.topics).await?;
    Ok(ListShown {
        readers: store::list::count_active(tx, list.id).await?,
        slug: list.slug.to_string(),
        name: list.name,
        description: list.description,
        sender: list.sender.to_string(),
        language: list.language.as_str().to_owned(),
        zone: list.zone.name().to_owned(),
        hour: list.hour.number(),
        cadences: list.cadences.into_iter().map(Cadence::from).collect(),
        topics: topics
            .into_iter()
            .map(|(_, topic)| TopicShown::of(topic))
            .collect(),
        review: match list.review {
            list::Review::Auto => Review::Auto,
            list::Review::Hold => Review::Hold,
        },
    })
}
