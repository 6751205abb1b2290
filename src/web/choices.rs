//! What a reader chooses in a form: offered, filled in, understood. The sign-up form and the
//! preferences share it.

use chrono_tz::Tz;

use crate::article::Topic;
use crate::article::clean::one_line;
use crate::audience::EmailAddress;
use crate::audience::history;
use crate::audience::list::Hour;
use crate::audience::list::List;
use crate::audience::list::TopicId;
use crate::audience::sign_up::Standing;
use crate::audience::sign_up::Wish;
use crate::audience::subscription;
use crate::store;
use crate::store::Tx;
use crate::templates::forms::CadenceChoice;
use crate::templates::forms::DayChoice;
use crate::templates::forms::FormProblem;
use crate::templates::forms::SignUpForm;
use crate::templates::forms::TopicChoice;
use crate::web::error::Error;
use crate::web::form::Fields;
use crate::web::visit::Visit;

/// Topics that a form offers.
const MOST_TOPICS: usize = 40;
/// Clocks to choose from, from west to east: where readers of a Ukrainian newsroom are.
const ZONES: [&str; 20] = [
    "America/Los_Angeles",
    "America/Chicago",
    "America/New_York",
    "America/Toronto",
    "UTC",
    "Europe/Dublin",
    "Europe/Lisbon",
    "Europe/London",
    "Europe/Berlin",
    "Europe/Madrid",
    "Europe/Paris",
    "Europe/Prague",
    "Europe/Rome",
    "Europe/Warsaw",
    "Europe/Bucharest",
    "Europe/Chisinau",
    "Europe/Kyiv",
    "Europe/Vilnius",
    "Asia/Jerusalem",
    "Asia/Tbilisi",
];
/// Characters of a name.
const MOST_NAME: usize = 200;

/// A form as it came, so that it can be shown again.
#[derive(Debug)]
pub(super) struct Filled {
    email: String,
    name: String,
    topics: Vec<String>,
    cadence: String,
    days: Vec<String>,
    hour: String,
    zone: String,
    language: String,
}

impl Filled {
    /// Reads the fields that we know.
    pub(super) fn read(fields: &Fields) -> Self {
        let one = |name: &str| one_line(fields.one(name), 300);
        Self {
            email: one("email"),
            name: one_line(fields.one("name"), MOST_NAME),
            topics: fields.all("topics").map(str::to_owned).collect(),
            cadence: one("cadence"),
            days: fields.all("days").map(str::to_owned).collect(),
            hour: one("hour"),
            zone: one("zone"),
            language: one("language"),
        }
    }

    /// The same for a reader we know, whose address no form changes.
    pub(super) fn by(mut self, reader: &EmailAddress) -> Self {
        reader.as_str().clone_into(&mut self.email);
        self
    }

    /// Puts what was filled in, as far as it can be shown, into a form.
    pub(super) fn keep_in(&self, form: &mut SignUpForm) {
        form.email.clone_from(&self.email);
        form.name.clone_from(&self.name);
        for topic in &mut form.topics {
            topic.chosen = self.topics.contains(&topic.slug);
        }
        if let Ok(chosen) = self.cadence.parse() {
            for choice in &mut form.cadences {
                choice.chosen = choice.cadence == chosen;
            }
        }
        if let Ok(days) = self.days.join(",").parse() {
            form.days = DayChoice::all(days);
        }
        if let Ok(hour) = self.hour.parse::<Hour>() {
            form.hour = in_form(hour);
        }
        if let Ok(zone) = self.zone.parse::<Tz>() {
            choose_zone(form, zone);
        }
        if let Ok(language) = self.language.parse() {
            form.letters_in = language;
        }
    }
}

/// What a filled-in form asks for, or what is wrong with it. What isn't there is as the list has
/// it. `origin` and `wording` are left to the caller.
pub(super) async fn wish(
    tx: &mut Tx,
    list: &List,
    filled: &Filled,
) -> Result<Result<Wish, FormProblem>, Error> {
    let topics = topics(tx, list, &filled.topics).await?;
    Ok(understood(list, filled, topics))
}

fn understood(
    list: &List,
    filled: &Filled,
    topics: Option<Vec<TopicId>>,
) -> Result<Wish, FormProblem> {
    let email: EmailAddress = filled.email.parse().map_err(|_| FormProblem::Email)?;
    let topics = topics.ok_or(FormProblem::Topics)?;
    let cadence = given(&filled.cadence, FormProblem::Cadence)?.or(list.cadences.first().copied());
    let cadence = cadence.filter(|cadence| list.cadences.contains(cadence));
    Ok(Wish {
        email,
        name: filled.name.clone(),
        language: given(&filled.language, FormProblem::Language)?.unwrap_or(list.language),
        zone: given(&filled.zone, FormProblem::Zone)?.unwrap_or(list.zone),
        cadence: cadence.ok_or(FormProblem::Cadence)?,
        days: given(&filled.days.join(","), FormProblem::Days)?,
        hour: given(&filled.hour, FormProblem::Hour)?,
        topics: subscription::TopicChoice::of(topics),
        origin: String::new(),
        wording: String::new(),
    })
}

/// A field's value, if there is something in it.
fn given<T: std::str::FromStr>(text: &str, problem: FormProblem) -> Result<Option<T>, FormProblem> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| problem)
}

/// The topics of these slugs; `None` if one of them isn't the list's.
async fn topics(tx: &mut Tx, list: &List, slugs: &[String]) -> Result<Option<Vec<TopicId>>, Error> {
    let own = store::topic::some(tx, &list.topics).await?;
    let mut ids = Vec::new();
    for slug in slugs.iter().take(MOST_TOPICS) {
        let found = if list.topics.is_empty() {
            store::topic::find_any(tx, slug).await?
        } else {
            own.iter().find(|(_, topic)| topic.slug == *slug).cloned()
        };
        match found {
            Some((id, _)) => ids.push(id),
            None => return Ok(None),
        }
    }
    Ok(Some(ids))
}

/// A list's choices, none made yet. `action` and `form` are left to the caller.
pub(super) async fn form(tx: &mut Tx, list: &List, visit: &Visit) -> Result<SignUpForm, Error> {
    let topics = offered(tx, list).await?;
    let cadence = list.cadences.first().copied();
    let now = visit.app.now();
    let history = store::history::since(tx, &list.topics, now - history::LOOK_BACK).await?;
    Ok(SignUpForm {
        action: String::new(),
        form: String::new(),
        email: String::new(),
        name: String::new(),
        topics: topics
            .into_iter()
            .map(|(_, topic)| unchosen(topic))
            .collect(),
        cadences: cadence.map_or_else(Vec::new, |first| {
            CadenceChoice::all(&list.cadences, first, |cadence| {
                history.letters_a_week(cadence, now)
            })
        }),
        days: DayChoice::all(list.pace.days),
        hour: in_form(list.hour),
        zone: list.zone.name().to_owned(),
        zones: vec![list.zone.name().to_owned()],
        letters_in: visit.language,
        problem: None,
    })
}

/// A list's choices as one reader made them.
pub(super) async fn form_of(
    tx: &mut Tx,
    standing: &Standing,
    visit: &Visit,
) -> Result<SignUpForm, Error> {
    let Standing {
        subscriber,
        list,
        subscription,
    } = standing;
    let mut form = form(tx, list, visit).await?;
    let chosen = store::topic::some(tx, subscription.topics.ids()).await?;
    for (_, topic) in chosen {
        match form
            .topics
            .iter_mut()
            .find(|offered| offered.slug == topic.slug)
        {
            Some(offered) => offered.chosen = true,
            None => form.topics.push(TopicChoice {
                chosen: true,
                ..unchosen(topic)
            }),
        }
    }
    let rhythm = &subscription.rhythm;
    let now = visit.app.now();
    let topics = match subscription.topics.ids() {
        [] => &list.topics,
        chosen => chosen,
    };
    let history = store::history::since(tx, topics, now - history::LOOK_BACK).await?;
    form.cadences = CadenceChoice::all(&list.cadences, rhythm.cadence, |cadence| {
        history.letters_a_week(cadence, now)
    });
    form.zones = ZONES.iter().map(|zone| (*zone).to_owned()).collect();
    if !rhythm.days.is_empty() {
        form.days = DayChoice::all(rhythm.days);
    }
    form.hour = in_form(rhythm.hour);
    choose_zone(&mut form, subscriber.zone);
    form.letters_in = subscriber.language;
    Ok(form)
}

/// What a list's form offers: its own topics, or, of a list about everything, those in use;
/// departments first.
async fn offered(tx: &mut Tx, list: &List) -> Result<Vec<(TopicId, Topic)>, Error> {
    let mut topics = if list.topics.is_empty() {
        let in_use = store::topic::in_use(tx).await?;
        in_use
            .into_iter()
            .map(|(id, topic, _)| (id, topic))
            .collect()
    } else {
        store::topic::some(tx, &list.topics).await?
    };
    topics.truncate(MOST_TOPICS);
    Ok(if topics.len() > 1 { topics } else { Vec::new() })
}

fn unchosen(topic: Topic) -> TopicChoice {
    TopicChoice {
        slug: topic.slug,
        name: topic.name,
        chosen: false,
    }
}

fn choose_zone(form: &mut SignUpForm, zone: Tz) {
    let name = zone.name().to_owned();
    if !form.zones.contains(&name) {
        form.zones.push(name.clone());
    }
    form.zone = name;
}

fn in_form(hour: Hour) -> u8 {
    u8::try_from(hour.number()).unwrap_or_default()
}
