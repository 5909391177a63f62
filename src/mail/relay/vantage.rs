//! Where the tester stands: the largest source of false results.
//!
//! Servers relay for their own network. Seen from inside, an honest server looks open and a closed
//! verdict says nothing about the Internet, so an internal vantage allows neither.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::mail::dnsbl::askable;

/// Where the tester stands towards one target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vantage {
    /// A stranger's place: the only one that allows a verdict.
    External,
    /// A laboratory: reserved addresses stand for public ones. Documents of the site say so.
    Laboratory,
    /// The target is this machine.
    SameHost,
    /// The target is on a network this machine is part of.
    SameNetwork,
    /// The target's address is not a public one, so it was reached from inside.
    PrivateTarget,
    /// The site file says that this machine is on site.
    DeclaredInside,
    /// This machine leaves through an address of the site (on site, by VPN, or on the server itself).
    SiteEgress,
}

impl Vantage {
    /// Whether results from here say something about the Internet.
    pub fn allows_verdict(self) -> bool {
        matches!(self, Self::External | Self::Laboratory)
    }

    /// The class in words, for reasons and reports.
    pub fn explain(self) -> &'static str {
        match self {
            Self::External => "tested from outside the site",
            Self::Laboratory => {
                "tested in a laboratory, where reserved addresses stand for public ones"
            }
            Self::SameHost => "the target is this machine itself, which it may trust",
            Self::SameNetwork => "the target is on a network of this machine, which it may trust",
            Self::PrivateTarget => "the target's address is private, so it was reached from inside",
            Self::DeclaredInside => "the site file says that this machine is inside the site",
            Self::SiteEgress => {
                "this machine's own address is one of the site's, which the server may trust"
            }
        }
    }
}

/// Classifies one target.
///
/// `own` are this machine's addresses, including the one the target says it sees; `subnets` are those
/// of its interfaces; `outbound` the addresses the site sends from.
pub fn classify(
    target: IpAddr,
    own: &[IpAddr],
    subnets: &[IpNet],
    outbound: &[IpAddr],
    laboratory: bool,
) -> Vantage {
    let target = target.to_canonical();
    let is_egress = |own: &&IpAddr| {
        // On loopback everybody has the same few addresses; there it is no sign of anything.
        !own.is_loopback()
            && outbound
                .iter()
                .any(|o| o.to_canonical() == own.to_canonical())
    };
    if own.iter().any(|own| is_egress(&own)) {
        Vantage::SiteEgress
    } else if laboratory {
        Vantage::Laboratory
    } else if own.iter().any(|o| o.to_canonical() == target) {
        Vantage::SameHost
    } else if subnets
        .iter()
        .any(|net| net.prefix_len() > 0 && net.contains(&target))
    {
        Vantage::SameNetwork
    } else if askable(target, false).is_err() {
        Vantage::PrivateTarget
    } else {
        Vantage::External
    }
}

/// The tester's address in a HELO or EHLO reply (`Hello x.example [192.0.2.7], pleased to meet you`).
///
/// The first word is the server's own name, and `said` is what the tester said in its greeting, which
/// servers repeat: neither proves anything.
pub fn seen_as(greeting: &str, said: &str) -> Option<IpAddr> {
    let (_, rest) = greeting.lines().next()?.split_once(' ')?;
    rest.replace(said, " ")
        .split(['[', ']', '(', ')', ' '])
        .map(|part| part.strip_prefix("IPv6:").unwrap_or(part))
        .find_map(|part| part.parse::<IpAddr>().ok())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn vantages() {
        use Vantage::*;
        // target, own addresses, own networks, the site's outbound addresses, laboratory
        type Case<'a> = (
            &'a str,
            &'a [&'a str],
            &'a [&'a str],
            &'a [&'a str],
            bool,
            Vantage,
        );
        let cases: &[Case<'_>] = &[
            (
                "8.8.8.8",
                &["192.168.1.5"],
                &["192.168.1.0/24"],
                &["8.8.4.4"],
                false,
                External,
            ),
            (
                "8.8.8.8",
                &["8.8.4.4"],
                &[],
                &["8.8.4.4"],
                false,
                SiteEgress,
            ),
            ("8.8.8.8", &["8.8.8.8"], &[], &[], false, SameHost),
            ("8.8.8.8", &["::ffff:8.8.8.8"], &[], &[], false, SameHost),
            (
                "8.8.8.8",
                &["8.8.8.9"],
                &["8.8.8.0/24"],
                &[],
                false,
                SameNetwork,
            ),
            (
                "8.8.8.8",
                &["9.9.9.9"],
                &["0.0.0.0/0"],
                &[],
                false,
                External,
            ),
            (
                "192.168.1.10",
                &["10.0.0.5"],
                &[],
                &[],
                false,
                PrivateTarget,
            ),
            ("100.64.0.1", &[], &[], &[], false, PrivateTarget),
            ("203.0.113.5", &[], &[], &[], false, PrivateTarget),
            ("203.0.113.5", &[], &[], &[], true, Laboratory),
            (
                "127.0.0.2",
                &["127.0.0.1"],
                &["127.0.0.0/8"],
                &["127.0.0.1"],
                true,
                Laboratory,
            ),
            (
                "203.0.113.5",
                &["203.0.113.9"],
                &[],
                &["203.0.113.9"],
                true,
                SiteEgress,
            ),
            ("fd00::1", &[], &[], &[], false, PrivateTarget),
            ("2001:db8::1", &[], &[], &[], false, PrivateTarget),
            ("2a00:1450::1", &["2a01::1"], &[], &[], false, External),
        ];
        for (target, own, nets, outbound, laboratory, expected) in cases {
            let ips = |texts: &[&str]| {
                texts
                    .iter()
                    .map(|t| t.parse().unwrap())
                    .collect::<Vec<IpAddr>>()
            };
            let nets: Vec<IpNet> = nets.iter().map(|n| n.parse().unwrap()).collect();
            let got = classify(
                target.parse().unwrap(),
                &ips(own),
                &nets,
                &ips(outbound),
                *laboratory,
            );
            assert_eq!(got, *expected, "{target} from {own:?}");
        }
    }

    #[test]
    fn the_address_in_a_greeting() {
        for (greeting, expected) in [
            ("mx.site.example Hello [192.0.2.7]", Some("192.0.2.7")),
            (
                "mx.site.example Hello t.example [192.0.2.7], pleased to meet you\nSIZE",
                Some("192.0.2.7"),
            ),
            (
                "mx.site.example Hello t.example (192.0.2.7)",
                Some("192.0.2.7"),
            ),
            (
                "mx.site.example at your service, [IPv6:2001:db8::7]",
                Some("2001:db8::7"),
            ),
            ("mx.site.example Hello [127.0.0.1]", None),
            ("[203.0.113.1] Hello", None),
            ("mx.site.example\n[192.0.2.7]", None),
            ("mx.site.example", None),
        ] {
            assert_eq!(
                seen_as(greeting, "[127.0.0.1]"),
                expected.map(|e| e.parse().unwrap()),
                "{greeting}"
            );
        }
    }
}
