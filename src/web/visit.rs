//! One request as pages need it: whose site, which language, which address.
//!
//! The language is `?l=`, else the cookie `l`, else the browser's, else the site's.

use axum::extract::FromRef;
use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::Uri;
use axum::http::header::ACCEPT_LANGUAGE;
use axum::http::header::CONTENT_TYPE;
use axum::http::header::SET_COOKIE;
use axum::http::header::VARY;
use axum::http::request::Parts;
use axum::response::IntoResponse;
use axum::response::Response;
use axum_extra::extract::CookieJar;
use chrono::DateTime;
use chrono::FixedOffset;
use chrono::TimeDelta;

use crate::app::App;
use crate::clock::Stamp;
use crate::locale::Language;
use crate::templates::cards::FeedSet;
use crate::templates::cards::Frame;
use crate::templates::pages::Page;
use crate::web::error::Error;

/// Remembers the language somebody chose.
const LANGUAGE_COOKIE: &str = "l";

/// Somebody looks at a page.
#[derive(Clone)]
pub(super) struct Visit {
    /// Whose site.
    pub(super) app: App,
    /// What they read.
    pub(super) language: Language,
    /// They chose it just now: it's to be remembered.
    chosen: bool,
    /// Path and query.
    at: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Visit
where
    App: FromRef<S>,
{
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::of(&App::from_ref(state), &parts.uri, &parts.headers))
    }
}

impl Visit {
    /// The visit that a request is.
    pub(super) fn of(app: &App, uri: &Uri, headers: &HeaderMap) -> Self {
        let at = uri.path_and_query().map_or("/", |at| at.as_str());
        let chosen = field(uri.query().unwrap_or_default(), "l").and_then(|l| l.parse().ok());
        let language = chosen
            .or_else(|| remembered(headers))
            .or_else(|| Language::accepted(headers.get(ACCEPT_LANGUAGE)?.to_str().ok()?))
            .or_else(|| app.settings.site.language.parse().ok())
            .unwrap_or_default();
        Self {
            app: app.clone(),
            language,
            chosen: chosen.is_some(),
            at: at.to_owned(),
        }
    }

    /// Whether it's below a path.
    pub(super) fn is_in(&self, path: &str) -> bool {
        let rest = self.at.strip_prefix(path);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?', '.']))
    }

    /// The same at another address, for what answers a POST: the language switch must lead to a
    /// page.
    pub(super) fn at(mut self, path: &str) -> Self {
        path.clone_into(&mut self.at);
        self
    }

    /// A field of the query.
    pub(super) fn asked_for(&self, name: &str) -> Option<String> {
        field(self.at.split_once('?')?.1, name)
    }

    /// A sentence in the reader's language.
    pub(super) fn say(&self, key: &str) -> Result<String, Error> {
        let said = self.app.templates.say(self.language, key, None, &[]);
        said.map_err(|problem| Error::trouble(anyhow::Error::msg(problem)))
    }

    /// A moment as the site's own clock shows it.
    pub(super) fn local(&self, moment: Stamp) -> DateTime<FixedOffset> {
        let zone = &self.app.settings.site.zone;
        moment.utc().with_timezone(zone).fixed_offset()
    }

    /// The feed of everything.
    pub(super) fn all_news(&self) -> Result<FeedSet, Error> {
        let title = self.say("feed_group.all")?;
        Ok(FeedSet::below(&self.app.settings.base_url, &title))
    }

    /// A page that links the feed of everything.
    pub(super) fn page<P: Page>(&self, page: &P) -> Result<Response, Error> {
        self.page_with(page, |frame| Ok(frame.with_feed(&self.all_news()?)))
    }

    /// A page within a frame of its own.
    pub(super) fn page_with<P: Page>(
        &self,
        page: &P,
        framed: impl FnOnce(Frame<'_>) -> Result<Frame<'_>, Error>,
    ) -> Result<Response, Error> {
        let url = self.app.url(&self.at);
        let frame = framed(Frame::new(&self.app.site, &url))?;
        let html = self.app.templates.page(page, &frame, self.language);
        let html = html.map_err(|problem| Error::trouble(problem.into()))?;
        let kind = HeaderValue::from_static("text/html; charset=utf-8");
        let vary = HeaderValue::from_static("Accept-Language, Cookie");
        let mut response = ([(CONTENT_TYPE, kind), (VARY, vary)], html).into_response();
        if let Some(cookie) = self.language_cookie() {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        Ok(response)
    }

    fn language_cookie(&self) -> Option<HeaderValue> {
        self.chosen
            .then(|| {
                self.cookie(
                    LANGUAGE_COOKIE,
                    self.language.as_str(),
                    TimeDelta::days(365),
                )
            })
            .flatten()
    }

    /// A cookie for all our pages, out of scripts' reach, for so long; `value` is plain ASCII.
    pub(super) fn cookie(&self, name: &str, value: &str, life: TimeDelta) -> Option<HeaderValue> {
        let secure = if self.is_secure() { "; Secure" } else { "" };
        let seconds = life.num_seconds();
        let cookie =
            format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
        HeaderValue::from_str(&cookie).ok()
    }

    /// Whether cookies may ask for TLS.
    pub(super) fn is_secure(&self) -> bool {
        self.app.settings.base_url.starts_with("https:")
    }
}

fn remembered(headers: &HeaderMap) -> Option<Language> {
    let cookies = CookieJar::from_headers(headers);
    cookies.get(LANGUAGE_COOKIE)?.value().parse().ok()
}

fn field(query: &str, name: &str) -> Option<String> {
    url::form_urlencoded::parse(query.as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}
