//! The outputs as runbooks and reports read them.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::Serialize;

use super::abilities::Check;
use super::account::Authenticated;
use super::asking::{Asked, Said};
use super::logins::Login;
use super::screening::{Channel, Screening};
use super::trial::{Fate, Trial};
use crate::mail::relay::catalogue::OFFERS;
use crate::mail::relay::ladder::{self, Level, Observed, Proof, Verdict};
use crate::mail::relay::probe::LeftOut;
use crate::mail::relay::vantage::Vantage;
use crate::mail::relay::variant::{Greeting, Kind};
use crate::mail::trace::Hop;

/// One endpoint.
#[derive(Debug, Serialize)]
pub(super) struct EndpointView<'a> {
    server: &'a str,
    address: String,
    port: u16,
    tls: Channel,
    verdict: Verdict,
    reason: &'a str,
    vantage: Vantage,
    /// Why the test ended early.
    stopped: Option<&'static str>,
    controls: Vec<ProbeView<'a>>,
    variants: Vec<ProbeView<'a>>,
    left_out: &'a [LeftOut],
    /// Logins that were tried with invented names.
    logins: &'a [Login],
    /// EHLO keywords that a stranger should not be offered.
    offers: Vec<OfferView<'a>>,
}

/// What a login may do at one server.
#[derive(Debug, Serialize)]
pub(super) struct AccountView<'a> {
    server: &'a str,
    account: Option<&'a str>,
    endpoint: Option<&'a str>,
    checks: &'a [Check],
}

impl<'a> AccountView<'a> {
    /// The views of all servers.
    pub(super) fn all(accounts: &'a [Authenticated]) -> Vec<Self> {
        let view = |one: &'a Authenticated| Self {
            server: &one.server,
            account: one.account.as_deref(),
            endpoint: one.endpoint.as_deref(),
            checks: &one.checks,
        };
        accounts.iter().map(view).collect()
    }
}

/// One control or variant.
#[derive(Debug, Serialize)]
struct ProbeView<'a> {
    id: &'static str,
    kind: Kind,
    greeting: Greeting,
    helo: &'a str,
    mail: &'a str,
    rcpt: &'a str,
    replies: &'a [Said],
    level: Level,
    /// For a control: was it accepted?
    accepted: bool,
    /// The marked message that was sent for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<MessageView<'a>>,
}

/// A marked message and what became of it.
#[derive(Debug, Serialize)]
struct MessageView<'a> {
    mark: &'a str,
    proof: Proof,
    /// Why it was not sent.
    not_sent: Option<&'a str>,
    replies: &'a [Said],
    folder: Option<&'a str>,
    received: Option<Timestamp>,
    /// The address that the mailbox's server got it from.
    egress: Option<IpAddr>,
    hops: &'a [Hop],
}

#[derive(Debug, Serialize)]
struct OfferView<'a> {
    id: &'static str,
    keyword: &'a str,
    allows: &'static str,
}

impl<'a> EndpointView<'a> {
    /// The view of one screening.
    pub(super) fn of(screening: &'a Screening) -> Self {
        let observed = screening.observed();
        let views = |controls: bool| {
            let wanted = screening
                .asked
                .iter()
                .filter(|a| (a.probe.kind == Kind::C) == controls);
            wanted
                .map(|asked| ProbeView::of(asked, &observed))
                .collect()
        };
        Self {
            server: &screening.target.host,
            address: screening.target.address.ip().to_string(),
            port: screening.target.address.port(),
            tls: screening.channel,
            verdict: screening.judgement.verdict,
            reason: &screening.judgement.reason,
            vantage: screening.vantage,
            stopped: screening.stop.map(|stop| stop.reason()),
            controls: views(true),
            variants: views(false),
            left_out: &screening.left_out,
            logins: &screening.logins,
            offers: screening
                .offers
                .iter()
                .filter_map(|keyword| OfferView::of(keyword))
                .collect(),
        }
    }
}

impl<'a> MessageView<'a> {
    fn of(trial: &'a Trial) -> Self {
        let found = trial.found.as_ref();
        Self {
            mark: &trial.mark,
            proof: trial.proof(),
            not_sent: match &trial.fate {
                Fate::NotSent(why) => Some(why),
                _ => None,
            },
            replies: &trial.said,
            folder: found.map(|found| found.folder.as_str()),
            received: found.and_then(|found| found.received),
            egress: found.and_then(|found| found.egress),
            hops: found.map_or(&[], |found| &found.hops),
        }
    }
}

impl<'a> OfferView<'a> {
    fn of(keyword: &'a str) -> Option<Self> {
        let offer = OFFERS
            .iter()
            .find(|offer| offer.keywords.contains(&keyword))?;
        Some(Self {
            id: offer.id,
            keyword,
            allows: offer.finds,
        })
    }
}

impl<'a> ProbeView<'a> {
    fn of(asked: &'a Asked, observed: &[Observed]) -> Self {
        Self {
            id: asked.probe.variant,
            kind: asked.probe.kind,
            greeting: asked.probe.greeting,
            helo: &asked.probe.helo,
            mail: asked.probe.mail(),
            rcpt: asked.probe.rcpt(),
            replies: &asked.said,
            level: ladder::level(&asked.observed(), observed),
            accepted: asked.accepted(),
            message: asked.trial.as_ref().map(MessageView::of),
        }
    }
}
