//! Samples of boards.

use crate::templates::board::Board;
use crate::templates::board::Buttons;
use crate::templates::board::Cell;
use crate::templates::board::Chart;
use crate::templates::board::Empty;
use crate::templates::board::Facts;
use crate::templates::board::Fault;
use crate::templates::board::Faults;
use crate::templates::board::Form;
use crate::templates::board::FormField;
use crate::templates::board::Letter;
use crate::templates::board::Part;
use crate::templates::board::Picture;
use crate::templates::board::Table;
use crate::templates::board::Tick;
use crate::templates::samples::Sample;
use crate::templates::samples::Show;
use crate::templates::samples::URL;

/// Renders them all.
pub(super) fn show(show: &mut Show<'_>) {
    show.page::<Board>();
}

/// Bars over a few days.
pub(super) fn chart() -> Chart {
    let counts = [("21.11", 0), ("22.11", 12), ("23.11", 116_578)];
    let counts = counts.map(|(day, count)| (day.to_owned(), count));
    Chart::of("readers_by_day", "day", counts)
}

fn form() -> Form {
    let field = |name, label, kind: &'static str, value: &str| FormField {
        name,
        label,
        kind,
        value: value.into(),
        must: true,
        choices: Vec::new(),
        ticks: Vec::new(),
    };
    Form {
        title: "edit",
        action: "/admin/sources/1".into(),
        get: false,
        fields: vec![
            field("name", "name", "text", "Полтавська ОВА"),
            field("html", "html", "long", "<p>Так</p>"),
            field("text", "template", "code", "{{ letter.url }}"),
            field("id", "name", "hidden", "1"),
            field("new_password", "new_password", "password", ""),
            FormField {
                choices: vec![("auto".into(), "kind_auto"), ("odd".into(), "")],
                ..field("kind", "kind", "choice", "auto")
            },
            FormField {
                ticks: vec![
                    Tick {
                        value: "*".into(),
                        word: Some("all_lists"),
                        ..Tick::default()
                    },
                    Tick {
                        value: "all".into(),
                        text: "Усі новини".into(),
                        on: true,
                        ..Tick::default()
                    },
                ],
                ..field("lists", "lists_of_editor", "ticks", "")
            },
        ],
        buttons: vec![("preview", "preview"), ("save", "save")],
    }
}

fn versions() -> Table {
    Table {
        title: "versions",
        columns: vec!["version", "difference"],
        rows: vec![vec![
            Cell::way("part_html", format!("{URL}/admin/templates")),
            Cell::code("-<p>Так</p>\n+<p>Ні</p>\n"),
        ]],
    }
}

fn faults() -> Faults {
    let engine = Fault {
        line: Some(3),
        text: "<p>{{ letter.topic }}</p>".into(),
        kind: "engine",
        said: "undefined value".into(),
    };
    let lacks = [
        "long",
        "empty",
        "html_leave",
        "text_leave",
        "html_address",
        "text_address",
    ];
    let lacks = lacks.map(|kind| Fault {
        kind,
        ..Fault::default()
    });
    Faults {
        faults: std::iter::once(engine).chain(lacks).collect(),
    }
}

/// One that says no more, and one that says what comes next.
fn without_rows() -> [Board; 2] {
    let empty = Board {
        title: "sources",
        parts: vec![Part::Table(Table::default())],
        ..Board::default()
    };
    let first = Board {
        empty: Some(Empty::then(
            "empty_sources",
            "add_source",
            format!("{URL}/admin/sources/new"),
        )),
        ..empty.clone()
    };
    [empty, first]
}

impl Sample for Board {
    fn samples() -> Vec<Self> {
        let rows = vec![vec![
            Cell::link("Полтавська ОВА", format!("{URL}/admin/sources/1")),
            Cell::word("failing"),
            Cell::text("expected a feed, but got `text/html`"),
            Cell::button("remove", "/admin/sources/1/remove"),
        ]];
        let full = Self {
            title: "sources",
            about: Some("Полтавська ОВА".into()),
            done: Some("saved"),
            problem: Some("expected an address".into()),
            links: vec![("add", format!("{URL}/admin/sources/new"))],
            empty: None,
            parts: vec![
                Part::Table(Table {
                    title: "",
                    columns: vec!["name", "state", "problem", "remove"],
                    rows,
                }),
                Part::Facts(Facts {
                    title: "",
                    facts: vec![("address", Cell::text(URL))],
                }),
                Part::Buttons(Buttons {
                    buttons: vec![("/admin/sources/1/poll".into(), "poll_now")],
                }),
                Part::Picture(Picture {
                    title: "totp_picture",
                    size: 2,
                    path: "M0 0h1v1h-1z".into(),
                }),
                Part::Chart(chart()),
                Part::Form(form()),
            ],
            caught: Some(vec![
                Part::Facts(Facts {
                    title: "preview",
                    facts: vec![("count", Cell::text("2"))],
                }),
                Part::Faults(faults()),
                Part::Letter(Letter {
                    title: "letter_in_uk",
                    language: "uk",
                    subject: "Підтвердьте підписку".into(),
                    html: "<p style=\"color: #14508f\">Вітаємо!</p>".into(),
                    text: "Вітаємо!".into(),
                }),
            ]),
            below: vec![Part::Table(versions())],
            next: Some(format!("{URL}/admin/sources?after=1")),
        };
        let [empty, first] = without_rows();
        vec![full, empty, first]
    }
}
