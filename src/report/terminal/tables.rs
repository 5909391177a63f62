//! `status`, `show`, `listings`: what is known about a run or a site, as tables for people.

use std::io::{self, Write};

use jiff::Timestamp;

use super::human::heading;
use super::paint::{Ink, Style, flow, ink, wrap};
use super::runs::next;
use super::table::Table;
use crate::record::{Event, RunState, RunStatus, StepState};
use crate::report::view::{self, Calendar, ListingLife, View, When, line, lines, words};

/// `status`: where one run stands, what is needed, and the commands that go on. `worker` is the process that works on it.
///
/// # Errors
/// When `out` cannot be written.
pub fn status(
    out: &mut dyn Write,
    style: Style,
    now: Timestamp,
    state: &RunState,
    events: &[Event],
    worker: Option<&str>,
) -> io::Result<()> {
    let view = head(out, style, state, events, worker)?;
    let due = state.next_wake().filter(|_| state.conclusion.is_none());
    let next = next(due, now);
    if !next.is_empty() {
        writeln!(out, "next: {next}")?;
    }
    for need in &view.needs {
        writeln!(out)?;
        let from = need.from.as_deref().map(|from| format!(" (from {from})"));
        let until = need
            .until
            .as_ref()
            .map(|until| format!(", until {}", until.text));
        let text = format!(
            "needed: {}{}{}",
            need.what,
            from.unwrap_or_default(),
            until.unwrap_or_default()
        );
        paragraph(out, style, 0, Some(Ink::Open), &text)?;
        for detail in flow(&need.detail, style.width.saturating_sub(2)) {
            writeln!(out, "  {detail}")?;
        }
        if let Some(command) = &need.command {
            writeln!(out, "  go on with: {}", style.paint(Ink::Strong, command))?;
        }
    }
    if !view.open_findings.is_empty() {
        writeln!(out)?;
        let mut table = Table::new(&["OPEN", "SEVERITY", "CODE", "FINDING", "SINCE"]);
        for finding in &view.open_findings {
            table.row(vec![
                (finding.number.clone(), None),
                (
                    format!("{} {}", finding.severity.mark, finding.severity.text),
                    Some(ink(&finding.severity.mark)),
                ),
                (finding.code.clone(), None),
                (finding.summary.clone(), None),
                (finding.first_seen.when.short.clone(), None),
            ]);
        }
        table.write(out, style, 0)?;
    }
    if !view.listings.is_empty() {
        writeln!(out)?;
        let mut table = Table::new(&["LISTED", "LIST", "STATE", "FOUND", "LAST ASKED"]);
        for listing in &view.listings {
            table.row(vec![
                (listing.target.clone(), None),
                (listing.list.clone(), None),
                (
                    format!("{} {}", listing.state.mark, listing.state.text),
                    Some(ink(&listing.state.mark)),
                ),
                (listing.first_seen.short.clone(), None),
                (listing.last_checked.short.clone(), None),
            ]);
        }
        table.write(out, style, 0)?;
    }
    Ok(())
}

/// Columns from which on four dates fit with their times.
const WIDE: usize = 124;

/// `listings SITE`: the life of each listing.
///
/// # Errors
/// When `out` cannot be written.
pub fn listings(out: &mut dyn Write, style: Style, lives: &[ListingLife]) -> io::Result<()> {
    let heads = [
        "LISTED",
        "LIST",
        "STATE",
        "FIRST SEEN",
        "LAST SEEN",
        "GONE",
        "LAST ASKED",
        "LOOKS",
    ];
    // A day says more than a time of which the end was cut off.
    let when = |when: &When| match when.short.rsplit_once(' ') {
        Some((day, _)) if style.width < WIDE => day.to_owned(),
        _ => when.short.clone(),
    };
    let mut table = Table::new(&heads);
    for life in lives {
        let looks: Vec<String> = life
            .spells
            .iter()
            .map(|spell| format!("{}{}", spell.state.mark, spell.looks))
            .collect();
        let gone = life.gone.as_ref().map(when);
        table.row(vec![
            (life.target.clone(), None),
            (life.list.clone(), None),
            (
                format!("{} {}", life.state.mark, life.state.text),
                Some(ink(&life.state.mark)),
            ),
            (when(&life.first_seen), None),
            (when(&life.last_seen), None),
            (gone.unwrap_or_default(), None),
            (when(&life.last_asked), None),
            (looks.join(" "), None),
        ]);
    }
    table.write(out, style, 0)?;
    writeln!(
        out,
        "\nlooks, oldest first: ✗ listed, ✓ gone, ? the list could not tell or was not asked, which ends no listing"
    )
}

/// `show RUN`: each step and where it stands. `worker` is the process that works on the run.
///
/// # Errors
/// When `out` cannot be written.
pub fn show_run(
    out: &mut dyn Write,
    style: Style,
    state: &RunState,
    events: &[Event],
    worker: Option<&str>,
) -> io::Result<()> {
    let view = head(out, style, state, events, worker)?;
    writeln!(out)?;
    let mut table = Table::new(&["STEP", "ACTION", "STATE", "ENDED", "TOOK", "REMARK"]);
    for step in &view.steps {
        table.row(vec![
            (step.key.clone(), None),
            (step.action.clone(), None),
            (
                format!("{} {}", step.state.mark, step.state.text),
                Some(ink(&step.state.mark)),
            ),
            (
                step.finished
                    .as_ref()
                    .map(|when| when.short.clone())
                    .unwrap_or_default(),
                None,
            ),
            (step.took.clone(), None),
            (step.reason.clone(), None),
        ]);
    }
    table.write(out, style, 0)
}

/// `show RUN STEP`: all that is known about one step.
///
/// # Errors
/// When `out` cannot be written.
pub fn show_step(
    out: &mut dyn Write,
    style: Style,
    state: &RunState,
    step: &StepState,
) -> io::Result<()> {
    let calendar = calendar(state);
    let word = words::step(step);
    writeln!(out, "{}", style.paint(Ink::Strong, &heading(step)))?;
    let mut facts: Vec<(&str, String)> = vec![(
        "state",
        style.paint(ink(&word.mark), &format!("{} {}", word.mark, word.text)),
    )];
    facts.push(("remark", view::reason(step, &calendar)));
    facts.push(("action", line(&step.plan.action)));
    facts.push((
        "repeats",
        step.plan.check.as_deref().map(line).unwrap_or_default(),
    ));
    facts.push(("effect", step.plan.effect.as_str().to_owned()));
    facts.push(("needs", line(&step.plan.needs.join(", "))));
    let when = |at: Option<Timestamp>| at.map(|at| calendar.when(at).text).unwrap_or_default();
    facts.push(("begun", when(step.started)));
    facts.push(("ended", when(step.finished)));
    if step.attempts > 1 {
        facts.push(("tries", step.attempts.to_string()));
    }
    facts.push((
        "purpose",
        step.plan
            .description
            .as_deref()
            .map(line)
            .unwrap_or_default(),
    ));
    if let Some(given) = &step.given {
        let note = given.note.as_deref().map(line).unwrap_or_default();
        facts.push((
            "by",
            format!("{}, {}", line(&given.by), calendar.when(given.at).text),
        ));
        facts.push(("note", note));
    }
    for (name, text) in facts.iter().filter(|(_, text)| !text.is_empty()) {
        writeln!(
            out,
            "  {} {text}",
            style.paint(Ink::Soft, &format!("{name:<8}"))
        )?;
    }
    for asked in view::asked(step) {
        paragraph(out, style, 4, None, &asked)?;
    }
    if let Some(command) = view::open::command(&state.created.run, &step.plan.key, &step.status) {
        writeln!(out, "  go on with: {}", style.paint(Ink::Strong, &command))?;
    }
    for finding in &step.findings {
        writeln!(out)?;
        let severity = words::severity(finding.severity);
        let text = format!(
            "{} {}: {} [{}]",
            severity.mark,
            severity.text,
            line(&finding.summary),
            line(&finding.code)
        );
        paragraph(out, style, 2, Some(ink(&severity.mark)), &text)?;
        paragraph(out, style, 4, None, &line(&finding.remedy))?;
        for evidence in &finding.evidence {
            let from = evidence
                .from
                .as_deref()
                .map(|from| format!(", from {}", line(from)));
            let text = format!(
                "{}, {}{}",
                line(&evidence.kind),
                calendar.when(evidence.at).text,
                from.unwrap_or_default()
            );
            paragraph(out, style, 4, Some(Ink::Soft), &text)?;
            for text in lines(&evidence.text) {
                writeln!(out, "      | {text}")?;
            }
        }
    }
    outputs(out, style, step, &calendar)?;
    if !step.artifacts.is_empty() {
        writeln!(out)?;
        let mut table = Table::new(&["FILE", "BYTES", "SHA-256"]);
        for artifact in &step.artifacts {
            table.row(vec![
                (line(&artifact.name), None),
                (artifact.bytes.to_string(), None),
                (line(&artifact.digest), None),
            ]);
        }
        table.write(out, style, 2)?;
    }
    Ok(())
}

/// What a step put out: as tables where there are some for its action, else line by line.
fn outputs(
    out: &mut dyn Write,
    style: Style,
    step: &StepState,
    calendar: &Calendar,
) -> io::Result<()> {
    let all = || step.all_outputs();
    let holds = |key: &str| step.outputs.contains_key(key);
    match step.plan.action.as_str() {
        "events.analyze" if holds("sources") => super::logs::analysis(out, style, &all(), calendar),
        "mailauth.check" if holds("domains") => super::proofs::proofs(out, style, &all()),
        "relay.test" if holds("endpoints") => super::sessions::relay(out, style, &all()),
        "smarthost.check" if holds("stages") => super::sessions::smarthost(out, style, &all()),
        "server.check" if holds("endpoints") => super::sessions::server(out, style, &all()),
        "blacklist.scan" if holds("targets") => super::scan::scan(out, style, &all()),
        _ => {
            let outputs = view::outputs_of(step);
            if !outputs.is_empty() {
                writeln!(out)?;
            }
            for output in outputs {
                let text = format!("{}: {}", output.name, output.value);
                paragraph(out, style, 2, None, &text)?;
            }
            Ok(())
        }
    }
}

/// What is said of a run before all else, and the view that the rest is taken from.
fn head(
    out: &mut dyn Write,
    style: Style,
    state: &RunState,
    events: &[Event],
    worker: Option<&str>,
) -> io::Result<View> {
    let mut view = View::from_state(state, events);
    let status = state.status();
    if status == RunStatus::Active && worker.is_none() {
        view.status.headline =
            "The work stands still: it can go on, and no process works on it now.".to_owned();
    }
    let text = format!(
        "{}: {} for {}",
        view.run.id, view.run.runbook, view.site.name
    );
    writeln!(out, "{}", style.paint(Ink::Strong, &text))?;
    for notice in &view.notices {
        paragraph(out, style, 0, Some(Ink::Open), notice)?;
    }
    let mark = &view.status.state.mark;
    let text = format!("{mark} {}", view.status.headline);
    paragraph(out, style, 0, Some(ink(mark)), &text)?;
    match (worker, status) {
        (_, RunStatus::Finished(_)) => {}
        (Some(worker), _) => {
            let text = format!("{worker} works on it, and goes on by itself");
            paragraph(out, style, 2, None, &text)?;
        }
        (None, RunStatus::Active) => {
            let command = format!("mailmedic resume {}", view.run.id);
            writeln!(out, "  go on with: {}", style.paint(Ink::Strong, &command))?;
        }
        (None, _) => {}
    }
    for text in &view.status.sentences {
        paragraph(out, style, 2, None, text)?;
    }
    paragraph(out, style, 0, None, &view.counts.text)?;
    Ok(view)
}

pub(super) fn paragraph(
    out: &mut dyn Write,
    style: Style,
    indent: usize,
    ink: Option<Ink>,
    text: &str,
) -> io::Result<()> {
    for part in wrap(text, style.width.saturating_sub(indent)) {
        let part = match ink {
            Some(ink) => style.paint(ink, &part),
            None => part,
        };
        writeln!(out, "{:indent$}{part}", "")?;
    }
    Ok(())
}

/// `in 5 hours`, `due for 2 days`; empty when no date is set.
fn calendar(state: &RunState) -> Calendar {
    Calendar::new(state.created.site_snapshot.timezone().as_deref())
}
