//! The client against scripted servers on loopback.
#![allow(clippy::unwrap_used)]

mod server;

use std::net::SocketAddr;
use std::time::Duration;

use secrecy::SecretString;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::probes::clock::SystemClock;
use server::{Tls, authority, certificate, serve};

const HOST: &str = "mail.example";
const PASSWORD: &str = "correct horse battery";

fn client() -> Smtp {
    let settings = ChannelSettings {
        reply_cap: Duration::from_millis(600),
        ..ChannelSettings::default()
    };
    Smtp::new(settings, Arc::new(SystemClock)).unwrap()
}

fn session(address: SocketAddr) -> Session {
    client().session(Endpoint::new(HOST, address))
}

/// Sends `first`, then swallows what comes for a while, then drops the connection.
async fn greet(first: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(first).await.unwrap();
        if first.ends_with(b"\n") || first.is_empty() || first.ends_with(b"-") {
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
    });
    address
}

#[tokio::test]
async fn what_a_server_says_first_is_told_apart() {
    for (first, wanted) in [
        (&b"220 mail.example ESMTP\r\n"[..], "220 mail.example ESMTP"),
        (b"220-hello\r\n220 again\r\n", "220 hello again"),
        (b"554 5.7.1 blocked\r\n", "554 5.7.1 blocked"),
        (b"220-a\r\n550 b\r\n", "550 a b"),
        (b"SSH-2.0-x\r\n", "not an SMTP reply: SSH-2.0-x"),
        (
            b"220 unfinished",
            "the server closed the connection without a reply",
        ),
        (
            b"",
            "no reply within 600 ms (a mail program would wait 300000 ms)",
        ),
        (
            b"220-",
            "no reply within 600 ms (a mail program would wait 300000 ms)",
        ),
    ] {
        let mut session = session(greet(first).await);
        let got = match session.open().await {
            Ok(reply) => reply.to_string(),
            Err(failure) => failure.to_string(),
        };
        assert_eq!(got, wanted);
    }
}

#[tokio::test]
async fn silence_and_a_tarpit_differ_by_the_bytes_that_came() {
    for (first, dribbled) in [(&b""[..], 0), (b"220-a\r\n220-", 5)] {
        let mut session = session(greet(first).await);
        let failure = session.open().await.unwrap_err();
        assert!(
            matches!(failure, Failure::Silent { bytes, .. } if bytes == dribbled),
            "{failure:?}"
        );
    }
}

#[tokio::test]
async fn a_closed_port_and_a_bad_source_address_are_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut endpoint = Endpoint::new(HOST, address);
    endpoint.bind = Some("127.0.0.77".parse().unwrap());
    let mut from_there = client().session(endpoint.clone());
    from_there.connect().await.unwrap();
    assert_eq!(from_there.local().unwrap().ip().to_string(), "127.0.0.77");
    endpoint.bind = Some("192.0.2.1".parse().unwrap());
    let failure = client().session(endpoint).connect().await.unwrap_err();
    assert!(matches!(failure, Failure::Bind(_)), "{failure:?}");
    drop(listener);
    let mut refused = session(address);
    assert_eq!(refused.connect().await, Err(Failure::Refused));
    assert!(
        refused
            .transcript()
            .to_string()
            .contains("-- connection refused")
    );
}

#[tokio::test]
async fn a_reset_is_no_goodbye() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"220 x\r\n").await.unwrap();
        // Closing with unread bytes resets the connection.
        tokio::time::sleep(Duration::from_millis(50)).await;
    });
    let mut session = session(address);
    session.open().await.unwrap();
    let failure = session.ehlo("client.example").await.unwrap_err();
    assert!(
        matches!(failure, Failure::Reset | Failure::Closed),
        "{failure:?}"
    );
    assert_eq!(session.ehlo("client.example").await, Err(Failure::NotOpen));
}

#[tokio::test]
async fn certificates_are_judged_by_name_dates_and_chain_apart() {
    let (root, issuer) = authority();
    let (_, stranger) = authority();
    for (name, years, by, verified, faults) in [
        (HOST, (2020, 2100), Some(&issuer), true, vec![]),
        (
            "other.example",
            (2020, 2100),
            Some(&issuer),
            false,
            vec!["it is for other.example, not for mail.example"],
        ),
        (
            HOST,
            (2020, 2021),
            Some(&issuer),
            false,
            vec!["it ended on 2021-01-01T00:00:00Z"],
        ),
        (
            HOST,
            (2090, 2100),
            Some(&issuer),
            false,
            vec!["it is not valid before 2090-01-01T00:00:00Z"],
        ),
        (
            HOST,
            (2020, 2100),
            None,
            false,
            vec!["it is signed by itself"],
        ),
        (
            HOST,
            (2020, 2100),
            Some(&stranger),
            false,
            // Same authority name, other key.
            vec![
                "its issuer (CN=Example Test Authority) is not known, or an intermediate certificate is missing",
            ],
        ),
        (
            "other.example",
            (2020, 2021),
            None,
            false,
            vec![
                "it is for other.example, not for mail.example",
                "it ended on 2021-01-01T00:00:00Z",
                "it is signed by itself",
            ],
        ),
    ] {
        let server = serve(Tls::Good, Some(certificate(name, years, by))).await;
        let trusting = client().trusting(vec![root.der().clone()]).unwrap();
        let mut session = trusting.session(Endpoint::new(HOST, server.address));
        session.open().await.unwrap();
        session.ehlo("client.example").await.unwrap();
        assert!(session.capabilities().has("STARTTLS"));
        assert_eq!(session.starttls().await.unwrap().code, 220);
        assert!(session.capabilities().keywords.is_empty());
        let report = session.tls().unwrap().certificate.clone().unwrap();
        let got = report.faults();
        if got != faults {
            // A wrong signature under the right name may be told as such.
            assert_eq!(
                got,
                ["a signature in its chain is wrong"],
                "{name} {years:?}"
            );
        }
        assert_eq!(report.is_verified(), verified);
        let channel = if verified {
            Channel::Verified
        } else {
            Channel::Unverified
        };
        assert_eq!(session.channel(), channel);
        assert_eq!((report.key.as_str(), report.key_bits), ("EC", 256));
        // Whatever the certificate, the session goes on.
        assert_eq!(session.ehlo("client.example").await.unwrap().code, 250);
    }
}

#[tokio::test]
async fn a_broken_starttls_closes_the_session() {
    for (tls, wanted) in [
        (Tls::Inject, Failure::Injected("250 injected".to_owned())),
        (
            Tls::InClear,
            Failure::Handshake(
                "the server does not speak TLS here (it answered in clear)".to_owned(),
            ),
        ),
    ] {
        let server = serve(tls, None).await;
        let mut session = session(server.address);
        session.open().await.unwrap();
        session.ehlo("client.example").await.unwrap();
        let failure = session.starttls().await.unwrap_err();
        match (&failure, tls) {
            // The bytes may come with the reply or a moment later.
            (Failure::Injected(_), Tls::InClear) => {}
            _ => assert_eq!(failure, wanted),
        }
        assert!(!session.is_open());
    }
}

#[tokio::test]
async fn no_password_over_a_channel_that_is_not_verified() {
    let server = serve(Tls::Good, Some(certificate(HOST, (2020, 2100), None))).await;
    let mut session = session(server.address);
    session.open().await.unwrap();
    session.ehlo("client.example").await.unwrap();
    let password = SecretString::from(PASSWORD);
    for _ in 0..2 {
        let refused = session
            .auth(Mechanism::Plain, "user", &password, false)
            .await;
        assert_eq!(refused, Err(Failure::Unprotected));
        if session.channel() == Channel::Clear {
            session.starttls().await.unwrap();
        }
    }
    assert!(
        server
            .heard
            .lock()
            .unwrap()
            .iter()
            .all(|line| !line.starts_with("AUTH"))
    );
}

#[tokio::test]
async fn every_mechanism_logs_in_and_leaves_no_secret() {
    let password = SecretString::from(PASSWORD);
    for (mechanism, code, heard) in [
        (
            Mechanism::Plain,
            235,
            "AUTH PLAIN AHVzZXIAY29ycmVjdCBob3JzZSBiYXR0ZXJ5",
        ),
        (Mechanism::Login, 250, "Y29ycmVjdCBob3JzZSBiYXR0ZXJ5"),
        (Mechanism::CramMd5, 250, "dXNlciA0"),
        (
            Mechanism::Xoauth2,
            535,
            "AUTH XOAUTH2 dXNlcj11c2VyAWF1dGg9QmVhcmVyIGNvcnJlY3QgaG9yc2UgYmF0dGVyeQEB",
        ),
    ] {
        let server = serve(Tls::None, None).await;
        let mut session = session(server.address);
        session.open().await.unwrap();
        session.ehlo("client.example").await.unwrap();
        let reply = session
            .auth(mechanism, "user", &password, true)
            .await
            .unwrap();
        assert_eq!(reply.code, code, "{mechanism:?}");
        let said = server.heard.lock().unwrap().clone();
        assert!(
            said.iter().any(|line| line.starts_with(heard)),
            "{mechanism:?}: {said:?}"
        );
        let json = serde_json::to_string(session.transcript()).unwrap();
        for shown in [session.transcript().to_string(), json, reply.to_string()] {
            for secret in said.iter().skip(1).flat_map(|line| line.split(' ')) {
                let is_token = secret.len() > 10 && secret != "CRAM-MD5";
                assert!(!is_token || !shown.contains(secret), "{shown}");
            }
            assert!(!shown.contains(PASSWORD), "{shown}");
        }
    }
}

#[tokio::test]
async fn line_breaks_never_reach_the_wire() {
    let server = serve(Tls::None, None).await;
    let mut session = session(server.address);
    session.open().await.unwrap();
    for path in ["a@b>\r\nRCPT TO:<c@d", "a\n@b", "a\r@b", "a\0@b"] {
        assert_eq!(session.mail(path, "").await, Err(Failure::LineBreak));
        assert_eq!(session.rcpt(path).await, Err(Failure::LineBreak));
        assert_eq!(session.ehlo(path).await, Err(Failure::LineBreak));
    }
    for path in [
        "",
        "user%x.example@y.example",
        "@relay.example:u@y.example",
        "\"a@b\"@c.example",
        "ü@x.example",
    ] {
        assert_eq!(session.rcpt(path).await.unwrap().code, 250);
    }
    session.quit().await;
    let heard = server.heard.lock().unwrap().clone();
    assert_eq!(heard.len(), 6);
    assert_eq!(heard[1], "RCPT TO:<user%x.example@y.example>");
}

#[tokio::test]
async fn a_message_is_dot_stuffed_and_an_abandoned_one_is_never_ended() {
    let server = serve(Tls::None, None).await;
    for finish in [true, false] {
        let mut session = session(server.address);
        session.open().await.unwrap();
        session.mail("a@b.example", "SIZE=10").await.unwrap();
        assert_eq!(session.send_data(b"x").await, Err(Failure::NotOpen));
        assert_eq!(session.start_data().await.unwrap().code, 354);
        session
            .send_data(b"Subject: x\n\n.\r\n..two\nend")
            .await
            .unwrap();
        if finish {
            assert_eq!(session.finish_data().await.unwrap().text(), "queued");
        }
        session.quit().await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let heard = server.heard.lock().unwrap().clone();
    let bodies: Vec<&String> = heard
        .iter()
        .filter(|line| line.contains("Subject"))
        .collect();
    assert_eq!(*bodies[0], "Subject: x\r\n\r\n..\r\n...two\r\nend\r\n.\r\n");
    assert!(bodies[1].contains("(cut off)"), "{bodies:?}");
    assert!(heard.contains(&"MAIL FROM:<a@b.example> SIZE=10".to_owned()));
}

#[tokio::test]
async fn implicit_tls_and_a_server_in_clear() {
    let server = serve(Tls::None, None).await;
    let endpoint = Endpoint::new(HOST, server.address).with_implicit_tls(true);
    let failure = client().session(endpoint).open().await.unwrap_err();
    assert!(matches!(failure, Failure::Handshake(_)), "{failure:?}");
    // And the other way round: a TLS port greeted in clear stays silent or hangs up.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (stream, _): (TcpStream, _) = listener.accept().await.unwrap();
        tokio::time::sleep(Duration::from_secs(2)).await;
        drop(stream);
    });
    let failure = session(address).open().await.unwrap_err();
    assert!(
        matches!(failure, Failure::Silent { bytes: 0, .. }),
        "{failure:?}"
    );
}
