//! Which runs and fleet runs can go on now.

use jiff::Timestamp;

use crate::record::{Fleet, RunStatus, RunSummary};
use crate::store::Outlook;

/// Something that can go on.
#[derive(Debug, Clone)]
pub(super) enum Due {
    /// A fleet run, as a whole: with its limits, and with the sites that it has not started yet.
    Fleet(String),
    /// A run of its own.
    Run(String, Why),
}

/// Why a run can go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// A date that it waited for has come.
    Date,
    /// Somebody has answered, or the process that worked on it has ended.
    Free,
}

impl Due {
    /// The id of the run or fleet run.
    pub(super) fn id(&self) -> &str {
        match self {
            Due::Fleet(id) | Due::Run(id, _) => id,
        }
    }
}

/// All that can go on now, fleet runs first.
pub(super) fn due(outlook: &Outlook, now: Timestamp) -> Vec<Due> {
    let fleets = outlook
        .fleets()
        .filter(|fleet| goes_on(outlook, fleet, now));
    let mut due: Vec<Due> = fleets
        .map(|fleet| Due::Fleet(fleet.plan.fleet.clone()))
        .collect();
    let of_fleets: std::collections::HashSet<&str> = outlook
        .fleets()
        .flat_map(|fleet| &fleet.plan.sites)
        .map(|site| site.run.as_str())
        .collect();
    let mut runs: Vec<(&RunSummary, Why)> = outlook
        .runs()
        .filter(|run| !of_fleets.contains(run.run.as_str()))
        .filter_map(|run| Some((run, why(run, now)?)))
        .collect();
    // Who waits longest goes first.
    runs.sort_by_key(|(run, _)| (run.due.unwrap_or(run.updated), &run.run));
    due.extend(
        runs.into_iter()
            .map(|(run, why)| Due::Run(run.run.clone(), why)),
    );
    due
}

/// The next date that comes.
pub(super) fn next_date(outlook: &Outlook, now: Timestamp) -> Option<Timestamp> {
    let open = outlook.runs().filter(|run| !run.is_finished());
    open.filter_map(|run| run.due)
        .filter(|due| *due > now)
        .min()
}

/// Is any run or fleet run open?
pub(super) fn is_any_open(outlook: &Outlook) -> bool {
    outlook.runs().any(|run| !run.is_finished()) || outlook.fleets().next().is_some()
}

fn why(run: &RunSummary, now: Timestamp) -> Option<Why> {
    if run.status == RunStatus::Active {
        return Some(Why::Free);
    }
    (!run.is_finished() && run.due.is_some_and(|due| due <= now)).then_some(Why::Date)
}

fn goes_on(outlook: &Outlook, fleet: &Fleet, now: Timestamp) -> bool {
    let sites = &fleet.plan.sites;
    let run_of = |site: &crate::record::FleetSite| outlook.run(&site.run);
    let can = |run: &RunSummary| why(run, now).is_some();
    if sites.iter().filter_map(run_of).any(can) {
        return true;
    }
    let all_ended = |run: Option<&RunSummary>| run.is_some_and(RunSummary::is_finished);
    if sites.iter().map(run_of).all(all_ended) {
        // Its last runs were ended by themselves: only its end is missing.
        return true;
    }
    // Canaries that wait keep the others from starting: taking the fleet run up would change nothing.
    let mut canaries = sites.iter().take(fleet.plan.limits.canary);
    let held = canaries.any(|site| run_of(site).is_some_and(|run| !run.is_finished()));
    fleet.stopped.is_none() && !held && sites.iter().any(|site| run_of(site).is_none())
}
