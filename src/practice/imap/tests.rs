//! IMAP by raw dialogue.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::practice::mailbox::MailStore;

const USER: &str = "probe@probe.example";
const MESSAGE: &[u8] = b"Subject: relay test n0nce\r\nMessage-ID: <n0nce@probe.example>\r\nX-Long: one\r\n two\r\n\r\nbody line\r\n";

async fn server() -> (ImapServer, Mailboxes) {
    let authority = Arc::new(Authority::new().unwrap());
    server_of(authority).await
}

async fn server_of(authority: Arc<Authority>) -> (ImapServer, Mailboxes) {
    let mut store = MailStore::default();
    store.add(USER, "secret");
    store.deliver("a@acme.example", USER, MESSAGE);
    store.deliver("b@acme.example", USER, b"Subject: another\r\n\r\nx\r\n");
    let mailboxes = Mailboxes::new(store);
    (
        ImapServer::start("imap.probe.example", mailboxes.clone(), authority)
            .await
            .unwrap(),
        mailboxes,
    )
}

/// Sends a command and returns everything up to its tagged line.
async fn ask<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, command: &str) -> String {
    stream.write_all(command.as_bytes()).await.unwrap();
    let tag = format!("{} ", command.split(' ').next().unwrap());
    let mut said = String::new();
    let mut block = [0; 4096];
    while !said.lines().any(|line| line.starts_with(&tag)) || !said.ends_with("\r\n") {
        let read = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut block));
        let count = read.await.expect("an answer in time").unwrap();
        assert!(count > 0, "closed after {said:?}");
        said.push_str(std::str::from_utf8(&block[..count]).unwrap());
    }
    said
}

#[tokio::test]
async fn a_client_finds_its_message() {
    let (server, mailboxes) = server().await;
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let size = MESSAGE.len() + "Return-Path: <a@acme.example>\r\n".len();
    let whole = format!(
        "BODY[] {{{size}}}\r\nReturn-Path: <a@acme.example>\r\nSubject: relay test n0nce\r\n"
    );
    for (command, expected) in [
        ("a0 CAPABILITY", "IMAP4rev1"),
        ("a1 SELECT INBOX", "a1 NO log in first"),
        (
            "a2 LOGIN probe@probe.example wrong",
            "a2 NO [AUTHENTICATIONFAILED]",
        ),
        ("a3 LOGIN \"probe@probe.example\" \"secret\"", "a3 OK"),
        (
            "a4 LIST \"\" \"*\"",
            "* LIST (\\HasNoChildren \\Junk) \"/\" \"Junk\"",
        ),
        ("a5 SELECT Nowhere", "a5 NO [NONEXISTENT]"),
        ("a6 SEARCH ALL", "a6 NO no folder"),
        ("a7 SELECT inbox", "* 2 EXISTS"),
        ("a8 SEARCH ALL", "* SEARCH 1 2\r\n"),
        ("a9 UID SEARCH HEADER Message-ID n0nce", "* SEARCH 1\r\n"),
        ("b0 SEARCH UNSEEN SUBJECT \"another\"", "* SEARCH 2\r\n"),
        ("b1 SEARCH NOT HEADER X-Long \"one two\"", "* SEARCH 2\r\n"),
        ("b2 SEARCH OR TEXT nothing BODY line", "* SEARCH 1\r\n"),
        ("b3 SEARCH COLOUR red", "b3 BAD"),
        ("b4 UID FETCH 1 (UID BODY.PEEK[])", &whole),
        ("b5 FETCH 1 RFC822.HEADER", "RFC822.HEADER {"),
        (
            "b6 FETCH 1 BODY.PEEK[HEADER.FIELDS (X-Long)]",
            "{21}\r\nX-Long: one\r\n two\r\n\r\n)",
        ),
        (
            "b7 FETCH 1 (FLAGS BODY[TEXT]<0.4>)",
            "FLAGS () BODY[TEXT]<0> {4}\r\nbody)",
        ),
        ("b8 SEARCH UNSEEN", "* SEARCH 2\r\n"),
        ("b9 STORE 1 -FLAGS (\\Seen)", "b9 OK"),
        ("c0 SEARCH UNSEEN", "* SEARCH 1 2\r\n"),
        ("c1 FETCH 1:* COLOUR", "c1 BAD"),
        ("c2 STATUS INBOX (MESSAGES)", "MESSAGES 2"),
        ("c3 NONSENSE", "c3 BAD"),
        ("c4 SELECT Junk", "* 0 EXISTS"),
        ("c5 LOGOUT", "* BYE"),
    ] {
        let said = ask(&mut stream, &format!("{command}\r\n")).await;
        assert!(said.contains(expected), "{command}: {said}");
    }
    assert!(!mailboxes.messages(USER, "INBOX")[0].seen);
    assert!(
        server
            .commands()
            .contains(&"LOGIN probe@probe.example".to_owned())
    );
}

#[tokio::test]
async fn literals() {
    let (server, _) = server().await;
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    // LITERAL+: the client does not wait (RFC 7888).
    assert!(
        ask(
            &mut stream,
            "a LOGIN {19+}\r\nprobe@probe.example {6+}\r\nsecret\r\n"
        )
        .await
        .contains("a OK")
    );
    stream.write_all(b"b SELECT {5}\r\n").await.unwrap();
    let mut leave = [0; 7];
    stream.read_exact(&mut leave).await.unwrap();
    assert_eq!(&leave, b"+ go on");
    stream.write_all(b"INBOX\r\n").await.unwrap();
    assert!(
        ask(&mut stream, "c NOOP\r\n")
            .await
            .contains("b OK [READ-WRITE]")
    );
}

#[tokio::test]
async fn tls_from_the_first_byte_and_on_demand() {
    let authority = Arc::new(Authority::new().unwrap());
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap())
        .unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let name = ServerName::try_from("imap.probe.example").unwrap();
    let (server, _) = server_of(authority).await;

    let stream = TcpStream::connect(server.tls_address()).await.unwrap();
    let mut stream = connector.connect(name.clone(), stream).await.unwrap();
    assert!(
        ask(&mut stream, "a CAPABILITY\r\n")
            .await
            .contains("AUTH=PLAIN\r\n")
    );

    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    assert!(
        ask(&mut stream, "a CAPABILITY\r\n")
            .await
            .contains("STARTTLS")
    );
    assert!(ask(&mut stream, "b STARTTLS\r\n").await.contains("b OK"));
    let mut stream = connector.connect(name.clone(), stream).await.unwrap();
    assert!(
        ask(&mut stream, "c LOGIN probe@probe.example secret\r\n")
            .await
            .contains("c OK")
    );

    server.set_certificate(Certificate::Expired);
    let stream = TcpStream::connect(server.tls_address()).await.unwrap();
    assert!(connector.connect(name, stream).await.is_err());
}
