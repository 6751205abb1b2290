//! Templates with what owners wrote over them, as they were at a moment: compiled once, not for
//! each letter. In memory alone: what isn't found here is read anew.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use crate::store::template::AsOf;
use crate::templates::Templates;

/// How many are kept: letters that were made before a change may wait beside those made after.
const KEPT: usize = 4;

/// The newest last.
#[derive(Debug, Default)]
pub struct InForce(Mutex<VecDeque<(AsOf, Arc<Templates>)>>);

impl InForce {
    /// The templates as they stood then, if they are known.
    pub fn find(&self, then: AsOf) -> Option<Arc<Templates>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.iter().find(|(known, _)| *known == then);
        let templates = found.map(|(_, templates)| Arc::clone(templates));
        drop(kept);
        templates
    }

    /// Keeps them.
    pub fn keep(&self, then: AsOf, templates: &Arc<Templates>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back((then, Arc::clone(templates)));
    }
}
