//! A fleet run: one runbook for many sites, many runs in one process.
//!
//! Its plan is on disk before the first site is started, so `resume` knows the sites that were not started yet as well. Each
//! site's run is a run like any other. A site that waits for a date or a person holds no place, no thread and no timer of its
//! own: its worker is kept beside one list of dates, and asked again when its date has come or somebody has answered.

mod call_off;
mod hire;
mod rollout;
mod standing;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{EngineError, Stop, Worker};
use crate::error_chain::chain;
use crate::probes::Clock;
use crate::record::{Fleet, FleetEvent, FleetPlan, FleetSite, NotStarted, RunState};
use crate::runbook::Checked;
use crate::spread::spread;
use crate::store::{Hold, Store, StoreError};
pub use call_off::{CalledOff, call_off};
use hire::Hire;
pub use rollout::limits;
use rollout::{Permit, Tally, permit};
pub use standing::{FleetStop, Host, Standing};

/// How often to look whether somebody has answered to a site that waits.
const LOOK: Duration = Duration::from_secs(1);
/// Sites started before those that were started get their turn.
const AT_A_TIME: usize = 64;
/// New runs that are worth a thread of their own.
const WORTH_A_THREAD: usize = 8;

/// A fleet run that this process alone works on.
pub struct FleetRun {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    checked: Checked,
    fleet: Fleet,
    /// How long its record was when it was read: somebody else may note that it is called off.
    heard: u64,
    standings: Vec<Standing>,
    /// Workers of sites that wait.
    parked: HashMap<usize, Box<Worker>>,
    /// When sites that wait must go on.
    dates: BTreeSet<(Timestamp, usize)>,
    /// Sites that can go on when there is a place.
    ready: VecDeque<usize>,
    jobs: JoinSet<Back>,
    /// The first site that may not have been started.
    next: usize,
    /// Sites that have failed.
    failed: usize,
    _hold: Box<dyn Hold>,
}

/// A worker that cannot go on, and why.
type Back = (usize, Box<Worker>, Result<Stop, EngineError>);

/// A fleet run that this process alone works on, as it was read.
pub struct TakenFleet {
    fleet: Fleet,
    hold: Box<dyn Hold>,
}

impl TakenFleet {
    /// Takes a fleet run up again: becomes the one process that works on it, and reads its record.
    ///
    /// # Errors
    /// When another process works on it, or it cannot be read.
    pub fn again(store: &dyn Store, fleet: &str) -> Result<Self, EngineError> {
        let hold = store.hold(fleet)?;
        let fleet = store.fleet(fleet)?;
        Ok(TakenFleet { fleet, hold })
    }

    /// What it was started with.
    pub fn plan(&self) -> &FleetPlan {
        &self.fleet.plan
    }
}

impl FleetRun {
    /// Writes a new fleet run down. From here on it can be resumed.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        plan: FleetPlan,
        checked: Checked,
    ) -> Result<Self, EngineError> {
        let hold = store.hold(&plan.fleet)?;
        store.create_fleet(plan.clone())?;
        let fleet = Fleet {
            plan,
            stopped: None,
            finished: None,
        };
        Ok(FleetRun::of(store, clock, fleet, checked, hold))
    }

    /// Goes on with a fleet run that was taken up: reads where its sites' runs stand.
    pub fn again(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        taken: TakenFleet,
        checked: Checked,
    ) -> Self {
        let mut run = FleetRun::of(store, clock, taken.fleet, checked, taken.hold);
        for place in 0..run.standings.len() {
            let standing = match run.store.state(&run.fleet.plan.sites[place].run) {
                Ok(state) => match state.conclusion {
                    Some((conclusion, _)) => Standing::Ended(conclusion),
                    None => Standing::Ready,
                },
                Err(StoreError::NoSuchRun(_)) => Standing::NotStarted,
                Err(error) => Standing::Refused(chain(&error)),
            };
            if standing == Standing::Ready {
                run.ready.push_back(place);
            }
            run.failed += usize::from(standing.has_failed());
            run.standings[place] = standing;
        }
        run
    }

    fn of(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        fleet: Fleet,
        checked: Checked,
        hold: Box<dyn Hold>,
    ) -> Self {
        // What cannot be looked at now is read when it can be.
        let heard = store.fleet_length(&fleet.plan.fleet).unwrap_or(0);
        FleetRun {
            standings: vec![Standing::NotStarted; fleet.plan.sites.len()],
            heard,
            store,
            clock,
            checked,
            fleet,
            parked: HashMap::new(),
            dates: BTreeSet::new(),
            ready: VecDeque::new(),
            jobs: JoinSet::new(),
            next: 0,
            failed: 0,
            _hold: hold,
        }
    }

    /// The fleet run as it stands.
    pub fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    /// Each site, in the order of starting, and where it stands.
    pub fn standings(&self) -> impl Iterator<Item = (&FleetSite, &Standing)> {
        self.fleet.plan.sites.iter().zip(&self.standings)
    }

    /// Works on all sites until nothing can go on, and then stays for dates that come within `patience`. `stop` becomes true
    /// when the process should end.
    ///
    /// # Errors
    /// When the store cannot be written. What keeps one site from going on is its [`Standing`], and no error.
    pub async fn work(
        &mut self,
        host: &dyn Host,
        patience: Duration,
        stop: &watch::Receiver<bool>,
    ) -> Result<FleetStop, EngineError> {
        let mut stop = stop.clone();
        let mut looked = tokio::time::Instant::now();
        loop {
            let stopping = *stop.borrow();
            if !stopping && self.fill_places(host, &stop)? {
                tokio::task::yield_now().await;
                while let Some(back) = self.jobs.try_join_next() {
                    self.came_back(host, back)?;
                }
                continue;
            }
            if self.jobs.is_empty() {
                if stopping {
                    return Ok(FleetStop::Interrupted);
                }
                if self.is_over() {
                    self.finish()?;
                    return Ok(FleetStop::Finished);
                }
                let due = self.dates.first().map(|(moment, _)| *moment);
                if due.is_none_or(|due| self.left(due) > patience) {
                    return Ok(FleetStop::Waiting { due });
                }
            }
            let look = self
                .dates
                .first()
                .map_or(LOOK, |(moment, _)| self.left(*moment).min(LOOK));
            tokio::select! {
                Some(back) = self.jobs.join_next() => self.came_back(host, back)?,
                () = tokio::time::sleep(look) => {}
                _ = stop.changed(), if !stopping => {}
            }
            while let Some(back) = self.jobs.try_join_next() {
                self.came_back(host, back)?;
            }
            self.wake_due();
            if looked.elapsed() >= LOOK {
                looked = tokio::time::Instant::now();
                self.hear()?;
                self.wake_answered(host);
            }
        }
    }

    fn left(&self, moment: Timestamp) -> Duration {
        let left = moment.duration_since(self.clock.now());
        // A millisecond more: dates are finer than timers.
        Duration::try_from(left).unwrap_or_default() + Duration::from_millis(1)
    }

    fn set(&mut self, host: &dyn Host, place: usize, standing: Standing, run: Option<&RunState>) {
        self.failed += usize::from(standing.has_failed());
        self.standings[place] = standing;
        host.changed(&self.fleet.plan.sites[place], &self.standings[place], run);
    }

    /// Gives free places to sites that can go on, then to sites that have not been started. `true`: there are more, but those
    /// that were started should get their turn.
    fn fill_places(
        &mut self,
        host: &dyn Host,
        stop: &watch::Receiver<bool>,
    ) -> Result<bool, EngineError> {
        let most = self.fleet.plan.limits.max_concurrent;
        let most = most.saturating_sub(self.jobs.len()).min(AT_A_TIME);
        let ready = self.ready.len().min(most);
        let mut places: Vec<usize> = self.ready.drain(..ready).collect();
        self.next_sites(most, &mut places)?;
        if places.is_empty() {
            return Ok(false);
        }
        for (place, worker) in self.workers(host, places) {
            match worker {
                Ok(mut worker) => {
                    self.set(host, place, Standing::Working, Some(worker.state()));
                    let mut stop = stop.clone();
                    self.jobs.spawn(async move {
                        let stopped = worker.work(&mut stop).await;
                        (place, worker, stopped)
                    });
                }
                Err(why) => self.set(host, place, Standing::Refused(why), None),
            }
        }
        Ok(true)
    }

    /// Reads what somebody else has noted about the fleet run.
    fn hear(&mut self) -> Result<(), EngineError> {
        let length = self.store.fleet_length(&self.fleet.plan.fleet)?;
        if self.heard != length {
            self.fleet = self.store.fleet(&self.fleet.plan.fleet)?;
            self.heard = length;
        }
        Ok(())
    }

    /// Adds sites that may be started now to `places`, until there are `most`.
    fn next_sites(&mut self, most: usize, places: &mut Vec<usize>) -> Result<(), EngineError> {
        let new = |standing: &Standing| *standing == Standing::NotStarted;
        self.next += (self.standings[self.next..].iter())
            .take_while(|standing| !new(standing))
            .count();
        if self.next == self.standings.len() || places.len() == most {
            return Ok(());
        }
        self.hear()?;
        if self.fleet.stopped.is_some() {
            return Ok(());
        }
        match permit(&self.fleet.plan.limits, &self.tally(places.len())) {
            Permit::Start(permitted) => {
                let more = permitted.min(most - places.len());
                let left = self.standings.iter().enumerate().skip(self.next);
                let left = left.filter(|(_, standing)| new(standing));
                places.extend(left.map(|(place, _)| place).take(more));
                Ok(())
            }
            Permit::Stop(reason) => self.note(FleetEvent::Stopped {
                at: self.clock.now(),
                reason,
            }),
        }
    }

    /// How the fleet stands, with `chosen` sites that are about to be worked on.
    fn tally(&self, chosen: usize) -> Tally {
        let mut tally = Tally {
            sites: self.standings.len(),
            working: self.jobs.len() + chosen,
            failed: self.failed,
            others_left: self.standings.len() - self.next,
            ..Tally::default()
        };
        for standing in self.standings.iter().take(self.fleet.plan.limits.canary) {
            let failed = standing.has_failed();
            let well = matches!(standing, Standing::Ended(_)) && !failed;
            tally.canaries_open += usize::from(!well);
            tally.canaries_left += usize::from(*standing == Standing::NotStarted);
            tally.canaries_failed +=
                usize::from(failed || matches!(standing, Standing::Refused(_)));
        }
        tally
    }

    /// The workers of sites: kept, of their runs taken up again, or of new runs. To begin many runs takes all processors.
    fn workers(
        &mut self,
        host: &dyn Host,
        places: Vec<usize>,
    ) -> Vec<(usize, Result<Box<Worker>, String>)> {
        let mut workers = Vec::with_capacity(places.len());
        let mut others = Vec::new();
        for place in places {
            match self.parked.remove(&place) {
                Some(kept) => workers.push((place, Ok(kept))),
                None => others.push((place, self.standings[place] == Standing::NotStarted)),
            }
        }
        let hire = Hire {
            host,
            store: &*self.store,
            clock: &*self.clock,
            checked: &self.checked,
            plan: &self.fleet.plan,
        };
        let runtime = tokio::runtime::Handle::current();
        workers.extend(spread(WORTH_A_THREAD, others, |(place, new)| {
            // What probes need of it can be had from any thread.
            let _runtime = runtime.enter();
            (place, hire.worker(place, new).map(Box::new))
        }));
        workers
    }

    /// A worker cannot go on.
    fn came_back(
        &mut self,
        host: &dyn Host,
        back: Result<Back, tokio::task::JoinError>,
    ) -> Result<(), EngineError> {
        let (place, worker, stop) = match back {
            Ok(back) => back,
            Err(broken) => std::panic::resume_unwind(broken.into_panic()),
        };
        let length = stop.as_ref().ok().and_then(|_| worker.length());
        host.recorded(&self.fleet.plan.sites[place], length);
        let standing = match stop {
            Ok(Stop::Finished(conclusion)) => {
                // Its documents are written by whoever is told, and they are appended to its record.
                let state = (*worker).into_state();
                self.set(host, place, Standing::Ended(conclusion), Some(&state));
                return Ok(());
            }
            Ok(Stop::Waiting { due }) => {
                self.dates.extend(due.map(|due| (due, place)));
                Standing::Waiting { due }
            }
            Ok(Stop::NeedsResolve) => Standing::NeedsResolve,
            Ok(Stop::Interrupted) => Standing::Ready,
            // What keeps one run from being written keeps all.
            Err(
                error @ EngineError::Store(StoreError::Io { .. } | StoreError::Poisoned { .. }),
            ) => {
                return Err(error);
            }
            Err(error) => Standing::Refused(chain(&error)),
        };
        self.set(host, place, standing, Some(worker.state()));
        self.parked.insert(place, worker);
        Ok(())
    }

    /// Sites whose date has come can go on.
    fn wake_due(&mut self) {
        let now = self.clock.now();
        while let Some((moment, place)) = self.dates.first().copied()
            && moment <= now
        {
            self.dates.remove(&(moment, place));
            self.make_ready(place);
        }
    }

    /// Sites whose question was answered can go on.
    fn wake_answered(&mut self, host: &dyn Host) {
        let mut answered = Vec::new();
        for (place, worker) in &mut self.parked {
            match worker.has_news() {
                Ok(false) => {}
                Ok(true) => answered.push((*place, None)),
                Err(error) => answered.push((*place, Some(chain(&error)))),
            }
        }
        for (place, trouble) in answered {
            if let Standing::Waiting { due: Some(due) } = self.standings[place] {
                self.dates.remove(&(due, place));
            }
            match trouble {
                None => self.make_ready(place),
                Some(why) => {
                    self.parked.remove(&place);
                    self.set(host, place, Standing::Refused(why), None);
                }
            }
        }
    }

    fn make_ready(&mut self, place: usize) {
        if self.standings[place] != Standing::Ready {
            self.standings[place] = Standing::Ready;
            self.ready.push_back(place);
        }
    }

    /// True when no site can ever go on in this fleet run.
    fn is_over(&self) -> bool {
        self.standings.iter().all(|standing| match standing {
            Standing::Ended(_) | Standing::Refused(_) => true,
            Standing::NotStarted => self.fleet.stopped.is_some(),
            _ => false,
        })
    }

    fn finish(&mut self) -> Result<(), EngineError> {
        if self.fleet.finished.is_some() {
            return Ok(());
        }
        let why = self.fleet.stopped.as_ref().map(|(_, reason)| reason);
        let not_started = self.standings().filter_map(|(site, standing)| {
            let reason = match standing {
                Standing::NotStarted => why.cloned().unwrap_or_default(),
                Standing::Refused(reason) => reason.clone(),
                _ => return None,
            };
            Some(NotStarted {
                site: site.site.clone(),
                reason,
            })
        });
        let not_started = not_started.collect();
        self.note(FleetEvent::Finished {
            at: self.clock.now(),
            not_started,
        })
    }

    fn note(&mut self, event: FleetEvent) -> Result<(), EngineError> {
        self.store
            .note_fleet(&self.fleet.plan.fleet, event.clone())?;
        self.fleet.follow(event);
        Ok(())
    }
}
