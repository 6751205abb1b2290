//! Pages about the site itself: what it holds about people, and what there is on it.

use axum::response::Response;
use chrono::TimeDelta;

use crate::article::TopicKind;
use crate::audience::held::Held;
use crate::store;
use crate::templates::cards::TopicLink;
use crate::templates::pages::Limit;
use crate::templates::pages::MappedList;
use crate::templates::pages::Privacy;
use crate::templates::pages::SiteMap;
use crate::web::error::Error;
use crate::web::pages;
use crate::web::visit::Visit;

/// `/privacy`.
pub(super) async fn privacy(visit: Visit) -> Result<Response, Error> {
    let retain = &visit.app.settings.retain;
    let limit = |what, span: TimeDelta| Limit {
        what,
        days: span.num_days().unsigned_abs(),
    };
    let (mut held, mut limits) = (Vec::new(), Vec::new());
    for what in Held::ALL {
        match what {
            Held::Letters => limits.push(limit(what, retain.letters)),
            Held::Attempts | Held::Told => limits.push(limit(what, retain.attempts)),
            Held::Unconfirmed => limits.push(limit(what, retain.unconfirmed)),
            _ => held.push(what),
        }
    }
    visit.page(&Privacy { held, limits })
}

/// `/map`.
pub(super) async fn map(visit: Visit) -> Result<Response, Error> {
    let mut tx = visit.app.db.read().await?;
    let topics = store::topic::in_use(&mut tx).await?;
    let of = |kind: TopicKind| {
        let topics = topics.iter().filter(|(_, topic, _)| topic.kind == kind);
        let base_url = &visit.app.settings.base_url;
        topics
            .map(|(_, topic, _)| TopicLink::of(topic, base_url))
            .collect()
    };
    let lists = store::list::all(&mut tx).await?;
    let lists = lists.iter().map(|list| MappedList {
        card: pages::list_card(&visit, list),
        archive_url: visit.app.url(&format!("/archive/{}", list.slug)),
    });
    visit.page(&SiteMap {
        lists: lists.collect(),
        departments: of(TopicKind::Department),
        topics: of(TopicKind::Topic),
    })
}
