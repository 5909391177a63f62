//! The outputs as runbooks and reports read them.

use serde::Serialize;

use super::asking::{Asked, Said};
use super::screening::{Channel, Screening};
use crate::mail::relay::catalogue::OFFERS;
use crate::mail::relay::ladder::{self, Level, Observed, Verdict};
use crate::mail::relay::probe::LeftOut;
use crate::mail::relay::vantage::Vantage;
use crate::mail::relay::variant::{Greeting, Kind};

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
    /// EHLO keywords that a stranger should not be offered.
    offers: Vec<OfferView<'a>>,
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
            offers: screening
                .offers
                .iter()
                .filter_map(|keyword| OfferView::of(keyword))
                .collect(),
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
        }
    }
}
