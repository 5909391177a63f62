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

    /// Every code that stands in the source as a word of its own is documented.
    #[test]
    fn every_code_in_the_source_is_documented() {
        let families = [
            "listed",
            "rdns-",
            "helo-",
            "relay-",
            "accepts-",
            "auth-before",
            "auth-accepts",
            "vrfy-",
            "certificate-",
            "starttls-",
            "smarthost-",
            "server-",
            "postmaster-",
            "resolver-unfit",
            "vantage-",
            "list-broken",
            "listings-",
            "http-unexpected",
            "spf-",
            "dkim-",
            "dmarc-",
            "mx-",
            "mta-sts-",
            "tls-rpt-",
        ];
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/actions");
        let mut folders = vec![root];
        let mut seen = 0;
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("the source").flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                if path.extension().is_none_or(|end| end != "rs")
                    || path.to_string_lossy().contains("test")
                {
                    continue;
                }
                let text = std::fs::read_to_string(&path).expect("readable");
                for word in text.split('"').skip(1).step_by(2) {
                    let like_a_code = word.contains('-')
                        && word.chars().all(|c| c.is_ascii_lowercase() || c == '-');
                    if like_a_code
                        && !word.ends_with('-')
                        && families.iter().any(|family| word.starts_with(family))
                    {
                        seen += 1;
                        assert!(
                            find(word).is_some(),
                            "{}: {word} is not documented",
                            path.display()
                        );
                    }
                }
            }
        }
        assert!(
            seen > 20,
            "only {seen} codes were found: the test looks in the wrong place"
        );
    }

    #[test]
    fn codes_are_unique_and_told_in_full() {
        let mut seen = std::collections::BTreeSet::new();
        for code in codes() {
            assert!(seen.insert(&code.code), "{} is there twice", code.code);
            assert!(
                code.code
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || c == '-'),
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
