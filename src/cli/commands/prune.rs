//! `prune`: ended runs that nobody needs any more are thrown away.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use jiff::Timestamp;
use serde_json::json;

use crate::cli::args::PruneArgs;
use crate::cli::exit::Exit;
use crate::cli::fail::{Fail, chain};
use crate::cli::out;
use crate::cli::workspace::Workspace;
use crate::record::{Fleet, RunSummary};
use crate::report::view::words;
use crate::store::{Store, StoreError};

/// What would go, or goes with `--yes`.
pub(in crate::cli) fn prune(workspace: &Workspace, args: &PruneArgs) -> Result<Exit, Fail> {
    let (mut summaries, unreadable) = workspace.store.summaries_read()?;
    let damaged: HashSet<&str> = unreadable.iter().map(|(run, _)| run.as_str()).collect();
    summaries.retain(|run| !damaged.contains(run.run.as_str()));
    let mut old = too_many(&summaries, args);
    let oldest = workspace
        .clock
        .now()
        .checked_sub(args.older_than)
        .unwrap_or(Timestamp::MIN);
    old.retain(|run| run.updated < oldest);
    let mut names: BTreeSet<&str> = old.iter().map(|run| run.run.as_str()).collect();
    let there: HashSet<&str> = summaries
        .iter()
        .map(|run| run.run.as_str())
        .chain(damaged)
        .collect();
    let mut fleets = fleets(workspace, &there, &mut names, oldest)?;
    old.retain(|run| names.contains(run.run.as_str()));

    let (mut files, mut bytes) = (0, 0);
    if args.yes {
        let mut held = HashSet::new();
        for run in &old {
            match workspace.store.remove(&run.run) {
                // Somebody writes its documents: next time, and its fleet run with it.
                Err(error @ StoreError::Held { .. }) => {
                    out::warn(&error.to_string());
                    held.insert(run.run.clone());
                }
                removed => removed?,
            }
        }
        old.retain(|run| !held.contains(&run.run));
        names.retain(|run| !held.contains(*run));
        fleets.retain(|fleet| !fleet.plan.sites.iter().any(|site| held.contains(&site.run)));
        for fleet in &fleets {
            workspace.store.remove_fleet(&fleet.plan.fleet)?;
        }
        if unreadable.is_empty() {
            (files, bytes) = workspace.store.sweep()?;
        }
    }
    for (run, error) in &unreadable {
        out::warn(&format!(
            "run {run} is damaged and stays, and so do all files: {}",
            chain(error)
        ));
    }
    let fleets: Vec<&str> = fleets
        .iter()
        .map(|fleet| fleet.plan.fleet.as_str())
        .collect();
    if workspace.global.json {
        out::json(&json!({
            "schema": "mailmedic.prune/1", "runs": names, "fleets": fleets, "removed": args.yes,
            "files": files, "bytes": bytes,
        }))?;
        return Ok(Exit::Healthy);
    }
    for run in &old {
        out::text(&format!(
            "{}  {} for {}, {}, last written {}",
            run.run,
            run.runbook,
            run.site,
            run.status.as_str(),
            run.updated.strftime("%Y-%m-%d")
        ))?;
    }
    for fleet in &fleets {
        out::text(&format!("{fleet}  fleet run"))?;
    }
    let count = old.len();
    out::remark(
        &workspace.global,
        &match (count, args.yes) {
            (0, _) => "no run is old enough to go (see --older-than and --keep)".to_owned(),
            (_, false) => format!(
                "{} would go; nothing was removed: say --yes",
                words::many(count, "run", "runs")
            ),
            (_, true) => format!(
                "gone: {}, and {} ({bytes} bytes) that no other run has",
                words::many(count, "run", "runs"),
                words::many(files, "file", "files")
            ),
        },
    );
    Ok(Exit::Healthy)
}

/// The ended runs that are not among the newest of their site and runbook.
fn too_many<'a>(summaries: &'a [RunSummary], args: &PruneArgs) -> Vec<&'a RunSummary> {
    let mut seen: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    summaries
        .iter()
        .filter(|run| run.is_finished())
        .filter(|run| args.site.as_ref().is_none_or(|site| run.site == *site))
        .filter(|run| {
            let count = seen.entry((&run.site, &run.runbook)).or_default();
            *count += 1;
            *count > args.keep
        })
        .collect()
}

/// The fleet runs that go. The runs of a fleet run go with it or stay with it: those that stay are taken out of `names`, for a
/// fleet run that is taken up again would begin a missing run anew. `there`: all runs that lie there, also those that cannot be
/// read.
fn fleets(
    workspace: &Workspace,
    there: &HashSet<&str>,
    names: &mut BTreeSet<&str>,
    oldest: Timestamp,
) -> Result<Vec<Fleet>, Fail> {
    let mut go = Vec::new();
    for name in workspace.store.fleets()? {
        let fleet = workspace.store.fleet(&name)?;
        let runs = fleet.plan.sites.iter().map(|site| site.run.as_str());
        let mut left = runs.filter(|run| there.contains(run)).peekable();
        let goes = match (&fleet.finished, left.peek()) {
            (None, _) => false,
            // An earlier call was cut short, or no site was ever started.
            (Some((ended, _)), None) => *ended < oldest,
            (Some(_), Some(_)) => left.all(|run| names.contains(run)),
        };
        if goes {
            go.push(fleet);
        } else {
            for site in &fleet.plan.sites {
                names.remove(site.run.as_str());
            }
        }
    }
    Ok(go)
}
