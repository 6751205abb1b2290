//! What readers and an editor would do by hand, done once each: lists, sign-ups, a source, digests.

use chrono::TimeDelta;

use crate::access::Purpose;
use crate::access::SignedLink;
use crate::app::App;
use crate::audience::list::Cadence;
use crate::audience::list::List;
use crate::audience::list::Review;
use crate::audience::sign_up;
use crate::audience::sign_up::Wish;
use crate::audience::subscription::TopicChoice;
use crate::cli::failure::Failure;
use crate::cli::list;
use crate::delivery::worker;
use crate::delivery::worker::Until;
use crate::digest::DigestId;
use crate::digest::compile;
use crate::locale::Language;
use crate::source::SourceKind;
use crate::source::pictures;
use crate::source::poll;
use crate::source::poll::Polled;
use crate::store;
use crate::store::source::NewSource;
use crate::web::newsroom;

/// What a walk leaves to be summed up.
pub(super) struct Walked {
    /// Articles taken in.
    pub(super) articles: usize,
    /// Sample readers.
    pub(super) readers: usize,
    /// The digests that were cut.
    pub(super) digests: Vec<DigestId>,
}

/// The whole way: three lists, a reader for each, then the news, then the digests, delivered.
pub(super) async fn walk(app: &App, newsroom: &str) -> Result<Walked, Failure> {
    let [all, economy, weekly] = add_lists(app).await?;
    let readers = [
        (&all, "daily@example.org", Cadence::Daily),
        (&economy, "economy@example.org", Cadence::Daily),
        (&weekly, "weekly@example.org", Cadence::Weekly),
    ];
    for (list, address, cadence) in &readers {
        subscribe(app, list, address, *cadence).await?;
    }
    let articles = take_in(app, newsroom).await?;
    let mut digests = Vec::new();
    for (list, _, cadence) in &readers {
        digests.push(compile::run_now(app, list, *cadence).await?.0);
    }
    worker::run(app, Until::Empty).await?;
    Ok(Walked {
        articles,
        readers: readers.len(),
        digests,
    })
}

/// All news, one topic, and a weekly in English.
async fn add_lists(app: &App) -> Result<[List; 3], Failure> {
    let list = |slug: &str, name: &str, description: &str| {
        Ok::<_, Failure>(list::Add {
            slug: slug.parse().map_err(Failure::ours)?,
            name: name.to_owned(),
            description: description.to_owned(),
            from: app.settings.mail.from.clone(),
            cadences: vec![Cadence::Daily, Cadence::Weekly, Cadence::Immediate],
            hour: "8".parse().map_err(Failure::ours)?,
            zone: None,
            language: None,
            topics: Vec::new(),
            review: Review::Auto,
            pace: list::Paces::default(),
        })
    };
    let all = list("all-news", "Усі новини", "Усе, що ми публікуємо.")?;
    let mut economy = list("economy", "Економіка", "Лише новини з темою «економіка».")?;
    economy.topics = vec!["економіка".to_owned()];
    let mut weekly = list("weekly", "News of the week", "Once a week, in English.")?;
    weekly.cadences = vec![Cadence::Weekly];
    weekly.language = Some(Language::En);
    Ok([
        all.add(app).await?,
        economy.add(app).await?,
        weekly.add(app).await?,
    ])
}

/// Asks, gets the letter, follows its link and presses the button, as a reader would.
async fn subscribe(app: &App, list: &List, address: &str, cadence: Cadence) -> Result<(), Failure> {
    let wish = Wish {
        email: address.parse().map_err(Failure::ours)?,
        name: String::new(),
        language: list.language,
        zone: list.zone,
        cadence,
        days: None,
        hour: None,
        topics: TopicChoice::default(),
        origin: "demo".to_owned(),
        wording: "demo".to_owned(),
    };
    sign_up::ask(app, list, &wish).await?;
    worker::run(app, Until::NothingDue).await?;
    let mut tx = app.db.read().await?;
    let subscriber = store::subscriber::find_by_email(&mut tx, &wish.email).await?;
    let subscriber = subscriber.ok_or_else(|| Failure::ours("the sample reader is gone"))?;
    let subscriptions = store::subscription::of_subscriber(&mut tx, subscriber.id).await?;
    drop(tx);
    for subscription in subscriptions {
        let link = SignedLink {
            number: subscription.id.0,
            made: app.now(),
        };
        let token = link.sign(Purpose::Confirm, &app.secret);
        let standing = sign_up::standing(app, &token, Purpose::Confirm).await;
        sign_up::confirm(app, &standing.map_err(Failure::ours)?, "demo", "demo").await?;
    }
    Ok(())
}

/// Adds the newsroom and polls it. Gives the number of articles.
async fn take_in(app: &App, newsroom: &str) -> Result<usize, Failure> {
    let new = NewSource {
        url: newsroom.parse().map_err(Failure::ours)?,
        kind: SourceKind::Listing,
        name: "Полтавська обласна військова адміністрація".to_owned(),
        selectors: newsroom::selectors(),
        every: TimeDelta::minutes(15),
    };
    let mut tx = app.db.begin().await?;
    let id = store::source::add(&mut tx, &new, app.now()).await?;
    tx.commit().await?;
    let id = id.ok_or_else(|| Failure::ours("the newsroom was added before"))?;
    let source = store::source::find(&mut app.db.read().await?, id).await?;
    let source = source.ok_or_else(|| Failure::ours("the newsroom is gone"))?;
    match poll::poll(app, source).await? {
        Polled::Read { taken, .. } => {
            pictures::hold_due(app).await?;
            Ok(taken.new)
        }
        other => Err(Failure::ours(format!(
            "the newsroom could not be read: {other:?}"
        ))),
    }
}
