//! Topics: what articles are about, and who issued them.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::article::Topic;
use crate::store;
use crate::web::api::caller::Allowed;
use crate::web::api::caller::ArticlesRead;
use crate::web::api::problem::Problem;
use crate::web::api::problem::Problems;

/// A topic.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Topic)]
pub(super) struct TopicShown {
    /// `topic` or `department`.
    #[schema(example = "topic")]
    kind: &'static str,
    /// Its name in addresses.
    #[schema(example = "sport")]
    slug: String,
    #[schema(example = "Спорт")]
    name: String,
}

/// A topic that has published articles.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TopicInUse {
    #[serde(flatten)]
    topic: TopicShown,
    /// How many published articles it has.
    articles: i64,
}

impl TopicShown {
    pub(super) fn of(topic: Topic) -> Self {
        Self {
            kind: topic.kind.as_str(),
            slug: topic.slug,
            name: topic.name,
        }
    }
}

/// Every topic that has published articles; departments first, by name.
#[utoipa::path(get, path = "/topics", tag = "topics", security(("key" = ["articles:read"])),
    responses((status = 200, description = "All of them", body = Vec<TopicInUse>), Problems))]
pub(super) async fn all(
    _: Allowed<ArticlesRead>,
    State(app): State<App>,
) -> Result<Json<Vec<TopicInUse>>, Problem> {
    let topics = store::topic::in_use(&mut app.db.read().await?).await?;
    let shown = topics.into_iter().map(|(_, topic, articles)| TopicInUse {
        topic: TopicShown::of(topic),
        articles,
    });
    Ok(Json(shown.collect()))
}
