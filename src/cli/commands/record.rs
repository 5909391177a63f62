//! `verify` and `export`: the record of a run itself.

use std::io::Write;
use std::path::Path;

use serde_json::json;

use crate::cli::exit::Exit;
use crate::cli::fail::Fail;
use crate::cli::out;
use crate::cli::workspace::Workspace;
use crate::record;
use crate::store::Store;

/// Checks numbers, hashes and artifacts of a run.
pub(in crate::cli) fn verify(workspace: &Workspace, named: &str) -> Result<Exit, Fail> {
    let run = workspace.find_run(named, true)?;
    let recorded = workspace.store.read(&run)?;
    let mut faults: Vec<String> = Vec::new();
    let lines = recorded
        .events
        .iter()
        .zip(recorded.lines.iter().map(Vec::as_slice));
    if let Err(broken) = record::verify(lines) {
        faults.push(broken.to_string());
    }
    match recorded.state(&run) {
        Ok(state) => {
            for step in &state.steps {
                for artifact in &step.artifacts {
                    if workspace.store.artifact(&artifact.digest).is_err() {
                        faults.push(format!(
                            "file {} of step {} is missing or altered",
                            artifact.name, step.plan.key
                        ));
                    }
                }
            }
        }
        Err(error) => faults.push(crate::cli::fail::chain(&error)),
    }
    let last = recorded
        .lines
        .last()
        .map(|line| record::hash(line))
        .unwrap_or_default();
    if workspace.global.json {
        out::json(&json!({
            "schema": "mailmedic.verify/1", "run": run, "events": recorded.events.len(), "last_hash": last,
            "torn_bytes": recorded.torn, "faults": faults,
        }))?;
    } else if faults.is_empty() {
        out::text(&format!(
            "{run}: {} events, unbroken; hash of the last: {last}",
            recorded.events.len()
        ))?;
        if recorded.torn > 0 {
            out::text(&format!(
                "{} bytes at the end are no whole event: being written, or torn by a crash (resume cuts them off)",
                recorded.torn
            ))?;
        }
    }
    if faults.is_empty() {
        return Ok(Exit::Healthy);
    }
    if !workspace.global.json {
        for fault in &faults {
            out::text(&format!("{run}: {fault}"))?;
        }
    }
    Err(Fail::failed(format!(
        "the record of {run} was altered or damaged: compare it with a backup"
    )))
}

/// Writes the events of a run as JSON lines, byte for byte as they were stored, so that the chain can be checked elsewhere.
pub(in crate::cli) fn export(
    workspace: &Workspace,
    named: &str,
    output: Option<&Path>,
) -> Result<Exit, Fail> {
    let run = workspace.find_run(named, true)?;
    let recorded = workspace.store.read(&run)?;
    let mut bytes = Vec::new();
    for line in &recorded.lines {
        bytes.extend_from_slice(line);
        bytes.push(b'\n');
    }
    match output {
        Some(path) => {
            super::write::whole(path, &bytes)?;
            out::remark(
                &workspace.global,
                &format!(
                    "{} events of {run} -> {}",
                    recorded.events.len(),
                    path.display()
                ),
            );
        }
        None => {
            let mut stdout = std::io::stdout().lock();
            stdout.write_all(&bytes)?;
            stdout.flush()?;
        }
    }
    Ok(Exit::Healthy)
}
