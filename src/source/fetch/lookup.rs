//! Names to addresses, with the guard in between: what the policy doesn't admit is taken out
//! at the moment of connecting, so a name that changes its mind after a check gains nothing.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::{AddressPolicy, is_public};
use super::error::FetchError;

/// The addresses of a name, some time from now.
pub type Answers = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Where names are looked up. The system does it; tests put a liar in its place.
pub trait Lookup: fmt::Debug + Send + Sync {
    /// All addresses of `name`.
    fn lookup(&self, name: &str) -> Answers;
}

/// The machine's own resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(&self, name: &str) -> Answers {
        let name = name.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// Which of a name's addresses may be connected to. reqwest doesn't tell a resolver the port,
/// so each has its own client, and each client its own guard.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reach {
    /// On ports 80 and 443: public ones and listed ones.
    Web,
    /// On any other port: listed ones.
    Listed,
}

/// A resolver that gives admitted addresses only. If a name leads to public and to private
/// ones, the public ones are used: split-horizon names exist, and the others are never tried.
#[derive(Debug)]
pub(super) struct Guard {
    pub(super) policy: Arc<AddressPolicy>,
    pub(super) lookup: Arc<dyn Lookup>,
    pub(super) reach: Reach,
}

impl Guard {
    fn admits(policy: &AddressPolicy, reach: Reach, address: IpAddr) -> bool {
        policy.lists(address) || (matches!(reach, Reach::Web) && is_public(address))
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let (policy, reach) = (Arc::clone(&self.policy), self.reach);
        let answers = self.lookup.lookup(name.as_str());
        Box::pin(async move {
            let host = name.as_str();
            let found = answers.await.map_err(|error| unknown(host, &error))?;
            let Some(first) = found.first() else {
                return Err(unknown(host, &io::Error::other("no address")).into());
            };
            let admitted: Vec<_> = found
                .iter()
                .filter(|address| Self::admits(&policy, reach, **address))
                .map(|address| SocketAddr::new(*address, 0))
                .collect();
            if admitted.is_empty() {
                let address = format!("{host}, which leads to {first}");
                return Err(FetchError::Blocked { address }.into());
            }
            Ok(Box::new(admitted.into_iter()) as Addrs)
        })
    }
}

fn unknown(host: &str, error: &io::Error) -> FetchError {
    FetchError::UnknownHost {
        host: host.to_owned(),
        problem: error.to_string(),
    }
}
