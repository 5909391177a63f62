//! `rdns.verify`: do the site's addresses have names, do the names lead back, and does the server greet with one of them?
//!
//! The chain that receivers check is address -> PTR -> A/AAAA -> the same address (forward-confirmed reverse DNS, RFC 8601
//! §2.7.3 calls it iprev), and beside it the name after HELO (RFC 5321 §4.1.4). Who can repair it is told with the finding:
//! the reverse zone belongs to the network operator, the forward zone to the site.

mod banner;
mod greeting;
mod remedy;
mod reverse;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use super::{
    Action, ActionError, Argument, Context, Effect, Kind, Next, Output, Report, Work, address,
};
use crate::record::Verdict;

pub(in crate::actions) use reverse::{
    Reverse, Verdict as ReverseVerdict, look_up as look_up_reverse,
};

/// The check.
pub(super) struct RdnsVerify;

/// Addresses looked up at once.
const SIDE_BY_SIDE: usize = 16;

const ARGUMENTS: &[Argument] = &[
    Argument::optional(
        "addresses",
        Kind::TextList,
        "the site's outbound addresses",
        "addresses that send mail",
    ),
    Argument::optional(
        "helo",
        Kind::Text,
        "the name the site's first server says in its greeting, else the one in the site file",
        "the name the server gives with HELO or EHLO",
    ),
];

const OUTPUTS: &[Output] = &[
    Output::new(
        "addresses",
        "for each address: address, verdict (pass, none, fail, generic, unknown), ptr (all names), confirmed (names that lead back), warnings, zone (name, primary, contact of the reverse zone), detail",
    ),
    Output::new(
        "helo",
        "name, verdict (pass, invalid, mismatch, unknown, not_applicable), addresses (it leads to), missing (addresses it does not lead to), warnings, detail",
    ),
];

impl Action for RdnsVerify {
    fn name(&self) -> &'static str {
        "rdns.verify"
    }

    fn summary(&self) -> &'static str {
        "check reverse names, that they lead back, and the HELO name"
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
        Box::pin(async move { verify(context).await })
    }
}

async fn verify(context: &Context<'_>) -> Result<Next, ActionError> {
    let ours = &context.site.outbound.addresses;
    let addresses = address::given(context, "addresses", ours, "verify the name of")?;
    let helo = helo(context).await?;
    let mut findings = Vec::new();
    let mut judged = Vec::new();
    let views = look_up_all(context, &addresses).await?;
    for reverse in &views {
        if reverse.verdict != reverse::Verdict::Unknown {
            judged.push(reverse.address.to_string());
        }
        findings.extend(remedy::reverse(context, reverse));
    }
    let greeting = match &helo {
        None => greeting::Greeting::absent(),
        Some(helo) => {
            let mut greeting = greeting::look_up(context, &helo.name, &addresses, &views).await;
            greeting.said_by.clone_from(&helo.said_by);
            if greeting.verdict != greeting::Verdict::Unknown {
                judged.push(helo.subject.clone());
            }
            findings.extend(remedy::greeting(&greeting, &helo.subject));
            greeting
        }
    };

    let unknown = views
        .iter()
        .any(|view| view.verdict == reverse::Verdict::Unknown)
        || greeting.verdict == greeting::Verdict::Unknown;
    let verdict = if !findings.is_empty() {
        Verdict::Finding
    } else if unknown {
        Verdict::Unknown
    } else if views.is_empty() && helo.is_none() {
        Verdict::NotApplicable
    } else {
        Verdict::Good
    };
    let mut report = Report::new(verdict)
        .with("addresses", &views)
        .with("helo", &greeting);
    report.findings = findings;
    report.subjects = judged;
    Ok(report.into())
}

/// A HELO name, and what its findings are about. The subject stays the same when the name is mended.
struct HeloName {
    name: String,
    said_by: Option<String>,
    subject: String,
}

/// The HELO name: as given, else as the server says it, else as the site file has it.
async fn helo(context: &Context<'_>) -> Result<Option<HeloName>, ActionError> {
    let of = |name: String, said_by: Option<String>, subject: String| {
        let name = name.trim().to_owned();
        (!name.is_empty()).then_some(HeloName {
            name,
            said_by,
            subject,
        })
    };
    if let Some(given) = context.args.text("helo")? {
        let subject = given.trim().to_owned();
        return Ok(of(given, None, subject));
    }
    if let Some(said) = banner::ask(context).await {
        let subject = format!("HELO name of {}", said.host);
        return Ok(of(said.name, Some(said.host), subject));
    }
    let known = context.site.outbound.helo.clone().unwrap_or_default();
    Ok(of(known, None, "HELO name in the site file".to_owned()))
}

/// Looks the addresses up side by side, and gives them back in their order.
async fn look_up_all(
    context: &Context<'_>,
    addresses: &[IpAddr],
) -> Result<Vec<reverse::Reverse>, ActionError> {
    context.progress.note(&format!(
        "looking up the names of {} addresses",
        addresses.len()
    ));
    let mut waiting = addresses.iter().copied().enumerate();
    let mut under_way = tokio::task::JoinSet::new();
    let mut views = Vec::with_capacity(addresses.len());
    loop {
        while under_way.len() < SIDE_BY_SIDE
            && let Some((place, address)) = waiting.next()
        {
            let dns = context.probes.dns.clone();
            under_way.spawn(async move { (place, reverse::look_up(&dns, address).await) });
        }
        let Some(done) = under_way.join_next().await else {
            break;
        };
        views.push(done.map_err(|error| ActionError::because("cannot look the names up", error))?);
        context
            .progress
            .count(views.len() as u64, addresses.len() as u64);
    }
    views.sort_by_key(|(place, _)| *place);
    Ok(views.into_iter().map(|(_, view)| view).collect())
}
