//! Colour and width. Colour only repeats what a word or a mark says already.

use std::ffi::OsStr;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// What `--color` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Colour {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How texts are put on a screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Use colour?
    pub colour: bool,
    /// Columns of the screen.
    pub width: usize,
}

/// Width where nothing tells: paper, a pipe, a log.
pub const DEFAULT_WIDTH: usize = 100;

/// What a colour stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ink {
    Good,
    Bad,
    Open,
    Soft,
    Strong,
}

impl Style {
    /// No colour, this many columns.
    pub fn plain(width: usize) -> Self {
        Style {
            colour: false,
            width,
        }
    }

    /// The style for an output. `terminal`: is it one? `no_color`, `columns`: the environment variables of these names;
    /// `measured`: columns as the terminal reports them.
    pub fn choose(
        choice: Colour,
        terminal: bool,
        no_color: Option<&OsStr>,
        columns: Option<&OsStr>,
        measured: Option<u16>,
    ) -> Self {
        let forbidden = no_color.is_some_and(|value| !value.is_empty());
        let width = columns
            .and_then(OsStr::to_str)
            .and_then(|text| text.parse().ok())
            .or(measured.filter(|_| terminal).map(usize::from))
            .unwrap_or(DEFAULT_WIDTH);
        Style {
            colour: match choice {
                Colour::Always => true,
                Colour::Never => false,
                Colour::Auto => terminal && !forbidden,
            },
            width: width.max(40),
        }
    }

    /// `text` in this ink.
    pub(crate) fn paint(&self, ink: Ink, text: &str) -> String {
        let code = match ink {
            Ink::Good => "32",
            Ink::Bad => "31",
            Ink::Open => "33",
            Ink::Soft => "2",
            Ink::Strong => "1",
        };
        if self.colour && !text.is_empty() {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

/// The ink for a mark.
pub(crate) fn ink(mark: &str) -> Ink {
    match mark {
        "✓" => Ink::Good,
        "✗" | "!" | "‼" => Ink::Bad,
        "?" | "…" => Ink::Open,
        _ => Ink::Soft,
    }
}

/// `text` in at most `width` columns, with a mark where it was cut.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 0;
    for character in text.chars() {
        let columns = character.width().unwrap_or(0);
        if used + columns + 1 > width {
            break;
        }
        used += columns;
        kept.push(character);
    }
    if width > 0 {
        kept.push('…');
    }
    kept
}

/// A text of several lines in lines of at most `width` columns. Lines that fit stay as they are; what is left over of one that
/// does not fit goes before the next one, unless that begins an entry of a list, or the line ends what it says with a colon.
pub(crate) fn flow(lines: &[String], width: usize) -> Vec<String> {
    let mut flowing: Vec<String> = Vec::new();
    let mut left_over = String::new();
    for line in lines {
        let begins = line.trim().is_empty() || line.starts_with([' ', '*', '-', '|']);
        let mut text = std::mem::take(&mut left_over);
        if begins && !text.is_empty() {
            flowing.push(std::mem::take(&mut text));
        }
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(line);
        let mut parts = wrap(&text, width);
        if parts.len() > 1 && !line.ends_with(':') {
            left_over = parts.pop().unwrap_or_default();
        }
        flowing.append(&mut parts);
    }
    if !left_over.is_empty() {
        flowing.push(left_over);
    }
    flowing
}

/// `text` in lines of at most `width` columns, broken between words.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && line.width() + 1 + word.width() > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}
