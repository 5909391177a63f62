//! The variants: controls first, then families A (sender), B (percent), C (quotes), D (source routes),
//! E (bang paths), F (product specific).
//!
//! The set is the union of the published testers' sets, plus the forms all of them miss: a sender in
//! the served domain when the banner carries another name (A05 to A07), and trust in the HELO name
//! (A20). Proxies on other ports (HTTP CONNECT, SOCKS) are another matter and deliberately absent.

use super::variant::{Greeting, Kind, Lead, Offer, Style, Variant};

/// The controls, in the order they are sent: K02 early, since its refusal makes the rest void.
pub const CONTROLS: &[Variant] = &[
    control(
        "K02",
        &["{lu}@{L}"],
        "must be 2xx: else the server refuses this tester",
    ),
    control(
        "K01",
        &["{bad}@{L}"],
        "no recipient check: every encoded form accepted is worthless",
    ),
    control("K03", &["{bad}"], "unqualified recipients are accepted"),
    control(
        "K04",
        &["{bad}%{bad2}@{L}"],
        "the percent form is accepted for nonsense",
    ),
    control(
        "K05",
        &["{bad}@{rand}.invalid"],
        "recipients are accepted that cannot be delivered to",
    ),
    control(
        "K07",
        &["{st}@[{T}]"],
        "its own address literal is taken as local",
    ),
    control(
        "K06",
        &["postmaster", "postmaster@{L}", "abuse@{L}"],
        "RFC 5321 4.5.1: postmaster must be accepted; says nothing about relaying",
    ),
];

/// Everything that asks the server to relay.
pub const VARIANTS: &[Variant] = &[
    // A: plain recipient, the sender (or the style) varies.
    sender("A01", &[OURS], "the classic open relay"),
    sender(
        "A02",
        &["{st}@{E2}"],
        "rules that trust a sender equal to the recipient",
    ),
    sender(
        "A03",
        &["{sf}@{rand}.{E}"],
        "sender domain look-ups that are skipped",
    ),
    sender("A04", &[""], "an exemption for the null sender"),
    sender("A05", &["{lu}@{L}"], "trust in a local sender"),
    sender(
        "A06",
        &["{bad}@{L}"],
        "trust in the served domain, without a valid mailbox",
    ),
    sender(
        "A07",
        &["postmaster@{L}", "postmaster@{H}"],
        "an exemption for postmaster",
    ),
    sender("A08", &["{sf}@{H}"], "trust in the host name"),
    sender("A09", &["{sf}@[{T}]"], "trust in its own address literal"),
    sender(
        "A10",
        &[
            "{sf}@localhost",
            "{sf}@localhost.localdomain",
            "{sf}@[127.0.0.1]",
        ],
        "trust in localhost as a sender domain",
    ),
    sender(
        "A11",
        &["{sf}"],
        "an unqualified sender that is completed to a local one",
    ),
    sender(
        "A12",
        &["administrator", "root"],
        "trust in an unqualified system account",
    ),
    sender(
        "A13",
        &["{sf}@[{me}]"],
        "trust in the client's own address literal",
    ),
    sender("A14", &["@{H}:{sf}@{E}"], "a source-routed sender"),
    Variant {
        styles: &[
            Style {
                brackets: false,
                space: true,
                ..Style::STRICT
            },
            Style {
                space: true,
                ..Style::STRICT
            },
            Style {
                lower_case: true,
                ..Style::STRICT
            },
        ],
        ..sender("A15", &[OURS], "a parser that checks only the strict form")
    },
    Variant {
        rcpt: &["{st}@{E2}.", "{st}@{E2_UPPER}"],
        ..sender(
            "A16",
            &[OURS],
            "a string comparison with a hole (trailing dot, capitals)",
        )
    },
    Variant {
        lead: Lead::Recipient,
        ..sender("A17", &[OURS], "only the first recipient is checked")
    },
    Variant {
        lead: Lead::Transaction,
        ..sender(
            "A18",
            &[OURS],
            "state that leaks from one transaction into the next",
        )
    },
    Variant {
        styles: &[Style {
            greeting: Greeting::Helo,
            ..Style::STRICT
        }],
        ..sender("A19", &[OURS], "another path through the code after HELO")
    },
    Variant {
        helo: &["{L}", "{H}", "localhost", "[127.0.0.1]", "[{T}]"],
        ..sender("A20", &[OURS], "trust in the HELO name")
    },
    // B: the percent hack.
    encoded(
        "B01",
        &["{st}%{E2}@[{T}]"],
        "the percent hack at its own literal",
    ),
    encoded(
        "B02",
        &["{st}%{E2}@{H}"],
        "the percent hack at the host name",
    ),
    encoded(
        "B03",
        &["{st}%{E2}@{L}"],
        "the percent hack at the served domain",
    ),
    encoded(
        "B04",
        &["\"{st}%{E2}\""],
        "the percent hack, quoted and unqualified",
    ),
    encoded("B05", &["{st}%{E2}"], "the percent hack, unqualified"),
    encoded(
        "B06",
        &["\"{st}%{E2}\"@{L}"],
        "the percent hack, quoted, at the served domain",
    ),
    encoded(
        "B07",
        &["{st}%{E2}@localhost", "{st}%{E2}@[127.0.0.1]"],
        "the percent hack at localhost",
    ),
    encoded("B08", &["{st}%{E2}%{H}@{L}"], "the percent hack, twice"),
    // C: quotes and a second at-sign.
    encoded(
        "C01",
        &["\"{st}@{E2}\""],
        "a quoted external address, unqualified",
    ),
    encoded(
        "C02",
        &["{st}@{E2}@[{T}]"],
        "a second at-sign before its own literal",
    ),
    encoded(
        "C03",
        &["\"{st}@{E2}\"@[{T}]"],
        "a quoted external address at its own literal",
    ),
    encoded(
        "C04",
        &["{st}@{E2}@{H}"],
        "a second at-sign before the host name",
    ),
    encoded(
        "C05",
        &["\"{st}@{E2}\"@{L}", "{st}@{E2}@{L}"],
        "a second at-sign at the served domain",
    ),
    encoded("C06", &["{st}\\@{E2}@{L}"], "an escaped at-sign"),
    // D: source routes. RFC 5321 says the route is to be dropped, which leaves an external recipient.
    encoded(
        "D01",
        &["@[{T}]:{st}@{E2}"],
        "a source route through its own literal",
    ),
    encoded(
        "D02",
        &["@{H}:{st}@{E2}"],
        "a source route through the host name",
    ),
    encoded(
        "D03",
        &["@{L}:{st}@{E2}"],
        "a source route through the served domain",
    ),
    encoded(
        "D04",
        &["@{H},@{E2}:{st}@{E2}", "@localhost:{st}@{E2}"],
        "a longer source route, or one by localhost",
    ),
    // E: bang paths.
    encoded("E01", &["{E2}!{st}"], "a bang path, unqualified"),
    encoded(
        "E02",
        &["{E2}!{st}@[{T}]"],
        "a bang path at its own literal",
    ),
    encoded("E03", &["{E2}!{st}@{H}"], "a bang path at the host name"),
    encoded(
        "E04",
        &["{E2}!{st}@{L}", "{H}!{E2}!{st}"],
        "a bang path at the served domain, or a longer one",
    ),
    // F: product specific.
    encoded(
        "F01",
        &["{imcea}@{L}"],
        "Exchange's encapsulated address (CVE-1999-0682)",
    ),
];

/// Keywords in the EHLO reply that a stranger should not see.
pub const OFFERS: &[Offer] = &[
    Offer {
        id: "F02",
        keywords: &["XCLIENT", "XFORWARD"],
        finds: "a stranger may claim another client's identity",
    },
    Offer {
        id: "F03",
        keywords: &["TURN", "ETRN"],
        finds: "a stranger may pull mail or start the queue",
    },
];

/// The sender whose bounces can be read.
const OURS: &str = "{sf}@{E}";
/// The published sets use only this sender, which sends the bounce back to the target: the tester then
/// never sees the bounce that would have cleared the server. Kept beside [`OURS`] as some holes need it.
const HISTORIC: &str = "{sf}@[{T}]";

const PLAIN: Variant = Variant {
    id: "",
    kind: Kind::R,
    finds: "",
    mail: &[OURS],
    rcpt: &["{st}@{E2}"],
    helo: &["{X}"],
    styles: &[Style::STRICT],
    lead: Lead::None,
};

const fn sender(id: &'static str, mail: &'static [&'static str], finds: &'static str) -> Variant {
    Variant {
        id,
        mail,
        finds,
        ..PLAIN
    }
}

const fn encoded(id: &'static str, rcpt: &'static [&'static str], finds: &'static str) -> Variant {
    Variant {
        id,
        kind: Kind::E,
        rcpt,
        finds,
        mail: &[OURS, HISTORIC],
        ..PLAIN
    }
}

const fn control(id: &'static str, rcpt: &'static [&'static str], finds: &'static str) -> Variant {
    Variant {
        id,
        kind: Kind::C,
        rcpt,
        finds,
        ..PLAIN
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_catalogue_is_complete_and_ids_are_unique() {
        let ids: BTreeSet<&str> = CONTROLS
            .iter()
            .chain(VARIANTS)
            .map(|v| v.id)
            .chain(OFFERS.iter().map(|o| o.id))
            .collect();
        assert_eq!(ids.len(), CONTROLS.len() + VARIANTS.len() + OFFERS.len());
        for (family, count) in [
            ('K', 7),
            ('A', 20),
            ('B', 8),
            ('C', 6),
            ('D', 4),
            ('E', 4),
            ('F', 3),
        ] {
            for n in 1..=count {
                assert!(
                    ids.contains(format!("{family}{n:02}").as_str()),
                    "{family}{n:02} is missing"
                );
            }
        }
    }

    #[test]
    fn kind_follows_the_family() {
        for v in CONTROLS.iter().chain(VARIANTS) {
            let expected = match v.family() {
                'K' => Kind::C,
                'A' => Kind::R,
                _ => Kind::E,
            };
            assert_eq!(v.kind, expected, "{}", v.id);
            assert!(!v.finds.is_empty(), "{}", v.id);
        }
    }

    #[test]
    fn encoded_forms_are_tried_with_both_senders() {
        for v in VARIANTS.iter().filter(|v| v.kind == Kind::E) {
            assert_eq!(v.mail, [OURS, HISTORIC], "{}", v.id);
        }
    }
}
