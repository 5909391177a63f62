//! What can be wrong with a smarthost, one case each.

use super::{HOST, Rig};
use crate::practice::Certificate;
use crate::practice::dns::Trouble;
use crate::practice::smtp::{Greeting, Login, Personality, Reply, StartTls, Trust};
use crate::site::{Server, Tls, Vantage};

pub(super) type Change = fn(&mut Rig);

/// What is wrong, how that is brought about, the verdict, where it is blocked, and the findings.
pub(super) type Case = (
    &'static str,
    Change,
    &'static str,
    Option<&'static str>,
    &'static [&'static str],
);

pub(super) const CASES: &[Case] = &[
    ("all is well", |_| {}, "ready", None, &[]),
    (
        "TLS from the first byte",
        |rig| {
            let port = rig
                .world
                .address("smarthost", "submissions")
                .unwrap()
                .port();
            rig.smarthost().ports = vec![port];
            rig.smarthost().tls = Tls::Implicit;
        },
        "ready",
        None,
        &[],
    ),
    (
        "the name does not exist",
        |rig| rig.smarthost().host = "smpt.provider.example".to_owned(),
        "blocked",
        Some("H02"),
        &["smarthost-dns"],
    ),
    (
        "the name is no name",
        |rig| rig.smarthost().host = "smtp provider".to_owned(),
        "blocked",
        Some("H01"),
        &["smarthost-name"],
    ),
    (
        "the resolver is silent",
        |rig| {
            rig.world
                .zones()
                .edit(|zones| zones.set_trouble(HOST, Some(Trouble::Silent)))
        },
        "inconclusive",
        Some("H02"),
        &[],
    ),
    (
        "nothing listens",
        |rig| rig.smarthost().ports = vec![1],
        "blocked",
        Some("H04"),
        &["smarthost-unreachable"],
    ),
    (
        "nothing listens, seen from elsewhere",
        |rig| {
            rig.smarthost().ports = vec![1];
            rig.site.vantage = Some(Vantage::Outside);
        },
        "inconclusive",
        Some("H04"),
        &[],
    ),
    (
        "seen from elsewhere",
        |rig| rig.site.vantage = Some(Vantage::Outside),
        "ready_with_warnings",
        None,
        &[],
    ),
    (
        "our address is blocked",
        |rig| {
            let refusal = Reply::new(
                554,
                "5.7.1 your address is listed, blocked using bl.example",
            );
            rig.edit(|server| server.greeting = Greeting::Refuse(refusal));
        },
        "blocked",
        Some("H05"),
        &["smarthost-refuses-us"],
    ),
    (
        "busy",
        |rig| {
            let refusal = Reply::new(421, "4.3.2 too busy");
            rig.edit(|server| server.greeting = Greeting::Refuse(refusal));
        },
        "inconclusive",
        Some("H05"),
        &[],
    ),
    (
        "silent",
        |rig| rig.edit(|server| server.greeting = Greeting::Silent),
        "blocked",
        Some("H05"),
        &["smarthost-no-dialogue"],
    ),
    (
        "EHLO unknown",
        |rig| rig.edit(|server| server.helo_only = true),
        "blocked",
        Some("H06"),
        &["smarthost-ehlo"],
    ),
    (
        "a firewall masks",
        |rig| {
            rig.edit(|server| {
                server.keywords.push("XXXXXXXA".to_owned());
                server.starttls = StartTls::Absent;
            });
        },
        "blocked",
        Some("H08"),
        &["smarthost-masked", "smarthost-no-tls"],
    ),
    (
        "a local HELO name",
        |rig| rig.site.outbound.helo = Some("server.local".to_owned()),
        "ready_with_warnings",
        None,
        &["smarthost-helo"],
    ),
    (
        "STARTTLS without a handshake",
        |rig| rig.edit(|server| server.starttls = StartTls::Broken),
        "blocked",
        Some("H08"),
        &["starttls-broken"],
    ),
    (
        "STARTTLS refused",
        |rig| rig.edit(|server| server.starttls = StartTls::Unavailable),
        "blocked",
        Some("H08"),
        &["starttls-broken"],
    ),
    (
        "an expired certificate",
        |rig| rig.edit(|server| server.certificate = Certificate::Expired),
        "blocked",
        Some("H09"),
        &["certificate-expired"],
    ),
    (
        "a certificate that ends soon",
        |rig| rig.edit(|server| server.certificate = Certificate::ExpiresSoon),
        "ready_with_warnings",
        None,
        &["certificate-expiring"],
    ),
    (
        "another's certificate",
        |rig| rig.edit(|server| server.certificate = Certificate::WrongName),
        "blocked",
        Some("H09"),
        &["certificate-name"],
    ),
    (
        "a self-signed certificate",
        |rig| rig.edit(|server| server.certificate = Certificate::SelfSigned),
        "blocked",
        Some("H09"),
        &["certificate-untrusted"],
    ),
    (
        "in clear by the site's own will",
        |rig| {
            rig.smarthost().tls = Tls::None;
            rig.edit(|server| server.auth.as_mut().unwrap().in_the_clear = true);
        },
        "blocked",
        Some("H12"),
        &["smarthost-login-unprotected"],
    ),
    (
        "OAuth only",
        |rig| {
            rig.edit(|server| server.auth.as_mut().unwrap().mechanisms = vec!["XOAUTH2".to_owned()])
        },
        "blocked",
        Some("H11"),
        &["smarthost-no-login"],
    ),
    (
        "an old server that cannot log in",
        |rig| {
            rig.edit(|server| server.auth.as_mut().unwrap().mechanisms = vec!["PLAIN".to_owned()]);
            rig.site.servers = vec![Server {
                product: Some("exchange-2003".to_owned()),
                ..Server::default()
            }];
        },
        "ready_with_warnings",
        None,
        &["smarthost-old-server"],
    ),
    (
        "a wrong password",
        |rig| rig.edit(|server| login(server).password = "other".to_owned()),
        "blocked",
        Some("H12"),
        &["smarthost-login"],
    ),
    (
        "an application password is wanted",
        |rig| refuse_login(rig, 534, "5.7.9 application-specific password required"),
        "blocked",
        Some("H12"),
        &["smarthost-login"],
    ),
    (
        "logins cannot be checked now",
        |rig| refuse_login(rig, 454, "4.7.0 temporary authentication failure"),
        "inconclusive",
        Some("H12"),
        &[],
    ),
    (
        "one sender of two is not registered",
        |rig| {
            rig.smarthost()
                .senders
                .push("info@other.example".to_owned())
        },
        "blocked",
        Some("H14"),
        &["smarthost-sender"],
    ),
    (
        "no recipient to ask about",
        |rig| rig.site.probe = None,
        "inconclusive",
        Some("H14"),
        &[],
    ),
    (
        "bounces are refused",
        |rig| {
            let refusal = Reply::new(550, "5.7.1 no empty sender here");
            rig.edit(|server| server.refuse_null_sender = Some(refusal));
        },
        "ready_with_warnings",
        None,
        &["smarthost-null-sender"],
    ),
    (
        "no login is wanted",
        |rig| {
            rig.smarthost().username = None;
            rig.edit(|server| {
                server.auth = None;
                server.trust = vec![Trust::Everyone];
            });
        },
        "ready",
        None,
        &[],
    ),
];

pub(super) fn login(server: &mut Personality) -> &mut Login {
    server
        .auth
        .as_mut()
        .unwrap()
        .logins
        .get_mut("client")
        .unwrap()
}

pub(super) fn refuse_login(rig: &mut Rig, code: u16, text: &str) {
    let refusal = Reply::new(code, text);
    rig.edit(|server| login(server).refuse = Some(refusal));
}
