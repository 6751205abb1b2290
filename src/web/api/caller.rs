//! Who calls the API, what they may do, and how often.
//!
//! The gate stands before every address: a good key, not too many requests, and an answer given
//! once where the caller asks for that. What the key may do, each handler says by the type
//! [`Allowed`], first among what it takes, so that nothing is read for whoever may not.

use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use axum::extract::Request;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::HeaderName;
use axum::http::HeaderValue;
use axum::http::Method;
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::IntoResponse;
use axum::response::Response;
use chrono::TimeDelta;

use crate::access::key::ApiKey;
use crate::access::key::KeyText;
use crate::access::key::Scope;
use crate::store;
use crate::store::audit::Change;
use crate::web::Web;
use crate::web::api::once;
use crate::web::api::problem::Problem;
use crate::web::network::Spent;
use crate::web::network::Try;

/// Lets in whoever has a key, so often.
pub(super) async fn gate(State(web): State<Web>, mut request: Request, next: Next) -> Response {
    let key = match key(&web, request.headers()).await {
        Ok(key) => key,
        Err(problem) => return problem.into_response(),
    };
    let spent = web.budgets.count_one(Try::Key(key.id), web.app.now());
    if let Err(problem) = spent.within() {
        return told(&spent, Problem::from(problem).into_response());
    }
    request.extensions_mut().insert(key.clone());
    let response = if request.method() == Method::POST {
        once::answer(&web.app, &key, request, next).await
    } else {
        next.run(request).await
    };
    told(&spent, response)
}

async fn key(web: &Web, headers: &HeaderMap) -> Result<ApiKey, Problem> {
    let refused = || {
        Problem::new(
            StatusCode::UNAUTHORIZED,
            "expected `Authorization: Bearer KEY` with a key of `visnyk key add`",
        )
    };
    let shown = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let (kind, text) = shown
        .and_then(|shown| shown.split_once(' '))
        .ok_or_else(refused)?;
    if !kind.eq_ignore_ascii_case("bearer") {
        return Err(refused());
    }
    let hash = KeyText::shown(text.trim()).hash();
    let found = store::key::find(&mut web.app.db.read().await?, &hash).await?;
    let key = found.ok_or_else(refused)?;
    note_use(web, &key).await;
    Ok(key)
}

/// A busy writer is no reason to turn anybody away.
async fn note_use(web: &Web, key: &ApiKey) {
    let now = web.app.now();
    if web.budgets.spend(Try::KeyUse(key.id), now).is_err() {
        return;
    }
    let noted = async {
        let mut tx = web.app.db.begin().await?;
        store::key::note_use(&mut tx, key.id, now, now - TimeDelta::minutes(1)).await?;
        tx.commit().await
    };
    if let Err(problem) = noted.await {
        tracing::warn!(%problem, key = key.id, "key.use_not_noted");
    }
}

/// Says how much is left, in the fields of the IETF draft.
fn told(spent: &Spent, mut response: Response) -> Response {
    let policy = format!("\"key\";q={};w={}", spent.most, spent.span.num_seconds());
    let left = format!("\"key\";r={};t={}", spent.left(), spent.wait());
    let headers = response.headers_mut();
    for (name, value) in [("ratelimit-policy", policy), ("ratelimit", left)] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    response
}

/// A scope as a type.
pub(super) trait Needs {
    /// Which.
    const SCOPE: Scope;
}

macro_rules! needs {
    ($($name:ident),* $(,)?) => {
        $(#[doc = concat!("See [`Scope::", stringify!($name), "`].")]
        pub(super) struct $name;
        impl Needs for $name {
            const SCOPE: Scope = Scope::$name;
        })*
    };
}

needs! {
    ArticlesRead, ArticlesWrite, SourcesRead, SourcesWrite, ListsRead, ListsWrite, SubscribersRead,
    SubscribersWrite, DigestsRead, DigestsWrite, LettersRead, LettersWrite, SuppressionsRead,
    SuppressionsWrite, WebhooksRead, WebhooksWrite, TemplatesRead, TemplatesWrite, UsersRead, UsersWrite,
    KeysRead, KeysWrite, AuditRead, SettingsRead, SettingsWrite,
}

/// Whoever calls, if their key has the scope.
pub(super) struct Allowed<N> {
    key: ApiKey,
    scope: PhantomData<N>,
}

impl<N: Needs, S: Send + Sync> FromRequestParts<S> for Allowed<N> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let key = Caller::of(parts)?.0;
        may(&key, N::SCOPE)?;
        Ok(Self {
            key,
            scope: PhantomData,
        })
    }
}

fn may(key: &ApiKey, scope: Scope) -> Result<(), Problem> {
    if key.may(scope) {
        return Ok(());
    }
    let words = format!("the key `{}` hasn't the scope `{scope}`", key.name);
    Err(Problem::new(StatusCode::FORBIDDEN, words))
}

impl<N> Allowed<N> {
    /// Refuses unless the key has this scope too.
    pub(super) fn must_have(&self, scope: Scope) -> Result<(), Problem> {
        may(&self.key, scope)
    }

    /// A change by whoever calls; `was` and `became` are left to the caller.
    pub(super) fn change(&self, action: &'static str, subject: String) -> Change {
        Change {
            actor: self.name(),
            action,
            subject,
            ..Change::default()
        }
    }

    /// Whoever calls, as the audit log names them.
    pub(super) fn name(&self) -> String {
        format!("key {}", self.key.name)
    }

    /// The door that consents name.
    pub(super) fn origin(&self) -> String {
        format!("api {}", self.key.name)
    }
}

/// Whoever calls, whatever their key may do.
pub(super) struct Caller(pub(super) ApiKey);

impl Caller {
    fn of(parts: &Parts) -> Result<Self, Problem> {
        let key = parts.extensions.get::<ApiKey>().cloned();
        key.map(Self).ok_or_else(|| {
            let gate = anyhow::anyhow!("an address of the API stands before its gate");
            gate.into()
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::of(parts)
    }
}
