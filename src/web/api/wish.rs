//! What somebody wants to get, as scripts say it.

use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use crate::article::TopicKind;
use crate::article::clean::one_line;
use crate::article::topic::slug;
use crate::audience::list;
use crate::audience::list::TopicId;
use crate::locale::Language;
use crate::store;
use crate::store::Tx;
use crate::web::api::field::Names;
use crate::web::api::field::Text;
use crate::web::api::field::few;
use crate::web::api::problem::Problem;

/// How often a digest is cut.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Cadence {
    Immediate,
    Hourly,
    Daily,
    Weekdays,
    Weekly,
    Monthly,
}

few! {
    /// What subscribers may choose from.
    Cadences of Cadence;
}

impl From<Cadence> for list::Cadence {
    fn from(cadence: Cadence) -> Self {
        match cadence {
            Cadence::Immediate => Self::Immediate,
            Cadence::Hourly => Self::Hourly,
            Cadence::Daily => Self::Daily,
            Cadence::Weekdays => Self::Weekdays,
            Cadence::Weekly => Self::Weekly,
            Cadence::Monthly => Self::Monthly,
        }
    }
}

impl From<list::Cadence> for Cadence {
    fn from(cadence: list::Cadence) -> Self {
        match cadence {
            list::Cadence::Immediate => Self::Immediate,
            list::Cadence::Hourly => Self::Hourly,
            list::Cadence::Daily => Self::Daily,
            list::Cadence::Weekdays => Self::Weekdays,
            list::Cadence::Weekly => Self::Weekly,
            list::Cadence::Monthly => Self::Monthly,
        }
    }
}

/// The language of letters and pages.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Language)]
pub(super) enum Tongue {
    Uk,
    En,
}

impl From<Tongue> for Language {
    fn from(tongue: Tongue) -> Self {
        match tongue {
            Tongue::Uk => Self::Uk,
            Tongue::En => Self::En,
        }
    }
}

/// The topics or departments of these names or slugs; a new name becomes a topic.
pub(super) async fn topic_ids(tx: &mut Tx, names: &Names) -> Result<Vec<TopicId>, Problem> {
    let mut ids = Vec::new();
    for name in &names.0 {
        let found = store::topic::find_any(tx, &slug(name.as_str())).await?;
        if let Some((id, _)) = found {
            ids.push(id);
        } else {
            let name = one_line(name.as_str(), 200);
            ids.extend(store::topic::keep(tx, TopicKind::Topic, &name).await?);
        }
    }
    Ok(ids)
}
