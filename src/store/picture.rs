//! Which articles' pictures are yet to be fetched, and what is held of them.

use crate::article::ArticleId;
use crate::article::Media;
use crate::article::clean::SafeHtml;
use crate::article::picture::Pictures;
use crate::clock::Stamp;
use crate::store::Result;
use crate::store::Sql;
use crate::store::Tx;
use crate::store::change;
use crate::store::from_json;
use crate::store::run;
use crate::store::statements;
use crate::store::to_json;

statements! {
    DUE = Sql::both(
        "SELECT id, media, html, pictures, published_at FROM article
         WHERE pictures_at <= $1 AND state = 'published' ORDER BY seq DESC LIMIT $2");
    SET = Sql::both("UPDATE article SET pictures = $2, pictures_at = $3 WHERE id = $1");
}

/// An article that wants pictures.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanting {
    /// Which.
    pub id: ArticleId,
    /// Its media, as the source names them.
    pub media: Vec<Media>,
    /// Its body.
    pub html: SafeHtml,
    /// What is held already.
    pub pictures: Pictures,
    /// When it was published.
    pub published_at: Stamp,
}

/// At most `limit` articles whose pictures are due, the newest first.
pub async fn due(tx: &mut Tx, now: Stamp, limit: i64) -> Result<Vec<Wanting>> {
    let rows: Vec<(ArticleId, String, String, String, Stamp)> =
        run!(tx, DUE, query_as(now, limit), fetch_all)?;
    rows.into_iter()
        .map(|(id, media, html, pictures, published_at)| {
            Ok(Wanting {
                id,
                media: from_json(&media, "article", "media", id.0)?,
                html: SafeHtml::stored(html),
                pictures: from_json(&pictures, "article", "pictures", id.0)?,
                published_at,
            })
        })
        .collect()
}

/// Notes what is held of an article's pictures, and when the rest is due, if there is any.
pub async fn set(
    tx: &mut Tx,
    id: ArticleId,
    pictures: &Pictures,
    again: Option<Stamp>,
) -> Result<()> {
    change!(tx, SET, (id, to_json(pictures), again))?;
    Ok(())
}
