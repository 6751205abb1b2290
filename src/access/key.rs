//! Keys for scripts: what each may do, and how it's recognised.
//!
//! A key is 256 random bits after `visnyk_`, so that a leaked one is found by those who look for such
//! things. It's shown once; the store keeps a hash.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::Serialize;

use crate::access::Token;
use crate::access::TokenHash;

/// What every key begins with.
const MARK: &str = "visnyk_";

macro_rules! scopes {
    ($($(#[$about:meta])* $name:ident = $word:literal,)*) => {
        /// What a key may do. Whoever may write may read the same.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Scope {
            $($(#[$about])* #[serde(rename = $word)] $name,)*
        }

        impl Scope {
            /// Every scope.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The word in the database, on the command line and in the API's description.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }
        }
    };
}

scopes! {
    /// Articles and topics.
    ArticlesRead = "articles:read",
    /// Push, edit, withdraw.
    ArticlesWrite = "articles:write",
    /// Where news comes from.
    SourcesRead = "sources:read",
    /// Add, change, remove.
    SourcesWrite = "sources:write",
    /// Newsletters.
    ListsRead = "lists:read",
    /// Add and change.
    ListsWrite = "lists:write",
    /// People and what they get.
    SubscribersRead = "subscribers:read",
    /// Ask in their name, change, end.
    SubscribersWrite = "subscribers:write",
    /// Have people join whose consent is on record elsewhere.
    SubscribersImport = "subscribers:import",
    /// Runs of lists.
    DigestsRead = "digests:read",
    /// Run, hold, release, cancel.
    DigestsWrite = "digests:write",
    /// The ledger.
    LettersRead = "letters:read",
    /// Queue again.
    LettersWrite = "letters:write",
    /// Which addresses aren't written to.
    SuppressionsRead = "suppressions:read",
    /// Add and remove.
    SuppressionsWrite = "suppressions:write",
    /// Which programs are told of what.
    WebhooksRead = "webhooks:read",
    /// Add, try out, remove.
    WebhooksWrite = "webhooks:write",
    /// What letters are written with.
    TemplatesRead = "templates:read",
    /// Save and roll back: letters speak in everybody's name.
    TemplatesWrite = "templates:write",
    /// Who looks after lists.
    UsersRead = "users:read",
    /// Add, bind, let in again, shut out: owners too.
    UsersWrite = "users:write",
    /// Which keys there are.
    KeysRead = "keys:read",
    /// Make and revoke.
    KeysWrite = "keys:write",
    /// Who changed what.
    AuditRead = "audit:read",
    /// What the newsroom is called, and who its letters are from.
    SettingsRead = "settings:read",
    /// Changing that.
    SettingsWrite = "settings:write",
}

impl Scope {
    /// Whether it's about who may do what, or whose newsroom it is: not for a script that only looks after news
    /// and letters.
    pub fn is_about_access(self) -> bool {
        matches!(
            self.noun_and_verb().0,
            "users" | "keys" | "audit" | "settings"
        )
    }

    fn noun_and_verb(self) -> (&'static str, &'static str) {
        self.as_str().split_once(':').unwrap_or((self.as_str(), ""))
    }

    /// Whether a key with this scope may do what asks for `asked`.
    pub fn covers(self, asked: Self) -> bool {
        let (own, wanted) = (self.noun_and_verb(), asked.noun_and_verb());
        self == asked || (own.0 == wanted.0 && own.1 == "write" && wanted.1 == "read")
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a text is no [`Scope`].
#[derive(Debug, thiserror::Error)]
#[error("expected one of {}, but got `{got}`", words())]
pub struct BadScope {
    got: String,
}

fn words() -> String {
    let words: Vec<&str> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
    words.join(", ")
}

impl FromStr for Scope {
    type Err = BadScope;
    fn from_str(text: &str) -> Result<Self, BadScope> {
        Self::ALL
            .iter()
            .copied()
            .find(|scope| scope.as_str() == text)
            .ok_or_else(|| BadScope {
                got: text.chars().take(40).collect(),
            })
    }
}

/// A script's key, as far as it's kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Our number for it.
    pub id: i64,
    /// What its owner calls it; the audit log names it so.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
}

impl ApiKey {
    /// Whether it may do what asks for `scope`.
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.iter().any(|own| own.covers(scope))
    }
}

/// The key's own text, which only its owner keeps.
pub struct KeyText(Token);

impl KeyText {
    /// A new one.
    pub fn random() -> Self {
        Self(Token(format!("{MARK}{}", Token::random().0)))
    }

    /// What somebody showed; whether it opens anything is the store's to say.
    pub fn shown(text: &str) -> Self {
        Self(Token::shown(text))
    }

    /// What its owner is shown once.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// What is kept of it.
    pub fn hash(&self) -> TokenHash {
        self.0.hash()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_may_write_may_read_the_same_and_nothing_else() {
        assert!(Scope::ArticlesWrite.covers(Scope::ArticlesRead));
        assert!(!Scope::ArticlesRead.covers(Scope::ArticlesWrite));
        assert!(!Scope::ArticlesWrite.covers(Scope::SourcesRead));
        assert!(!Scope::SubscribersWrite.covers(Scope::SubscribersImport));
        assert!(!Scope::SubscribersImport.covers(Scope::SubscribersRead));
    }

    #[test]
    fn every_scope_is_read_back_from_its_word() {
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse::<Scope>().unwrap(), *scope);
        }
        assert!("articles".parse::<Scope>().is_err());
    }
}
