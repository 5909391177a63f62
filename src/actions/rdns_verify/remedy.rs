//! Findings about names, and who can repair what.

use super::greeting::{self, Greeting};
use super::reverse::{self, Reverse};
use crate::actions::Context;
use crate::record::{Evidence, Finding, Severity};

/// The findings about one address.
pub(super) fn reverse(context: &Context<'_>, reverse: &Reverse) -> Vec<Finding> {
    let address = reverse.address;
    let who = who_sets_it(context, reverse);
    let name = wished_name(context);
    let mut findings = Vec::new();
    let mut add = |code: &str, severity, summary: String, remedy: String| {
        findings.push(Finding {
            code: code.to_owned(),
            severity,
            subject: address.to_string(),
            summary,
            evidence: vec![proof(reverse)],
            remedy,
        });
    };
    match reverse.verdict {
        reverse::Verdict::None => add(
            "rdns-missing",
            Severity::Critical,
            format!(
                "{address} has no reverse name; large receivers refuse mail from such addresses"
            ),
            format!(
                "{who} Ask for a PTR record for {address} that says {name}, and give that name an address record for {address}."
            ),
        ),
        reverse::Verdict::Fail => add(
            "rdns-unconfirmed",
            Severity::Major,
            format!(
                "the reverse name of {address} ({}) does not lead back to it",
                reverse.ptr.join(", ")
            ),
            format!(
                "Give {} an address record for {address} in its own zone if the name is yours; else have the reverse name changed to {name}. {who}",
                reverse.ptr.join(" or ")
            ),
        ),
        reverse::Verdict::Generic => add(
            "rdns-generic",
            if reverse.softened {
                Severity::Minor
            } else {
                Severity::Major
            },
            format!(
                "the reverse name of {address} does not look like a mail server's: {}",
                reverse.detail
            ),
            format!(
                "Have it changed to {name}; lists of end-user lines (Spamhaus PBL, SpamRATS) look at it. {who}"
            ),
        ),
        reverse::Verdict::Pass | reverse::Verdict::Unknown => {}
    }
    if reverse.ptr.len() > 1 {
        add(
            "rdns-multiple",
            Severity::Minor,
            format!(
                "{address} has {} reverse names ({}); receivers look at one of them, and not always the same",
                reverse.ptr.len(),
                reverse.ptr.join(", ")
            ),
            format!("Keep one name, that of the mail server, and have the others removed. {who}"),
        );
    }
    findings
}

/// The finding about a HELO name, if any.
pub(super) fn greeting(greeting: &Greeting, subject: &str) -> Option<Finding> {
    let name = greeting.name.clone()?;
    let (code, severity, summary, remedy) = match greeting.verdict {
        greeting::Verdict::Invalid => (
            "helo-invalid",
            if greeting.literal {
                Severity::Minor
            } else {
                Severity::Major
            },
            format!("the server greets as \"{name}\": {}", greeting.detail),
            "Set the HELO name of the server to its full public host name, one that has an address record (Postfix: myhostname or smtp_helo_name; \
             Exchange: the FQDN of the Send connector, on 2003 the fully-qualified domain name of the SMTP virtual server).",
        ),
        greeting::Verdict::Mismatch => (
            "helo-mismatch",
            if greeting.addresses.is_empty() {
                Severity::Major
            } else {
                Severity::Minor
            },
            format!("the server greets as {name}, but {}", greeting.detail),
            "Give the name an address record for every address that mail leaves from, or let the server greet with a name that has \
             one. The administrator of the forward zone can do this; the network operator is not needed.",
        ),
        greeting::Verdict::Pass | greeting::Verdict::Unknown | greeting::Verdict::NotApplicable => {
            return None;
        }
    };
    let text = if greeting.answers.is_empty() {
        format!("HELO {name}")
    } else {
        greeting.answers.join("\n")
    };
    let proof = Evidence::new("dns", text, greeting.at);
    Some(Finding {
        code: code.to_owned(),
        severity,
        subject: subject.to_owned(),
        summary,
        evidence: vec![match &greeting.from {
            Some(from) => proof.from(from),
            None => proof,
        }],
        remedy: remedy.to_owned(),
    })
}

fn proof(reverse: &Reverse) -> Evidence {
    let mut lines = reverse.answers.clone();
    if let Some(zone) = &reverse.zone {
        lines.push(format!(
            "{} SOA {} {}",
            zone.name, zone.primary, zone.contact
        ));
    }
    let proof = Evidence::new("dns", lines.join("\n"), reverse.at);
    match &reverse.from {
        Some(from) => proof.from(from),
        None => proof,
    }
}

/// The reverse zone belongs to whoever got the network, not to whoever has the domain; people ask the wrong desk first.
fn who_sets_it(context: &Context<'_>, reverse: &Reverse) -> String {
    let operator = match &context.site.contacts.isp {
        Some(isp) if !isp.name.is_empty() => format!(" ({})", isp.name),
        _ => String::new(),
    };
    match &reverse.zone {
        Some(zone) => format!(
            "Only the network operator{operator} can set it: the reverse zone {} is run from {}, contact {}.",
            zone.name, zone.primary, zone.contact
        ),
        None => format!(
            "Only the network operator{operator} can set it, not the one who runs the domain."
        ),
    }
}

fn wished_name(context: &Context<'_>) -> String {
    let site = context.site;
    match (&site.outbound.helo, site.domains.first()) {
        (Some(helo), _) if crate::mail::ptr::helo(helo).is_ok() => helo.clone(),
        (_, Some(domain)) => format!("mail.{domain}"),
        _ => "the mail server's own host name".to_owned(),
    }
}
