//! Letters' templates: which of them are changed, and each with its versions, edited beside what
//! letters look like with it. Only for owners: a letter speaks in everybody's name.

use axum::extract::Path;
use axum::response::Response;

use crate::access::User;
use crate::app::App;
use crate::article::intake::change;
use crate::letter::LetterPurpose;
use crate::letter::LetterTemplate;
use crate::letter::Part as LetterPart;
use crate::letter::template;
use crate::letter::template::Trial;
use crate::locale::Language;
use crate::store;
use crate::store::template::AsOf;
use crate::store::template::Version;
use crate::templates::board::Board;
use crate::templates::board::Buttons;
use crate::templates::board::Cell;
use crate::templates::board::Faults;
use crate::templates::board::Form;
use crate::templates::board::Letter;
use crate::templates::board::Part;
use crate::templates::board::Table;
use crate::web::admin::desk::Owner;
use crate::web::admin::desk::actor;
use crate::web::admin::desk::back;
use crate::web::admin::desk::board;
use crate::web::admin::desk::field;
use crate::web::admin::desk::moment;
use crate::web::admin::desk::must;
use crate::web::admin::desk::refused;
use crate::web::admin::limit;
use crate::web::error::Error;
use crate::web::form::Fields;
use crate::web::visit::Visit;

/// Bytes of a template as it's sent: what is typed is shown again, whatever is wrong with it, and
/// escaping makes it longer.
pub(in crate::web) const MOST_BODY: usize = 320 * 1024;

/// Versions that a page shows, and characters of what each changed.
const VERSIONS: usize = 20;
const DIFFERENCE: usize = 8_000;

/// Bytes of a letter that a page shows: well above what mail programs do.
const MOST_SHOWN: usize = 128 * 1024;

/// `/admin/templates`.
pub(in crate::web) async fn all(visit: Visit, Owner(user): Owner) -> Result<Response, Error> {
    let mut tx = visit.app.db.read().await?;
    let versions = store::template::in_force(&mut tx, AsOf::NOW).await?;
    let rows = LetterTemplate::all().map(|template| {
        let written = |version: &&Version| version.template() == template;
        row(&visit, template, versions.iter().find(written))
    });
    let table = Table {
        title: "",
        columns: vec!["letter", "part", "state", "when", "actor"],
        rows: rows.collect(),
    };
    let page = Board {
        title: "templates",
        parts: vec![Part::Table(table)],
        ..Board::default()
    };
    board(&visit, &user, page)
}

fn row(visit: &Visit, template: LetterTemplate, version: Option<&Version>) -> Vec<Cell> {
    let is_changed = version.is_some_and(|version| version.text.is_some());
    let when = version.map(|version| moment(visit, version.made_at));
    let who = version.map(|version| version.made_by.clone());
    vec![
        Cell::word(letter_word(template.purpose)),
        Cell::way(part_word(template.part), visit.app.url(&path(template))),
        Cell::word(if is_changed { "edited" } else { "shipped" }),
        Cell::text(when.unwrap_or_default()),
        Cell::text(who.unwrap_or_default()),
    ]
}

fn letter_word(purpose: LetterPurpose) -> &'static str {
    match purpose {
        LetterPurpose::Digest => "letter_digest",
        LetterPurpose::Confirm => "letter_confirm",
        LetterPurpose::Welcome => "letter_welcome",
        LetterPurpose::Link => "letter_link",
        LetterPurpose::Goodbye => "letter_goodbye",
        LetterPurpose::Review => "letter_review",
        LetterPurpose::Alarm => "letter_alarm",
        LetterPurpose::Address => "letter_address",
        LetterPurpose::Erasure => "letter_erasure",
        LetterPurpose::Password => "letter_password",
        LetterPurpose::Silence => "letter_silence",
        LetterPurpose::Sample => "letter_sample",
    }
}

fn part_word(part: LetterPart) -> &'static str {
    match part {
        LetterPart::Subject => "part_subject",
        LetterPart::Html => "part_html",
        LetterPart::Text => "part_text",
    }
}

fn path(template: LetterTemplate) -> String {
    format!("/admin/templates/{template}")
}

async fn try_on(app: &App, template: LetterTemplate, text: &str) -> Result<Trial, Error> {
    let trial = template::try_on(app, (template, text), AsOf::NOW).await;
    trial.map_err(Error::trouble)
}

/// `/admin/templates/{purpose}/{part}`.
pub(in crate::web) async fn one(
    visit: Visit,
    Owner(user): Owner,
    Path((purpose, part)): Path<(String, String)>,
) -> Result<Response, Error> {
    let template = LetterTemplate::named(&purpose, &part).ok_or(Error::NotFound)?;
    let text = template::text(&visit.app, template).await?;
    let trial = try_on(&visit.app, template, &text).await?;
    let page = page_of(&visit, template, text, trial).await?;
    board(&visit, &user, page)
}

async fn page_of(
    visit: &Visit,
    template: LetterTemplate,
    text: String,
    trial: Trial,
) -> Result<Board, Error> {
    let mut tx = visit.app.db.read().await?;
    let versions = store::template::versions(&mut tx, template, limit(VERSIONS + 1)).await?;
    drop(tx);
    let letter = visit.say(&format!("desk.{}", letter_word(template.purpose)))?;
    let part = visit.say(&format!("desk.{}", part_word(template.part)))?;
    let form = Form {
        action: path(template),
        fields: vec![must(field("text", "template", "code", text))],
        buttons: vec![("save", "save"), ("show_letter", "preview"), ("try", "try")],
        ..Form::default()
    };
    let is_changed = versions
        .first()
        .is_some_and(|version| version.text.is_some());
    let mut below = vec![Part::Table(Table {
        title: "versions",
        columns: vec!["version", "when", "actor", "difference", "state"],
        rows: history(visit, template, &versions),
    })];
    if is_changed {
        let buttons = vec![(format!("{}/shipped", path(template)), "as_shipped")];
        below.push(Part::Buttons(Buttons { buttons }));
    }
    Ok(Board {
        title: "templates",
        about: Some(format!("{letter}: {part}")),
        links: vec![("all_templates", visit.app.url("/admin/templates"))],
        parts: vec![Part::Form(form)],
        caught: Some(caught(template, trial)),
        below,
        ..Board::default()
    })
}

/// What is wrong, and what letters look like.
fn caught(template: LetterTemplate, trial: Trial) -> Vec<Part> {
    let languages = [
        (Language::Uk, "letter_in_uk"),
        (Language::En, "letter_in_en"),
    ];
    let letters = languages.into_iter().filter_map(|(language, title)| {
        let shown = trial.first(template.purpose, language)?;
        let (subject, text) = shown.text.clone()?;
        let fits = shown.html.len().max(text.len()) <= MOST_SHOWN;
        fits.then(|| {
            Part::Letter(Letter {
                title,
                language: language.as_str(),
                subject,
                html: shown.html.clone(),
                text,
            })
        })
    });
    let letters: Vec<Part> = letters.collect();
    let faults = trial.faults;
    let faults = (!faults.is_empty()).then_some(Part::Faults(Faults { faults }));
    faults.into_iter().chain(letters).collect()
}

/// Each version against the one before; the first against what was shipped.
fn history(visit: &Visit, template: LetterTemplate, versions: &[Version]) -> Vec<Vec<Cell>> {
    let shipped = template::shipped(&visit.app, template);
    let text = |version: Option<&Version>| {
        let text = version.and_then(|version| version.text.clone());
        text.unwrap_or_else(|| shipped.clone())
    };
    let shown = versions.iter().enumerate().take(VERSIONS);
    let rows = shown.map(|(place, version)| {
        let number = version.number.unwrap_or_default();
        let before = text(versions.get(place + 1));
        let difference = change::by_line(&before, &text(Some(version)));
        let difference: String = difference.chars().take(DIFFERENCE).collect();
        vec![
            Cell::text(number.to_string()),
            Cell::text(moment(visit, version.made_at)),
            Cell::text(version.made_by.clone()),
            Cell::code(difference),
            if place == 0 {
                Cell::word("in_force")
            } else {
                Cell::button("roll_back", format!("{}/{number}", path(template)))
            },
        ]
    });
    rows.collect()
}

/// The text as it's kept: browsers send lines as networks end them.
fn typed(fields: &Fields) -> String {
    let text = fields.exact("text").replace("\r\n", "\n");
    text.replace('\0', "")
}

/// `POST /admin/templates/{purpose}/{part}`: shows what comes of it, keeps it, or sends it to whoever
/// wrote it.
pub(in crate::web) async fn change(
    visit: Visit,
    Owner(user): Owner,
    Path((purpose, part)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response, Error> {
    let (app, template) = (
        &visit.app,
        LetterTemplate::named(&purpose, &part).ok_or(Error::NotFound)?,
    );
    let text = typed(&fields);
    let trial = try_on(app, template, &text).await?;
    let is_sound = trial.faults.is_empty();
    match fields.one("step") {
        "save" if is_sound => {
            template::keep(app, template, (Some(&text), None), &actor(&user)).await?;
            Ok(back(&path(template), "saved"))
        }
        "try" if is_sound => {
            let sent = template::send_sample(app, &user, (template, &text)).await?;
            let mut page = page_of(&visit, template, text, trial).await?;
            if sent {
                page.done = Some("sent_to_you");
                return board(&visit, &user, page);
            }
            page.problem = Some(visit.say("desk.enough_samples")?);
            refused(&visit, &user, page)
        }
        "save" | "try" => unsound(&visit, &user, template, (text, trial)).await,
        _ => {
            let page = page_of(&visit, template, text, trial).await?;
            board(&visit, &user, page)
        }
    }
}

/// The page with all that was typed, and above it what is wrong with that.
async fn unsound(
    visit: &Visit,
    user: &User,
    template: LetterTemplate,
    (text, trial): (String, Trial),
) -> Result<Response, Error> {
    let faults = trial.faults.clone();
    let mut page = page_of(visit, template, text, trial).await?;
    page.problem = Some(visit.say("desk.not_saved")?);
    page.parts.insert(0, Part::Faults(Faults { faults }));
    if let Some(caught) = &mut page.caught {
        caught.retain(|part| !matches!(part, Part::Faults(_)));
    }
    refused(visit, user, page)
}

/// `POST /admin/templates/{purpose}/{part}/{version}`: an old version once more, or `shipped`.
pub(in crate::web) async fn roll_back(
    visit: Visit,
    Owner(user): Owner,
    Path((purpose, part, version)): Path<(String, String, String)>,
) -> Result<Response, Error> {
    let template = LetterTemplate::named(&purpose, &part).ok_or(Error::NotFound)?;
    let visit = visit.at(&path(template));
    let text = if version == "shipped" {
        None
    } else {
        let number = version.parse().map_err(|_| Error::NotFound)?;
        let mut tx = visit.app.db.read().await?;
        let found = store::template::find_version(&mut tx, template, number).await?;
        found.ok_or(Error::NotFound)?.text
    };
    if let Some(text) = &text {
        let trial = try_on(&visit.app, template, text).await?;
        if !trial.faults.is_empty() {
            return unsound(&visit, &user, template, (text.clone(), trial)).await;
        }
    }
    let kept = (text.as_deref(), Some(version.as_str()));
    template::keep(&visit.app, template, kept, &actor(&user)).await?;
    Ok(back(&path(template), "saved"))
}
