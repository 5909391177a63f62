//! The client against the practice world's server, and against scripted ones for what that never does.
#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;

use rustls::pki_types::pem::PemObject;
use secrecy::SecretString;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use super::*;
use crate::practice::imap::ImapServer;
use crate::practice::mailbox::{Delivery, MailStore, Mailboxes};
use crate::practice::{Authority, Certificate};
use crate::probes::channel::{Channel, Failure};
use crate::probes::clock::SystemClock;

const HOST: &str = "imap.probe.example";
const USER: &str = "probe@probe.example";
const PASSWORD: &str = "pass\"word\\7";
const MESSAGE: &[u8] = b"Subject: test n0nce\r\nMessage-ID: <n0nce@probe.example>\r\n\r\nbody\r\n";

struct Rig {
    server: ImapServer,
    mailboxes: Mailboxes,
    client: Imap,
}

async fn rig() -> Rig {
    let authority = std::sync::Arc::new(Authority::new().unwrap());
    let mut store = MailStore::default();
    store.add(USER, PASSWORD);
    let mailboxes = Mailboxes::new(store);
    let server = ImapServer::start(HOST, mailboxes.clone(), authority.clone())
        .await
        .unwrap();
    let root = CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap();
    Rig {
        server,
        mailboxes,
        client: client().trusting(vec![root.into_owned()]).unwrap(),
    }
}

fn client() -> Imap {
    let settings = ChannelSettings {
        reply_cap: Duration::from_millis(600),
        ..ChannelSettings::default()
    };
    Imap::new(settings, Arc::new(SystemClock)).unwrap()
}

fn password() -> SecretString {
    SecretString::from(PASSWORD)
}

#[tokio::test]
async fn a_message_is_found_in_junk_and_stays_unread() {
    let rig = rig().await;
    rig.mailboxes.edit(|store| {
        store.deliver("a@x.example", USER, b"Subject: other\r\n\r\nx\r\n");
    });
    let junk = Delivery {
        folder: "Junk".to_owned(),
        ..Delivery::default()
    };
    rig.mailboxes.set_delivery(USER, junk);
    rig.mailboxes
        .edit(|store| store.deliver("a@x.example", USER, MESSAGE));
    for (address, tls) in [
        (rig.server.address(), Tls::Auto),
        (rig.server.tls_address(), Tls::Implicit),
    ] {
        let mut session = rig.client.session(Endpoint::new(HOST, address), tls);
        session.open().await.unwrap();
        assert_eq!(session.channel(), Channel::Verified);
        session.login(USER, &password()).await.unwrap();
        let folders = session.folders().await.unwrap();
        let names: Vec<_> = folders.iter().map(|f| (f.name.as_str(), f.junk)).collect();
        assert_eq!(names, [("INBOX", false), ("Junk", true)]);
        let wanted = Search::Header {
            name: "Message-ID".to_owned(),
            text: "<n0nce@probe.example>".to_owned(),
        };
        assert_eq!(session.examine("INBOX").await.unwrap(), 1);
        assert!(session.search(&wanted).await.unwrap().is_empty());
        assert_eq!(session.examine("Junk").await.unwrap(), 1);
        let found = session.search(&wanted).await.unwrap();
        let by_text = Search::Text("N0NCE".to_owned());
        assert_eq!(session.search(&by_text).await.unwrap(), found);
        let header = session
            .fetch(found[0], Part::Header)
            .await
            .unwrap()
            .unwrap();
        assert!(header.internal_date.is_some() && header.size.is_some());
        assert!(header.bytes.ends_with(b"\r\n\r\n"), "{header:?}");
        let part = Part::Beginning(12);
        let beginning = session.fetch(found[0], part).await.unwrap().unwrap();
        assert_eq!(beginning.bytes, b"Return-Path:");
        assert_eq!(session.fetch(999, part).await.unwrap(), None);
        session.logout().await;
        let transcript = session.transcript().to_string();
        assert!(
            transcript.contains("AUTHENTICATE PLAIN [secret]"),
            "{transcript}"
        );
        assert!(!transcript.contains("word"), "{transcript}");
    }
    let seen = |folder| rig.mailboxes.messages(USER, folder)[0].seen;
    assert!(!seen("Junk"), "looking changes nothing");
}

#[tokio::test]
async fn no_password_over_a_channel_that_is_not_proven() {
    let rig = rig().await;
    rig.server.set_certificate(Certificate::SelfSigned);
    let (clear, encrypted) = (rig.server.address(), rig.server.tls_address());
    for (address, tls) in [
        (clear, Tls::Starttls),
        (clear, Tls::Opportunistic),
        (encrypted, Tls::Implicit),
    ] {
        let mut session = rig.client.session(Endpoint::new(HOST, address), tls);
        session.open().await.unwrap();
        let faults = session.tls().unwrap().certificate.clone().unwrap().faults();
        assert_eq!(faults, ["it is signed by itself"]);
        let failure = session.login(USER, &password()).await.unwrap_err();
        assert_eq!(
            failure,
            ImapFailure::Channel(Failure::Unprotected),
            "{tls:?}"
        );
    }
    let logins = rig
        .server
        .commands()
        .iter()
        .filter(|c| c.contains("AUTH"))
        .count();
    assert_eq!(logins, 0);
    // The site file may order it.
    let mut session = rig.client.session(Endpoint::new(HOST, clear), Tls::None);
    session.open().await.unwrap();
    session.login(USER, &password()).await.unwrap();
}

#[tokio::test]
async fn a_wrong_password_is_told_from_a_missing_folder() {
    let rig = rig().await;
    let mut session = rig
        .client
        .session(Endpoint::new(HOST, rig.server.address()), Tls::Auto);
    session.open().await.unwrap();
    let wrong = SecretString::from("not the password");
    let failure = session.login(USER, &wrong).await.unwrap_err();
    assert!(failure.is_login(), "{failure}");
    session.login(USER, &password()).await.unwrap();
    let failure = session.examine("Nowhere").await.unwrap_err();
    assert!(!failure.is_login(), "{failure}");
    assert_eq!(session.examine("INBOX").await.unwrap(), 0);
}

/// Says `greeting`, then answers each command by its word; `{tag}` stands for its tag.
async fn scripted(greeting: &'static str, answers: &'static [(&str, &str)]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        stream.write_all(greeting.as_bytes()).await.unwrap();
        let mut line = String::new();
        while stream.read_line(&mut line).await.unwrap_or(0) > 0 {
            let tag = line.split(' ').next().unwrap().trim().to_owned();
            let verb = line.trim_end().split_once(' ').map_or("", |(_, verb)| verb);
            let known = answers.iter().find(|(word, _)| verb.starts_with(word));
            let answer = known.map_or("{tag} BAD what\r\n", |(_, answer)| *answer);
            stream
                .write_all(answer.replace("{tag}", &tag).as_bytes())
                .await
                .unwrap();
            line.clear();
        }
    });
    address
}

const BARE: (&str, &str) = ("CAPABILITY", "* CAPABILITY IMAP4rev1\r\n{tag} OK\r\n");

#[tokio::test]
async fn what_a_server_does_wrong_is_told_apart() {
    let disabled = "* CAPABILITY IMAP4rev1 LOGINDISABLED\r\n{tag} OK\r\n";
    let disabled: &'static [(&str, &str)] = Box::leak(Box::new([("CAPABILITY", disabled)]));
    let injects: &'static [(&str, &str)] = &[
        (
            "CAPABILITY",
            "* CAPABILITY IMAP4rev1 STARTTLS\r\n{tag} OK\r\n",
        ),
        ("STARTTLS", "{tag} OK go\r\n* OK injected\r\n"),
    ];
    let leaves: &'static [(&str, &str)] = &[("CAPABILITY", "* BYE too busy\r\n")];
    let unknown: &'static [(&str, &str)] = &[("CAPABILITY", "hello\r\n")];
    let huge: &'static [(&str, &str)] = &[("CAPABILITY", "* X {99999999}\r\n")];
    for (greeting, answers, tls, wanted) in [
        (
            "* BYE full\r\n",
            &[BARE][..],
            Tls::None,
            "the server ends the session: BYE full",
        ),
        (
            "220 mail ESMTP\r\n",
            &[BARE],
            Tls::None,
            "not an IMAP response: 220 mail ESMTP",
        ),
        (
            "",
            &[BARE],
            Tls::None,
            "no reply within 600 ms (a mail program would wait 300000 ms)",
        ),
        (
            "* OK hi\r\n",
            &[BARE],
            Tls::Auto,
            "the server offers no STARTTLS",
        ),
        (
            "* OK hi\r\n",
            &[BARE],
            Tls::Opportunistic,
            "no password is sent over a channel that is not encrypted and verified",
        ),
        (
            "* OK hi\r\n",
            disabled,
            Tls::None,
            "the server takes no password on this connection (LOGINDISABLED)",
        ),
        (
            "* OK hi\r\n",
            injects,
            Tls::Auto,
            "bytes in clear followed the reply to STARTTLS: * OK injected",
        ),
        (
            "* OK hi\r\n",
            leaves,
            Tls::None,
            "the server ends the session: BYE too busy",
        ),
        (
            "* OK hi\r\n",
            unknown,
            Tls::None,
            "not an IMAP response: hello",
        ),
        (
            "* OK hi\r\n",
            huge,
            Tls::None,
            "not an IMAP response: a literal of 99999999 octets",
        ),
    ] {
        let address = scripted(greeting, answers).await;
        let mut session = client().session(Endpoint::new(HOST, address), tls);
        let failure = match session.open().await {
            Ok(()) => session.login(USER, &password()).await.unwrap_err(),
            Err(failure) => failure,
        };
        assert_eq!(failure.to_string(), wanted);
    }
}

#[tokio::test]
async fn login_is_quoted_and_never_shown_even_when_repeated() {
    let answers: &'static [(&str, &str)] = &[
        BARE,
        (
            "LOGIN \"probe@probe.example\" \"pass\\\"word\\\\7\"",
            "{tag} NO [AUTH] pass\"word\\7 is wrong\r\n",
        ),
    ];
    let address = scripted("* OK hi\r\n", answers).await;
    let mut session = client().session(Endpoint::new(HOST, address), Tls::None);
    session.open().await.unwrap();
    let failure = session.login(USER, &password()).await.unwrap_err();
    assert_eq!(
        failure.to_string(),
        "the server refuses LOGIN: [AUTH] [secret] is wrong"
    );
    let transcript = session.transcript().to_string();
    assert!(!transcript.contains("word"), "{transcript}");
}
