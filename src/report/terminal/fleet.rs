//! A fleet run on a screen: a line for each site that is worked on while it goes on, a line for each that ends or waits, and a
//! table at the end.

use std::collections::HashMap;
use std::io::{self, Write};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Verbosity;
use super::paint::{Style, cut, ink};
use super::table::Table;
use crate::record::{Event, EventKind, RunState};
use crate::report::fleet::FleetView;
use crate::report::view::line;

/// Lines of the live table; more sites are only counted.
const MOST_ROWS: usize = 16;

/// Where a site stands, for its line.
#[derive(Debug, Clone, Copy)]
pub struct FleetMark<'a> {
    /// One character, as in [`crate::report::view::Word`].
    pub mark: &'a str,
    /// In words.
    pub text: &'a str,
    /// Nothing more happens to the site now: its line leaves the live table.
    pub rests: bool,
    /// Somebody has to look: told even when little is shown.
    pub trouble: bool,
}

/// Shows a fleet run to a person.
pub struct FleetTable<W> {
    out: W,
    style: Style,
    verbosity: Verbosity,
    bars: MultiProgress,
    total: ProgressBar,
    rows: HashMap<String, ProgressBar>,
    waiting: usize,
}

impl<W: Write> FleetTable<W> {
    /// Writes lines to `out`, and the live table to `live`.
    pub fn new(
        out: W,
        style: Style,
        verbosity: Verbosity,
        live: ProgressDrawTarget,
        sites: usize,
    ) -> Self {
        let bars = MultiProgress::with_draw_target(live);
        let total = bars.add(ProgressBar::new(sites as u64));
        if let Ok(look) = ProgressStyle::with_template("{pos} of {len} sites have ended {wide_msg}")
        {
            total.set_style(look);
        }
        FleetTable {
            out,
            style,
            verbosity,
            bars,
            total,
            rows: HashMap::new(),
            waiting: 0,
        }
    }

    /// A site begins to be worked on.
    pub fn begin(&mut self, site: &str) {
        if self.total.is_hidden() || self.rows.len() >= MOST_ROWS {
            return;
        }
        let row = self
            .bars
            .insert_before(&self.total, ProgressBar::no_length());
        if let Ok(look) = ProgressStyle::with_template("{prefix}  {wide_msg}") {
            row.set_style(look);
        }
        row.set_prefix(line(site));
        self.rows.insert(site.to_owned(), row);
    }

    /// Something has happened to a site's run.
    pub fn event(&mut self, event: &Event, state: &RunState) {
        let Some(row) = self.rows.get(&state.created.site) else {
            return;
        };
        if let EventKind::StepStarted { step, .. } = &event.event {
            let title = state
                .step(step)
                .map_or(step.as_str(), |step| &step.plan.title);
            let settled = state.steps.iter().filter(|step| step.is_settled()).count();
            row.set_message(format!("{settled}/{} {}", state.steps.len(), line(title)));
        }
    }

    /// A step of a site tells what it does.
    pub fn note(&mut self, site: &str, text: &str) {
        if let Some(row) = self.rows.get(site) {
            row.set_message(line(text));
        }
    }

    /// A site stands elsewhere now. `ended`: its run has ended, or cannot go on.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn stands(
        &mut self,
        site: &str,
        place: FleetMark<'_>,
        remark: &str,
        ended: bool,
    ) -> io::Result<()> {
        if place.rests
            && let Some(row) = self.rows.remove(site)
        {
            self.bars.remove(&row);
        }
        if ended {
            self.total.inc(1);
        } else if place.rests {
            self.waiting += 1;
            self.total
                .set_message(format!("({} times one had to wait)", self.waiting));
        }
        if self.verbosity == Verbosity::Quiet && !place.trouble {
            return Ok(());
        }
        let text = match remark {
            "" => format!("{} {}: {}", place.mark, line(site), place.text),
            remark => format!(
                "{} {}: {} ({})",
                place.mark,
                line(site),
                place.text,
                line(remark)
            ),
        };
        let text = cut(&text, self.style.width);
        let text = self.style.paint(ink(place.mark), &text);
        let out = &mut self.out;
        self.bars.suspend(|| writeln!(out, "{text}"))
    }

    /// Takes the live table off the screen.
    pub fn end(&mut self) {
        self.total.finish_and_clear();
        let _ = self.bars.clear();
    }
}

/// The table of a fleet run.
///
/// # Errors
/// When `out` cannot be written.
pub fn fleet(out: &mut dyn Write, style: Style, view: &FleetView) -> io::Result<()> {
    if view.check_run {
        writeln!(out, "check run: looks only, changes nothing\n")?;
    }
    let mut table = Table::new(&[
        "SITE",
        "STATE",
        "OPEN",
        "WAITS FOR",
        "NEXT",
        "RUN",
        "REMARK",
    ]);
    for row in &view.sites {
        table.row(vec![
            (row.site.clone(), None),
            (
                format!("{} {}", row.state.mark, row.state.text),
                Some(ink(&row.state.mark)),
            ),
            (row.open_findings.to_string(), None),
            (row.asks.clone(), None),
            (
                row.next
                    .as_ref()
                    .map(|next| next.short.clone())
                    .unwrap_or_default(),
                None,
            ),
            (row.run.clone(), None),
            (row.reason.clone(), None),
        ]);
    }
    table.write(out, style, 0)?;
    writeln!(out)?;
    writeln!(out, "{}", view.headline)?;
    if let Some(stopped) = &view.stopped {
        writeln!(out, "no more sites are started: {stopped}")?;
    }
    Ok(())
}
