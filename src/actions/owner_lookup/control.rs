//! Who runs the zone that holds the reverse name of an address.

use std::net::IpAddr;

use serde::Serialize;

use crate::actions::{Context, reverse_zone};
use crate::probes::dns::reverse_name;
use crate::site::Site;

/// Who can set the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SetBy {
    /// The network operator.
    Operator,
    /// The site itself: the zone was handed on to it.
    Site,
    /// It could not be told.
    Unknown,
}

/// How the reverse name is held.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Control {
    /// Where the PTR record is looked for.
    name: String,
    /// Where an alias leads from there (RFC 2317).
    alias: Option<String>,
    /// The zone that holds it.
    pub(super) zone: Option<String>,
    /// Its primary name server.
    primary: Option<String>,
    /// The mailbox of who is responsible for it.
    pub(super) contact: Option<String>,
    /// Its name servers.
    servers: Vec<String>,
    /// Who can set the name.
    pub(super) set_by: SetBy,
    /// The same in a sentence.
    pub(super) detail: String,
}

impl Control {
    pub(super) fn is_unknown(&self) -> bool {
        self.set_by == SetBy::Unknown
    }

    /// The name servers, or the primary one of the zone where none are known.
    fn served_by(&self, zone: &reverse_zone::Zone) -> String {
        if self.servers.is_empty() {
            zone.primary.clone()
        } else {
            self.servers.join(", ")
        }
    }
}

/// Looks up who can set the name of an address.
pub(super) async fn look_up(context: &Context<'_>, address: IpAddr) -> Control {
    let dns = &context.probes.dns;
    let name = reverse_name(address);
    let answer = dns.ptr(address).await;
    let alias = answer.chain.last().cloned();
    // an alias may lead to a name that is not answered for; without an answer nobody knows of one
    let unasked = (alias.is_none() && !answer.outcome.is_conclusive())
        .then(|| format!("{} {}", answer.question, answer.outcome));
    let held = alias.clone().unwrap_or_else(|| name.clone());
    let mut control = Control {
        name,
        alias,
        zone: None,
        primary: None,
        contact: None,
        servers: Vec::new(),
        set_by: SetBy::Unknown,
        detail: String::new(),
    };
    let zone = match reverse_zone::around(dns, held).await {
        Ok(Some(zone)) => zone,
        Ok(None) => {
            control.detail = match unasked {
                Some(why) => format!(
                    "no reverse zone is seen above {address}, and whether there is one could not be told: {why}. Look again later"
                ),
                None => {
                    control.set_by = SetBy::Operator;
                    format!(
                        "no reverse zone is set up for {address}: the network operator has it delegated at the registry"
                    )
                }
            };
            return control;
        }
        Err(why) => {
            control.detail = format!("who runs the reverse zone could not be told: {why}");
            return control;
        }
    };
    control.servers = dns
        .ns(&zone.name)
        .await
        .names()
        .iter()
        .map(|name| name.trim_end_matches('.').to_ascii_lowercase())
        .collect();
    control.servers.sort();
    match unasked {
        Some(why) => {
            control.detail = format!(
                "whether the name was handed on by an alias could not be told: {why}. The zone above, {} is served by {}, contact {}: ask there, or look again later",
                zone.name,
                control.served_by(&zone),
                zone.contact
            );
        }
        None => judge(&mut control, &zone, context.site),
    }
    control.zone = Some(zone.name);
    control.primary = Some(zone.primary);
    control.contact = Some(zone.contact);
    control
}

fn judge(control: &mut Control, zone: &reverse_zone::Zone, site: &Site) {
    let handed_on = match &control.alias {
        Some(alias) => format!(" (an alias leads to {alias}, RFC 2317)"),
        None => String::new(),
    };
    let servers = control.served_by(zone);
    // the site's own name server, or a reverse name that is an alias into the site's own zone
    let own =
        servers.split(", ").any(|server| is_within(server, site)) || is_within(&zone.name, site);
    control.set_by = if own { SetBy::Site } else { SetBy::Operator };
    control.detail = if own {
        format!(
            "the site's own administrator sets it: the zone {}{handed_on} is served by {}",
            zone.name, servers
        )
    } else if belongs_to_a_registry(&zone.name) {
        format!(
            "no reverse zone is set up for the network: the nearest one above is the registry's, {}; the network operator has it delegated there",
            zone.name
        )
    } else {
        format!(
            "whoever runs the zone {}{handed_on} sets it: served by {}, contact {}",
            zone.name, servers, zone.contact
        )
    };
}

fn is_within(name: &str, site: &Site) -> bool {
    site.domains.iter().any(|domain| {
        let domain = domain.trim_end_matches('.').to_ascii_lowercase();
        let name = name.to_ascii_lowercase();
        name == domain || name.ends_with(&format!(".{domain}"))
    })
}

/// The zones of whole /8 blocks, and of IPv6 blocks wider than what holders are given (/32), are the registries'.
fn belongs_to_a_registry(zone: &str) -> bool {
    let labels = zone.split('.').count();
    if zone.ends_with(".in-addr.arpa") {
        labels <= 3
    } else {
        zone.ends_with(".ip6.arpa") && labels < 8 + 2
    }
}

#[cfg(test)]
mod unit {
    use super::belongs_to_a_registry;

    #[test]
    fn the_zones_of_registries_are_the_wide_ones() {
        for (zone, expected) in [
            ("203.in-addr.arpa", true),
            ("0.203.in-addr.arpa", false),
            ("113.0.203.in-addr.arpa", false),
            ("0-63.113.0.203.in-addr.arpa", false),
            ("0.2.ip6.arpa", true),
            ("b.d.0.1.0.0.2.ip6.arpa", true),
            ("8.b.d.0.1.0.0.2.ip6.arpa", false),
            ("7.ptr.office.example", false),
        ] {
            assert_eq!(belongs_to_a_registry(zone), expected, "{zone}");
        }
    }
}
