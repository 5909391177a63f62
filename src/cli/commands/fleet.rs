//! `run --sites` and `resume` of a fleet run: many sites in one process, with one live table and one summary.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::sync::watch;

use super::run::{new_id, patience, runtime_that_tells, stop_signal};
use crate::cli::args::RunArgs;
use crate::cli::exit::Exit;
use crate::cli::fail::{Fail, chain};
use crate::cli::fleet_live::FleetLive;
use crate::cli::out;
use crate::cli::site_probes::SiteProbes;
use crate::cli::workspace::{Workspace, pin};
use crate::engine::{Engine, FleetRun, FleetStop, Host, Standing, TakenFleet, limits};
use crate::record::{Fleet, FleetPlan, FleetSite, Mode, RunState, RunSummary};
use crate::report::fleet::{FleetSiteFacts, FleetView};
use crate::report::terminal;
use crate::report::view::{Calendar, words};
use crate::runbook::Checked;
use crate::site::Site;
use crate::spread::spread;
use crate::store::{Embedded, Store, StoreError};
use crate::templates::Values;

/// Starts a fleet run.
pub(super) fn start(
    workspace: &Workspace,
    checked: Checked,
    mut sites: Vec<Site>,
    inputs: Map<String, Value>,
    args: &RunArgs,
    by: String,
) -> Result<Exit, Fail> {
    let at = workspace.clock.now();
    let rollout = &checked.runbook.rollout;
    let rank = |site: &Site| {
        let first = rollout.order.iter().position(|tag| site.tags.contains(tag));
        first.unwrap_or(rollout.order.len())
    };
    sites.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.id.cmp(&b.id)));
    if let Some(twice) = sites.windows(2).find(|pair| pair[0].id == pair[1].id) {
        return Err(Fail::invalid(format!(
            "site '{}' is named twice",
            twice[0].id
        )));
    }
    let plan = FleetPlan {
        fleet: new_id("fleet", at),
        at,
        by,
        runbook: checked.runbook.name.clone(),
        runbook_text: checked.text.to_string(),
        runbook_digest: checked.digest.clone(),
        inputs,
        tool: env!("CARGO_PKG_VERSION").to_owned(),
        mode: if args.check { Mode::Check } else { Mode::Run },
        limits: limits(rollout, sites.len(), args.max_concurrent),
        sites: sites
            .into_iter()
            .map(|site| {
                Ok(FleetSite {
                    run: new_id(&site.id, at),
                    snapshot: pin(&site)?,
                    site: site.id,
                })
            })
            .collect::<Result<_, Fail>>()?,
    };
    let host = FleetHost::new(workspace, plan.sites.len(), &checked, Arc::default())?;
    let fleet = FleetRun::new(host.store.clone(), workspace.clock.clone(), plan, checked)?;
    work(workspace, &host, fleet, patience(args.watch))
}

/// Goes on with a fleet run.
pub(super) fn resume(workspace: &Workspace, fleet: &str, watch: bool) -> Result<Exit, Fail> {
    let taken = TakenFleet::again(&*workspace.store, fleet)?;
    let (host, fleet) = again(workspace, taken, Arc::default())?;
    work(workspace, &host, fleet, patience(watch))
}

fn again(
    workspace: &Workspace,
    taken: TakenFleet,
    probes: Arc<SiteProbes>,
) -> Result<(FleetHost<'_>, FleetRun), Fail> {
    let plan = taken.plan();
    let checked = crate::runbook::check(
        &plan.runbook_text,
        &format!("{} (as pinned in {})", plan.runbook, plan.fleet),
        &workspace.vocabulary(),
    )?;
    let host = FleetHost::new(workspace, plan.sites.len(), &checked, probes)?;
    let fleet = FleetRun::again(host.store.clone(), workspace.clock.clone(), taken, checked);
    Ok((host, fleet))
}

/// Goes on with a fleet run among other work, and writes its summary.
pub(super) async fn carry_on(
    workspace: &Workspace,
    taken: TakenFleet,
    probes: Arc<SiteProbes>,
    patience: Duration,
    stop: &watch::Receiver<bool>,
) -> Result<(FleetStop, Exit), Fail> {
    let (host, mut fleet) = again(workspace, taken, probes)?;
    let stopped = fleet.work(&host, patience, stop).await?;
    let view = FleetView::of(fleet.fleet(), host.facts(&fleet), workspace.clock.now());
    write(workspace, &view)?;
    let exit = exit(&fleet, &stopped);
    Ok((stopped, exit))
}

/// Ends a fleet run of which no site can go on, and writes its summary.
pub(super) fn settle(workspace: &Workspace, fleet: &str) -> Result<(), Fail> {
    let workspace = &workspace.quietly();
    let taken = TakenFleet::again(&*workspace.store, fleet)?;
    let (_never, stop) = watch::channel(false);
    let worked = carry_on(workspace, taken, Arc::default(), Duration::ZERO, &stop);
    super::run::runtime()?.block_on(worked)?;
    Ok(())
}

/// The id of the fleet run that `named` means, if any: its id, or the beginning of one. No record is read for that.
pub(super) fn find(workspace: &Workspace, named: &str) -> Result<Option<String>, Fail> {
    let mut names = workspace.store.fleets()?;
    if names.iter().any(|name| name == named) {
        return Ok(Some(named.to_owned()));
    }
    names.retain(|name| named.starts_with("fleet") && name.starts_with(named));
    Ok(names.pop().filter(|_| names.is_empty()))
}

/// Where a fleet run stands, as its sites' runs tell.
pub(super) fn status(workspace: &Workspace, fleet: &str) -> Result<Exit, Fail> {
    let fleet = &workspace.store.fleet(fleet)?;
    let facts: Vec<FleetSiteFacts> = fleet
        .plan
        .sites
        .iter()
        .map(|site| facts_of(workspace, fleet, site))
        .collect();
    let view = FleetView::of(fleet, facts, workspace.clock.now());
    if workspace.global.json {
        out::json(&serde_json::to_value(&view).unwrap_or_default())?;
    } else {
        let style = out::style(&workspace.global);
        out::write(|out| terminal::fleet(out, style, &view))?;
    }
    Ok(Exit::Healthy)
}

fn facts_of(workspace: &Workspace, fleet: &Fleet, site: &FleetSite) -> FleetSiteFacts {
    let refused = fleet
        .finished
        .iter()
        .flat_map(|(_, not_started)| not_started);
    let trouble = refused
        .into_iter()
        .find(|refused| refused.site == site.site)
        .map(|refused| refused.reason.clone());
    match workspace.store.state(&site.run) {
        Ok(state) => FleetSiteFacts {
            summary: Some(RunSummary::of(&state)),
            trouble: None,
        },
        Err(StoreError::NoSuchRun(_)) => FleetSiteFacts {
            summary: None,
            trouble: trouble.filter(|_| fleet.stopped.is_none()),
        },
        Err(error) => FleetSiteFacts {
            summary: None,
            trouble: Some(chain(&error)),
        },
    }
}

fn work(
    workspace: &Workspace,
    host: &FleetHost<'_>,
    mut fleet: FleetRun,
    patience: Duration,
) -> Result<Exit, Fail> {
    let id = fleet.fleet().plan.fleet.clone();
    let count = fleet.fleet().plan.sites.len();
    let sites = words::many(count, "site", "sites");
    host.live.say(&format!("fleet run {id}: {sites}"));
    // What the runs append while one of them can go on shares a sync.
    let store = host.store.clone();
    store.gather(fleet.fleet().plan.limits.max_concurrent);
    let stop = runtime_that_tells(move || store.hurry())?.block_on(async {
        let stop = stop_signal(&workspace.global);
        fleet.work(host, patience, &stop).await
    });
    host.live.end();
    let stop = stop?;
    host.leave_known(&id);
    let view = FleetView::of(fleet.fleet(), host.facts(&fleet), workspace.clock.now());
    let documents = write(workspace, &view)?;
    let exit = exit(&fleet, &stop);
    tell(workspace, &view, &documents, &stop, exit)?;
    Ok(exit)
}

/// Writes the summary in each of its formats.
fn write(workspace: &Workspace, view: &FleetView) -> Result<Vec<PathBuf>, Fail> {
    let folder = workspace.store.root().join("reports").join(&view.fleet);
    let folder = std::path::absolute(&folder).unwrap_or(folder);
    std::fs::create_dir_all(&folder).map_err(|error| {
        Fail::because(
            format!("cannot create the folder {}", folder.display()),
            error,
        )
    })?;
    let values =
        Values::of(view).map_err(|error| Fail::because("cannot write the summary", error))?;
    let written = spread(1, vec!["html", "md", "csv"], |ending| {
        let text = match ending {
            "csv" => view.csv(),
            _ => workspace
                .templates
                .fill(&format!("parts/fleet.{ending}"), &values)?,
        };
        let path = folder.join(format!("fleet.{ending}"));
        super::write::whole(&path, text.as_bytes())?;
        Ok(path)
    });
    written.into_iter().collect()
}

fn tell(
    workspace: &Workspace,
    view: &FleetView,
    documents: &[PathBuf],
    stop: &FleetStop,
    exit: Exit,
) -> Result<(), Fail> {
    if workspace.global.json {
        let due = match stop {
            FleetStop::Waiting { due } => *due,
            _ => None,
        };
        let line = json!({
            "schema": "mailmedic.fleet-end/1", "fleet": view.fleet, "finished": view.finished, "due": due,
            "stopped": view.stopped, "counts": view.counts, "interrupted": *stop == FleetStop::Interrupted,
            "documents": documents, "exit": exit.code(),
        });
        return out::text(&line.to_string());
    }
    let style = out::style(&workspace.global);
    if !workspace.global.quiet {
        out::write(|out| {
            writeln!(out)?;
            terminal::fleet(out, style, view)?;
            for path in documents {
                writeln!(out, "summary: {}", path.display())?;
            }
            Ok(())
        })?;
    }
    let id = &view.fleet;
    match stop {
        FleetStop::Finished => {}
        FleetStop::Interrupted => out::remark(
            &workspace.global,
            &format!("stopped; nothing is lost: `mailmedic resume {id}` goes on"),
        ),
        FleetStop::Waiting { due: Some(due) } => out::remark(
            &workspace.global,
            &format!(
                "the next date is {}: `mailmedic resume {id}` goes on then (or `mailmedic resume --all` from a timer)",
                Calendar::new(None).when(*due).text
            ),
        ),
        FleetStop::Waiting { due: None } => out::remark(
            &workspace.global,
            &format!(
                "people are needed (`mailmedic status` tells where); `mailmedic resume {id}` goes on then"
            ),
        ),
    }
    Ok(())
}

/// Of all sites, the end that a script has to hear of. A site that was not started counts as failed.
fn exit(fleet: &FleetRun, stop: &FleetStop) -> Exit {
    let of_sites = fleet.standings().map(|(_, standing)| match standing {
        Standing::Ended(conclusion) => Exit::from(*conclusion),
        Standing::NeedsResolve => Exit::NeedsResolve,
        Standing::Refused(_) => Exit::Failed,
        Standing::NotStarted if fleet.fleet().stopped.is_some() => Exit::Failed,
        _ => Exit::Waiting,
    });
    let worst = of_sites.fold(Exit::Healthy, Exit::or_worse);
    match stop {
        FleetStop::Interrupted => worst.or_worse(Exit::Waiting),
        _ => worst,
    }
}

/// What the sites of a fleet share: the store with its syncs, the probes with their budgets, the screen.
struct FleetHost<'a> {
    workspace: &'a Workspace,
    store: Arc<Embedded>,
    live: Arc<FleetLive>,
    probes: Arc<SiteProbes>,
    known: Mutex<HashMap<String, RunSummary>>,
    /// Lengths of the records that what is known of the runs was made from.
    lengths: Mutex<HashMap<String, u64>>,
    reports: bool,
}

impl<'a> FleetHost<'a> {
    fn new(
        workspace: &'a Workspace,
        sites: usize,
        checked: &Checked,
        probes: Arc<SiteProbes>,
    ) -> Result<Self, Fail> {
        let store: Embedded = workspace.store.grouped()?;
        Ok(FleetHost {
            workspace,
            store: Arc::new(store),
            live: FleetLive::new(&workspace.global, sites),
            probes,
            known: Mutex::new(HashMap::with_capacity(sites)),
            lengths: Mutex::new(HashMap::with_capacity(sites)),
            reports: checked.runbook.report.is_some(),
        })
    }

    /// What is known of each site, in the order of the fleet.
    fn facts(&self, fleet: &FleetRun) -> Vec<FleetSiteFacts> {
        let known = guard(&self.known);
        fleet
            .standings()
            .map(|(site, standing)| {
                let trouble = match standing {
                    Standing::Refused(reason) => Some(reason.clone()),
                    _ => None,
                };
                match known.get(&site.run) {
                    Some(summary) => FleetSiteFacts {
                        summary: Some(summary.clone()),
                        trouble,
                    },
                    None if *standing == Standing::NotStarted => FleetSiteFacts::default(),
                    None => FleetSiteFacts {
                        trouble,
                        ..facts_of(self.workspace, fleet.fleet(), site)
                    },
                }
            })
            .collect()
    }

    /// Spares the next list of runs reading those of this fleet.
    fn leave_known(&self, fleet: &str) {
        let known = guard(&self.known);
        let lengths = guard(&self.lengths);
        let lines: Vec<(u64, RunSummary)> = lengths
            .iter()
            .filter_map(|(run, length)| Some((*length, known.get(run)?.clone())))
            .collect();
        self.store.leave(fleet, &lines);
    }

    /// Writes the documents of a run that has ended. They are noted in its journal: what was known of it is old then.
    fn write_reports(&self, run: &RunState) {
        if !self.reports {
            return;
        }
        let written = super::report::write_all(self.workspace, run, self.workspace.store.root());
        let run_id = &run.created.run;
        match self.store.line(run_id) {
            Ok((length, summary)) => {
                guard(&self.lengths).insert(run_id.clone(), length);
                guard(&self.known).insert(run_id.clone(), summary);
            }
            Err(_) => drop(guard(&self.lengths).remove(run_id)),
        }
        if let Err(fail) = written {
            self.live.trouble(&format!(
                "the report of {} is not written: {}",
                run.created.run,
                fail.text()
            ));
        }
    }
}

fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Host for FleetHost<'_> {
    fn engine(&self, site: &Site) -> Result<Engine, String> {
        Ok(Engine {
            store: self.store.clone(),
            probes: (self.probes.of(self.workspace, site)).map_err(|fail| fail.text())?,
            templates: self.workspace.templates.clone(),
            observer: self.live.of_site(&site.id),
            // The fleet waits for its sites, not each for itself.
            patience: Duration::ZERO,
        })
    }

    fn recorded(&self, site: &FleetSite, length: Option<u64>) {
        let mut lengths = guard(&self.lengths);
        match length {
            Some(length) => lengths.insert(site.run.clone(), length),
            None => lengths.remove(&site.run),
        };
    }

    fn changed(&self, site: &FleetSite, standing: &Standing, run: Option<&RunState>) {
        if let Some(run) = run.filter(|_| *standing != Standing::Working) {
            guard(&self.known).insert(site.run.clone(), RunSummary::of(run));
        }
        if let (Standing::Ended(_), Some(run)) = (standing, run) {
            self.write_reports(run);
        }
        self.live.stands(site, standing, run);
    }
}
