//! What of a source waits for a person because too much came at once: shown, published or dropped.

use crate::access::User;
use crate::app::App;
use crate::article::intake;
use crate::source::Source;
use crate::source::SourceId;
use crate::store;
use crate::templates::board::Buttons;
use crate::templates::board::Cell;
use crate::templates::board::Facts;
use crate::templates::board::Part;
use crate::templates::board::Table;
use crate::web::admin::desk::moment;
use crate::web::admin::desk::note_after;
use crate::web::error::Error;
use crate::web::visit::Visit;

/// Headlines that are shown.
const A_TASTE: i64 = 20;

/// How many wait, the first of them, and what can be done; nothing if none does.
pub(super) async fn parts(visit: &Visit, source: SourceId) -> Result<Vec<Part>, Error> {
    let mut tx = visit.app.db.read().await?;
    let count = store::held::count(&mut tx, source).await?;
    if count == 0 {
        return Ok(Vec::new());
    }
    let held = store::held::page(&mut tx, source, 0, A_TASTE).await?;
    let rows = held.into_iter().map(|one| {
        vec![
            Cell::text(one.title),
            Cell::text(moment(visit, one.held_at)),
        ]
    });
    let verb = |verb: &str| format!("/admin/sources/{}/{verb}", source.0);
    Ok(vec![
        Part::Facts(Facts {
            title: "held_articles",
            facts: vec![
                ("why", Cell::word("why_held")),
                ("count", Cell::text(count.to_string())),
            ],
        }),
        Part::Buttons(Buttons {
            buttons: vec![
                (verb("publish-held"), "publish_and_mail"),
                (verb("publish-held-unmailed"), "publish_unmailed"),
                (verb("drop-held"), "drop_held"),
            ],
        }),
        Part::Table(Table {
            title: "",
            columns: vec!["headline", "since"],
            rows: rows.collect(),
        }),
    ])
}

/// Does what a button says with what waits, and gives the word that tells it; `None` if the verb is
/// another desk's.
pub(super) async fn act(
    app: &App,
    user: &User,
    source: &Source,
    verb: &str,
) -> Result<Option<&'static str>, Error> {
    let (action, done) = match verb {
        "publish-held" | "publish-held-unmailed" => {
            let published = intake::publish_held(app, source, verb == "publish-held").await;
            published.map_err(Error::trouble)?;
            ("source.publish_held", "published_held")
        }
        "drop-held" => {
            let dropped = intake::drop_held(app, source.id).await;
            dropped.map_err(Error::trouble)?;
            ("source.drop_held", "removed")
        }
        _ => return Ok(None),
    };
    note_after(app, user, (action, format!("source {}", source.id.0))).await?;
    Ok(Some(done))
}
