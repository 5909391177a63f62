//! `doctor`: is this machine fit to judge? The action `vantage.check`, and the state folder beside it.

use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::probe::{exit, once};
use crate::actions::Args;
use crate::cli::exit::Exit;
use crate::cli::fail::{Fail, chain};
use crate::cli::live::Live;
use crate::cli::out;
use crate::cli::workspace::{self, Workspace};
use crate::record::{Finding, StepOutcome};
use crate::site::Site;
use crate::store::Store;

const CHECK: &str = "vantage.check";
/// Less room than this and a run may not be able to write down what it does, in bytes.
const ROOM: u64 = 100 * 1024 * 1024;
/// An event later than now by more than this was written by another clock.
const LATER: SignedDuration = SignedDuration::from_mins(5);

/// One fact about the state folder.
#[derive(Debug, Serialize)]
struct Fact {
    /// `good`, `finding`, `unknown`.
    verdict: &'static str,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

impl Fact {
    fn good(detail: String) -> Self {
        Fact {
            verdict: "good",
            detail,
            remedy: None,
        }
    }

    fn finding(detail: String, remedy: &str) -> Self {
        Fact {
            verdict: "finding",
            detail,
            remedy: Some(remedy.to_owned()),
        }
    }
}

/// Looks at everything that a run rests on.
pub(in crate::cli) fn doctor(workspace: &Workspace, site: Option<&Path>) -> Result<Exit, Fail> {
    let site = match site {
        Some(path) => workspace::site(path)?,
        None => Site::default(),
    };
    let Some(action) = crate::actions::find(CHECK) else {
        return Err(Fail::failed(format!("there is no action '{CHECK}'")));
    };
    let live = Live::new(&workspace.global);
    let started = workspace.clock.now();
    let facts = state(workspace, started);
    let report = once(workspace, action, &site, &Args(Map::new()), &live)?;
    let outcome = match report.outcome {
        StepOutcome::Good | StepOutcome::NotApplicable
            if facts.iter().any(|fact| fact.verdict != "good") =>
        {
            StepOutcome::Finding
        }
        other => other,
    };
    if workspace.global.json {
        out::json(&json!({
            "schema": "mailmedic.doctor/1",
            "site": (!site.id.is_empty()).then_some(&site.id),
            "outcome": outcome,
            "resolvers": report.outputs.get("resolvers"),
            "outbound": report.outputs.get("outbound"),
            "clock": report.outputs.get("clock"),
            "state": {"folder": workspace.store.root(), "facts": facts},
            "findings": report.findings,
            "started": started,
            "finished": workspace.clock.now(),
        }))?;
        return Ok(exit(outcome));
    }
    let mut text = String::new();
    for one in list(&report.outputs, "resolvers") {
        let server = one["server"].as_str().unwrap_or_default();
        let subject = format!("resolver {server}");
        line(&mut text, &subject, one, &report.findings);
    }
    for (key, subject) in [("outbound", "port 25 outbound"), ("clock", "clock")] {
        if let Some(one) = report.outputs.get(key) {
            line(&mut text, subject, one, &report.findings);
        }
    }
    for fact in &facts {
        put(&mut text, "state folder", fact.verdict, &fact.detail);
        if let Some(remedy) = &fact.remedy {
            advice(&mut text, remedy);
        }
    }
    text.push_str(match exit(outcome) {
        Exit::Healthy => "\nThis machine is fit to judge.",
        _ => "\nNot all is well: what this machine says about lists or servers may be wrong until it is.",
    });
    out::text(&text)?;
    Ok(exit(outcome))
}

fn list<'v>(outputs: &'v Map<String, Value>, key: &str) -> &'v [Value] {
    outputs
        .get(key)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// A thing that was looked at, how it stands, and what to do about it.
fn line(text: &mut String, subject: &str, one: &Value, findings: &[Finding]) {
    let word = one["verdict"].as_str().unwrap_or_default();
    let found = findings.iter().find(|finding| finding.subject == subject);
    let verdict = match (found, word) {
        (Some(_), _) => "finding",
        (None, "unknown" | "not_applicable") => "unknown",
        (None, _) => "good",
    };
    let detail = one["detail"].as_str().unwrap_or_default();
    put(text, subject, verdict, detail);
    if let Some(finding) = found {
        advice(text, &finding.remedy);
    }
}

fn put(text: &mut String, subject: &str, verdict: &str, detail: &str) {
    let mark = match verdict {
        "good" => '✓',
        "finding" => '✗',
        _ => '?',
    };
    text.push_str(&format!("{mark} {subject:<24} {detail}\n"));
}

fn advice(text: &mut String, remedy: &str) {
    text.push_str(&format!("  {:<24} do: {remedy}\n", ""));
}

/// What is to be said about the state folder. Nothing stays written.
fn state(workspace: &Workspace, now: Timestamp) -> Vec<Fact> {
    let root = workspace.store.root();
    let shown = root.display();
    if !root.exists() {
        let parent = nearest(root);
        return vec![
            match rustix::fs::access(&parent, rustix::fs::Access::WRITE_OK) {
                Ok(()) => Fact::good(format!("{shown} will be made when a run begins")),
                Err(error) => Fact::finding(
                    format!(
                        "{shown} cannot be made: {} is not to be written to ({error})",
                        parent.display()
                    ),
                    "Name another folder with --state or `state` in mailmedic.yaml, or give yourself the right to write there.",
                ),
            },
        ];
    }
    let mut facts = vec![writable(root), room(root)];
    facts.extend(others_may_read(root));
    match workspace.store.summaries() {
        Ok((summaries, unreadable)) => {
            facts.push(Fact::good(format!("{} runs can be read", summaries.len())));
            facts.extend(unreadable.iter().map(|(run, error)| {
                Fact::finding(
                    format!("run {run} cannot be read: {}", chain(error)),
                    "Look at it with `mailmedic verify RUN`; what stands before the damage can still be exported.",
                )
            }));
            let latest = summaries.iter().map(|run| run.updated).max();
            if let Some(latest) = latest.filter(|latest| latest.duration_since(now) > LATER) {
                facts.push(Fact::finding(
                    format!("an event is dated {latest}, later than now ({now})"),
                    "The clock of this machine, or of the one that wrote it, is or was wrong. Let the network set it.",
                ));
            }
        }
        Err(error) => facts.push(Fact::finding(
            format!("the runs cannot be listed: {}", chain(&error)),
            "Look at the owner and the rights of the folder and what is in it.",
        )),
    }
    facts
}

/// The folder itself, or the nearest one above it that is there.
fn nearest(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.ancestors()
        .find(|folder| folder.is_dir())
        .unwrap_or(Path::new("/"))
        .to_owned()
}

/// Writes a file, syncs it and takes it away again: what every event needs.
fn writable(root: &Path) -> Fact {
    let file = root.join(format!(".doctor-{}", std::process::id()));
    let tried = std::fs::File::create_new(&file).and_then(|mut open| {
        std::io::Write::write_all(&mut open, b"mailmedic doctor\n")?;
        open.sync_all()
    });
    let removed = std::fs::remove_file(&file);
    match tried.and(removed) {
        Ok(()) => Fact::good(format!("{} can be written to and synced", root.display())),
        Err(error) => Fact::finding(
            format!("{} cannot be written to: {error}", root.display()),
            "No run can begin like this. Look at the owner and the rights of the folder, and whether its disk is full or mounted read-only.",
        ),
    }
}

fn room(root: &Path) -> Fact {
    match rustix::fs::statvfs(root) {
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let mib = free / (1024 * 1024);
            if free < ROOM {
                Fact::finding(
                    format!("{mib} MiB are free on its disk"),
                    "Make room: a run stops when it cannot write down what it is about to do.",
                )
            } else {
                Fact::good(format!("{mib} MiB are free on its disk"))
            }
        }
        Err(error) => Fact {
            verdict: "unknown",
            detail: format!("how much room its disk has cannot be told: {error}"),
            remedy: None,
        },
    }
}

/// Records hold names, addresses and log lines of clients.
fn others_may_read(root: &Path) -> Option<Fact> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(root).ok()?.permissions().mode();
    let runs = std::fs::metadata(root.join("runs")).map_or(0, |runs| runs.permissions().mode());
    (mode & 0o077 != 0 && runs & 0o077 != 0).then(|| {
        Fact::finding(
            format!(
                "other users of this machine may look into {}",
                root.display()
            ),
            "Records hold data of clients: chmod 700 the folder.",
        )
    })
}
