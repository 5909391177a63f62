//! `report`: documents about a run, and those that are written when a run ends.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::cli::args::{Format as Wanted, ReportArgs};
use crate::cli::exit::Exit;
use crate::cli::fail::{Fail, chain};
use crate::cli::out;
use crate::cli::workspace::Workspace;
use crate::record::{Event, EventKind, NewEvent, RunState, hash};
use crate::report::{Format, RenderError, View, render};
use crate::store::{Store, StoreError};
use crate::templates::TemplateError;

/// Writes one document.
pub(in crate::cli) fn report(workspace: &Workspace, args: &ReportArgs) -> Result<Exit, Fail> {
    let run = workspace.find_run(&args.run, true)?;
    let recorded = workspace.store.read(&run)?;
    let state = recorded.state(&run)?;
    let format = match args.format {
        Wanted::Md => Format::Markdown,
        Wanted::Html => Format::Html,
        Wanted::Pdf => Format::Pdf,
        Wanted::Json => Format::Json,
    };
    let template = args
        .template
        .as_deref()
        .unwrap_or(&state.created.report_template);
    let bytes = document(workspace, &state, &recorded.events, template, format)?;
    match &args.output {
        Some(path) => {
            super::write::whole(path, &bytes)?;
            note(workspace, &run, path, &bytes, template, format)?;
            out::remark(
                &workspace.global,
                &format!("report of {run} -> {}", path.display()),
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

/// Writes the documents of an ended run, in each format that its template exists in, and the files that belong to it, into
/// `reports/RUN` below `root`. Gives the paths of the documents.
pub(in crate::cli) fn write_all(
    workspace: &Workspace,
    state: &RunState,
    root: &Path,
) -> Result<Vec<PathBuf>, Fail> {
    let run = &state.created.run;
    let folder = folder(root, run);
    std::fs::create_dir_all(&folder).map_err(|error| {
        Fail::because(
            format!("cannot create the folder {}", folder.display()),
            error,
        )
    })?;
    // The documents come last: where the last of them is recorded, nothing is missing.
    files(workspace, state, &folder)?;
    let recorded = workspace.store.read(run)?;
    let template = &state.created.report_template;
    let mut paths = Vec::new();
    for format in formats(workspace, template) {
        let bytes = document(workspace, state, &recorded.events, template, format)?;
        let path = folder.join(format!("{template}.{}", format.as_str()));
        super::write::whole(&path, &bytes)?;
        note(workspace, run, &path, &bytes, template, format)?;
        paths.push(path);
    }
    Ok(paths)
}

/// Were all documents of an ended run written into its own folder?
pub(in crate::cli) fn is_complete(workspace: &Workspace, state: &RunState, root: &Path) -> bool {
    let folder = folder(root, &state.created.run);
    let Some(last) = formats(workspace, &state.created.report_template).pop() else {
        return true;
    };
    state
        .reports
        .iter()
        .any(|(path, _, format)| format == last.as_str() && Path::new(path).starts_with(&folder))
}

fn folder(root: &Path, run: &str) -> PathBuf {
    let folder = root.join("reports").join(run);
    std::path::absolute(&folder).unwrap_or(folder)
}

/// The formats that a template exists in, in the order of writing.
fn formats(workspace: &Workspace, template: &str) -> Vec<Format> {
    let known = workspace.templates.names();
    [Format::Html, Format::Markdown]
        .into_iter()
        .filter(|format| known.contains(&format!("{template}.{}", format.as_str())))
        .collect()
}

/// Copies the run's files out of the store, under names that people can read.
fn files(workspace: &Workspace, state: &RunState, folder: &Path) -> Result<(), Fail> {
    for step in &state.steps {
        for artifact in &step.artifacts {
            let bytes = workspace.store.artifact(&artifact.digest)?;
            let name: String = artifact
                .name
                .chars()
                .map(|c| {
                    if c.is_alphanumeric() || matches!(c, '.' | '-' | '_') {
                        c
                    } else {
                        '-'
                    }
                })
                .collect();
            let mut path = folder.join("files").join(name.trim_start_matches('.'));
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent).map_err(|error| {
                    Fail::because(
                        format!("cannot create the folder {}", parent.display()),
                        error,
                    )
                })?;
            }
            // The same name with other bytes: keep both.
            if path.exists() && std::fs::read(&path).is_ok_and(|there| there != bytes) {
                path = path.with_file_name(format!("{}-{}", &artifact.digest[..8], name));
            }
            super::write::whole(&path, &bytes)?;
        }
    }
    Ok(())
}

fn document(
    workspace: &Workspace,
    state: &RunState,
    events: &[Event],
    template: &str,
    format: Format,
) -> Result<Vec<u8>, Fail> {
    let view = View::from_state(state, events);
    render(&view, template, format, &workspace.templates, None).map_err(|error| match error {
        RenderError::Template(
            error @ (TemplateError::Unknown { .. } | TemplateError::Syntax { .. }),
        ) => error.into(),
        other => Fail::failed(chain(&other)),
    })
}

/// Records that a report was written. Somebody else may append meanwhile; that is no reason not to.
fn note(
    workspace: &Workspace,
    run: &str,
    path: &Path,
    bytes: &[u8],
    template: &str,
    format: Format,
) -> Result<(), Fail> {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut journal = workspace.store.open(run)?;
    let mut seq = 0;
    loop {
        let heard = journal.catch_up()?;
        seq = heard.last().map_or(seq, |event| event.seq);
        let event = NewEvent {
            at: heard.last().map_or_else(
                || workspace.clock.now(),
                |event| workspace.clock.now().max(event.at),
            ),
            actor: "engine".to_owned(),
            event: EventKind::ReportWritten {
                path: path.display().to_string(),
                digest: hash(bytes),
                template: template.to_owned(),
                format: format.as_str().to_owned(),
            },
        };
        match journal.append(seq, &[event]) {
            Ok(_) => {
                super::decide::tell_torn(journal.torn());
                return Ok(());
            }
            Err(StoreError::Grown(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
