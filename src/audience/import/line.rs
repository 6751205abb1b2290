//! What a row of a table comes to: somebody who joins, an address that isn't written to from now
//! on, or a row that is left, and why.
//!
//! Only who is subscribed there joins here: whoever left, never confirmed or can't be reached does
//! not, whatever the consent that the table's owner claims.

use serde::Deserialize;
use serde::Serialize;

use crate::audience::EmailAddress;
use crate::audience::import::Terms;
use crate::audience::import::columns::Columns;
use crate::audience::import::columns::Field;
use crate::audience::import::columns::Program;
use crate::audience::import::columns::Standing;
use crate::audience::import::sheet::Row;
use crate::audience::import::sheet::unguarded;
use crate::audience::list::Cadence;
use crate::audience::list::List;
use crate::audience::sign_up::Wish;
use crate::audience::subscription::TopicChoice;
use crate::locale::Language;
use crate::store::subscriber::Suppression;

/// Characters of what came that are told.
const TOLD: usize = 80;

/// What a row comes to.
#[derive(Debug)]
pub(super) enum Fate {
    /// They have the list from now on, about these topics, by what is claimed of them.
    Join(Box<Wish>, Vec<String>),
    /// They aren't written to from now on.
    Suppress(EmailAddress, Suppression),
}

/// Why a row isn't taken: the words `import_why.…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It has more or fewer cells than the first line.
    Width,
    /// It isn't text.
    Unreadable,
    /// No address.
    Email,
    /// No language of ours.
    Language,
    /// No zone.
    Zone,
    /// No cadence of ours.
    Cadence,
    /// No days.
    Days,
    /// No hour.
    Hour,
    /// A word that says nothing of how they stand.
    Status,
    /// Neither yes nor no.
    Confirmed,
    /// They left there.
    Unsubscribed,
    /// They never confirmed there.
    Unconfirmed,
    /// They are switched off there.
    Disabled,
    /// They were never subscribed there.
    Nonsubscribed,
}

impl Reason {
    /// The word below `import_why.`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Width => "width",
            Self::Unreadable => "unreadable",
            Self::Email => "email",
            Self::Language => "language",
            Self::Zone => "zone",
            Self::Cadence => "cadence",
            Self::Days => "days",
            Self::Hour => "hour",
            Self::Status => "status",
            Self::Confirmed => "confirmed",
            Self::Unsubscribed => "unsubscribed",
            Self::Unconfirmed => "unconfirmed",
            Self::Disabled => "disabled",
            Self::Nonsubscribed => "nonsubscribed",
        }
    }

    /// Whether the row is at fault, and could be corrected.
    pub fn is_bad(self) -> bool {
        !matches!(
            self,
            Self::Unsubscribed | Self::Unconfirmed | Self::Disabled | Self::Nonsubscribed
        )
    }
}

/// Why a row isn't taken, and what came instead of what was expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// Why.
    pub reason: Reason,
    /// What came.
    pub got: String,
}

impl Why {
    pub(super) fn of(reason: Reason, got: &str) -> Self {
        Self {
            reason,
            got: got.chars().take(TOLD).collect(),
        }
    }
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let expected = match self.reason {
            Reason::Width => "as many cells as the first line has",
            Reason::Unreadable => "text in one character set",
            Reason::Email => "an address such as `name@example.org`",
            Reason::Language => "uk or en",
            Reason::Zone => "a zone such as `Europe/Kyiv`",
            Reason::Cadence => "a cadence such as daily or weekly",
            Reason::Days => "days such as `mon,thu`",
            Reason::Hour => "an hour from 0 to 23",
            Reason::Status => "a status such as `subscribed` or `unsubscribed`",
            Reason::Confirmed => "yes or no",
            Reason::Unsubscribed => return f.write_str("they unsubscribed there"),
            Reason::Unconfirmed => return f.write_str("they never confirmed there"),
            Reason::Disabled => return f.write_str("they are disabled there"),
            Reason::Nonsubscribed => return f.write_str("they were never subscribed there"),
        };
        write!(f, "expected {expected}, but got `{}`", self.got)
    }
}

/// How somebody stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum There {
    Subscribed,
    LeftOut(Reason),
    Suppressed(Suppression),
}

/// What becomes of a row.
pub(super) fn fate(row: &Row, columns: &Columns, list: &List, terms: &Terms) -> Result<Fate, Why> {
    if let Some(why) = &row.wrong {
        return Err(why.clone());
    }
    let cell = |field| columns.cell(&row.cells, field).unwrap_or_default();
    let address = cell(Field::Email);
    let email: EmailAddress = unguarded(address)
        .parse()
        .map_err(|_| Why::of(Reason::Email, address))?;
    match there(row, columns)? {
        There::Suppressed(why) => Ok(Fate::Suppress(email, why)),
        There::LeftOut(reason) => Err(Why::of(reason, address)),
        There::Subscribed => {
            let wish = wish(email, &cell, list, terms)?;
            Ok(Fate::Join(
                Box::new(wish),
                topics(columns.program, cell(Field::Topics)),
            ))
        }
    }
}

/// The worst of what a table says of somebody.
fn there(row: &Row, columns: &Columns) -> Result<There, Why> {
    let whole = match columns.standing {
        Some(Standing::Cleaned) => There::Suppressed(Suppression::Bounce),
        Some(Standing::Unsubscribed) => There::LeftOut(Reason::Unsubscribed),
        Some(Standing::Nonsubscribed) => There::LeftOut(Reason::Nonsubscribed),
        None => There::Subscribed,
    };
    let cell = |field| columns.cell(&row.cells, field);
    let mut all = vec![whole];
    if let Some(status) = cell(Field::Status) {
        all.push(said(status).ok_or_else(|| Why::of(Reason::Status, status))?);
    }
    if let Some(confirmed) = cell(Field::Confirmed) {
        let confirmed = is_so(confirmed).ok_or_else(|| Why::of(Reason::Confirmed, confirmed))?;
        if !confirmed {
            all.push(There::LeftOut(Reason::Unconfirmed));
        }
    }
    // Other words here are times, campaigns and the like: it happened.
    if cell(Field::Bounced).is_some_and(|bounced| is_so(bounced) != Some(false)) {
        all.push(There::Suppressed(Suppression::Bounce));
    }
    if cell(Field::Unsubscribed).is_some_and(|left| is_so(left) != Some(false)) {
        all.push(There::LeftOut(Reason::Unsubscribed));
    }
    let suppressed = all.iter().find(|one| matches!(one, There::Suppressed(_)));
    let left = all.iter().find(|one| matches!(one, There::LeftOut(_)));
    Ok(*suppressed.or(left).unwrap_or(&There::Subscribed))
}

/// What a program's word for it means; nothing if no program says so.
fn said(status: &str) -> Option<There> {
    let status = status.to_lowercase();
    Some(match status.trim() {
        "subscribed" | "enabled" | "active" | "confirmed" | "regular" | "premium" | "gifted"
        | "trialed" | "unpaid" | "churning" | "past_due" | "paused" | "free" | "paid"
        | "comped" | "true" | "yes" | "1" | "так" => There::Subscribed,
        "unsubscribed" | "ended" | "left" | "removed" | "deleted" => {
            There::LeftOut(Reason::Unsubscribed)
        }
        "unconfirmed" | "unactivated" | "pending" | "asked" => There::LeftOut(Reason::Unconfirmed),
        "disabled" | "inactive" => There::LeftOut(Reason::Disabled),
        "nonsubscribed" | "non-subscribed" | "transactional" | "false" | "no" | "0" | "ні" => {
            There::LeftOut(Reason::Nonsubscribed)
        }
        "cleaned" | "bounced" | "undeliverable" => There::Suppressed(Suppression::Bounce),
        "complained" | "complaint" | "spam" => There::Suppressed(Suppression::Complaint),
        "blocklisted" | "blacklisted" | "blocked" | "spammy" | "suppressed" => {
            There::Suppressed(Suppression::Admin)
        }
        _ => return None,
    })
}

/// Yes or no, in the words that tables use; a moment is a yes.
fn is_so(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "yes" | "true" | "1" | "y" | "так" => Some(true),
        "" | "no" | "false" | "0" | "n" | "ні" | "null" | "-" => Some(false),
        other => moment(other).map(|_| true),
    }
}

fn wish<'a>(
    email: EmailAddress,
    cell: &impl Fn(Field) -> &'a str,
    list: &List,
    terms: &Terms,
) -> Result<Wish, Why> {
    let bad = |reason, got: &str| Why::of(reason, got);
    let (language, zone) = (cell(Field::Language), cell(Field::Zone));
    let (cadence, days, hour) = (cell(Field::Cadence), cell(Field::Days), cell(Field::Hour));
    Ok(Wish {
        email,
        name: name(cell),
        language: if language.is_empty() {
            list.language
        } else {
            Language::of_tag(language).ok_or_else(|| bad(Reason::Language, language))?
        },
        zone: if zone.is_empty() {
            list.zone
        } else {
            zone.parse().map_err(|_| bad(Reason::Zone, zone))?
        },
        cadence: if cadence.is_empty() {
            list.cadences.first().copied().unwrap_or(Cadence::Daily)
        } else {
            cadence.parse().map_err(|_| bad(Reason::Cadence, cadence))?
        },
        days: if days.is_empty() {
            None
        } else {
            Some(days.parse().map_err(|_| bad(Reason::Days, days))?)
        },
        hour: if hour.is_empty() {
            None
        } else {
            Some(hour.parse().map_err(|_| bad(Reason::Hour, hour))?)
        },
        topics: TopicChoice::default(),
        origin: claimed(&terms.origin, cell(Field::Since), cell(Field::Origin)),
        wording: String::new(),
    })
}

fn name<'a>(cell: &impl Fn(Field) -> &'a str) -> String {
    let whole = unguarded(cell(Field::Name));
    let first = if whole.is_empty() {
        unguarded(cell(Field::FirstName))
    } else {
        whole
    };
    let words = [first, unguarded(cell(Field::LastName))];
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// Where somebody comes from, with what is claimed of when and where they subscribed there. It
/// outlives them, so it holds nothing but a moment and a network.
fn claimed(origin: &str, since: &str, from: &str) -> String {
    let from = from.parse().ok().map(network);
    let claims: Vec<&str> = [moment(since), from.as_deref()]
        .into_iter()
        .flatten()
        .collect();
    if claims.is_empty() {
        origin.to_owned()
    } else {
        format!("{origin}: {}", claims.join(", "))
    }
}

/// A text that is a moment: a year in it, and nothing but digits and the signs between them.
fn moment(text: &str) -> Option<&str> {
    let text = text.trim();
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let sound = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b"-./: +TZAPMtzapmUCuc".contains(&byte));
    (sound && digits >= 6 && text.len() <= 40).then_some(text)
}

/// An address's network, as far as a form keeps it.
fn network(address: std::net::IpAddr) -> String {
    match address {
        std::net::IpAddr::V4(four) => {
            let [a, b, c, _] = four.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        std::net::IpAddr::V6(six) => {
            let [a, b, c, ..] = six.segments();
            format!("{}/48", std::net::Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
        }
    }
}

/// Names of topics: ours with `;` or `|` between them, of other programs with commas and in quotes.
fn topics(program: Program, cell: &str) -> Vec<String> {
    let between =
        |letter: char| matches!(letter, ';' | '|') || (program != Program::Csv && letter == ',');
    let quotes = |letter: char| program != Program::Csv && matches!(letter, '"' | '\'' | '[' | ']');
    cell.split(between)
        .map(|name| name.trim().trim_matches(quotes).trim())
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use Suppression::{Admin, Bounce, Complaint};
    use There::{LeftOut, Subscribed, Suppressed};

    use super::*;

    fn standing(head: &str, line: &str) -> Result<There, Why> {
        let cells = |line: &str| line.split(',').map(str::to_owned).collect::<Vec<_>>();
        let columns = Columns::guess(&cells(head), None, "");
        let row = Row {
            line: 2,
            at: 0,
            cells: cells(line),
            wrong: None,
        };
        there(&row, &columns)
    }

    const STANDINGS: &[(&str, &str, There)] = &[
        ("uuid,email,status", "1,a@b.org,enabled", Subscribed),
        (
            "uuid,email,status",
            "1,a@b.org,blocklisted",
            Suppressed(Admin),
        ),
        (
            "uuid,email,status",
            "1,a@b.org,disabled",
            LeftOut(Reason::Disabled),
        ),
        (
            "Email Address,OPTIN_TIME,LEID",
            "a@b.org,2021-03-04 10:00:00,5",
            Subscribed,
        ),
        (
            "Email Address,UNSUB_TIME,LEID",
            "a@b.org,2021-03-04 10:00:00,5",
            LeftOut(Reason::Unsubscribed),
        ),
        ("Email Address,UNSUB_TIME,LEID", "a@b.org,,5", Subscribed),
        (
            "Email Address,CLEAN_TIME,LEID",
            "a@b.org,2021-03-04 10:00:00,5",
            Suppressed(Bounce),
        ),
        ("email,secondary_id,type", "a@b.org,1,premium", Subscribed),
        (
            "email,secondary_id,type",
            "a@b.org,1,unactivated",
            LeftOut(Reason::Unconfirmed),
        ),
        (
            "email,secondary_id,type",
            "a@b.org,1,removed",
            LeftOut(Reason::Unsubscribed),
        ),
        (
            "email,secondary_id,type",
            "a@b.org,1,complained",
            Suppressed(Complaint),
        ),
        (
            "email,subscribed_to_emails,deleted_at",
            "a@b.org,true,",
            Subscribed,
        ),
        (
            "email,subscribed_to_emails,deleted_at",
            "a@b.org,false,",
            LeftOut(Reason::Nonsubscribed),
        ),
        ("email,confirmed", "a@b.org,yes", Subscribed),
        (
            "email,confirmed",
            "a@b.org,2021-03-04T10:00:00Z",
            Subscribed,
        ),
        (
            "email,confirmed",
            "a@b.org,no",
            LeftOut(Reason::Unconfirmed),
        ),
        ("email,confirmed", "a@b.org,", LeftOut(Reason::Unconfirmed)),
        (
            "email,status,bounced",
            "a@b.org,active,yes",
            Suppressed(Bounce),
        ),
        (
            "email,status,unsubscribed",
            "a@b.org,active,1",
            LeftOut(Reason::Unsubscribed),
        ),
    ];

    #[test]
    fn whoever_is_not_subscribed_there_never_joins() {
        for (head, line, expected) in STANDINGS {
            assert_eq!(standing(head, line), Ok(*expected), "{head}: {line}");
        }
        for line in ["a@b.org,", "a@b.org,whatever"] {
            let why = standing("email,status", line).unwrap_err();
            assert_eq!(why.reason, Reason::Status);
        }
    }

    #[test]
    fn a_claim_holds_a_moment_and_a_network_and_nothing_else() {
        for (since, from, expected) in [
            ("", "", "import a.csv"),
            (
                "2021-03-04 10:00:00",
                "203.0.113.7",
                "import a.csv: 2021-03-04 10:00:00, 203.0.113.0/24",
            ),
            (
                "2021-03-04T10:00:00.178Z",
                "2001:db8:1:2::3",
                "import a.csv: 2021-03-04T10:00:00.178Z, 2001:db8:1::/48",
            ),
            ("olena@example.org", "from Olena", "import a.csv"),
            ("04.03.2021 10:00", "", "import a.csv: 04.03.2021 10:00"),
        ] {
            assert_eq!(claimed("import a.csv", since, from), expected);
        }
    }

    #[test]
    fn other_programs_put_commas_between_topics() {
        assert_eq!(
            topics(Program::Csv, "Спорт, кіно;Дороги| "),
            ["Спорт, кіно", "Дороги"]
        );
        assert_eq!(
            topics(Program::Mailchimp, "\"Спорт\",\"Дороги\""),
            ["Спорт", "Дороги"]
        );
        assert_eq!(topics(Program::Buttondown, "[]"), Vec::<String>::new());
    }
}
