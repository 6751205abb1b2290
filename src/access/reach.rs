//! Whose lists a user looks after: all, or those that an owner chose.

use crate::access::User;
use crate::audience::list::ListId;

/// The lists that a user looks after. Statements that show or change what belongs to lists are
/// narrowed by it; so is every page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// All there are and will be.
    All,
    /// These: of an editor who is bound to them.
    Lists {
        /// Whose.
        user: i64,
        /// Maybe none: then nothing is theirs.
        lists: Vec<ListId>,
    },
}

impl Reach {
    /// Whether it ends anywhere.
    pub fn is_bound(&self) -> bool {
        *self != Self::All
    }

    /// Whether it goes as far as this list.
    pub fn has(&self, list: ListId) -> bool {
        match self {
            Self::All => true,
            Self::Lists { lists, .. } => lists.contains(&list),
        }
    }

    /// By whose lists statements are narrowed; 0, which is nobody's number, for those that aren't.
    pub fn user(&self) -> i64 {
        match self {
            Self::All => 0,
            Self::Lists { user, .. } => *user,
        }
    }
}

/// The lists of a user as the log of changes has them: their slugs, or `all`.
pub fn said(slugs: Option<&[String]>) -> serde_json::Value {
    slugs.map_or("all".into(), Into::into)
}

/// The same, as what a change of it was or became.
pub fn of_lists(slugs: Option<&[String]>) -> String {
    serde_json::json!({ "lists": said(slugs) }).to_string()
}

/// Somebody new as the log of changes has them.
pub fn added(user: &User, slugs: Option<&[String]>) -> serde_json::Value {
    let mut said = serde_json::json!({ "email": user.email.as_str(), "role": user.role });
    if slugs.is_some() {
        said["lists"] = self::said(slugs);
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_bound_to_no_list_has_none() {
        let none = Reach::Lists {
            user: 7,
            lists: Vec::new(),
        };
        assert!(none.is_bound() && !none.has(ListId(1)));
        assert!(!Reach::All.is_bound() && Reach::All.has(ListId(1)));
        assert_ne!(none.user(), Reach::All.user());
    }
}
