//! A fault on its way to becoming a finding.

use crate::record::{Evidence, Finding, Severity};

/// What the findings of one part have in common.
pub(super) struct Remarks {
    subject: String,
    proof: Vec<Evidence>,
    findings: Vec<Finding>,
}

impl Remarks {
    /// About `subject`, proved by `proof`.
    pub(super) fn about(subject: &str, proof: Evidence) -> Self {
        Remarks {
            subject: subject.to_owned(),
            proof: vec![proof],
            findings: Vec::new(),
        }
    }

    /// What proves the findings that follow, beside the rest.
    pub(super) fn prove(&mut self, proof: Evidence) {
        self.proof.push(proof);
    }

    /// Adds a finding. A summary begins with what it is about, so that it can stand alone.
    pub(super) fn add(
        &mut self,
        code: &str,
        severity: Severity,
        summary: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.findings.push(Finding {
            code: code.to_owned(),
            severity,
            subject: self.subject.clone(),
            summary: summary.into(),
            evidence: self.proof.clone(),
            remedy: remedy.into(),
        });
    }

    /// True while nothing was found.
    pub(super) fn is_empty(&self) -> bool {
        self.findings.is_empty()
    }

    /// The findings.
    pub(super) fn into_findings(self) -> Vec<Finding> {
        self.findings
    }
}

/// How a technician publishes a text record.
pub(super) fn publish(name: &str, text: &str) -> String {
    format!("Publish this record in the DNS zone of the domain:\n{name}. TXT \"{text}\"")
}

/// How a technician replaces one.
pub(super) fn replace(name: &str, text: &str) -> String {
    format!("Replace the record in the DNS zone of the domain by this one:\n{name}. TXT \"{text}\"")
}
