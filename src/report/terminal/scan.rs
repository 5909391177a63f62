//! A scan of blocklists as tables: how each target stands, where it is listed, and which lists could not tell.

use std::io::{self, Write};

use serde_json::Value;

use super::cells::{ROWS, cell, write};
use super::paint::{Ink, Style};
use super::table::Table;
use super::tables::paragraph;
use crate::report::view::read::{list, plain};

/// Writes the outputs of `blacklist.scan`.
///
/// # Errors
/// When `out` cannot be written.
pub(super) fn scan(out: &mut dyn Write, style: Style, outputs: &Value) -> io::Result<()> {
    let targets = list(outputs, "targets");
    let mut table = Table::new(&[
        "TARGET",
        "STATE",
        "LISTED",
        "OPERATORS",
        "CLEAN",
        "WEAK",
        "COULD NOT TELL",
        "BROKEN",
    ]);
    for target in targets.iter().take(ROWS) {
        let (state, ink) = match target["verdict"].as_str().unwrap_or_default() {
            "clean" => ("clean", Some(Ink::Good)),
            "listed" => ("listed", Some(Ink::Bad)),
            "unknown" => ("could not tell", Some(Ink::Open)),
            "not_applicable" => ("not applicable", Some(Ink::Soft)),
            // runs of early versions
            _ if !list(target, "listed").is_empty() => ("listed", Some(Ink::Bad)),
            _ => ("not recorded", Some(Ink::Soft)),
        };
        table.row(vec![
            cell(&target["target"]),
            (state.to_owned(), ink),
            number(&target["listed"]),
            number(&target["operators"]),
            number(&target["clean"]),
            number(&target["clean_weak"]),
            number(&target["unknown"]),
            number(&target["broken"]),
        ]);
    }
    write(out, style, &table, targets.len(), "targets")?;
    listed(out, style, list(outputs, "listed"))?;
    silent(out, style, targets, list(outputs, "skipped"))?;
    lists(out, style, outputs)
}

/// A number, or the length of a list.
fn number(value: &Value) -> (String, Option<Ink>) {
    match value {
        Value::Array(all) => (all.len().to_string(), None),
        other => cell(other),
    }
}

fn listed(out: &mut dyn Write, style: Style, listed: &[Value]) -> io::Result<()> {
    let mut table = Table::new(&["LISTED", "LIST", "WEIGHT", "CODES", "MEANS"]);
    for one in listed.iter().take(ROWS) {
        let words = |key: &str| {
            let all: Vec<String> = list(one, key).iter().map(plain).collect();
            all.join(", ")
        };
        table.row(vec![
            cell(&one["target"]),
            cell(&one["list"]),
            cell(&one["severity"]),
            (words("codes"), None),
            (words("meanings"), None),
        ]);
    }
    write(out, style, &table, listed.len(), "listings")
}

/// Lists that were asked and did not answer, or were left out, each once with the reason.
fn silent(
    out: &mut dyn Write,
    style: Style,
    targets: &[Value],
    skipped: &[Value],
) -> io::Result<()> {
    let mut told: Vec<(String, &str, String)> = Vec::new();
    let of_targets = targets.iter().flat_map(|target| {
        let of = |key: &str, word| list(target, key).iter().map(move |one| (one, word));
        of("unknown", "could not tell").chain(of("broken", "broken"))
    });
    let left_out = skipped.iter().map(|one| (one, "not asked"));
    for (one, word) in of_targets.chain(left_out) {
        let list = plain(&one["list"]);
        if !told.iter().any(|(known, ..)| *known == list) {
            told.push((list, word, plain(&one["reason"])));
        }
    }
    let all = told.len();
    let mut table = Table::new(&["LIST", "STATE", "WHY"]);
    for (list, word, why) in told.into_iter().take(ROWS) {
        let ink = if word == "not asked" {
            Ink::Soft
        } else {
            Ink::Open
        };
        table.row(vec![
            (list, None),
            (word.to_owned(), Some(ink)),
            (why, None),
        ]);
    }
    write(out, style, &table, all, "lists")
}

/// How many lists could be believed, and through which resolver.
fn lists(out: &mut dyn Write, style: Style, outputs: &Value) -> io::Result<()> {
    let count = |key: &str| outputs["lists"][key].as_u64().unwrap_or_default();
    let resolver = &outputs["resolver"];
    let servers: Vec<String> = list(resolver, "servers").iter().map(plain).collect();
    writeln!(out)?;
    let text = format!(
        "{} asked: {} healthy, {} without a test entry, {} could not tell, {} broken; {} left out",
        count("asked"),
        count("healthy"),
        count("weak"),
        count("unknown"),
        count("broken"),
        count("skipped"),
    );
    paragraph(out, style, 2, None, &format!("lists {text}"))?;
    if resolver.is_object() {
        let fit = resolver["verdict"] == "fit";
        let detail = plain(&resolver["detail"]);
        let text = format!(
            "resolver {}: {}{}{detail}",
            servers.join(", "),
            plain(&resolver["verdict"]),
            if detail.is_empty() { "" } else { ", " },
        );
        paragraph(out, style, 2, (!fit).then_some(Ink::Open), &text)?;
    }
    for one in list(resolver, "compared") {
        let text = format!(
            "{}: {} {}",
            plain(&one["server"]),
            plain(&one["verdict"]),
            plain(&one["detail"])
        );
        paragraph(out, style, 4, None, text.trim_end())?;
    }
    for warning in list(outputs, "warnings") {
        paragraph(
            out,
            style,
            2,
            Some(Ink::Open),
            &format!("too bad to be true? {}", plain(warning)),
        )?;
    }
    Ok(())
}
