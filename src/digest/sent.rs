//! Notes when the last letter of a digest has come to rest, and tells whoever asked.

use serde_json::json;

use crate::app::App;
use crate::store;
use crate::webhook::Event;

/// Digests seen to at a look.
const AT_A_LOOK: i64 = 100;

/// Notes every digest of which nothing is left to send. Gives how many there were.
pub async fn note_due(app: &App) -> anyhow::Result<usize> {
    let over = store::digest::over(&mut app.db.read().await?, AT_A_LOOK).await?;
    for digest in &over {
        let now = app.now();
        let mut tx = app.db.begin().await?;
        if !store::digest::set_sent(&mut tx, digest.id, now).await? {
            continue;
        }
        let letters = store::digest::counts(&mut tx, digest.id).await?;
        if !letters.is_empty() {
            let letters = letters.into_iter();
            let letters: serde_json::Map<_, _> = letters
                .map(|(state, count)| (state.as_str().to_owned(), count.into()))
                .collect();
            let about = json!({
                "digest": digest.id, "list": digest.list, "cadence": digest.cadence, "letters": letters,
            });
            store::webhook::tell(&mut tx, Event::Sent, &about, now).await?;
        }
        tx.commit().await?;
        tracing::info!(digest = digest.id.0, "digest.sent");
    }
    Ok(over.len())
}
