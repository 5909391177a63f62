//! `demo`: the whole job on a practice mail world on this machine.
//!
//! The probes, the engine and the store are the real ones. Only three things are played: the technician's answers, the changes
//! that people would make to their servers meanwhile, and the passing of days.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::run::{runtime, stop_signal};
use crate::cli::args::Global;
use crate::cli::exit::Exit;
use crate::cli::fail::Fail;
use crate::cli::live::Live;
use crate::cli::out;
use crate::cli::workspace::{Workspace, pin};
use crate::engine::{Answer, Engine, PlanRequest, Stop, TakenUp, decide, plan};
use crate::practice::{World, office};
use crate::probes::{Clock, ShiftableClock, SystemClock};
use crate::record::{Decision, Mode, RunState, StepStatus, WaitKind};
use crate::settings::Settings;
use crate::site::Site;
use crate::store::Embedded;
use crate::templates::Templates;

/// Who answers in the demonstration.
const TECHNICIAN: &str = "the technician";

/// What the technician answers to a task, and what has changed in the world by then.
struct Part {
    step: &'static str,
    /// How long it took.
    after: Duration,
    note: &'static str,
    /// Names of the changes of the practice office.
    changes: &'static [&'static str],
}

const HOUR: u64 = 3600;

const PARTS: &[Part] = &[
    Part {
        step: "clean_up",
        after: Duration::from_secs(5 * HOUR),
        note: "Two PCs in accounting were sending spam: cleaned and back on the network. All passwords changed. \
               Recipient filtering is on, port 25 is closed for everything but the mail server, 4,100 messages taken out of the queue.",
        changes: &["recipient-check", "no-clear-text-login", "helo-name"],
    },
    Part {
        step: "ptr_asked",
        after: Duration::from_secs(HOUR),
        note: "Sent from the account holder's address.",
        changes: &[],
    },
    Part {
        step: "switch_outbound",
        after: Duration::from_secs(2 * HOUR),
        note: "The connector hands everything to the smarthost; a test message to an outside mailbox went that way.",
        changes: &["smarthost-route"],
    },
    Part {
        step: "may_we_file",
        after: Duration::from_secs(HOUR),
        note: "Read and true.",
        changes: &[],
    },
    Part {
        step: "file_requests",
        after: Duration::from_secs(HOUR),
        note: "Filed as the drafts say; the operators' confirmations are in the ticket.",
        changes: &[],
    },
];

/// Runs the demonstration in `keep`, or in a temporary folder whose documents stay.
pub(in crate::cli) fn demo(global: &Global, keep: Option<&Path>) -> Result<Exit, Fail> {
    let folder = match keep {
        Some(folder) => folder.to_owned(),
        None => std::env::temp_dir().join(format!("mailmedic-demo-{}", std::process::id())),
    };
    std::fs::create_dir_all(&folder).map_err(|error| {
        Fail::because(
            format!("cannot create the folder {}", folder.display()),
            error,
        )
    })?;
    let folder = folder.canonicalize().map_err(|error| {
        Fail::because(format!("cannot use the folder {}", folder.display()), error)
    })?;
    runtime()?.block_on(Demo::play(global, folder))
}

struct Demo {
    global: Global,
    folder: PathBuf,
    world: World,
    clock: Arc<ShiftableClock>,
    live: Arc<Live>,
    workspace: Workspace,
}

impl Demo {
    async fn play(global: &Global, folder: PathBuf) -> Result<Exit, Fail> {
        let world = World::start(office::scenario()).await.map_err(|error| {
            Fail::because(
                "cannot start the practice world on this machine's loopback interface",
                error,
            )
        })?;
        let files = world.unpack(&folder).map_err(|error| {
            Fail::because(format!("cannot write to {}", folder.display()), error)
        })?;
        let clock = Arc::new(ShiftableClock::starting_at(SystemClock.now()));
        let mut own = global.clone();
        // The practice world answers its own names; whatever else is set must not lead out of it.
        own.resolver.clear();
        let demo = Demo {
            global: global.clone(),
            live: Live::new(global),
            workspace: Workspace {
                settings: Settings::default(),
                global: own,
                store: Arc::new(Embedded::new(folder.join("state"))),
                templates: Templates::default(),
                clock: clock.clone(),
            },
            folder,
            world,
            clock,
        };
        let site = crate::site::load(&files.site)?;
        let exit = demo.run(site, &files.event_log).await;
        demo.world.stop().await;
        exit
    }

    fn tell(&self, text: &str) {
        if !self.global.json {
            self.live.say(text);
        }
    }

    async fn run(&self, site: Site, event_log: &Path) -> Result<Exit, Fail> {
        let checked = self.workspace.runbook("blacklist-recovery")?;
        let logs = vec![format!("event_logs={}", event_log.display())];
        let inputs = super::run::inputs(&checked, &logs)?;
        let engine = self
            .workspace
            .engine(&site, self.live.clone(), Duration::ZERO)?;
        self.tell(&format!(
            "A practice mail world runs on this machine: DNS at {}, an office's mail server, a smarthost, a mailbox.\n\
             Answers and changes made by people are played; everything else is real.\n",
            self.world.dns()
        ));
        let first = plan(PlanRequest {
            run: "acme-practice".to_owned(),
            runbook: &checked,
            site: &site,
            snapshot: pin(&site)?,
            inputs,
            mode: Mode::Run,
            by: TECHNICIAN.to_owned(),
            at: self.clock.now(),
            parent: None,
            inherited: Vec::new(),
        });
        let run = TakenUp::new(&*self.workspace.store, first).map_err(|error| {
            Fail::invalid(format!(
                "{}: name an empty folder with --keep",
                crate::cli::fail::chain(&error)
            ))
        })?;
        let mut worker = engine.worker(run, &checked, site)?;
        let mut delisted = 0;
        let mut stop = stop_signal(&self.workspace.global);
        let conclusion = loop {
            match worker.work(&mut stop).await? {
                Stop::Finished(conclusion) => break conclusion,
                Stop::Waiting { .. } => {
                    let state = worker.state();
                    if !self.answer(&engine, state)? && !self.let_time_pass(state, &mut delisted)? {
                        return Err(Fail::failed(
                            "the demonstration has no answer to what the run waits for",
                        ));
                    }
                }
                Stop::NeedsResolve => {
                    return Err(Fail::failed(
                        "the demonstration was interrupted before: name another folder",
                    ));
                }
                Stop::Interrupted => {
                    return Ok(Exit::Waiting);
                }
            }
        };
        let state = worker.into_state();
        let run = &state.created.run;
        let written = super::report::write_all(&self.workspace, &state, &self.folder)?;
        if self.global.json {
            out::json(&json!({
                "schema": "mailmedic.demo/1", "run": run, "conclusion": conclusion.as_str(), "reports": written,
                "state": self.workspace.store.root(),
            }))?;
        } else {
            self.tell(&format!(
                "\nThe run has ended ({}). The handover document:",
                conclusion.as_str().replace('_', " ")
            ));
            for path in &written {
                self.tell(&format!("  {}", path.display()));
            }
            self.tell(&format!(
                "Look around with: mailmedic --state {} show {run}",
                self.workspace.store.root().display()
            ));
        }
        // The demonstration did what it should when the run came to its end, whatever is left open in the practice world.
        Ok(Exit::Healthy)
    }

    /// Plays the answer to the first task or question that waits.
    fn answer(&self, engine: &Engine, state: &RunState) -> Result<bool, Fail> {
        for step in &state.steps {
            let StepStatus::Waiting(wait) = &step.status else {
                continue;
            };
            let (decision, form) = match &wait.kind {
                WaitKind::Approval { .. } => (Decision::Approve, Map::new()),
                WaitKind::Manual { form, .. } => (Decision::Done, filled(form)),
                WaitKind::Time | WaitKind::Retry => continue,
            };
            let key = step.plan.key.clone();
            let Some(part) = PARTS.iter().find(|part| part.step == key) else {
                return Err(Fail::failed(format!(
                    "the demonstration has no answer for step '{key}'"
                )));
            };
            self.clock.advance(part.after);
            self.apply(part.changes);
            self.tell(&format!(
                "  practice: {TECHNICIAN} answers '{key}': {}",
                part.note
            ));
            let answer = Answer {
                step: key,
                decision,
                by: TECHNICIAN.to_owned(),
                at: self.clock.now(),
                note: Some(part.note.to_owned()),
                evidence: Vec::new(),
                values: form,
                id: None,
            };
            decide(&*engine.store, &state.created.run, &answer)?;
            return Ok(true);
        }
        Ok(false)
    }

    /// Moves the clock to the next date; meanwhile the network operator and the lists do their part.
    fn let_time_pass(&self, state: &RunState, delisted: &mut usize) -> Result<bool, Fail> {
        let Some(wake) = state.next_wake() else {
            return Ok(false);
        };
        let waits_for = |key: &str| {
            state
                .step(key)
                .is_some_and(|step| matches!(step.status, StepStatus::Waiting(_)))
        };
        if waits_for("ptr_set") {
            self.apply(&["reverse-dns"]);
        }
        if waits_for("lists_clean") {
            let changes = office::changes();
            let expiries: Vec<_> = changes
                .iter()
                .filter(|change| change.name.starts_with("delisted-"))
                .collect();
            if let Some(change) = expiries.get(*delisted) {
                change.apply(&self.world);
                *delisted += 1;
                self.tell(&format!("  practice: {}", change.summary));
            }
        }
        let pause = wake.duration_since(self.clock.now());
        if let Ok(pause) = Duration::try_from(pause) {
            self.clock.advance(pause);
        }
        self.tell(&format!(
            "  practice: time passes until {}",
            wake.strftime("%Y-%m-%d %H:%M UTC")
        ));
        Ok(true)
    }

    fn apply(&self, names: &[&str]) {
        for change in office::changes() {
            if names.contains(&change.name.as_str()) {
                change.apply(&self.world);
                self.tell(&format!("  practice: {}", change.summary));
            }
        }
    }
}

/// An answer to each question of a form.
fn filled(form: &Map<String, Value>) -> Map<String, Value> {
    form.keys()
        .map(|name| (name.clone(), Value::String("practice".to_owned())))
        .collect()
}
