//! The probes of all sites that one process works for.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use super::fail::Fail;
use super::workspace::Workspace;
use crate::probes::{ProbeSettings, Probes};
use crate::site::Site;

/// Probes by the resolvers they ask. Sites with the same resolvers share them, and all sites share one set of budgets: what an
/// operator of lists allows does not grow with the number of sites.
#[derive(Default)]
pub(super) struct SiteProbes(Mutex<HashMap<Vec<SocketAddr>, Probes>>);

impl SiteProbes {
    /// The probes for a site.
    pub(super) fn of(&self, workspace: &Workspace, site: &Site) -> Result<Probes, Fail> {
        let settings: ProbeSettings = workspace.probe_settings(site)?;
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(probes) = known.get(&settings.dns.servers) {
            return Ok(probes.clone());
        }
        let servers = settings.dns.servers.clone();
        let probes = match known.values().next() {
            Some(first) => first.beside(settings),
            None => Probes::new(settings, workspace.clock.clone()),
        }
        .map_err(|error| Fail::because("cannot set up the probes", error))?;
        known.insert(servers, probes.clone());
        Ok(probes)
    }
}
