//! How many people a service reads a feed for, from its own `User-Agent`: `Feedly/1.0 (…; 16
//! subscribers; …)`. Nothing is kept of readers who ask for themselves.
//!
//! Anybody can say anything there, so what is kept is bounded.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::PoisonError;

use chrono::TimeDelta;

use crate::app::App;
use crate::clock::Stamp;
use crate::store;

/// The same number is noted again after this.
const AGAIN: TimeDelta = TimeDelta::hours(12);
/// The most feeds times services that one process listens to.
const MOST: usize = 5_000;
/// More than any service has.
const MOST_PEOPLE: i64 = 10_000_000;
/// Letters of a service's name.
const NAME: usize = 40;

/// What services said lately.
#[derive(Debug, Default)]
pub(super) struct Told(Mutex<HashMap<(String, String), (i64, Stamp)>>);

impl Told {
    /// Notes what this `User-Agent` says of the feed, beside the answer to it.
    pub(super) fn listen(&self, app: &App, feed: &str, user_agent: &str) {
        let Some((reader, people)) = said(user_agent) else {
            return;
        };
        let (feed, now) = (feed.to_owned(), app.now());
        if !self.is_new(&feed, &reader, people, now) {
            return;
        }
        let noting = app.clone();
        app.tasks.spawn(async move {
            if let Err(problem) = note(&noting, &feed, &reader, people, now).await {
                tracing::warn!(problem = format!("{problem:#}"), "feed.people_not_noted");
            }
        });
    }

    fn is_new(&self, feed: &str, reader: &str, people: i64, now: Stamp) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (feed.to_owned(), reader.to_owned());
        let is_known = told
            .get(&key)
            .is_some_and(|(count, at)| *count == people && now - *at < AGAIN);
        if is_known || (told.len() >= MOST && !told.contains_key(&key)) {
            return false;
        }
        told.insert(key, (people, now));
        true
    }
}

async fn note(app: &App, feed: &str, reader: &str, people: i64, now: Stamp) -> store::Result<()> {
    let mut tx = app.db.begin().await?;
    store::feed_reader::record(&mut tx, feed, reader, people, now).await?;
    tx.commit().await
}

/// The service's name and how many people it speaks for.
fn said(user_agent: &str) -> Option<(String, i64)> {
    let words: Vec<&str> = user_agent
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let count = words.windows(2).find_map(|pair| {
        let [count, what] = pair else { return None };
        let is_people = ["subscriber", "subscribers", "reader", "readers"]
            .iter()
            .any(|word| what.eq_ignore_ascii_case(word));
        count.parse::<i64>().ok().filter(|_| is_people)
    })?;
    let name = user_agent.split(|c: char| !(c.is_ascii_alphabetic() || c == ' '));
    let name: String = name.take(1).collect::<String>().trim().to_ascii_lowercase();
    let name: String = name.chars().take(NAME).collect();
    ((1..=MOST_PEOPLE).contains(&count) && !name.is_empty()).then_some((name, count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_say_for_how_many_they_ask() {
        let cases = [
            (
                "Feedly/1.0 (+http://www.feedly.com/fetcher.html; 16 subscribers; like FeedFetcher-Google)",
                Some(("feedly", 16)),
            ),
            (
                "Feedbin feed-id:1373711 - 142 subscribers",
                Some(("feedbin feed", 142)),
            ),
            (
                "NewsBlur Feed Fetcher - 1 subscriber - http://www.newsblur.com/site/1/",
                Some(("newsblur feed fetcher", 1)),
            ),
            ("Mozilla/5.0 (X11; Linux x86_64)", None),
            ("newsboat/2.21", None),
            ("99999999999999999999 subscribers", None),
            ("Evil/1 (20000000 subscribers)", None),
            ("(12 subscribers)", None),
            ("", None),
        ];
        for (user_agent, expected) in cases {
            let expected = expected.map(|(name, count): (&str, i64)| (name.to_owned(), count));
            assert_eq!(said(user_agent), expected, "{user_agent}");
        }
    }
}
