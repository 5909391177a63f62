//! Faults of a file a person wrote: where, what, and what to do about it.

use std::fmt;
use std::sync::Arc;

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};
use serde::Serialize;

/// A piece of a file, in bytes: `start` included, `end` not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
}

/// A file as it was read.
#[derive(Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Path, or another name for people.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// What is wrong, in lower case, without a full stop.
    pub message: String,
    /// A word or two at the underlined text.
    pub label: String,
    /// The text to underline; `None`: the whole file.
    pub span: Option<Span>,
    /// What to do about it.
    pub hint: Option<String>,
    /// The file.
    pub file: Arc<SourceFile>,
}

/// All faults of one reading, in the order of the file.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Diagnostics(pub Vec<Diagnostic>);

/// A fault for other programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DiagnosticView {
    /// Path, or another name.
    pub file: String,
    /// Line, from 1; 0 for the whole file.
    pub line: usize,
    /// Column in characters, from 1; 0 for the whole file.
    pub column: usize,
    /// Length of the underlined text, in characters.
    pub length: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Span {
    /// A span.
    pub fn new(start: usize, end: usize) -> Self {
        Span { start, end }
    }
}

impl SourceFile {
    /// A file.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Arc<Self> {
        Arc::new(SourceFile {
            name: name.into(),
            text: text.into(),
        })
    }

    /// The text of a span.
    pub fn slice(&self, span: Span) -> &str {
        self.text.get(span.start..span.end).unwrap_or("")
    }

    /// The first place of `part` inside `span`, else the whole span: to underline one name in a long text.
    pub fn part(&self, span: Span, part: &str) -> Span {
        self.nth_part(span, part, 0)
    }

    /// The same for the place number `n`, from 0; the last one when there are fewer.
    pub fn nth_part(&self, span: Span, part: &str, n: usize) -> Span {
        if part.is_empty() {
            return span;
        }
        let at = self
            .slice(span)
            .match_indices(part)
            .take(n + 1)
            .last()
            .map(|(at, _)| span.start + at);
        at.map_or(span, |start| Span::new(start, start + part.len()))
    }

    /// Line and column (in characters) of a byte, both from 1.
    pub fn position(&self, byte: usize) -> (usize, usize) {
        let before = self.text.get(..byte).unwrap_or(&self.text);
        let line = before.matches('\n').count() + 1;
        let column = before
            .rsplit('\n')
            .next()
            .map_or(0, |line| line.chars().count())
            + 1;
        (line, column)
    }
}

impl Diagnostic {
    /// A fault of a whole file.
    pub fn of_file(file: &Arc<SourceFile>, message: impl Into<String>, hint: &str) -> Self {
        Diagnostic {
            message: message.into(),
            label: String::new(),
            span: None,
            hint: (!hint.is_empty()).then(|| hint.to_owned()),
            file: Arc::clone(file),
        }
    }

    /// The fault for other programs.
    pub fn view(&self) -> DiagnosticView {
        let (line, column) = self
            .span
            .map_or((0, 0), |span| self.file.position(span.start));
        DiagnosticView {
            file: self.file.name.clone(),
            line,
            column,
            length: self
                .span
                .map_or(0, |span| self.file.slice(span).chars().count()),
            message: self.message.clone(),
            hint: self.hint.clone(),
        }
    }
}

impl Diagnostics {
    /// One fault alone.
    pub fn one(fault: Diagnostic) -> Self {
        Diagnostics(vec![fault])
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sorts by file and place, and drops repetitions.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.0.sort_by(|a, b| {
            let key = |d: &Diagnostic| d.span.map_or((0, 0), |span| (span.start, span.end));
            a.file
                .name
                .cmp(&b.file.name)
                .then_with(|| key(a).cmp(&key(b)))
        });
        self.0.dedup();
        self
    }

    /// All faults for a terminal of this width: file, line, column, the text underlined, and a hint. `color`: with ANSI colours.
    pub fn render(&self, color: bool, width: usize) -> String {
        let theme = if color {
            GraphicalTheme::unicode()
        } else {
            GraphicalTheme::unicode_nocolor()
        };
        let handler = GraphicalReportHandler::new_themed(theme)
            .with_width(width.max(40))
            .with_links(false);
        let mut out = String::new();
        for fault in &self.0 {
            if handler
                .render_report(&mut out, &Shown(fault, named(fault)))
                .is_err()
            {
                out.push_str(&plain_line(fault));
            }
            if !out.ends_with('\n') {
                out.push('\n');
            }
        }
        out
    }

    /// All faults, one a line: `FILE:LINE:COLUMN: message (hint)`, as editors and CI read them.
    pub fn plain(&self) -> String {
        self.0.iter().map(plain_line).collect()
    }

    /// All faults for other programs.
    pub fn views(&self) -> Vec<DiagnosticView> {
        self.0.iter().map(Diagnostic::view).collect()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.plain().trim_end())
    }
}

impl fmt::Debug for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.plain())
    }
}

impl std::error::Error for Diagnostics {}

fn plain_line(fault: &Diagnostic) -> String {
    let view = fault.view();
    let hint = view
        .hint
        .map(|hint| format!(" ({hint})"))
        .unwrap_or_default();
    match view.line {
        0 => format!("{}: {}{hint}\n", view.file, view.message),
        line => format!(
            "{}:{line}:{}: {}{hint}\n",
            view.file, view.column, view.message
        ),
    }
}

fn named(fault: &Diagnostic) -> NamedSource<String> {
    NamedSource::new(&fault.file.name, fault.file.text.clone())
}

/// A fault as miette draws it.
#[derive(Debug)]
struct Shown<'a>(&'a Diagnostic, NamedSource<String>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.span {
            Some(_) => f.write_str(&self.0.message),
            None => write!(f, "{}: {}", self.0.file.name, self.0.message),
        }
    }
}

impl std::error::Error for Shown<'_> {}

impl miette::Diagnostic for Shown<'_> {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let hint = self.0.hint.as_ref()?;
        Some(Box::new(hint))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.0.span.map(|_| &self.1 as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.0.span?;
        let label = (!self.0.label.is_empty()).then(|| self.0.label.clone());
        let length = span.end.saturating_sub(span.start);
        Some(Box::new(std::iter::once(LabeledSpan::new(
            label, span.start, length,
        ))))
    }
}
