//! How the workers of a fleet run are made.

use std::sync::Arc;

use super::Host;
use crate::engine::{PlanRequest, TakenUp, Worker, plan};
use crate::error_chain::chain;
use crate::probes::Clock;
use crate::record::{EventKind, FleetPlan, FleetSite, NewEvent};
use crate::runbook::Checked;
use crate::site::Site;
use crate::store::Store;

/// What workers are made from.
pub(super) struct Hire<'f> {
    pub(super) host: &'f dyn Host,
    pub(super) store: &'f dyn Store,
    pub(super) clock: &'f dyn Clock,
    pub(super) checked: &'f Checked,
    pub(super) plan: &'f FleetPlan,
}

impl Hire<'_> {
    /// The worker of a site, of a new run or of its run taken up again.
    pub(super) fn worker(&self, place: usize, new: bool) -> Result<Worker, String> {
        let planned = &self.plan.sites[place];
        let site: Site = (planned.snapshot.read())
            .map_err(|error| format!("its pinned site cannot be read: {error}"))?;
        let engine = self.host.engine(&site)?;
        let taken = if new {
            TakenUp::new(self.store, self.first_event(planned, &site))
        } else {
            TakenUp::again(self.store, &planned.run)
        };
        taken
            .and_then(|taken| engine.worker(taken, self.checked, site))
            .map_err(|error| chain(&error))
    }

    fn first_event(&self, planned: &FleetSite, site: &Site) -> NewEvent {
        let mut first = plan(PlanRequest {
            run: planned.run.clone(),
            runbook: self.checked,
            site,
            snapshot: planned.snapshot.clone(),
            inputs: self.plan.inputs.clone(),
            mode: self.plan.mode,
            by: self.plan.by.clone(),
            at: self.clock.now(),
            parent: None,
            inherited: Vec::new(),
        });
        if let EventKind::RunCreated(created) = &mut first.event {
            Arc::make_mut(created).fleet = Some(self.plan.fleet.clone());
        }
        first
    }
}
