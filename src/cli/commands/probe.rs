//! `probe`: one action that only looks, ad hoc, without a run.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::run::runtime;
use crate::actions::{
    Action, ActionError, Args, ArtifactSink, Conditions, Context, Effect, Facts, Kind, Next,
    Progress, Report, Secrets, StepInfo, Vault,
};
use crate::cli::exit::Exit;
use crate::cli::fail::{Fail, chain};
use crate::cli::live::Live;
use crate::cli::out;
use crate::cli::workspace::{self, Workspace};
use crate::engine::Observer;
use crate::record::{
    Artifact, Event, EventKind, Finding, GENESIS, Mode, PlannedStep, RunCreated, RunLock, RunState,
    SCHEMA, Section, StepOutcome, StepState, Wait, hash,
};
use crate::report::terminal;
use crate::site::Site;

struct Nothing;

impl Facts for Nothing {
    fn open_findings(&self) -> Vec<Finding> {
        Vec::new()
    }
    fn ended_steps(&self) -> Vec<&StepState> {
        Vec::new()
    }
    fn values(&self) -> Value {
        json!({})
    }
}

impl Conditions for Nothing {
    fn holds(&self, _: &str, _: &Value) -> Result<bool, String> {
        Err("there is no run to judge a condition in".to_owned())
    }
}

impl ArtifactSink for Nothing {
    fn put(&self, name: &str, media: &str, bytes: &[u8]) -> Result<Artifact, ActionError> {
        Ok(Artifact {
            name: name.to_owned(),
            digest: hash(bytes),
            bytes: bytes.len() as u64,
            media: media.to_owned(),
        })
    }
}

struct Tell<'a>(&'a Live, &'a str);

impl Progress for Tell<'_> {
    fn note(&self, text: &str) {
        self.0.note(self.1, text);
    }
    fn count(&self, done: u64, of: u64) {
        self.0.count(self.1, done, of);
    }
}

/// Carries one action out and shows what it found.
pub(in crate::cli) fn probe(
    workspace: &Workspace,
    name: &str,
    site: Option<&Path>,
    with: &[String],
) -> Result<Exit, Fail> {
    let Some(action) = crate::actions::find(name) else {
        let known = crate::actions::ACTIONS.iter().map(|action| action.name());
        return Err(Fail::invalid(format!(
            "there is no action '{name}': {}",
            crate::yaml::hint(name, known)
        )));
    };
    let args = Args(arguments(action.arguments(), with)?);
    if action.effect_with(&args) != Effect::Probe {
        return Err(Fail::invalid(format!(
            "'{name}' does more than look: use it in a runbook, where it is written down first"
        )));
    }
    if matches!(name, "approval" | "manual" | "wait") {
        return Err(Fail::invalid(format!(
            "'{name}' waits for people or dates: use it in a runbook"
        )));
    }
    let site = match site {
        Some(path) => workspace::site(path)?,
        None => without_site(&args),
    };
    let live = Live::new(&workspace.global);
    let started = workspace.clock.now();
    let mut report = once(workspace, action, &site, &args, &live)?;
    // Moved, not copied: a scan of very many targets fills memory once.
    let outputs = Value::Object(std::mem::take(&mut report.outputs));
    let mut object = json!({
        "schema": "mailmedic.probe/1",
        "action": name,
        "site": (!site.id.is_empty()).then_some(&site.id),
        "vantage": site.vantage,
        "outcome": report.outcome,
        "outputs": null,
        "findings": report.findings,
        "started": started,
        "finished": Timestamp::max(workspace.clock.now(), started),
    });
    object["outputs"] = outputs;
    if !Vault::of_process().is_empty() {
        Vault::of_process().redact_value(&mut object);
    }
    if workspace.global.json {
        out::json(&object)?;
    } else {
        let outputs = match object["outputs"].take() {
            Value::Object(outputs) => outputs,
            _ => Map::new(),
        };
        let findings = serde_json::from_value(object["findings"].take()).unwrap_or_default();
        show(
            workspace, action, &site, started, &report, outputs, findings,
        )?;
    }
    Ok(exit(report.outcome))
}

/// What the end of one look means for a script.
pub(super) fn exit(outcome: StepOutcome) -> Exit {
    match outcome {
        StepOutcome::Good | StepOutcome::NotApplicable => Exit::Healthy,
        StepOutcome::Finding | StepOutcome::Unknown => Exit::FindingsOpen,
        StepOutcome::Failed | StepOutcome::Rejected => Exit::Failed,
    }
}

/// Carries one action out without a run: nothing is kept.
pub(super) fn once(
    workspace: &Workspace,
    action: &dyn Action,
    site: &Site,
    args: &Args,
    live: &Live,
) -> Result<Report, Fail> {
    let name = action.name();
    let probes = workspace.probes(site)?;
    let progress = Tell(live, name);
    let secrets = Secrets::default();
    let runtime = runtime()?;
    let mut wait = None;
    let ended = loop {
        let context = Context {
            site,
            args,
            probes: &probes,
            progress: &progress,
            artifacts: &Nothing,
            secrets: &secrets,
            facts: &Nothing,
            templates: &workspace.templates,
            conditions: &Nothing,
            step: StepInfo {
                run: "probe",
                key: name,
                attempt: 1,
                idempotency_key: "probe",
                wait: wait.as_ref(),
            },
        };
        match runtime.block_on(action.carry_out(&context)) {
            // It wants to be called again, and not to wait.
            Ok(Next::Wait(next)) if next.wake.is_some_and(|wake| wake <= context.now()) => {
                wait = Some(Wait {
                    kind: next.kind,
                    reason: next.reason,
                    since: context.now(),
                    wake: next.wake,
                    deadline: next.deadline,
                    memo: next.memo,
                });
            }
            ended => break ended,
        }
    };
    match ended {
        Ok(Next::Done(report)) => Ok(*report),
        // Nobody waits here: what is known already is the answer.
        Ok(Next::Wait(wait)) => wait
            .so_far
            .map(|report| *report)
            .ok_or_else(|| Fail::failed(format!("{name} wants to wait: {}", wait.reason))),
        Err(ActionError::Argument(error)) => Err(Fail::invalid(format!(
            "{error} (`mailmedic actions {name}` tells what it takes)"
        ))),
        Err(error) => Err(Fail::failed(chain(&error))),
    }
}

/// Shows the result like a step of a run: a run of one step, made up and never stored.
fn show(
    workspace: &Workspace,
    action: &dyn Action,
    site: &Site,
    started: Timestamp,
    report: &Report,
    outputs: Map<String, Value>,
    findings: Vec<Finding>,
) -> Result<(), Fail> {
    let key = action.name().to_owned();
    let created = RunCreated {
        run: "probe".to_owned(),
        runbook: "probe".to_owned(),
        runbook_text: "".into(),
        runbook_digest: String::new(),
        runbook_origin: None,
        lock: RunLock::Nothing,
        inputs: Map::new(),
        site: site.id.clone(),
        site_snapshot: workspace::pin(site)?,
        tool: env!("CARGO_PKG_VERSION").to_owned(),
        mode: Mode::Run,
        laboratory: site.laboratory,
        parent: None,
        inherited: Vec::new(),
        fleet: None,
        report_template: String::new(),
        steps: vec![PlannedStep {
            key: key.clone(),
            title: action.summary().to_owned(),
            description: None,
            action: key.clone(),
            check: None,
            effect: action.effect(),
            section: Section::Steps,
            needs: Vec::new(),
        }],
    };
    let started_event = EventKind::StepStarted {
        step: key.clone(),
        attempt: 1,
        effect: action.effect(),
        input: String::new(),
        idempotency_key: String::new(),
    };
    let ended_event = EventKind::StepFinished {
        step: key.clone(),
        attempt: 1,
        outcome: report.outcome,
        tolerated: false,
        outputs: Arc::new(outputs),
        findings,
        subjects: report.subjects.clone(),
        artifacts: report.artifacts.clone(),
        error: None,
        not_sent: false,
        ms: 0,
    };
    let events: Vec<Event> = [
        EventKind::RunCreated(Arc::new(created)),
        started_event,
        ended_event,
    ]
    .into_iter()
    .zip(1..)
    .map(|(event, seq)| Event {
        v: SCHEMA,
        seq,
        at: if seq < 3 {
            started
        } else {
            workspace.clock.now().max(started)
        },
        actor: "probe".to_owned(),
        prev: GENESIS.to_owned(),
        event,
    })
    .collect();
    let cannot = |error| Fail::because("cannot show the result", error);
    let state = RunState::replay(&events).map_err(cannot)?;
    let style = out::style(&workspace.global);
    match state.step(&key) {
        Some(step) => out::write(|out| terminal::show_step(out, style, &state, step)),
        None => Ok(()),
    }
}

/// Without a site file, what is named as an argument is what may be looked at.
fn without_site(args: &Args) -> Site {
    let mut site = Site::default();
    for name in ["host", "hosts"] {
        if let Ok(Some(hosts)) = args.texts(name) {
            site.allow_hosts.extend(hosts);
        }
    }
    if let Ok(Some(domains)) = args.texts("domains") {
        site.domains = domains;
    }
    site
}

/// Reads `NAME=VALUE` by the kind of the argument; `@FILE` is a list, one value a line.
fn arguments(
    known: &[crate::actions::Argument],
    with: &[String],
) -> Result<Map<String, Value>, Fail> {
    let mut map = Map::new();
    for (name, text) in super::decide::pairs(with)? {
        let Some(argument) = known.iter().find(|argument| argument.name == name) else {
            let names = known.iter().map(|argument| argument.name);
            return Err(Fail::invalid(format!(
                "there is no argument '{name}': {}",
                crate::yaml::hint(&name, names)
            )));
        };
        let value = if let Some(file) = text.strip_prefix('@') {
            let content = std::fs::read_to_string(file).map_err(|error| {
                Fail::because(format!("cannot read {file} for '{name}'"), error)
            })?;
            let lines = content
                .lines()
                .map(str::trim)
                .filter(|line| !line.is_empty() && !line.starts_with('#'));
            Value::Array(lines.map(|line| Value::String(line.to_owned())).collect())
        } else {
            match argument.kind {
                Kind::TextList | Kind::List => Value::Array(
                    text.split(',')
                        .map(|item| Value::String(item.trim().to_owned()))
                        .collect(),
                ),
                Kind::Integer => text.parse::<i64>().map(Value::from).map_err(|_| {
                    Fail::invalid(format!("'{name}' must be a whole number, not '{text}'"))
                })?,
                Kind::Boolean => text.parse::<bool>().map(Value::from).map_err(|_| {
                    Fail::invalid(format!("'{name}' must be true or false, not '{text}'"))
                })?,
                Kind::Map | Kind::Any => serde_json::from_str(&text).unwrap_or(Value::String(text)),
                Kind::Text | Kind::Duration | Kind::Choice(_) | Kind::Condition => {
                    Value::String(text)
                }
            }
        };
        match (map.get_mut(&name), value) {
            (Some(Value::Array(all)), Value::Array(more)) => all.extend(more),
            (_, value) => {
                map.insert(name, value);
            }
        }
    }
    if let Some(missing) = known
        .iter()
        .find(|argument| argument.required && !map.contains_key(argument.name))
    {
        return Err(Fail::invalid(format!(
            "'{}' is missing: --with {}=... ({})",
            missing.name, missing.name, missing.doc
        )));
    }
    Ok(map)
}
