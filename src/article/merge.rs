//! Two articles that are one story, and came in as two: a person says which is the double. It gives way
//! everywhere, and its page leads to the other; what sources say of it stays its own.

use crate::article::ArticleId;
use crate::clock::Stamp;
use crate::store;
use crate::store::StoreError;
use crate::store::Tx;

/// Why two articles can't be one.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// They are the same already.
    #[error("expected another article, but got {0} itself")]
    Itself(ArticleId),
    /// One of them isn't there.
    #[error("there is no article {0}")]
    Missing(ArticleId),
    /// The one that is to stay is off itself.
    #[error("article {0} is withdrawn; publish it first")]
    Withdrawn(ArticleId),
    /// The database didn't do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Takes `double` off, in favour of `into`. Whatever gave way to the double gives way to that too.
pub async fn merge(
    tx: &mut Tx,
    double: ArticleId,
    into: ArticleId,
    now: Stamp,
) -> Result<(), MergeError> {
    if double == into {
        return Err(MergeError::Itself(double));
    }
    for id in [double, into] {
        let found = store::article::find(tx, id).await?;
        let (_, withdrawn) = found.ok_or(MergeError::Missing(id))?;
        if withdrawn && id == into {
            return Err(MergeError::Withdrawn(into));
        }
    }
    store::article::merge(tx, double, into, now).await?;
    Ok(())
}
