//! Each variant, written out; and no value of a site file can add to a command line.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::super::catalogue::{CONTROLS, VARIANTS};
use super::super::names::Nonce;
use super::*;

fn names() -> Names {
    Names {
        target: "192.0.2.1".parse().unwrap(),
        hosts: vec![Domain::parse("mx.site.example").unwrap()],
        domains: vec![Domain::parse("site.example").unwrap()],
        mailbox: Some(Mailbox::parse("info@site.example").unwrap()),
        sender: Some(Mailbox::parse("from@ours.example").unwrap()),
        recipient: Some(Mailbox::parse("to@theirs.example").unwrap()),
        helo: Some(Domain::parse("tester.ours.example").unwrap()),
        own_address: Some("198.51.100.7".parse().unwrap()),
        nonce: Nonce::new("abcdef012345").unwrap(),
    }
}

fn variant(id: &str) -> &'static Variant {
    CONTROLS
        .iter()
        .chain(VARIANTS)
        .find(|v| v.id == id)
        .unwrap()
}

/// `helo | line; line` of each probe.
fn written(id: &str, names: &Names) -> Vec<String> {
    let (probes, _) = write_out(variant(id), names);
    let show = |p: &Probe| {
        let lines: Vec<&str> = p.lines.iter().map(|l| l.text.as_str()).collect();
        format!("{} {} | {}", p.greeting.verb(), p.helo, lines.join("; "))
    };
    probes.iter().map(show).collect()
}

#[test]
fn the_whole_catalogue_written_out() {
    let mut all = String::new();
    for v in CONTROLS.iter().chain(VARIANTS) {
        let (_, left_out) = write_out(v, &names());
        assert_eq!(left_out, [], "{}", v.id);
        for line in written(v.id, &names()) {
            all.push_str(&format!("{} {line}\n", v.id));
        }
    }
    insta::assert_snapshot!(all);
}

#[test]
fn an_ipv6_target_is_written_as_a_literal() {
    let names = Names {
        target: "2001:db8::1".parse().unwrap(),
        ..names()
    };
    assert_eq!(
        written("K07", &names),
        ["EHLO tester.ours.example | MAIL FROM:<from@ours.example>; \
          RCPT TO:<to+abcdef012345k07@[IPv6:2001:db8::1]>"]
    );
}

#[test]
fn without_a_name_the_tester_greets_with_its_address() {
    let names = Names {
        helo: None,
        ..names()
    };
    let (probes, _) = write_out(variant("A01"), &names);
    assert_eq!(probes[0].helo, "[198.51.100.7]");
}

#[test]
fn each_host_name_and_domain_is_tried_once() {
    let hosts = [
        "a.example",
        "b.example",
        "a.example",
        "c.example",
        "d.example",
        "e.example",
    ];
    let names = Names {
        hosts: hosts.map(|h| Domain::parse(h).unwrap()).to_vec(),
        domains: ["site.example", "site2.example"]
            .map(|d| Domain::parse(d).unwrap())
            .to_vec(),
        ..names()
    };
    assert_eq!(written("A08", &names).len(), MAX_HOSTS);
    assert_eq!(
        written("B03", &names).len(),
        2 * 2,
        "two domains, two senders"
    );
    assert_eq!(
        written("K02", &names).len(),
        1,
        "the mailbox is valid at one domain only"
    );
}

#[test]
fn a_missing_name_leaves_out_what_needs_it_and_says_so() {
    let full = names();
    let cases: &[(&str, Names, &str)] = &[
        (
            "K02",
            Names {
                mailbox: None,
                ..full.clone()
            },
            "no mailbox that exists",
        ),
        (
            "A05",
            Names {
                mailbox: None,
                ..full.clone()
            },
            "no mailbox that exists",
        ),
        (
            "A18",
            Names {
                mailbox: None,
                ..full.clone()
            },
            "no mailbox that exists",
        ),
        (
            "A01",
            Names {
                sender: None,
                ..full.clone()
            },
            "no probe sender",
        ),
        (
            "A04",
            Names {
                recipient: None,
                ..full.clone()
            },
            "no probe recipient",
        ),
        (
            "A08",
            Names {
                hosts: vec![],
                ..full.clone()
            },
            "no host name",
        ),
        (
            "A13",
            Names {
                own_address: None,
                ..full.clone()
            },
            "own address",
        ),
        (
            "B03",
            Names {
                domains: vec![],
                ..full.clone()
            },
            "no mail domain",
        ),
        (
            "A01",
            Names {
                recipient: Some(Mailbox::parse("x@site.example").unwrap()),
                ..full.clone()
            },
            "is served by this server",
        ),
        (
            "A01",
            Names {
                recipient: Some(
                    Mailbox::parse(&format!("{}@theirs.example", "x".repeat(60))).unwrap(),
                ),
                ..full
            },
            "too long",
        ),
    ];
    for (id, names, reason) in cases {
        let (probes, left_out) = write_out(variant(id), names);
        assert_eq!(probes, [], "{id}");
        assert_eq!(left_out.len(), 1, "{id}: {left_out:?}");
        assert!(left_out[0].reason.contains(reason), "{id}: {left_out:?}");
    }
}

#[test]
fn a_form_that_lacks_a_name_does_not_take_the_others_with_it() {
    let names = Names {
        hosts: vec![],
        ..names()
    };
    let (probes, left_out) = write_out(variant("A07"), &names);
    assert_eq!((probes.len(), left_out.len()), (1, 1));
}

#[test]
fn the_controls_of_an_encoded_form() {
    for (rcpt, expected) in [
        ("{st}%{E2}@[{T}]", &["K01", "K05", "K04", "K07"][..]),
        ("\"{st}%{E2}\"", &["K01", "K05", "K03", "K04"]),
        ("\"{st}@{E2}\"", &["K01", "K05", "K03"]),
        ("\"{st}@{E2}\"@{L}", &["K01", "K05"]),
        ("{E2}!{st}", &["K01", "K05", "K03"]),
        ("{E2}!{st}@[{T}]", &["K01", "K05", "K07"]),
    ] {
        assert_eq!(
            worth(Kind::E, rcpt),
            Worth::Encoded(expected.to_vec()),
            "{rcpt}"
        );
    }
    assert_eq!(
        worth(Kind::E, "@{L}:{st}@{E2}"),
        Worth::External,
        "the route is dropped"
    );
}

proptest! {
    /// Whatever a site file holds, a line is printable ASCII and holds one address.
    #[test]
    fn no_value_can_end_a_command(
        host in any_name(), domain in any_name(), mailbox in any_mailbox(), sender in any_mailbox(),
        recipient in any_mailbox(), helo in any_name(), nonce in "[a-z0-9\r\n <>]{12,16}",
    ) {
        let base = names();
        let names = Names {
            hosts: Domain::parse(&host).into_iter().collect(),
            domains: Domain::parse(&domain).into_iter().collect(),
            mailbox: Mailbox::parse(&mailbox).ok(),
            sender: Mailbox::parse(&sender).ok(),
            recipient: Mailbox::parse(&recipient).ok(),
            helo: Domain::parse(&helo).ok(),
            nonce: Nonce::new(&nonce).unwrap_or(base.nonce),
            ..base
        };
        for v in CONTROLS.iter().chain(VARIANTS) {
            for probe in write_out(v, &names).0 {
                prop_assert!(probe.helo.bytes().all(|b| b.is_ascii_graphic()), "{:?}", probe.helo);
                for line in &probe.lines {
                    let text = &line.text;
                    prop_assert!(text.bytes().all(|b| b == b' ' || b.is_ascii_graphic()), "{text:?}");
                    prop_assert!(text.matches('<').count() <= 1 && text.matches('>').count() <= 1, "{text:?}");
                    let blanks = text.matches(' ').count();
                    prop_assert!(blanks <= 2, "{text:?}");
                    prop_assert!(text.len() <= 510, "{text:?}");
                }
            }
        }
    }
}

/// Names that are mostly sound, so that the property is not kept by refusing everything.
fn any_name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9-]{1,12}\\.example",
        "\\PC{0,20}",
        "[a-z.]{1,8}[\r\n\0 <>@\"]{1,3}[A-Z. ]{0,12}",
    ]
}

fn any_mailbox() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9.+-]{1,12}@[a-z0-9-]{1,12}\\.example",
        "\\PC{0,12}@\\PC{0,12}",
        "[a-z]{1,8}[\r\n\0 <>@\"]{0,3}[a-z]{0,4}@[a-z]{1,8}[\r\n <>]{0,2}",
    ]
}
