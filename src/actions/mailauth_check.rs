//! `mailauth.check`: can receivers tell that mail is really the site's? SPF, DKIM, DMARC, MX, MTA-STS and TLS reports.
//!
//! SPF is evaluated by RFC 7208 for the addresses that really send and for the HELO name, and every term is shown with what
//! it costs. DKIM keys are looked up by the selectors that the site file names: DNS cannot list them. DMARC is found by the
//! walk of RFC 9989. What is written in the records is judged by [`crate::mail`]; here it is asked for, and put into
//! findings with a record to paste.
//!
//! Hosts touched: the resolvers, and for a domain of the site that announces an MTA-STS policy the web server
//! `mta-sts.DOMAIN` (RFC 8461 fixes that name).

mod asking;
mod dkim;
mod dmarc;
mod exchangers;
mod remark;
mod spf;
mod spf_findings;
#[cfg(test)]
mod tests;
mod transport;

use std::net::IpAddr;

use serde::Serialize;

use super::{
    Action, ActionError, Argument, Context, Effect, Kind, Next, Output, Report, Work, address,
};
use crate::mail::dnsbl::{a_labels, askable};
use crate::mail::ptr::{Helo, helo};
use crate::record::{Finding, Severity, Verdict};
use asking::Asker;

/// The check.
pub(super) struct MailauthCheck;

const ARGUMENTS: &[Argument] = &[
    Argument::optional(
        "domains",
        Kind::TextList,
        "the site's domains",
        "domains that mail is sent from",
    ),
    Argument::optional(
        "address",
        Kind::TextList,
        "the site's outbound addresses, and the one that delivery.probe saw last in this run",
        "addresses that send: SPF is evaluated for each",
    ),
    Argument::optional(
        "helo",
        Kind::Text,
        "the HELO name of the site file",
        "the name the server gives with HELO or EHLO: receivers look at its SPF record too",
    ),
    Argument::optional(
        "selectors",
        Kind::TextList,
        "dkim.selectors of the site file, and usual ones where it says dkim.common",
        "DKIM selectors, as NAME or as NAME@DOMAIN for one domain only",
    ),
];

const OUTPUTS: &[Output] = &[Output::new(
    "domains",
    "for each domain: domain; spf (verdict, result, reason, record, lookups, void_lookups, lookups_whole, addresses, terms, faults, warnings, helo); dkim (selector, verdict, bits, record, warnings); dmarc (verdict, policy, reason, record, organization, walk, warnings); mx (verdict, hosts, exchangers, warnings); mta_sts and tls_rpt (verdict, mode, reason, record, warnings)",
)];

impl Action for MailauthCheck {
    fn name(&self) -> &'static str {
        "mailauth.check"
    }

    fn summary(&self) -> &'static str {
        "check SPF for the real addresses, DKIM keys, DMARC, MX, MTA-STS and TLS reports"
    }

    fn effect(&self) -> Effect {
        Effect::Probe
    }

    fn arguments(&self) -> &'static [Argument] {
        ARGUMENTS
    }

    fn outputs(&self) -> &'static [Output] {
        OUTPUTS
    }

    fn carry_out<'a>(&'a self, context: &'a Context<'a>) -> Work<'a> {
        Box::pin(async move { check(context).await })
    }
}

/// What is asked about each domain.
struct Plan {
    domains: Vec<String>,
    addresses: Vec<IpAddr>,
    helo: Option<String>,
    selectors: Vec<Selector>,
    /// Also the usual selectors.
    common: bool,
}

/// A selector, for all domains or for one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Selector {
    name: String,
    domain: Option<String>,
}

/// How one proof stands; beside it lies what was seen.
#[derive(Debug, Clone, Serialize)]
struct DomainView {
    domain: String,
    spf: spf::View,
    dkim: Vec<dkim::View>,
    dmarc: dmarc::View,
    mx: exchangers::View,
    mta_sts: transport::View,
    tls_rpt: transport::View,
}

/// What the parts of the check found, and what they were sure about.
#[derive(Default)]
struct Harvest {
    findings: Vec<Finding>,
    judged: Vec<String>,
    /// At least one part could not tell.
    unknown: bool,
    /// At least one part had something to look at.
    looked: bool,
}

impl Harvest {
    /// Takes in how a part ended: its verdict, what it is about, its findings.
    fn take(&mut self, verdict: Verdict, subject: &str, findings: Vec<Finding>) {
        match verdict {
            Verdict::Good | Verdict::Finding => {
                self.looked = true;
                self.judged.push(subject.to_owned());
            }
            Verdict::Unknown => self.unknown = true,
            Verdict::NotApplicable => self.judged.push(subject.to_owned()),
        }
        self.findings.extend(findings);
    }

    fn verdict(&self) -> Verdict {
        if part_verdict(&self.findings) == Verdict::Finding {
            Verdict::Finding
        } else if self.unknown {
            Verdict::Unknown
        } else if self.looked {
            Verdict::Good
        } else {
            Verdict::NotApplicable
        }
    }
}

/// Something to act on, or nothing but remarks.
fn part_verdict(findings: &[Finding]) -> Verdict {
    let acted_on = findings
        .iter()
        .any(|finding| finding.severity > Severity::Informational);
    if acted_on {
        Verdict::Finding
    } else {
        Verdict::Good
    }
}

async fn check(context: &Context<'_>) -> Result<Next, ActionError> {
    let plan = plan(context)?;
    let mut harvest = Harvest::default();
    let mut views = Vec::new();
    let mut asker = Asker::new(context);
    for (number, domain) in plan.domains.iter().enumerate() {
        context
            .progress
            .note(&format!("asking about the mail records of {domain}"));
        views.push(of_domain(context, &mut asker, &plan, domain, &mut harvest).await);
        context
            .progress
            .count(number as u64 + 1, plan.domains.len() as u64);
    }
    // the same HELO name stands behind every domain: its finding is told once
    let mut seen = Vec::new();
    harvest.findings.retain(|finding| {
        let key = (finding.code.clone(), finding.subject.clone());
        let first = !seen.contains(&key);
        seen.push(key);
        first
    });
    let mut report = Report::new(harvest.verdict()).with("domains", views);
    report.findings = harvest.findings;
    report.subjects = harvest.judged;
    Ok(report.into())
}

async fn of_domain(
    context: &Context<'_>,
    asker: &mut Asker<'_>,
    plan: &Plan,
    domain: &str,
    harvest: &mut Harvest,
) -> DomainView {
    let spf = spf::check(context, asker, plan, domain, harvest).await;
    let dkim = dkim::check(asker, plan, domain, harvest).await;
    let own_mail = dmarc::OwnMail::of(&spf, &dkim);
    let dmarc = dmarc::check(asker, domain, own_mail, harvest).await;
    let mx = exchangers::check(context, asker, domain, harvest).await;
    let mta_sts = transport::policy(context, asker, domain, &mx, harvest).await;
    let tls_rpt = transport::reports(asker, domain, &mta_sts, harvest).await;
    DomainView {
        domain: domain.to_owned(),
        spf,
        dkim,
        dmarc,
        mx,
        mta_sts,
        tls_rpt,
    }
}

fn plan(context: &Context<'_>) -> Result<Plan, ActionError> {
    let site = context.site;
    let given = context.args.texts("domains")?;
    let mut domains = Vec::new();
    for text in given.as_ref().unwrap_or(&site.domains) {
        let name = a_labels(text).map_err(|error| {
            ActionError::because(format!("cannot check domain '{text}'"), error).nothing_sent()
        })?;
        if !domains.contains(&name) {
            domains.push(name);
        }
    }
    let helo_name = match context.args.text("helo")? {
        Some(given) if given.trim().is_empty() => None,
        Some(given) => match helo(&given) {
            Ok(Helo::Name(name)) => Some(name),
            Ok(Helo::Literal(_)) => None,
            Err(fault) => {
                return Err(
                    ActionError::new(format!("cannot check HELO name '{given}': {fault}"))
                        .nothing_sent(),
                );
            }
        },
        // a HELO name that breaks the rules is the business of rdns.verify
        None => match site.outbound.helo.as_deref().map(helo) {
            Some(Ok(Helo::Name(name))) => Some(name),
            _ => None,
        },
    };
    Ok(Plan {
        domains,
        addresses: addresses(context)?,
        helo: helo_name,
        selectors: selectors(context)?,
        common: site.dkim.common && context.args.get("selectors").is_none(),
    })
}

fn addresses(context: &Context<'_>) -> Result<Vec<IpAddr>, ActionError> {
    let site = context.site;
    let ours = &site.outbound.addresses;
    let mut addresses = address::given(context, "address", ours, "evaluate SPF for")?;
    if context.args.get("address").is_none() {
        // where mail was really seen to leave, through the smarthost too
        let egress = context
            .facts
            .latest_outputs("delivery.probe")
            .and_then(|outputs| outputs.get("egress")?.as_str()?.parse().ok());
        if let Some(egress) = egress
            && askable(egress, site.laboratory).is_ok()
            && !addresses.contains(&egress)
        {
            addresses.push(egress);
        }
    }
    Ok(addresses)
}

fn selectors(context: &Context<'_>) -> Result<Vec<Selector>, ActionError> {
    let given = context.args.texts("selectors")?;
    given
        .as_ref()
        .unwrap_or(&context.site.dkim.selectors)
        .iter()
        .map(|text| {
            let (name, domain) = match text.trim().split_once('@') {
                Some((name, domain)) => (name, Some(domain)),
                None => (text.trim(), None),
            };
            let read = |part: &str| {
                a_labels(part).map_err(|error| {
                    ActionError::because(format!("cannot use selector '{text}'"), error)
                        .nothing_sent()
                })
            };
            Ok(Selector {
                name: read(name)?,
                domain: domain.map(read).transpose()?,
            })
        })
        .collect()
}
