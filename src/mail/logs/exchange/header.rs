//! The columns of a log by the names in its header: they differ between versions, and may change inside a file.

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

/// The names behind `#Fields:`, when the line is that header.
pub(in crate::mail::logs) fn fields_of(line: &str) -> Option<&str> {
    line.trim_start_matches('\u{feff}').strip_prefix("#Fields:")
}
