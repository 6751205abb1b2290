//! What is held about people, by the columns it's in. The privacy page tells of each; a test compares
//! the columns with the database's, so that nothing is held that the page keeps quiet about.

use serde::Serialize;

/// Something held about people: the words `held.…`, or, where it's cleared away after a time that
/// the settings say, `held_days.…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Held {
    /// Who they are.
    Person,
    /// What they chose.
    Choice,
    /// What they agreed to.
    Consent,
    /// What came back from their address.
    Bounce,
    /// That we mustn't write to them.
    Suppression,
    /// How many letters they asked for within a day.
    Asking,
    /// Tables of people that are being imported.
    Upload,
    /// Who looks after lists, and what they did.
    Staff,
    /// That a letter was sent.
    Letters,
    /// What its server said.
    Attempts,
    /// What other programs were told of it.
    Told,
    /// Who never confirmed: the same as of others.
    Unconfirmed,
}

impl Held {
    /// All of it.
    pub const ALL: [Self; 12] = [
        Self::Person,
        Self::Choice,
        Self::Consent,
        Self::Bounce,
        Self::Suppression,
        Self::Asking,
        Self::Upload,
        Self::Staff,
        Self::Letters,
        Self::Attempts,
        Self::Told,
        Self::Unconfirmed,
    ];

    /// Where it is, as `table.column`; numbers of rows aren't told.
    pub fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Person => PERSON,
            Self::Choice => CHOICE,
            Self::Consent => CONSENT,
            Self::Bounce => BOUNCE,
            Self::Suppression => SUPPRESSION,
            Self::Asking => ASKING,
            Self::Upload => UPLOAD,
            Self::Staff => STAFF,
            Self::Letters => LETTERS,
            Self::Attempts => ATTEMPTS,
            Self::Told => TOLD,
            Self::Unconfirmed => &[],
        }
    }
}

const PERSON: &[&str] = &[
    "subscriber.email",
    "subscriber.email_key",
    "subscriber.address_mac",
    "subscriber.name",
    "subscriber.language",
    "subscriber.zone",
    "subscriber.state",
    "subscriber.created_at",
    "subscriber.format",
    "address_change.asked_at",
];

const CHOICE: &[&str] = &[
    "subscription.topics_key",
    "subscription.cursor_seq",
    "subscription.state",
    "subscription.asked_at",
    "subscription.active_at",
    "subscription.ended_at",
    "subscription.feed_turn",
    "subscription.owed",
    "subscription.apart",
    "subscription.paused_until",
];

const CONSENT: &[&str] = &[
    "consent.act",
    "consent.at",
    "consent.origin",
    "consent.wording",
];

const BOUNCE: &[&str] = &[
    "bounce.report",
    "bounce.address_mac",
    "bounce.kind",
    "bounce.origin",
    "bounce.status",
    "bounce.text",
    "bounce.at",
];

const SUPPRESSION: &[&str] = &[
    "suppression.address_mac",
    "suppression.reason",
    "suppression.at",
];

const ASKING: &[&str] = &[
    "asking.mailbox_mac",
    "asking.budget",
    "asking.newest",
    "asking.second",
    "asking.third",
];

const UPLOAD: &[&str] = &[
    "upload.file",
    "upload.head",
    "upload.mapping",
    "upload.consent",
    "upload.state",
    "upload.made_by",
    "upload.made_at",
    "upload.size",
    "upload.at_line",
    "upload.added",
    "upload.known",
    "upload.suppressed",
    "upload.left_out",
    "upload.bad",
    "upload_row.line",
    "upload_row.cells",
    "upload_row.why",
];

const STAFF: &[&str] = &[
    "user.email",
    "user.email_key",
    "user.role",
    "user.bound",
    "user.password",
    "user.state",
    "user.created_at",
    "user.totp_salt",
    "user.totp_step",
    "user.links_from",
    "recovery_code.code_hash",
    "identity.issuer",
    "identity.subject",
    "identity.bound_at",
    "oidc_try.token_hash",
    "oidc_try.expires_at",
    "session.token_hash",
    "session.network",
    "session.seen_at",
    "session.purpose",
    "session.created_at",
    "session.expires_at",
    "critical.asked_by",
    "critical.asked_at",
    "critical.approved_by",
    "critical.approved_at",
    "audit.at",
    "audit.actor",
    "audit.action",
    "audit.subject",
    "audit.was",
    "audit.became",
    "reply.body",
    "template.purpose",
    "template.part",
    "template.number",
    "template.text",
    "template.made_at",
    "template.made_by",
];

const LETTERS: &[&str] = &[
    "letter.purpose",
    "letter.state",
    "letter.lane",
    "letter.made_at",
    "letter.due_at",
    "letter.deadline_at",
    "letter.fence",
    "letter.worker",
    "letter.leased_until",
    "letter.handing_at",
    "letter.finished_at",
    "letter.tries",
    "letter.resends",
    "letter.given_back",
];

const ATTEMPTS: &[&str] = &[
    "attempt.at",
    "attempt.outcome",
    "attempt.phase",
    "attempt.host",
    "attempt.code",
    "attempt.enhanced",
    "attempt.text",
];

const TOLD: &[&str] = &[
    "webhook_message.event",
    "webhook_message.body",
    "webhook_message.state",
    "webhook_message.made_at",
    "webhook_message.due_at",
    "webhook_message.tries",
    "webhook_message.tried_at",
    "webhook_message.answer",
];
