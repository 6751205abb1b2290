//! `subscriber export`: everybody who has a list, as the CSV that `import` reads, or as JSON lines.

use crate::audience::SubscriberId;
use crate::audience::import::sheet::guarded;
use crate::audience::subscription::Subscription;
use crate::cli::Common;
use crate::cli::failure::Failure;
use crate::cli::list;
use crate::cli::out;
use crate::store;
use crate::store::Tx;

/// Subscribers read at once.
const A_PAGE: i64 = 1_000;

/// A reader of a list, in the columns' names.
#[derive(Debug, serde::Serialize)]
struct Row {
    email: String,
    name: String,
    language: &'static str,
    zone: String,
    list: String,
    cadence: &'static str,
    days: String,
    hour: u32,
    topics: String,
    state: &'static str,
}

pub(super) async fn export(common: &Common, slug: Option<&str>) -> Result<(), Failure> {
    let app = common.open().await?;
    let only = match slug {
        Some(slug) => Some(list::find(&app, slug).await?.id),
        None => None,
    };
    let mut csv = csv::Writer::from_writer(std::io::stdout());
    let mut after = SubscriberId(0);
    loop {
        let mut tx = app.db.read().await?;
        let page = store::subscriber::page(&mut tx, after, A_PAGE).await?;
        let Some(end) = page.last() else { break };
        after = end.id;
        for subscriber in page {
            let subscriptions = store::subscription::of_subscriber(&mut tx, subscriber.id).await?;
            for subscription in subscriptions {
                if only.is_some_and(|id| id != subscription.list_id) {
                    continue;
                }
                let row = row(&mut tx, &subscriber, &subscription).await?;
                if common.json {
                    out::line(&serde_json::to_string(&row).map_err(Failure::ours)?);
                } else {
                    csv.serialize(row).map_err(Failure::ours)?;
                }
            }
        }
    }
    csv.flush().map_err(Failure::ours)?;
    Ok(())
}

async fn row(
    tx: &mut Tx,
    subscriber: &crate::audience::Subscriber,
    subscription: &Subscription,
) -> Result<Row, Failure> {
    let list = store::list::get(tx, subscription.list_id).await?;
    let topics = store::topic::some(tx, subscription.topics.ids()).await?;
    let topics: Vec<String> = topics.into_iter().map(|(_, topic)| topic.name).collect();
    let rhythm = &subscription.rhythm;
    Ok(Row {
        email: subscriber.email.to_string(),
        name: guarded(&subscriber.name),
        language: subscriber.language.as_str(),
        zone: subscriber.zone.name().to_owned(),
        list: list.slug.to_string(),
        cadence: rhythm.cadence.as_str(),
        days: rhythm.days.to_string(),
        hour: rhythm.hour.number(),
        topics: guarded(&topics.join(";")),
        state: subscription.state.as_str(),
    })
}
