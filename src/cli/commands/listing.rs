//! `runs`, `status`, `show`: what is known about runs. Reading works while another process works on them.

use serde_json::json;

use crate::cli::exit::Exit;
use crate::cli::fail::Fail;
use crate::cli::out;
use crate::cli::workspace::Workspace;
use crate::record::{RunState, StepState};
use crate::report::terminal;
use crate::store::Store;

/// One line a run.
pub(in crate::cli) fn runs(
    workspace: &Workspace,
    site: Option<&str>,
    only_open: bool,
) -> Result<Exit, Fail> {
    let mut summaries = workspace.summaries()?;
    summaries.retain(|run| {
        site.is_none_or(|site| run.site == site) && !(only_open && run.is_finished())
    });
    if workspace.global.json {
        out::json(&json!({"schema": "mailmedic.runs/1", "runs": summaries}))?;
        return Ok(Exit::Healthy);
    }
    let style = out::style(&workspace.global);
    out::write(|out| terminal::runs(out, style, workspace.clock.now(), &summaries))?;
    Ok(Exit::Healthy)
}

/// Where one run stands, or all open ones.
pub(in crate::cli) fn status(workspace: &Workspace, named: Option<&str>) -> Result<Exit, Fail> {
    let Some(named) = named else {
        return runs(workspace, None, true);
    };
    if let Some(fleet) = super::fleet::find(workspace, named)? {
        return super::fleet::status(workspace, &fleet);
    }
    let run = workspace.find_run(named, true)?;
    let recorded = workspace.store.read(&run)?;
    let state = recorded.state(&run)?;
    if workspace.global.json {
        out::json(
            &json!({"schema": "mailmedic.status/1", "run": crate::record::RunSummary::of(&state)}),
        )?;
        return Ok(Exit::Healthy);
    }
    let style = out::style(&workspace.global);
    out::write(|out| {
        terminal::status(out, style, workspace.clock.now(), &state, &recorded.events)
    })?;
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
                "schema": "mailmedic.show/1", "run": crate::record::RunSummary::of(&state), "steps": steps,
                "findings": findings(&state),
            }))?;
        } else {
            out::write(|out| terminal::show_run(out, style, &state, &recorded.events))?;
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
