//! One line of JSON an event, for programs that follow a run.

use std::io::{self, Write};

use serde::Serialize;

use super::{Progress, Reporter};
use crate::record::{Event, RunState};

/// Version of a line.
pub const EVENT_SCHEMA: &str = "mailmedic.event/1";

/// Writes each event as one line, with the run's id and where the run stands after it.
#[derive(Debug)]
pub struct JsonLines<W> {
    out: W,
}

#[derive(Serialize)]
struct Line<'a> {
    schema: &'static str,
    run: &'a str,
    site: &'a str,
    /// `RunStatus::as_str` after the event.
    status: &'static str,
    event: &'a Event,
}

impl<W: Write> JsonLines<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        JsonLines { out }
    }
}

impl<W: Write + Send> Reporter for JsonLines<W> {
    fn event(&mut self, event: &Event, state: &RunState) -> io::Result<()> {
        let line = Line {
            schema: EVENT_SCHEMA,
            run: &state.created.run,
            site: &state.created.site,
            status: state.status().as_str(),
            event,
        };
        serde_json::to_writer(&mut self.out, &line)?;
        self.out.write_all(b"\n")?;
        self.out.flush()
    }

    /// Progress is not a fact; programs get facts only.
    fn progress(&mut self, _step: &str, _progress: Progress<'_>) {}
}
