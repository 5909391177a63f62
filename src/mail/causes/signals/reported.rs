//! Signals that receivers report: complaints, DMARC results, connections over TLS.

use super::super::signal::{Measure, Signal, judge, told};
use super::super::wilson::lower_bound;
use super::{Input, counted, size};

/// A1: recipients complain about the site's mail.
pub(super) fn a1_complaints(input: &Input<'_>) -> Option<Signal> {
    let definition = input.site.limits_of("A1")?;
    let reported = &input.traffic.reported;
    let (cases, least) = (size(reported.complaints), definition.count("count"));
    if reported.reporters.is_empty() {
        return told("A1", None, String::new());
    }
    judge(
        "A1",
        // No complaint among other reports says nothing: few receivers send any.
        cases >= least,
        Measure {
            over: cases >= least,
            cases,
            measured: counted(cases, "complaint", "complaints"),
            expected: format!("at least {least}"),
            lines: reported.complaint_lines.lines(),
        },
    )
}

/// D1: others send in the site's name.
pub(super) fn d1_elsewhere(input: &Input<'_>) -> Option<Signal> {
    let definition = input.site.limits_of("D1")?;
    let reported = &input.traffic.reported;
    // Without the site's addresses nobody can tell its own mail from that of others.
    if input.site.addresses.is_empty() || reported.own.all + reported.elsewhere.all == 0 {
        return told("D1", None, String::new());
    }
    let (least, networks) = (definition.count("messages"), definition.count("networks"));
    let failed = size(reported.elsewhere.failed);
    judge(
        "D1",
        true,
        Measure {
            over: failed >= least && reported.networks.len() >= networks,
            cases: failed,
            measured: format!(
                "{} of {}",
                counted(failed, "message", "messages"),
                counted(reported.networks.len(), "network", "networks")
            ),
            expected: format!("at least {least} messages of {networks} networks"),
            lines: reported.elsewhere_lines.lines(),
        },
    )
}

/// D2: the site's own mail passes neither SPF nor DKIM.
pub(super) fn d2_own(input: &Input<'_>) -> Option<Signal> {
    let definition = input.site.limits_of("D2")?;
    let tally = input.traffic.reported.own;
    if tally.all == 0 {
        return told("D2", None, String::new());
    }
    let (failed, all) = (size(tally.failed), size(tally.all));
    let (count, share) = (definition.count("count"), definition.limit("share"));
    judge(
        "D2",
        all >= count,
        Measure {
            over: failed >= count && lower_bound(failed, all) >= share,
            cases: failed,
            measured: format!("{failed} of {}", counted(all, "message", "messages")),
            expected: format!("at least {count}, and {:.0} %", share * 100.0),
            lines: input.traffic.reported.own_lines.lines(),
        },
    )
}

/// S1: others cannot deliver to the site over TLS.
pub(super) fn s1_tls(input: &Input<'_>) -> Option<Signal> {
    let definition = input.site.limits_of("S1")?;
    let reported = &input.traffic.reported;
    if reported.tls.all == 0 {
        return told("S1", None, String::new());
    }
    let (failed, all) = (size(reported.tls.failed), size(reported.tls.all));
    let (least, share) = (definition.count("connections"), definition.limit("share"));
    let mut measured = format!("{failed} of {}", counted(all, "connection", "connections"));
    let mut whys: Vec<(&String, &u64)> = reported.tls_failures.iter().collect();
    whys.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
    let whys: Vec<&str> = whys.iter().take(3).map(|(why, _)| why.as_str()).collect();
    if !whys.is_empty() {
        measured.push_str(&format!(" ({})", whys.join(", ")));
    }
    judge(
        "S1",
        all >= least,
        Measure {
            over: lower_bound(failed, all) >= share,
            cases: failed,
            measured,
            expected: format!("{:.0} % of at least {least}", share * 100.0),
            lines: reported.tls_lines.lines(),
        },
    )
}
