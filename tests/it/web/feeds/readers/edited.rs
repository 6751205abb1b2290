//! What is edited after readers have it, and has something to listen to.

use std::collections::BTreeSet;

use serde_json::Value;
use sqlx::Connection;
use sqlx::SqliteConnection;
use visnyk::article::Media;
use visnyk::article::clean::clean;
use visnyk::source::Draft;

use super::Served;
use super::feed2exec_lines;
use super::header;
use super::joined;
use super::newsboat;
use super::rss2email;
use super::rss2email_letters;
use super::set_up_rss2email;
use super::sfeed_lines;
use crate::support::app::draft;

/// What readers tell of an entry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Spoken {
    id: String,
    title: String,
    enclosure: String,
}

impl Spoken {
    fn new(id: &str, title: &str, enclosure: &str) -> Self {
        Self {
            id: id.to_owned(),
            title: joined(title),
            enclosure: enclosure.to_owned(),
        }
    }
}

impl Served {
    /// Has a source say this, for the first time or anew.
    async fn speak(&self, number: usize, title: &str) {
        let source = self.app.source().await;
        let audio = Media {
            url: format!("https://source.example.org/{number}.mp3"),
            mime: Some("audio/mpeg".to_owned()),
            length: Some(4_821_300),
            width: None,
            height: None,
            caption: None,
        };
        let said = Draft {
            title: title.to_owned(),
            summary: format!("{title}, коротко."),
            html: clean(&format!("<p>{title}, докладно.</p>"), None),
            text: format!("{title}, докладно."),
            media: vec![audio],
            ..draft(&format!("n{number}"), &[])
        };
        self.app.take_in(&source, vec![said]).await;
        self.app.wait(chrono::TimeDelta::seconds(1));
    }

    /// As the JSON feed has them.
    async fn spoken(&self) -> BTreeSet<Spoken> {
        let feed: Value = serde_json::from_str(&self.body("json").await).unwrap();
        let items = feed["items"].as_array().unwrap().iter();
        let text = |item: &Value, at: &str| item.pointer(at).unwrap().as_str().unwrap().to_owned();
        let spoken = items.map(|item| Spoken {
            id: text(item, "/id"),
            title: text(item, "/title"),
            enclosure: text(item, "/attachments/0/url"),
        });
        spoken.collect()
    }
}

async fn newsboat_spoken(served: &Served, format: &str) -> BTreeSet<Spoken> {
    newsboat(served, format);
    let cache = served.home(&format!("newsboat-{format}")).join("cache.db");
    let address = format!("sqlite://{}", cache.display());
    let mut cache = SqliteConnection::connect(&address).await.unwrap();
    let rows: Vec<(String, String, String)> =
        sqlx::query_as("SELECT guid, title, enclosure_url FROM rss_item")
            .fetch_all(&mut cache)
            .await
            .unwrap();
    let rows = rows.iter();
    rows.map(|(id, title, enclosure)| Spoken::new(id, title, enclosure))
        .collect()
}

async fn sfeed_spoken(served: &Served, format: &str) -> BTreeSet<Spoken> {
    let lines = sfeed_lines(served, &served.body(format).await);
    let fields = lines.lines().map(|line| line.split('\t').collect());
    fields
        .map(|fields: Vec<&str>| Spoken::new(fields[5], fields[1], fields[7]))
        .collect()
}

fn feed2exec_spoken(served: &Served, home: &str, format: &str) -> BTreeSet<Spoken> {
    let shown = "{item.id} {item.title} {item.enclosures[0].href}";
    let command = format!("/usr/bin/printf '%s\\t%s\\t%s\\n' {shown}");
    let lines = feed2exec_lines(served, home, format, &command);
    let fields = lines.lines().map(|line| line.split('\t').collect());
    fields
        .filter(|fields: &Vec<&str>| fields.len() == 3)
        .map(|fields| Spoken::new(fields[0], fields[1], fields[2]))
        .collect()
}

/// What rss2email mails of a feed, and which letters answer which, by their ids.
fn rss2email_spoken(served: &Served, feed: &str) -> (BTreeSet<Spoken>, Vec<String>) {
    let letters = rss2email_letters(served, feed);
    let mut spoken = BTreeSet::new();
    let mut answers = Vec::new();
    for letter in &letters {
        let text = letter.body_text(0).unwrap();
        let (_, after) = text.split_once("Enclosure: ").unwrap();
        let enclosure = after.split_whitespace().next().unwrap();
        let id = header(letter, "X-RSS-ID");
        spoken.insert(Spoken::new(&id, letter.subject().unwrap(), enclosure));
        if letter.in_reply_to().as_text().is_some() {
            answers.push(id);
        }
    }
    (spoken, answers)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs feed readers"]
async fn an_edited_entry_is_the_same_one_with_another_title_and_what_was_to_be_heard() {
    let served = Served::start().await;
    served.speak(1, "Запис засідання").await;
    served.speak(2, "Запис зустрічі").await;
    set_up_rss2email(&served);
    let first = served.spoken().await;
    assert_eq!(first.len(), 2);
    for format in ["rss", "atom"] {
        let url = format!("{}/feed.{format}", served.base);
        rss2email(&served, &["add", format, &url]);
        rss2email(&served, &["run", format]);
        assert_eq!(rss2email_spoken(&served, &url), (first.clone(), vec![]));
        assert_eq!(
            newsboat_spoken(&served, format).await,
            first,
            "newsboat, {format}"
        );
        assert_eq!(
            sfeed_spoken(&served, format).await,
            first,
            "sfeed, {format}"
        );
        assert_eq!(
            feed2exec_spoken(&served, &format!("feed2exec-{format}"), format),
            first,
            "feed2exec, {format}"
        );
    }
    served.speak(1, "Повний запис засідання").await;
    let edited = served.spoken().await;
    let changed: Vec<_> = edited.difference(&first).cloned().collect();
    assert_eq!(changed.len(), 1);
    assert!(first.iter().any(|one| one.id == changed[0].id));
    for format in ["rss", "atom"] {
        let url = format!("{}/feed.{format}", served.base);
        rss2email(&served, &["run", format]);
        let both: BTreeSet<_> = first.union(&edited).cloned().collect();
        let answered = vec![changed[0].id.clone()];
        assert_eq!(
            rss2email_spoken(&served, &url),
            (both, answered),
            "rss2email, {format}"
        );
        assert_eq!(
            newsboat_spoken(&served, format).await,
            edited,
            "newsboat, {format}"
        );
        assert_eq!(
            sfeed_spoken(&served, format).await,
            edited,
            "sfeed, {format}"
        );
        let again = feed2exec_spoken(&served, &format!("feed2exec-{format}"), format);
        assert_eq!(again, BTreeSet::new(), "it knows both by their ids");
        assert_eq!(
            feed2exec_spoken(&served, &format!("feed2exec-anew-{format}"), format),
            edited,
            "feed2exec, {format}"
        );
    }
}
