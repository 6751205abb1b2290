//! `/admin/settings`: what owners choose of the newsroom's settings, what is in force without the secrets,
//! and what the doctor finds when asked. The rest is the operator's file and environment.

use std::time::Duration;

use axum::response::Response;

use crate::access::User;
use crate::choice;
use crate::choice::NoKey;
use crate::choice::Refused;
use crate::config::Choice;
use crate::config::Shown;
use crate::doctor;
use crate::doctor::Finding;
use crate::doctor::State;
use crate::letter::dkim::Signer;
use crate::templates::board::Board;
use crate::templates::board::Buttons;
use crate::templates::board::Cell;
use crate::templates::board::Facts;
use crate::templates::board::Form;
use crate::templates::board::FormField;
use crate::templates::board::Part;
use crate::templates::board::Table;
use crate::web::admin::desk::Owner;
use crate::web::admin::desk::back;
use crate::web::admin::desk::board;
use crate::web::admin::desk::by;
use crate::web::admin::desk::choice as choosing;
use crate::web::admin::desk::field;
use crate::web::admin::desk::must;
use crate::web::admin::desk::refused;
use crate::web::admin::first_steps::onwards;
use crate::web::error::Error;
use crate::web::form::Fields;
use crate::web::visit::Visit;

/// How long the doctor may look: name servers and relays that don't answer take longest.
const LOOKS: Duration = Duration::from_secs(20);

/// `GET`.
pub(in crate::web) async fn page(visit: Visit, Owner(user): Owner) -> Result<Response, Error> {
    let page = page_of(&visit, Vec::new(), None);
    board(&visit, &user, page)
}

/// `POST`: the newsroom's name, zone, sender and the like, in force at once.
pub(in crate::web) async fn choose(
    visit: Visit,
    Owner(user): Owner,
    fields: Fields,
) -> Result<Response, Error> {
    let app = &visit.app;
    let asked = Choice::ALL
        .into_iter()
        .filter(|choice| app.settings.leaves(*choice));
    let wishes: Vec<(Choice, String)> = asked
        .filter_map(|choice| Some((choice, fields.given(choice.key())?.to_owned())))
        .collect();
    let what = ("settings.choose", "settings".to_owned());
    match choice::choose(app, by(&user, what), &wishes).await? {
        Ok(()) => Ok(back(onwards(&app.current()).await?, "saved")),
        Err(wrong) => wrong_with(&visit, &user, &fields, &wrong),
    }
}

fn wrong_with(
    visit: &Visit,
    user: &User,
    fields: &Fields,
    wrong: &[Refused],
) -> Result<Response, Error> {
    let mut said = Vec::new();
    for one in wrong {
        let words = match one.choice {
            Choice::Sender | Choice::ReplyTo => "desk.bad_mailbox",
            Choice::Name | Choice::Description | Choice::Address => "desk.bad_line",
            Choice::Language | Choice::Zone => "desk.bad_choice",
        };
        let label = visit.say(&format!("desk.{}", label(one.choice)))?;
        said.push(format!("{label}. {}", visit.say(words)?));
    }
    let page = Board {
        problem: Some(said.join(" ")),
        ..page_of(visit, Vec::new(), Some(fields))
    };
    refused(visit, user, page)
}

/// `POST /admin/settings/signing`: has letters signed, by a key that is made now.
pub(in crate::web) async fn sign(visit: Visit, Owner(user): Owner) -> Result<Response, Error> {
    let visit = visit.at("/admin/settings");
    let what = ("settings.sign", "settings".to_owned());
    let signed = choice::sign(&visit.app, by(&user, what)).await;
    match signed.map_err(Error::trouble)? {
        Ok(()) | Err(NoKey::Signed(_)) => Ok(back(onwards(&visit.app).await?, "signed")),
        Err(NoKey::Nowhere(_)) => {
            let page = Board {
                problem: Some(visit.say("desk.signed_nowhere")?),
                ..page_of(&visit, Vec::new(), None)
            };
            refused(&visit, &user, page)
        }
    }
}

/// `POST /admin/settings/examination`: has the doctor look.
pub(in crate::web) async fn examine(visit: Visit, Owner(user): Owner) -> Result<Response, Error> {
    let visit = visit.at("/admin/settings");
    let looking = tokio::time::timeout(LOOKS, doctor::examine(&visit.app, None)).await;
    let page = match looking {
        Ok(findings) => page_of(&visit, findings.map_err(Error::trouble)?, None),
        Err(_) => Board {
            problem: Some(visit.say("desk.examines_too_long")?),
            ..page_of(&visit, Vec::new(), None)
        },
    };
    board(&visit, &user, page)
}

/// The page; `filled` is what came instead of what is in force.
fn page_of(visit: &Visit, findings: Vec<Finding>, filled: Option<&Fields>) -> Board {
    let app = &visit.app;
    let mut parts = newsroom(visit, filled);
    if !app.signers.is_empty() {
        parts.push(Part::Facts(Facts {
            title: "signing",
            facts: app.signers.iter().flat_map(record).collect(),
        }));
    }
    let mut buttons = vec![("/admin/settings/examination".to_owned(), "examine")];
    if choice::lacks_key(app) {
        let make = ("/admin/settings/signing".to_owned(), "make_signing_key");
        buttons.insert(0, make);
    }
    parts.push(Part::Buttons(Buttons { buttons }));
    if !findings.is_empty() {
        parts.push(Part::Table(Table {
            title: "findings",
            columns: vec!["examined", "state", "found"],
            rows: findings.into_iter().map(found).collect(),
        }));
    }
    let settings = app.settings.in_force();
    parts.push(Part::Table(Table {
        title: "settings_in_force",
        columns: vec!["setting", "value"],
        rows: settings.into_iter().map(setting).collect(),
    }));
    Board {
        title: "settings",
        parts,
        ..Board::default()
    }
}

/// What owners choose, and beside it what the operator said of the same.
fn newsroom(visit: &Visit, filled: Option<&Fields>) -> Vec<Part> {
    let settings = &visit.app.settings;
    let (free, said): (Vec<Choice>, Vec<Choice>) = Choice::ALL
        .into_iter()
        .partition(|choice| settings.leaves(*choice));
    let value = |choice: Choice| {
        filled.map_or_else(
            || choice.said(settings),
            |filled| filled.one(choice.key()).to_owned(),
        )
    };
    let mut parts = Vec::new();
    if !free.is_empty() {
        parts.push(Part::Form(Form {
            title: "newsroom",
            action: "/admin/settings".to_owned(),
            fields: free
                .into_iter()
                .map(|choice| asked(choice, &value(choice)))
                .collect(),
            buttons: vec![("save", "save")],
            ..Form::default()
        }));
    }
    if !said.is_empty() {
        let facts = said.into_iter();
        parts.push(Part::Facts(Facts {
            title: "said_by_operator",
            facts: facts
                .map(|choice| (label(choice), Cell::text(choice.said(settings))))
                .collect(),
        }));
    }
    parts
}

fn label(choice: Choice) -> &'static str {
    match choice {
        Choice::Name => "name",
        Choice::Description => "site_about",
        Choice::Language => "site_language",
        Choice::Zone => "zone",
        Choice::Address => "site_address",
        Choice::Sender => "sender",
        Choice::ReplyTo => "reply_to",
    }
}

fn asked(choice: Choice, value: &str) -> FormField {
    let (name, label) = (choice.key(), label(choice));
    match choice {
        Choice::Name | Choice::Sender => must(field(name, label, "text", value)),
        Choice::Language => {
            let languages = [("uk", "lang_uk"), ("en", "lang_en")];
            choosing(name, label, value, &languages)
        }
        Choice::Zone => {
            let zones = chrono_tz::TZ_VARIANTS.iter();
            let zones: Vec<(&str, &str)> = zones.map(|zone| (zone.name(), "")).collect();
            choosing(name, label, value, &zones)
        }
        Choice::Description | Choice::ReplyTo | Choice::Address => {
            field(name, label, "text", value)
        }
    }
}

/// What is to be published of a key.
fn record(signer: &Signer) -> [(&'static str, Cell); 2] {
    let record = signer.record();
    [
        ("record_name", Cell::text(&record.name)),
        ("record_text", Cell::text(&record.text)),
    ]
}

fn found(finding: Finding) -> Vec<Cell> {
    let state = match finding.state {
        State::Good => "in_order",
        State::Unknown => "unclear",
        State::Bad => "out_of_order",
    };
    vec![
        Cell::text(finding.about),
        Cell::word(state),
        Cell::code(finding.words),
    ]
}

fn setting((name, value): (String, Shown)) -> Vec<Cell> {
    let value = match value {
        Shown::Text(text) => Cell::text(text),
        Shown::Secret => Cell::word("set_secret"),
        Shown::Unset => Cell::word("not_set"),
    };
    vec![Cell::text(name), value]
}
