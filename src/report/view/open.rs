//! What is needed from whom, and what stays open until when.

use serde::Serialize;

use super::drafts::DraftView;
use super::findings::FindingView;
use super::listings::ListingView;
use super::moment::{Calendar, When};
use super::names::AddressView;
use super::read::{line, lines};
use super::site::SiteView;
use super::words;
use super::work::asked;
use crate::record::{RunState, RunStatus, StepStatus, WaitKind};

/// Something a person must do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NeedView {
    /// `approval`, `task`, `resolve`, `reverse_dns`, `file_requests`, `repair`, `finding`.
    pub kind: String,
    /// What, in one sentence.
    pub what: String,
    /// From whom; `None` where `what` says so itself.
    pub from: Option<String>,
    /// More about it, line by line.
    pub detail: Vec<String>,
    /// When waiting for it ends.
    pub until: Option<When>,
    /// Key of the step that waits, if one does.
    pub step: Option<String>,
    /// The command with which the technician goes on.
    pub command: Option<String>,
}

/// Something that is not finished.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OpenView {
    /// What.
    pub what: String,
    /// Why, or what happens meanwhile.
    pub reason: String,
    /// Since when.
    pub since: Option<When>,
    /// When it is looked at again.
    pub next_look: Option<When>,
    /// When it ends for good; `None`: no end is set.
    pub until: Option<When>,
}

/// What people must do now.
pub(super) fn needs(
    state: &RunState,
    calendar: &Calendar,
    site: &SiteView,
    reverse: &[AddressView],
    findings: &[FindingView],
    drafts: &[DraftView],
    listings: &[ListingView],
) -> Vec<NeedView> {
    let over = matches!(state.status(), RunStatus::Finished(_));
    let mut needs: Vec<NeedView> = Vec::new();
    for step in state.steps.iter().filter(|_| !over) {
        let (kind, from, until) = match &step.status {
            StepStatus::Waiting(wait) => match &wait.kind {
                WaitKind::Approval { approvers, .. } => {
                    ("approval", people(approvers), wait.deadline)
                }
                WaitKind::Manual { .. } => ("task", technician(site), wait.deadline),
                WaitKind::Time | WaitKind::Retry => continue,
            },
            StepStatus::Interrupted { ask: true } => ("resolve", technician(site), None),
            _ => continue,
        };
        let title = line(&step.plan.title);
        let text = asked(step);
        let (what, detail) = match (kind, text.as_slice()) {
            ("resolve", _) => (
                format!(
                    "Find out whether \"{title}\" happened before the program was interrupted."
                ),
                step.error.iter().map(|why| line(why)).collect(),
            ),
            ("approval", [one]) => (one.clone(), Vec::new()),
            (_, []) => (title, Vec::new()),
            _ => (title, text),
        };
        needs.push(NeedView {
            kind: kind.to_owned(),
            what: words::sentence(&what),
            from: Some(from),
            detail,
            until: until.map(|at| calendar.when(at)),
            step: Some(line(&step.plan.key)),
            command: command(&state.created.run, &step.plan.key, &step.status),
        });
    }
    let names_open = findings
        .iter()
        .any(|finding| finding.open && finding.code.starts_with("rdns-"));
    if names_open {
        needs.extend(
            reverse
                .iter()
                .filter(|address| address.to_change)
                .map(|address| name_to_set(address, site)),
        );
    }
    if over {
        needs.extend(repair(state, site));
        needs.extend(unfiled(drafts, listings, site));
        needs.extend(
            findings
                .iter()
                .filter(|finding| finding.open && !finding.is_remark())
                .filter(|finding| !has_own_line(finding, listings))
                .filter(|finding| !(names_open && finding.code.starts_with("rdns-")))
                .filter(|finding| !finding.remedy.is_empty())
                .map(to_settle),
        );
    }
    needs
}

/// The command that goes on with a step that waits for a person; `None` when none is needed.
pub(crate) fn command(run: &str, key: &str, status: &StepStatus) -> Option<String> {
    let (run, key) = (line(run), shell_word(&line(key)));
    match status {
        StepStatus::Waiting(wait) => match &wait.kind {
            WaitKind::Approval { .. } => Some(format!(
                "mailmedic approve {run} {key} --by NAME   (or: reject)"
            )),
            WaitKind::Manual {
                evidence_required,
                form,
                ..
            } => {
                let mut command = format!("mailmedic done {run} {key} --by NAME --note TEXT");
                for name in form.keys() {
                    command.push_str(&format!(" --set {}=TEXT", shell_word(&line(name))));
                }
                if *evidence_required {
                    command.push_str(" --evidence FILE");
                }
                Some(command)
            }
            WaitKind::Time | WaitKind::Retry => Some(format!("mailmedic resume {run}")),
        },
        StepStatus::Interrupted { ask: true } => Some(format!(
            "mailmedic resolve {run} {key} --done --by NAME   (or: --not-done, --rerun, --skip)"
        )),
        _ => None,
    }
}

/// What is not finished: steps that wait for a date, requests that must not be filed yet.
pub(super) fn open(
    state: &RunState,
    calendar: &Calendar,
    listings: &[ListingView],
    findings: &[FindingView],
) -> Vec<OpenView> {
    let over = matches!(state.status(), RunStatus::Finished(_));
    let mut open: Vec<OpenView> = Vec::new();
    for step in state.steps.iter().filter(|_| !over) {
        let StepStatus::Waiting(wait) = &step.status else {
            continue;
        };
        let reason = match (&wait.kind, wait.wake) {
            (WaitKind::Time, _) if step.plan.check.is_some() => {
                "The check is repeated until it holds.".to_owned()
            }
            (WaitKind::Time, Some(_)) => "Waiting for this date.".to_owned(),
            (WaitKind::Retry, _) => match &step.error {
                Some(error) => format!("The last try did not work: {}", line(error)),
                None => "The last try did not work; it is tried again.".to_owned(),
            },
            _ => "Waiting for a person.".to_owned(),
        };
        open.push(OpenView {
            what: line(&step.plan.title),
            reason,
            since: Some(calendar.when(wait.since)),
            next_look: wait.wake.map(|at| calendar.when(at)),
            until: wait.deadline.map(|at| calendar.when(at)),
        });
    }
    for listing in listings {
        if matches!(listing.state.code.as_str(), "delisted") {
            continue;
        }
        let early = listing
            .draft
            .as_ref()
            .and_then(|draft| draft.not_before.clone())
            .filter(|when| when.at > state.updated && listing.requested.is_none());
        let name = format!("{} on {}", listing.target, listing.list);
        open.push(OpenView {
            what: name,
            reason: words::capital(&listing.state.text) + ".",
            since: Some(listing.first_seen.clone()),
            next_look: early,
            until: None,
        });
    }
    // A listing has its own line above.
    let others = findings
        .iter()
        .filter(|finding| finding.open && !finding.is_remark() && !has_own_line(finding, listings));
    open.extend(others.map(|finding| OpenView {
        what: finding.summary.clone(),
        reason: format!("Problem not settled yet ({}).", finding.severity.text),
        since: Some(finding.first_seen.when.clone()),
        next_look: None,
        until: None,
    }));
    open
}

fn people(approvers: &[String]) -> String {
    let names: Vec<String> = approvers.iter().map(|name| line(name)).collect();
    match names.as_slice() {
        [] => "anybody who may decide for the site".to_owned(),
        [one] => one.clone(),
        [head @ .., last] => format!("{} or {last}", head.join(", ")),
    }
}

fn technician(site: &SiteView) -> String {
    match &site.provider {
        Some(provider) => provider.name.clone(),
        None => "the technician in charge".to_owned(),
    }
}

fn name_to_set(address: &AddressView, site: &SiteView) -> NeedView {
    let from = match &site.isp {
        Some(isp) => format!("{} (your Internet provider)", isp.name),
        None => "your Internet provider".to_owned(),
    };
    let what = match &address.wanted {
        Some(wanted) => format!("Set the reverse DNS of {} to {wanted}.", address.address),
        None => format!("Set a reverse DNS name for {}.", address.address),
    };
    NeedView {
        kind: "reverse_dns".to_owned(),
        what,
        from: Some(from),
        detail: lines("Only the owner of the address can set it; the request is ready to be sent."),
        until: None,
        step: None,
        command: None,
    }
}

/// A listing is told as a listing, where the scan told about it.
fn has_own_line(finding: &FindingView, listings: &[ListingView]) -> bool {
    finding.code.starts_with("listed") && !listings.is_empty()
}

/// The step at which a run stopped.
fn repair(state: &RunState, site: &SiteView) -> Option<NeedView> {
    let failed = super::run::first_failed(state)?;
    let title = line(&failed.plan.title);
    let refused = failed.outcome() == Some(crate::record::StepOutcome::Rejected);
    Some(NeedView {
        kind: "repair".to_owned(),
        what: if refused {
            format!("Decide how to go on after \"{title}\" was refused.")
        } else {
            format!("Find out why \"{title}\" did not work, then do it again.")
        },
        from: Some(technician(site)),
        detail: failed.error.iter().map(|error| line(error)).collect(),
        until: None,
        step: Some(line(&failed.plan.key)),
        command: Some(format!(
            "mailmedic rerun {} --from {}",
            line(&state.created.run),
            shell_word(&line(&failed.plan.key))
        )),
    })
}

/// The remedy says who does it.
fn to_settle(finding: &FindingView) -> NeedView {
    NeedView {
        kind: "finding".to_owned(),
        what: words::sentence(&words::capital(&finding.remedy)),
        from: None,
        detail: vec![format!("Problem {}: {}", finding.number, finding.summary)],
        until: None,
        step: None,
        command: None,
    }
}

fn unfiled(drafts: &[DraftView], listings: &[ListingView], site: &SiteView) -> Option<NeedView> {
    let waiting: Vec<String> = drafts
        .iter()
        .filter(|draft| draft.blocked_by.is_none() && draft.to_file)
        .filter(|draft| {
            listings.iter().any(|listing| {
                listing.draft.as_ref() == Some(*draft)
                    && listing.requested.is_none()
                    && listing.state.code != "delisted"
            })
        })
        .map(|draft| format!("{} on {}", draft.target, draft.list))
        .collect();
    (!waiting.is_empty()).then(|| NeedView {
        kind: "file_requests".to_owned(),
        what: format!(
            "File {}.",
            words::many(waiting.len(), "drafted request", "drafted requests")
        ),
        from: Some(technician(site)),
        detail: waiting,
        until: None,
        step: None,
        command: None,
    })
}

/// A step key as one word of a command line: instances of a `foreach` step carry brackets.
fn shell_word(key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.' | '-');
    if key.chars().all(plain) {
        key.to_owned()
    } else {
        format!("'{}'", key.replace('\'', "'\\''"))
    }
}
