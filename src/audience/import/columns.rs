//! Which column of a table is what: guessed from its names, for the programs that we know and for
//! any other, and corrected by whoever imports.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::Serialize;

/// What a column may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// The address: a table without it can't be imported.
    Email,
    /// The whole name.
    Name,
    /// Its first half.
    FirstName,
    /// Its second half.
    LastName,
    /// `uk` or `en`, or longer tags of these.
    Language,
    /// Such as `Europe/Kyiv`.
    Zone,
    /// How often.
    Cadence,
    /// On which days.
    Days,
    /// When, 0 to 23.
    Hour,
    /// Only these topics.
    Topics,
    /// How they stand there, in a word: `subscribed`, `unsubscribed`, `blocklisted`.
    Status,
    /// Whether they confirmed.
    Confirmed,
    /// Whether, or when, they left.
    Unsubscribed,
    /// Whether, or when, letters to them came back.
    Bounced,
    /// When they subscribed.
    Since,
    /// From where they subscribed: a network address.
    Origin,
}

impl Field {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Email,
        Self::Name,
        Self::FirstName,
        Self::LastName,
        Self::Language,
        Self::Zone,
        Self::Cadence,
        Self::Days,
        Self::Hour,
        Self::Topics,
        Self::Status,
        Self::Confirmed,
        Self::Unsubscribed,
        Self::Bounced,
        Self::Since,
        Self::Origin,
    ];

    /// As it's named at the command line and in our own tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Name => "name",
            Self::FirstName => "first_name",
            Self::LastName => "last_name",
            Self::Language => "language",
            Self::Zone => "zone",
            Self::Cadence => "cadence",
            Self::Days => "days",
            Self::Hour => "hour",
            Self::Topics => "topics",
            Self::Status => "status",
            Self::Confirmed => "confirmed",
            Self::Unsubscribed => "unsubscribed",
            Self::Bounced => "bounced",
            Self::Since => "since",
            Self::Origin => "origin",
        }
    }
}

/// A word that names no [`Field`].
#[derive(Debug, thiserror::Error)]
#[error("expected one of {names}, but got `{0}`", names = Field::ALL.map(Field::as_str).join(", "))]
pub struct BadField(String);

impl FromStr for Field {
    type Err = BadField;
    fn from_str(text: &str) -> Result<Self, BadField> {
        let found = Self::ALL.into_iter().find(|field| field.as_str() == text);
        found.ok_or_else(|| BadField(text.chars().take(80).collect()))
    }
}

/// The program that wrote a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Program {
    /// Ours, or any other.
    #[default]
    Csv,
    /// Its export of subscribers.
    Listmonk,
    /// The files of an audience: subscribed, unsubscribed, nonsubscribed, cleaned.
    Mailchimp,
    /// Its export of subscribers.
    Buttondown,
    /// Its export of members.
    Ghost,
}

impl Program {
    /// As it's said.
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "CSV",
            Self::Listmonk => "listmonk",
            Self::Mailchimp => "Mailchimp",
            Self::Buttondown => "Buttondown",
            Self::Ghost => "Ghost",
        }
    }

    /// Columns that no other has.
    fn marks(self) -> &'static [&'static str] {
        match self {
            Self::Csv => &[],
            Self::Listmonk => &["uuid"],
            Self::Mailchimp => &["member rating", "leid", "euid", "optin time"],
            Self::Buttondown => &[
                "secondary id",
                "referrer url",
                "utm campaign",
                "subscriber type",
            ],
            Self::Ghost => &["subscribed to emails"],
        }
    }

    fn guess(names: &[String]) -> Self {
        let others = [
            Self::Ghost,
            Self::Mailchimp,
            Self::Listmonk,
            Self::Buttondown,
        ];
        let has_mark = |program: &Self| {
            let marks = program.marks();
            names.iter().any(|name| marks.contains(&name.as_str()))
        };
        others.into_iter().find(has_mark).unwrap_or_default()
    }

    /// What it calls a field, the likeliest first.
    fn calls(self, field: Field) -> &'static [&'static str] {
        match self {
            Self::Csv => anybody(field),
            Self::Listmonk => match field {
                Field::Email => &["email"],
                Field::Name => &["name"],
                Field::Status => &["status"],
                Field::Since => &["created at"],
                _ => &[],
            },
            Self::Mailchimp => match field {
                Field::Email => &["email address"],
                Field::FirstName => &["first name"],
                Field::LastName => &["last name"],
                Field::Unsubscribed => &["unsub time"],
                Field::Bounced => &["clean time"],
                Field::Since => &["confirm time", "optin time"],
                Field::Origin => &["confirm ip", "optin ip"],
                _ => &[],
            },
            Self::Buttondown => match field {
                Field::Email => &["email address", "email"],
                Field::Status => &["subscriber type", "type"],
                Field::Since => &["creation date"],
                Field::Origin => &["ip address"],
                Field::Unsubscribed => &["unsubscription date"],
                _ => &[],
            },
            Self::Ghost => match field {
                Field::Email => &["email"],
                Field::Name => &["name"],
                Field::Status => &["subscribed to emails"],
                Field::Since => &["created at"],
                Field::Unsubscribed => &["deleted at"],
                _ => &[],
            },
        }
    }
}

/// What people call an address.
const ADDRESS: &[&str] = &[
    "email",
    "e mail",
    "email address",
    "e mail address",
    "mail",
    "електронна пошта",
    "електронна адреса",
    "ел пошта",
    "пошта",
    "імейл",
    "емейл",
];

/// What people and other programs call a field.
fn anybody(field: Field) -> &'static [&'static str] {
    match field {
        Field::Email => ADDRESS,
        Field::Name => &[
            "name",
            "full name",
            "ім'я",
            "піб",
            "повне ім'я",
            "ім'я та прізвище",
        ],
        Field::FirstName => &["first name", "firstname", "given name"],
        Field::LastName => &[
            "last name",
            "lastname",
            "surname",
            "family name",
            "прізвище",
        ],
        Field::Language => &["language", "lang", "locale", "мова"],
        Field::Zone => &["zone", "timezone", "time zone", "часовий пояс"],
        Field::Cadence => &["cadence"],
        Field::Days => &["days"],
        Field::Hour => &["hour"],
        Field::Topics => &["topics", "теми", "рубрики"],
        Field::Status => &[
            "status",
            "state",
            "subscription status",
            "subscriber status",
            "статус",
            "стан",
        ],
        Field::Confirmed => &["confirmed", "double opt in", "підтверджено"],
        Field::Unsubscribed => &[
            "unsubscribed",
            "unsubscribed at",
            "unsubscribe date",
            "відписано",
        ],
        Field::Bounced => &["bounced", "bounced at"],
        Field::Since => &[
            "since",
            "subscribed at",
            "signup date",
            "created at",
            "дата підписки",
        ],
        Field::Origin => &["origin", "ip", "ip address", "signup ip"],
    }
}

/// How a whole file stands, as its name tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// They left.
    Unsubscribed,
    /// They never subscribed.
    Nonsubscribed,
    /// Letters to them came back.
    Cleaned,
}

/// Which column of a table is what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Columns {
    /// Who wrote the table.
    pub program: Program,
    /// How the whole table stands, if its name says so.
    pub standing: Option<Standing>,
    /// What each column is, in order.
    fields: Vec<Option<Field>>,
}

/// Why a table can't be mapped.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadColumns {
    /// No column holds addresses.
    #[error("expected a first line with the column `email`, but got `{0}`")]
    NoEmail(String),
    /// A column that isn't there.
    #[error("expected one of the columns `{got}`, but got `{named}`")]
    NoColumn {
        /// As it was asked for.
        named: String,
        /// What there is.
        got: String,
    },
}

impl Columns {
    /// Guesses, from what the first line names its columns and what the file is called.
    pub fn guess(head: &[String], program: Option<Program>, file: &str) -> Self {
        let names: Vec<String> = head.iter().map(|name| plain(name)).collect();
        let program = program.unwrap_or_else(|| Program::guess(&names));
        let mut columns = Self {
            program,
            standing: standing(program, file),
            fields: vec![None; head.len()],
        };
        for field in Field::ALL {
            let called = program.calls(field).iter();
            let mut found =
                called.filter_map(|called| names.iter().position(|name| name == called));
            if let Some(at) = found.find(|at| columns.fields.get(*at) == Some(&None)) {
                columns.set(at, Some(field));
            }
        }
        columns
    }

    /// Says what a column is; no other is the same then.
    pub fn set(&mut self, at: usize, field: Option<Field>) {
        if field.is_some() {
            for other in &mut self.fields {
                if *other == field {
                    *other = None;
                }
            }
        }
        if let Some(column) = self.fields.get_mut(at) {
            *column = field;
        }
    }

    /// The same by a column's name; nothing but a dash or nothing for no column.
    pub fn rename(
        &mut self,
        head: &[String],
        field: Field,
        theirs: &str,
    ) -> Result<(), BadColumns> {
        if matches!(theirs, "" | "-") {
            if let Some(at) = self.at(field) {
                self.set(at, None);
            }
            return Ok(());
        }
        let same = |name: &String| name.trim().to_lowercase() == theirs.trim().to_lowercase();
        let at = head
            .iter()
            .position(same)
            .ok_or_else(|| BadColumns::NoColumn {
                named: theirs.to_owned(),
                got: shown(head),
            })?;
        self.set(at, Some(field));
        Ok(())
    }

    /// Whether there is a column of addresses.
    pub fn check(&self, head: &[String]) -> Result<(), BadColumns> {
        if self.at(Field::Email).is_some() {
            Ok(())
        } else {
            Err(BadColumns::NoEmail(shown(head)))
        }
    }

    /// What each column is, in order.
    pub fn fields(&self) -> &[Option<Field>] {
        &self.fields
    }

    /// Where a field is.
    pub fn at(&self, field: Field) -> Option<usize> {
        self.fields.iter().position(|one| *one == Some(field))
    }

    /// What a row says of a field; nothing if there is no such column.
    pub(super) fn cell<'a>(&self, cells: &'a [String], field: Field) -> Option<&'a str> {
        cells.get(self.at(field)?).map(String::as_str)
    }
}

fn shown(head: &[String]) -> String {
    head.join(",").chars().take(200).collect()
}

/// A name in lower case, with one blank for whatever stands between its words.
fn plain(name: &str) -> String {
    let name = name.trim_start_matches('\u{feff}').to_lowercase();
    let even = name.replace(['’', 'ʼ', '`'], "'");
    let words = even.split(|letter: char| !(letter.is_alphanumeric() || letter == '\''));
    words
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Mailchimp and Buttondown put those who left into files of their own.
fn standing(program: Program, file: &str) -> Option<Standing> {
    if program == Program::Csv {
        return None;
    }
    let file = file.to_lowercase();
    let kinds = [
        ("nonsubscribed", Standing::Nonsubscribed),
        ("non-subscribed", Standing::Nonsubscribed),
        ("unsubscribe", Standing::Unsubscribed),
        ("cleaned", Standing::Cleaned),
    ];
    let found = kinds.into_iter().find(|(word, _)| file.contains(word));
    found.map(|(_, standing)| standing)
}

impl fmt::Display for Columns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named: Vec<_> = self
            .fields
            .iter()
            .flatten()
            .map(|field| field.as_str())
            .collect();
        write!(f, "{}: {}", self.program.name(), named.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(line: &str) -> Vec<String> {
        line.split(',').map(str::to_owned).collect()
    }

    fn guessed(line: &str) -> String {
        let columns = Columns::guess(&head(line), None, "people.csv");
        let fields = columns.fields.iter();
        let fields: Vec<_> = fields
            .map(|field| field.map_or("-", Field::as_str))
            .collect();
        format!("{}: {}", columns.program.name(), fields.join(" "))
    }

    #[test]
    fn each_program_is_known_by_its_columns() {
        for (line, expected) in [
            (
                "uuid,email,name,attributes,status,created_at,updated_at",
                "listmonk: - email name - status since -",
            ),
            (
                "Email Address,First Name,Last Name,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,TIMEZONE,\
                 LAST_CHANGED,UNSUB_TIME,UNSUB_REASON,LEID,EUID,NOTES,TAGS",
                "Mailchimp: email first_name last_name - - - since origin - - unsubscribed - - - - -",
            ),
            (
                "Email Address,First Name,Last Name,OPTIN_TIME,OPTIN_IP,CLEAN_TIME,CLEAN_CAMPAIGN_TITLE,LEID,EUID",
                "Mailchimp: email first_name last_name since origin bounced - - -",
            ),
            (
                "email_address,notes,metadata,tags,referrer_url,creation_date,secondary_id,type,source",
                "Buttondown: email - - - - since - status -",
            ),
            (
                "id,email,name,note,subscribed_to_emails,complimentary_plan,stripe_customer_id,created_at,deleted_at,labels,tiers",
                "Ghost: - email name - status - - since unsubscribed - -",
            ),
            (
                "email,name,language,zone,list,cadence,days,hour,topics,state",
                "CSV: email name language zone - cadence days hour topics status",
            ),
            (
                "email,name,language,zone,confirmed",
                "CSV: email name language zone confirmed",
            ),
            (
                "Електронна пошта,Ім’я,Прізвище,Мова",
                "CSV: email name last_name language",
            ),
            (
                "E-mail,First name,Surname,IP",
                "CSV: email first_name last_name origin",
            ),
        ] {
            assert_eq!(guessed(line), expected);
        }
    }

    #[test]
    fn a_files_name_tells_how_all_of_it_stands() {
        for (file, expected) in [
            ("subscribed_members_export_1.csv", None),
            (
                "unsubscribed_members_export_1.csv",
                Some(Standing::Unsubscribed),
            ),
            (
                "nonsubscribed_email_audience_export_1.csv",
                Some(Standing::Nonsubscribed),
            ),
            (
                "cleaned_email_audience_export_1.csv",
                Some(Standing::Cleaned),
            ),
        ] {
            assert_eq!(standing(Program::Mailchimp, file), expected, "{file}");
            assert_eq!(standing(Program::Csv, file), None);
        }
    }

    #[test]
    fn a_guess_is_corrected_by_name() {
        let head = head("E-mail,Full name,Days");
        let mut columns = Columns::guess(&head, None, "");
        columns.rename(&head, Field::Name, "days").unwrap();
        columns.rename(&head, Field::Email, "-").unwrap();
        assert_eq!(columns.fields, [None, None, Some(Field::Name)]);
        assert!(columns.check(&head).is_err());
        assert!(columns.rename(&head, Field::Email, "mail").is_err());
        columns.rename(&head, Field::Email, " e-MAIL").unwrap();
        columns.check(&head).unwrap();
    }
}
