//! What is printed, and the only place where it is.

use std::io::{self, BufWriter, IsTerminal, Write};

use serde_json::{Value, json};

use super::args::{Color, Global};
use super::exit::Exit;
use super::fail::Fail;
use crate::report::terminal::{Colour, Style};

/// How standard output is written: colour and width.
pub(super) fn style(global: &Global) -> Style {
    style_of(global, io::stdout().is_terminal())
}

fn style_of(global: &Global, terminal: bool) -> Style {
    let choice = match global.color {
        Color::Auto => Colour::Auto,
        Color::Always => Colour::Always,
        Color::Never => Colour::Never,
    };
    let measured = terminal_size::terminal_size().map(|(width, _)| width.0);
    // A terminal that can do nothing is as good as none.
    let terminal = terminal && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
    let (no_color, columns) = (std::env::var_os("NO_COLOR"), std::env::var_os("COLUMNS"));
    Style::choose(
        choice,
        terminal,
        no_color.as_deref(),
        columns.as_deref(),
        measured,
    )
}

/// Writes to standard output what `show` writes.
pub(super) fn write(show: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Fail> {
    // One write for a table, not one a line.
    let mut out = BufWriter::new(io::stdout().lock());
    show(&mut out)?;
    out.flush()?;
    Ok(())
}

/// Writes a text to standard output, with a line end.
pub(super) fn text(text: &str) -> Result<(), Fail> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    out.flush()?;
    Ok(())
}

/// Writes one JSON object to standard output.
pub(super) fn json(value: &Value) -> Result<(), Fail> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    serde_json::to_writer_pretty(&mut out, value).map_err(io::Error::from)?;
    out.write_all(b"\n")?;
    out.flush()?;
    Ok(())
}

/// Writes a warning to standard error.
pub(super) fn warn(said: &str) {
    let _ = writeln!(io::stderr().lock(), "warning: {said}");
}

/// Writes a remark to standard error.
pub(super) fn remark(global: &Global, said: &str) {
    if !global.quiet && !global.json {
        let _ = writeln!(io::stderr().lock(), "{said}");
    }
}

/// Tells why the command did not do what it was asked, and gives the exit code.
pub(super) fn fail(global: &Global, fail: &Fail) -> Exit {
    let exit = fail.exit();
    if global.json {
        let value = match fail {
            Fail::Faults(faults) => {
                json!({"schema": "mailmedic.error/1", "exit": exit.code(), "faults": faults.views()})
            }
            Fail::Said { text, .. } => {
                json!({"schema": "mailmedic.error/1", "exit": exit.code(), "error": text})
            }
            Fail::Gone => return exit,
        };
        let _ = writeln!(io::stdout().lock(), "{value}");
        return exit;
    }
    let mut err = io::stderr().lock();
    let _ = match fail {
        Fail::Faults(faults) => {
            let style = style_of(global, io::stderr().is_terminal());
            write!(err, "{}", faults.render(style.colour, style.width)).and_then(|()| {
                let count = faults.0.len();
                writeln!(
                    err,
                    "{count} fault{}, nothing was changed",
                    if count == 1 { "" } else { "s" }
                )
            })
        }
        Fail::Said { text, .. } => {
            let mark = if style_of(global, io::stderr().is_terminal()).colour {
                "\u{1b}[31;1merror\u{1b}[0m"
            } else {
                "error"
            };
            writeln!(err, "{mark}: {text}")
        }
        Fail::Gone => Ok(()),
    };
    exit
}
