//! The columns of a log by the names in its header: they differ between versions, and may change inside a file.

use crate::mail::events::{Out, Why};

/// Names of the columns, in lower case, in file order.
#[derive(Debug, Clone, Default)]
pub(in crate::mail::logs) struct Columns(Vec<String>);

impl Columns {
    /// The columns of a header.
    pub(in crate::mail::logs) fn new<'l>(names: impl Iterator<Item = &'l str>) -> Self {
        Self(names.map(|name| name.trim().to_ascii_lowercase()).collect())
    }

    /// Where a column stands.
    pub(in crate::mail::logs) fn position(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|known| known == name)
    }

    /// Whether no header has been seen yet.
    pub(in crate::mail::logs) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of a column. `None` when there is no such column, or it is empty.
    pub(in crate::mail::logs) fn value<'r, V: AsRef<str>>(
        &self,
        row: &'r [V],
        name: &str,
    ) -> Option<&'r str> {
        let value = row.get(self.position(name)?)?.as_ref().trim();
        (!value.is_empty() && value != "-").then_some(value)
    }
}

impl Columns {
    /// Takes a line of a table in: its header and its remarks are passed over, what stands before a header is not understood.
    /// True for a row that is to be read.
    pub(in crate::mail::logs) fn expect(
        &mut self,
        header: Option<Columns>,
        number: u32,
        line: &str,
        out: &mut Out<'_>,
    ) -> bool {
        if line.trim().is_empty() {
            return false;
        }
        if let Some(header) = header {
            *self = header;
            out.passed(1);
        } else if line.trim_start_matches('\u{feff}').starts_with('#') {
            out.passed(1);
        } else if self.is_empty() {
            out.unparsed(number, line, Why::Outside);
        } else {
            return true;
        }
        false
    }
}

/// The names behind `#Fields:`, when the line is that header.
pub(in crate::mail::logs) fn fields_of(line: &str) -> Option<&str> {
    line.trim_start_matches('\u{feff}').strip_prefix("#Fields:")
}
