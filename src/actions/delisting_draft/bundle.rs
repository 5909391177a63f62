//! What a request can say truthfully: who asks, what the run has found, what was done and what was checked.
//!
//! Only what is recorded goes in. Other people's addresses are taken out of notes and quotes.

use std::net::IpAddr;
use std::sync::LazyLock;

use regex::Regex;
use serde::Serialize;
use serde_json::Value;

use crate::actions::{ActionError, Context};
use crate::mail::causes::cause_definition;
use crate::record::{Finding, StepState};

/// What goes into every letter of a site.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Bundle {
    /// The company whose mail it is.
    pub(super) company: String,
    /// Who writes, for the signature; may be the company itself.
    pub(super) writer: String,
    /// Telephone of the writer.
    pub(super) phone: String,
    /// The role address that must be used and answered: `postmaster@example.org`.
    pub(super) postmaster: String,
    /// The server's public name.
    pub(super) host: String,
    /// What caused it, one sentence each.
    pub(super) causes: Vec<Cause>,
    /// What was done, one sentence each, with dates.
    pub(super) measures: Vec<String>,
    /// What prevents a repeat.
    pub(super) prevention: String,
    /// Kind and volume of the mail.
    pub(super) mail: String,
    /// Checks that passed, with dates.
    pub(super) checks: Vec<String>,
}

/// A cause as a letter tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cause {
    text: String,
    /// The address it is about, when it is about one only.
    address: Option<IpAddr>,
}

impl Serialize for Cause {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// Findings that explain a listing once they are settled, as an outsider wants to read them.
const TELLING: &[(&str, &str)] = &[
    ("relay-open", "the server relayed mail of strangers"),
    (
        "accepts-unknown-recipients",
        "the server accepted mail for unknown recipients and bounced it to forged senders",
    ),
    ("rdns-missing", "the address had no reverse name"),
    (
        "rdns-unconfirmed",
        "the reverse name of the address did not lead back to it",
    ),
    (
        "rdns-generic",
        "the reverse name of the address was a generic one",
    ),
];

/// Sentences of a kind in one letter, at most: ten lines are read, thirty are not.
const MOST: usize = 4;

/// Mailboxes that are nobody's in particular.
const ROLES: &[&str] = &["postmaster", "abuse", "noc", "hostmaster"];

static MAILBOX: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?P<local>[a-z0-9._%+\-]+)@(?P<domain>[a-z0-9\-]+(?:\.[a-z0-9\-]+)+)").ok()
});

impl Bundle {
    /// Gathers what is recorded.
    pub(super) fn gather(context: &Context<'_>) -> Result<Self, ActionError> {
        let site = context.site;
        let steps = context.facts.ended_steps();
        let (args, contacts) = (context.args, &site.contacts);
        let writer = contacts.provider.as_ref().or(contacts.owner.as_ref());
        let host = site
            .outbound
            .helo
            .clone()
            .or_else(|| site.servers.first().map(|server| server.host.clone()));
        let cause = args.text("cause")?.or_else(|| answer(&steps, "cause"));
        let measures = args.texts("measures")?;
        Ok(Self {
            company: site.name.clone(),
            writer: writer.map_or_else(|| site.name.clone(), |contact| contact.name.clone()),
            phone: writer
                .and_then(|contact| contact.phone.clone())
                .unwrap_or_default(),
            postmaster: site
                .domains
                .first()
                .map_or_else(String::new, |domain| format!("postmaster@{domain}")),
            host: host.unwrap_or_default(),
            causes: cause.map_or_else(
                || settled(context, &steps),
                |cause| {
                    vec![Cause {
                        text: sentence(&cause),
                        address: None,
                    }]
                },
            ),
            measures: measures.map_or_else(
                || notes(&steps),
                |given| given.iter().map(|text| sentence(text)).collect(),
            ),
            prevention: args
                .text("prevention")?
                .or_else(|| answer(&steps, "prevention"))
                .map_or_else(String::new, |text| sentence(&text)),
            mail: args
                .text("mail")?
                .map_or_else(|| mailboxes(site.mailboxes), |text| sentence(&text)),
            checks: checks(&steps),
        })
    }

    /// The same for one target: what is only about another address has no place in its letter.
    pub(super) fn about(&self, target: &str) -> Self {
        let target: Option<IpAddr> = target.parse().ok();
        let mut bundle = self.clone();
        bundle
            .causes
            .retain(|cause| cause.address.is_none() || cause.address == target);
        bundle
    }

    /// Whether nothing is known of a cause and of measures.
    pub(super) fn says_nothing(&self) -> bool {
        self.causes.is_empty() && self.measures.is_empty()
    }
}

/// The name that an address leads to, as the newest check of reverse names has it.
pub(super) fn reverse_name(context: &Context<'_>, target: &str) -> Option<String> {
    let outputs = context.facts.latest_outputs("rdns.verify")?;
    let addresses = outputs.get("addresses")?.as_array()?.clone();
    let address = addresses
        .iter()
        .find(|address| address.get("address").and_then(Value::as_str) == Some(target))?;
    let name = address
        .get("ptr")?
        .as_array()?
        .first()?
        .as_str()?
        .trim_end_matches('.')
        .to_owned();
    let confirmed = address.get("verdict").and_then(Value::as_str) == Some("pass");
    Some(if confirmed {
        format!("{name}, which leads back to it")
    } else {
        name
    })
}

/// When a target was first seen on a list in this run.
pub(super) fn first_seen(context: &Context<'_>, target: &str, list: &str) -> Option<String> {
    let is_it = |listing: &Value| {
        let text = |key: &str| listing.get(key).and_then(Value::as_str);
        text("target") == Some(target) && text("list") == Some(list)
    };
    let steps = context.facts.ended_steps();
    let seen = steps.iter().find(|step| {
        let listed = step.outputs.get("listed").and_then(Value::as_array);
        step.judging_action() == "blacklist.scan"
            && listed.is_some_and(|listed| listed.iter().any(is_it))
    })?;
    day(seen)
}

/// A text without other people's mailboxes, on one line.
pub(super) fn without_mailboxes(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let Some(mailbox) = MAILBOX.as_ref() else {
        return line;
    };
    let shown = |found: &regex::Captures<'_>| {
        let is_role = ROLES
            .iter()
            .any(|role| found["local"].eq_ignore_ascii_case(role));
        if is_role {
            found[0].to_owned()
        } else {
            format!("a mailbox at {}", &found["domain"])
        }
    };
    mailbox.replace_all(&line, shown).into_owned()
}

/// Findings that were seen and stand no more.
fn settled(context: &Context<'_>, steps: &[&StepState]) -> Vec<Cause> {
    let open = context.facts.open_findings();
    let mut causes: Vec<Cause> = Vec::new();
    for step in steps {
        for finding in &step.findings {
            let Some(told) = told(finding) else { continue };
            let stands = open
                .iter()
                .any(|other| other.code == finding.code && other.subject == finding.subject);
            // What a log has shown stays in the record; a request is only written after a person has answered it.
            if stands && !finding.code.starts_with("cause-") {
                continue;
            }
            let text = match day(step) {
                Some(day) => sentence(&format!("found on {day}: {told}")),
                None => sentence(&format!("found: {told}")),
            };
            let cause = Cause {
                text,
                address: finding.subject.parse().ok(),
            };
            if !causes.contains(&cause) {
                causes.push(cause);
            }
        }
    }
    causes.truncate(MOST);
    causes
}

/// How a finding is told in a letter; of what the logs show only what is more than possible.
fn told(finding: &Finding) -> Option<&'static str> {
    if finding.code.starts_with("cause-") {
        let likely = ["certain", "probable"]
            .iter()
            .any(|word| finding.summary.starts_with(word));
        return cause_definition(&finding.code)
            .filter(|_| likely)?
            .letter
            .as_deref();
    }
    TELLING
        .iter()
        .find(|(code, _)| *code == finding.code)
        .map(|(_, told)| *told)
}

/// What people wrote when they ended a task.
fn notes(steps: &[&StepState]) -> Vec<String> {
    let mut notes: Vec<String> = steps
        .iter()
        .filter(|step| step.plan.action == "manual")
        .filter_map(|step| Some((&step.plan.title, step.given.as_ref()?)))
        .filter_map(|(title, given)| {
            let note = given
                .note
                .as_deref()
                .filter(|note| !note.trim().is_empty())?;
            let day = date(&given.at.to_string());
            let task = if title.is_empty() {
                String::new()
            } else {
                format!(", {title}")
            };
            Some(format!("{day}{task}: {}", sentence(note)))
        })
        .collect();
    // The last ones are the nearest to the request.
    let extra = notes.len().saturating_sub(MOST);
    notes.drain(..extra);
    notes
}

/// An answer that somebody gave in the form of a task.
fn answer(steps: &[&StepState], key: &str) -> Option<String> {
    let given = steps.iter().rev().filter_map(|step| step.given.as_ref());
    let texts = given.filter_map(|given| given.values.get(key)?.as_str().map(str::to_owned));
    texts.into_iter().find(|text| !text.trim().is_empty())
}

/// Checks of this run that passed, newest of each kind.
fn checks(steps: &[&StepState]) -> Vec<String> {
    let newest = |action: &str| {
        steps
            .iter()
            .rev()
            .find(|step| step.judging_action() == action && !step.outputs.is_empty())
    };
    let on = |step: &StepState| day(step).map_or_else(String::new, |day| format!(" on {day}"));
    let mut checks = Vec::new();
    if let Some(step) = newest("relay.test")
        && step.outputs.get("verdict").and_then(Value::as_str) == Some("closed")
    {
        checks.push(format!("Relay test from outside{}: closed.", on(step)));
    }
    if let Some(step) = newest("mailauth.check") {
        let domains = step
            .outputs
            .get("domains")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        for domain in domains {
            let name = domain.get("domain").and_then(Value::as_str);
            let spf = domain.pointer("/spf/result").and_then(Value::as_str);
            if let (Some(name), Some("pass")) = (name, spf) {
                checks.push(format!("SPF of {name} passes for this server{}.", on(step)));
            }
        }
    }
    checks.truncate(MOST);
    checks
}

fn mailboxes(count: Option<u32>) -> String {
    match count {
        Some(1) => "The server sends the mail of one mailbox.".to_owned(),
        Some(n) => format!("The server sends the mail of {n} mailboxes."),
        None => String::new(),
    }
}

fn day(step: &StepState) -> Option<String> {
    step.finished.map(|time| date(&time.to_string()))
}

fn date(time: &str) -> String {
    time.split('T').next().unwrap_or(time).to_owned()
}

/// One sentence: on one line, capital first, a full stop at the end, no mailboxes.
pub(super) fn sentence(text: &str) -> String {
    let line = without_mailboxes(text);
    let mut letters = line.trim().chars();
    let Some(first) = letters.next() else {
        return String::new();
    };
    let text: String = first.to_uppercase().chain(letters).collect();
    if text.ends_with(['.', '!', '?']) {
        text
    } else {
        format!("{text}.")
    }
}
