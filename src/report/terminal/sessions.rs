//! What SMTP servers were asked, as tables: relay tests by endpoint and login, checks of smarthosts and servers stage by stage.

use std::io::{self, Write};

use serde_json::Value;

use super::logs::{cell, plain, rows, write};
use super::paint::{Ink, Style};
use super::table::Table;
use super::tables::paragraph;

/// Writes the outputs of `relay.test`.
///
/// # Errors
/// When `out` cannot be written.
pub(super) fn relay(out: &mut dyn Write, style: Style, outputs: &Value) -> io::Result<()> {
    verdict(out, style, outputs)?;
    let endpoints = rows(&outputs["endpoints"]);
    let mut table = Table::new(&["ENDPOINT", "VERDICT", "FORMS", "LEFT OUT", "WHY"]);
    for endpoint in endpoints {
        let port = plain(&endpoint["port"]);
        let address = plain(&endpoint["address"]);
        let at = match address.contains(':') {
            true => format!("[{address}]:{port}"),
            false => format!("{address}:{port}"),
        };
        let text = plain(&endpoint["verdict"]).replace('_', " ");
        let ink = match text.as_str() {
            "closed" => Ink::Good,
            "open" => Ink::Bad,
            _ => Ink::Open,
        };
        let reason = match endpoint["stopped"].as_str() {
            Some(_) => plain(&endpoint["stopped"]),
            None => plain(&endpoint["reason"]),
        };
        table.row(vec![
            (at, None),
            (text, Some(ink)),
            (rows(&endpoint["variants"]).len().to_string(), None),
            (rows(&endpoint["left_out"]).len().to_string(), None),
            (reason, None),
        ]);
    }
    whole(out, style, &table)?;
    let mut table = Table::new(&["LOGIN AT", "CHECK", "STATE", "WHAT"]);
    for account in rows(&outputs["accounts"]) {
        for check in rows(&account["checks"]) {
            table.row(vec![
                cell(&account["server"]),
                cell(&check["id"]),
                state(&check["outcome"]),
                cell(&check["detail"]),
            ]);
        }
    }
    whole(out, style, &table)?;
    for note in rows(&outputs["notes"]) {
        paragraph(out, style, 2, Some(Ink::Soft), &plain(note))?;
    }
    Ok(())
}

/// Writes the outputs of `smarthost.check`.
///
/// # Errors
/// When `out` cannot be written.
pub(super) fn smarthost(out: &mut dyn Write, style: Style, outputs: &Value) -> io::Result<()> {
    verdict(out, style, outputs)?;
    stages(out, style, outputs)?;
    if outputs["ipv6"].is_object() {
        let text = format!("over IPv6, {}", plain(&outputs["ipv6"]["endpoint"]));
        writeln!(out)?;
        paragraph(out, style, 2, None, &text)?;
        stages(out, style, &outputs["ipv6"])?;
    }
    Ok(())
}

/// Writes the outputs of `server.check`.
///
/// # Errors
/// When `out` cannot be written.
pub(super) fn server(out: &mut dyn Write, style: Style, outputs: &Value) -> io::Result<()> {
    for endpoint in rows(&outputs["endpoints"]) {
        let part = |key: &str| plain(&endpoint[key]).replace('_', " ");
        let text = format!(
            "{} ({}), port {}, {}",
            part("host"),
            part("address"),
            part("port"),
            part("role")
        );
        writeln!(out)?;
        paragraph(out, style, 2, None, &text)?;
        stages(out, style, endpoint)?;
    }
    for note in rows(&outputs["notes"]) {
        paragraph(out, style, 2, Some(Ink::Soft), &plain(note))?;
    }
    Ok(())
}

fn verdict(out: &mut dyn Write, style: Style, outputs: &Value) -> io::Result<()> {
    let verdict = plain(&outputs["verdict"]).replace('_', " ");
    let at = match outputs["blocked_at"].as_str() {
        Some(_) => format!(", stopped at {}", plain(&outputs["blocked_at"])),
        None => String::new(),
    };
    writeln!(out)?;
    paragraph(out, style, 2, None, &format!("verdict: {verdict}{at}"))
}

fn stages(out: &mut dyn Write, style: Style, of: &Value) -> io::Result<()> {
    let mut table = Table::new(&["STAGE", "STATE", "MS", "WHAT"]);
    for stage in rows(&of["stages"]) {
        let name = plain(&stage["name"]);
        let detail = plain(&stage["detail"]);
        let detail = detail.strip_prefix(&format!("{name}: ")).unwrap_or(&detail);
        // A stage of each sender names the sender.
        let what = match plain(&stage["subject"]).split_once(" via ") {
            Some((sender, _)) => format!("{sender}: {detail}"),
            None => detail.to_owned(),
        };
        let id = plain(&stage["id"]);
        table.row(vec![
            (format!("{id} {name}").trim().to_owned(), None),
            state(&stage["outcome"]),
            cell(&stage["ms"]),
            (what, None),
        ]);
    }
    whole(out, style, &table)
}

fn state(outcome: &Value) -> (String, Option<Ink>) {
    let (text, ink) = match outcome.as_str().unwrap_or_default() {
        "good" => ("in order", Ink::Good),
        "finding" | "failed" => ("problem", Ink::Bad),
        "warning" => ("warning", Ink::Open),
        "unknown" => ("could not tell", Ink::Open),
        "not_from_here" => ("not from here", Ink::Soft),
        "skipped" => ("left out", Ink::Soft),
        _ => ("not applicable", Ink::Soft),
    };
    (text.to_owned(), Some(ink))
}

/// A table whose rows are all shown: a stage that is left out is missed.
fn whole(out: &mut dyn Write, style: Style, table: &Table) -> io::Result<()> {
    write(out, style, table, 0, "rows")
}
