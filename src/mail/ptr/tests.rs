//! Reverse names and HELO names as tables.
#![allow(clippy::unwrap_used)]

use super::*;

/// address, name, how it looks: `ok`, `generic`, `soft`, or a fault
const NAMES: &[(&str, &str, &str)] = &[
    ("203.0.113.25", "mail.example.org", "ok"),
    ("203.0.113.25", "Mail.Example.ORG.", "ok"),
    ("203.0.113.25", "mx1.example.co.uk", "ok"),
    ("203.0.113.25", "mail25.example.org", "ok"),
    ("203.0.113.25", "a113-25.smtp-out.example.net", "ok"),
    ("203.0.113.25", "example.org", "ok"),
    ("203.0.113.25", "mail.dynamic-solutions.com", "ok"),
    ("203.0.113.25", "pool.example.org", "generic"),
    ("203.0.113.25", "server.example.org", "ok"),
    ("203.0.113.25", "cloud.example.org", "ok"),
    ("203.0.113.25", "host7.example.org", "ok"),
    ("203.0.113.25", "ns1.example.org", "ok"),
    ("203.0.113.25", "vps-48151.example.net", "generic"),
    ("203.0.113.25", "ns300421.example.net", "generic"),
    ("203.0.113.25", "203-0-113-25.example.net", "generic"),
    ("203.0.113.25", "ip-203-0-113-25.example.net", "generic"),
    ("203.0.113.25", "25.113.0.203.example.net", "generic"),
    ("203.0.113.25", "25-113-0-203.rev.example.net", "generic"),
    ("203.0.113.25", "p203.0.113.25.example.net", "generic"),
    ("203.0.113.25", "h203x0x113x25.example.net", "generic"),
    ("203.0.113.25", "203000113025.example.net", "generic"),
    ("203.0.113.25", "c203-000-113-025.example.net", "generic"),
    ("203.0.113.25", "cb007119.example.net", "generic"),
    ("203.0.113.25", "xcb007119.example.net", "generic"),
    ("203.0.113.25", "197100cb.example.net", "generic"),
    ("203.0.113.25", "197100cb.dip0.t-ipconnect.de", "generic"),
    ("203.0.113.25", "u3405803801.example.net", "generic"),
    ("203.0.113.25", "113-25.203-0.example.net", "generic"),
    ("203.0.113.25", "host25-113.business.example.net", "generic"),
    ("203.0.113.25", "static-203-0-113-25.example.net", "soft"),
    (
        "203.0.113.25",
        "static.25.113.0.203.clients.example.net",
        "soft",
    ),
    ("203.0.113.25", "mail-203-0-113-25.example.net", "soft"),
    ("203.0.113.25", "static.example.net", "ok"),
    ("203.0.113.25", "dsl-line7.example.net", "generic"),
    ("203.0.113.25", "adsl12.example.net", "generic"),
    ("203.0.113.25", "dhcp-4.campus.example.edu", "generic"),
    ("203.0.113.25", "office.pppoe.example.net", "generic"),
    ("203.0.113.25", "cable-1.example.net", "generic"),
    ("203.0.113.25", "cust-113-25.example.net", "generic"),
    ("203.0.113.25", "customer-portal.example.net", "ok"),
    ("203.0.113.25", "1203-0-113-250.example.net", "ok"),
    ("203.0.113.25", "mailserver", "single label"),
    ("203.0.113.25", "mail_out.example.org", "underscore"),
    ("203.0.113.25", "localhost", "localhost"),
    ("203.0.113.25", "localhost.localdomain", "localhost"),
    ("203.0.113.25", "exchange.company.local", "private"),
    ("203.0.113.25", "mx.office.lan", "private"),
    ("203.0.113.25", "203.0.113.25", "address"),
    ("203.0.113.25", "25.113.0.203.in-addr.arpa", "arpa"),
    ("203.0.113.25", "", "empty"),
    ("203.0.113.25", "relay.web.host", "ok"),
    ("203.0.113.25", "mail..example.org", "too long"),
    ("203.0.113.25", "-mail.example.org", "character"),
    ("203.0.113.25", "mail.example.123", "number"),
    ("2001:db8::25", "mail.example.org", "ok"),
    ("2001:db8::25", "2001-db8--25.example.net", "generic"),
    (
        "2001:db8::25",
        "20010db8000000000000000000000025.example.net",
        "generic",
    ),
    (
        "2001:db8::25",
        "5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.example.net",
        "generic",
    ),
    (
        "2001:db8::25",
        "2001-db8-0-0-0-0-0-25.example.net",
        "generic",
    ),
    ("2001:db8::25", "dynamic-v6.example.net", "generic"),
];

#[test]
fn names_look_as_receivers_see_them() {
    let mut wrong = Vec::new();
    for (address, name, expected) in NAMES {
        let found = look(name, address.parse().unwrap());
        let fits = match &found {
            Look::Proper => *expected == "ok",
            Look::Generic { softened: true, .. } => *expected == "soft",
            Look::Generic {
                softened: false,
                signs,
            } => *expected == "generic" && !signs.is_empty(),
            Look::Invalid(fault) => fault.to_string().contains(expected),
        };
        if !fits {
            wrong.push(format!("{name}: {found:?}, not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_reason_is_told() {
    for (name, expected) in [
        (
            "25-113-0-203.example.net",
            "it holds the address (reversed)",
        ),
        ("dsl-line7.example.net", "it says \"dsl\""),
        (
            "vps-48151.example.net",
            "\"vps-48151\" is a default name with a number",
        ),
    ] {
        let Look::Generic { signs, .. } = look(name, "203.0.113.25".parse().unwrap()) else {
            panic!("{name} is not generic");
        };
        assert_eq!(signs[0].to_string(), expected);
    }
}

#[test]
fn helo_names_follow_rfc_5321() {
    for (text, expected) in [
        ("mail.example.org", "Ok(Name(\"mail.example.org\"))"),
        ("MAIL.example.org.", "Ok(Name(\"mail.example.org\"))"),
        ("[203.0.113.25]", "Ok(Literal(203.0.113.25))"),
        ("[IPv6:2001:db8::25]", "Ok(Literal(2001:db8::25))"),
        ("[ipv6:2001:db8::25]", "Ok(Literal(2001:db8::25))"),
        ("[2001:db8::25]", "Err(Literal)"),
        ("[203.0.113]", "Err(Literal)"),
        ("[203.0.113.25", "Err(Literal)"),
        ("203.0.113.25", "Err(BareAddress)"),
        ("2001:db8::25", "Err(BareAddress)"),
        ("", "Err(Name(Empty))"),
        ("server01", "Err(Name(SingleLabel))"),
        ("localhost", "Err(Name(Localhost))"),
        ("localhost.localdomain", "Err(Name(Localhost))"),
        ("exchange.company.local", "Err(Name(Private))"),
        ("mail_gw.example.org", "Err(Name(Underscore))"),
        ("mail gw.example.org", "Err(Name(Character))"),
    ] {
        assert_eq!(format!("{:?}", helo(text)), expected, "{text}");
    }
}
