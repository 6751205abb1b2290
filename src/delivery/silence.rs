//! Lists of which the canary hears nothing, and why: what the ledger says of its letters goes in.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::audience::list::ListId;
use crate::clock::Stamp;
use crate::digest::DigestId;
use crate::letter::LetterId;
use crate::letter::LetterState;

/// A digest that was sent to the canary.
#[derive(Debug, Clone)]
pub struct Sent {
    /// The letter.
    pub letter: LetterId,
    /// Its digest.
    pub digest: DigestId,
    /// The digest's list.
    pub list: ListId,
    /// Where it stands.
    pub state: LetterState,
    /// When it was made.
    pub made_at: Stamp,
    /// When a server took it, or refused it.
    pub finished_at: Option<Stamp>,
    /// Whether it has come.
    pub is_seen: bool,
}

/// Why nothing is heard of a list, as far as we know: the words `silence_why.…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Why {
    /// The digest was due, and nobody cut it.
    Due,
    /// The letter is made and still with us.
    Waiting,
    /// No server took it.
    Refused,
    /// A server took it, and it didn't come.
    Lost,
    /// A server took it, and the mailbox can't be read.
    Blind,
}

impl Why {
    /// Every reason.
    pub const ALL: [Self; 5] = [
        Self::Due,
        Self::Waiting,
        Self::Refused,
        Self::Lost,
        Self::Blind,
    ];

    /// The word in the database and in events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Waiting => "waiting",
            Self::Refused => "refused",
            Self::Lost => "lost",
            Self::Blind => "blind",
        }
    }
}

/// Why a text is no [`Why`].
#[derive(Debug)]
pub struct BadWhy(String);

impl fmt::Display for BadWhy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = Why::ALL.map(Why::as_str).join(", ");
        write!(f, "expected one of {words}, but got `{}`", self.0)
    }
}

impl FromStr for Why {
    type Err = BadWhy;
    fn from_str(text: &str) -> Result<Self, BadWhy> {
        let found = Self::ALL.into_iter().find(|why| why.as_str() == text);
        found.ok_or_else(|| BadWhy(text.chars().take(20).collect()))
    }
}

/// A list of which the canary hears nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silence {
    /// Which list.
    pub list: ListId,
    /// The digest that didn't come, if it was cut.
    pub digest: Option<DigestId>,
    /// Why.
    pub why: Why,
    /// When it was due, made, or taken by a server.
    pub since: Stamp,
}

/// Letters that a server took and that haven't come, nor one of the same list after them.
pub fn awaited(newest_first: &[Sent]) -> Vec<LetterId> {
    let mut heard = BTreeSet::new();
    let mut awaited = Vec::new();
    for sent in newest_first {
        if sent.is_seen {
            heard.insert(sent.list);
        } else if sent.state == LetterState::Accepted && !heard.contains(&sent.list) {
            awaited.push(sent.letter);
        }
    }
    awaited
}

/// Lists whose newest digest from `before` hasn't come, and none after it. What a person stopped is
/// nobody's to wait for.
pub fn silences(newest_first: &[Sent], before: Stamp, is_blind: bool) -> Vec<Silence> {
    let mut settled = BTreeSet::new();
    let mut silent = Vec::new();
    for sent in newest_first {
        let (why, since) = match sent.state {
            _ if sent.is_seen => {
                settled.insert(sent.list);
                continue;
            }
            LetterState::Cancelled | LetterState::Paused => continue,
            LetterState::Accepted => {
                let why = if is_blind { Why::Blind } else { Why::Lost };
                (why, sent.finished_at.unwrap_or(sent.made_at))
            }
            LetterState::Refused | LetterState::Failed | LetterState::Uncertain => {
                (Why::Refused, sent.made_at)
            }
            LetterState::Queued
            | LetterState::Leased
            | LetterState::Handing
            | LetterState::Deferred => (Why::Waiting, sent.made_at),
        };
        if since < before && settled.insert(sent.list) {
            silent.push(Silence {
                list: sent.list,
                digest: Some(sent.digest),
                why,
                since,
            });
        }
    }
    silent
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;
    const NOW: i64 = 1_000 * HOUR;

    /// A letter of a list, made and finished so many hours ago.
    fn sent(list: i64, state: LetterState, ago: i64, is_seen: bool) -> Sent {
        Sent {
            letter: LetterId(NOW / HOUR - ago),
            digest: DigestId(ago),
            list: ListId(list),
            state,
            made_at: Stamp(NOW - ago * HOUR),
            finished_at: Some(Stamp(NOW - ago * HOUR)),
            is_seen,
        }
    }

    #[test]
    fn what_didnt_come_in_time_is_missed_until_something_later_comes() {
        use LetterState::{Accepted, Cancelled, Deferred, Paused, Refused};
        let cases: [(&[Sent], Option<Why>); 9] = [
            (&[], None),
            (&[sent(1, Accepted, 1, false)], None),
            (&[sent(1, Accepted, 3, false)], Some(Why::Lost)),
            (&[sent(1, Accepted, 3, true)], None),
            (&[sent(1, Deferred, 3, false)], Some(Why::Waiting)),
            (&[sent(1, Refused, 3, false)], Some(Why::Refused)),
            (
                &[sent(1, Cancelled, 3, false), sent(1, Paused, 4, false)],
                None,
            ),
            (
                &[sent(1, Accepted, 1, true), sent(1, Accepted, 3, false)],
                None,
            ),
            (
                &[sent(1, Accepted, 1, false), sent(1, Accepted, 3, false)],
                Some(Why::Lost),
            ),
        ];
        for (letters, expected) in cases {
            let silent = silences(letters, Stamp(NOW - 2 * HOUR), false);
            let why = silent.first().map(|silence| silence.why);
            assert_eq!(why, expected, "{letters:?}");
        }
    }

    #[test]
    fn what_was_lost_is_awaited_until_something_later_of_its_list_comes() {
        use LetterState::{Accepted, Queued};
        let letters = [
            sent(1, Queued, 1, false),
            sent(1, Accepted, 2, false),
            sent(2, Accepted, 3, true),
            sent(1, Accepted, 4, true),
            sent(1, Accepted, 5, false),
            sent(2, Accepted, 6, false),
        ];
        assert_eq!(awaited(&letters), [letters[1].letter]);
    }

    #[test]
    fn each_list_is_missed_once_and_a_mailbox_that_cant_be_read_is_said_to_be_so() {
        let letters = [
            sent(1, LetterState::Accepted, 3, false),
            sent(2, LetterState::Accepted, 4, true),
            sent(1, LetterState::Accepted, 5, false),
            sent(3, LetterState::Queued, 6, false),
        ];
        let silent = silences(&letters, Stamp(NOW - 2 * HOUR), true);
        let silent: Vec<_> = silent
            .iter()
            .map(|silence| (silence.list.0, silence.why, silence.digest))
            .collect();
        let expected = [
            (1, Why::Blind, Some(DigestId(3))),
            (3, Why::Waiting, Some(DigestId(6))),
        ];
        assert_eq!(silent, expected);
    }
}
