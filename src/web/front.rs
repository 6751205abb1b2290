//! What stands before the router: a request in, and either the feed that it asks for at once, or
//! whatever the router answers.
//!
//! A feed that is at hand takes a few microseconds; the router's layers alone take many times that.

use std::convert::Infallible;
use std::future::Ready;
use std::future::ready;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;

use axum::BoxError;
use axum::Router;
use axum::body::Body;
use axum::body::Bytes;
use axum::body::HttpBody;
use axum::extract::ConnectInfo;
use axum::http::Request;
use axum::response::Response;
use axum::routing::future::RouteFuture;
use futures_util::future::Either;
use tower::Service;

use crate::app::App;
use crate::web::PATIENCE;
use crate::web::feeds::Kiosk;
use crate::web::routes;

/// The whole site, for one connection; clones are for the same one.
#[derive(Clone)]
pub struct Front {
    site: Arc<Site>,
    router: Router,
    peer: SocketAddr,
}

struct Site {
    app: App,
    kiosk: Arc<Kiosk>,
}

impl Front {
    /// For requests from this machine, until a connection says otherwise.
    pub fn new(app: App) -> Self {
        let kiosk = Arc::<Kiosk>::default();
        Self {
            router: routes(PATIENCE, app.clone(), Arc::clone(&kiosk)),
            site: Arc::new(Site { app, kiosk }),
            peer: (Ipv4Addr::LOCALHOST, 0).into(),
        }
    }

    /// The same for a connection from `peer`.
    pub(super) fn for_peer(&self, peer: SocketAddr) -> Self {
        Self {
            peer,
            ..self.clone()
        }
    }

    /// The feed that is asked for, if it's at hand.
    pub fn at_once<B>(&self, request: &Request<B>) -> Option<Response> {
        self.site.kiosk.at_once(&self.site.app, request)
    }
}

impl<B> Service<Request<B>> for Front
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Either<Ready<Result<Response, Infallible>>, RouteFuture<Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if let Some(response) = self.at_once(&request) {
            return Either::Left(ready(Ok(response)));
        }
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(self.peer));
        Either::Right(self.router.call(request))
    }
}
