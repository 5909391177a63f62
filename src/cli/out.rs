//! What is printed, and the only place where it is.

use std::io::{self, IsTerminal, Write};

use serde_json::{Value, json};

use super::args::{Color, Global};
use super::exit::Exit;
use super::fail::Fail;

/// May `stream` be written in colour?
fn color(global: &Global, terminal: bool) -> bool {
    match global.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            terminal
                && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
                && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
        }
    }
}

/// May standard output be written in colour?
pub(super) fn color_out(global: &Global) -> bool {
    color(global, io::stdout().is_terminal())
}

/// May standard error be written in colour?
pub(super) fn color_err(global: &Global) -> bool {
    color(global, io::stderr().is_terminal())
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
    text(&serde_json::to_string_pretty(value).unwrap_or_default())
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
            let width = terminal_width();
            write!(err, "{}", faults.render(color_err(global), width)).and_then(|()| {
                let count = faults.0.len();
                writeln!(
                    err,
                    "{count} fault{}, nothing was changed",
                    if count == 1 { "" } else { "s" }
                )
            })
        }
        Fail::Said { text, .. } => {
            let mark = if color_err(global) {
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

/// Columns of the terminal; 100 when there is none.
pub(super) fn terminal_width() -> usize {
    std::env::var("COLUMNS")
        .ok()
        .and_then(|text| text.parse().ok())
        .or_else(|| terminal_size::terminal_size().map(|(width, _)| usize::from(width.0)))
        .unwrap_or(100)
}
