//! Documents that somebody looked at a moment ago, so that a site isn't asked at every letter that
//! is typed into a selector. In memory alone: whoever isn't found here is asked anew.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::PoisonError;

use chrono::TimeDelta;

use crate::clock::Stamp;
use crate::source::SourceUrl;
use crate::source::fetch::Document;

/// How many are kept.
const KEPT: usize = 8;
/// For how long.
const FRESH: TimeDelta = TimeDelta::minutes(10);

/// The newest last.
#[derive(Debug, Default)]
pub struct Recent(Mutex<VecDeque<(SourceUrl, Stamp, Document)>>);

impl Recent {
    pub(in crate::source) fn find(&self, url: &SourceUrl, now: Stamp) -> Option<Document> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.iter().rev().find(|(known, _, _)| known == url);
        let fresh = found.filter(|(_, since, _)| now - *since < FRESH);
        let document = fresh.map(|(_, _, document)| document.clone());
        drop(kept);
        document
    }

    pub(in crate::source) fn keep(&self, url: &SourceUrl, document: &Document, now: Stamp) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(known, since, _)| known != url && now - *since < FRESH);
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back((url.clone(), now, document.clone()));
    }
}
