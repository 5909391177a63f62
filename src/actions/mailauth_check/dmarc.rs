//! DMARC: the policy that applies, whether the site's own mail survives it, and whether reports may be sent.

use serde::Serialize;

use super::asking::Asker;
use super::remark::{Remarks, publish, replace};
use super::{Harvest, dkim, part_verdict, spf};
use crate::mail::dmarc::{
    Destination, Discovery, Held, Policy, Record, authorisation_name, discover, is_authorisation,
};
use crate::mail::dnsbl::registrable;
use crate::mail::lookup::{Lookup, Text};
use crate::record::{Severity, Verdict};

/// How DMARC of one domain stands.
#[derive(Debug, Clone, Serialize)]
pub(super) struct View {
    pub(super) verdict: Verdict,
    /// What receivers are asked to do with mail that fails.
    pub(super) policy: Option<Policy>,
    pub(super) reason: String,
    /// The record that applies.
    pub(super) record: Option<String>,
    /// Where it stands.
    pub(super) found_at: Option<String>,
    /// The organizational domain.
    pub(super) organization: String,
    /// The names asked on the way up.
    pub(super) walk: Vec<StepView>,
    pub(super) warnings: Vec<String>,
}

/// One name of the walk.
#[derive(Debug, Clone, Serialize)]
pub(super) struct StepView {
    name: String,
    record: Option<String>,
    detail: String,
}

/// Whether the site's own mail has a proof that DMARC takes; None: nobody knows.
#[derive(Debug, Clone, Copy)]
pub(super) struct OwnMail {
    spf: Option<bool>,
    dkim: Option<bool>,
}

impl OwnMail {
    pub(super) fn of(spf: &spf::View, keys: &[dkim::View]) -> Self {
        OwnMail {
            spf: spf.passes(),
            dkim: dkim::usable(keys),
        }
    }
}

/// Checks DMARC of `domain`.
pub(super) async fn check(
    asker: &mut Asker<'_>,
    domain: &str,
    own_mail: OwnMail,
    harvest: &mut Harvest,
) -> View {
    let subject = format!("DMARC of {domain}");
    let Some(found) = asker.settle(|known| discover(domain, known)).await else {
        harvest.take(Verdict::Unknown, &subject, Vec::new());
        return view(&Discovery::nothing(domain), Verdict::Unknown);
    };
    let mut lookups: Vec<Lookup> = found
        .steps
        .iter()
        .map(|step| Lookup::txt(&format!("_dmarc.{}", step.domain)))
        .collect();
    let destinations = match &found.policy {
        Some((record, at, _)) => foreign(record, at),
        None => Vec::new(),
    };
    let mut authorisations = Vec::new();
    for (destination, name) in destinations {
        let lookup = Lookup::txt(&name);
        let answer = asker.found(&lookup).await;
        let given = match answer.failure() {
            Some(why) => Err(why.to_owned()),
            None => Ok(answer
                .texts()
                .iter()
                .map(Text::joined)
                .any(|text| is_authorisation(&text))),
        };
        lookups.push(lookup);
        authorisations.push((destination, name, given));
    }
    let own = asker.found(&Lookup::txt(&format!("_dmarc.{domain}"))).await;
    let mut remarks = Remarks::about(&subject, asker.proof(&lookups, &[]));
    let mut warnings = Vec::new();
    match &found.policy {
        Some((record, at, held)) => {
            of_record(&mut remarks, domain, record, at, *held, own_mail);
            for (destination, name, given) in &authorisations {
                match given {
                    Ok(true) => {}
                    Ok(false) => remarks.add(
                        "dmarc-report-unauthorised",
                        Severity::Minor,
                        format!("reports about {at} are to go to {destination}, but that domain does not say that it takes them; no report is sent there"),
                        format!("Ask the owner of that domain to publish\n{name}. TXT \"v=DMARC1\"\nor name an address of the own domain in rua=."),
                    ),
                    Err(why) => warnings.push(format!("whether {destination} takes reports could not be asked: {why}")),
                }
            }
            warnings.extend(record.remarks.iter().cloned());
        }
        None if found.uncertain.is_none() => {
            without_record(&mut remarks, domain, &found, own.texts());
        }
        None => {}
    }
    let findings = remarks.into_findings();
    let verdict = match &found.uncertain {
        Some(_) if findings.is_empty() => Verdict::Unknown,
        _ => part_verdict(&findings),
    };
    harvest.take(verdict, &subject, findings);
    let mut view = view(&found, verdict);
    view.warnings.splice(0..0, warnings);
    view
}

fn of_record(
    remarks: &mut Remarks,
    domain: &str,
    record: &Record,
    at: &str,
    held: Held,
    own_mail: OwnMail,
) {
    let name = format!("_dmarc.{at}");
    if !record.faults.is_empty() {
        remarks.add(
            "dmarc-invalid",
            Severity::Minor,
            format!(
                "the DMARC record at {name} has a fault: {}",
                record.faults.join("; ")
            ),
            "Correct the tags named in the summary. Tags are separated by semicolons, and the record begins with 'v=DMARC1; p='.",
        );
    }
    let Some(policy) = record.applied(held != Held::Own, true) else {
        return;
    };
    if policy > Policy::None && own_mail.spf == Some(false) && own_mail.dkim == Some(false) {
        remarks.add(
            "dmarc-own-mail-fails",
            if policy == Policy::Reject {
                Severity::Critical
            } else {
                Severity::Major
            },
            format!(
                "the DMARC policy of {domain} is '{}', but the site's own mail neither passes SPF nor has a DKIM key: receivers that follow the policy do not deliver it",
                policy.as_str()
            ),
            "Mend SPF first (see its finding). Until then ask for nothing: change 'p=' to none in the record.",
        );
    }
    if policy == Policy::None {
        let what = if record.testing {
            "is only tested (t=y)"
        } else {
            "asks for nothing (p=none)"
        };
        remarks.add(
            "dmarc-monitoring",
            Severity::Informational,
            format!("the DMARC policy of {domain} {what}: it protects nobody yet"),
            "Read the reports for some weeks; when all own mail passes, change the policy to quarantine, then to reject.",
        );
    }
    if record.aggregate.is_empty() {
        remarks.add(
            "dmarc-no-reports",
            Severity::Informational,
            format!("the DMARC record at {name} names no address for reports, so nobody learns what it does"),
            format!("Add 'rua=mailto:dmarc@{at}' to the record, with a mailbox that somebody reads."),
        );
    }
    if record
        .remarks
        .iter()
        .any(|remark| remark.contains("out of use"))
    {
        remarks.add(
            "dmarc-outdated",
            Severity::Informational,
            format!(
                "the DMARC record at {name} uses tags that were withdrawn: {}",
                record.remarks.join("; ")
            ),
            "Remove pct=, rf= and ri= from the record; write t=y for a policy under test.",
        );
    }
}

fn without_record(remarks: &mut Remarks, domain: &str, found: &Discovery, texts: &[Text]) {
    let name = format!("_dmarc.{domain}");
    let several = found.steps.iter().find(|step| step.records > 1);
    let fresh = format!("v=DMARC1; p=none; rua=mailto:postmaster@{domain}");
    if let Some(step) = several {
        remarks.add(
            "dmarc-multiple",
            Severity::Minor,
            format!(
                "_dmarc.{} has {} DMARC records; receivers pass over all of them",
                step.domain, step.records
            ),
            "Keep one of them, and remove the others.",
        );
    } else if let Some(text) = texts
        .iter()
        .map(Text::joined)
        .find(|text| text.to_ascii_lowercase().contains("dmarc"))
    {
        remarks.add(
            "dmarc-invalid",
            Severity::Minor,
            format!("the text record at {name} is meant to be DMARC, but does not begin with 'v=DMARC1;' to the letter; receivers pass over it: {text}"),
            replace(&name, &fresh),
        );
    } else {
        remarks.add(
            "dmarc-missing",
            Severity::Minor,
            format!(
                "{domain} has no DMARC record; large receivers want one from those who send much"
            ),
            format!(
                "{}\nIt changes nothing about delivery; the reports show who sends as this domain.",
                publish(&name, &fresh)
            ),
        );
    }
}

/// Destinations of reports in other organizations, with the name where each must say that it takes them.
fn foreign(record: &Record, at: &str) -> Vec<(String, String)> {
    let own = registrable(at);
    let mut names: Vec<(String, String)> = Vec::new();
    for Destination { domain, .. } in record.aggregate.iter().chain(&record.failure) {
        let Some(domain) = domain else { continue };
        let same = domain == at || own.is_some() && registrable(domain) == own;
        if !same && !names.iter().any(|(known, _)| known == domain) {
            names.push((domain.clone(), authorisation_name(at, domain)));
        }
    }
    names
}

fn view(found: &Discovery, verdict: Verdict) -> View {
    let applied = found
        .policy
        .as_ref()
        .and_then(|(record, _, held)| record.applied(*held != Held::Own, true));
    let at = found.policy.as_ref().map(|(_, at, _)| at.clone());
    let record = found
        .steps
        .iter()
        .find(|step| Some(&step.domain) == at.as_ref())
        .and_then(|step| step.record.clone());
    let reason = match (&found.policy, &found.uncertain) {
        (_, Some(why)) => why.clone(),
        (Some((_, _, Held::Own)), None) => String::new(),
        (Some((_, at, Held::Organization)), None) => {
            format!("the record of the organizational domain {at} applies")
        }
        (Some((_, at, Held::Suffix)), None) => {
            format!("the record of the public suffix {at} applies")
        }
        (None, None) => "no record applies".to_owned(),
    };
    View {
        verdict,
        policy: applied,
        reason,
        record,
        found_at: at,
        organization: found.organization.clone(),
        walk: found
            .steps
            .iter()
            .map(|step| StepView {
                name: format!("_dmarc.{}", step.domain),
                record: step.record.clone(),
                detail: match (&step.failed, step.records) {
                    (Some(why), _) => format!("could not be asked: {why}"),
                    (None, 0) => "no record".to_owned(),
                    (None, 1) => String::new(),
                    (None, many) => format!("{many} records, which count for none"),
                },
            })
            .collect(),
        warnings: Vec::new(),
    }
}
