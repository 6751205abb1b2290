//! Subscriptions: what people get, chosen otherwise or ended.

use axum::extract::Path;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::audience::list;
use crate::audience::list::List;
use crate::audience::pace::Days;
use crate::audience::sign_up;
use crate::audience::sign_up::Standing;
use crate::audience::sign_up::Wish;
use crate::audience::subscription::Subscription;
use crate::audience::subscription::SubscriptionId;
use crate::audience::subscription::SubscriptionState;
use crate::audience::subscription::TopicChoice;
use crate::store;
use crate::store::Tx;
use crate::web::api::caller::Allowed;
use crate::web::api::caller::SubscribersRead;
use crate::web::api::caller::SubscribersWrite;
use crate::web::api::field::Names;
use crate::web::api::field::Within;
use crate::web::api::problem::Problem;
use crate::web::api::problem::Problems;
use crate::web::api::shape::Body;
use crate::web::api::shape::Part;
use crate::web::api::shape::Seen;
use crate::web::api::shape::json;
use crate::web::api::shape::one;
use crate::web::api::topics::TopicShown;
use crate::web::api::wish::Cadence;
use crate::web::api::wish::topic_ids;

/// What somebody gets.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Subscription)]
pub(super) struct SubscriptionShown {
    #[schema(example = 1)]
    id: i64,
    /// Whose.
    subscriber: i64,
    /// The list's slug.
    #[schema(example = "all-news")]
    list: String,
    /// `asked`, `active`, `paused` or `ended`.
    #[schema(example = "active")]
    state: &'static str,
    cadence: Cadence,
    hour: u32,
    zone: String,
    /// None is everything the list has.
    topics: Vec<TopicShown>,
    /// The last article's `seq` that they were served.
    cursor: i64,
}

/// What is to change; what isn't named stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Choice {
    /// One that the list offers.
    cadence: Option<Cadence>,
    hour: Option<Within<0, 23>>,
    /// Names or slugs; none is everything the list has.
    topics: Option<Names>,
}

/// Every subscription, the oldest first.
#[utoipa::path(get, path = "/subscriptions", tag = "subscriptions", security(("key" = ["subscribers:read"])),
    params(("after" = Option<i64>, Query, minimum = 1, maximum = 9_007_199_254_740_991_i64, description = "Where the last page ended: as `Link` has it"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 200, description = "How many at most; 50 unless given")),
    responses((status = 200, description = "A page of them", body = Vec<SubscriptionShown>, headers(("link" = String, description = "The next page"))), Problems))]
pub(super) async fn page(
    _: Allowed<SubscribersRead>,
    State(app): State<App>,
    part: Part,
) -> Result<Response, Problem> {
    let mut tx = app.db.read().await?;
    let after = SubscriptionId(part.after.unwrap_or_default());
    let mut rows = Vec::new();
    for subscription in store::subscription::after(&mut tx, after, part.with_one_more()).await? {
        rows.push(shown(&mut tx, subscription).await?);
    }
    let place = |row: &SubscriptionShown| format!("after={}", row.id);
    Ok(part.page(&app, "/subscriptions", rows, place, |row| row))
}

/// One subscription.
#[utoipa::path(get, path = "/subscriptions/{id}", tag = "subscriptions", security(("key" = ["subscribers:read"])),
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 1)),
    responses((status = 200, body = SubscriptionShown, description = "It", headers(("etag" = String))), Problems))]
pub(super) async fn get(
    _: Allowed<SubscribersRead>,
    State(app): State<App>,
    Path(id): Path<i64>,
) -> Result<Response, Problem> {
    let mut tx = app.db.read().await?;
    let standing = standing(&mut tx, id).await?;
    one(
        StatusCode::OK,
        &shown(&mut tx, standing.subscription).await?,
    )
}

/// Choose otherwise for somebody. Nothing is repeated to them and nothing lost.
#[utoipa::path(patch, path = "/subscriptions/{id}", tag = "subscriptions", security(("key" = ["subscribers:write"])),
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 1), ("If-Match" = Option<String>, Header, description = "The `ETag` that was read")),
    request_body = Choice,
    responses((status = 200, body = SubscriptionShown, description = "As it is now", headers(("etag" = String))), Problems))]
pub(super) async fn choose(
    caller: Allowed<SubscribersWrite>,
    State(app): State<App>,
    Path(id): Path<i64>,
    seen: Seen,
    Body(choice): Body<Choice>,
) -> Result<Response, Problem> {
    let mut tx = app.db.begin().await?;
    let standing = standing(&mut tx, id).await?;
    let was = shown(&mut tx, standing.subscription.clone()).await?;
    seen.still(&was)?;
    let topics = match &choice.topics {
        None => standing.subscription.topics.clone(),
        Some(names) => TopicChoice::of(topic_ids(&mut tx, names).await?),
    };
    tx.commit().await?;
    let wish = wish(&standing, &choice, topics, caller.origin())?;
    sign_up::choose(&app, &standing, &wish).await?;
    let mut tx = app.db.begin().await?;
    let now = find(&mut tx, id).await?;
    let now = shown(&mut tx, now).await?;
    let mut change = caller.change("subscription.choose", format!("subscription {id}"));
    (change.was, change.became) = (json(&was), json(&now));
    store::audit::record(&mut tx, &change, app.now()).await?;
    tx.commit().await?;
    one(StatusCode::OK, &now)
}

fn wish(
    standing: &Standing,
    choice: &Choice,
    topics: TopicChoice,
    origin: String,
) -> Result<Wish, Problem> {
    let rhythm = &standing.subscription.rhythm;
    let cadence = choice.cadence.map_or(rhythm.cadence, list::Cadence::from);
    if choice.cadence.is_some() {
        offered(&standing.list, cadence)?;
    }
    let hour = choice
        .hour
        .map(|hour| list::Hour::try_from(hour.0))
        .transpose();
    let hour = hour.map_err(|problem| Problem::field("/hour", problem))?;
    let subscriber = &standing.subscriber;
    Ok(Wish {
        email: subscriber.email.clone(),
        name: subscriber.name.clone(),
        language: subscriber.language,
        zone: subscriber.zone,
        cadence,
        hour: hour.or(Some(rhythm.hour)),
        days: Some(rhythm.days).filter(|days| *days != Days::NONE),
        topics,
        origin,
        wording: String::new(),
    })
}

/// Refuses a cadence that a list hasn't.
pub(super) fn offered(list: &List, cadence: list::Cadence) -> Result<(), Problem> {
    if list.cadences.contains(&cadence) {
        return Ok(());
    }
    let words: Vec<&str> = list
        .cadences
        .iter()
        .map(|cadence| cadence.as_str())
        .collect();
    let words = format!("`{}` offers {}, not {cadence}", list.slug, words.join(", "));
    Err(Problem::conflict(words))
}

/// End a subscription: nothing whose hand-over hasn't begun goes out any more but the goodbye.
#[utoipa::path(delete, path = "/subscriptions/{id}", tag = "subscriptions", security(("key" = ["subscribers:write"])),
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 1)),
    responses((status = 204, description = "It has ended"), Problems))]
pub(super) async fn end(
    caller: Allowed<SubscribersWrite>,
    State(app): State<App>,
    Path(id): Path<i64>,
) -> Result<StatusCode, Problem> {
    let standing = standing(&mut app.db.read().await?, id).await?;
    if standing.subscription.state == SubscriptionState::Ended {
        return Ok(StatusCode::NO_CONTENT);
    }
    sign_up::leave(&app, &standing, &caller.origin(), "").await?;
    let mut tx = app.db.begin().await?;
    let change = caller.change("subscription.end", format!("subscription {id}"));
    store::audit::record(&mut tx, &change, app.now()).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn find(tx: &mut Tx, id: i64) -> Result<Subscription, Problem> {
    let found = store::subscription::find(tx, SubscriptionId(id)).await?;
    found.ok_or_else(|| Problem::missing("subscription", id))
}

async fn standing(tx: &mut Tx, id: i64) -> Result<Standing, Problem> {
    let subscription = find(tx, id).await?;
    let subscriber = store::subscriber::find(tx, subscription.subscriber_id).await?;
    Ok(Standing {
        subscriber: subscriber.ok_or_else(|| Problem::missing("subscription", id))?,
        list: store::list::get(tx, subscription.list_id).await?,
        subscription,
    })
}

pub(super) async fn shown(tx: &mut Tx, one: Subscription) -> store::Result<SubscriptionShown> {
    let list = store::list::get(tx, one.list_id).await?;
    let topics = store::topic::some(tx, one.topics.ids()).await?;
    Ok(SubscriptionShown {
        id: one.id.0,
        subscriber: one.subscriber_id.0,
        list: list.slug.to_string(),
        state: one.state.as_str(),
        cadence: one.rhythm.cadence.into(),
        hour: one.rhythm.hour.number(),
        zone: one.rhythm.zone.name().to_owned(),
        topics: topics
            .into_iter()
            .map(|(_, topic)| TopicShown::of(topic))
            .collect(),
        cursor: one.cursor.0,
    })
}
