//! What a person wants as a source in, what is stored out: the address is asked what it is, unless
//! that was said.

use chrono::TimeDelta;

use crate::app::App;
use crate::source::Selectors;
use crate::source::SourceKind;
use crate::source::SourceUrl;
use crate::source::discover::Found;
use crate::source::discover::discover;
use crate::store::source::NewSource;

/// A source as far as somebody has described it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Where it is, or a page that knows.
    pub url: SourceUrl,
    /// What to call it, if not as it calls itself.
    pub name: Option<String>,
    /// How to read it; `auto` to find out.
    pub kind: SourceKind,
    /// Where things stand on its pages; none to find out.
    pub selectors: Selectors,
    /// How long to wait between polls.
    pub every: TimeDelta,
}

impl Wanted {
    /// What to store, and what was found out for it.
    ///
    /// # Errors
    /// [`anyhow::Error`] if the database doesn't answer.
    pub async fn settled(self, app: &App) -> anyhow::Result<(NewSource, Option<Found>)> {
        let found = if self.kind.is_open(&self.selectors) {
            Some(discover(app, &self.url).await?)
        } else {
            None
        };
        let title = found.as_ref().and_then(|found| found.title.clone());
        let new = NewSource {
            name: self.name.or(title).unwrap_or_else(|| self.url.host()),
            kind: found.as_ref().map_or(self.kind, |found| found.kind),
            url: found.as_ref().map_or(self.url, |found| found.url.clone()),
            selectors: self.selectors,
            every: self.every,
        };
        Ok((new, found))
    }
}
