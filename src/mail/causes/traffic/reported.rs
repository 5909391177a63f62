//! What receivers report of the site's mail: complaints, DMARC results, connections over TLS.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use serde::Serialize;

use super::super::facts::SiteFacts;
use super::digest;
use super::samples::{OF_A_SIGNAL, Samples};
use super::table::Lately;
use crate::mail::events::{Event, What};

/// Networks and reporters that are told apart, at most.
const MOST: usize = 1_000;

/// Messages or connections, and those of them that failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// All of them.
    pub all: u64,
    /// Failed.
    pub failed: u64,
}

/// What receivers report.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Reported {
    /// Complaints about messages that the site's addresses sent, or that name no address.
    pub complaints: u64,
    /// DMARC: messages in the site's name that came from its own addresses.
    pub own: Tally,
    /// DMARC: messages in the site's name that came from elsewhere; failed ones passed neither SPF nor DKIM.
    pub elsewhere: Tally,
    /// Connections over TLS to the site's servers.
    pub tls: Tally,
    /// Why connections over TLS failed.
    pub tls_failures: BTreeMap<String, u64>,
    /// Who reported.
    pub reporters: BTreeSet<String>,
    #[serde(skip)]
    seen: Lately<u64>,
    /// The networks (/24 and /48) elsewhere whose messages failed.
    #[serde(skip)]
    pub(in super::super) networks: BTreeSet<IpNet>,
    #[serde(skip)]
    pub(in super::super) complaint_lines: Samples,
    #[serde(skip)]
    pub(in super::super) own_lines: Samples,
    #[serde(skip)]
    pub(in super::super) elsewhere_lines: Samples,
    #[serde(skip)]
    pub(in super::super) tls_lines: Samples,
}

impl Reported {
    /// Counts a complaint or a record of a report.
    pub(super) fn add(&mut self, event: &Event<'_>, site: &SiteFacts) {
        let id = event.queue.as_deref().or(event.message_id.as_deref());
        let record = (event.computer.as_deref(), id, event.text.as_ref());
        // The same report may lie here as a message and as the file that it carried.
        if id.is_some() && !self.seen.is_new(digest(&record)) {
            return;
        }
        if let Some(by) = event.computer.as_deref()
            && self.reporters.len() < MOST
        {
            self.reporters.insert(by.to_owned());
        }
        let ours = event
            .address
            .map(|address| site.addresses.contains(&address));
        match (event.what, event.source.as_deref()) {
            (What::Complaint, _) if ours != Some(false) => {
                self.complaints += u64::from(event.count);
                self.complaint_lines.keep(event, OF_A_SIGNAL);
            }
            (What::Reported, Some("tlsrpt")) => self.tls(event),
            (What::Reported, Some("dmarc")) => self.dmarc(event, ours == Some(true), site),
            _ => {}
        }
    }

    fn tls(&mut self, event: &Event<'_>) {
        if count(&mut self.tls, event) {
            let why = event.category.as_deref().unwrap_or("not told");
            *self.tls_failures.entry(why.to_owned()).or_insert(0) += u64::from(event.count);
            self.tls_lines.keep(event, OF_A_SIGNAL);
        }
    }

    /// A report about another domain than the site's tells nothing of the site.
    fn dmarc(&mut self, event: &Event<'_>, ours: bool, site: &SiteFacts) {
        if event.sender.as_deref().and_then(|from| site.owns(from)) == Some(false) {
            return;
        }
        if ours {
            if count(&mut self.own, event) {
                self.own_lines.keep(event, OF_A_SIGNAL);
            }
        } else if count(&mut self.elsewhere, event) {
            self.elsewhere_lines.keep(event, OF_A_SIGNAL);
            if let Some(address) = event.address
                && self.networks.len() < MOST
            {
                let prefix = if address.is_ipv4() { 24 } else { 48 };
                self.networks
                    .extend(IpNet::new(address, prefix).map(|net| net.trunc()));
            }
        }
    }
}

/// Whether it was a failure.
fn count(tally: &mut Tally, event: &Event<'_>) -> bool {
    let failed = event.kind.as_deref() == Some("fail");
    tally.all += u64::from(event.count);
    if failed {
        tally.failed += u64::from(event.count);
    }
    failed
}
