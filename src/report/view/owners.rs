//! Who holds the addresses, and who can set their names.

use serde::Serialize;
use serde_json::Value;

use super::moment::{Calendar, When};
use super::observe::latest;
use super::read::{get, list, some_text, text, texts};
use crate::record::{Event, RunState};

/// What is known about the owner of one address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OwnerView {
    /// The address.
    pub address: String,
    /// The network and its holder, or why they are not known.
    pub network: String,
    /// Where reports of abuse go; empty: not known.
    pub abuse: String,
    /// Who can set the reverse name, in a sentence.
    pub control: String,
    /// True when the site's own administrator can set it.
    pub own: bool,
    /// The zone that holds the reverse name.
    pub zone: Option<String>,
    /// Where an alias leads from the reverse name (RFC 2317).
    pub alias: Option<String>,
    /// Who is to be asked for reverse DNS.
    pub who: String,
    /// The same with the mail address.
    pub ask: String,
    /// Why to them.
    pub why: String,
    /// When it was looked up.
    pub when: When,
}

/// The owners as they were looked up last.
pub(super) fn owners(events: &[Event], state: &RunState, calendar: &Calendar) -> Vec<OwnerView> {
    latest(events, state, "owner.lookup")
        .iter()
        .flat_map(|seen| {
            let when = calendar.when(seen.at);
            list(&seen.outputs, "addresses")
                .iter()
                .map(|address| owner(address, &when))
                .collect::<Vec<_>>()
        })
        .collect()
}

fn owner(view: &Value, when: &When) -> OwnerView {
    let (ptr, network, ask) = (get(view, "ptr"), get(view, "network"), get(view, "ask"));
    let desk = [some_text(ask, &["who"]), some_text(ask, &["email"])];
    OwnerView {
        address: text(view, "address"),
        network: text(network, "detail"),
        abuse: texts(network, "abuse").join(", "),
        control: text(ptr, "detail"),
        own: text(ptr, "set_by") == "site",
        zone: some_text(ptr, &["zone"]),
        alias: some_text(ptr, &["alias"]),
        who: text(ask, "who"),
        ask: desk.into_iter().flatten().collect::<Vec<_>>().join(", "),
        why: text(ask, "why"),
        when: when.clone(),
    }
}
