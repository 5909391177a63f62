//! `cancel` of a fleet run.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::json;

use crate::cli::args::Who;
use crate::cli::exit::Exit;
use crate::cli::fail::Fail;
use crate::cli::out;
use crate::cli::workspace::Workspace;
use crate::engine::call_off;
use crate::report::view::words;
use crate::store::Store;

/// So long after it was told, a process that works on a fleet run has started its last site.
const SURELY_HEARD: Duration = Duration::from_secs(1);

/// Calls a fleet run off: no more sites are started, and the open runs end.
pub(super) fn fleet(workspace: &Workspace, id: &str, who: &Who) -> Result<Exit, Fail> {
    let by = workspace.by(who.by.as_deref())?;
    let fleet = workspace.store.fleet(id)?;
    if fleet.finished.is_some() {
        return Err(Fail::invalid(format!(
            "fleet run {id} has ended: nothing of it is left to be called off (`mailmedic status {id}` tells how it ended)"
        )));
    }
    let now = || workspace.clock.now();
    let once = || {
        call_off(
            &*workspace.store,
            &fleet.plan,
            &by,
            who.note.as_deref(),
            now(),
        )
    };
    let mut worker = workspace.store.worked_on_by(id);
    let mut done = once()?;
    if worker.is_some() {
        std::thread::sleep(SURELY_HEARD);
        done.runs += once()?.runs;
        worker = workspace.store.worked_on_by(id);
    }
    if worker.is_none() && workspace.store.fleet(id)?.finished.is_none() {
        super::fleet::settle(workspace, id)?;
    }
    let there: HashSet<String> = workspace.store.ids()?.into_iter().collect();
    let sites = fleet.plan.sites.iter();
    let not_started = sites.filter(|site| !there.contains(&site.run)).count();
    if workspace.global.json {
        out::json(&json!({
            "schema": "mailmedic.decision/1", "fleet": id, "decision": "cancelled", "by": by,
            "new": !done.stopped_before || done.runs > 0, "runs": done.runs, "not_started": not_started,
        }))?;
        return Ok(Exit::Healthy);
    }
    if !workspace.global.quiet {
        let runs = words::many(done.runs, "open run was", "open runs were");
        let sites = match not_started {
            0 => String::new(),
            count => format!(
                ", {} not started",
                words::many(count, "site is", "sites are")
            ),
        };
        out::text(&format!("{id}: called off by {by}: {runs} ended{sites}"))?;
        if let Some(worker) = worker {
            out::text(&format!(
                "{worker} works on it, and ends it when what is under way has ended"
            ))?;
        }
    }
    Ok(Exit::Healthy)
}
