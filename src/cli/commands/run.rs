//! `run` and `resume`: wiring of the engine to a site, a reporter and the signals of the process.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rand::Rng;
use serde_json::{Map, Value, json};
use tokio::sync::watch;

use crate::cli::args::{Global, RunArgs};
use crate::cli::exit::Exit;
use crate::cli::fail::Fail;
use crate::cli::live::Live;
use crate::cli::out;
use crate::cli::workspace::{self, Workspace};
use crate::engine::{PlanRequest, Stop, TakenUp, plan};
use crate::record::{Mode, RunState, RunStatus};
use crate::report::view::Calendar;
use crate::runbook::Checked;
use crate::site::Site;
use crate::spread::spread;

/// How long a process stays when the next date is near.
const PATIENCE: Duration = Duration::from_secs(60);
/// `--watch`: as good as for ever.
const FOR_EVER: Duration = Duration::from_secs(10 * 365 * 86_400);

/// Starts a run for each site.
pub(in crate::cli) fn run(workspace: &Workspace, args: &RunArgs) -> Result<Exit, Fail> {
    let checked = workspace.runbook(&args.runbook)?;
    let inputs = inputs(&checked, &args.set)?;
    let files = match &args.sites {
        Some(folder) => workspace::sites(folder)?,
        None => args.site.clone(),
    };
    if files.is_empty() {
        return Err(Fail::invalid("there is no site file in that folder"));
    }
    // All sites are read before anything starts: a fault in the last one must not come after the first one's run.
    let mut sites = Vec::with_capacity(files.len());
    let mut faults = crate::yaml::Diagnostics(Vec::new());
    for site in spread(16, files, |file| workspace::site(&file)) {
        match site {
            Ok(site) => sites.push(site),
            Err(Fail::Faults(more)) => faults.0.extend(more.0),
            Err(other) => return Err(other),
        }
    }
    if !faults.0.is_empty() {
        return Err(Fail::Faults(faults));
    }
    let by = workspace.by(args.who.by.as_deref())?;
    sites.retain(|site| is_wanted(site, args));
    match <[Site; 1]>::try_from(sites) {
        Ok([site]) if args.sites.is_none() => start(workspace, &checked, site, inputs, args, &by),
        Ok([site]) => super::fleet::start(workspace, checked, vec![site], inputs, args, by),
        Err(sites) if sites.is_empty() => Err(Fail::invalid(
            "no site is left: see what --only, --except and --tag ask for",
        )),
        Err(sites) => super::fleet::start(workspace, checked, sites, inputs, args, by),
    }
}

/// Is the site one of those that were asked for by id and tags?
fn is_wanted(site: &Site, args: &RunArgs) -> bool {
    let named = |globs: &[String]| globs.iter().any(|glob| matches(glob, &site.id));
    let tagged = |tags: &String| {
        tags.split('+')
            .all(|tag| site.tags.iter().any(|t| t == tag))
    };
    (args.only.is_empty() || named(&args.only))
        && !named(&args.except)
        && (args.tag.is_empty() || args.tag.iter().any(tagged))
}

/// Does a pattern with `*` (any text) and `?` (any character) match a whole id?
fn matches(glob: &str, id: &str) -> bool {
    let pattern: String = glob
        .chars()
        .map(|c| match c {
            '*' => ".*".to_owned(),
            '?' => ".".to_owned(),
            other => regex::escape(other.encode_utf8(&mut [0; 4])),
        })
        .collect();
    regex::Regex::new(&format!("^(?s:{pattern})$")).is_ok_and(|pattern| pattern.is_match(id))
}

/// The inputs given with `--set` and the defaults, checked.
pub(in crate::cli) fn inputs(
    checked: &Checked,
    set: &[String],
) -> Result<Map<String, Value>, Fail> {
    let given = super::decide::pairs(set)?;
    crate::runbook::inputs::resolve(&checked.runbook.inputs, &given)
        .map_err(|faults| Fail::invalid(faults.to_string()))
}

fn start(
    workspace: &Workspace,
    checked: &Checked,
    site: Site,
    inputs: Map<String, Value>,
    args: &RunArgs,
    by: &str,
) -> Result<Exit, Fail> {
    let at = workspace.clock.now();
    let first = plan(PlanRequest {
        run: new_id(&site.id, at),
        runbook: checked,
        site: &site,
        snapshot: workspace::pin(&site)?,
        inputs,
        mode: if args.check { Mode::Check } else { Mode::Run },
        by: by.to_owned(),
        at,
        parent: None,
        inherited: Vec::new(),
    });
    let live = Live::new(&workspace.global);
    let engine = workspace.engine(&site, live.clone(), patience(args.watch))?;
    let run = TakenUp::new(&*workspace.store, first)?;
    go_on(workspace, &engine, run, checked, site, &live)
}

pub(super) fn patience(watch: bool) -> Duration {
    if watch { FOR_EVER } else { PATIENCE }
}

/// Goes on with one run, or with a fleet run.
pub(in crate::cli) fn resume(
    workspace: &Workspace,
    named: &str,
    watch: bool,
) -> Result<Exit, Fail> {
    if let Some(fleet) = super::fleet::find(workspace, named)? {
        return super::fleet::resume(workspace, &fleet, watch);
    }
    let run = workspace.find_run(named, true)?;
    let taken = TakenUp::again(&*workspace.store, &run)?;
    let state = taken.state();
    if let RunStatus::Finished(conclusion) = state.status() {
        write_missing_reports(workspace, state)?;
        out::remark(
            &workspace.global,
            &format!(
                "{run} has ended ({}): `mailmedic report {run}` tells all",
                conclusion.as_str()
            ),
        );
        return Ok(Exit::from(conclusion));
    }
    let (checked, site) = workspace.pinned(state)?;
    let live = Live::new(&workspace.global);
    let engine = workspace.engine(&site, live.clone(), patience(watch))?;
    go_on(workspace, &engine, taken, &checked, site, &live)
}

/// The process may have gone away between the end of the run and its documents.
pub(super) fn write_missing_reports(workspace: &Workspace, state: &RunState) -> Result<(), Fail> {
    let (checked, _) = workspace.pinned(state)?;
    if checked.runbook.report.is_some()
        && !super::report::is_complete(workspace, state, workspace.store.root())
    {
        super::report::write_all(workspace, state, workspace.store.root())?;
    }
    Ok(())
}

pub(super) fn go_on(
    workspace: &Workspace,
    engine: &crate::engine::Engine,
    run: TakenUp,
    checked: &Checked,
    site: Site,
    live: &Arc<Live>,
) -> Result<Exit, Fail> {
    let (state, stop, written) = runtime()?.block_on(async {
        let mut stop = stop_signal(&workspace.global);
        carry_on(workspace, engine, run, checked, site, &mut stop).await
    })?;
    for path in written {
        live.say(&format!("report: {}", path.display()));
    }
    tell_end(workspace, &state, &stop, live)?;
    Ok(Exit::from(&stop))
}

/// Goes on with a run until nothing can go on, and writes its documents when it ends. Gives the run as it was left, why, and
/// the paths of the documents.
pub(super) async fn carry_on(
    workspace: &Workspace,
    engine: &crate::engine::Engine,
    run: TakenUp,
    checked: &Checked,
    site: Site,
    stop: &mut watch::Receiver<bool>,
) -> Result<(RunState, Stop, Vec<PathBuf>), Fail> {
    let mut worker = engine.worker(run, checked, site)?;
    let stop = worker.work(stop).await?;
    let state = worker.into_state();
    let written = match stop {
        Stop::Finished(_) if checked.runbook.report.is_some() => {
            super::report::write_all(workspace, &state, workspace.store.root())?
        }
        _ => Vec::new(),
    };
    Ok((state, stop, written))
}

/// What a person, or a program, has to know when the process ends.
fn tell_end(workspace: &Workspace, state: &RunState, stop: &Stop, live: &Live) -> Result<(), Fail> {
    let run = &state.created.run;
    if workspace.global.json {
        let due = match stop {
            Stop::Waiting { due } => *due,
            _ => None,
        };
        let line = json!({
            "schema": "mailmedic.end/1", "run": run, "status": state.status().as_str(), "due": due,
            "interrupted": *stop == Stop::Interrupted, "exit": Exit::from(stop).code(),
        });
        return out::text(&line.to_string());
    }
    match stop {
        // The command that goes on was told with the event.
        Stop::Interrupted => live.say("stopped; nothing is lost"),
        Stop::Waiting { due: Some(due) } => {
            let zone = state.created.site_snapshot.timezone();
            let due = Calendar::new(zone.as_deref()).when(*due).text;
            live.say(&format!("the next date is {due}: `mailmedic resume {run}` goes on then (or `mailmedic resume --all` from a timer)"));
        }
        Stop::Waiting { due: None } | Stop::NeedsResolve | Stop::Finished(_) => {}
    }
    Ok(())
}

/// A runtime for one run: one thread does, the work is waiting.
pub(in crate::cli) fn runtime() -> Result<tokio::runtime::Runtime, Fail> {
    runtime_that_tells(|| {})
}

/// The same, and `idle` is called whenever there is nothing to do but wait.
pub(super) fn runtime_that_tells(
    idle: impl Fn() + Send + Sync + 'static,
) -> Result<tokio::runtime::Runtime, Fail> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .on_thread_park(idle)
        .build()
        .map_err(|error| Fail::because("cannot start the runtime", error))
}

/// Becomes true at SIGTERM or Ctrl-C. A second signal ends the process at once: the record is safe at any moment.
pub(in crate::cli) fn stop_signal(global: &Global) -> watch::Receiver<bool> {
    let (sender, receiver) = watch::channel(false);
    let global = global.clone();
    tokio::spawn(async move {
        use tokio::signal::unix::{SignalKind, signal};
        let (Ok(mut term), Ok(mut int)) = (
            signal(SignalKind::terminate()),
            signal(SignalKind::interrupt()),
        ) else {
            return;
        };
        tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
        // Whoever sees nothing happen asks again, and that cuts an action off in the middle.
        out::remark(
            &global,
            "stopping: what is under way ends first (told once more, it stops at once, and a step may stay unknown)",
        );
        let _ = sender.send(true);
        tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
        std::process::exit(i32::from(Exit::Waiting.code()));
    });
    receiver
}

/// A new run id: `acme-261124-k7qd`. Short enough to be typed.
pub(super) fn new_id(site: &str, at: jiff::Timestamp) -> String {
    const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";
    let day = at.strftime("%y%m%d");
    let mut random = rand::rng();
    let tail: String = (0..4)
        .map(|_| char::from(LETTERS[random.random_range(0..LETTERS.len())]))
        .collect();
    format!("{site}-{day}-{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_ids() {
        for (glob, id, wanted) in [
            ("acme", "acme", true),
            ("acme", "acme-2", false),
            ("acme*", "acme-2", true),
            ("*-2", "acme-2", true),
            ("a?me", "acme", true),
            ("a.me", "acme", false),
            ("*", "x", true),
        ] {
            assert_eq!(matches(glob, id), wanted, "{glob} on {id}");
        }
    }
}
