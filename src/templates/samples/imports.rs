//! Samples of an import's pages.

use crate::templates::imports::EarlierImport;
use crate::templates::imports::Import;
use crate::templates::imports::ImportColumn;
use crate::templates::imports::ImportCounts;
use crate::templates::imports::LeftRow;
use crate::templates::imports::Uploaded;
use crate::templates::samples::LIST;
use crate::templates::samples::Sample;
use crate::templates::samples::Show;
use crate::templates::samples::URL;
use crate::templates::samples::moment;

const ACTION: &str = "/admin/subscribers/import/1";

/// Renders them all.
pub(super) fn show(show: &mut Show<'_>) {
    show.page::<Import>();
    show.page::<Uploaded>();
}

impl Sample for Import {
    fn samples() -> Vec<Self> {
        let earlier = |file: &str, state: &str| EarlierImport {
            url: format!("{URL}{ACTION}"),
            file: file.into(),
            list: LIST.into(),
            state: state.into(),
            at: moment(),
        };
        let full = Self {
            action: "/admin/subscribers/import".into(),
            lists: vec![
                ("news".into(), LIST.into()),
                ("roads".into(), "Дороги".into()),
            ],
            list: "roads".into(),
            text: "email,name\n<b>olena@example.org</b>,Олена".into(),
            most_rows: 100_000,
            most_megabytes: 8,
            problem: Some("bytes"),
            removed: true,
            earlier: vec![
                earlier("subscribed_email_audience_export_2f0e21a1b2.csv", "looked"),
                earlier("people.csv", "going"),
                earlier("<b>люди</b>.csv", "done"),
            ],
        };
        let empty = Self {
            lists: Vec::new(),
            text: String::new(),
            problem: None,
            removed: false,
            earlier: Vec::new(),
            ..full.clone()
        };
        vec![full, empty]
    }
}

fn left(line: u64, reason: &'static str, got: &str) -> LeftRow {
    LeftRow {
        line,
        reason,
        got: got.into(),
    }
}

impl Sample for Uploaded {
    fn samples() -> Vec<Self> {
        let column = |name: &str, field, example: &str| ImportColumn {
            name: name.into(),
            field,
            examples: vec![example.into(), String::new(), "x".repeat(60)],
        };
        let looked = Self {
            action: ACTION.into(),
            file: "people.csv".into(),
            list: LIST.into(),
            program: Some("Mailchimp"),
            state: "looked".into(),
            problem: Some("consent"),
            columns: vec![
                column("Email Address", Some("email"), "olena@example.org"),
                column("TAGS", None, "\"Спорт\""),
                column("", Some("origin"), "203.0.113.7"),
            ],
            fields: vec!["email", "name", "topics", "origin"],
            consent: "форма на сайті".into(),
            counts: ImportCounts {
                added: 9_421,
                known: 2,
                suppressed: 1,
                left_out: 25,
                bad: 11,
            },
            reasons: vec![("email", 11), ("unsubscribed", 25)],
            left: vec![
                left(7, "email", "<script>"),
                left(12_345, "unsubscribed", "olena@example.org"),
            ],
            size: 10_000,
            taken: 0,
            rejected: None,
            comes_anew: false,
        };
        let going = Self {
            state: "going".into(),
            problem: None,
            program: None,
            reasons: Vec::new(),
            left: Vec::new(),
            counts: ImportCounts {
                added: 1,
                ..ImportCounts::default()
            },
            taken: 1,
            comes_anew: true,
            ..looked.clone()
        };
        let done = Self {
            state: "done".into(),
            counts: looked.counts,
            taken: 10_000,
            rejected: Some(format!("{URL}{ACTION}/rejected.csv")),
            comes_anew: false,
            ..going.clone()
        };
        vec![looked, going, done]
    }
}
