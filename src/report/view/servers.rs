//! What the servers answered: the relay test, endpoint by endpoint, and the smarthost, stage by stage.

use serde::Serialize;
use serde_json::Value;

use super::moment::{Calendar, When};
use super::observe::latest;
use super::read::{first_text, get, line, lines, list, plain, some_text, text, texts};
use super::words::{self, Word};
use crate::record::{Event, RunState};

/// One endpoint of the relay test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EndpointView {
    /// `192.0.2.10 port 25`.
    pub name: String,
    /// How the connection was secured.
    pub tls: Option<String>,
    /// Its verdict.
    pub verdict: Word,
    /// Why, in a sentence.
    pub reason: Option<String>,
    /// When it was tested.
    pub when: When,
    /// Title of the step.
    pub title: String,
    /// `33 ways tried: 33 refused, 0 accepted, 0 without an answer`.
    pub tally: String,
    /// The controls: probes whose answer shows what the others are worth.
    pub controls: Vec<ProbeView>,
    /// The relay variants.
    pub variants: Vec<ProbeView>,
    /// Those of them that were not plainly refused: what a reader has to look at.
    pub telling: Vec<ProbeView>,
    /// Ids of those that were refused, each once.
    pub refused: String,
}

/// What a login may do at one of the site's servers, seen with an account for tests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccountView {
    /// `mail.example.com, logged in as relaytest at 192.0.2.10:25 after STARTTLS`.
    pub name: String,
    /// When it was tested.
    pub when: When,
    /// Title of the step.
    pub title: String,
    /// The questions `G4` to `G8`, or one line that says why there are none.
    pub stages: Vec<StageView>,
}

/// One probe of a relay test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProbeView {
    /// Id of the variant or control: `A01`, `K05`.
    pub id: String,
    /// Sender as given.
    pub mail: String,
    /// Recipient as given.
    pub rcpt: String,
    /// The answers, one a line.
    pub replies: Vec<String>,
    /// What the answer is worth: the rung of the ladder, in words.
    pub result: String,
}

/// The outgoing relay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SmarthostView {
    /// Its name.
    pub host: String,
    /// Its verdict.
    pub verdict: Word,
    /// The stage that blocks, if one does.
    pub blocked_at: Option<String>,
    /// When it was checked.
    pub when: When,
    /// Title of the step.
    pub title: String,
    /// The stages, in order.
    pub stages: Vec<StageView>,
}

/// One stage of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StageView {
    /// `H01`, `greeting`, ...
    pub id: String,
    /// What the stage is about, where its id does not say it: `form of the name`, `office@example.com`.
    pub about: String,
    /// How it went.
    pub outcome: Word,
    /// How long it took, with its unit; empty when not recorded.
    pub took: String,
    /// What was seen.
    pub detail: String,
    /// The server's reply.
    pub reply: String,
    /// Class of the reply in words.
    pub class: String,
}

/// One address and port of the site's own servers, as the server check saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServerView {
    /// `mail.example.com, 192.0.2.10 port 25`.
    pub name: String,
    /// How the connection was secured.
    pub tls: Option<String>,
    /// The certificate: for which names, by whom, until when. Empty where none was seen.
    pub certificate: String,
    /// When it was looked at.
    pub when: When,
    /// Title of the step.
    pub title: String,
    /// The stages, in order.
    pub stages: Vec<StageView>,
}

/// A whole conversation that an output holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TranscriptView {
    /// With whom, in which step.
    pub title: String,
    /// When.
    pub when: When,
    /// The conversation.
    pub lines: Vec<String>,
}

/// The relay test as it was done last.
pub(super) fn relay(events: &[Event], state: &RunState, calendar: &Calendar) -> Vec<EndpointView> {
    latest(events, state, "relay.test")
        .iter()
        .flat_map(|seen| {
            let title = line(&seen.step.plan.title);
            let when = calendar.when(seen.at);
            list(&seen.outputs, "endpoints")
                .iter()
                .map(|endpoint| endpoint_view(endpoint, &title, &when))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// What logins may do, as it was tested last.
pub(super) fn accounts(
    events: &[Event],
    state: &RunState,
    calendar: &Calendar,
) -> Vec<AccountView> {
    let mut views: Vec<AccountView> = Vec::new();
    for seen in latest(events, state, "relay.test") {
        for account in list(&seen.outputs, "accounts") {
            let view = AccountView {
                name: account_name(account),
                when: calendar.when(seen.at),
                title: line(&seen.step.plan.title),
                stages: StageView::questions(account),
            };
            // A test that is repeated after each mending mostly learns the same again: said once, it is enough.
            let same = |one: &AccountView| (&one.name, &one.stages) == (&view.name, &view.stages);
            if !views.iter().any(same) {
                views.push(view);
            }
        }
    }
    views
}

/// The smarthost check as it was done last.
pub(super) fn smarthost(
    events: &[Event],
    state: &RunState,
    calendar: &Calendar,
    host: Option<&str>,
) -> Vec<SmarthostView> {
    latest(events, state, "smarthost.check")
        .iter()
        .map(|seen| SmarthostView {
            host: some_text(&seen.outputs, &["host"])
                .or_else(|| host.map(str::to_owned))
                .unwrap_or_else(|| "the smarthost".to_owned()),
            verdict: words::verdict(&text(&seen.outputs, "verdict")),
            blocked_at: some_text(&seen.outputs, &["blocked_at"]),
            when: calendar.when(seen.at),
            title: line(&seen.step.plan.title),
            stages: StageView::all(&seen.outputs),
        })
        .collect()
}

/// The server check as it was done last, an entry for each address and port.
pub(super) fn checked(events: &[Event], state: &RunState, calendar: &Calendar) -> Vec<ServerView> {
    latest(events, state, "server.check")
        .iter()
        .flat_map(|seen| {
            let title = line(&seen.step.plan.title);
            let when = calendar.when(seen.at);
            list(&seen.outputs, "endpoints")
                .iter()
                .map(|endpoint| ServerView {
                    name: server_name(endpoint),
                    tls: some_text(endpoint, &["tls"]),
                    certificate: plain(get(endpoint, "certificate")),
                    when: when.clone(),
                    title: title.clone(),
                    stages: StageView::all(endpoint),
                })
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Conversations that outputs hold under `transcript`, at the top or in an endpoint.
pub(super) fn transcripts(
    events: &[Event],
    state: &RunState,
    calendar: &Calendar,
) -> Vec<TranscriptView> {
    let mut found = Vec::new();
    for action in [
        "relay.test",
        "smarthost.check",
        "server.check",
        "delivery.probe",
    ] {
        for seen in latest(events, state, action) {
            let title = line(&seen.step.plan.title);
            let whole = std::iter::once(&seen.outputs);
            for part in whole.chain(list(&seen.outputs, "endpoints")) {
                let lines = conversation(get(part, "transcript"));
                if lines.is_empty() {
                    continue;
                }
                let name = endpoint_name(part);
                found.push(TranscriptView {
                    title: if name.is_empty() {
                        title.clone()
                    } else {
                        format!("{title}: {name}")
                    },
                    when: calendar.when(seen.at),
                    lines,
                });
            }
        }
    }
    found
}

fn conversation(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => lines(text),
        Value::Array(items) => items
            .iter()
            .flat_map(|item| match item {
                Value::String(text) => lines(text),
                other => vec![plain(other)],
            })
            .filter(|line| !line.is_empty())
            .collect(),
        _ => Vec::new(),
    }
}

fn endpoint_view(endpoint: &Value, title: &str, when: &When) -> EndpointView {
    let probes = |key| -> Vec<ProbeView> { list(endpoint, key).iter().map(probe).collect() };
    let tls = text(endpoint, "tls");
    let variants = list(endpoint, "variants");
    EndpointView {
        name: endpoint_name(endpoint),
        tls: (!matches!(tls.as_str(), "" | "no" | "none")).then_some(match tls.as_str() {
            "yes" => "TLS".to_owned(),
            _ => tls,
        }),
        verdict: words::verdict(&text(endpoint, "verdict")),
        reason: some_text(endpoint, &["reason"]),
        when: when.clone(),
        title: title.to_owned(),
        tally: tally(variants),
        controls: probes("controls"),
        variants: probes("variants"),
        telling: variants
            .iter()
            .filter(|variant| !is_refused(variant))
            .map(probe)
            .collect(),
        refused: refused(variants),
    }
}

/// `192.0.2.10 port 25`, the place of a relay test.
pub(crate) fn endpoint_name(endpoint: &Value) -> String {
    let host = first_text(endpoint, &["address", "host", "name"]);
    match (host.is_empty(), some_text(endpoint, &["port"])) {
        (false, Some(port)) => format!("{host} port {port}"),
        _ => host,
    }
}

/// `mail.example.com, 192.0.2.10 port 25`, the place of a server check.
pub(crate) fn server_name(endpoint: &Value) -> String {
    format!("{}, {}", text(endpoint, "host"), endpoint_name(endpoint))
}

/// `mail.example.com, logged in as relaytest at 192.0.2.10:25 after STARTTLS`.
pub(crate) fn account_name(account: &Value) -> String {
    let mut name = text(account, "server");
    for (before, key) in [(", logged in as ", "account"), (" at ", "endpoint")] {
        if let Some(more) = some_text(account, &[key]) {
            name.push_str(before);
            name.push_str(&more);
        }
    }
    name
}

fn is_refused(variant: &Value) -> bool {
    text(variant, "level") == "1"
}

fn refused(variants: &[Value]) -> String {
    let mut ids: Vec<String> = variants
        .iter()
        .filter(|variant| is_refused(variant))
        .map(|variant| first_text(variant, &["id", "variant"]))
        .collect();
    ids.dedup();
    ids.join(", ")
}

/// Every outcome is named, also where its count is zero.
fn tally(variants: &[Value]) -> String {
    let (mut refused, mut accepted, mut silent) = (0, 0, 0);
    for variant in variants {
        match text(variant, "level").as_str() {
            "1" => refused += 1,
            "2" | "3" | "4" | "5" | "6a" | "6b" | "6c" | "6d" => accepted += 1,
            _ => silent += 1,
        }
    }
    format!(
        "{} tried: {refused} refused, {accepted} accepted at least in part, {silent} without a clear answer",
        words::many(variants.len(), "way", "ways")
    )
}

fn probe(probe: &Value) -> ProbeView {
    let replies = get(probe, "replies");
    let result = match text(probe, "level").as_str() {
        "0" => "no usable answer",
        "1" => "refused",
        "1g" => "put off (greylisting)",
        "2" => "accepted, proves nothing",
        "3" => "accepted, suspected",
        "4" => "accepted, the message refused later",
        "5" => "message accepted, fate unknown",
        "6a" => "message arrived: open",
        "6b" => "message came back: not relayed",
        "6c" => "message vanished",
        "6d" => "message arrived through another server: open",
        _ => "",
    };
    ProbeView {
        id: first_text(probe, &["id", "variant"]),
        mail: text(probe, "mail"),
        rcpt: text(probe, "rcpt"),
        replies: match replies {
            Value::Array(items) => items.iter().map(reply).filter(|r| !r.is_empty()).collect(),
            Value::Null => texts(probe, "reply"),
            one => vec![reply(one)],
        },
        result: if result.is_empty() {
            super::read::words(&first_text(
                probe,
                &["result", "answer", "outcome", "verdict", "level"],
            ))
        } else {
            result.to_owned()
        },
    }
}

/// A reply as `550 5.7.1 text`, whichever way it is kept.
fn reply(value: &Value) -> String {
    match value {
        Value::Object(_) => {
            let code = text(value, "code");
            let words = text(value, "text");
            if code.is_empty() && words.is_empty() {
                plain(value)
            } else {
                format!("{code} {words}").trim().to_owned()
            }
        }
        other => plain(other),
    }
}

/// A stage that is done for one of several (a sender) names it, and its host says nothing new; any other has a name.
fn about(stage: &Value) -> String {
    let subject = text(stage, "subject");
    match subject.split_once(" via ") {
        Some((one, _)) => one.to_owned(),
        None => text(stage, "name"),
    }
}

impl StageView {
    /// The stages of a smarthost check, or of a server check at one place.
    pub(crate) fn all(of: &Value) -> Vec<StageView> {
        list(of, "stages").iter().map(stage).collect()
    }

    /// The questions that were asked after a login. Each has its whole dialogue, of which the last reply is the answer.
    pub(crate) fn questions(account: &Value) -> Vec<StageView> {
        let question = |check: &Value| StageView {
            reply: list(check, "replies").last().map(reply).unwrap_or_default(),
            ..stage(check)
        };
        list(account, "checks").iter().map(question).collect()
    }
}

fn stage(stage: &Value) -> StageView {
    let ms = get(stage, "ms").as_u64();
    let detail = text(stage, "detail");
    // The name stands in front of it where a stage is told in one line.
    let named = format!("{}: ", text(stage, "name"));
    StageView {
        id: first_text(stage, &["id", "stage", "name"]),
        about: about(stage),
        outcome: words::verdict(&first_text(stage, &["outcome", "verdict"])),
        took: ms.map(|ms| format!("{ms} ms")).unwrap_or_default(),
        detail: detail.strip_prefix(&named).unwrap_or(&detail).to_owned(),
        reply: reply(get(stage, "reply")),
        class: super::read::words(&text(stage, "class")),
    }
}
