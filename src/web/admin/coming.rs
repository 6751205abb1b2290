//! Which digests come next: of each list and cadence the soonest.

use std::collections::HashSet;

use crate::access::reach::Reach;
use crate::audience::list::Review;
use crate::store;
use crate::store::Tx;
use crate::templates::admin::Coming;
use crate::web::error::Error;
use crate::web::visit::Visit;

/// Beats that are looked at: one cadence of one list has one for each hour and clock that readers chose.
const LOOKED_AT: i64 = 200;
/// Digests that are shown.
const SHOWN: usize = 10;

/// What comes next of the lists within reach.
pub(super) async fn coming(
    visit: &Visit,
    tx: &mut Tx,
    reach: &Reach,
) -> Result<Vec<Coming>, Error> {
    let app = &visit.app;
    let lists = store::list::all(tx).await?;
    let beats = store::rhythm::coming(tx, reach, app.now(), LOOKED_AT).await?;
    let mut seen = HashSet::new();
    let soonest = beats
        .into_iter()
        .filter(|(list, cadence, _)| seen.insert((*list, cadence.as_str())));
    let shown = soonest.filter_map(|(id, cadence, at)| {
        let list = lists.iter().find(|list| list.id == id)?;
        Some(Coming {
            at: visit.local(at),
            list: list.name.clone(),
            url: app.url(&format!("/admin/lists/{}", list.slug)),
            cadence,
            held: list.review == Review::Hold,
        })
    });
    Ok(shown.take(SHOWN).collect())
}
