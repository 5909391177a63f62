//! What is wrong with a server's certificate, as a finding code and a sentence: the same for every check that sees one.

use crate::probes::smtp::{CertificateReport, ChainVerdict};

/// A certificate that ends within this many days is worth a warning.
const SOON: i64 = 21;
/// RSA keys shorter than this count as weak (NIST SP 800-131A).
const SHORTEST_RSA: usize = 2048;

/// The worst fault of a certificate: its code, and what is wrong in words. None when it is in order.
pub(super) fn fault(report: &CertificateReport) -> Option<(&'static str, String)> {
    let faults = || report.faults().join("; ");
    if !report.name_matches {
        Some(("certificate-name", faults()))
    } else if !report.in_time {
        Some(("certificate-expired", faults()))
    } else if report.chain != ChainVerdict::Trusted {
        Some(("certificate-untrusted", faults()))
    } else if report.days_left() < SOON {
        let detail = format!(
            "it ends in {} days, on {}",
            report.days_left(),
            report.not_after
        );
        Some(("certificate-expiring", detail))
    } else if report.key == "RSA" && report.key_bits < SHORTEST_RSA {
        let detail = format!("its key is RSA with {} bits", report.key_bits);
        Some(("certificate-weak", detail))
    } else {
        None
    }
}

/// A certificate in order, in one line.
pub(super) fn summary(report: &CertificateReport) -> String {
    format!(
        "for {}, by {}, until {}",
        report.expected, report.issuer, report.not_after
    )
}

/// A certificate as evidence.
pub(super) fn evidence(report: &CertificateReport) -> String {
    format!(
        "subject {}\nissuer {}\nnames {}\nvalid from {} to {}\nkey {} {} bits\nasked for {}\nseen {}",
        report.subject,
        report.issuer,
        report.names.join(", "),
        report.not_before,
        report.not_after,
        report.key,
        report.key_bits,
        report.expected,
        report.seen,
    )
}
