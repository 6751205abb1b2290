//! Subscribers: who they are, and asking in their name.

use axum::extract::Path;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::Uri;
use axum::response::IntoResponse;
use axum::response::Response;
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::key::Scope;
use crate::app::App;
use crate::article::clean::one_line;
use crate::audience::EmailAddress;
use crate::audience::Subscriber;
use crate::audience::SubscriberId;
use crate::audience::SubscriberState;
use crate::audience::list;
use crate::audience::list::List;
use crate::audience::sign_up;
use crate::audience::sign_up::Wish;
use crate::audience::subscription::TopicChoice;
use crate::locale::Language;
use crate::store;
use crate::store::Tx;
use crate::web::api::caller::Allowed;
use crate::web::api::caller::SubscribersRead;
use crate::web::api::caller::SubscribersWrite;
use crate::web::api::field::Email;
use crate::web::api::field::Name;
use crate::web::api::field::Names;
use crate::web::api::field::SlugText;
use crate::web::api::field::Text;
use crate::web::api::field::Within;
use crate::web::api::field::Zone;
use crate::web::api::lists;
use crate::web::api::problem::Problem;
use crate::web::api::problem::Problems;
use crate::web::api::shape::Body;
use crate::web::api::shape::Part;
use crate::web::api::shape::one;
use crate::web::api::shape::word;
use crate::web::api::subscriptions;
use crate::web::api::subscriptions::SubscriptionShown;
use crate::web::api::wish::Cadence;
use crate::web::api::wish::Tongue;
use crate::web::api::wish::topic_ids;

/// A person.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Subscriber)]
pub(super) struct SubscriberShown {
    #[schema(example = 1)]
    id: i64,
    #[schema(example = "olena@example.org")]
    email: String,
    /// May be empty.
    name: String,
    language: String,
    zone: String,
    /// Whether the address has answered.
    confirmed: bool,
    #[schema(format = DateTime)]
    created_at: String,
}

/// A person, what they get, and what they said.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SubscriberInFull {
    #[serde(flatten)]
    subscriber: SubscriberShown,
    subscriptions: Vec<SubscriptionShown>,
    consents: Vec<ConsentShown>,
}

/// What somebody agreed to, or no longer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Consent)]
pub(super) struct ConsentShown {
    /// `asked`, `given`, `changed` or `withdrawn`.
    act: &'static str,
    #[schema(format = DateTime)]
    at: String,
    /// Through which door.
    origin: String,
    /// The hash of the words they were shown.
    wording: String,
}

/// Somebody who asks for a list.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSubscriber {
    email: Email,
    /// The list's slug.
    list: SlugText,
    name: Option<Name>,
    /// The list's, unless given.
    language: Option<Tongue>,
    /// The list's, unless given.
    zone: Option<Zone>,
    /// The list's first, unless given.
    cadence: Option<Cadence>,
    /// The list's, unless given.
    hour: Option<Within<0, 23>>,
    /// Names or slugs; none is everything the list has.
    #[serde(default)]
    topics: Names,
    /// Where their consent is on record: they join at once, without a letter. Needs the scope
    /// `subscribers:import`.
    consent: Option<Name>,
}

/// What came of asking.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Asked {
    /// `asked`: the letter with the link is queued if it may be; `active`: they get the list from
    /// now on; `known`: they have it already, or must not be written to.
    #[schema(example = "asked")]
    state: &'static str,
}

/// Everybody, the oldest first.
#[utoipa::path(get, path = "/subscribers", tag = "subscribers", security(("key" = ["subscribers:read"])),
    params(("after" = Option<i64>, Query, minimum = 1, maximum = 9_007_199_254_740_991_i64, description = "Where the last page ended: as `Link` has it"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 200, description = "How many at most; 50 unless given"), ("email" = Option<Email>, Query, description = "Only whoever has this address")),
    responses((status = 200, description = "A page of them", body = Vec<SubscriberShown>, headers(("link" = String, description = "The next page"))), Problems))]
pub(super) async fn page(
    _: Allowed<SubscribersRead>,
    State(app): State<App>,
    part: Part,
    uri: Uri,
) -> Result<Response, Problem> {
    let mut tx = app.db.read().await?;
    let rows = match word(uri.query().unwrap_or_default(), "email")? {
        None => {
            let after = SubscriberId(part.after.unwrap_or_default());
            store::subscriber::page(&mut tx, after, part.with_one_more()).await?
        }
        Some(email) => {
            let email = Email::try_from(email);
            let email = email.map_err(|problem| Problem::new(StatusCode::BAD_REQUEST, problem))?;
            let found = store::subscriber::find_by_email(&mut tx, &address(&email)?).await?;
            found.into_iter().collect()
        }
    };
    let place = |subscriber: &Subscriber| format!("after={}", subscriber.id.0);
    Ok(part.page(&app, "/subscribers", rows, place, shown))
}

/// Ask for a list in somebody's name, as they would by the form: they get the letter with the link,
/// and digests once they press the button. The answer is the same for every address.
#[utoipa::path(post, path = "/subscribers", tag = "subscribers", security(("key" = ["subscribers:write"])),
    params(("Idempotency-Key" = Option<String>, Header, pattern = "^[!-~]{1,200}$", description = "The same key, the same answer, done once")),
    request_body = NewSubscriber,
    responses((status = 202, description = "Look into the mailbox", body = Asked),
        (status = 200, description = "By a consent on record", body = Asked), Problems))]
pub(super) async fn add(
    caller: Allowed<SubscribersWrite>,
    State(app): State<App>,
    Body(new): Body<NewSubscriber>,
) -> Result<Response, Problem> {
    if new.consent.is_some() {
        caller.must_have(Scope::SubscribersImport)?;
    }
    let mut tx = app.db.begin().await?;
    let list = lists::find(&mut tx, new.list.as_str()).await?;
    let topics = topic_ids(&mut tx, &new.topics).await?;
    tx.commit().await?;
    let consent = new.consent.as_ref().map(|text| text.as_str().to_owned());
    let wish = wish(&list, new, TopicChoice::of(topics), caller.origin())?;
    let Some(consent) = consent else {
        sign_up::ask(&app, &list, &wish).await?;
        let asked = axum::Json(Asked { state: "asked" });
        return Ok((StatusCode::ACCEPTED, asked).into_response());
    };
    let wish = Wish {
        wording: consent,
        ..wish
    };
    let joined = sign_up::enrol(&app, &list, &wish).await?;
    let state = joined.map_or("known", |_| "active");
    if let Some(id) = joined {
        let change = caller.change("subscription.import", format!("subscription {}", id.0));
        store::audit::record_after(&app.db, &change, app.now()).await?;
    }
    Ok(axum::Json(Asked { state }).into_response())
}

fn wish(
    list: &List,
    new: NewSubscriber,
    topics: TopicChoice,
    origin: String,
) -> Result<Wish, Problem> {
    let first = list
        .cadences
        .first()
        .copied()
        .unwrap_or(list::Cadence::Daily);
    let cadence = new.cadence.map_or(first, list::Cadence::from);
    subscriptions::offered(list, cadence)?;
    let hour = new
        .hour
        .map(|hour| list::Hour::try_from(hour.0))
        .transpose();
    Ok(Wish {
        email: address(&new.email)?,
        name: new
            .name
            .map(|name| one_line(name.as_str(), 200))
            .unwrap_or_default(),
        language: new.language.map_or(list.language, Language::from),
        zone: new.zone.map_or(list.zone, |zone| zone.0),
        cadence,
        hour: hour.map_err(|problem| Problem::field("/hour", problem))?,
        days: None,
        topics,
        wording: String::new(),
        origin,
    })
}

fn address(email: &Email) -> Result<EmailAddress, Problem> {
    email
        .as_str()
        .parse()
        .map_err(|problem| Problem::field("/email", problem))
}

/// One person, what they get, and what they agreed to.
#[utoipa::path(get, path = "/subscribers/{id}", tag = "subscribers", security(("key" = ["subscribers:read"])),
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 1)),
    responses((status = 200, body = SubscriberInFull, description = "They", headers(("etag" = String))), Problems))]
pub(super) async fn get(
    _: Allowed<SubscribersRead>,
    State(app): State<App>,
    Path(id): Path<i64>,
) -> Result<Response, Problem> {
    let mut tx = app.db.read().await?;
    let found = store::subscriber::find(&mut tx, SubscriberId(id)).await?;
    let subscriber = found.ok_or_else(|| Problem::missing("subscriber", id))?;
    let mut mine = Vec::new();
    for subscription in store::subscription::of_subscriber(&mut tx, subscriber.id).await? {
        mine.push(subscriptions::shown(&mut tx, subscription).await?);
    }
    let full = SubscriberInFull {
        consents: consents(&mut tx, subscriber.id).await?,
        subscriber: shown(subscriber),
        subscriptions: mine,
    };
    one(StatusCode::OK, &full)
}

async fn consents(tx: &mut Tx, id: SubscriberId) -> store::Result<Vec<ConsentShown>> {
    let consents = store::consent::of_subscriber(tx, id).await?;
    let shown = consents.into_iter().map(|consent| ConsentShown {
        act: consent.act.as_str(),
        at: consent.at.to_string(),
        origin: consent.origin,
        wording: consent.wording,
    });
    Ok(shown.collect())
}

fn shown(subscriber: Subscriber) -> SubscriberShown {
    SubscriberShown {
        id: subscriber.id.0,
        email: subscriber.email.to_string(),
        name: subscriber.name,
        language: subscriber.language.as_str().to_owned(),
        zone: subscriber.zone.name().to_owned(),
        confirmed: subscriber.state == SubscriberState::Confirmed,
        created_at: subscriber.created_at.to_string(),
    }
}
