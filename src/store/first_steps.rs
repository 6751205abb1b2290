//! How far a new installation has come.

use crate::store::Result;
use crate::store::Sql;
use crate::store::Tx;
use crate::store::run;
use crate::store::statements;

statements! {
    REACHED = Sql::both(
        "SELECT EXISTS (SELECT 1 FROM letter WHERE state = 'accepted'),
                EXISTS (SELECT 1 FROM list l CROSS JOIN subscription s WHERE s.list_id = l.id AND s.state = 'active'),
                EXISTS (SELECT 1 FROM source),
                EXISTS (SELECT 1 FROM article),
                EXISTS (SELECT 1 FROM digest_article x JOIN digest d ON d.id = x.digest_id WHERE d.state = 'planned')");
}

/// What there is at least one of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "five questions, each with an answer of its own"
)]
pub struct Reached {
    /// A letter that a server took, as long as letters are kept.
    pub letter: bool,
    /// An active subscription.
    pub reader: bool,
    /// A source.
    pub source: bool,
    /// An article, published or not.
    pub article: bool,
    /// A digest that held something and whose letters were made. It stays, for the archive has it.
    pub digest: bool,
}

/// Looks.
pub async fn reached(tx: &mut Tx) -> Result<Reached> {
    let (letter, reader, source, article, digest) = run!(tx, REACHED, query_as(), fetch_one)?;
    Ok(Reached {
        letter,
        reader,
        source,
        article,
        digest,
    })
}
