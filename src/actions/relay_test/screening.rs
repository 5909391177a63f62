//! The screening of one endpoint over one channel: look, plan, ask, judge.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::asking::{Asked, Call, Door, Greeted, Trouble};
use super::attempts;
use super::ground::{self, Ground};
use super::logins::{self, Login};
use super::trial::Trial;
use crate::actions::Context;
use crate::actions::target::Target;
use crate::mail::relay::catalogue::OFFERS;
use crate::mail::relay::ladder::{self, Judgement, Observed, Verdict};
use crate::mail::relay::names::{Domain, Names};
use crate::mail::relay::probe::LeftOut;
use crate::mail::relay::session::Stop;
use crate::mail::relay::vantage::{self, Vantage};
use crate::mail::relay::variant::Greeting;
use crate::site;

/// How the bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Channel {
    /// In clear.
    #[serde(rename = "none")]
    Clear,
    /// After STARTTLS.
    Starttls,
    /// TLS from the first byte.
    Implicit,
}

impl Channel {
    fn describe(self) -> &'static str {
        match self {
            Self::Clear => "in clear",
            Self::Starttls => "after STARTTLS",
            Self::Implicit => "under TLS",
        }
    }
}

/// What was seen at one endpoint over one channel. A step notes it whole before it waits, all but the verdict, which is
/// judged anew.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Screening {
    pub(super) target: Target,
    pub(super) channel: Channel,
    pub(super) vantage: Vantage,
    #[serde(skip, default = "unjudged")]
    pub(super) judgement: Judgement,
    pub(super) asked: Vec<Asked>,
    pub(super) left_out: Vec<LeftOut>,
    pub(super) stop: Option<Stop>,
    pub(super) starttls_offered: bool,
    /// EHLO keywords that a stranger should not be offered.
    pub(super) offers: Vec<String>,
    pub(super) trouble: Option<Trouble>,
    pub(super) notes: Vec<String>,
    /// Every connection, line by line.
    pub(super) transcript: String,
    /// Stands in every address and message of this endpoint.
    pub(super) nonce: String,
    /// The names that the server goes by.
    pub(super) names: Vec<String>,
    /// The ways to log in that it offers.
    pub(super) mechanisms: Vec<String>,
    /// Logins that were tried with invented names.
    pub(super) logins: Vec<Login>,
    /// There was no time for all: the rest is asked in the next call.
    pub(super) cut_short: bool,
}

impl Screening {
    /// What findings are about: address and port, whatever the channel.
    pub(super) fn subject(&self) -> String {
        self.target.address.to_string()
    }

    /// Address, port and channel, for people.
    pub(super) fn place(&self) -> String {
        format!("{} {}", self.target.address, self.channel.describe())
    }

    /// The name of the transcript's file; colons of IPv6 addresses do not go well with file systems.
    pub(super) fn file_name(&self) -> String {
        let address = self.target.address.ip().to_string().replace(':', "-");
        let channel = match self.channel {
            Channel::Clear => "clear",
            Channel::Starttls => "starttls",
            Channel::Implicit => "tls",
        };
        format!(
            "relay-{address}-{}-{channel}.txt",
            self.target.address.port()
        )
    }

    /// The answers as the ladder judges them.
    pub(super) fn observed(&self) -> Vec<Observed> {
        self.asked.iter().map(Asked::observed).collect()
    }

    /// The messages of this endpoint.
    pub(super) fn trials(&self) -> impl Iterator<Item = &Trial> {
        self.asked.iter().filter_map(|asked| asked.trial.as_ref())
    }

    /// The messages of this endpoint.
    pub(super) fn trials_mut(&mut self) -> impl Iterator<Item = &mut Trial> {
        self.asked
            .iter_mut()
            .filter_map(|asked| asked.trial.as_mut())
    }

    /// The server has put it off, and a place to judge from was found: asking again later can tell more.
    pub(super) fn is_greylisted(&self) -> bool {
        self.judgement.retry_after.is_some() && self.stop.is_none()
    }

    /// The verdict as it counts for the whole; `None` where nothing can relay because nothing listens,
    /// or because no client of today can set up the TLS that is offered beside the clear channel.
    pub(super) fn counted_verdict(&self) -> Option<Verdict> {
        match (&self.trouble, self.channel) {
            (Some(Trouble::NothingListens), _) | (Some(Trouble::Tls(_)), Channel::Starttls) => None,
            _ => Some(self.judgement.verdict),
        }
    }

    fn not_begun(target: &Target, channel: Channel, vantage: Vantage) -> Self {
        Self {
            target: target.clone(),
            channel,
            vantage,
            judgement: unjudged(),
            asked: Vec::new(),
            left_out: Vec::new(),
            stop: None,
            starttls_offered: false,
            offers: Vec::new(),
            trouble: None,
            notes: Vec::new(),
            transcript: String::new(),
            nonce: String::new(),
            names: Vec::new(),
            mechanisms: Vec::new(),
            logins: Vec::new(),
            cut_short: false,
        }
    }

    /// Judges what was answered so far.
    pub(super) fn judge(&mut self) {
        self.judgement = ladder::judge(&self.observed());
        if let Some(trouble) = &self.trouble {
            self.judgement.reason = trouble.explain();
        } else if !self.vantage.allows_verdict() {
            self.judgement = Judgement {
                verdict: Verdict::VantageInternal,
                reason: format!("{}: run the test from outside", self.vantage.explain()),
                by: Vec::new(),
                accepts_unknown: false,
                retry_after: None,
            };
        } else if let (Verdict::Inconclusive, Some(stop)) = (self.judgement.verdict, self.stop) {
            self.judgement.reason = format!("the test was stopped: {}", stop.reason());
        }
    }
}

/// Screens one endpoint over one channel.
pub(super) async fn screen(
    context: &Context<'_>,
    target: &Target,
    channel: Channel,
    ground: &Ground,
    call: &Call,
) -> Screening {
    let door = Door {
        smtp: &context.probes.smtp,
        target,
        channel,
    };
    let vantage = vantage_of(context, target.address.ip(), &[]);
    let mut screening = Screening::not_begun(target, channel, vantage);
    context
        .progress
        .note(&format!("relay test of {}: looking", screening.place()));
    if let Some(look) = look(context, &door, ground, &mut screening).await {
        let sessions = attempts::plan(&look.names, look.only_helo, &call.limits, &mut screening);
        attempts::ask_all(context, &door, sessions, call, &mut screening).await;
        if ground.invented_logins {
            logins::try_invented(context, &door, &mut screening, &call.limits).await;
        }
    }
    screening.judge();
    screening
}

/// Asks again what a greylisting server has put off, or what there was no time for: the same lines, so that it sees the same
/// sender and recipient.
pub(super) async fn ask_again(context: &Context<'_>, screening: &mut Screening, call: &Call) {
    let target = screening.target.clone();
    let door = Door {
        smtp: &context.probes.smtp,
        target: &target,
        channel: screening.channel,
    };
    let sessions = attempts::put_off(&call.limits, screening);
    attempts::ask_all(context, &door, sessions, call, screening).await;
    screening.judge();
}

/// Before anything was asked.
fn unjudged() -> Judgement {
    ladder::judge(&[])
}

/// What the first connection taught.
struct Look {
    names: Names,
    /// EHLO is refused and HELO is not.
    only_helo: bool,
}

/// The first connection: who is there, what it offers, and how it sees us.
async fn look(
    context: &Context<'_>,
    door: &Door<'_>,
    ground: &Ground,
    screening: &mut Screening,
) -> Option<Look> {
    let own_name = ground.helo.as_ref().map(Domain::as_str);
    let mut only_helo = false;
    let mut session = door.session();
    let mut opened = door.open(&mut session, Greeting::Ehlo, own_name).await;
    if matches!(&opened, Err(Trouble::Helo(reply)) if reply.code >= 500) && session.is_open() {
        session.quit().await;
        screening
            .transcript
            .push_str(&session.into_transcript().to_string());
        session = door.session();
        opened = door.open(&mut session, Greeting::Helo, own_name).await;
        only_helo = opened.is_ok();
    }
    let local = session.local().map(|local| local.ip());
    screening.mechanisms = session.capabilities().auth();
    let masked = !session.capabilities().masked().is_empty();
    for offer in OFFERS {
        let found = offer
            .keywords
            .iter()
            .filter(|keyword| session.capabilities().has(keyword));
        screening
            .offers
            .extend(found.map(|keyword| (*keyword).to_owned()));
    }
    session.quit().await;
    screening
        .transcript
        .push_str(&session.into_transcript().to_string());
    let greeted = match opened {
        Ok(greeted) => greeted,
        Err(trouble) => {
            screening.trouble = Some(trouble);
            return None;
        }
    };
    if masked || greeted.banner.contains("****") {
        let note = "a firewall on the way writes over SMTP replies; the test may not see the server itself";
        screening
            .notes
            .push(format!("{}: {note}", screening.place()));
    }
    screening.starttls_offered = greeted.starttls;
    let seen_as = vantage::seen_as(&greeted.hello, &greeted.said);
    let own: Vec<IpAddr> = local.into_iter().chain(seen_as).collect();
    screening.vantage = vantage_of(context, door.target.address.ip(), &own);
    let names = names(context, door, ground, &greeted, &own, &mut screening.notes).await;
    screening.nonce = names.nonce.as_str().to_owned();
    screening.names = names.hosts.iter().map(Domain::to_string).collect();
    Some(Look { names, only_helo })
}

/// All names of this endpoint: those of the site file, and those the server goes by.
async fn names(
    context: &Context<'_>,
    door: &Door<'_>,
    ground: &Ground,
    greeted: &Greeted,
    own: &[IpAddr],
    notes: &mut Vec<String>,
) -> Names {
    let target = door.target;
    let first_word =
        |text: &str| Domain::parse(text.split_whitespace().next().unwrap_or_default()).ok();
    let ptr = context.probes.dns.ptr(target.address.ip()).await.names();
    let hosts = [first_word(&greeted.banner), first_word(&greeted.hello)]
        .into_iter()
        .flatten()
        .chain(ptr.iter().filter_map(|name| Domain::parse(name).ok()))
        .chain(Domain::parse(&target.host).ok())
        .chain(ground.outbound_helo.clone())
        .collect();
    Names {
        target: target.address.ip(),
        hosts,
        domains: ground.domains.clone(),
        mailbox: ground::valid_mailbox(target.valid_mailbox.as_deref(), &target.host, notes),
        sender: ground.sender.clone(),
        recipient: ground.recipient.clone(),
        helo: ground.helo.clone(),
        // How the server sees us, where it says so: behind NAT the local address means nothing to it.
        own_address: own.last().copied(),
        nonce: ground::nonce(context.step.idempotency_key, target.address, door.channel),
    }
}

/// Classifies our place. Without a look at the interfaces, the network around a public address of ours
/// stands for "the same network".
fn vantage_of(context: &Context<'_>, target: IpAddr, own: &[IpAddr]) -> Vantage {
    let site = context.site;
    if matches!(
        site.vantage,
        Some(site::Vantage::Inside | site::Vantage::Server)
    ) {
        return Vantage::DeclaredInside;
    }
    let around = |address: &IpAddr| {
        let length = if address.is_ipv4() { 24 } else { 64 };
        IpNet::new(*address, length).ok()
    };
    let subnets: Vec<IpNet> = own.iter().filter_map(around).collect();
    vantage::classify(
        target,
        own,
        &subnets,
        &site.outbound.addresses,
        site.laboratory,
    )
}
