//! The mail exchangers as far as DNS tells; how they answer is the business of `server.check`.

use std::net::IpAddr;

use serde::Serialize;

use super::asking::Asker;
use super::remark::Remarks;
use super::{Harvest, part_verdict};
use crate::actions::Context;
use crate::mail::dnsbl::registrable;
use crate::mail::exchangers::{FaultKind, Reading, read};
use crate::mail::lookup::Lookup;
use crate::record::{Severity, Verdict};
use crate::site::special_use;

/// How a domain takes mail.
#[derive(Debug, Clone, Serialize)]
pub(super) struct View {
    pub(super) verdict: Verdict,
    /// Names with their preference, in one line.
    pub(super) hosts: String,
    pub(super) exchangers: Vec<ExchangerView>,
    pub(super) reason: String,
    pub(super) warnings: Vec<String>,
}

/// One exchanger.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ExchangerView {
    pub(super) host: String,
    pub(super) preference: u16,
    pub(super) addresses: Vec<IpAddr>,
}

/// Checks the exchangers of `domain`.
pub(super) async fn check(
    context: &Context<'_>,
    asker: &mut Asker<'_>,
    domain: &str,
    harvest: &mut Harvest,
) -> View {
    let laboratory = context.site.laboratory;
    let special = |address: IpAddr| {
        // even in a laboratory no receiver reaches another machine's loopback
        special_use(address).filter(|_| !laboratory || address.is_loopback())
    };
    let subject = format!("MX of {domain}");
    let reading = asker
        .settle(|known| read(domain, known, special))
        .await
        .unwrap_or_default();
    let mut lookups = vec![Lookup::mx(domain)];
    for one in &reading.exchangers {
        lookups.push(Lookup::A(one.host.clone()));
        lookups.push(Lookup::Aaaa(one.host.clone()));
    }
    let mut remarks = Remarks::about(&subject, asker.proof(&lookups, &[]));
    faults(&mut remarks, domain, &reading);
    elsewhere(&mut remarks, domain, &reading);
    let findings = remarks.into_findings();
    let verdict = match &reading.uncertain {
        Some(_) if findings.is_empty() => Verdict::Unknown,
        _ => part_verdict(&findings),
    };
    harvest.take(verdict, &subject, findings);
    let hosts: Vec<String> = reading
        .exchangers
        .iter()
        .map(|one| format!("{} ({})", one.host, one.preference))
        .collect();
    View {
        verdict,
        hosts: hosts.join(", "),
        exchangers: reading
            .exchangers
            .iter()
            .map(|one| ExchangerView {
                host: one.host.clone(),
                preference: one.preference,
                addresses: one.addresses.clone(),
            })
            .collect(),
        reason: reading.uncertain.unwrap_or_default(),
        warnings: reading.faults.into_iter().map(|fault| fault.what).collect(),
    }
}

fn faults(remarks: &mut Remarks, domain: &str, reading: &Reading) {
    let reachable = reading
        .exchangers
        .iter()
        .any(|one| !one.addresses.is_empty() || one.failed.is_some());
    for fault in &reading.faults {
        let host = &fault.host;
        let (code, severity, remedy) = match fault.kind {
            FaultKind::Missing => (
                "mx-missing",
                Severity::Critical,
                format!("Publish the mail server as exchanger:\n{domain}. MX 10 mail.{domain}.\nwith an address record for that name."),
            ),
            FaultKind::Implicit => (
                "mx-missing",
                Severity::Minor,
                format!("Publish the mail server as exchanger:\n{domain}. MX 10 mail.{domain}."),
            ),
            FaultKind::Null => (
                "mx-null",
                Severity::Critical,
                format!("Remove the null MX and publish the mail server:\n{domain}. MX 10 mail.{domain}.\nIf the domain really takes no mail, send from another one."),
            ),
            FaultKind::NullBesides => (
                "mx-null",
                Severity::Major,
                "Remove the record 'MX 0 .'; it may only stand alone.".to_owned(),
            ),
            FaultKind::Alias => (
                "mx-alias",
                Severity::Minor,
                format!("Give {host} address records of its own, or name the host that it stands for as exchanger."),
            ),
            FaultKind::Literal => (
                "mx-literal",
                Severity::Major,
                "Give the server a name with an address record, and name that as exchanger.".to_owned(),
            ),
            FaultKind::Dangling => (
                "mx-dangling",
                if reachable { Severity::Minor } else { Severity::Critical },
                format!("Give {host} an address record, or remove it from the exchangers of {domain}."),
            ),
            FaultKind::Private => (
                "mx-private",
                if reading.exchangers.len() > 1 { Severity::Minor } else { Severity::Major },
                format!("Give {host} the public address of the server, or remove it from the exchangers of {domain}."),
            ),
            FaultKind::Same => (
                "mx-same-machine",
                Severity::Informational,
                "Remove the second exchanger; it only doubles the wait of senders when the machine is down.".to_owned(),
            ),
        };
        remarks.add(code, severity, fault.what.clone(), remedy);
    }
}

/// A reserve at somebody else's: often forgotten, and a door for spam when it does not know the recipients.
fn elsewhere(remarks: &mut Remarks, domain: &str, reading: &Reading) {
    let Some(first) = reading.exchangers.first() else {
        return;
    };
    let home = registrable(&first.host);
    let mut told: Vec<&str> = Vec::new();
    for one in &reading.exchangers[1..] {
        if registrable(&one.host) != home && one.preference > first.preference {
            told.push(&one.host);
        }
    }
    if !told.is_empty() {
        remarks.add(
            "mx-backup-elsewhere",
            Severity::Informational,
            format!(
                "{} of {domain} is run by somebody else than {}",
                told.join(", "),
                first.host
            ),
            "Make sure that it is still meant to be there, and that it refuses unknown recipients: spammers prefer such reserves, and what they bounce harms the site.",
        );
    }
}
