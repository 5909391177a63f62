//! The live reporter for people: a line when a step starts, a line with its outcome when it ends, findings below it, and
//! for each wait the command that goes on.

use std::io::{self, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::paint::{Ink, Style, cut, flow, ink, wrap};
use super::{Progress, Reporter};
use crate::record::{Event, EventKind, Finding, Mode, RunState, StepState, StepStatus, WaitKind};
use crate::report::view::{self, Calendar, View, line, words};

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Verbosity {
    /// Waits, failures and the end.
    Quiet,
    /// Steps and findings as well.
    #[default]
    Normal,
    /// Remedies and evidence as well.
    Verbose,
}

/// Shows a run to a person.
pub struct Human<W> {
    out: W,
    style: Style,
    verbosity: Verbosity,
    events: Vec<Event>,
    bar: ProgressBar,
}

impl<W: Write> Human<W> {
    /// Writes lines to `out`, and progress to `progress`: `ProgressDrawTarget::stderr()` shows it on a terminal only.
    pub fn new(out: W, style: Style, verbosity: Verbosity, progress: ProgressDrawTarget) -> Self {
        let bar = ProgressBar::with_draw_target(None, progress);
        Human {
            out,
            style,
            verbosity,
            events: Vec::new(),
            bar,
        }
    }

    fn say(&mut self, indent: usize, ink: Option<Ink>, text: &str) -> io::Result<()> {
        let text = cut(text, self.style.width.saturating_sub(indent));
        let text = match ink {
            Some(ink) => self.style.paint(ink, &text),
            None => text,
        };
        writeln!(self.out, "{:indent$}{text}", "")
    }

    fn paragraph(&mut self, indent: usize, ink: Option<Ink>, text: &str) -> io::Result<()> {
        for part in wrap(text, self.style.width.saturating_sub(indent)) {
            self.say(indent, ink, &part)?;
        }
        Ok(())
    }

    /// A text of several lines, as a person wrote it for a screen of another width.
    fn flowing(&mut self, indent: usize, text: &str) -> io::Result<()> {
        for part in flow(&view::lines(text), self.style.width.saturating_sub(indent)) {
            self.say(indent, None, &part)?;
        }
        Ok(())
    }

    /// A command is never cut: it is there to be copied.
    fn command(&mut self, command: &str) -> io::Result<()> {
        let command = self.style.paint(Ink::Strong, command);
        writeln!(self.out, "    go on with: {command}")
    }

    fn show(&mut self, event: &Event, state: &RunState) -> io::Result<()> {
        match &event.event {
            EventKind::RunCreated(_) => self.created(state),
            EventKind::ExecutorStarted { torn, .. } if *torn > 0 => {
                self.say(0, Some(Ink::Open), "taken up again")?;
                self.paragraph(4, Some(Ink::Open), &words::torn(*torn))?;
                self.still_waiting(event, state)
            }
            EventKind::ExecutorStarted { .. } if state.executors > 1 => {
                self.normal(Some(Ink::Soft), "taken up again")?;
                self.still_waiting(event, state)
            }
            EventKind::StepStarted { step, attempt, .. } => {
                let again = match attempt {
                    0 | 1 => String::new(),
                    n => format!(" (try {n})"),
                };
                let title = title(state, step);
                self.normal(Some(Ink::Soft), &format!("▸ {title}{again}"))
            }
            EventKind::StepFinished { step, ms, .. } => match state.step(step) {
                Some(step) => self.finished(step, Some(*ms)),
                None => Ok(()),
            },
            EventKind::StepSkipped { step, reason } => {
                let text = format!("– {}: left out ({})", title(state, step), line(reason));
                self.normal(Some(Ink::Soft), &text)
            }
            EventKind::AttemptFailed {
                step,
                attempt,
                error,
            } => {
                let text = format!("! {}: try {attempt} did not work", title(state, step));
                self.normal(Some(Ink::Open), &text)?;
                if self.verbosity >= Verbosity::Normal {
                    self.paragraph(4, None, &line(error))?;
                }
                Ok(())
            }
            EventKind::Waiting { step, .. } => match state.step(step) {
                Some(step) => self.waiting(step, state),
                None => Ok(()),
            },
            EventKind::Decided { step, by, .. } => match state.step(step) {
                Some(step) => {
                    let word = words::step(step);
                    let text = format!(
                        "{} {}: {} by {}",
                        word.mark,
                        heading(step),
                        word.text,
                        line(by)
                    );
                    self.normal(Some(ink(&word.mark)), &text)
                }
                None => Ok(()),
            },
            EventKind::StepInterrupted {
                step, ask, reason, ..
            } => match state.step(step) {
                Some(step) => {
                    // One that had to be looked at first was told of as interrupted already.
                    let what = match ask {
                        false => "was interrupted",
                        true => "was interrupted, and whether it happened is not known",
                    };
                    self.say(0, Some(Ink::Bad), &format!("! {}: {what}", heading(step)))?;
                    if *ask {
                        if let Some(reason) = reason {
                            let reason = words::sentence(&words::capital(&line(reason)));
                            self.paragraph(4, None, &reason)?;
                        }
                        self.paragraph(4, None, "Find out, then say so.")?;
                        self.go_on(step, state)?;
                    }
                    Ok(())
                }
                None => Ok(()),
            },
            EventKind::Interrupted { reason } => {
                self.say(
                    0,
                    Some(Ink::Open),
                    &format!("interrupted: {}", line(reason)),
                )?;
                self.command(&format!("mailmedic resume {}", line(&state.created.run)))
            }
            EventKind::ListsInForce { changed: true, .. } => self.say(
                0,
                Some(Ink::Open),
                "the workspace's lists.yaml is another one than before: lists are asked as it says now",
            ),
            EventKind::Adopted { by, .. } => {
                let text = format!("goes on with a changed runbook, adopted by {}", line(by));
                self.say(0, Some(Ink::Open), &text)
            }
            EventKind::Cancelled { by, note } => {
                let note = note.as_deref().map(|note| format!(": {}", line(note)));
                let text = format!("called off by {}{}", line(by), note.unwrap_or_default());
                self.say(0, Some(Ink::Open), &text)
            }
            EventKind::RunFinished { .. } => self.ended(state),
            EventKind::ReportWritten { path, .. } => {
                let text = format!("report: {}", line(path));
                writeln!(self.out, "{text}")
            }
            EventKind::ExecutorStarted { .. }
            | EventKind::ListsInForce { .. }
            | EventKind::Unfolded { .. } => Ok(()),
        }
    }

    fn normal(&mut self, ink: Option<Ink>, text: &str) -> io::Result<()> {
        if self.verbosity >= Verbosity::Normal {
            self.say(0, ink, text)?;
        }
        Ok(())
    }

    fn created(&mut self, state: &RunState) -> io::Result<()> {
        let created = &state.created;
        let text = format!(
            "run {}: {} for {}",
            line(&created.run),
            line(&created.runbook),
            line(&created.site)
        );
        self.say(0, Some(Ink::Strong), &text)?;
        if created.laboratory {
            self.say(
                0,
                Some(Ink::Open),
                "laboratory: nothing here is about a real mail server",
            )?;
        }
        if created.mode == Mode::Check {
            self.say(0, Some(Ink::Open), "check run: looks only, changes nothing")?;
        }
        Ok(())
    }

    fn finished(&mut self, step: &StepState, ms: Option<u64>) -> io::Result<()> {
        let failed = step
            .outcome()
            .is_some_and(|outcome| !outcome.lets_dependants_go());
        if self.verbosity == Verbosity::Quiet && !failed {
            return Ok(());
        }
        let word = words::step(step);
        let mut text = format!("{} {}: {}", word.mark, heading(step), word.text);
        if !step.findings.is_empty() {
            text.push_str(&format!(
                ", {}",
                words::many(step.findings.len(), "finding", "findings")
            ));
        }
        if let Some(ms) = ms.filter(|ms| *ms >= 100) {
            text.push_str(&format!(" ({}.{} s)", ms / 1_000, ms % 1_000 / 100));
        }
        self.say(0, Some(ink(&word.mark)), &text)?;
        if failed && let Some(error) = &step.error {
            self.paragraph(4, None, &line(error))?;
        }
        for finding in &step.findings {
            self.finding(finding)?;
        }
        Ok(())
    }

    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        let severity = words::severity(finding.severity);
        let text = format!(
            "{} {}: {}",
            severity.mark,
            severity.text,
            line(&finding.summary)
        );
        self.say(4, None, &text)?;
        if self.verbosity == Verbosity::Verbose {
            self.paragraph(6, Some(Ink::Soft), &line(&finding.remedy))?;
            for evidence in &finding.evidence {
                for text in view::lines(&evidence.text) {
                    self.say(6, Some(Ink::Soft), &format!("| {text}"))?;
                }
            }
        }
        Ok(())
    }

    fn waiting(&mut self, step: &StepState, state: &RunState) -> io::Result<()> {
        let StepStatus::Waiting(wait) = &step.status else {
            return Ok(());
        };
        let calendar = calendar(state);
        let reason = view::reason(step, &calendar);
        self.say(0, Some(Ink::Open), &format!("… {}: waiting", heading(step)))?;
        self.paragraph(4, Some(Ink::Open), &reason)?;
        match &wait.kind {
            WaitKind::Approval { prompt, .. } => {
                self.flowing(4, prompt)?;
            }
            WaitKind::Manual {
                instructions, form, ..
            } => {
                self.flowing(4, instructions)?;
                for (name, question) in form {
                    let question = question.as_str().unwrap_or_default();
                    self.paragraph(4, None, &line(&format!("{name}: {question}")))?;
                }
            }
            WaitKind::Time | WaitKind::Retry => {}
        }
        self.go_on(step, state)
    }

    /// What a person was asked in an earlier process, and has not answered: a run that is taken up again for nothing tells why.
    fn still_waiting(&mut self, event: &Event, state: &RunState) -> io::Result<()> {
        for step in &state.steps {
            match &step.status {
                StepStatus::Waiting(wait)
                    if matches!(
                        wait.kind,
                        WaitKind::Approval { .. } | WaitKind::Manual { .. }
                    ) && wait.next_look().is_none_or(|at| at > event.at) =>
                {
                    self.waiting(step, state)?;
                }
                StepStatus::Interrupted { ask: true } => {
                    let text = format!("! {}: was interrupted", heading(step));
                    self.say(0, Some(Ink::Bad), &text)?;
                    self.go_on(step, state)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn go_on(&mut self, step: &StepState, state: &RunState) -> io::Result<()> {
        match view::open::command(&state.created.run, &step.plan.key, &step.status) {
            Some(command) => self.command(&command),
            None => Ok(()),
        }
    }

    fn ended(&mut self, state: &RunState) -> io::Result<()> {
        let view = View::from_state(state, &self.events);
        let word = &view.status.state;
        let text = format!("{} {}", word.mark, view.status.headline);
        self.paragraph(0, Some(ink(&word.mark)), &text)?;
        self.paragraph(2, None, &view.counts.text)
    }
}

impl<W: Write + Send> Reporter for Human<W> {
    fn event(&mut self, event: &Event, state: &RunState) -> io::Result<()> {
        self.events.push(event.clone());
        // A line in the middle of a bar would be torn apart: the bar goes first.
        if matches!(
            event.event,
            EventKind::StepFinished { .. }
                | EventKind::Waiting { .. }
                | EventKind::RunFinished { .. }
        ) {
            self.bar.finish_and_clear();
        }
        let bar = self.bar.clone();
        bar.suspend(|| {
            self.show(event, state)?;
            self.out.flush()
        })
    }

    fn progress(&mut self, step: &str, progress: Progress<'_>) {
        if self.verbosity == Verbosity::Quiet || self.bar.is_hidden() {
            return;
        }
        if self.bar.is_finished() {
            self.bar.reset();
        }
        if let Ok(shape) = ProgressStyle::with_template("{prefix} {bar:24} {pos}/{len} {wide_msg}")
        {
            self.bar.set_style(shape);
        }
        self.bar.set_prefix(line(step));
        match progress {
            Progress::Note(text) => self.bar.set_message(line(text)),
            Progress::Count { done, of } => {
                self.bar.set_length(of);
                self.bar.set_position(done);
            }
        }
    }
}

fn calendar(state: &RunState) -> Calendar {
    Calendar::new(state.created.site_snapshot.timezone().as_deref())
}

/// `scan: Ask the blocklists`; the key alone where the runbook gives no title.
pub(super) fn heading(step: &StepState) -> String {
    if step.plan.title == step.plan.key || step.plan.title.is_empty() {
        line(&step.plan.key)
    } else {
        line(&format!("{}: {}", step.plan.key, step.plan.title))
    }
}

fn title(state: &RunState, key: &str) -> String {
    state.step(key).map_or_else(|| line(key), heading)
}
