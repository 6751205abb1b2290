//! What comes next while an installation is new: from its settings to its first digest, in order, and
//! a test letter for the owner. Everything is read off what there is, so that nothing needs to be
//! ticked, and the list goes away once the first digest is out.

use axum::response::Response;

use crate::access::Role;
use crate::access::User;
use crate::app::App;
use crate::audience::list::List;
use crate::choice;
use crate::config::Choice;
use crate::config::Destination;
use crate::letter::LetterPurpose;
use crate::letter::LetterTemplate;
use crate::letter::Part;
use crate::letter::template;
use crate::store;
use crate::store::Tx;
use crate::store::first_steps::Reached;
use crate::templates::first_steps::Came;
use crate::templates::first_steps::FirstSteps;
use crate::templates::first_steps::Record;
use crate::templates::first_steps::Setting;
use crate::templates::first_steps::Step;
use crate::templates::first_steps::StepName;
use crate::templates::first_steps::StepState;
use crate::web::admin::desk::Owner;
use crate::web::admin::desk::back;
use crate::web::error::Error;
use crate::web::visit::Visit;

/// The letter that shows most: what owners wrote, or what was shipped.
const SAMPLE: LetterTemplate = LetterTemplate {
    purpose: LetterPurpose::Digest,
    part: Part::Html,
};

/// What is left to do; `None` once nothing is, and for those who may only look, or look after some lists.
pub(super) async fn left(
    visit: &Visit,
    user: &User,
    tx: &mut Tx,
) -> Result<Option<FirstSteps>, Error> {
    let app = &visit.app;
    if user.role == Role::Viewer || user.reach.is_bound() {
        return Ok(None);
    }
    let reached = store::first_steps::reached(tx).await?;
    if reached.digest && is_set_up(app) {
        return Ok(None);
    }
    let lists = store::list::all(tx).await?;
    let mut steps = steps(app, user, reached, &lists);
    let next = steps
        .iter_mut()
        .find(|step| step.state == StepState::Later && (step.url.is_some() || step.post.is_some()));
    if let Some(next) = next {
        next.state = StepState::Next;
    }
    let done = steps
        .iter()
        .filter(|step| step.state == StepState::Done)
        .count();
    Ok(Some(FirstSteps {
        done,
        all: steps.len(),
        steps,
        settings: settings(app),
        settings_url: (user.role == Role::Owner).then(|| app.url("/admin/settings")),
        records: records(app),
        unsigned: choice::lacks_key(app),
        came: visit.asked_for("done").and_then(|came| match &*came {
            "saved" => Some(Came::Saved),
            "signed" => Some(Came::Signed),
            "sent" => Some(Came::Sent),
            "enough" => Some(Came::Enough),
            _ => None,
        }),
    }))
}

/// Where somebody goes on from the settings: to what comes next, while there is something left.
pub(super) async fn onwards(app: &App) -> Result<&'static str, Error> {
    let reached = store::first_steps::reached(&mut app.db.read().await?).await?;
    let over = reached.digest && is_set_up(app);
    Ok(if over { "/admin/settings" } else { "/admin" })
}

/// Whether letters are from a domain, and go further than this machine.
fn is_set_up(app: &App) -> bool {
    is_somebody(app) && goes_out(app)
}

fn is_somebody(app: &App) -> bool {
    app.settings.mail.from.domain().contains('.')
}

fn goes_out(app: &App) -> bool {
    let mut relays = app.settings.mail.relays.iter();
    relays.any(|relay| matches!(relay.to, Destination::Server(_)))
}

/// What is still to be said of the newsroom, and where, if it's by whoever looks.
fn naming(app: &App, is_owner: bool) -> (&'static str, Option<String>) {
    if is_somebody(app) {
        ("relay", None)
    } else if !app.settings.leaves(Choice::Sender) {
        ("settings_file", None)
    } else if is_owner {
        ("settings", Some("/admin/settings".to_owned()))
    } else {
        ("settings_owner", None)
    }
}

fn steps(app: &App, user: &User, reached: Reached, lists: &[List]) -> Vec<Step> {
    let step = |name, is_done, how, url: Option<String>| Step {
        name,
        state: if is_done {
            StepState::Done
        } else {
            StepState::Later
        },
        how,
        url: url.map(|path| app.url(&path)),
        post: None,
    };
    let first = lists.first();
    let public = first.map(|list| format!("/lists/{}", list.slug));
    let desk = first.map(|list| format!("/admin/lists/{}", list.slug));
    let owner = user.role == Role::Owner;
    let (source, how) = if reached.source {
        ("/admin/sources", "source_added")
    } else {
        ("/admin/sources/new", "source")
    };
    let (naming, place) = naming(app, owner);
    vec![
        step(StepName::Settings, is_set_up(app), naming, place),
        Step {
            post: owner.then(|| "/admin/test-letter".to_owned()),
            ..step(
                StepName::Letter,
                reached.letter || reached.digest,
                "letter",
                None,
            )
        },
        step(
            StepName::List,
            first.is_some(),
            "list",
            Some("/admin/lists/new".to_owned()),
        ),
        step(
            StepName::Reader,
            reached.reader || reached.digest,
            "reader",
            public,
        ),
        step(
            StepName::Source,
            reached.article,
            how,
            Some(source.to_owned()),
        ),
        step(StepName::Digest, reached.digest, "digest", desk),
    ]
}

fn settings(app: &App) -> Vec<Setting> {
    let (site, mail) = (&app.settings.site, &app.settings.mail);
    let setting = |name, key, value| Setting { name, key, value };
    let mut shown = vec![
        setting("name", "site.name", site.name.clone()),
        setting("zone", "site.zone", site.zone.name().to_owned()),
        setting("sender", "mail.from", mail.from.to_string()),
    ];
    // A relay's address holds its password; its host is enough.
    shown.extend(mail.relays.iter().map(|relay| {
        let value = match &relay.to {
            Destination::Folder(folder) => folder.display().to_string(),
            Destination::Server(url) => url.expose().host_str().unwrap_or_default().to_owned(),
        };
        setting("relay", "mail.relay", value)
    }));
    shown
}

fn records(app: &App) -> Vec<Record> {
    let records = app.signers.iter().map(|signer| {
        let record = signer.record();
        Record {
            name: record.name.clone(),
            text: record.text.clone(),
        }
    });
    records.collect()
}

/// `POST /admin/test-letter`: a sample of a digest, to whoever asks.
pub(in crate::web) async fn test_letter(
    visit: Visit,
    Owner(user): Owner,
) -> Result<Response, Error> {
    let app = &visit.app;
    let text = template::text(app, SAMPLE).await?;
    let sent = template::send_sample(app, &user, (SAMPLE, &text)).await?;
    let came = if sent { "sent" } else { "enough" };
    Ok(back("/admin", came))
}
