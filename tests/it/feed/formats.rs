//! Each format, whole: what stands in it for a press release and for a headline.

use serde_json::Value;
use visnyk::article::Article;
use visnyk::article::TopicKind;
use visnyk::clock::Stamp;
use visnyk::feed::Channel;
use visnyk::feed::FeedFormat;
use visnyk::feed::Fullness;
use visnyk::feed::render;

use super::support::channel;
use super::support::everything;
use super::support::headline;
use super::support::headlines;
use super::support::press_release;
use super::support::rendered;
use super::support::topic;

/// The document with a line for each element that begins, so that a change shows where it is.
fn lines(xml: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    xml.replace(version, "{version}").replace("><", ">\n<")
}

fn json(articles: &[Article], fullness: Fullness) -> Value {
    serde_json::from_str(&rendered(FeedFormat::Json, articles, fullness)).unwrap()
}

fn rss(articles: &[Article], fullness: Fullness) -> rss::Channel {
    let text = rendered(FeedFormat::Rss, articles, fullness);
    rss::Channel::read_from(text.as_bytes()).unwrap()
}

fn atom(articles: &[Article], fullness: Fullness) -> atom_syndication::Feed {
    let text = rendered(FeedFormat::Atom, articles, fullness);
    atom_syndication::Feed::read_from(text.as_bytes()).unwrap()
}

#[test]
fn rss_holds_the_press_release_and_the_headlines() {
    insta::assert_snapshot!(lines(&rendered(
        FeedFormat::Rss,
        &everything(),
        Fullness::Full
    )));
}

#[test]
fn atom_holds_the_press_release_and_the_headlines() {
    insta::assert_snapshot!(lines(&rendered(
        FeedFormat::Atom,
        &everything(),
        Fullness::Full
    )));
}

#[test]
fn json_feed_holds_the_press_release_and_the_headlines() {
    let mut feed = json(&everything(), Fullness::Full);
    feed["_generator"]["version"] = "{version}".into();
    insta::assert_json_snapshot!(feed);
}

#[test]
fn a_feed_of_summaries_holds_no_body() {
    let articles = [press_release()];
    let item = &rss(&articles, Fullness::Summaries).items[0];
    assert_eq!(item.content, None);
    assert!(
        item.description
            .as_ref()
            .unwrap()
            .starts_with("Офіс діятиме")
    );
    let entry = &atom(&articles, Fullness::Summaries).entries[0];
    assert_eq!(entry.content, None);
    assert!(
        entry
            .summary
            .as_ref()
            .unwrap()
            .value
            .starts_with("Офіс діятиме")
    );
    let item = &json(&articles, Fullness::Summaries)["items"][0];
    assert_eq!(item["content_html"], Value::Null);
    assert_eq!(item["content_text"], item["summary"]);
}

#[test]
fn a_headline_has_no_empty_elements_in_any_format() {
    let articles = [headline(2, "Синоптики попередили про туман")];
    let item = &rss(&articles, Fullness::Full).items[0];
    assert_eq!((&item.description, &item.content), (&None, &None));
    let entry = &atom(&articles, Fullness::Full).entries[0];
    assert_eq!(entry.content, None);
    assert_eq!(entry.summary.as_ref().unwrap().value, entry.title.value);
    let item = &json(&articles, Fullness::Full)["items"][0];
    assert_eq!(item["content_text"], item["title"]);
    assert_eq!(item["summary"], Value::Null);
}

#[test]
fn identifiers_stay_when_title_address_and_format_change() {
    let before = press_release();
    let after = Article {
        title: "Виправлений заголовок".to_owned(),
        url: None,
        revision: 2,
        ..before.clone()
    };
    let guid = |article: &Article| {
        let channel = rss(std::slice::from_ref(article), Fullness::Full);
        channel.items[0].guid.clone().unwrap().value
    };
    assert_eq!(guid(&before), "tag:news.example,2026:article/1");
    assert_eq!(guid(&before), guid(&after));
    assert_eq!(
        atom(std::slice::from_ref(&after), Fullness::Full).entries[0].id,
        guid(&before)
    );
    assert_eq!(
        json(&[after], Fullness::Full)["items"][0]["id"],
        guid(&before)
    );
}

#[test]
fn articles_keep_the_callers_order() {
    let mut articles = everything();
    articles.reverse();
    let titles: Vec<String> = articles.iter().map(|one| one.title.clone()).collect();
    let written: Vec<String> = rss(&articles, Fullness::Full)
        .items
        .into_iter()
        .filter_map(|item| item.title)
        .collect();
    assert_eq!(written, titles);
}

#[test]
fn articles_taken_in_at_once_have_different_times_of_change() {
    let entries = atom(&headlines(), Fullness::Full).entries;
    assert!(
        entries
            .windows(2)
            .all(|pair| pair[0].updated != pair[1].updated)
    );
}

#[test]
fn an_excerpt_ends_after_a_whole_word() {
    let long = Article {
        text: "Полтавщина ".repeat(60),
        ..press_release()
    };
    let feed = json(&[long], Fullness::Full);
    let summary = feed["items"][0]["summary"].as_str().unwrap();
    assert!(summary.ends_with("Полтавщина…"), "{summary}");
    assert!((280..=301).contains(&summary.chars().count()));
}

#[test]
fn a_year_of_five_digits_gives_way_to_our_own_date() {
    let far = Article {
        published: Some(chrono::DateTime::<chrono::Utc>::MAX_UTC.fixed_offset()),
        changed_at: Stamp(i64::MAX),
        ..press_release()
    };
    let item = &rss(std::slice::from_ref(&far), Fullness::Full).items[0];
    assert_eq!(
        item.pub_date.as_deref(),
        Some("Mon, 26 Jun 2023 14:10:00 +0000")
    );
    assert_eq!(atom(&[far], Fullness::Full).entries.len(), 1);
}

#[test]
fn what_is_no_address_is_left_out() {
    let mut article = press_release();
    article.media[0].url = "javascript:alert(1)".to_owned();
    article.licence = Some("CC BY".to_owned());
    let feed = json(&[article], Fullness::Full);
    let item = &feed["items"][0];
    assert_eq!(item["attachments"].as_array().unwrap().len(), 1);
    assert_eq!(item["_license"], Value::Null);
}

#[test]
fn a_topics_feed_names_its_topic_hub_and_archive() {
    let about = Channel {
        topics: vec![topic(TopicKind::Topic, "ekonomika", "економіка")],
        hub: Some("https://news.example/hub".to_owned()),
        prev_archive: Some("https://news.example/feed/archive/3.atom".to_owned()),
        ..channel("https://news.example", "/topics/ekonomika/feed.atom")
    };
    let bytes = render(FeedFormat::Atom, &about, &[], Fullness::Full).unwrap();
    let feed = atom_syndication::Feed::read_from(&*bytes).unwrap();
    assert_eq!(
        feed.categories[0].scheme.as_deref(),
        Some("https://news.example/topics")
    );
    let rels: Vec<&str> = feed.links.iter().map(|link| &*link.rel).collect();
    assert_eq!(
        rels,
        ["self", "alternate", "license", "hub", "prev-archive"]
    );
}

#[test]
fn json_feed_has_only_what_the_schema_knows() {
    let schema: Value =
        serde_json::from_str(include_str!("../../fixtures/json-feed-1.1.schema.json")).unwrap();
    let feed = json(&everything(), Fullness::Full);
    assert_known(&feed, &schema, "feed");
    for item in feed["items"].as_array().unwrap() {
        assert_known(item, &schema["$defs"]["item"], "item");
        assert!(item["content_html"].is_string() != item["content_text"].is_string());
    }
}

/// Names of keys and the required ones, by the schema.
fn assert_known(object: &Value, schema: &Value, what: &str) {
    for (key, value) in object.as_object().unwrap() {
        let extension = key.starts_with('_') && value.is_object();
        assert!(
            extension || schema["properties"].get(key).is_some(),
            "{what}: {key}"
        );
    }
    for key in schema["required"].as_array().unwrap() {
        assert!(object.get(key.as_str().unwrap()).is_some(), "{what}: {key}");
    }
}
