//! An article as search engines read it: schema.org `NewsArticle` in JSON-LD, within a page.

use serde::Serialize;
use serde::Serializer;
use serde_json::Value;
use serde_json::json;

use crate::templates::cards::ArticleBody;
use crate::templates::cards::ArticleCard;
use crate::templates::cards::Site;
use crate::templates::cards::TopicLink;

/// JSON that may stand in a `<script>`: nothing in it can end that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewsArticle(String);

impl NewsArticle {
    /// Describes an article that `site` publishes.
    pub fn of(card: &ArticleCard, body: &ArticleBody, site: &Site) -> Self {
        let mut article = json!({
            "@context": "https://schema.org",
            "@type": "NewsArticle",
            "@id": card.url,
            "url": card.url,
            "mainEntityOfPage": card.url,
            "headline": card.title,
            "inLanguage": card.language,
            "datePublished": card.date.to_rfc3339(),
            "dateModified": body.changed.unwrap_or(card.date).to_rfc3339(),
            "author": author(body, site),
            "publisher": publisher(site),
            "isAccessibleForFree": true,
        });
        for (name, value) in more(card, body, site) {
            if !matches!(&value, Value::Null) && value != json!([]) && value != json!("") {
                article[name] = value;
            }
        }
        Self(harmless(&article.to_string()))
    }
}

fn publisher(site: &Site) -> Value {
    json!({"@type": "NewsMediaOrganization", "name": site.name, "url": site.url})
}

/// People, else the source, else the newsroom itself.
fn author(body: &ArticleBody, site: &Site) -> Value {
    let named = |kind: &str, name: &str| json!({"@type": kind, "name": name});
    if !body.authors.is_empty() {
        let people = body.authors.iter();
        return people.map(|name| named("Person", name)).collect();
    }
    let source = body.source.as_ref();
    source.map_or_else(
        || publisher(site),
        |source| named("Organization", &source.name),
    )
}

/// What may be unknown.
fn more(card: &ArticleCard, body: &ArticleBody, site: &Site) -> [(&'static str, Value); 6] {
    let called =
        |topics: &[TopicLink]| -> Value { topics.iter().map(|topic| topic.name.clone()).collect() };
    let pictures = body.pictures.iter();
    let licence = body.licence.as_ref().or(site.licence.as_ref());
    [
        ("description", json!(card.summary)),
        ("image", pictures.map(|one| one.url.clone()).collect()),
        ("keywords", called(&card.topics)),
        ("articleSection", called(&card.departments)),
        ("license", json!(licence.map(|licence| &licence.url))),
        ("isBasedOn", json!(body.original)),
    ]
}

/// Letters that mean something to HTML, as JSON writes them too.
fn harmless(json: &str) -> String {
    json.replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
}

impl Serialize for NewsArticle {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        minijinja::Value::from_safe_string(self.0.clone()).serialize(to)
    }
}
