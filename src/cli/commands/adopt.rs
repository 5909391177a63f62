//! `resume --adopt`: a run under way goes on with a changed runbook.

use crate::cli::args::AdoptArgs;
use crate::cli::exit::Exit;
use crate::cli::fail::Fail;
use crate::cli::out;
use crate::cli::workspace::Workspace;
use crate::engine::Adoption;
use crate::store::Store;

/// Puts the changed text in place of the pinned one, and goes on.
pub(in crate::cli) fn resume(
    workspace: &Workspace,
    named: &str,
    watch: bool,
    args: &AdoptArgs,
) -> Result<Exit, Fail> {
    let run = workspace.find_run(named, false)?;
    let state = workspace.store.state(&run)?;
    let created = &state.created;
    if let Some(fleet) = &created.fleet {
        return Err(Fail::invalid(format!(
            "{run} is a run of the fleet {fleet}, which goes on as a whole with the runbook that it began with: let it end, then `mailmedic rerun {run} --runbook FILE`"
        )));
    }
    let origin = created.runbook_origin.as_ref().unwrap_or(&created.runbook);
    let runbook = workspace.runbook(args.runbook.as_ref().unwrap_or(origin))?;
    let given = super::decide::pairs(&args.set)?;
    let inputs = crate::runbook::inputs::carry(&runbook.runbook.inputs, &created.inputs, &given)
        .map_err(|faults| Fail::invalid(faults.to_string()))?;
    let adopted = crate::engine::adopt(
        &*workspace.store,
        &run,
        &Adoption {
            runbook: &runbook,
            inputs,
            by: workspace.by(args.who.by.as_deref())?,
            note: args.who.note.clone(),
            at: workspace.clock.now(),
        },
    )?;
    super::decide::tell_torn(adopted.torn);
    out::remark(
        &workspace.global,
        &match adopted.new {
            true => format!("{run} goes on with {}", runbook.origin),
            false => format!("{} is the runbook that {run} has already", runbook.origin),
        },
    );
    super::run::resume(workspace, &run, watch)
}
