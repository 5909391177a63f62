//! What SMTP servers were asked, as tables: relay tests by endpoint and login, checks of smarthosts and servers stage by stage.

use std::io::{self, Write};

use serde_json::Value;

use super::cells::{whole, word};
use super::paint::{Ink, Style};
use super::table::Table;
use super::tables::paragraph;
use crate::report::view::read::{first_text, list, plain, some_text, text};
use crate::report::view::{StageView, account_name, endpoint_name, server_name, words};

/// Writes the outputs of `relay.test`.
///
/// # Errors
/// When `out` cannot be written.
pub(super) fn relay(out: &mut dyn Write, style: Style, outputs: &Value) -> io::Result<()> {
    verdict(out, style, outputs)?;
    let mut table = Table::new(&["ENDPOINT", "VERDICT", "FORMS", "LEFT OUT", "WHY"]);
    for endpoint in list(outputs, "endpoints") {
        table.row(vec![
            (endpoint_name(endpoint), None),
            word(&words::verdict(&text(endpoint, "verdict"))),
            (list(endpoint, "variants").len().to_string(), None),
            (list(endpoint, "left_out").len().to_string(), None),
            (first_text(endpoint, &["stopped", "reason"]), None),
        ]);
    }
    whole(out, style, &table)?;
    for account in list(outputs, "accounts") {
        heading(out, style, &account_name(account))?;
        stages(out, style, &StageView::questions(account))?;
    }
    notes(out, style, outputs)
}

/// Writes the outputs of `smarthost.check`.
///
/// # Errors
/// When `out` cannot be written.
pub(super) fn smarthost(out: &mut dyn Write, style: Style, outputs: &Value) -> io::Result<()> {
    verdict(out, style, outputs)?;
    stages(out, style, &StageView::all(outputs))?;
    if outputs["ipv6"].is_object() {
        let endpoint = text(&outputs["ipv6"], "endpoint");
        heading(out, style, &format!("over IPv6, {endpoint}"))?;
        stages(out, style, &StageView::all(&outputs["ipv6"]))?;
    }
    Ok(())
}

/// Writes the outputs of `server.check`.
///
/// # Errors
/// When `out` cannot be written.
pub(super) fn server(out: &mut dyn Write, style: Style, outputs: &Value) -> io::Result<()> {
    for endpoint in list(outputs, "endpoints") {
        heading(out, style, &server_name(endpoint))?;
        stages(out, style, &StageView::all(endpoint))?;
    }
    notes(out, style, outputs)
}

fn verdict(out: &mut dyn Write, style: Style, outputs: &Value) -> io::Result<()> {
    let verdict = words::verdict(&text(outputs, "verdict")).text;
    let at = some_text(outputs, &["blocked_at"]);
    let at = at.map_or_else(String::new, |at| format!(", stopped at {at}"));
    heading(out, style, &format!("verdict: {verdict}{at}"))
}

fn heading(out: &mut dyn Write, style: Style, text: &str) -> io::Result<()> {
    writeln!(out)?;
    paragraph(out, style, 2, None, text)
}

fn notes(out: &mut dyn Write, style: Style, outputs: &Value) -> io::Result<()> {
    for note in list(outputs, "notes") {
        paragraph(out, style, 2, Some(Ink::Soft), &plain(note))?;
    }
    Ok(())
}

fn stages(out: &mut dyn Write, style: Style, stages: &[StageView]) -> io::Result<()> {
    let mut table = Table::new(&["STAGE", "STATE", "TOOK", "WHAT"]);
    for stage in stages {
        table.row(vec![
            (
                format!("{} {}", stage.id, stage.about).trim().to_owned(),
                None,
            ),
            word(&stage.outcome),
            (stage.took.clone(), None),
            (stage.detail.clone(), None),
        ]);
    }
    whole(out, style, &table)
}
