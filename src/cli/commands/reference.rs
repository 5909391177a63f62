//! `check`, `plan`, `schema`, `actions`, `lists`, `explain`, `completions`: authoring and reference.

use std::path::Path;

use serde_json::{Value, json};

use crate::actions::{ACTIONS, Action};
use crate::cli::args::{Global, SchemaOf};
use crate::cli::exit::Exit;
use crate::cli::fail::Fail;
use crate::cli::out;
use crate::cli::workspace::{self, Workspace};
use crate::record::Section;
use crate::yaml::Diagnostics;

/// Checks files; all faults of all files.
pub(in crate::cli) fn check(workspace: &Workspace, files: &[String]) -> Result<Exit, Fail> {
    let mut faults = Diagnostics(Vec::new());
    let mut good: Vec<(String, &'static str)> = Vec::new();
    for named in files {
        match check_one(workspace, named) {
            Ok(kind) => good.push((named.clone(), kind)),
            Err(Fail::Faults(more)) => faults.0.extend(more.0),
            Err(other) => return Err(other),
        }
    }
    if !workspace.global.json && !workspace.global.quiet {
        for (named, kind) in &good {
            out::text(&format!("{named}: a {kind} without faults"))?;
        }
    }
    if !faults.0.is_empty() {
        return Err(Fail::Faults(faults));
    }
    if workspace.global.json {
        let files: Vec<Value> = good
            .iter()
            .map(|(file, kind)| json!({"file": file, "kind": kind}))
            .collect();
        out::json(&json!({"schema": "mailmedic.check/1", "files": files, "faults": []}))?;
    }
    Ok(Exit::Healthy)
}

/// A file with `steps` is a runbook, one without is a site file.
fn check_one(workspace: &Workspace, named: &str) -> Result<&'static str, Fail> {
    let path = Path::new(named);
    if path.is_file()
        && path
            .file_name()
            .is_some_and(|name| name == workspace::LISTS)
    {
        crate::cli::lists_file::read(path)?;
        return Ok("file of lists");
    }
    if path.is_file() && !looks_like_runbook(path) {
        workspace::site(path)?;
        return Ok("site file");
    }
    workspace.runbook(named)?;
    Ok("runbook")
}

/// A runbook has steps. What cannot be read is taken for a runbook, whose reader says why.
fn looks_like_runbook(path: &Path) -> bool {
    let Ok(text) = std::fs::read_to_string(path) else {
        return true;
    };
    let file = crate::yaml::SourceFile::new(path.display().to_string(), text);
    match crate::yaml::parse(&file) {
        Ok(tree) => match &tree.value {
            crate::yaml::Value::Map(entries) => entries
                .iter()
                .any(|(key, _)| key.name == "steps" || key.name == "version"),
            _ => false,
        },
        // Broken YAML: the keys decide by their look.
        Err(_) => file
            .text
            .lines()
            .any(|line| line.starts_with("steps:") || line.starts_with("version:")),
    }
}

/// What a runbook would do for a site.
pub(in crate::cli) fn plan(
    workspace: &Workspace,
    runbook: &str,
    site: &Path,
    set: &[String],
) -> Result<Exit, Fail> {
    let checked = workspace.runbook(runbook)?;
    let site = workspace::site(site)?;
    let inputs = super::run::inputs(&checked, set)?;
    let runbook = &checked.runbook;
    if workspace.global.json {
        let steps: Vec<Value> = runbook
            .steps
            .iter()
            .map(|step| {
                json!({
                    "id": step.id, "title": step.title, "action": step.action, "effect": step.effect,
                    "section": step.section, "needs": step.needs, "when": step.when.as_ref().map(|when| when.text()),
                })
            })
            .collect();
        out::json(&json!({
            "schema": "mailmedic.plan/1", "runbook": runbook.name, "digest": checked.digest, "site": site.id,
            "inputs": inputs, "steps": steps, "verify": runbook.verify, "report": runbook.report,
        }))?;
        return Ok(Exit::Healthy);
    }
    let mut text = format!("{} for {} ({})\n", runbook.name, site.name, site.id);
    if let Some(description) = &runbook.description {
        text.push_str(&format!("{}\n", description.trim()));
    }
    for (name, value) in &inputs {
        text.push_str(&format!("  input {name} = {value}\n"));
    }
    for (section, title) in [
        (Section::Steps, "steps"),
        (Section::OnFailure, "when something fails"),
        (Section::Finally, "at the very end"),
    ] {
        let mut steps = runbook.section(section).peekable();
        if steps.peek().is_none() {
            continue;
        }
        text.push_str(&format!("\n{title}\n"));
        for (number, step) in steps.enumerate() {
            let effect = match step.effect {
                crate::record::Effect::Probe => "looks",
                crate::record::Effect::Local => "writes files",
                crate::record::Effect::External => "others notice",
            };
            let effect = if matches!(step.action.as_str(), "manual" | "approval" | "wait") {
                "waits"
            } else {
                effect
            };
            text.push_str(&format!(
                "{:>3}. {:<18} {:<18} {effect}",
                number + 1,
                step.id,
                step.action
            ));
            if !step.needs.is_empty() {
                text.push_str(&format!(", after {}", step.needs.join(", ")));
            }
            text.push('\n');
            if let Some(when) = &step.when {
                text.push_str(&format!("     only when {}\n", when.text()));
            }
            if let Some(why) = &step.description {
                text.push_str(&format!(
                    "     {}\n",
                    why.split_whitespace().collect::<Vec<_>>().join(" ")
                ));
            }
        }
    }
    if !runbook.verify.is_empty() {
        text.push_str(&format!(
            "\nlooked at again at the end: {}\n",
            runbook.verify.join(", ")
        ));
    }
    out::text(&text)?;
    Ok(Exit::Healthy)
}

/// The JSON Schema of runbooks or site files.
pub(in crate::cli) fn schema(what: SchemaOf) -> Result<Exit, Fail> {
    out::json(&match what {
        SchemaOf::Runbook => json!({}),
        SchemaOf::Site => json!({}),
    })?;
    Ok(Exit::Healthy)
}

/// All actions, or one with its arguments and outputs.
pub(in crate::cli) fn actions(global: &Global, name: Option<&str>) -> Result<Exit, Fail> {
    let Some(name) = name else {
        if global.json {
            let all: Vec<Value> = ACTIONS.iter().map(|action| action_json(*action)).collect();
            out::json(&json!({"schema": "mailmedic.actions/1", "actions": all}))?;
        } else {
            let mut text = String::new();
            for action in ACTIONS {
                text.push_str(&format!(
                    "{:<18} {:<9} {}\n",
                    action.name(),
                    action.effect().as_str(),
                    action.summary()
                ));
            }
            text.push_str("\n`mailmedic actions NAME` tells the arguments and outputs of one.");
            out::text(&text)?;
        }
        return Ok(Exit::Healthy);
    };
    let Some(action) = crate::actions::find(name) else {
        let known = ACTIONS.iter().map(|action| action.name());
        return Err(Fail::invalid(format!(
            "there is no action '{name}': {}",
            crate::yaml::hint(name, known)
        )));
    };
    if global.json {
        out::json(&json!({"schema": "mailmedic.actions/1", "actions": [action_json(action)]}))?;
        return Ok(Exit::Healthy);
    }
    let mut text = format!(
        "{} ({}): {}\n\narguments\n",
        action.name(),
        action.effect().as_str(),
        action.summary()
    );
    if action.arguments().is_empty() {
        text.push_str("  none\n");
    }
    for argument in action.arguments() {
        let default = if argument.required {
            "required".to_owned()
        } else {
            format!("default: {}", argument.default)
        };
        text.push_str(&format!(
            "  {:<14} {} ({})\n  {:<14} {default}\n",
            argument.name,
            argument.doc,
            argument.kind.describe(),
            ""
        ));
    }
    text.push_str("\noutputs\n");
    for output in action.outputs() {
        text.push_str(&format!("  {:<14} {}\n", output.name, output.doc));
    }
    out::text(&text)?;
    Ok(Exit::Healthy)
}

fn action_json(action: &dyn Action) -> Value {
    let arguments: Vec<Value> = action
        .arguments()
        .iter()
        .map(|a| {
            json!({
                "name": a.name, "kind": a.kind.describe(), "required": a.required, "default": a.default, "doc": a.doc,
            })
        })
        .collect();
    let outputs: Vec<Value> = action
        .outputs()
        .iter()
        .map(|o| json!({"name": o.name, "doc": o.doc}))
        .collect();
    json!({
        "name": action.name(), "summary": action.summary(), "effect": action.effect(),
        "arguments": arguments, "outputs": outputs,
    })
}

/// Shell completions.
pub(in crate::cli) fn completions(shell: clap_complete::Shell) -> Result<Exit, Fail> {
    use clap::CommandFactory;
    let mut command = crate::cli::args::Cli::command();
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut command, "mailmedic", &mut bytes);
    out::text(&String::from_utf8_lossy(&bytes))?;
    Ok(Exit::Healthy)
}
