//! Clears away what is older than the settings `retain.…` say, little by little: a digest's letters
//! become numbers, tries go, people who never answered are forgotten, and so is what was left of imports.

use crate::app::App;
use crate::audience::import::upload;
use crate::store;

/// Rows cleared in one transaction.
const TOGETHER: i64 = 2_000;

/// One round. May be cut short anywhere and done again.
pub async fn clear(app: &App) -> anyhow::Result<()> {
    let retain = &app.settings.retain;
    let now = app.now();
    let mut tx = app.db.begin().await?;
    let forgotten = store::retain::forget_unconfirmed(&mut tx, now - retain.unconfirmed).await?;
    store::asking::forget_old(&mut tx, now).await?;
    store::webhook::clear(&mut tx, now - retain.attempts).await?;
    store::upload::drop_old(&mut tx, now - upload::KEPT).await?;
    tx.commit().await?;
    let mut tries = 0;
    loop {
        let mut tx = app.db.begin().await?;
        let before = now - retain.attempts;
        let cleared = store::retain::clear_attempts(&mut tx, before, TOGETHER).await?;
        tx.commit().await?;
        tries += cleared;
        if cleared == 0 || app.stop.is_cancelled() {
            break;
        }
    }
    let letters = clear_letters(app).await?;
    if forgotten > 0 || tries > 0 || letters > 0 {
        tracing::info!(forgotten, tries, letters, "retain.cleared");
    }
    Ok(())
}

async fn clear_letters(app: &App) -> anyhow::Result<usize> {
    let before = app.now() - app.settings.retain.letters;
    let digests = store::retain::old_digests(&mut app.db.read().await?, before).await?;
    let whose = digests.into_iter().map(Some).chain([None]);
    let mut letters = 0;
    for digest in whose {
        loop {
            let mut tx = app.db.begin().await?;
            let cleared = store::retain::clear_letters(&mut tx, digest, before, TOGETHER).await?;
            tx.commit().await?;
            letters += cleared;
            if cleared == 0 || app.stop.is_cancelled() {
                break;
            }
        }
    }
    Ok(letters)
}
