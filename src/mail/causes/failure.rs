//! One failure of a log with the class of its reply and the organisation that gave it.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::facts::SiteFacts;
use crate::mail::events::{Direction, Event, What};
use crate::mail::reply::{
    Class, Context, EnhancedStatus, PeerRole, Reply, Stage, catalogue, classify,
};

/// A failure, classified.
#[derive(Debug, Clone)]
pub struct Failure<'e> {
    /// The event.
    pub event: &'e Event<'e>,
    /// What it means.
    pub class: Class,
    /// A second reading that cannot be excluded.
    pub or: Option<Class>,
    /// The catalogue entry that decided, where a wording did.
    pub rule: Option<&'static str>,
    /// The organisation behind the remote host.
    pub organisation: Option<String>,
}

impl<'e> Failure<'e> {
    /// Classifies an event. `None` when it is no failure.
    pub fn of(event: &'e Event<'e>, site: &SiteFacts) -> Option<Self> {
        if !event.what.is_failure() {
            return None;
        }
        let remote = event.remote.as_deref();
        let role = match remote {
            Some(remote) if site.is_smarthost(remote) => PeerRole::Smarthost,
            _ => PeerRole::Unknown,
        };
        let stage = event.command.as_deref().and_then(Stage::of_command);
        let outbound = event.direction != Direction::Inbound;
        let judged = event.reply.as_deref().map(|text| {
            // Our own refusals of clients are no receiver's wording.
            let peer = remote.filter(|_| outbound);
            classify(
                &Reply::parse(text),
                &Context {
                    peer,
                    role,
                    stage,
                    ours: &site.addresses,
                },
            )
        });
        // A text that tells nothing leaves the status that the log gives beside it: `lost connection`, 4.4.2.
        let by_status = || event.status.and_then(|status| status.default_class(None));
        let (class, or) = match &judged {
            Some(judged) if judged.class != Class::Unknown => (judged.class, judged.or),
            _ => by_status().unwrap_or((Class::Unknown, None)),
        };
        let rule = judged.and_then(|judged| judged.rule);
        let organisation = remote.filter(|_| outbound).map(organisation);
        Some(Self {
            event,
            class,
            or,
            rule,
            organisation,
        })
    }

    /// Whether this server was the client of another host.
    pub fn is_outbound(&self) -> bool {
        self.event.what != What::RefusedClient && self.event.direction != Direction::Local
    }
}

/// Whether the recipient's domain could not be looked up, for a failure of outbound mail of this class.
pub(super) fn is_for_want_of_dns(event: &Event<'_>, class: Class) -> bool {
    let said = |status: EnhancedStatus| (status.subject, status.detail) == (4, 0);
    class == Class::Dns || event.status.is_some_and(said)
}

/// The organisation that runs a host: a known operator, the registrable domain of its name, or the
/// network of its address.
pub(super) fn organisation(remote: &str) -> String {
    if let Some(owner) = catalogue().owner(remote) {
        return owner.receiver.clone();
    }
    let plain = remote
        .trim_matches(['[', ']', '.', ' '])
        .to_ascii_lowercase();
    match plain.parse::<IpAddr>() {
        Ok(IpAddr::V4(v4)) => network(Ipv4Net::new(v4, 24).map(IpNet::from), &plain),
        Ok(IpAddr::V6(v6)) => network(Ipv6Net::new(v6, 48).map(IpNet::from), &plain),
        Err(_) => psl::domain_str(&plain).unwrap_or(&plain).to_owned(),
    }
}

fn network(net: Result<IpNet, ipnet::PrefixLenError>, plain: &str) -> String {
    net.map_or_else(
        |_| plain.to_owned(),
        |net| format!("network {}", net.trunc()),
    )
}
