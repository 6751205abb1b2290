//! What the API says of itself: OpenAPI 3.1 for programs, a page for people.

use axum::Json;
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;
use utoipa::Modify;
use utoipa::OpenApi as _;
use utoipa::ToSchema;
use utoipa::openapi::OpenApi;
use utoipa::openapi::Server;
use utoipa::openapi::security::Http;
use utoipa::openapi::security::HttpAuthScheme;
use utoipa::openapi::security::SecurityScheme;

use crate::access::key::Scope;
use crate::templates::api::ApiPage;
use crate::templates::api::Field;
use crate::templates::api::Operation;
use crate::templates::api::Resource;
use crate::web::api::caller::Caller;
use crate::web::api::letters::StateWord;
use crate::web::api::openapi;
use crate::web::api::problem::Problem;
use crate::web::api::problem::Problems;
use crate::web::error::Error;
use crate::web::visit::Visit;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Visnyk",
        description = "Everything that a person can do here, for scripts. Make a key with `visnyk key add NAME --scope …` \
                       and send it as `Authorization: Bearer KEY`. Errors are problems by RFC 9457. A POST with an \
                       `Idempotency-Key` is done once, however often it's sent within two days. The next page of a list \
                       is in `Link`, how much you may still ask in `RateLimit`.",
        license(name = "MIT OR Apache-2.0")
    ),
    tags(
        (name = "articles", description = "What was taken in and published"),
        (name = "topics", description = "What articles are about, and who issued them"),
        (name = "sources", description = "Where news comes from"),
        (name = "lists", description = "Newsletters"),
        (name = "subscribers", description = "People who get letters"),
        (name = "subscriptions", description = "What they get"),
        (name = "digests", description = "Runs of lists"),
        (name = "letters", description = "Who was sent what, and what came of it"),
        (name = "suppressions", description = "Addresses that aren't written to"),
        (name = "webhooks", description = "Programs that are told what happens here. Each event is a POST of JSON with its name \
                       (`type`), its moment (`timestamp`) and what it's about (`data`): numbers and names, never an address. Of \
                       `subscriber.confirmed` and `subscriber.left` that is `subscriber`, `subscription` and `list`; of `digest.sent` \
                       `digest`, `list`, `cadence` and `letters` by state; of `letter.refused` `letter`, `subscriber`, `digest`, `kind`, \
                       `status` and `origin`; of `source.failing` `source`, `name`, `url` and `problem`; of \
                       `canary.silent` `list`, `digest`, `why` and `since`. It's signed as Standard Webhooks \
                       has it (`webhook-id`, `webhook-timestamp`, `webhook-signature`). What isn't answered with 2xx comes again for \
                       three days; 410 ends it."),
        (name = "templates", description = "What letters are written with"),
        (name = "settings", description = "What owners choose of the newsroom's settings"),
        (name = "users", description = "People who look after lists"),
        (name = "keys", description = "Keys for scripts. A key makes none that may do what it may not itself"),
        (name = "audit", description = "Who changed what"),
        (name = "key", description = "Your own key")
    ),
    components(schemas(Problem, StateWord)),
    modifiers(&Key)
)]
struct About;

struct Key;

impl Modify for Key {
    fn modify(&self, openapi: &mut OpenApi) {
        let mut bearer = Http::new(HttpAuthScheme::Bearer);
        bearer.description = Some("A key of `visnyk key add`".to_owned());
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("key", SecurityScheme::Http(bearer));
    }
}

/// The head of the description.
pub(super) fn about() -> OpenApi {
    About::openapi()
}

/// The whole of it, for a site at this address.
pub(super) fn complete(mut openapi: OpenApi, base_url: &str) -> OpenApi {
    openapi.servers = Some(vec![Server::new(base_url)]);
    openapi
}

/// A key, as far as its owner doesn't know it by heart.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Key)]
pub(super) struct KeyShown {
    #[schema(example = "newsroom")]
    name: String,
    scopes: Vec<&'static str>,
}

/// Who you are, and what you may do.
#[utoipa::path(get, path = "/key", tag = "key", security(("key" = [])),
    responses((status = 200, description = "Your key", body = KeyShown), Problems))]
pub(super) async fn own_key(Caller(key): Caller) -> Json<KeyShown> {
    Json(KeyShown {
        name: key.name,
        scopes: key.scopes.into_iter().map(Scope::as_str).collect(),
    })
}

/// `/api`: the description, for people.
pub(in crate::web) async fn page(visit: Visit) -> Result<Response, Error> {
    let described = serde_json::to_value(openapi(&visit.app.settings.base_url));
    let described = described.map_err(|problem| Error::trouble(problem.into()))?;
    visit.page(&ApiPage {
        openapi: visit.app.url("/api/openapi.json"),
        resources: resources(&described),
        problems: super::problem::kinds(),
    })
}

/// Operations by resource, in the description's order.
fn resources(described: &Value) -> Vec<Resource> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let tags = described["tags"].as_array().cloned().unwrap_or_default();
    tags.iter()
        .map(|tag| Resource {
            name: text(&tag["name"]),
            about: text(&tag["description"]),
            operations: operations(described, &tag["name"]),
        })
        .collect()
}

fn operations(described: &Value, tag: &Value) -> Vec<Operation> {
    let paths = described["paths"].as_object().into_iter().flatten();
    let all = paths.flat_map(|(path, methods)| {
        let methods = methods.as_object().into_iter().flatten();
        methods.map(move |(method, operation)| (path, method, operation))
    });
    let ours = all.filter(|(_, _, operation)| operation["tags"][0] == *tag);
    ours.map(|(path, method, operation)| operation_of(described, path, method, operation))
        .collect()
}

fn operation_of(described: &Value, path: &str, method: &str, operation: &Value) -> Operation {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let parameters = parameters.map(|parameter| Field {
        name: text(&parameter["name"]),
        must: parameter["required"] == true,
        about: text(&parameter["description"]),
    });
    let body = &operation["requestBody"]["content"]["application/json"]["schema"];
    let responses = operation["responses"].as_object().into_iter().flatten();
    let good = responses.filter(|(status, _)| status.starts_with('2'));
    let about = [&operation["summary"], &operation["description"]].map(text);
    Operation {
        method: method.to_uppercase(),
        path: path.to_owned(),
        about: about.join(" ").trim().to_owned(),
        scope: text(&operation["security"][0]["key"][0]),
        fields: parameters.chain(fields(described, body)).collect(),
        answers: good
            .map(|(status, response)| format!("{status}: {}", text(&response["description"])))
            .collect(),
        example: example(described, body),
    }
}

/// What a reference leads to.
fn at<'a>(described: &'a Value, schema: &'a Value) -> &'a Value {
    let name = schema["$ref"]
        .as_str()
        .and_then(|path| path.strip_prefix("#/components/schemas/"));
    name.map_or(schema, |name| &described["components"]["schemas"][name])
}

fn fields(described: &Value, body: &Value) -> Vec<Field> {
    let schema = at(described, body);
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let fields = schema["properties"].as_object().into_iter().flatten();
    fields
        .map(|(name, field)| Field {
            name: name.clone(),
            must: required.iter().any(|must| must == name),
            about: [field, at(described, field)]
                .iter()
                .find_map(|schema| schema["description"].as_str())
                .unwrap_or_default()
                .to_owned(),
        })
        .collect()
}

/// A body with what must be there.
fn example(described: &Value, body: &Value) -> Option<String> {
    let schema = at(described, body);
    schema["properties"].as_object()?;
    let value = example_of(described, schema);
    serde_json::to_string_pretty(&value).ok()
}

fn example_of(described: &Value, schema: &Value) -> Value {
    let schema = at(described, schema);
    let given = [
        &schema["example"],
        &schema["examples"][0],
        &schema["enum"][0],
    ];
    if let Some(given) = given.into_iter().find(|given| !given.is_null()) {
        return given.clone();
    }
    let Some(properties) = schema["properties"].as_object() else {
        return schema["minimum"].clone();
    };
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let shown = properties
        .iter()
        .filter(|(name, _)| required.iter().any(|must| must == *name));
    shown
        .map(|(name, field)| (name.clone(), example_of(described, field)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}
