//! `list`: newsletters.

use std::process::ExitCode;

use chrono_tz::Tz;
use clap::Subcommand;

use crate::app::App;
use crate::article::TopicKind;
use crate::audience::list;
use crate::audience::list::Cadence;
use crate::audience::list::Hour;
use crate::audience::list::ListId;
use crate::audience::list::Review;
use crate::audience::list::Slug;
use crate::audience::list::TopicId;
use crate::audience::pace::Days;
use crate::audience::pace::Pace;
use crate::audience::pace::Silence;
use crate::cli::Common;
use crate::cli::failure::Exit;
use crate::cli::failure::Failure;
use crate::cli::out;
use crate::config::Mailbox;
use crate::locale::Language;
use crate::store;
use crate::store::Tx;

/// Newsletters.
#[derive(Debug, Subcommand)]
pub(super) enum List {
    /// Add a list that people can subscribe to.
    Add(Add),
    /// All lists.
    #[command(name = "list")]
    All,
    /// One list.
    Show {
        /// Its slug.
        slug: String,
    },
}

/// A list to be added.
#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// Its name in addresses: lower-case Latin letters, digits and hyphens.
    pub(super) slug: Slug,
    /// As people read it.
    #[arg(long)]
    pub(super) name: String,
    /// A sentence on what it's about.
    #[arg(long, default_value = "")]
    pub(super) description: String,
    /// Who its letters come from: an address, or `Name <address>`.
    #[arg(long, value_name = "ADDRESS")]
    pub(super) from: Mailbox,
    /// What subscribers may choose from, the first by default.
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "daily,weekly"
    )]
    pub(super) cadences: Vec<Cadence>,
    /// The hour for whoever doesn't choose, 0 to 23.
    #[arg(long, default_value = "8")]
    pub(super) hour: Hour,
    /// The zone of its hours [default: site.zone].
    #[arg(long)]
    pub(super) zone: Option<Tz>,
    /// uk or en [default: site.language].
    #[arg(long)]
    pub(super) language: Option<Language>,
    /// Only articles with one of these topics or departments, by name or slug.
    #[arg(long, value_delimiter = ',')]
    pub(super) topics: Vec<String>,
    /// Whether digests go out by themselves or wait for a person.
    #[arg(long, value_enum, default_value = "auto")]
    pub(super) review: Review,
    #[command(flatten)]
    pub(super) pace: Paces,
}

/// How digests are gathered, reviewed, and how long they're worth sending.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub(super) struct Paces {
    /// Hours that a digest waits for its review; 0 is for ever [default: 0].
    #[arg(long, value_name = "HOURS", value_parser = clap::value_parser!(u32).range(..=720))]
    review_hours: Option<u32>,
    /// What happens when nobody says anything [default: hold].
    #[arg(long, value_enum)]
    silence: Option<Silence>,
    /// Minutes that immediate digests gather for [default: 5].
    #[arg(long, value_name = "MINUTES", value_parser = clap::value_parser!(u32).range(1..=1440))]
    gather: Option<u32>,
    /// Days of weekday digests for whoever doesn't choose [default: mon,tue,wed,thu,fri].
    #[arg(long)]
    days: Option<Days>,
    /// Articles that make a digest worth a letter; with fewer it waits for the next [default: 1].
    #[arg(long, value_name = "ARTICLES", value_parser = clap::value_parser!(u32).range(1..=100))]
    least: Option<u32>,
    /// Hours that an article waits for others at most [default: 168].
    #[arg(long, value_name = "HOURS", value_parser = clap::value_parser!(u32).range(1..=8784))]
    longest_wait: Option<u32>,
    /// Hours that a letter may be late; its articles come with the next one then [default: 48].
    #[arg(long, value_name = "HOURS", value_parser = clap::value_parser!(u32).range(1..=720))]
    worth: Option<u32>,
}

impl Paces {
    /// A pace with what was said put in.
    fn over(self, pace: Pace) -> Pace {
        Pace {
            gather: self.gather.unwrap_or(pace.gather),
            days: self.days.unwrap_or(pace.days),
            least: self.least.unwrap_or(pace.least),
            longest_wait: self.longest_wait.unwrap_or(pace.longest_wait),
            review_hours: self.review_hours.unwrap_or(pace.review_hours),
            silence: self.silence.unwrap_or(pace.silence),
            worth: self.worth.unwrap_or(pace.worth),
        }
    }
}

impl List {
    pub(super) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        match self {
            Self::Add(new) => {
                let app = common.open().await?;
                let list = new.add(&app).await?;
                let page = app.url(&format!("/lists/{}", list.slug));
                let shown = serde_json::json!({ "id": list.id, "slug": list.slug, "page": page });
                common.out().give(&shown, |_| {
                    format!("list `{}` added; people subscribe at {page}", list.slug)
                });
            }
            Self::All => show_all(common).await?,
            Self::Show { slug } => show(common, &slug).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Add {
    /// Adds the list, and the topics it names if no article had them yet.
    pub(super) async fn add(self, app: &App) -> Result<list::List, Failure> {
        let mut tx = app.db.begin().await?;
        let mut topics = Vec::new();
        for name in &self.topics {
            topics.push(topic(&mut tx, name).await?);
        }
        let site = &app.settings.site;
        let mut list = list::List {
            id: ListId(0),
            slug: self.slug,
            name: self.name,
            description: self.description,
            sender: self.from,
            language: self
                .language
                .or_else(|| site.language.parse().ok())
                .unwrap_or(Language::Uk),
            zone: self.zone.unwrap_or(site.zone),
            hour: self.hour,
            cadences: self.cadences,
            topics,
            review: self.review,
            pace: self.pace.over(Pace::default()),
            created_at: app.now(),
        };
        let id = store::list::add(&mut tx, &list).await?;
        tx.commit().await?;
        list.id = id.ok_or_else(|| {
            Failure::new(
                Exit::Data,
                format!(
                    "there is a list `{}` already; choose another slug",
                    list.slug
                ),
            )
        })?;
        Ok(list)
    }
}

/// A topic or department by name or slug; a new name becomes a topic.
pub(super) async fn topic(tx: &mut Tx, name: &str) -> Result<TopicId, Failure> {
    let slug = crate::article::topic::slug(name);
    if let Some((id, _)) = store::topic::find_any(tx, &slug).await? {
        return Ok(id);
    }
    let made = store::topic::keep(tx, TopicKind::Topic, name.trim()).await?;
    made.ok_or_else(|| {
        Failure::new(
            Exit::Usage,
            format!("expected a topic such as `economy`, but got `{name}`"),
        )
    })
}

/// The list with this slug, which must be there.
pub(super) async fn find(app: &App, slug: &str) -> Result<list::List, Failure> {
    let list = store::list::find(&mut app.db.read().await?, slug).await?;
    list.ok_or_else(|| Failure::missing("list", slug, "list list"))
}

async fn show_all(common: &Common) -> Result<(), Failure> {
    let app = common.open().await?;
    let mut tx = app.db.read().await?;
    let mut rows = Vec::new();
    let mut all = Vec::new();
    for list in store::list::all(&mut tx).await? {
        let readers = store::list::count_active(&mut tx, list.id).await?;
        rows.push(vec![
            list.slug.to_string(),
            list.name.clone(),
            readers.to_string(),
            list.sender.to_string(),
        ]);
        all.push(shown(&list, readers));
    }
    let none = "there are no lists yet: visnyk list add SLUG --name NAME --from ADDRESS";
    common.out().give(&all, |_| {
        out::table(&["slug", "name", "readers", "from"], &rows, none)
    });
    Ok(())
}

async fn show(common: &Common, slug: &str) -> Result<(), Failure> {
    let app = common.open().await?;
    let list = find(&app, slug).await?;
    let mut tx = app.db.read().await?;
    let readers = store::list::count_active(&mut tx, list.id).await?;
    let topics = store::topic::some(&mut tx, &list.topics).await?;
    let topics: Vec<String> = topics.into_iter().map(|(_, topic)| topic.name).collect();
    common.out().give(&shown(&list, readers), |_| {
        let cadences: Vec<&str> = list.cadences.iter().map(|cadence| cadence.as_str()).collect();
        let topics = if topics.is_empty() { "all".to_owned() } else { topics.join(", ") };
        format!(
            "{}\n{}\nfrom: {}\nreaders: {readers}\ncadences: {}\nhour: {}:00 {}\ntopics: {topics}\nreview: {}\nid: {}",
            list.name,
            app.url(&format!("/lists/{}", list.slug)),
            list.sender,
            cadences.join(", "),
            list.hour.number(),
            list.zone,
            list.review.as_str(),
            list.id.0,
        )
    });
    Ok(())
}

fn shown(list: &list::List, readers: i64) -> serde_json::Value {
    serde_json::json!({
        "id": list.id,
        "slug": list.slug,
        "name": list.name,
        "description": list.description,
        "from": list.sender.to_string(),
        "language": list.language.as_str(),
        "zone": list.zone.name(),
        "hour": list.hour,
        "cadences": list.cadences,
        "topics": list.topics,
        "review": list.review,
        "pace": list.pace,
        "readers": readers,
    })
}
