//! What belongs to a list, as addresses name it: each is looked up here and nowhere else in the
//! console, and only within the reach of whoever is signed in. What lies beyond isn't there: they
//! can't tell a list of others from none.

use std::future::Future;

use axum::extract::FromRef;
use axum::extract::FromRequestParts;
use axum::extract::Path;
use axum::http::request::Parts;

use crate::access::User;
use crate::access::reach::Reach;
use crate::app::App;
use crate::audience::Subscriber;
use crate::audience::SubscriberId;
use crate::audience::import::upload;
use crate::audience::import::upload::Upload;
use crate::audience::list::List;
use crate::audience::sign_up::Standing;
use crate::audience::subscription::SubscriptionId;
use crate::digest::Digest;
use crate::digest::DigestId;
use crate::letter::LetterId;
use crate::store;
use crate::store::Result;
use crate::store::letter::LetterRecord;
use crate::web::admin::desk::AnyEditor;
use crate::web::admin::session::Anyone;
use crate::web::error::Error;

/// What an address names, for whoever may see it.
pub(in crate::web) struct Seen<T>(pub(super) User, pub(super) T);

/// What an address names, for whoever may change it.
pub(in crate::web) struct Own<T>(pub(super) User, pub(super) T);

/// Something that belongs to a list, or to a reader of one.
pub(in crate::web) trait OfList: Sized + Send {
    /// What goes by this name, if it's within reach.
    fn named(
        app: &App,
        name: &str,
        reach: &Reach,
    ) -> impl Future<Output = Result<Option<Self>>> + Send;
}

async fn named<T: OfList, S: Send + Sync>(
    parts: &mut Parts,
    state: &S,
    reach: &Reach,
) -> std::result::Result<T, Error>
where
    App: FromRef<S>,
{
    let path = Path::<String>::from_request_parts(parts, state).await;
    let Path(name) = path.map_err(|_| Error::NotFound)?;
    let name = name.replace('\0', "");
    let found = T::named(&App::from_ref(state), &name, reach).await?;
    found.ok_or(Error::NotFound)
}

impl<T: OfList, S: Send + Sync> FromRequestParts<S> for Seen<T>
where
    App: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> std::result::Result<Self, Error> {
        let Anyone(user) = Anyone::from_request_parts(parts, state).await?;
        let what = named(parts, state, &user.reach).await?;
        Ok(Self(user, what))
    }
}

impl<T: OfList, S: Send + Sync> FromRequestParts<S> for Own<T>
where
    App: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> std::result::Result<Self, Error> {
        let AnyEditor(user) = AnyEditor::from_request_parts(parts, state).await?;
        let what = named(parts, state, &user.reach).await?;
        Ok(Self(user, what))
    }
}

impl OfList for List {
    async fn named(app: &App, name: &str, reach: &Reach) -> Result<Option<Self>> {
        let list = store::list::find(&mut app.db.read().await?, name).await?;
        Ok(list.filter(|list| reach.has(list.id)))
    }
}

impl OfList for (Digest, List) {
    async fn named(app: &App, name: &str, reach: &Reach) -> Result<Option<Self>> {
        let Ok(id) = name.parse() else {
            return Ok(None);
        };
        let mut tx = app.db.read().await?;
        let digest = store::digest::find(&mut tx, DigestId(id)).await?;
        let Some(digest) = digest.filter(|digest| reach.has(digest.list_id)) else {
            return Ok(None);
        };
        let list = store::list::get(&mut tx, digest.list_id).await?;
        Ok(Some((digest, list)))
    }
}

impl OfList for Standing {
    async fn named(app: &App, name: &str, reach: &Reach) -> Result<Option<Self>> {
        let Ok(id) = name.parse() else {
            return Ok(None);
        };
        let mut tx = app.db.read().await?;
        let found = store::subscription::find(&mut tx, SubscriptionId(id)).await?;
        let Some(subscription) = found.filter(|found| reach.has(found.list_id)) else {
            return Ok(None);
        };
        let subscriber = store::subscriber::find(&mut tx, subscription.subscriber_id).await?;
        let Some(subscriber) = subscriber else {
            return Ok(None);
        };
        let list = store::list::get(&mut tx, subscription.list_id).await?;
        Ok(Some(Self {
            subscriber,
            list,
            subscription,
        }))
    }
}

impl OfList for Subscriber {
    async fn named(app: &App, name: &str, reach: &Reach) -> Result<Option<Self>> {
        let Ok(id) = name.parse() else {
            return Ok(None);
        };
        let mut tx = app.db.read().await?;
        store::subscriber::find_within(&mut tx, reach, SubscriberId(id)).await
    }
}

impl OfList for LetterRecord {
    async fn named(app: &App, name: &str, reach: &Reach) -> Result<Option<Self>> {
        let Ok(id) = name.parse() else {
            return Ok(None);
        };
        let mut tx = app.db.read().await?;
        store::letter::find_within(&mut tx, reach, LetterId(id)).await
    }
}

impl OfList for Upload {
    async fn named(app: &App, name: &str, reach: &Reach) -> Result<Option<Self>> {
        let Ok(id) = name.parse() else {
            return Ok(None);
        };
        let upload = upload::find(app, id).await?;
        Ok(upload.filter(|upload| reach.has(upload.kept.list_id)))
    }
}
