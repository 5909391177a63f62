//! MTA-STS and TLS reports: how others are to deliver to the domain.

use std::time::Duration;

use serde::Serialize;

use super::asking::Asker;
use super::remark::{Remarks, publish, replace};
use super::{Harvest, exchangers, part_verdict};
use crate::actions::Context;
use crate::error_chain::chain;
use crate::mail::lookup::{Found, Lookup, Text};
use crate::mail::mta_sts::{
    Mode, POLICY_PATH, SHORT_AGE, is_record, is_report_record, policy_host, record, record_name,
    report_name, report_record,
};
use crate::probes::Http;
use crate::probes::http::HttpRequest;
use crate::record::{Evidence, Severity, Verdict};
use crate::site::special_use;

/// For the fetch of a policy; RFC 8461 §3.3 suggests a minute.
const PATIENCE: Duration = Duration::from_secs(30);
/// The same in a laboratory, where nothing is far away.
const SHORT_PATIENCE: Duration = Duration::from_secs(2);
/// Lines of a policy that its evidence shows.
const SHOWN_LINES: usize = 20;
/// Octets of a policy that senders read (RFC 8461 §3.2).
const LARGEST: usize = 64 * 1024;

/// How MTA-STS or TLS-RPT stands.
#[derive(Debug, Clone, Serialize)]
pub(super) struct View {
    pub(super) verdict: Verdict,
    /// Of an MTA-STS policy.
    pub(super) mode: Option<&'static str>,
    pub(super) reason: String,
    pub(super) record: Option<String>,
    pub(super) warnings: Vec<String>,
}

impl View {
    fn new(verdict: Verdict, reason: impl Into<String>) -> Self {
        View {
            verdict,
            mode: None,
            reason: reason.into(),
            record: None,
            warnings: Vec::new(),
        }
    }
}

/// What a fetch came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fetched {
    /// The file.
    Policy(String),
    /// An answer that senders do not take, in words.
    Refused(String),
    /// The certificate does not hold.
    Certificate(String),
    /// No answer.
    Silent(String),
}

/// Checks MTA-STS of `domain`.
pub(super) async fn policy(
    context: &Context<'_>,
    asker: &mut Asker<'_>,
    domain: &str,
    mx: &exchangers::View,
    harvest: &mut Harvest,
) -> View {
    let subject = format!("MTA-STS of {domain}");
    let lookup = Lookup::txt(&record_name(domain));
    let found = asker.found(&lookup).await;
    let texts: Vec<String> = found
        .texts()
        .iter()
        .map(Text::joined)
        .filter(|text| is_record(text))
        .collect();
    if let Some(why) = found.failure() {
        harvest.take(Verdict::Unknown, &subject, Vec::new());
        return View::new(Verdict::Unknown, format!("it could not be asked: {why}"));
    }
    let Some(text) = texts.first() else {
        harvest.take(Verdict::NotApplicable, &subject, Vec::new());
        return View::new(Verdict::NotApplicable, "not published; it is optional");
    };
    let host = policy_host(domain);
    let proof = asker.proof(&[lookup], &[]);
    let mut remarks = Remarks::about(&subject, proof.clone());
    let name = record_name(domain);
    let mut view = View::new(Verdict::Good, "");
    view.record = Some(text.clone());
    let fault = match record(text) {
        _ if texts.len() > 1 => Some(format!("there are {} records, one is allowed", texts.len())),
        Ok(_) => None,
        Err(why) => Some(why),
    };
    if let Some(fault) = fault {
        remarks.add(
            "mta-sts-record",
            Severity::Minor,
            format!("the MTA-STS record {name} is passed over by senders: {fault}"),
            replace(&name, "v=STSv1; id=1"),
        );
    }
    let mut unknown = None;
    match may_fetch(context, domain, &host) {
        false => unknown = Some(format!("the policy was not fetched: {domain} is no domain of the site file")),
        true => match fetch_policy(context, asker, &host, &mut remarks).await {
            Fetched::Policy(text) => judge(&mut remarks, &mut view, domain, &text, mx, &mut unknown),
            Fetched::Refused(what) => remarks.add(
                "mta-sts-policy",
                Severity::Minor,
                format!("senders cannot take the MTA-STS policy of {domain}: {what}"),
                format!("Serve the file under https://{host}{POLICY_PATH} itself, as text/plain with status 200. Senders follow no redirect."),
            ),
            Fetched::Certificate(what) => remarks.add(
                "mta-sts-certificate",
                Severity::Minor,
                format!("senders cannot take the MTA-STS policy of {domain}, because the certificate of {host} does not hold: {what}"),
                format!("Get a public certificate for the name {host}, and see to it that it is renewed."),
            ),
            Fetched::Silent(why) => unknown = Some(format!("the policy could not be fetched from here: {why}")),
        },
    }
    let findings = remarks.into_findings();
    let verdict = match &unknown {
        Some(_) if findings.is_empty() => Verdict::Unknown,
        _ => part_verdict(&findings),
    };
    view.verdict = verdict;
    if let Some(why) = unknown {
        view.reason = why;
    }
    view.warnings.extend(
        findings
            .iter()
            .filter(|finding| finding.severity > Severity::Informational)
            .map(|finding| finding.summary.clone()),
    );
    harvest.take(verdict, &subject, findings);
    view
}

/// Only hosts of the site are touched; the policy's host is fixed by the domain's name.
fn may_fetch(context: &Context<'_>, domain: &str, host: &str) -> bool {
    context.site.knows_host(domain) || context.site.knows_host(host)
}

async fn fetch_policy(
    context: &Context<'_>,
    asker: &mut Asker<'_>,
    host: &str,
    remarks: &mut Remarks,
) -> Fetched {
    let (v4, v6) = (
        asker.found(&Lookup::A(host.to_owned())).await,
        asker.found(&Lookup::Aaaa(host.to_owned())).await,
    );
    let nowhere = |found: &Found| matches!(found, Found::NoName | Found::NoData);
    if nowhere(&v4) && nowhere(&v6) {
        let (v4, v6) = (Lookup::A(host.to_owned()), Lookup::Aaaa(host.to_owned()));
        remarks.prove(asker.proof(&[v4, v6], &[]));
        return Fetched::Refused(format!("its host {host} has no address"));
    }
    let url = format!("https://{host}{POLICY_PATH}");
    let fetched = fetch_outside(context, &url, host, &[v4, v6]).await;
    let told = match &fetched {
        Fetched::Policy(text) => {
            let shown: Vec<&str> = text.lines().take(SHOWN_LINES).collect();
            format!("200, as text/plain\n{}", shown.join("\n"))
        }
        Fetched::Refused(what) | Fetched::Certificate(what) | Fetched::Silent(what) => what.clone(),
    };
    let now = context.probes.clock.now();
    remarks.prove(Evidence::new("http", format!("GET {url}: {told}"), now));
    fetched
}

/// Fetches the policy where senders would: from where the site's name leads outside, by the authorities that everybody trusts.
async fn fetch_outside(context: &Context<'_>, url: &str, host: &str, found: &[Found]) -> Fetched {
    let laboratory = context.site.laboratory;
    let inside = found
        .iter()
        .flat_map(Found::addresses)
        .find_map(|address| special_use(address).map(|what| (address, what)));
    if let (Some((address, what)), false) = (inside, laboratory) {
        // split names: what stands there inside says nothing about what senders see
        return Fetched::Silent(format!(
            "the resolver here leads {host} to {address} ({what}); senders outside are led elsewhere, or nowhere"
        ));
    }
    let patience = if laboratory { SHORT_PATIENCE } else { PATIENCE };
    let http = &context.probes.http;
    if laboratory {
        fetch(http, url, patience).await
    } else {
        fetch_as_strangers(http, url, patience).await
    }
}

/// Fetches a policy by the authorities that everybody trusts. Where only this machine's own make it work, it says nothing.
pub(super) async fn fetch_as_strangers(http: &Http, url: &str, patience: Duration) -> Fetched {
    let Some(strangers) = http.as_strangers() else {
        return fetch(http, url, patience).await;
    };
    let fetched = fetch(&strangers, url, patience).await;
    let Fetched::Certificate(fault) = &fetched else {
        return fetched;
    };
    match fetch(http, url, patience).await {
        Fetched::Certificate(_) | Fetched::Silent(_) => fetched,
        _ => Fetched::Silent(format!(
            "the certificate that is shown here holds only for this machine ('authorities' in mailmedic.yaml), so \
             something between looks into HTTPS; ask from a line without it (senders would say: {fault})"
        )),
    }
}

/// Fetches a policy as senders do (RFC 8461 §3.3): a certificate that holds, no redirect, text/plain.
pub(super) async fn fetch(http: &Http, url: &str, patience: Duration) -> Fetched {
    let request = HttpRequest {
        url: url.to_owned(),
        timeout: Some(patience),
        ..HttpRequest::default()
    };
    let answer = match http.send(request).await {
        Ok(answer) => answer,
        Err(error) => {
            return match error.certificate_fault() {
                Some(fault) => Fetched::Certificate(fault),
                None => Fetched::Silent(chain(&error)),
            };
        }
    };
    match answer.status {
        200 => {}
        300..=399 => {
            let to = answer.header("location").unwrap_or("elsewhere");
            return Fetched::Refused(format!("the server sends on to {to}"));
        }
        status => return Fetched::Refused(format!("the server answers with status {status}")),
    }
    let kind = answer.header("content-type").unwrap_or("nothing");
    let media = kind.split(';').next().unwrap_or_default().trim();
    if !media.eq_ignore_ascii_case("text/plain") {
        return Fetched::Refused(format!("the file is sent as '{kind}', not as text/plain"));
    }
    if answer.truncated || answer.body.len() > LARGEST {
        return Fetched::Refused(format!("the file is larger than {LARGEST} octets"));
    }
    Fetched::Policy(answer.text())
}

fn judge(
    remarks: &mut Remarks,
    view: &mut View,
    domain: &str,
    text: &str,
    mx: &exchangers::View,
    unknown: &mut Option<String>,
) {
    let policy = match crate::mail::mta_sts::policy(text) {
        Ok(policy) => policy,
        Err(faults) => {
            remarks.add(
                "mta-sts-policy",
                Severity::Minor,
                format!(
                    "senders cannot use the MTA-STS policy of {domain}: {}",
                    faults.join("; ")
                ),
                format!("Correct the file; a good one reads:\n{}", example(mx)),
            );
            return;
        }
    };
    view.mode = Some(policy.mode.as_str());
    if policy.mode == Mode::None {
        "the policy is withdrawn (mode none)".clone_into(&mut view.reason);
        return;
    }
    if mx.exchangers.is_empty() && mx.verdict == Verdict::Unknown {
        *unknown = Some(
            "whether the policy names the exchangers could not be told: they are not known"
                .to_owned(),
        );
    }
    let missing: Vec<&str> = mx
        .exchangers
        .iter()
        .map(|one| one.host.as_str())
        .filter(|host| !policy.covers(host))
        .collect();
    if !missing.is_empty() {
        remarks.add(
            "mta-sts-mx",
            if policy.mode == Mode::Enforce { Severity::Critical } else { Severity::Minor },
            format!(
                "the MTA-STS policy of {domain} (mode {}) does not name {}: senders that follow it do not deliver there",
                policy.mode.as_str(),
                missing.join(", ")
            ),
            format!("Add the missing lines to the policy and change the id of the record {}:\n{}", record_name(domain), lines(&missing)),
        );
    }
    if policy.mode == Mode::Testing {
        remarks.add(
            "mta-sts-testing",
            Severity::Informational,
            format!("the MTA-STS policy of {domain} is only tested"),
            "When the TLS reports show no failures for some weeks, change the mode to enforce and the id of the record.",
        );
    }
    if policy.max_age < SHORT_AGE {
        remarks.add(
            "mta-sts-max-age",
            Severity::Informational,
            format!(
                "senders keep the MTA-STS policy of {domain} for {} seconds only",
                policy.max_age
            ),
            "Set max_age to a week (604800) or more.",
        );
    }
}

fn lines(hosts: &[&str]) -> String {
    let lines: Vec<String> = hosts.iter().map(|host| format!("mx: {host}")).collect();
    lines.join("\n")
}

/// A policy file that fits.
fn example(mx: &exchangers::View) -> String {
    let hosts: Vec<&str> = mx.exchangers.iter().map(|one| one.host.as_str()).collect();
    format!(
        "version: STSv1\nmode: testing\n{}\nmax_age: 604800",
        lines(&hosts)
    )
}

/// Checks TLS reports of `domain`.
pub(super) async fn reports(
    asker: &mut Asker<'_>,
    domain: &str,
    mta_sts: &View,
    harvest: &mut Harvest,
) -> View {
    let subject = format!("TLS reports of {domain}");
    let name = report_name(domain);
    let lookup = Lookup::txt(&name);
    let found = asker.found(&lookup).await;
    if let Some(why) = found.failure() {
        harvest.take(Verdict::Unknown, &subject, Vec::new());
        return View::new(Verdict::Unknown, format!("it could not be asked: {why}"));
    }
    let texts: Vec<String> = found
        .texts()
        .iter()
        .map(Text::joined)
        .filter(|text| is_report_record(text))
        .collect();
    let proof: Evidence = asker.proof(&[lookup], &[]);
    let mut remarks = Remarks::about(&subject, proof);
    let fresh = format!("v=TLSRPTv1; rua=mailto:postmaster@{domain}");
    let mut view = View::new(Verdict::NotApplicable, "not published; it is optional");
    if let Some(text) = texts.first() {
        let fault = match report_record(text) {
            _ if texts.len() > 1 => {
                Some(format!("there are {} records, one is allowed", texts.len()))
            }
            Ok(_) => None,
            Err(why) => Some(why),
        };
        if let Some(fault) = &fault {
            remarks.add(
                "tls-rpt-invalid",
                Severity::Minor,
                format!("the record {name} is passed over by senders: {fault}"),
                replace(&name, &fresh),
            );
        }
        view = View::new(Verdict::Good, fault.unwrap_or_default());
        view.record = Some(text.clone());
    } else if mta_sts.record.is_some() {
        remarks.add(
            "tls-rpt-missing",
            Severity::Informational,
            format!("{domain} has an MTA-STS policy, but asks for no reports, so nobody learns what it stops"),
            publish(&name, &fresh),
        );
    }
    let findings = remarks.into_findings();
    if view.verdict == Verdict::Good {
        view.verdict = part_verdict(&findings);
    }
    harvest.take(view.verdict, &subject, findings);
    view
}
