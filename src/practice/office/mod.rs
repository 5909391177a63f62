//! The office: the default scenario. A small office's Exchange server whose mail the world has stopped
//! trusting, on the day on which the technician is called: cleaned, but listed, without a proper reverse
//! name, and taking mail for recipients that do not exist.

mod changes;
mod events;
mod lists;
mod site;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr};

pub use changes::{Change, changes};
pub use events::{EVENTS, event_log};
pub use lists::list_zones;

use super::dns::{ListMode, ListZone, Rr, ZoneSet};
use super::mailbox::{Hop, MailStore};
use super::smtp::{Login, Personality, PortSetup, ServerSetup};
use super::world::Scenario;

/// The address that receivers see.
pub const OUTBOUND: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 25);
/// An address of the same provider that is clean and has a proper name.
pub const CLEAN_CANDIDATE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 90);
/// Another one that is neither.
pub const POOR_CANDIDATE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 141);
/// The name the server should have.
pub const PUBLIC_NAME: &str = "mail.acme.example";
/// The name it gives instead.
pub const PRIVATE_NAME: &str = "server.acme.local";
/// The id of the office's server; its port is `smtp`.
pub const SERVER: &str = "office";
/// The id of the smarthost; its ports are `submission` (STARTTLS) and `submissions` (implicit TLS).
pub const SMARTHOST: &str = "smarthost";
/// The id of the technician's own receiving server; its port is `smtp`.
pub const RECEIVER: &str = "receiver";
/// Sender and recipient of probe messages; both arrive in [`PROBE_MAILBOX`].
pub const PROBE_SENDER: &str = "sender@probe.example";
/// The recipient of probe messages.
pub const PROBE_RECIPIENT: &str = "recipient@probe.example";
/// The technician's mailbox, and its IMAP user name.
pub const PROBE_MAILBOX: &str = "probe@probe.example";
/// The list that does not answer.
pub const SILENT_LIST: &str = "psbl.surriel.com";
/// The list that refuses the resolver.
pub const REFUSING_LIST: &str = "dnsbl.spfbl.net";
/// The list that lists the world.
pub const WILDCARD_LIST: &str = "dnsrbl.swinog.ch";
/// Where the address is listed today: zone, last octets of the codes, text. Soonest expiry first.
pub const LISTINGS: [(&str, &[u8], &str); 5] = [
    (
        "zen.spamhaus.org",
        &[3, 4],
        "https://check.spamhaus.org/query/ip/203.0.113.25",
    ),
    (
        "b.barracudacentral.org",
        &[2],
        "http://www.barracudanetworks.com/reputation/?pr=1&ip=203.0.113.25",
    ),
    (
        "bl.spamcop.net",
        &[2],
        "Blocked - see https://www.spamcop.net/bl.shtml?203.0.113.25",
    ),
    (
        "all.spamrats.com",
        &[36],
        "SPAMRATS IP Addresses See: http://www.spamrats.com/bl?203.0.113.25",
    ),
    (
        "dnsbl-1.uceprotect.net",
        &[2],
        "IP 203.0.113.25 is UCEPROTECT-Level 1 listed",
    ),
];

/// The selector that the office's mail is signed with.
pub const SELECTOR: &str = "office";
/// Its public key. Nobody has the private one.
const DKIM_KEY: &str = "v=DKIM1; k=rsa; p=\
    MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA3SBuXXSHGGUU7OH3w/pp2O5is/XWLa99lajX49xEjSGdoOuD3K/b\
    tibK/63/cf0dl9uULqGUh1rJ3n1beYC3cNAh14syMdWi/jgRf9cOVeUzfgNzSGmHxcgK5XarOWYw27O8pyGVmr9Qd6mIqBce\
    n3QP6FIcDBUlxC30oaS2zylcSKCgyVbNmz0jeBXT7afNKktjwiVjc1rtMmWsRO/ZGknv2fBUM6kHXDXUT1j28zhvrWFdibc+\
    a/2mWT+/0T+2D3V2+3alZjbGW2T4xnbZwa9Sj58JX4impU6vsNOtH6fqGr0hNMvcUQR7DQk1nzY149hxi3K2NWXGRd6U8Jxf\
    HwIDAQAB";

/// The office's mailboxes.
const MAILBOXES: [&str; 4] = [
    "office@acme.example",
    "orders@acme.example",
    "accounts@acme.example",
    "postmaster@acme.example",
];
const ACCOUNT: &str = "acme-office";
const ACCOUNT_PASSWORD: &str = "correct-horse-battery";
const PROBE_PASSWORD: &str = "practice-makes-perfect";
const RELAY_NAME: &str = "smtp.relayhost.example";
const RELAY_EGRESS: &str = "out7.relayhost.example";
const RELAY_ADDRESS: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 7);

/// The office today, with every list of the catalogue.
pub fn scenario() -> Scenario {
    scenario_with(list_zones())
}

/// The office today with these lists. Those of [`LISTINGS`] and the three failing ones are added where they are missing.
pub fn scenario_with(lists: Vec<ListZone>) -> Scenario {
    Scenario {
        id: "acme".to_owned(),
        zones: zones(lists),
        servers: servers(),
        mail: mail(),
        imap_name: "imap.probe.example".to_owned(),
        event_log: event_log(),
        secrets: [
            ("smarthost-password", ACCOUNT_PASSWORD),
            ("probe-password", PROBE_PASSWORD),
        ]
        .map(|(name, secret)| (name.to_owned(), secret.to_owned()))
        .into(),
        site_yaml: site::site_yaml,
    }
}

fn zones(lists: Vec<ListZone>) -> ZoneSet {
    let mut zones = ZoneSet::default();
    for zone in [
        "example",
        "acme.example",
        "relayhost.example",
        "probe.example",
        "isp.example",
        "in-addr.arpa",
        "ip6.arpa",
    ] {
        zones.add_zone(zone);
    }
    // The reverse zone is the provider's: its SOA says whom to ask for a name.
    zones.add_zone("113.0.203.in-addr.arpa").primary = "ns1.isp.example".to_owned();
    zones.add("ns1.isp.example", Rr::A(Ipv4Addr::LOCALHOST));

    zones.add("acme.example", Rr::Mx(10, PUBLIC_NAME.to_owned()));
    zones.add("acme.example", Rr::Txt("v=spf1 mx ~all".to_owned()));
    zones.add(
        &format!("{SELECTOR}._domainkey.acme.example"),
        Rr::Txt(DKIM_KEY.to_owned()),
    );
    zones.add(
        "_dmarc.acme.example",
        Rr::Txt("v=DMARC1; p=quarantine; rua=mailto:postmaster@acme.example".to_owned()),
    );
    zones.add(PUBLIC_NAME, Rr::A(OUTBOUND));
    zones.add("mail2.acme.example", Rr::A(CLEAN_CANDIDATE));
    zones.set_ptr(OUTBOUND.into(), &["203-0-113-25.dsl.isp.example"]);
    zones.set_ptr(CLEAN_CANDIDATE.into(), &["mail2.acme.example"]);
    zones.set_ptr(POOR_CANDIDATE.into(), &["203-0-113-141.dsl.isp.example"]);

    zones.add(RELAY_NAME, Rr::A(Ipv4Addr::LOCALHOST));
    zones.add(RELAY_EGRESS, Rr::A(RELAY_ADDRESS));
    zones.set_ptr(RELAY_ADDRESS.into(), &[RELAY_EGRESS]);
    zones.add(
        "spf.relayhost.example",
        Rr::Txt("v=spf1 ip4:198.51.100.0/28 -all".to_owned()),
    );

    zones.add("probe.example", Rr::Mx(10, "mx.probe.example".to_owned()));
    zones.add(
        "probe.example",
        Rr::Txt("v=spf1 a:tester.probe.example -all".to_owned()),
    );
    for host in [
        "mx.probe.example",
        "imap.probe.example",
        "tester.probe.example",
    ] {
        zones.add(host, Rr::A(Ipv4Addr::LOCALHOST));
    }
    add_lists(&mut zones, lists);
    zones
}

fn add_lists(zones: &mut ZoneSet, lists: Vec<ListZone>) {
    for list in lists {
        zones.add_list(list);
    }
    let test = Ipv4Addr::new(127, 0, 0, 2);
    for zone in
        LISTINGS
            .iter()
            .map(|(zone, _, _)| *zone)
            .chain([SILENT_LIST, REFUSING_LIST, WILDCARD_LIST])
    {
        if zones.list(zone).is_none() {
            zones.add_list(ListZone::new(zone).test_point("127.0.0.2", &[test]));
        }
    }
    for (zone, codes, text) in LISTINGS {
        if let Some(list) = zones.list_mut(zone) {
            let codes = codes
                .iter()
                .map(|last| Ipv4Addr::new(127, 0, 0, *last))
                .collect::<Vec<_>>();
            list.add(&OUTBOUND.to_string(), &codes, text);
        }
    }
    for zone in ["bl.spamcop.net", "dnsbl-1.uceprotect.net"] {
        if let Some(list) = zones.list_mut(zone) {
            list.add(&POOR_CANDIDATE.to_string(), &[test], "listed");
        }
    }
    let failing = [
        (SILENT_LIST, ListMode::Silent),
        (REFUSING_LIST, ListMode::Refusing),
        (WILDCARD_LIST, ListMode::Wildcard(test)),
    ];
    for (zone, mode) in failing {
        if let Some(list) = zones.list_mut(zone) {
            list.mode = mode;
        }
    }
}

fn servers() -> Vec<ServerSetup> {
    let mut office = Personality::exchange_2003(PRIVATE_NAME, &["acme.example"]);
    office.literals = vec![IpAddr::V4(OUTBOUND)];
    office.path = vec![Hop {
        name: PRIVATE_NAME.to_owned(),
        address: OUTBOUND.into(),
    }];
    if let Some(auth) = &mut office.auth {
        let login = Login {
            password: ACCOUNT_PASSWORD.to_owned(),
            ..Login::default()
        };
        auth.logins.insert("office".to_owned(), login);
    }
    let mut smarthost =
        Personality::smarthost(RELAY_NAME, ACCOUNT, ACCOUNT_PASSWORD, &["@acme.example"]);
    smarthost.path = vec![Hop {
        name: RELAY_EGRESS.to_owned(),
        address: RELAY_ADDRESS.into(),
    }];
    let receiver = Personality::postfix(
        "mx.probe.example",
        &["probe.example"],
        &[PROBE_SENDER, PROBE_RECIPIENT, PROBE_MAILBOX],
    );
    let ports = [("submission", false), ("submissions", true)];
    vec![
        ServerSetup::on_smtp(SERVER, office),
        ServerSetup {
            id: SMARTHOST.to_owned(),
            personality: smarthost,
            ports: ports
                .map(|(name, implicit_tls)| PortSetup {
                    name: name.to_owned(),
                    implicit_tls,
                })
                .into(),
        },
        ServerSetup::on_smtp(RECEIVER, receiver),
    ]
}

fn mail() -> MailStore {
    let mut mail = MailStore::default();
    for address in MAILBOXES {
        mail.add(address, ACCOUNT_PASSWORD);
    }
    mail.add(PROBE_MAILBOX, PROBE_PASSWORD);
    for alias in [PROBE_SENDER, PROBE_RECIPIENT] {
        mail.aliases
            .insert(alias.to_owned(), PROBE_MAILBOX.to_owned());
    }
    mail.exchangers
        .insert("probe.example".to_owned(), "mx.probe.example".to_owned());
    mail.authentication = [
        (IpAddr::V4(OUTBOUND), "spf=pass smtp.mailfrom=acme.example; dkim=none; dmarc=none; iprev=fail policy.iprev=203.0.113.25"),
        (IpAddr::V4(RELAY_ADDRESS), "spf=pass smtp.mailfrom=acme.example; dkim=none; dmarc=none; iprev=pass policy.iprev=198.51.100.7"),
    ]
    .map(|(address, verdict)| (address, verdict.to_owned()))
    .into();
    mail
}
