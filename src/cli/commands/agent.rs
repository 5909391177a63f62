//! `resume --all` and `agent`: every run goes on when it can, once or for as long as the process stays.

use std::collections::{HashMap, HashSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::{JoinSet, LocalSet};

use super::due::{Due, Why, due, is_any_open, next_date};
use super::run::{carry_on, runtime, stop_signal, write_missing_reports};
use crate::cli::exit::Exit;
use crate::cli::fail::{Fail, chain};
use crate::cli::out;
use crate::cli::site_probes::SiteProbes;
use crate::cli::workspace::Workspace;
use crate::engine::{Engine, EngineError, FleetStop, Silent, Stop, TakenFleet, TakenUp};
use crate::store::{Outlook, StoreError};

/// So many runs are worked on at the same time; those that wait take no place.
const PLACES: usize = 32;
/// How long a run keeps its place for a date that is near: taking it up again costs more than waiting.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often to look for answers and new runs...
const LOOK: Duration = Duration::from_secs(1);
/// ... but of so many parts of the time, looking takes one at most.
const SHARE: u32 = 50;
/// What could not go on is tried again after this.
const AFTER_TROUBLE: Duration = Duration::from_secs(60);
/// What another process works on is looked at again after this.
const WHILE_HELD: Duration = Duration::from_secs(2);

/// Goes on once with every open run that can go on now.
pub(in crate::cli) fn resume_all(workspace: &Workspace) -> Result<Exit, Fail> {
    let mut outlook = Outlook::default();
    let troubles = outlook.refresh(&workspace.store)?;
    for (run, error) in &troubles {
        Workspace::warn_of(run, error);
    }
    let due = due(&outlook, workspace.clock.now());
    if due.is_empty() {
        out::remark(&workspace.global, "nothing is due");
    }
    let mut worst = of_unread(troubles.iter().any(|(_, error)| !error.leaves_readable()));
    for due in due {
        let exit = match due {
            Due::Fleet(fleet) => super::fleet::resume(workspace, &fleet, false),
            Due::Run(run, _) => super::run::resume(workspace, &run, false),
        };
        worst = worst.or_worse(exit.unwrap_or_else(|fail| out::fail(&workspace.global, &fail)));
    }
    Ok(worst)
}

/// What cannot be read may be open, and goes no further: somebody must look.
fn of_unread(any: bool) -> Exit {
    if any { Exit::Failed } else { Exit::Healthy }
}

/// Stays, and goes on with each run when its date or an answer has come, until it is told to stop or, with `until_done`, no
/// run is open.
pub(in crate::cli) fn agent(workspace: &Workspace, until_done: bool) -> Result<Exit, Fail> {
    let agent = Agent {
        shared: Rc::new(Shared {
            quiet: workspace.quietly(),
            probes: Arc::default(),
        }),
        workspace,
        outlook: Outlook::default(),
        waiting: VecDeque::new(),
        busy: HashSet::new(),
        later: HashMap::new(),
        told: HashSet::new(),
        unread: false,
        next_look: Instant::now(),
        date: None,
        worst: Exit::Healthy,
    };
    let runtime = runtime()?;
    LocalSet::new().block_on(&runtime, agent.work(until_done))
}

/// What the work on all runs shares.
struct Shared {
    quiet: Workspace,
    probes: Arc<SiteProbes>,
}

struct Agent<'a> {
    workspace: &'a Workspace,
    shared: Rc<Shared>,
    outlook: Outlook,
    /// What can go on and has no place yet.
    waiting: VecDeque<Due>,
    /// What is worked on.
    busy: HashSet<String>,
    /// Not before.
    later: HashMap<String, Instant>,
    /// What is wrong with runs and was told.
    told: HashSet<String>,
    /// Some run, or the folder, could not be read at the last look.
    unread: bool,
    /// When to look again, whatever happens.
    next_look: Instant,
    /// The first date that any run waits for, as of the last look.
    date: Option<Timestamp>,
    worst: Exit,
}

/// What came of one act.
struct Acted {
    due: Due,
    came: Result<Came, Trouble>,
}

/// How a run, or a fleet run, was left.
struct Came {
    /// In words.
    text: String,
    exit: Exit,
    ended: bool,
    next: Option<Timestamp>,
}

enum Trouble {
    /// Another process works on it.
    Held,
    Fail(Fail),
}

impl From<Fail> for Trouble {
    fn from(fail: Fail) -> Self {
        Trouble::Fail(fail)
    }
}

impl Agent<'_> {
    async fn work(mut self, until_done: bool) -> Result<Exit, Fail> {
        let mut stop = stop_signal(&self.workspace.global);
        let mut jobs: JoinSet<Acted> = JoinSet::new();
        self.say("agent", "looks after all runs", json!({}))?;
        loop {
            let stopping = *stop.borrow();
            // While others are worked on, the end of one is no reason to look at all.
            if !stopping && self.waiting.is_empty() && (jobs.is_empty() || self.is_time_to_look()) {
                self.look()?;
            }
            while !stopping
                && jobs.len() < PLACES
                && let Some(due) = self.waiting.pop_front()
            {
                self.busy.insert(due.id().to_owned());
                jobs.spawn_local(act(self.shared.clone(), due, stop.clone()));
            }
            if jobs.is_empty() {
                if stopping {
                    self.say("agent", "stopped; nothing is lost", json!({}))?;
                    return Ok(if until_done {
                        Exit::Waiting
                    } else {
                        Exit::Healthy
                    });
                }
                if until_done && !is_any_open(&self.outlook) {
                    return Ok(self.worst.or_worse(of_unread(self.unread)));
                }
            }
            let pause = match stopping || !self.waiting.is_empty() {
                // The end of what is worked on comes first.
                true => LOOK,
                false => self.until_look(),
            };
            let mut acted = tokio::select! {
                Some(acted) = jobs.join_next() => Some(acted),
                () = tokio::time::sleep(pause) => None,
                _ = stop.changed(), if !stopping => None,
            };
            while let Some(one) = acted {
                match one {
                    Ok(one) => self.acted(one)?,
                    Err(broken) => {
                        return Err(Fail::because("the work on a run broke off", broken));
                    }
                }
                acted = jobs.try_join_next();
            }
        }
    }

    /// Looks what can go on now.
    fn look(&mut self) -> Result<(), Fail> {
        let begun = Instant::now();
        let looked = self.look_at_all();
        self.date = next_date(&self.outlook, self.workspace.clock.now());
        let ended = Instant::now();
        self.next_look = ended + LOOK.max((ended - begun) * SHARE);
        looked
    }

    fn look_at_all(&mut self) -> Result<(), Fail> {
        match self.outlook.refresh(&self.workspace.store) {
            Ok(troubles) => {
                let mut now_told = HashSet::new();
                self.unread = troubles.iter().any(|(_, error)| !error.leaves_readable());
                for (run, error) in troubles {
                    let text = chain(&error);
                    if !self.told.contains(&text) {
                        Workspace::warn_of(&run, &error);
                    }
                    now_told.insert(text);
                }
                self.told = now_told;
            }
            // A disk that is away may come back.
            Err(error) => {
                let text = chain(&error);
                self.unread = true;
                if self.told.insert(text.clone()) {
                    self.say(
                        "agent",
                        &format!("cannot look at the runs: {text}"),
                        json!({}),
                    )?;
                }
                return Ok(());
            }
        }
        self.later.retain(|_, until| *until > Instant::now());
        let due = due(&self.outlook, self.workspace.clock.now());
        let free = |due: &Due| !self.busy.contains(due.id()) && !self.later.contains_key(due.id());
        self.waiting = due.into_iter().filter(free).collect();
        Ok(())
    }

    fn is_time_to_look(&self) -> bool {
        let date_has_come = self
            .date
            .is_some_and(|date| date <= self.workspace.clock.now());
        date_has_come || Instant::now() >= self.next_look
    }

    /// How long to sleep: until the next look, or the next date.
    fn until_look(&self) -> Duration {
        let most = self.next_look.saturating_duration_since(Instant::now());
        let now = self.workspace.clock.now();
        let left = self
            .date
            .and_then(|date| Duration::try_from(date.duration_since(now)).ok());
        // A millisecond more: dates are finer than timers.
        left.map_or(most, |left| left.min(most)) + Duration::from_millis(1)
    }

    /// Tells what came of an act, in one line.
    fn acted(&mut self, acted: Acted) -> Result<(), Fail> {
        let id = acted.due.id().to_owned();
        self.busy.remove(&id);
        let pause = match &acted.came {
            Ok(_) => LOOK,
            Err(Trouble::Held) => WHILE_HELD,
            Err(Trouble::Fail(_)) => AFTER_TROUBLE,
        };
        self.later.insert(id.clone(), Instant::now() + pause);
        let (why, word) = match &acted.due {
            Due::Fleet(_) => ("went on", "fleet"),
            Due::Run(_, Why::Date) => ("its date had come", "date"),
            Due::Run(_, Why::Free) => ("it could go on", "free"),
        };
        match acted.came {
            Ok(came) => {
                if came.ended {
                    self.worst = self.worst.or_worse(came.exit);
                }
                let more = json!({"why": word, "ended": came.ended, "due": came.next, "exit": came.exit.code()});
                self.say(&id, &format!("{why}; {}", came.text), more)
            }
            Err(Trouble::Held) => Ok(()),
            Err(Trouble::Fail(fail)) => {
                let text = format!("{why}, but cannot go on: {}", fail.text());
                self.say(&id, &text, json!({"why": word, "error": fail.text()}))
            }
        }
    }

    fn say(&self, id: &str, text: &str, more: serde_json::Value) -> Result<(), Fail> {
        let now = self.workspace.clock.now();
        if self.workspace.global.json {
            let mut line =
                json!({"schema": "mailmedic.agent/1", "at": now, "run": id, "text": text});
            if let (Some(line), serde_json::Value::Object(more)) = (line.as_object_mut(), more) {
                line.extend(more);
            }
            return out::text(&line.to_string());
        }
        if self.workspace.global.quiet && id == "agent" {
            return Ok(());
        }
        out::text(&format!(
            "{} {id}: {text}",
            now.strftime("%Y-%m-%d %H:%M:%SZ")
        ))
    }
}

async fn act(shared: Rc<Shared>, due: Due, mut stop: watch::Receiver<bool>) -> Acted {
    let came = match &due {
        Due::Fleet(fleet) => go_on_with_fleet(&shared, fleet, &stop).await,
        Due::Run(run, _) => go_on(&shared, run, &mut stop).await,
    };
    Acted { due, came }
}

async fn go_on_with_fleet(
    shared: &Shared,
    fleet: &str,
    stop: &watch::Receiver<bool>,
) -> Result<Came, Trouble> {
    let workspace = &shared.quiet;
    let taken = free(TakenFleet::again(&*workspace.store, fleet))?;
    let probes = shared.probes.clone();
    let worked = super::fleet::carry_on(workspace, taken, probes, PATIENCE, stop);
    let (stop, exit) = worked.await?;
    Ok(of_fleet(&stop, exit))
}

async fn go_on(
    shared: &Shared,
    run: &str,
    stop: &mut watch::Receiver<bool>,
) -> Result<Came, Trouble> {
    let workspace = &shared.quiet;
    let taken = free(TakenUp::again(&*workspace.store, run))?;
    if let Some((conclusion, _)) = taken.state().conclusion {
        write_missing_reports(workspace, taken.state())?;
        return Ok(of_run(run, &Stop::Finished(conclusion)));
    }
    let (checked, site) = workspace.pinned(taken.state())?;
    let engine = Engine {
        store: workspace.store.clone(),
        probes: shared.probes.of(workspace, &site)?,
        templates: workspace.templates.clone(),
        observer: Arc::new(Silent),
        patience: PATIENCE,
    };
    let (_, stop, _) = carry_on(workspace, &engine, taken, &checked, site, stop).await?;
    Ok(of_run(run, &stop))
}

/// What was taken up, unless another process has it.
fn free<T>(taken: Result<T, EngineError>) -> Result<T, Trouble> {
    match taken {
        Err(EngineError::Store(StoreError::Held { .. })) => Err(Trouble::Held),
        taken => Ok(taken.map_err(Fail::from)?),
    }
}

fn of_run(run: &str, stop: &Stop) -> Came {
    let (text, next) = match stop {
        Stop::Finished(conclusion) => (format!("has ended: {}", conclusion.as_str()), None),
        Stop::Waiting { due: Some(due) } => (format!("waits until {}", minute(*due)), Some(*due)),
        Stop::Waiting { due: None } => (
            format!("waits for a person: `mailmedic status {run}`"),
            None,
        ),
        Stop::NeedsResolve => (
            format!("a person must say what became of a step: `mailmedic status {run}`"),
            None,
        ),
        Stop::Interrupted => ("was stopped on the way".to_owned(), None),
    };
    Came {
        text,
        exit: Exit::from(stop),
        ended: matches!(stop, Stop::Finished(_)),
        next,
    }
}

fn of_fleet(stop: &FleetStop, exit: Exit) -> Came {
    let (text, next) = match stop {
        FleetStop::Finished => ("all its sites have ended".to_owned(), None),
        FleetStop::Waiting { due: Some(due) } => {
            (format!("waits until {}", minute(*due)), Some(*due))
        }
        FleetStop::Waiting { due: None } => ("waits for people".to_owned(), None),
        FleetStop::Interrupted => ("was stopped on the way".to_owned(), None),
    };
    Came {
        text,
        exit,
        ended: *stop == FleetStop::Finished,
        next,
    }
}

fn minute(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}
