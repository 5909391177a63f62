//! An SMTP reply as data.

/// A reply: code and text. Several lines are separated by `\n` in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The three digits.
    pub code: u16,
    /// Everything after the code, the enhanced status code included.
    pub text: String,
}

impl Reply {
    /// A reply from its parts.
    pub fn new(code: u16, text: &str) -> Self {
        Self {
            code,
            text: text.to_owned(),
        }
    }

    /// The bytes for the wire: `250-first`, `250 last` (RFC 5321 section 4.2.1).
    pub(crate) fn wire(&self) -> String {
        let last = self.text.lines().count().saturating_sub(1);
        if self.text.is_empty() {
            return format!("{}\r\n", self.code);
        }
        let lines = self.text.lines().enumerate();
        lines
            .map(|(at, line)| {
                format!(
                    "{}{}{line}\r\n",
                    self.code,
                    if at == last { ' ' } else { '-' }
                )
            })
            .collect()
    }
}
