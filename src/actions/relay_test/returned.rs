//! What came back instead of the message, and what it says about the server: a report is a refusal only when the server itself
//! has refused. One that tells what a receiver outside said proves that the message was passed on.

use serde::{Deserialize, Serialize};

use super::screening::Screening;
use crate::actions::Context;
use crate::mail::bounces::{Fate, Notice, notices};
use crate::mail::ptr;
use crate::site::special_use;

/// What lies in the mailbox, the most telling first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Back {
    /// The marked message itself.
    Message,
    /// A report: the message was handed to this host, outside the site, and went no further.
    HandedOn(String),
    /// A report: the site's own server has refused it.
    Refused,
    /// A report that it is still in a queue, or of a failure that says nothing about relaying; or an answer that cannot be read.
    Unclear,
}

/// Reads a report.
pub(super) fn read(context: &Context<'_>, screening: &Screening, report: &[u8]) -> Back {
    let told = notices(report).into_iter();
    let foreign = |host: &str| is_foreign(context, screening, host);
    let home = |recipient: &str| {
        let domain = recipient.rsplit_once('@').map(|(_, domain)| domain);
        let domains = &context.site.domains;
        domain.is_some_and(|domain| domains.iter().any(|d| d.eq_ignore_ascii_case(domain)))
    };
    told.map(|notice| judge(&notice, foreign, home))
        .min()
        .unwrap_or(Back::Unclear)
}

fn judge(
    notice: &Notice,
    is_foreign: impl Fn(&str) -> bool,
    is_home: impl Fn(&str) -> bool,
) -> Back {
    // Whoever keeps the mailboxes of the site's own domains, mail to them is not relayed.
    if notice.fate == Fate::Failed && notice.recipient.as_deref().is_some_and(is_home) {
        return Back::Refused;
    }
    let hosts = [&notice.remote, &notice.reporter];
    if let Some(host) = hosts.into_iter().flatten().find(|host| is_foreign(host)) {
        return Back::HandedOn(host.clone());
    }
    // x.4.x: it wanted to pass the message on, and found no way.
    let on_the_way = |status: &str| status.split('.').nth(1) == Some("4");
    if notice.fate != Fate::Failed
        || notice.status.as_deref().is_some_and(on_the_way)
        || (notice.by_smtp && notice.remote.is_none())
    {
        return Back::Unclear;
    }
    Back::Refused
}

/// A host that belongs neither to the site nor to a private network. The site's smarthost counts as outside: what it was handed has
/// left the server.
fn is_foreign(context: &Context<'_>, screening: &Screening, told: &str) -> bool {
    let site = context.site;
    let first = told.split([' ', '\t', '(']).next().unwrap_or_default();
    let host = first
        .trim_matches(['[', ']'])
        .trim_end_matches('.')
        .to_ascii_lowercase();
    if let Ok(address) = host.parse() {
        let ours = address == screening.target.address.ip()
            || site.servers.iter().any(|s| s.address == Some(address))
            || site.outbound.addresses.contains(&address);
        return !ours && (site.laboratory || special_use(address).is_none());
    }
    let is = |name: &str| name.trim_end_matches('.').eq_ignore_ascii_case(&host);
    if site.smarthost.iter().any(|smarthost| is(&smarthost.host)) {
        return true;
    }
    let within = |domain: &String| {
        is(domain) || host.ends_with(&format!(".{}", domain.to_ascii_lowercase()))
    };
    let ours = screening.names.iter().any(|name| is(name))
        || site.servers.iter().any(|server| is(&server.host))
        || site.domains.iter().any(within);
    !ours && ptr::host_name(&host).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refusal_of_the_server_itself_counts_as_one() {
        let foreign = |host: &str| host == "outside";
        let home = |recipient: &str| recipient == "lost@home";
        let notice = |fate, reporter: &str, remote: &str, status: &str, by_smtp| Notice {
            fate,
            recipient: Some("to@theirs".to_owned()),
            reporter: Some(reporter.to_owned()),
            remote: (!remote.is_empty()).then(|| remote.to_owned()),
            status: Some(status.to_owned()),
            reply: None,
            by_smtp,
        };
        let handed_on = Back::HandedOn("outside".to_owned());
        for (told, expected) in [
            (
                notice(Fate::Failed, "mx", "", "5.1.1", false),
                Back::Refused,
            ),
            (
                notice(Fate::Failed, "mx", "inner", "5.7.1", true),
                Back::Refused,
            ),
            // The receiver outside has refused, or its server reports.
            (
                notice(Fate::Failed, "mx", "outside", "5.7.1", true),
                handed_on.clone(),
            ),
            (
                notice(Fate::Delayed, "mx", "outside", "4.7.1", true),
                handed_on.clone(),
            ),
            (
                notice(Fate::Failed, "outside", "", "5.2.2", false),
                handed_on,
            ),
            // It tried to pass it on, or somebody unnamed has refused.
            (
                notice(Fate::Failed, "mx", "", "5.4.4", false),
                Back::Unclear,
            ),
            (notice(Fate::Failed, "mx", "", "5.7.1", true), Back::Unclear),
            (
                notice(Fate::Delayed, "mx", "", "4.1.1", false),
                Back::Unclear,
            ),
            (
                notice(Fate::Passed, "mx", "", "2.0.0", false),
                Back::Unclear,
            ),
        ] {
            assert_eq!(judge(&told, foreign, home), expected, "{told:?}");
        }
        // The mailboxes of the site's own domain lie elsewhere.
        let at_home = Notice {
            recipient: Some("lost@home".to_owned()),
            ..notice(Fate::Failed, "mx", "outside", "5.1.1", true)
        };
        assert_eq!(judge(&at_home, foreign, home), Back::Refused);
    }
}
