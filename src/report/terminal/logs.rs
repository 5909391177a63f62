//! An analysis of logs as tables: what was read, who refused, who sends, and the causes with what speaks for them.

use std::io::{self, Write};

use serde_json::Value;

use super::cells::{ROWS, cell, write};
use super::paint::{Ink, Style};
use super::table::Table;
use super::tables::paragraph;
use crate::report::view::read::{list, plain};
use crate::report::view::{Calendar, line};

/// Writes the outputs of `events.analyze`.
///
/// # Errors
/// When `out` cannot be written.
pub(super) fn analysis(
    out: &mut dyn Write,
    style: Style,
    outputs: &Value,
    calendar: &Calendar,
) -> io::Result<()> {
    if let Some(reason) = outputs["reason"].as_str() {
        let text = format!("not all can be told: {}", line(reason));
        paragraph(out, style, 2, Some(Ink::Open), &text)?;
    }
    sources(out, style, list(outputs, "sources"), calendar)?;
    if let Some(twice) = outputs["duplicates"].as_u64().filter(|twice| *twice > 0) {
        let text = format!("{twice} events stand in more than one log, and are counted once");
        paragraph(out, style, 4, Some(Ink::Soft), &text)?;
    }
    for sentence in list(outputs, "summed_up") {
        let text = format!("for want of room: {}", plain(sentence));
        paragraph(out, style, 4, Some(Ink::Soft), &text)?;
    }
    let classes = counts(&outputs["classes"]);
    if !classes.is_empty() {
        writeln!(out)?;
        let text = format!("failures of outgoing mail: {classes}");
        paragraph(out, style, 2, None, &text)?;
    }
    let refused = counts(&outputs["refused_clients"]);
    if !refused.is_empty() {
        let text = format!("refused by this server itself: {refused}");
        paragraph(out, style, 2, None, &text)?;
    }
    remotes(out, style, list(outputs, "remotes"))?;
    users(out, style, list(&outputs["usage"], "users"), calendar)?;
    signals(out, style, list(outputs, "signals"))?;
    causes(out, style, list(outputs, "causes"))?;
    not_shown(out, style, list(outputs, "not_shown"))
}

/// What nothing was seen of. It may be there all the same: the JSON form says why nothing can be said, and what would settle it.
fn not_shown(out: &mut dyn Write, style: Style, causes: &[Value]) -> io::Result<()> {
    if causes.is_empty() {
        return Ok(());
    }
    let titles: Vec<String> = causes.iter().map(|cause| plain(&cause["title"])).collect();
    writeln!(out)?;
    let text = format!(
        "not shown, which is no proof that it is not so: {} (--json says what would settle each)",
        titles.join("; ")
    );
    paragraph(out, style, 2, Some(Ink::Soft), &text)
}

fn sources(
    out: &mut dyn Write,
    style: Style,
    sources: &[Value],
    calendar: &Calendar,
) -> io::Result<()> {
    let mut table = Table::new(&["FILE", "FORMAT", "RECORDS", "NOT READ", "FROM", "TO"]);
    for source in sources.iter().take(ROWS) {
        table.row(vec![
            (short(&source["file"]), None),
            match source["error"].as_str() {
                Some(_) if source["lines"] == 0 && source["records"] == 0 => {
                    ("unknown".to_owned(), Some(Ink::Open))
                }
                Some(_) => ("not read to its end".to_owned(), Some(Ink::Bad)),
                None => cell(&source["format"]),
            },
            cell(&source["records"]),
            cell(&source["unparsed"]),
            at(&source["span"]["first"], calendar),
            at(&source["span"]["last"], calendar),
        ]);
    }
    write(out, style, &table, sources.len(), "files")?;
    if sources.iter().any(|source| source["span"].is_object()) {
        let text = format!("times in these tables: {}", calendar.zone().name);
        paragraph(out, style, 4, Some(Ink::Soft), &text)?;
    }
    for source in sources.iter().take(ROWS) {
        let gaps = list(source, "gaps").len();
        if gaps > 0 {
            let text = format!(
                "{}: the record numbers have gaps ({gaps}): events were filtered out or overwritten",
                short(&source["file"])
            );
            paragraph(out, style, 4, Some(Ink::Soft), &text)?;
        }
        for note in list(source, "notes") {
            let text = format!("{}: {}", short(&source["file"]), plain(note));
            paragraph(out, style, 4, Some(Ink::Soft), &text)?;
        }
    }
    Ok(())
}

/// The name of a file without its folders: the end tells files apart.
fn short(file: &Value) -> String {
    let name = plain(file);
    name.rsplit('/').next().unwrap_or(&name).to_owned()
}

fn remotes(out: &mut dyn Write, style: Style, remotes: &[Value]) -> io::Result<()> {
    let mut table = Table::new(&["REFUSED BY", "HOST", "FAILURES", "FOR"]);
    for remote in remotes.iter().take(ROWS) {
        table.row(vec![
            cell(&remote["organisation"]),
            cell(&remote["host"]),
            cell(&remote["failures"]),
            (counts(&remote["classes"]), None),
        ]);
    }
    write(out, style, &table, remotes.len(), "hosts")
}

fn users(
    out: &mut dyn Write,
    style: Style,
    users: &[Value],
    calendar: &Calendar,
) -> io::Result<()> {
    let mut busiest: Vec<&Value> = users.iter().collect();
    let sent = |user: &Value| user["messages"].as_u64().max(user["log_ins"].as_u64());
    busiest.sort_by_key(|user| std::cmp::Reverse(sent(user)));
    let heads = &[
        "SENDS", "WHO", "MESSAGES", "FAILED", "AN HOUR", "CLIENTS", "LAST",
    ];
    let mut table = Table::new(heads);
    for user in busiest.iter().take(ROWS) {
        table.row(vec![
            cell(&user["kind"]),
            cell(&user["name"]),
            cell(&user["messages"]),
            cell(&user["failed"]),
            match user["most_an_hour"].as_u64() {
                Some(0) | None => (String::new(), None),
                Some(_) => cell(&user["most_an_hour"]),
            },
            cell(&user["client_count"]),
            at(&user["last"], calendar),
        ]);
    }
    write(out, style, &table, users.len(), "accounts and machines")
}

/// Only those that say something; all of them are in the JSON form.
fn signals(out: &mut dyn Write, style: Style, signals: &[Value]) -> io::Result<()> {
    let state = |signal: &Value| signal["state"].as_str().unwrap_or_default().to_owned();
    let telling: Vec<&Value> = signals
        .iter()
        .filter(|signal| matches!(state(signal).as_str(), "shown" | "seen"))
        .collect();
    let mut table = Table::new(&["SIGNAL", "STATE", "WHAT", "COUNTED"]);
    for signal in telling.iter().take(ROWS) {
        let ink = (state(signal) == "shown").then_some(Ink::Bad);
        table.row(vec![
            cell(&signal["id"]),
            (state(signal), ink),
            cell(&signal["title"]),
            cell(&signal["measured"]),
        ]);
    }
    write(out, style, &table, telling.len(), "signals")
}

fn causes(out: &mut dyn Write, style: Style, causes: &[Value]) -> io::Result<()> {
    let mut table = Table::new(&["CAUSE", "WHO", "WHAT", "FOR", "AGAINST"]);
    for cause in causes.iter().take(ROWS) {
        let confidence = cause["confidence"].as_str().unwrap_or_default();
        let ink = match confidence {
            "certain" | "probable" => Some(Ink::Bad),
            "possible" => Some(Ink::Open),
            _ => Some(Ink::Soft),
        };
        table.row(vec![
            (line(confidence), ink),
            (who(cause), None),
            cell(&cause["title"]),
            (ids(cause, "signals"), None),
            (ids(cause, "against"), None),
        ]);
    }
    write(out, style, &table, causes.len(), "causes")
}

/// Whom the cause names: three at most.
fn who(cause: &Value) -> String {
    let who = list(cause, "who");
    let named: Vec<String> = who.iter().take(3).map(plain).collect();
    match who.len().saturating_sub(3) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

/// Writes a table after an empty line, and how many of `all` rows it leaves out.
fn at(value: &Value, calendar: &Calendar) -> (String, Option<Ink>) {
    let at = value.as_str().and_then(|at| at.parse().ok());
    (
        at.map(|at| calendar.when(at).short).unwrap_or_default(),
        None,
    )
}

/// `rate 17, dns 2`, most frequent first.
fn counts(value: &Value) -> String {
    let mut counts: Vec<(&str, u64)> = value
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(name, count)| Some((name.as_str(), count.as_u64()?)))
        .collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let counts: Vec<String> = counts
        .iter()
        .map(|(name, count)| format!("{} {count}", line(name).replace('_', " ")))
        .collect();
    counts.join(", ")
}

/// The ids of lines such as `T14 several receivers ...`.
fn ids(cause: &Value, key: &str) -> String {
    let ids: Vec<&str> = list(cause, key)
        .iter()
        .filter_map(|text| text.as_str()?.split(' ').next())
        .collect();
    ids.join(" ")
}
