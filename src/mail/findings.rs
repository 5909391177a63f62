//! The finding codes: each documented once, for `explain`, the reference and the reports.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// What a finding code means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FindingCode {
    /// Stable kebab-case code.
    pub code: String,
    /// In a few words.
    pub title: String,
    /// How it comes about.
    pub cause: String,
    /// What proves it.
    pub evidence: String,
    /// What to do.
    pub remedy: String,
    /// Who can do it.
    pub who: String,
}

/// All codes, in the order of the reference.
pub fn codes() -> &'static [FindingCode] {
    static CODES: LazyLock<Vec<FindingCode>> = LazyLock::new(|| {
        serde_saphyr::from_str(include_str!("data/findings.yaml"))
            .expect("the shipped data is tested")
    });
    &CODES
}

/// What `code` means, if it is known.
pub fn find(code: &str) -> Option<&'static FindingCode> {
    codes().iter().find(|known| known.code == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_told_in_full() {
        let mut seen = std::collections::BTreeSet::new();
        for code in codes() {
            assert!(seen.insert(&code.code), "{} is there twice", code.code);
            assert!(
                code.code
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c == '-'),
                "{}",
                code.code
            );
            for text in [
                &code.title,
                &code.cause,
                &code.evidence,
                &code.remedy,
                &code.who,
            ] {
                assert!(text.len() > 5, "{}: {text}", code.code);
            }
        }
    }
}
