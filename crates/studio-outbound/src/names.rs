//! Resolves the names of public places: once for each connection, and every address is checked before one is used.
//!
//! The connection is made to the addresses that were checked, so a name can't change its mind in between. One address
//! that is not public refuses the whole name: mixed answers are how such checks are got around. Of very many only the first few
//! are tried, of each family as many, so that one name can't have us knock at a hundred doors.

use crate::destination::AddressRule;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::{net::SocketAddr, sync::Arc};

/// A name that leads to an address which is not allowed.
#[derive(Debug, thiserror::Error)]
#[error("the name leads to an address that is not public")]
pub(crate) struct NotPublic;

/// Most addresses of a name that are tried, of each family.
const MOST_TRIED: usize = 4;

/// Asks the system.
pub(crate) struct SystemNames;

impl Resolve for SystemNames {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Asks another resolver, and lets only names through whose every address is allowed.
pub(crate) struct CheckedNames {
    /// Who is asked.
    pub(crate) inner: Arc<dyn Resolve>,
    /// What is allowed.
    pub(crate) allowed: AddressRule,
}

impl Resolve for CheckedNames {
    fn resolve(&self, name: Name) -> Resolving {
        let (answer, allowed) = (self.inner.resolve(name), self.allowed);
        Box::pin(async move {
            let found: Vec<SocketAddr> = answer.await?.collect();
            if found.iter().any(|address| !allowed(address.ip())) {
                return Err(NotPublic.into());
            }
            let (mut four, mut six) = (MOST_TRIED, MOST_TRIED);
            let tried = found.into_iter().filter(move |address| {
                let left = if address.is_ipv4() { &mut four } else { &mut six };
                let tries = *left > 0;
                *left = left.saturating_sub(1);
                tries
            });
            Ok(Box::new(tried) as Addrs)
        })
    }
}
