//! The words and marks that stand for outcomes. A mark never stands alone, and colour never carries the meaning.

use serde::Serialize;

use crate::record::{RunStatus, Severity, StepOutcome, StepState, StepStatus};

/// A stable code with the words for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Word {
    /// Stable, for programs: `good`, `unknown`, `delisted`, ...
    pub code: String,
    /// For people: `in order`.
    pub text: String,
    /// One character: `✓ ✗ ? – ! …`.
    pub mark: String,
}

impl Word {
    /// A word of these three parts.
    pub(crate) fn new(code: &str, text: impl Into<String>, mark: &str) -> Self {
        Word {
            code: code.to_owned(),
            text: text.into(),
            mark: mark.to_owned(),
        }
    }
}

/// What a class of refusals means, in words for people. A class that is not known here is told as it is.
pub(crate) fn refusal(class: &str) -> String {
    let words = match class {
        "block_ip" => "address blocked",
        "block_domain" => "domain blocked",
        "reputation" => "poor reputation",
        "rate" => "slowed down (rate)",
        "greylist" => "put off once (greylist)",
        "authpol" => "SPF, DKIM or DMARC",
        "ptr" => "reverse DNS or HELO",
        "relay" => "relaying refused",
        "rcpt_unknown" => "unknown recipient",
        "rcpt_full" => "mailbox full",
        "sender" => "sender not accepted",
        "dns" => "name not resolved",
        "network" => "no connection",
        "tls" => "encryption",
        "size" => "too large",
        "content" => "content",
        "loop" => "mail loop",
        "protocol" => "protocol error",
        "local_system" => "fault at the receiver",
        "policy_other" => "other policy",
        "expired" => "gave up waiting",
        "unknown" => "not classified",
        other => return super::read::words(other),
    };
    words.to_owned()
}

/// The word for how a step ended.
pub(crate) fn outcome(outcome: StepOutcome) -> Word {
    let (text, mark) = match outcome {
        StepOutcome::Good => ("in order", "✓"),
        StepOutcome::Finding => ("problem found", "✗"),
        StepOutcome::Unknown => ("could not tell", "?"),
        StepOutcome::NotApplicable => ("not applicable", "–"),
        StepOutcome::Failed => ("did not work", "!"),
        StepOutcome::Rejected => ("refused", "✗"),
    };
    Word::new(outcome.as_str(), text, mark)
}

/// The word for where a step stands.
pub(crate) fn step(step: &StepState) -> Word {
    match &step.status {
        StepStatus::Pending => Word::new("pending", "not begun", "·"),
        StepStatus::Unfolded | StepStatus::Running => Word::new("running", "under way", "…"),
        StepStatus::Waiting(_) => Word::new("waiting", "waiting", "…"),
        StepStatus::Interrupted { ask: true } => {
            Word::new("interrupted", "interrupted, must be resolved", "!")
        }
        StepStatus::Interrupted { ask: false } => {
            Word::new("interrupted", "interrupted, will be repeated", "…")
        }
        StepStatus::Skipped { .. } => Word::new("skipped", "left out", "–"),
        StepStatus::Finished {
            outcome: ended,
            tolerated,
        } => {
            let mut word = self::outcome(*ended);
            if *tolerated {
                word.code = "tolerated".to_owned();
                word.text = "did not work (tolerated)".to_owned();
            } else if step
                .outputs
                .get("left_out")
                .is_some_and(|why| why == "check run")
            {
                word.text = "left out (check run)".to_owned();
            } else if *ended == StepOutcome::Good && !is_check(step) {
                word.text = match step.plan.action.as_str() {
                    "approval" => "approved",
                    _ => "done",
                }
                .to_owned();
            }
            word
        }
    }
}

/// The word for where a run stands.
pub(crate) fn run(status: RunStatus) -> Word {
    use crate::record::RunConclusion as End;
    let (text, mark) = match status {
        RunStatus::Active => ("under way", "…"),
        RunStatus::Waiting => ("waiting", "…"),
        RunStatus::NeedsResolve => ("an interrupted step must be resolved", "!"),
        RunStatus::Finished(End::Healthy) => ("finished, nothing open", "✓"),
        RunStatus::Finished(End::FindingsOpen) => ("finished, findings open", "✗"),
        RunStatus::Finished(End::Failed) => ("stopped, a step did not work", "!"),
        RunStatus::Finished(End::Cancelled) => ("called off", "–"),
    };
    Word::new(status.as_str(), text, mark)
}

/// The word for a severity.
pub(crate) fn severity(severity: Severity) -> Word {
    let (text, mark) = match severity {
        Severity::Critical => ("critical", "‼"),
        Severity::Major => ("major", "!"),
        Severity::Minor => ("minor", "·"),
        Severity::Informational => ("for information", "i"),
    };
    Word::new(severity.as_str(), text, mark)
}

/// A verdict word of an action's outputs, as people say it. Unknown words stay as they are, and are never good.
pub(crate) fn verdict(word: &str) -> Word {
    let (text, mark) = match word {
        "good" | "pass" | "ok" | "ready" | "valid" => ("in order", "✓"),
        "closed" => ("closed", "✓"),
        "ready_with_warnings" => ("in order, with warnings", "✓"),
        "open" => ("open to strangers", "✗"),
        "suspected" => ("suspected to be open, not proven", "✗"),
        "finding" => ("problem found", "✗"),
        "none" | "missing" => ("missing", "✗"),
        "fail" | "failed" => ("fails", "✗"),
        "softfail" => ("fails softly", "✗"),
        "generic" => ("generic name", "✗"),
        "blocked" => ("blocked", "✗"),
        "warn" | "warning" => ("warning", "!"),
        "not_applicable" => ("not applicable", "–"),
        "skipped" => ("left out", "–"),
        "not_from_here" => ("cannot be judged from here", "?"),
        "not_proven" => ("not proven", "?"),
        "undetermined" => ("could not be determined", "?"),
        "inconclusive" => ("inconclusive", "?"),
        "vantage_internal" => ("cannot be judged from inside the network", "?"),
        "unknown" | "timeout" | "temperror" => ("could not tell", "?"),
        "" => return Word::new("unknown", "not recorded", "?"),
        other => return Word::new(other, super::read::words(other), "?"),
    };
    Word::new(word, text, mark)
}

/// True when the step judges the site, as opposed to a gate or a piece of work.
pub(crate) fn is_check(step: &StepState) -> bool {
    let action = step.judging_action();
    match action {
        "approval" | "manual" | "wait" | "delisting.draft" | "document.render" | "notify" => false,
        // it tells whom to write to, and judges nothing
        "owner.lookup" => false,
        "relay.test" | "smarthost.check" | "delivery.probe" => true,
        _ => step.plan.effect == crate::record::Effect::Probe,
    }
}

/// `1 finding`, `2 findings`, `no findings`.
pub(crate) fn many(count: usize, one: &str, more: &str) -> String {
    match count {
        0 => format!("no {more}"),
        1 => format!("1 {one}"),
        n => format!("{n} {more}"),
    }
}

/// What was cut off the end of a run's record.
pub(crate) fn torn(bytes: u64) -> String {
    format!(
        "{bytes} bytes at the end of the record were no whole event: they were cut off, and are kept in a file beside it. A \
         crash leaves this, or a fault of the disk. If something is asked again, answer once more."
    )
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn and(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [head @ .., last] => format!("{} and {last}", head.join(", ")),
    }
}

/// `text` with a full stop, where it has no end of its own.
pub(crate) fn sentence(text: &str) -> String {
    match text.chars().last() {
        None | Some('.' | '?' | '!' | ':') => text.to_owned(),
        Some(_) => format!("{text}."),
    }
}

/// The first letter in upper case.
pub(crate) fn capital(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => String::new(),
    }
}
