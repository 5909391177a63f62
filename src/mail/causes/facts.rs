//! What is known besides the log: the site, and the verdicts of other checks.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use jiff::tz::TimeZone;

use super::definition::{Limits, definitions};

/// The site, as far as the analysis needs it.
#[derive(Debug, Clone, Default)]
pub struct SiteFacts {
    /// Number of mailboxes. `None`: not known, then only the floor of T1 applies.
    pub mailboxes: Option<u32>,
    /// The site's mail domains, with all names below them. Empty: not known, then nobody's sender is foreign.
    pub domains: Vec<String>,
    /// The site's time zone, for its working hours.
    pub timezone: Option<TimeZone>,
    /// Working hours, from and to, where they are not the usual ones.
    pub working_hours: Option<(usize, usize)>,
    /// Addresses that the site sends from.
    pub addresses: Vec<IpAddr>,
    /// Networks inside the site besides the private ones.
    pub inside: Vec<IpNet>,
    /// Names or addresses of the smarthosts.
    pub smarthosts: Vec<String>,
    /// Limits of signals that are others here than in the data file, by signal and name: `T1.floor`.
    pub limits: BTreeMap<String, f64>,
}

/// Reads working hours, `8-18`: the first and the last hour, from 0 to 24.
///
/// # Errors
/// Says what is wrong with the text.
pub fn read_hours(text: &str) -> Result<(usize, usize), String> {
    let hour = |text: &str| text.trim().parse::<usize>().ok().filter(|hour| *hour <= 24);
    let read = text
        .split_once('-')
        .and_then(|(from, to)| Some((hour(from)?, hour(to)?)));
    read.filter(|(from, to)| from < to)
        .ok_or_else(|| format!("'{text}' are no working hours"))
}

impl SiteFacts {
    /// The limits of a signal. `None` when there is no such signal.
    pub(super) fn limits_of(&self, id: &str) -> Option<Limits<'_>> {
        Some(Limits {
            definition: definitions().signal(id)?,
            of_site: &self.limits,
        })
    }

    /// Whether a client is inside the site. `None` for a name, which tells nothing.
    pub fn is_inside(&self, client: &str) -> Option<bool> {
        let address: IpAddr = client.trim_matches(['[', ']', ' ']).parse().ok()?;
        Some(self.is_inside_address(address))
    }

    /// Whether an address is inside the site.
    pub fn is_inside_address(&self, address: IpAddr) -> bool {
        let private = match address.to_canonical() {
            IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local(),
            IpAddr::V6(v6) => {
                v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local()
            }
        };
        private
            || self.addresses.contains(&address)
            || self.inside.iter().any(|net| net.contains(&address))
    }

    /// Whether an address belongs to one of the site's domains. `None` where that is not known.
    pub fn owns(&self, address: &str) -> Option<bool> {
        let (_, domain) = address.rsplit_once('@')?;
        if self.domains.is_empty() {
            return None;
        }
        let domain = domain.trim_end_matches(['.', '>']).as_bytes();
        Some(self.domains.iter().any(|own| {
            let split = domain.len().checked_sub(own.len());
            split.is_some_and(|at| {
                let (below, end) = domain.split_at(at);
                end.eq_ignore_ascii_case(own.as_bytes())
                    && (below.is_empty() || below.ends_with(b"."))
            })
        }))
    }

    /// Whether a remote host is our own smarthost.
    pub fn is_smarthost(&self, remote: &str) -> bool {
        let plain = |name: &str| name.trim_matches(['[', ']', '.', ' ']).to_ascii_lowercase();
        self.smarthosts
            .iter()
            .any(|host| plain(host) == plain(remote))
    }
}

/// Verdict of a relay test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelayFact {
    /// Proved open.
    Open,
    /// Closed, tested from outside with controls.
    Closed,
}

/// Domains asked at an independent resolver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeadDomains {
    /// How many were asked.
    pub asked: usize,
    /// How many of them do not exist or take no mail.
    pub dead: usize,
}

/// Verdicts of other checks; `None` means that nobody looked.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The relay test.
    pub relay: Option<RelayFact>,
    /// Whether mail for unknown recipients is accepted.
    pub accepts_unknown: Option<bool>,
    /// Lists that carry an address of the site.
    pub listings: Option<Vec<String>>,
    /// Those of them that list infected machines.
    pub exploit_listings: Option<Vec<String>>,
    /// Whether reverse DNS is in order.
    pub rdns_ok: Option<bool>,
    /// Whether the server's own resolver passed a test.
    pub resolver_ok: Option<bool>,
    /// The failing domains, asked elsewhere.
    pub dead_domains: Option<DeadDomains>,
}
