//! What the server's own logs say, and the way of a marked message.

use serde::Serialize;
use serde_json::Value;

use super::moment::{Calendar, When};
use super::observe::latest;
use super::picture::{PictureView, pictures};
use super::read::{first_text, get, line, list, plain, some_text, text, words as spaced};
use super::words::refusal;
use crate::record::{Event, RunState};

/// One analysis of logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogView {
    /// Title of the step.
    pub title: String,
    /// When it was read.
    pub when: When,
    /// The logs: `mail.log: postfix; 812 records from ... to ...; all lines understood`.
    pub sources: Vec<String>,
    /// How many refusals of each kind, most frequent first.
    pub classes: Vec<ClassView>,
    /// Failures over time, hosts and accounts as pictures.
    pub pictures: Vec<PictureView>,
    /// The causes, the most certain first.
    pub causes: Vec<CauseView>,
    /// Causes of which nothing was seen, which is no proof.
    pub not_shown: Vec<NotShownView>,
    /// What receivers report: complaints, DMARC, TLS; one sentence each.
    pub reported: Vec<String>,
}

/// Refusals of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClassView {
    /// The kind.
    pub name: String,
    /// How many.
    pub count: u64,
}

/// A cause that the logs point to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CauseView {
    /// The cause in words.
    pub cause: String,
    /// `certain`, `probable`, `possible`, `unlikely`.
    pub confidence: String,
    /// The accounts or machines that it names.
    pub who: Vec<String>,
    /// What speaks for it, with counts where known.
    pub signals: Vec<String>,
    /// What speaks against it.
    pub against: Vec<String>,
}

/// A cause of which nothing was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotShownView {
    /// The cause in words.
    pub cause: String,
    /// Why nothing can be said.
    pub why: String,
    /// What would settle it.
    pub settles: Vec<String>,
}

/// A marked message and its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeliveryView {
    /// Title of the step.
    pub title: String,
    /// When it ended.
    pub when: When,
    /// What became of it, in one sentence.
    pub text: String,
    /// The hops, in order.
    pub hops: Vec<String>,
    /// What the receiver says about SPF, DKIM and DMARC.
    pub authentication: Option<String>,
    /// The address it left from.
    pub egress: Option<String>,
}

/// The analyses of logs.
pub(super) fn logs(events: &[Event], state: &RunState, calendar: &Calendar) -> Vec<LogView> {
    latest(events, state, "events.analyze")
        .iter()
        .enumerate()
        .map(|(number, seen)| LogView {
            title: line(&seen.step.plan.title),
            when: calendar.when(seen.at),
            sources: list(&seen.outputs, "sources")
                .iter()
                .map(|log| source(log, calendar))
                .chain(twice(&seen.outputs))
                .chain(
                    list(&seen.outputs, "summed_up")
                        .iter()
                        .map(|sentence| format!("For want of room: {}", plain(sentence))),
                )
                .chain(left_out(get(&seen.outputs, "usage")))
                .collect(),
            classes: classes(get(&seen.outputs, "classes")),
            pictures: pictures(&seen.outputs, number),
            causes: list(&seen.outputs, "causes").iter().map(cause).collect(),
            not_shown: list(&seen.outputs, "not_shown")
                .iter()
                .map(not_shown)
                .collect(),
            reported: reported(get(&seen.outputs, "reported")),
        })
        .collect()
}

/// How much stood in more than one log.
fn twice(outputs: &Value) -> Option<String> {
    let twice = get(outputs, "duplicates")
        .as_u64()
        .filter(|twice| *twice > 0)?;
    Some(format!(
        "{twice} events stand in more than one log, and are counted once"
    ))
}

/// Who sends and is not in the register for want of room.
fn left_out(usage: &Value) -> Option<String> {
    let left = get(usage, "left_out").as_u64().filter(|left| *left > 0)?;
    Some(format!(
        "For want of room: {left} of the rarest accounts, devices and addresses that send are not listed"
    ))
}

/// `300 messages in the site's name from elsewhere, 300 of them without SPF or DKIM`.
fn reported(reported: &Value) -> Vec<String> {
    let tally = |key: &str| {
        let tally = get(reported, key);
        let count = |key| get(tally, key).as_u64().unwrap_or(0);
        Some((count("all"), count("failed"))).filter(|(all, _)| *all > 0)
    };
    let mut said = Vec::new();
    match get(reported, "complaints").as_u64().unwrap_or(0) {
        0 => {}
        1 => said.push("One recipient complained about a message of the site.".to_owned()),
        n => said.push(format!(
            "{n} complaints of recipients about messages of the site."
        )),
    }
    if let Some((all, failed)) = tally("own") {
        said.push(format!(
            "DMARC: {all} messages from the site's own addresses, {failed} of them with neither SPF nor DKIM in order."
        ));
    }
    if let Some((all, failed)) = tally("elsewhere") {
        said.push(format!(
            "DMARC: {all} messages in the site's name from other addresses, {failed} of them with neither SPF nor DKIM in order."
        ));
    }
    if let Some((all, failed)) = tally("tls") {
        let whys = get(reported, "tls_failures").as_object();
        let whys: Vec<String> = whys
            .into_iter()
            .flatten()
            .map(|(why, count)| format!("{} {count}", line(why)))
            .collect();
        let why = match whys.is_empty() {
            true => String::new(),
            false => format!(" ({})", whys.join(", ")),
        };
        said.push(format!(
            "TLS: {all} connections of other servers, {failed} of them failed{why}."
        ));
    }
    let by: Vec<String> = list(reported, "reporters").iter().map(plain).collect();
    if !said.is_empty() && !by.is_empty() {
        let shown = by.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
        let more = match by.len().saturating_sub(5) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        said.push(format!("Reported by {shown}{more}."));
    }
    said
}

/// The marked messages.
pub(super) fn deliveries(
    events: &[Event],
    state: &RunState,
    calendar: &Calendar,
) -> Vec<DeliveryView> {
    latest(events, state, "delivery.probe")
        .iter()
        .map(|seen| {
            let outputs = &seen.outputs;
            DeliveryView {
                title: line(&seen.step.plan.title),
                when: calendar.when(seen.at),
                text: fate(outputs),
                hops: list(outputs, "hops").iter().map(plain).collect(),
                authentication: some_text(outputs, &["authentication"]),
                egress: some_text(outputs, &["egress"]),
            }
        })
        .collect()
}

fn fate(outputs: &Value) -> String {
    let said = |key| get(outputs, key).as_bool();
    match (said("accepted"), said("arrived")) {
        (Some(false), _) => "The test message was refused.".to_owned(),
        (_, Some(true)) => {
            let folder = text(outputs, "folder");
            let place = if folder.is_empty() {
                String::new()
            } else {
                format!(" in the folder {folder}")
            };
            match get(outputs, "seconds").as_f64() {
                Some(seconds) => format!(
                    "The test message arrived{place} after {}.",
                    super::moment::span(seconds.round() as i64)
                ),
                None => format!("The test message arrived{place}."),
            }
        }
        (_, Some(false)) => {
            "The test message was accepted and had not arrived by the end of the check.".to_owned()
        }
        _ => "What became of the test message is not known.".to_owned(),
    }
}

/// One sentence about a file, and what had to be assumed.
fn source(source: &Value, calendar: &Calendar) -> String {
    let name = first_text(source, &["file", "name", "path"]);
    let mut parts: Vec<String> = Vec::new();
    let format = text(source, "format");
    if !format.is_empty() {
        parts.push(spaced(&format));
    }
    let count = |key| get(source, key).as_u64();
    let at = |key| {
        let at = get(get(source, "span"), key).as_str()?.parse().ok()?;
        Some(calendar.when(at).short)
    };
    if let Some(records) = count("records") {
        let span = match (at("first"), at("last")) {
            (Some(first), Some(last)) => format!(" from {first} to {last}"),
            _ => get(source, "span")
                .as_str()
                .map_or_else(String::new, |span| format!(", {}", line(span))),
        };
        parts.push(format!("{records} records{span}"));
    }
    match count("unparsed") {
        Some(0) => parts.push("all lines understood".to_owned()),
        Some(unparsed) => parts.push(format!("{unparsed} lines not understood")),
        None => {}
    }
    match list(source, "gaps").len() {
        0 => {}
        1 => parts.push("1 gap in the record numbers".to_owned()),
        gaps => parts.push(format!("{gaps} gaps in the record numbers")),
    }
    match text(source, "zone").as_str() {
        "stated" => parts.push("the log states its time zone".to_owned()),
        "given" => parts.push("time zone as given".to_owned()),
        _ => {}
    }
    parts.extend(list(source, "notes").iter().map(plain));
    parts.extend(some_text(source, &["error"]));
    match (name.is_empty(), parts.is_empty()) {
        (true, _) => parts.join("; "),
        (false, true) => name,
        (false, false) => format!("{name}: {}", parts.join("; ")),
    }
}

fn classes(value: &Value) -> Vec<ClassView> {
    let mut classes: Vec<ClassView> = match value {
        Value::Object(counts) => counts
            .iter()
            .filter_map(|(name, count)| {
                Some(ClassView {
                    name: refusal(name),
                    count: count.as_u64()?,
                })
            })
            .collect(),
        Value::Array(items) => items
            .iter()
            .filter_map(|item| {
                Some(ClassView {
                    name: refusal(&first_text(item, &["class", "name"])),
                    count: get(item, "count").as_u64()?,
                })
            })
            .collect(),
        _ => Vec::new(),
    };
    classes.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.name.cmp(&b.name)));
    classes
}

fn cause(cause: &Value) -> CauseView {
    let confidence = text(cause, "confidence");
    CauseView {
        cause: super::words::capital(&spaced(&first_text(cause, &["title", "cause", "name"]))),
        confidence: if confidence.is_empty() {
            "not rated".to_owned()
        } else {
            spaced(&confidence)
        },
        who: list(cause, "who").iter().map(plain).collect(),
        signals: list(cause, "signals").iter().map(signal).collect(),
        against: list(cause, "against").iter().map(signal).collect(),
    }
}

fn not_shown(cause: &Value) -> NotShownView {
    NotShownView {
        cause: super::words::capital(&text(cause, "title")),
        why: text(cause, "why"),
        settles: list(cause, "settles").iter().map(plain).collect(),
    }
}

/// `452 too many recipients (17 times)`.
fn signal(signal: &Value) -> String {
    let name = first_text(signal, &["text", "summary", "signal", "name", "id"]);
    if name.is_empty() {
        return plain(signal);
    }
    match get(signal, "count").as_u64() {
        Some(1) => format!("{name} (once)"),
        Some(count) => format!("{name} ({count} times)"),
        None => name,
    }
}
