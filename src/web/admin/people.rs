//! People: what each gets, agreed to and was sent; all of them as a file.

use axum::http::HeaderValue;
use axum::http::header::CONTENT_DISPOSITION;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::response::Response;

use crate::access::reach::Reach;
use crate::audience::Subscriber;
use crate::audience::SubscriberId;
use crate::audience::consent::Act;
use crate::audience::import::sheet::guarded;
use crate::audience::sign_up;
use crate::audience::sign_up::Standing;
use crate::audience::subscription::Subscription;
use crate::audience::subscription::SubscriptionState;
use crate::store;
use crate::store::Tx;
use crate::templates::board::Board;
use crate::templates::board::Cell;
use crate::templates::board::Facts;
use crate::templates::board::Part;
use crate::templates::board::Table;
use crate::web::admin::desk::AnyEditor;
use crate::web::admin::desk::back;
use crate::web::admin::desk::board;
use crate::web::admin::desk::moment;
use crate::web::admin::desk::note_after;
use crate::web::admin::letters;
use crate::web::admin::own::Own;
use crate::web::admin::own::Seen;
use crate::web::error::Error;
use crate::web::visit::Visit;

/// Letters of one person that are shown.
const LATEST: i64 = 100;
/// People read at a time.
const CHUNK: i64 = 2_000;

/// `/admin/subscribers/{id}`.
pub(in crate::web) async fn one(
    visit: Visit,
    Seen(user, subscriber): Seen<Subscriber>,
) -> Result<Response, Error> {
    let mut tx = visit.app.db.read().await?;
    let mut facts = vec![
        ("name", Cell::text(subscriber.name.clone())),
        ("language", Cell::text(subscriber.language.own_name())),
        ("zone", Cell::text(subscriber.zone.name())),
    ];
    // Since when tells of lists that they had before.
    if !user.reach.is_bound() {
        let since = moment(&visit, subscriber.created_at);
        facts.push(("since", Cell::text(since)));
    }
    let whom = (&user.reach, subscriber.id);
    let parts = vec![
        Part::Facts(Facts { title: "", facts }),
        Part::Table(subscriptions(&mut tx, whom).await?),
        Part::Table(consents(&visit, &mut tx, whom).await?),
        Part::Table(letters_of(&visit, &mut tx, whom).await?),
    ];
    let page = Board {
        title: "subscriber",
        about: Some(subscriber.email.to_string()),
        parts,
        ..Board::default()
    };
    board(&visit, &user, page)
}

async fn subscriptions(tx: &mut Tx, (reach, id): (&Reach, SubscriberId)) -> Result<Table, Error> {
    let mut rows = Vec::new();
    let all = store::subscription::of_subscriber(tx, id).await?;
    for one in all.into_iter().filter(|one| reach.has(one.list_id)) {
        let list = store::list::get(tx, one.list_id).await?;
        let topics = store::topic::some(tx, one.topics.ids()).await?;
        let topics: Vec<String> = topics.into_iter().map(|(_, topic)| topic.name).collect();
        rows.push(vec![
            Cell::text(list.name),
            Cell::word(state(&one)),
            Cell::text(one.rhythm.cadence.as_str()),
            Cell::text(format!(
                "{}:00 {}",
                one.rhythm.hour.number(),
                one.rhythm.zone
            )),
            Cell::text(topics.join(", ")),
            if one.state == SubscriptionState::Ended {
                Cell::default()
            } else {
                Cell::button("end", format!("/admin/subscriptions/{}/end", one.id.0))
            },
        ]);
    }
    Ok(Table {
        title: "subscriptions",
        columns: vec!["list", "state", "cadence", "hour", "topics", "action"],
        rows,
    })
}

fn state(one: &Subscription) -> &'static str {
    match one.state {
        SubscriptionState::Asked => "asked",
        SubscriptionState::Active => "active",
        SubscriptionState::Paused => "paused",
        SubscriptionState::Ended => "ended",
    }
}

async fn consents(
    visit: &Visit,
    tx: &mut Tx,
    (reach, id): (&Reach, SubscriberId),
) -> Result<Table, Error> {
    let consents = store::consent::of_subscriber(tx, id).await?;
    let within = consents
        .into_iter()
        .filter(|consent| reach.has(consent.list_id));
    let rows = within.map(|consent| {
        let act = match consent.act {
            Act::Asked => "asked",
            Act::Given => "given",
            Act::Changed => "changed",
            Act::Withdrawn => "ended",
        };
        vec![
            Cell::text(moment(visit, consent.at)),
            Cell::word(act),
            Cell::text(consent.origin),
        ]
    });
    Ok(Table {
        title: "consents",
        columns: vec!["when", "act", "origin"],
        rows: rows.collect(),
    })
}

async fn letters_of(
    visit: &Visit,
    tx: &mut Tx,
    (reach, id): (&Reach, SubscriberId),
) -> Result<Table, Error> {
    let sent = store::ledger::of_subscriber(tx, reach, id, LATEST).await?;
    let rows = sent.into_iter().map(|letter| {
        let place = visit.app.url(&format!("/admin/letters/{}", letter.id));
        vec![
            Cell::link(moment(visit, letter.made_at), place),
            Cell::text(letter.purpose),
            Cell::word(letters::word(letter.state.parse().ok())),
            Cell::text(letter.tries.to_string()),
        ]
    });
    Ok(Table {
        title: "letters",
        columns: vec!["when", "purpose", "state", "tries"],
        rows: rows.collect(),
    })
}

/// `POST /admin/subscriptions/{id}/end`.
pub(in crate::web) async fn end(
    visit: Visit,
    Own(user, standing): Own<Standing>,
) -> Result<Response, Error> {
    let app = &visit.app;
    sign_up::leave(app, &standing, "console", "").await?;
    let subject = format!("subscription {}", standing.subscription.id.0);
    note_after(app, &user, ("subscription.end", subject)).await?;
    let place = format!("/admin/subscribers/{}", standing.subscriber.id.0);
    Ok(back(&place, "saved"))
}

/// `/admin/subscribers.csv`: everybody, in the columns that an import takes; to an editor of some lists
/// those who read them.
pub(in crate::web) async fn export(
    visit: Visit,
    AnyEditor(user): AnyEditor,
) -> Result<Response, Error> {
    let mut file = csv::Writer::from_writer(Vec::new());
    let trouble = |problem: csv::Error| Error::trouble(problem.into());
    let head = ["email", "name", "language", "zone", "confirmed"];
    file.write_record(head).map_err(trouble)?;
    let mut last = SubscriberId(0);
    loop {
        let mut tx = visit.app.db.read().await?;
        let chunk = store::subscriber::page_within(&mut tx, &user.reach, last, CHUNK).await?;
        drop(tx);
        for one in &chunk {
            let confirmed = one.state == crate::audience::SubscriberState::Confirmed;
            let row = [
                guarded(one.email.as_str()),
                guarded(&one.name),
                one.language.as_str().to_owned(),
                one.zone.name().to_owned(),
                if confirmed { "yes" } else { "no" }.to_owned(),
            ];
            file.write_record(row).map_err(trouble)?;
        }
        match chunk.last() {
            Some(one) => last = one.id,
            None => break,
        }
    }
    let bytes = file
        .into_inner()
        .map_err(|problem| Error::trouble(anyhow::anyhow!("{problem}")))?;
    let kind = HeaderValue::from_static("text/csv; charset=utf-8");
    let name = HeaderValue::from_static("attachment; filename=\"subscribers.csv\"");
    Ok(([(CONTENT_TYPE, kind), (CONTENT_DISPOSITION, name)], bytes).into_response())
}
