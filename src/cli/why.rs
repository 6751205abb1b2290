//! `subscriber why`: why somebody got a digest, or didn't, in words.

use std::fmt::Write as _;

use crate::audience::EmailAddress;
use crate::audience::Subscriber;
use crate::audience::SubscriberState;
use crate::audience::list::List;
use crate::audience::subscription::Subscription;
use crate::audience::subscription::SubscriptionState;
use crate::cli::Common;
use crate::cli::arrange;
use crate::cli::failure::Exit;
use crate::cli::failure::Failure;
use crate::cli::out;
use crate::digest::Digest;
use crate::digest::DigestId;
use crate::digest::DigestState;
use crate::digest::window;
use crate::digest::window::Served;
use crate::letter::LetterState;
use crate::store;
use crate::store::Tx;
use crate::store::letter::LetterRecord;

/// Letters that are told for each subscription.
const LATEST: i64 = 5;

/// What is said of one subscription.
#[derive(Debug, serde::Serialize)]
struct Answer {
    /// The list's slug.
    list: String,
    /// One word: `accepted`, `nothing_new`, `other_rhythm`, …
    reason: String,
    /// The same in a sentence.
    words: String,
    /// What was sent.
    letters: Vec<LetterRecord>,
}

/// Answers for every list somebody has, or about one digest.
pub(super) async fn why(
    common: &Common,
    email: &EmailAddress,
    digest: Option<DigestId>,
) -> Result<(), Failure> {
    let app = common.open().await?;
    let digest = match digest {
        Some(id) => Some(arrange::find(&app, id).await?),
        None => None,
    };
    let mut tx = app.db.read().await?;
    let subscriber = store::subscriber::find_by_email(&mut tx, email).await?;
    let subscriber = subscriber
        .ok_or_else(|| Failure::new(Exit::NoInput, format!("nobody has the address `{email}`")))?;
    let suppressed = store::subscriber::is_suppressed(&mut tx, email, &app.secret).await?;
    let subscriptions = store::subscription::of_subscriber(&mut tx, subscriber.id).await?;
    let mut answers = Vec::new();
    for subscription in &subscriptions {
        let list = store::list::get(&mut tx, subscription.list_id).await?;
        let who = Who {
            subscriber: &subscriber,
            suppressed,
            subscription,
            list: &list,
        };
        match &digest {
            None => answers.push(who.stands(&mut tx).await?),
            Some((digest, _)) if digest.list_id == list.id => {
                answers.push(who.got(&mut tx, digest).await?);
            }
            Some(_) => {}
        }
    }
    drop(tx);
    if answers.is_empty() {
        let slug = digest.map(|(_, list)| list.slug.to_string());
        answers.push(Answer {
            list: slug.clone().unwrap_or_default(),
            reason: "no_subscription".to_owned(),
            words: format!(
                "`{email}` doesn't have {}",
                slug.map_or("any list".to_owned(), |slug| format!("the list `{slug}`"))
            ),
            letters: Vec::new(),
        });
    }
    common.out().give(&answers, |answers| in_words(answers));
    Ok(())
}

fn in_words(answers: &[Answer]) -> String {
    let mut words = String::new();
    for answer in answers {
        // Writing into a String doesn't fail.
        writeln!(words, "{}", answer.words).ok();
        for letter in &answer.letters {
            let state = out::letter_state(letter.state);
            let digest = letter.digest_id.map_or(0, |id| id.0);
            let at = letter.finished_at.unwrap_or(letter.made_at);
            writeln!(
                words,
                "  letter {} (digest {digest}): {state}, {at}",
                letter.id
            )
            .ok();
        }
    }
    words
}

/// Somebody and one list.
struct Who<'a> {
    subscriber: &'a Subscriber,
    suppressed: bool,
    subscription: &'a Subscription,
    list: &'a List,
}

impl Who<'_> {
    fn answer(&self, reason: &str, words: String, letters: Vec<LetterRecord>) -> Answer {
        Answer {
            list: self.list.slug.to_string(),
            reason: reason.to_owned(),
            words,
            letters,
        }
    }

    /// What keeps every digest of this list from them.
    fn hindrance(&self) -> Option<(&'static str, String)> {
        let slug = &self.list.slug;
        if self.suppressed {
            let words = format!(
                "{slug}: the address must not be written to; `visnyk suppression list` counts why"
            );
            return Some(("suppressed", words));
        }
        match self.subscription.state {
            SubscriptionState::Asked => Some((
                "not_confirmed",
                format!("{slug}: they asked for it, and haven't pressed the button in the letter"),
            )),
            SubscriptionState::Ended => Some(("ended", format!("{slug}: they left it"))),
            SubscriptionState::Paused => Some((
                "paused",
                format!("{slug}: paused; what comes meanwhile is kept for them"),
            )),
            SubscriptionState::Active if self.subscriber.state == SubscriberState::Asked => Some((
                "not_confirmed",
                format!("{slug}: the address was never confirmed"),
            )),
            SubscriptionState::Active => None,
        }
    }

    async fn stands(&self, tx: &mut Tx) -> Result<Answer, Failure> {
        let slug = &self.list.slug;
        let letters = store::letter::of_subscription(tx, self.subscription.id, LATEST).await?;
        if let Some((reason, words)) = self.hindrance() {
            return Ok(self.answer(reason, words, letters));
        }
        let served = self.served();
        let to = store::counter::last_seq(tx).await?;
        let candidates = store::article::candidates(tx, served.floor(), to).await?;
        let topics = &self.subscription.topics;
        let waiting = window::articles(&candidates, self.list, topics, &served).len();
        let rhythm = &self.subscription.rhythm;
        let words = format!(
            "{slug}: {}; the next digest is due {}, with {} so far",
            self.cadence(),
            rhythm.next_at,
            out::count(waiting, "article", "articles")
        );
        Ok(self.answer("active", words, letters))
    }

    async fn got(&self, tx: &mut Tx, digest: &Digest) -> Result<Answer, Failure> {
        let (slug, id) = (&self.list.slug, digest.id.0);
        let letter = store::letter::find_of(tx, digest.id, self.subscription.id).await?;
        if let Some(letter) = letter {
            let attempts = store::attempt::of_letter(tx, letter.id).await?;
            let last = attempts.last().map(|tried| tried.text.as_str());
            let words = told(slug.as_str(), id, &letter, last.unwrap_or_default());
            return Ok(self.answer(letter.state.as_str(), words, vec![letter]));
        }
        let (reason, words) = self.hindrance().unwrap_or_else(|| self.without(digest));
        Ok(self.answer(reason, words, Vec::new()))
    }

    /// Why there is no letter, though nothing keeps them from getting any.
    fn without(&self, digest: &Digest) -> (&'static str, String) {
        let (slug, id) = (&self.list.slug, digest.id.0);
        let rhythm = &self.subscription.rhythm;
        let theirs = digest.critical.is_some()
            || digest.rhythm_id == Some(rhythm.id)
            || (digest.by_hand() && digest.cadence == rhythm.cadence);
        let joined = self.subscription.active_at;
        match digest.state {
            _ if joined.is_some_and(|joined| joined > digest.cut_at) => (
                "joined_later",
                format!(
                    "{slug}: they joined after digest {id} was cut; theirs begin with what came later"
                ),
            ),
            _ if !theirs => (
                "other_rhythm",
                format!(
                    "{slug}: digest {id} was for {} ({}); theirs come {}",
                    digest.cadence,
                    digest.period_key,
                    self.cadence()
                ),
            ),
            DigestState::Held => (
                "held",
                format!("{slug}: digest {id} waits for a person to release it"),
            ),
            DigestState::Planning => (
                "planning",
                format!("{slug}: the letters of digest {id} are being made"),
            ),
            DigestState::Cancelled => (
                "cancelled",
                format!("{slug}: digest {id} was cancelled; its articles come with their next one"),
            ),
            DigestState::Planned => (
                "nothing_new",
                format!("{slug}: nothing in digest {id} was new for them and about their topics"),
            ),
        }
    }

    fn served(&self) -> Served {
        Served {
            cursor: self.subscription.cursor,
            owed: self.subscription.owed.clone(),
            apart: self.subscription.apart.clone(),
        }
    }

    fn cadence(&self) -> String {
        let rhythm = &self.subscription.rhythm;
        let cadence = rhythm.cadence;
        if rhythm.days.is_empty() {
            return format!("{cadence}, {:02}:00 {}", rhythm.hour.number(), rhythm.zone);
        }
        let days = rhythm.days;
        format!("{days}, {:02}:00 {}", rhythm.hour.number(), rhythm.zone)
    }
}

fn told(slug: &str, id: i64, letter: &LetterRecord, said: &str) -> String {
    let at = letter.finished_at.unwrap_or(letter.made_at);
    let what = match letter.state {
        LetterState::Accepted => format!("their server took it {at}"),
        LetterState::Refused => format!("their server refused it {at}: {said}"),
        LetterState::Deferred => format!(
            "their server asked to try later ({said}); the next try is due {}",
            letter.due_at
        ),
        LetterState::Uncertain => {
            "it was probably delivered: the connection broke after its end".to_owned()
        }
        LetterState::Failed if letter.given_back => {
            "its time ran out; its articles come with their next digest".to_owned()
        }
        LetterState::Failed => format!("it could not be written: {said}"),
        LetterState::Cancelled if letter.given_back => {
            "it was stopped; its articles come with their next digest".to_owned()
        }
        LetterState::Cancelled => {
            "it was stopped: they left, or the address must not be written to".to_owned()
        }
        LetterState::Paused => "it is stopped until its digest is released".to_owned(),
        LetterState::Queued => format!("it waits in the queue; due {}", letter.due_at),
        LetterState::Leased | LetterState::Handing => {
            "it is being handed over this moment".to_owned()
        }
    };
    format!("{slug}, digest {id}: {what}")
}
