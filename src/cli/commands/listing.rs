//! `runs`, `status`, `show`, `listings`: what is known about runs. Reading works while another process works on them.

use std::io::{self, Write};

use jiff::Timestamp;
use serde_json::json;

use crate::cli::exit::Exit;
use crate::cli::fail::Fail;
use crate::cli::out;
use crate::cli::workspace::Workspace;
use crate::record::{Event, RunState, RunStatus, RunSummary, StepState};
use crate::report::terminal::{self, RunLine, Style};
use crate::report::view::listing_lives;
use crate::store::Store;

/// One line a run.
pub(in crate::cli) fn runs(
    workspace: &Workspace,
    site: Option<&str>,
    only_open: bool,
) -> Result<Exit, Fail> {
    let (summaries, unreadable) = workspace.summaries_and_troubles()?;
    let any = !summaries.is_empty();
    let wanted = wanted(summaries, site, only_open);
    if workspace.global.json {
        out::json(&json!({"schema": "mailmedic.runs/1", "runs": wanted}))?;
        return Ok(Exit::Healthy);
    }
    if !wanted.is_empty() {
        return table(workspace, &wanted, terminal::runs);
    }
    let open = if only_open { "open run" } else { "run" };
    out::text(&match (any, site) {
        (true, Some(site)) => {
            format!("there is no {open} of site '{site}' (`mailmedic runs` lists all)")
        }
        _ => nothing(any, unreadable).to_owned(),
    })?;
    Ok(Exit::Healthy)
}

/// Why no open run is listed: there are `any` others, or some that are `unreadable`, or none at all.
fn nothing(any: bool, unreadable: bool) -> &'static str {
    match (any, unreadable) {
        (true, _) => "no run is open (`mailmedic runs` lists those that have ended)",
        (false, true) => "there is no run that can be read",
        (false, false) => "no runs yet: start one with `mailmedic run RUNBOOK --site FILE`",
    }
}

fn wanted(summaries: Vec<RunSummary>, site: Option<&str>, only_open: bool) -> Vec<RunSummary> {
    let mut wanted = summaries;
    wanted.retain(|run| {
        site.is_none_or(|site| run.site == site) && !(only_open && run.is_finished())
    });
    wanted
}

/// Writes a list of runs.
fn table(
    workspace: &Workspace,
    runs: &[RunSummary],
    write: fn(&mut dyn Write, Style, Timestamp, &[RunLine<'_>]) -> io::Result<()>,
) -> Result<Exit, Fail> {
    // Only where it makes a difference: there may be thousands.
    let worked_on = |run: &RunSummary| {
        run.status != RunStatus::Active || workspace.store.worked_on_by(&run.run).is_some()
    };
    let lines: Vec<RunLine<'_>> = runs
        .iter()
        .map(|run| RunLine {
            run,
            worked_on: worked_on(run),
        })
        .collect();
    let style = out::style(&workspace.global);
    out::write(|out| write(out, style, workspace.clock.now(), &lines))?;
    Ok(Exit::Healthy)
}

/// Where one run stands, or all open ones.
pub(in crate::cli) fn status(workspace: &Workspace, named: Option<&str>) -> Result<Exit, Fail> {
    let Some(named) = named else {
        return all_open(workspace);
    };
    if let Some(fleet) = super::fleet::find(workspace, named)? {
        return super::fleet::status(workspace, &fleet);
    }
    let run = workspace.find_run(named, true)?;
    let recorded = workspace.store.read(&run)?;
    let state = recorded.state(&run)?;
    let worker = workspace.store.worked_on_by(&run);
    if workspace.global.json {
        out::json(&json!({
            "schema": "mailmedic.status/1", "run": RunSummary::of(&state), "worked_on_by": worker,
        }))?;
        return Ok(Exit::Healthy);
    }
    let (style, now) = (out::style(&workspace.global), workspace.clock.now());
    let worker = worker.as_deref();
    out::write(|out| terminal::status(out, style, now, &state, &recorded.events, worker))?;
    Ok(Exit::Healthy)
}

fn all_open(workspace: &Workspace) -> Result<Exit, Fail> {
    if workspace.global.json {
        return runs(workspace, None, true);
    }
    let (summaries, unreadable) = workspace.summaries_and_troubles()?;
    let any = !summaries.is_empty();
    let open = wanted(summaries, None, true);
    if !open.is_empty() {
        table(workspace, &open, terminal::open_runs)?;
    }
    let fleets = workspace.store.open_fleets()?;
    for fleet in &fleets {
        out::text(&format!(
            "fleet run {fleet} is open: `mailmedic status {fleet}` tells about all its sites"
        ))?;
    }
    if open.is_empty() && fleets.is_empty() {
        out::text(nothing(any, unreadable))?;
    }
    Ok(Exit::Healthy)
}

/// Everything about a run, or about one step.
pub(in crate::cli) fn show(
    workspace: &Workspace,
    named: &str,
    step: Option<&str>,
) -> Result<Exit, Fail> {
    let run = workspace.find_run(named, true)?;
    let recorded = workspace.store.read(&run)?;
    let state = recorded.state(&run)?;
    let style = out::style(&workspace.global);
    let Some(key) = step else {
        if workspace.global.json {
            let steps: Vec<serde_json::Value> =
                state.steps.iter().map(|step| step_json(step)).collect();
            out::json(&json!({
                "schema": "mailmedic.show/1", "run": RunSummary::of(&state), "steps": steps,
                "findings": findings(&state),
            }))?;
        } else {
            let worker = workspace.store.worked_on_by(&run);
            let worker = worker.as_deref();
            out::write(|out| terminal::show_run(out, style, &state, &recorded.events, worker))?;
        }
        return Ok(Exit::Healthy);
    };
    let Some(step) = state.step(key) else {
        let known = state.steps.iter().map(|step| step.plan.key.as_str());
        return Err(Fail::invalid(format!(
            "run {run} has no step '{key}': {}",
            crate::yaml::hint(key, known)
        )));
    };
    if workspace.global.json {
        out::json(&json!({"schema": "mailmedic.step/1", "run": run, "step": step_json(step)}))?;
    } else {
        out::write(|out| terminal::show_step(out, style, &state, step))?;
    }
    Ok(Exit::Healthy)
}

/// What became of each listing of a site, over all its runs.
pub(in crate::cli) fn listings(workspace: &Workspace, site: &str) -> Result<Exit, Fail> {
    let summaries = workspace.summaries()?;
    let of_site = summaries.iter().filter(|run| run.site == site);
    let mut runs: Vec<(RunState, Vec<Event>)> = Vec::new();
    let mut left_out: Vec<&str> = Vec::new();
    for summary in of_site {
        let read = workspace.store.read(&summary.run).and_then(|recorded| {
            let state = recorded.state(&summary.run)?;
            Ok((state, recorded.events))
        });
        match read {
            Ok(run) => runs.push(run),
            Err(error) => {
                out::warn(&format!(
                    "run {} is left out: {}",
                    summary.run,
                    crate::cli::fail::chain(&error)
                ));
                left_out.push(&summary.run);
            }
        }
    }
    if runs.is_empty() && left_out.is_empty() {
        let known = summaries.iter().map(|run| run.site.as_str());
        return Err(Fail::invalid(format!(
            "site '{site}' has no runs (`mailmedic run RUNBOOK --site FILE` makes one): {}",
            crate::yaml::hint(site, known)
        )));
    }
    let lives = listing_lives(&runs);
    if workspace.global.json {
        out::json(&json!({
            "schema": "mailmedic.listings/1", "site": site, "runs": runs.len(), "left_out": left_out, "listings": lives,
        }))?;
    } else if lives.is_empty() {
        out::text(&format!(
            "no run of {site} saw a listing; whether the lists could be asked is in the report of each run (`mailmedic report RUN`)"
        ))?;
    } else {
        let style = out::style(&workspace.global);
        out::write(|out| terminal::listings(out, style, &lives))?;
    }
    Ok(Exit::Healthy)
}

/// A step as it is recorded, with its state and outcome as plain words in front.
fn step_json(step: &StepState) -> serde_json::Value {
    let mut object = json!({
        "key": step.plan.key, "state": step.status_word(), "outcome": step.outcome().map(|outcome| outcome.as_str()),
    });
    if let (Some(front), Ok(serde_json::Value::Object(rest))) =
        (object.as_object_mut(), serde_json::to_value(step))
    {
        front.extend(rest);
    }
    object
}

fn findings(state: &RunState) -> Vec<serde_json::Value> {
    state
        .open_findings()
        .into_iter()
        .map(|(finding, step)| json!({"step": step, "finding": finding}))
        .collect()
}
