//! `approve`, `reject`, `done`, `skip`, `resolve`, `cancel`: what people say about a run.

use serde_json::{Map, Value, json};

use crate::cli::args::{DecideArgs, ResolveOutcome, Who};
use crate::cli::exit::Exit;
use crate::cli::fail::Fail;
use crate::cli::out;
use crate::cli::workspace::Workspace;
use crate::engine::{Answer, cancel as cancel_run, decide as decide_run};
use crate::record::{Artifact, Decision, Resolution};
use crate::report::view::words;
use crate::store::Store;

/// Evidence files larger than this are refused: a record is no backup.
const LARGEST_EVIDENCE: u64 = 64 * 1024 * 1024;

/// Takes a decision about a step, and goes on with the run when asked to.
pub(in crate::cli) fn decide(
    workspace: &Workspace,
    args: &DecideArgs,
    decision: Decision,
) -> Result<Exit, Fail> {
    let run = workspace.find_run(&args.run, true)?;
    let by = workspace.by(args.who.by.as_deref())?;
    let answer = Answer {
        step: args.step.clone(),
        decision,
        by: by.clone(),
        at: workspace.clock.now(),
        note: args.who.note.clone(),
        evidence: evidence(workspace, args)?,
        values: values(&args.set)?,
        id: args.id.clone(),
    };
    let taken = decide_run(&*workspace.store, &run, &answer)?;
    tell_torn(taken.torn);
    let new = taken.new;
    let word = match decision {
        Decision::Approve => "approved",
        Decision::Reject => "rejected",
        Decision::Done => "done",
        Decision::ByHand => "done by hand",
        Decision::Skip => "left out",
        Decision::Resolve(_) => "resolved",
    };
    if workspace.global.json {
        out::json(&json!({
            "schema": "mailmedic.decision/1", "run": run, "step": args.step, "decision": word, "by": by, "new": new,
        }))?;
    } else if !workspace.global.quiet {
        let again = if new { "" } else { " (it was already)" };
        out::text(&format!("{run}: {} is {word}, by {by}{again}", args.step))?;
        if !args.resume {
            out::text(&what_follows(workspace, &run, new)?)?;
        }
    }
    if args.resume {
        return super::run::resume(workspace, &run, false);
    }
    Ok(Exit::Healthy)
}

/// What becomes of the run after an answer.
fn what_follows(workspace: &Workspace, run: &str, new: bool) -> Result<String, Fail> {
    // An answer that was there already may be all that is left of it.
    if !new && workspace.store.state(run)?.conclusion.is_some() {
        return Ok(format!(
            "the run has ended since: `mailmedic report {run}` tells all"
        ));
    }
    Ok(match workspace.store.worked_on_by(run) {
        Some(worker) => format!("{worker} works on the run, and goes on by itself"),
        None => format!("go on with: mailmedic resume {run}"),
    })
}

/// Which resolution the flags name.
pub(in crate::cli) fn resolution(outcome: ResolveOutcome) -> Decision {
    Decision::Resolve(match outcome {
        ResolveOutcome { done: true, .. } => Resolution::Done,
        ResolveOutcome { rerun: true, .. } => Resolution::Rerun,
        ResolveOutcome { skip: true, .. } => Resolution::Skip,
        _ => Resolution::NotDone,
    })
}

/// Calls a run off.
pub(in crate::cli) fn cancel(workspace: &Workspace, named: &str, who: &Who) -> Result<Exit, Fail> {
    if let Some(fleet) = super::fleet::find(workspace, named)? {
        return super::call_off::fleet(workspace, &fleet, who);
    }
    let run = workspace.find_run(named, true)?;
    let by = workspace.by(who.by.as_deref())?;
    let taken = cancel_run(
        &*workspace.store,
        &run,
        &by,
        who.note.clone(),
        workspace.clock.now(),
    )?;
    tell_torn(taken.torn);
    let new = taken.new;
    if workspace.global.json {
        out::json(
            &json!({"schema": "mailmedic.decision/1", "run": run, "decision": "cancelled", "by": by, "new": new}),
        )?;
    } else if !workspace.global.quiet {
        out::text(&if new {
            format!("{run}: called off by {by}")
        } else {
            format!("{run}: was called off already")
        })?;
        if workspace.store.state(&run)?.conclusion.is_none()
            && let Some(worker) = workspace.store.worked_on_by(&run)
        {
            out::text(&format!(
                "{worker} works on it, and ends it when what is under way has ended"
            ))?;
        }
    }
    Ok(Exit::Healthy)
}

/// Tells what was cut off the end of the record on the way.
pub(super) fn tell_torn(torn: u64) {
    if torn > 0 {
        out::warn(&words::torn(torn));
    }
}

fn evidence(workspace: &Workspace, args: &DecideArgs) -> Result<Vec<Artifact>, Fail> {
    let mut kept = Vec::new();
    for path in &args.evidence {
        let cannot = |error| {
            Fail::because(
                format!("cannot read the evidence {}", path.display()),
                error,
            )
        };
        let size = std::fs::metadata(path).map_err(cannot)?.len();
        if size > LARGEST_EVIDENCE {
            return Err(Fail::invalid(format!(
                "the evidence {} is larger than 64 MiB: give an excerpt",
                path.display()
            )));
        }
        let bytes = std::fs::read(path).map_err(cannot)?;
        let name = path.file_name().map_or_else(
            || "evidence".to_owned(),
            |name| name.to_string_lossy().into_owned(),
        );
        let media = match path.extension().and_then(|end| end.to_str()) {
            Some("txt" | "log" | "csv") => "text/plain",
            Some("md") => "text/markdown",
            Some("png") => "image/png",
            Some("jpg" | "jpeg") => "image/jpeg",
            Some("pdf") => "application/pdf",
            _ => "application/octet-stream",
        };
        kept.push(workspace.store.put_artifact(&name, media, &bytes)?);
    }
    Ok(kept)
}

/// Reads `NAME=VALUE` pairs as texts.
pub(in crate::cli) fn values(given: &[String]) -> Result<Map<String, Value>, Fail> {
    Ok(pairs(given)?
        .into_iter()
        .map(|(name, value)| (name, Value::String(value)))
        .collect())
}

/// Reads `NAME=VALUE` pairs.
pub(in crate::cli) fn pairs(given: &[String]) -> Result<Vec<(String, String)>, Fail> {
    given
        .iter()
        .map(|pair| {
            pair.split_once('=')
                .map(|(name, value)| (name.trim().to_owned(), value.to_owned()))
                .filter(|(name, _)| !name.is_empty())
                .ok_or_else(|| Fail::invalid(format!("'{pair}' is not NAME=VALUE")))
        })
        .collect()
}
