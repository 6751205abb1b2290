//! What a list sent last, for somebody who has just joined: from the public archive, so there is
//! nothing of anybody in it.

use crate::app::App;
use crate::article::ArticleId;
use crate::audience::list::Cadence;
use crate::audience::list::List;
use crate::clock::Stamp;
use crate::store;
use crate::store::Tx;
use crate::templates::cards::ArticleCard;
use crate::templates::letters::Latest;

/// Articles that are named; the rest is a link.
const ARTICLES: i64 = 7;
/// Digests that are looked through for one of the reader's own cadence.
const DIGESTS: i64 = 50;

/// The newest digest cut by `then`, so that a letter tells the same at every try: of this cadence,
/// else of any. `None` if nothing was sent yet, or all of it was withdrawn.
pub async fn of_list(
    app: &App,
    tx: &mut Tx,
    list: &List,
    cadence: Cadence,
    then: Stamp,
) -> store::Result<Option<Latest>> {
    let mut digests = store::archive::page(tx, list.id, None, DIGESTS).await?;
    digests.retain(|digest| digest.cut_at <= then);
    let own = digests.iter().find(|digest| digest.cadence == cadence);
    let Some(digest) = own.or(digests.first()) else {
        return Ok(None);
    };
    let held = store::archive::articles(tx, digest.id, None, ARTICLES).await?;
    let ids: Vec<ArticleId> = held.into_iter().map(|(id, _)| id).collect();
    let articles = store::article::some(tx, &ids).await?;
    let base_url = &app.settings.base_url;
    let cards = articles
        .iter()
        .map(|article| ArticleCard::of(article, base_url, list.zone));
    Ok(Some(Latest {
        articles: cards.collect(),
        url: app.url(&format!("/archive/{}/{}", list.slug, digest.id.0)),
    }))
}
