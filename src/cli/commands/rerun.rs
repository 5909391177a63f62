//! `rerun`: a run once more, from a step on.

use super::run;
use crate::cli::args::RerunArgs;
use crate::cli::exit::Exit;
use crate::cli::fail::Fail;
use crate::cli::live::Live;
use crate::cli::out;
use crate::cli::workspace::{self, Workspace};
use crate::engine::{Inheritance, PlanRequest, TakenUp, inherit, plan};
use crate::store::Store;

/// Begins a new run that is linked to an ended one and takes over what stands before the step.
pub(in crate::cli) fn rerun(workspace: &Workspace, args: &RerunArgs) -> Result<Exit, Fail> {
    let old = workspace
        .store
        .state(&workspace.find_run(&args.run, true)?)?;
    let created = &old.created;
    let (pinned, pinned_site) = workspace.pinned(&old)?;
    let checked = match &args.runbook {
        Some(named) => workspace.runbook(named)?,
        None => crate::runbook::Checked {
            origin: created.runbook_origin.clone().unwrap_or(pinned.origin),
            ..pinned
        },
    };
    let site = match &args.site {
        Some(file) => workspace::site(file)?,
        None => pinned_site,
    };
    for (what, new, before) in [
        ("runbook", &checked.runbook.name, &created.runbook),
        ("site", &site.id, &created.site),
    ] {
        if new != before {
            return Err(Fail::invalid(format!(
                "{} is a run of the {what} '{before}', and this is '{new}': begin a run of its own with `mailmedic run`",
                created.run
            )));
        }
    }
    let inheritance = inherit(&old, &checked, args.from.as_deref())
        .map_err(|error| Fail::invalid(error.to_string()))?;
    if !args.yes && !inheritance.noticed.is_empty() {
        return Err(Fail::invalid(format!(
            "others have noticed these steps, or may have, and would notice them a second time: {}. Name a later step with --from, or say --yes",
            inheritance.noticed.join(", ")
        )));
    }
    let given = super::decide::pairs(&args.set)?;
    let inputs = crate::runbook::inputs::carry(&checked.runbook.inputs, &created.inputs, &given)
        .map_err(|faults| Fail::invalid(faults.to_string()))?;
    let by = workspace.by(args.who.by.as_deref())?;
    let at = workspace.clock.now();
    let name = run::new_id(&site.id, at);
    let told = told(&inheritance, &created.run);
    let first = plan(PlanRequest {
        run: name.clone(),
        runbook: &checked,
        site: &site,
        snapshot: workspace::pin(&site)?,
        inputs,
        mode: created.mode,
        by,
        at,
        parent: Some(created.run.clone()),
        inherited: inheritance.steps,
    });
    let live = Live::new(&workspace.global);
    let engine = workspace.engine(&site, live.clone(), run::patience(args.watch))?;
    let taken = TakenUp::new(&*workspace.store, first)?;
    out::remark(&workspace.global, &format!("{name}: {told}"));
    run::go_on(workspace, &engine, taken, &checked, site, &live)
}

/// What is taken over and what is done again.
fn told(inheritance: &Inheritance, old: &str) -> String {
    let kept: Vec<&str> = inheritance
        .steps
        .iter()
        .filter(|step| step.is_settled())
        .map(|step| step.plan.key.as_str())
        .collect();
    let again = inheritance.again.join(", ");
    if kept.is_empty() {
        format!("does everything of {old} again: {again}")
    } else {
        format!(
            "takes over from {old}: {}; does again: {again}",
            kept.join(", ")
        )
    }
}
