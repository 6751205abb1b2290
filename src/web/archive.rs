//! The archive: every digest of a list that went out, at an address that lasts, for everybody.
//! Nothing here knows who got it.

use std::collections::HashMap;

use axum::extract::Path;
use axum::response::Response;
use chrono::DateTime;
use chrono::NaiveDate;
use serde_json::json;

use crate::article::ArticleId;
use crate::article::Seq;
use crate::audience::list::List;
use crate::digest::DigestId;
use crate::store;
use crate::store::Tx;
use crate::store::archive::Archived;
use crate::store::archive::Dates;
use crate::templates::cards::ArticleCard;
use crate::templates::cards::FeedSet;
use crate::templates::pages::Archive;
use crate::templates::pages::ArchivedDigest;
use crate::templates::pages::DigestLink;
use crate::web::error::Error;
use crate::web::pages;
use crate::web::sign_up;
use crate::web::visit::Visit;

/// Digests on a page.
const DIGESTS: usize = 50;
/// Articles on a page.
const ARTICLES: usize = 20;

/// `/archive/{slug}`, and with `?before={digest}` what is older.
pub(super) async fn list(visit: Visit, Path(slug): Path<String>) -> Result<Response, Error> {
    let mut tx = visit.app.db.read().await?;
    let list = sign_up::find(&mut tx, &slug).await?;
    let before = visit.asked_for("before").and_then(|id| id.parse().ok());
    let mut digests =
        store::archive::page(&mut tx, list.id, before.map(DigestId), most(DIGESTS)).await?;
    let more = digests.len() > DIGESTS;
    digests.truncate(DIGESTS);
    let oldest = digests.last().filter(|_| more);
    let older = oldest.map(|oldest| {
        visit
            .app
            .url(&format!("/archive/{slug}?before={}", oldest.id.0))
    });
    let covered = covered(&mut tx, &list, &digests).await?;
    let links = digests.iter().filter_map(|digest| {
        let Covered { first, last, count } = *covered.get(&digest.id)?;
        Some(DigestLink {
            cadence: digest.cadence,
            first,
            last,
            count,
            url: url(&visit, &list, digest.id),
        })
    });
    let feed = feed(&visit, &list);
    let page = Archive {
        list: pages::list_card(&visit, &list),
        feed: feed.clone(),
        digests: links.collect(),
        older,
    };
    visit.page_with(&page, |frame| Ok(frame.with_feed(&feed)))
}

/// `/archive/{slug}/{digest}`, and with `?before={seq}` what else it holds.
pub(super) async fn digest(
    visit: Visit,
    Path((slug, id)): Path<(String, String)>,
) -> Result<Response, Error> {
    let id = DigestId(id.parse().map_err(|_| Error::NotFound)?);
    let mut tx = visit.app.db.read().await?;
    let list = sign_up::find(&mut tx, &slug).await?;
    let digest = store::archive::find(&mut tx, list.id, id).await?;
    let digest = digest.ok_or(Error::NotFound)?;
    let covered = covered(&mut tx, &list, &[digest]).await?;
    // All that it held was withdrawn.
    let Covered { first, last, count } = *covered.get(&id).ok_or(Error::Withdrawn)?;
    let (articles, older) = articles(&visit, &mut tx, &list, digest).await?;
    let (previous, next) = store::archive::neighbours(&mut tx, list.id, digest).await?;
    let link = |id: Option<DigestId>| id.map(|id| url(&visit, &list, id));
    let feed = feed(&visit, &list);
    let page = ArchivedDigest {
        linked: linked(&visit, &list, digest, &articles),
        list: pages::list_card(&visit, &list),
        archive_url: visit.app.url(&format!("/archive/{slug}")),
        url: url(&visit, &list, id),
        cadence: digest.cadence,
        count,
        first,
        last,
        articles,
        older,
        previous: link(previous),
        next: link(next),
    };
    visit.page_with(&page, |frame| Ok(frame.with_feed(&feed)))
}

async fn articles(
    visit: &Visit,
    tx: &mut Tx,
    list: &List,
    digest: Archived,
) -> Result<(Vec<ArticleCard>, Option<String>), Error> {
    let before = visit.asked_for("before").and_then(|seq| seq.parse().ok());
    let mut held = store::archive::articles(tx, digest.id, before.map(Seq), most(ARTICLES)).await?;
    let more = held.len() > ARTICLES;
    held.truncate(ARTICLES);
    let oldest = held.last().filter(|_| more);
    let older = oldest.map(|(_, seq)| format!("{}?before={}", url(visit, list, digest.id), seq.0));
    let ids: Vec<ArticleId> = held.into_iter().map(|(id, _)| id).collect();
    let articles = store::article::some(tx, &ids).await?;
    let cards = articles.iter().map(|article| pages::card(visit, article));
    Ok((cards.collect(), older))
}

/// What of the public's news a digest covers.
#[derive(Debug, Clone, Copy)]
struct Covered {
    first: NaiveDate,
    last: NaiveDate,
    count: u64,
}

/// The days of these digests by the list's own clock; one with nothing left to read isn't there.
async fn covered(
    tx: &mut Tx,
    list: &List,
    digests: &[Archived],
) -> Result<HashMap<DigestId, Covered>, Error> {
    let ids: Vec<DigestId> = digests.iter().map(|digest| digest.id).collect();
    let mut covered = HashMap::<DigestId, Covered>::new();
    for (digest, dates) in store::archive::dates(tx, &ids).await? {
        let day = day(&dates, list);
        let covered = covered.entry(digest).or_insert(Covered {
            first: day,
            last: day,
            count: 0,
        });
        covered.first = covered.first.min(day);
        covered.last = covered.last.max(day);
        covered.count += 1;
    }
    Ok(covered)
}

fn day((published, at): &Dates, list: &List) -> NaiveDate {
    let published = published.as_deref().map(DateTime::parse_from_rfc3339);
    let moment = match published {
        Some(Ok(moment)) => moment.with_timezone(&list.zone),
        _ => at.utc().with_timezone(&list.zone),
    };
    moment.date_naive()
}

fn url(visit: &Visit, list: &List, id: DigestId) -> String {
    visit.app.url(&format!("/archive/{}/{}", list.slug, id.0))
}

/// The feed of a list's digests.
fn feed(visit: &Visit, list: &List) -> FeedSet {
    FeedSet::below(&visit.app.url(&format!("/lists/{}", list.slug)), &list.name)
}

/// What the page says, for programs (schema.org, JSON-LD).
fn linked(
    visit: &Visit,
    list: &List,
    digest: Archived,
    articles: &[ArticleCard],
) -> serde_json::Value {
    let site = &visit.app.site;
    let publisher = json!({ "@type": "Organization", "name": site.name, "url": site.url });
    let parts = articles.iter().map(|card| {
        let mut part = json!({
            "@type": "NewsArticle",
            "headline": card.title,
            "url": card.url,
            "datePublished": card.date.to_rfc3339(),
            "inLanguage": card.language,
        });
        if let Some(picture) = &card.picture {
            part["image"] = json!(picture.url);
        }
        part
    });
    let mut page = json!({
        "@context": "https://schema.org",
        "@type": "CollectionPage",
        "name": list.name,
        "url": url(visit, list, digest.id),
        "datePublished": visit.local(digest.cut_at).to_rfc3339(),
        "publisher": publisher,
        "isPartOf": {
            "@type": "CollectionPage",
            "name": list.name,
            "url": visit.app.url(&format!("/archive/{}", list.slug)),
        },
        "hasPart": parts.collect::<Vec<_>>(),
    });
    if let Some(licence) = &site.licence {
        page["license"] = json!(licence.url);
    }
    page
}

/// One more than a page takes tells whether there is another.
fn most(page: usize) -> i64 {
    i64::try_from(page + 1).unwrap_or(i64::MAX)
}
