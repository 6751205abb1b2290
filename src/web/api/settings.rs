//! What owners choose of the newsroom's settings.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::article::clean::one_line;
use crate::choice;
use crate::choice::NoKey;
use crate::config::Choice;
use crate::locale::Language;
use crate::web::api::caller::Allowed;
use crate::web::api::caller::SettingsRead;
use crate::web::api::caller::SettingsWrite;
use crate::web::api::field::Name;
use crate::web::api::field::Plain;
use crate::web::api::field::Text;
use crate::web::api::field::Zone;
use crate::web::api::lists::Sender;
use crate::web::api::lists::mailbox;
use crate::web::api::problem::Problem;
use crate::web::api::problem::Problems;
use crate::web::api::shape::Body;
use crate::web::api::shape::Seen;
use crate::web::api::shape::one;
use crate::web::api::wish::Tongue;

/// The newsroom as owners and the operator set it up.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Settings)]
pub(super) struct SettingsShown {
    #[schema(example = "Вісник громади")]
    name: String,
    /// What it publishes, in one sentence.
    description: String,
    language: String,
    zone: String,
    /// The postal address at the foot of letters.
    address: String,
    /// Who letters come from that belong to no list.
    #[schema(example = "Вісник <news@example.org>")]
    sender: String,
    /// Where answers go; empty if it's the sender.
    reply_to: String,
    /// The keys of those that the operator's file or environment says: they aren't changed here.
    operators: Vec<&'static str>,
    /// What is to be published for letters to be known by their signatures.
    records: Vec<RecordShown>,
}

/// A TXT record for the DNS.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DkimRecord)]
pub(super) struct RecordShown {
    #[schema(example = "v1._domainkey.example.org")]
    name: String,
    /// In one piece.
    text: String,
}

/// What is to change; what isn't named stays. An empty description or address is none.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangedSettings {
    name: Option<Name>,
    description: Option<Plain>,
    language: Option<Tongue>,
    zone: Option<Zone>,
    address: Option<Plain>,
    sender: Option<Sender>,
    reply_to: Option<Sender>,
}

/// The newsroom's name, zone, sender and the like.
#[utoipa::path(get, path = "/settings", tag = "settings", security(("key" = ["settings:read"])),
    responses((status = 200, body = SettingsShown, description = "Them", headers(("etag" = String))), Problems))]
pub(super) async fn get(
    _: Allowed<SettingsRead>,
    State(app): State<App>,
) -> Result<Response, Problem> {
    one(StatusCode::OK, &shown(&app))
}

/// Change them; they are in force at once.
#[utoipa::path(patch, path = "/settings", tag = "settings", security(("key" = ["settings:write"])),
    params(("If-Match" = Option<String>, Header, description = "The `ETag` that was read")),
    request_body = ChangedSettings,
    responses((status = 200, body = SettingsShown, description = "As they are now", headers(("etag" = String))), Problems))]
pub(super) async fn change(
    caller: Allowed<SettingsWrite>,
    State(app): State<App>,
    seen: Seen,
    Body(changed): Body<ChangedSettings>,
) -> Result<Response, Problem> {
    seen.still(&shown(&app))?;
    let by = caller.change("settings.choose", "settings".to_owned());
    match choice::choose(&app, by, &wishes(changed)).await? {
        Ok(()) => one(StatusCode::OK, &shown(&app.current())),
        Err(refused) => {
            let words = refused.into_iter();
            let words =
                words.map(|refused| format!("{}: {}", refused.choice.key(), refused.problem));
            Err(Problem::conflict(words.collect::<Vec<_>>().join("; ")))
        }
    }
}

fn wishes(changed: ChangedSettings) -> Vec<(Choice, String)> {
    let line = |text: &str| one_line(text, 200);
    let language = changed.language.map(Language::from);
    let wishes = [
        (Choice::Name, changed.name.map(|name| line(name.as_str()))),
        (
            Choice::Description,
            changed.description.map(|text| line(text.as_str())),
        ),
        (
            Choice::Language,
            language.map(|language| language.as_str().to_owned()),
        ),
        (
            Choice::Zone,
            changed.zone.map(|zone| zone.0.name().to_owned()),
        ),
        (
            Choice::Address,
            changed.address.map(|text| line(text.as_str())),
        ),
        (
            Choice::Sender,
            changed.sender.map(|sender| mailbox(sender).to_string()),
        ),
        (
            Choice::ReplyTo,
            changed.reply_to.map(|sender| mailbox(sender).to_string()),
        ),
    ];
    let wishes = wishes.into_iter();
    wishes
        .filter_map(|(choice, text)| Some((choice, text?)))
        .collect()
}

/// Have letters from the sender's domain signed, by a key that is made now.
#[utoipa::path(post, path = "/settings/signing-key", tag = "settings", security(("key" = ["settings:write"])),
    params(("Idempotency-Key" = Option<String>, Header, pattern = "^[!-~]{1,200}$", description = "The same key, the same answer, done once")),
    responses((status = 200, body = SettingsShown, description = "With the record to publish", headers(("etag" = String))), Problems))]
pub(super) async fn sign(
    caller: Allowed<SettingsWrite>,
    State(app): State<App>,
) -> Result<Response, Problem> {
    let by = caller.change("settings.sign", "settings".to_owned());
    match choice::sign(&app, by).await? {
        Ok(()) | Err(NoKey::Signed(_)) => one(StatusCode::OK, &shown(&app.current())),
        Err(problem @ NoKey::Nowhere(_)) => Err(Problem::conflict(problem.to_string())),
    }
}

fn shown(app: &App) -> SettingsShown {
    let said = |choice: Choice| choice.said(&app.settings);
    let operators = Choice::ALL.into_iter();
    let records = app.signers.iter().map(|signer| RecordShown {
        name: signer.record().name.clone(),
        text: signer.record().text.clone(),
    });
    SettingsShown {
        name: said(Choice::Name),
        description: said(Choice::Description),
        language: said(Choice::Language),
        zone: said(Choice::Zone),
        address: said(Choice::Address),
        sender: said(Choice::Sender),
        reply_to: said(Choice::ReplyTo),
        operators: operators
            .filter(|choice| !app.settings.leaves(*choice))
            .map(Choice::key)
            .collect(),
        records: records.collect(),
    }
}
