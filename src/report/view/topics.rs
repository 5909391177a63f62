//! The areas of the work in words that a shop owner understands, each with where it stands.

use serde::Serialize;

use super::findings::FindingView;
use super::observe::current_checks;
use super::words::{self, Word};
use crate::record::{RunState, StepOutcome, StepState};

/// One area: what it means, what was found, how it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TopicView {
    /// Stable name: `listings`, `names`, `relay`, ...
    pub code: String,
    /// Title.
    pub title: String,
    /// What it means, in one plain sentence.
    pub meaning: String,
    /// Where it stands: `good`, `settled`, `finding`, `unknown`, `not_applicable`, `pending`,
    /// `not_checked`.
    pub state: Word,
    /// What was found and what became of it, in one sentence.
    pub text: String,
    /// Open findings.
    pub open: usize,
    /// Settled findings.
    pub settled: usize,
}

struct Area {
    code: &'static str,
    title: &'static str,
    meaning: &'static str,
    /// Beginnings of finding codes.
    findings: &'static [&'static str],
    /// Actions that judge it.
    actions: &'static [&'static str],
}

const AREAS: &[Area] = &[
    Area {
        code: "listings",
        title: "Blocklists",
        meaning: "Mail servers ask public lists of senders that have sent spam, and refuse mail from those on them.",
        findings: &["listed", "listings-"],
        actions: &["blacklist.scan"],
    },
    Area {
        code: "relay",
        title: "Misuse by strangers",
        meaning: "A mail server must not pass on mail for people it does not know; spammers look for servers that do.",
        findings: &[
            "relay-",
            "accepts-unknown-recipients",
            "auth-accepts-anything",
            "auth-relay-refused",
            "auth-other-sender",
            "auth-foreign-sender",
            "auth-on-port-25",
            "backscatter",
        ],
        actions: &["relay.test"],
    },
    Area {
        code: "names",
        title: "The server's name on the Internet",
        meaning: "The name behind the sending address must exist and lead back to it; many servers refuse mail otherwise.",
        findings: &["rdns-", "helo-"],
        actions: &["rdns.verify"],
    },
    Area {
        code: "authentication",
        title: "Proof that mail is really yours",
        meaning: "Records of your domain (SPF, DKIM, DMARC) tell other servers which mail is genuine.",
        findings: &["spf-", "dkim-", "dmarc-", "mx-", "mta-sts-", "tls-rpt-"],
        actions: &["mailauth.check"],
    },
    Area {
        code: "smarthost",
        title: "The outgoing relay",
        meaning: "Outgoing mail can be handed to a provider whose good name vouches for it.",
        findings: &["smarthost-"],
        actions: &["smarthost.check"],
    },
    Area {
        code: "server",
        title: "The mail server's settings",
        meaning: "Encryption, log-in and answers of the server, as others see them.",
        findings: &[
            "auth-before-tls",
            "vrfy-",
            "certificate-",
            "starttls-",
            "postmaster-",
            "server-",
        ],
        actions: &["server.check"],
    },
    Area {
        code: "addresses",
        title: "Other addresses to send from",
        meaning: "Another address can be used instead of one with a bad name, if it has no bad name itself.",
        findings: &["outbound-"],
        actions: &["outbound.vet"],
    },
    Area {
        code: "logs",
        title: "What the server's own records say",
        meaning: "The logs of the server show who refused its mail, and why.",
        findings: &["cause-"],
        actions: &["events.analyze"],
    },
    Area {
        code: "delivery",
        title: "Delivery of a test message",
        meaning: "A marked message shows whether mail arrives, where, and how fast.",
        findings: &["delivery-"],
        actions: &["delivery.probe"],
    },
    Area {
        code: "instruments",
        title: "Our own instruments",
        meaning: "The checks are only as good as the services they ask; these could not be relied on.",
        findings: &["resolver-", "list-broken"],
        actions: &[],
    },
];

const OTHER: Area = Area {
    code: "other",
    title: "Other checks",
    meaning: "Further checks of this job.",
    findings: &[],
    actions: &[],
};

/// The areas that this run touches, in a fixed order.
pub(super) fn topics(state: &RunState, findings: &[FindingView]) -> Vec<TopicView> {
    AREAS
        .iter()
        .chain([&OTHER])
        .filter_map(|area| topic(area, state, findings))
        .collect()
}

fn area_of(code: &str) -> &'static str {
    AREAS
        .iter()
        .find(|area| area.findings.iter().any(|start| code.starts_with(start)))
        .map_or(OTHER.code, |area| area.code)
}

fn topic(area: &Area, state: &RunState, findings: &[FindingView]) -> Option<TopicView> {
    let mine: Vec<&FindingView> = findings
        .iter()
        .filter(|finding| area_of(&finding.code) == area.code)
        .collect();
    let checks = checks(area, state);
    if mine.is_empty() && checks.is_empty() {
        return None;
    }
    let remarks = mine
        .iter()
        .filter(|finding| finding.open && finding.is_remark())
        .count();
    let open = mine.iter().filter(|finding| finding.open).count() - remarks;
    let settled = mine.len() - open - remarks;
    let has = |outcome| checks.iter().any(|step| step.outcome() == Some(outcome));
    let unended = checks.iter().filter(|step| !step.is_settled()).count();
    let untold = has(StepOutcome::Unknown) || has(StepOutcome::Failed);
    let over = state.conclusion.is_some();
    let state = if open > 0 || (mine.is_empty() && has(StepOutcome::Finding)) {
        words::outcome(StepOutcome::Finding)
    } else if untold {
        words::outcome(StepOutcome::Unknown)
    } else if settled > 0 {
        Word::new("settled", "settled", "✓")
    } else if remarks > 0 && checks.is_empty() {
        Word::new("remark", "for information", "i")
    } else if has(StepOutcome::Good) {
        words::outcome(StepOutcome::Good)
    } else if has(StepOutcome::NotApplicable) {
        words::outcome(StepOutcome::NotApplicable)
    } else if unended > 0 && !over {
        Word::new("pending", "not checked yet", "…")
    } else {
        Word::new("not_checked", "not checked", "?")
    };
    Some(TopicView {
        code: area.code.to_owned(),
        title: area.title.to_owned(),
        meaning: area.meaning.to_owned(),
        text: text(&state, open, settled, remarks, untold),
        state,
        open,
        settled,
    })
}

/// The checks of an area as they were done last.
fn checks<'a>(area: &Area, state: &'a RunState) -> Vec<&'a StepState> {
    let known = |action: &str| AREAS.iter().any(|area| area.actions.contains(&action));
    current_checks(state)
        .into_iter()
        .filter(|step| {
            let action = step.judging_action();
            if area.code == OTHER.code {
                !known(action)
            } else {
                area.actions.contains(&action)
            }
        })
        .collect()
}

fn text(state: &Word, open: usize, settled: usize, remarks: usize, untold: bool) -> String {
    let mut said = match (open, settled) {
        (0, 0) => match state.code.as_str() {
            "good" => "Checked, no problem found.".to_owned(),
            "unknown" => return "The check could not tell; this is not an all-clear.".to_owned(),
            "not_applicable" => "There is nothing of this kind to check here.".to_owned(),
            "pending" => "Not checked yet.".to_owned(),
            "not_checked" => "Not checked; this is not an all-clear.".to_owned(),
            "remark" => format!(
                "{} that you need not act on.",
                words::capital(&words::many(remarks, "remark", "remarks"))
            ),
            _ => "A problem was found; the appendix has the details.".to_owned(),
        },
        (0, settled) => format!("{} found and settled.", problems(settled)),
        (open, 0) => format!("{} found, still open.", problems(open)),
        (open, settled) => format!(
            "{} found: {settled} settled, {open} still open.",
            problems(open + settled)
        ),
    };
    if untold {
        said.push_str(" A check could not tell; this is not an all-clear.");
    }
    said
}

fn problems(count: usize) -> String {
    words::many(count, "problem", "problems")
}
