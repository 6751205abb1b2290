//! Samples of letters.

use crate::audience::list::Cadence;
use crate::audience::pace::Silence;
use crate::delivery::silence::Why;
use crate::digest::alarm::Spike;
use crate::templates::letters;
use crate::templates::letters::Address;
use crate::templates::letters::Alarm;
use crate::templates::letters::Confirm;
use crate::templates::letters::Digest;
use crate::templates::letters::Erasure;
use crate::templates::letters::Goodbye;
use crate::templates::letters::Latest;
use crate::templates::letters::Link;
use crate::templates::letters::Password;
use crate::templates::letters::Reader;
use crate::templates::letters::Review;
use crate::templates::letters::SilentList;
use crate::templates::letters::Welcome;
use crate::templates::samples::LIST;
use crate::templates::samples::Sample;
use crate::templates::samples::Show;
use crate::templates::samples::URL;
use crate::templates::samples::cards;
use crate::templates::samples::day;
use crate::templates::samples::list;
use crate::templates::samples::moment;
use crate::templates::samples::press_release;
use crate::templates::samples::week;

/// Renders them all.
pub(super) fn show(show: &mut Show<'_>) {
    show.letter::<Digest>();
    show.letter::<Confirm>();
    show.letter::<Welcome>();
    show.letter::<Goodbye>();
    show.letter::<Address>();
    show.letter::<Erasure>();
    show.letter::<Link>();
    show.letter::<Password>();
    show.letter::<Review>();
    show.letter::<Alarm>();
    show.letter::<letters::Silent>();
}

impl Sample for Digest {
    /// Several articles; one; only headlines, with more on the web; far too many; introduced;
    /// critical; so many that they're grouped, some from elsewhere.
    fn samples() -> Vec<Self> {
        let digest = |articles, more, cadence, first| Self {
            list: LIST.into(),
            cadence,
            introduction: Vec::new(),
            critical: false,
            first,
            last: day(26),
            articles,
            arranged: false,
            share: true,
            more,
            web_url: format!("{URL}/archive/news/1"),
            reader: Reader {
                leave_url: format!("{URL}/leave/token"),
                preferences_url: format!("{URL}/preferences/token"),
                address: "olena@example.com".into(),
            },
        };
        let many = vec![press_release(); 105];
        let introduced = Self {
            introduction: vec![
                "Головне за тиждень.".into(),
                "Далі — про дороги & школи.".into(),
            ],
            ..digest(cards(), 0, Cadence::Weekdays, day(21))
        };
        let critical = Self {
            critical: true,
            ..digest(vec![press_release()], 0, Cadence::Immediate, day(26))
        };
        vec![
            digest(cards(), 0, Cadence::Daily, day(26)),
            digest(vec![press_release()], 0, Cadence::Immediate, day(26)),
            digest(cards().split_off(2), 19, Cadence::Weekly, day(21)),
            digest(many, 0, Cadence::Weekly, day(21)),
            introduced,
            critical,
            digest(week(), 0, Cadence::Weekly, day(21)),
        ]
    }
}

impl Sample for Confirm {
    fn samples() -> Vec<Self> {
        vec![Self {
            list: LIST.into(),
            url: format!("{URL}/confirm/eyJhIjoxfQ.c2lnbmVkLXdpdGgtYS1zZWNyZXQtb2Ytb3Vycw"),
            days: 3,
        }]
    }
}

impl Sample for Welcome {
    fn samples() -> Vec<Self> {
        let letter = |cadence| Self {
            list: LIST.into(),
            cadence,
            hour: 8,
            preferences_url: format!("{URL}/preferences/token"),
            leave_url: format!("{URL}/leave/token"),
            latest: (cadence != Cadence::Immediate).then(|| Latest {
                articles: cards(),
                url: format!("{URL}/archive/news/1"),
            }),
        };
        [Cadence::Immediate, Cadence::Daily, Cadence::Weekly]
            .map(letter)
            .into()
    }
}

impl Sample for Goodbye {
    fn samples() -> Vec<Self> {
        vec![Self {
            list: LIST.into(),
            list_url: list().url,
        }]
    }
}

impl Sample for Address {
    fn samples() -> Vec<Self> {
        vec![Self {
            url: format!("{URL}/address/token"),
            days: 7,
        }]
    }
}

impl Sample for Erasure {
    fn samples() -> Vec<Self> {
        vec![Self {
            url: format!("{URL}/erase/token"),
            hours: 24,
        }]
    }
}

impl Sample for Link {
    fn samples() -> Vec<Self> {
        vec![Self {
            url: format!("{URL}/preferences/token"),
        }]
    }
}

impl Sample for Alarm {
    /// Stopped; too late to be.
    fn samples() -> Vec<Self> {
        let alarm = |why, reports, stopped| Self {
            list: LIST.into(),
            why,
            reports,
            letters: 1_204,
            stopped,
            url: format!("{URL}/admin/digests/7"),
        };
        vec![
            alarm(Spike::Bounces, 84, 8_796),
            alarm(Spike::Complaints, 9, 0),
        ]
    }
}

impl Sample for letters::Silent {
    /// Every reason there is.
    fn samples() -> Vec<Self> {
        vec![Self {
            address: "canary@example.org".into(),
            lists: Why::ALL.map(silent_list).into(),
            url: format!("{URL}/admin"),
        }]
    }
}

/// A list of which the canary hears nothing.
pub(super) fn silent_list(why: Why) -> SilentList {
    SilentList {
        list: LIST.into(),
        why,
        since: moment(),
        url: format!("{URL}/admin/digests/7"),
    }
}

impl Sample for Password {
    fn samples() -> Vec<Self> {
        vec![Self {
            url: format!("{URL}/admin/sign-in/token"),
            minutes: 60,
        }]
    }
}

impl Sample for Review {
    /// With an end, and what happens then; without one.
    fn samples() -> Vec<Self> {
        let review = |until, silence| Self {
            list: LIST.into(),
            articles: cards(),
            url: format!("{URL}/admin/digests/7"),
            until,
            silence,
        };
        let until = cards().first().map(|card| card.date);
        vec![
            review(until, Silence::Send),
            review(until, Silence::Hold),
            review(None, Silence::Hold),
        ]
    }
}
