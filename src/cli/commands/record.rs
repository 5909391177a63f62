//! `verify`, `export` and `import`: the record of a run itself.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use serde_json::json;

use crate::cli::exit::Exit;
use crate::cli::fail::{Fail, chain};
use crate::cli::out;
use crate::cli::workspace::Workspace;
use crate::record::{self, Artifact, Event, RunState, SCHEMA};
use crate::report::view::{line, words};
use crate::store::{Recorded, Store, StoreError};

/// Checks numbers, hashes and files of a run. `seen`: a hash that was written down earlier.
pub(in crate::cli) fn verify(
    workspace: &Workspace,
    named: &str,
    seen: Option<&str>,
) -> Result<Exit, Fail> {
    let run = workspace.find_run(named, true)?;
    let stored = workspace.store.lines(&run)?;
    let mut faults: Vec<String> = Vec::new();
    for (place, line) in stored.lines.iter().enumerate() {
        if let Some(fault) = line.fault {
            faults.push(format!(
                "line {} (at byte {}) was altered or damaged: {fault}",
                place + 1,
                line.at
            ));
        }
    }
    let lines = || stored.lines.iter().map(|line| line.json.as_slice());
    faults.extend(record::faults(lines()).iter().map(ToString::to_string));
    if faults.is_empty() {
        match workspace.store.state(&run) {
            Ok(state) => {
                faults.extend(missing_files(workspace, &state));
                // A torn end is told below, and is no loss that was not told.
                if stored.torn == 0 {
                    let lost = workspace.store.lost(&run)?;
                    faults.extend(lost.as_ref().map(|lost| chain(lost)));
                }
            }
            Err(error) => faults.push(chain(&error)),
        }
    }
    let hashes: Vec<String> = lines().map(record::hash).collect();
    let seen = seen.map(|seen| (seen, hashes.iter().position(|hash| hash == seen)));
    if let Some((_, None)) = seen {
        faults.push(
            "no event has the hash that was written down: events were cut off the end, or altered up to there"
                .to_owned(),
        );
    }
    let last = hashes.last().cloned().unwrap_or_default();
    let cut_off = workspace.store.cut_off(&run)?;
    if workspace.global.json {
        let seen =
            seen.map(|(hash, place)| json!({"hash": hash, "event": place.map(|place| place + 1)}));
        out::json(&json!({
            "schema": "mailmedic.verify/1", "run": run, "events": stored.lines.len(), "last_hash": last,
            "seen": seen, "torn_bytes": stored.torn, "cut_off": cut_off, "faults": faults,
        }))?;
    } else if faults.is_empty() {
        let count = stored.lines.len();
        out::text(&format!(
            "{run}: {count} events, unbroken; hash of the last: {last}"
        ))?;
        if let Some((_, Some(place))) = seen {
            out::text(&format!(
                "up to event {} all is as it was when the hash was written down",
                place + 1
            ))?;
        }
        for path in cut_off {
            out::text(&format!(
                "what was cut off its end, because it was no whole event, is kept in {}",
                path.display()
            ))?;
        }
        if stored.torn > 0 {
            out::text(&format!(
                "{} bytes at the end are no whole event: being written, or torn by a crash (resume cuts them off)",
                stored.torn
            ))?;
        }
    } else {
        for fault in &faults {
            out::text(&format!("{run}: {fault}"))?;
        }
    }
    if faults.is_empty() {
        return Ok(Exit::Healthy);
    }
    Err(Fail::failed(format!(
        "the record of {run} was altered or damaged: compare it with a backup"
    )))
}

fn missing_files(workspace: &Workspace, state: &RunState) -> Vec<String> {
    state
        .artifacts()
        .filter(|(_, artifact)| workspace.store.artifact(&artifact.digest).is_err())
        .map(|(step, artifact)| {
            format!(
                "file {} of step {step} is missing or altered",
                artifact.name
            )
        })
        .collect()
}

/// The files of a run, each content once.
fn files(state: &RunState) -> BTreeMap<&str, &Artifact> {
    let all = state.artifacts();
    all.map(|(_, artifact)| (artifact.digest.as_str(), artifact))
        .collect()
}

/// Writes the events of a run as JSON lines, byte for byte as they were stored, so that the chain can be checked elsewhere.
/// `folder`: where its files go, each under its digest. Of a damaged record it writes what stands before the damage.
pub(in crate::cli) fn export(
    workspace: &Workspace,
    named: &str,
    output: Option<&Path>,
    folder: Option<&Path>,
) -> Result<Exit, Fail> {
    let run = workspace.find_run(named, true)?;
    let (recorded, damage) = match workspace.store.before_damage(&run)? {
        (recorded, Some(damage)) if recorded.events.is_empty() => return Err(damage.into()),
        found => found,
    };
    if let Some(folder) = folder {
        std::fs::create_dir_all(folder)
            .map_err(|error| Fail::because(format!("cannot create {}", folder.display()), error))?;
        for digest in files(&recorded.state(&run)?).into_keys() {
            let bytes = workspace.store.artifact(digest)?;
            super::write::whole(&folder.join(digest), &bytes)?;
        }
    }
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
    match damage {
        None => Ok(Exit::Healthy),
        Some(damage) => Err(Fail::because(
            format!(
                "these are the {} events before the damage",
                recorded.events.len()
            ),
            damage,
        )),
    }
}

/// Takes a run in that was exported elsewhere. `open`: also one that has not ended.
pub(in crate::cli) fn import(
    workspace: &Workspace,
    file: &Path,
    folder: Option<&Path>,
    open: bool,
) -> Result<Exit, Fail> {
    let recorded = exported(file)?;
    let state = recorded.state(&file.display().to_string())?;
    if state.conclusion.is_none() && !open {
        return Err(Fail::invalid(format!(
            "run {} has not ended: two machines must not go on with it. End it there with `mailmedic cancel {0}`, or say --open if it goes on here alone from now on",
            state.created.run
        )));
    }
    let files = files(&state);
    let (mut absent, mut brought) = (Vec::new(), 0);
    for (digest, artifact) in &files {
        if workspace.store.artifact(digest).is_ok() {
            continue;
        }
        let Some(folder) = folder else {
            absent.push(artifact.name.as_str());
            continue;
        };
        let path = folder.join(digest);
        let bytes = std::fs::read(&path)
            .map_err(|error| Fail::because(format!("cannot read {}", path.display()), error))?;
        if record::hash(&bytes) != **digest {
            return Err(Fail::failed(format!(
                "{} was altered: export it once more",
                path.display()
            )));
        }
        workspace
            .store
            .put_artifact(&artifact.name, &artifact.media, &bytes)?;
        brought += 1;
    }
    let (run, new) = kept(workspace, &recorded)?;
    let count = recorded.events.len();
    if workspace.global.json {
        out::json(&json!({
            "schema": "mailmedic.import/1", "run": run, "events": count, "new": new, "files_absent": absent,
        }))?;
        return Ok(Exit::Healthy);
    }
    out::text(&match new {
        true => format!("{run}: {count} events, unbroken; `mailmedic show {run}` tells about it"),
        false => format!(
            "{run}: was here already with the same {count} events; {} came with it now",
            words::many(brought, "missing file", "missing files")
        ),
    })?;
    if !absent.is_empty() {
        out::warn(&format!(
            "these files did not come with it: {} (`mailmedic export {run} --files DIR` writes them too; then import it once more with --files DIR)",
            line(&absent.join(", "))
        ));
    }
    Ok(Exit::Healthy)
}

/// Keeps a run, and tells whether it is new here.
fn kept(workspace: &Workspace, recorded: &Recorded) -> Result<(String, bool), Fail> {
    match workspace.store.import(recorded) {
        Err(StoreError::Exists(run)) if workspace.store.read(&run)?.lines == recorded.lines => {
            Ok((run, false))
        }
        Err(StoreError::Exists(run)) => Err(Fail::invalid(format!(
            "a run '{run}' exists already here, and its events are not the same: it stays as it is (`mailmedic verify {run}` tells whether it was altered)"
        ))),
        kept => Ok((kept?, true)),
    }
}

/// Reads an export and checks it.
fn exported(file: &Path) -> Result<Recorded, Fail> {
    let name = file.display();
    let bytes =
        std::fs::read(file).map_err(|error| Fail::because(format!("cannot read {name}"), error))?;
    let lines: Vec<Vec<u8>> = bytes
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(<[u8]>::to_vec)
        .collect();
    let faults = record::faults(lines.iter().map(Vec::as_slice));
    if !faults.is_empty() || lines.is_empty() {
        let mut told = vec![format!(
            "{name} is no whole export of a run: write it once more with `mailmedic export RUN -o FILE`"
        )];
        told.extend(faults.iter().map(|broken| format!("  {broken}")));
        return Err(Fail::invalid(told.join("\n")));
    }
    let events: Vec<Event> = lines
        .iter()
        .map(|line| serde_json::from_slice(line))
        .collect::<Result<_, _>>()
        .map_err(|error| Fail::because(format!("cannot read {name}"), error))?;
    if let Some(newer) = events.iter().find(|event| event.v > SCHEMA) {
        return Err(Fail::invalid(format!(
            "{name}: event {} was written by a newer version of mailmedic: install that one here",
            newer.seq
        )));
    }
    Ok(Recorded {
        events,
        lines,
        torn: 0,
    })
}
