//! Certificates, STARTTLS, implicit TLS, and the smarthost that wants both TLS and a login.

use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use tokio_rustls::TlsConnector;

use super::*;
use crate::practice::tls::Certificate;

fn connector(bench: &Bench) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(bench.authority.pem().as_bytes()).unwrap())
        .unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

fn name() -> ServerName<'static> {
    ServerName::try_from("smtp.relayhost.example").unwrap()
}

fn smarthost() -> Personality {
    Personality::smarthost("smtp.relayhost.example", "acme", "pass", &["@acme.example"])
}

#[tokio::test]
async fn certificates() {
    for (certificate, problem) in [
        (Certificate::Good, None),
        (Certificate::ExpiresSoon, None),
        (Certificate::Expired, Some("expired")),
        (Certificate::SelfSigned, Some("UnknownIssuer")),
        (Certificate::WrongName, Some("not valid for name")),
    ] {
        let bench = bench(Personality {
            certificate,
            ..smarthost()
        })
        .await;
        let stream = TcpStream::connect(bench.server.address("submissions").unwrap())
            .await
            .unwrap();
        let said = connector(&bench)
            .connect(name(), stream)
            .await
            .map(drop)
            .map_err(|error| error.to_string());
        match problem {
            None => assert_eq!(said, Ok(()), "{certificate:?}"),
            Some(problem) => assert!(
                said.clone().is_err_and(|error| error.contains(problem)),
                "{certificate:?}: {said:?}"
            ),
        }
    }
}

#[tokio::test]
async fn the_smarthost_wants_tls_and_a_login() {
    let bench = bench(smarthost()).await;
    let mut client = Client::connect(&bench).await;
    let in_clear = "S: 220\nC: EHLO x.example\nS: 250 ~ STARTTLS\nC: MAIL FROM:<office@acme.example>\nS: 530\nC: AUTH PLAIN\nS: 530\nC: STARTTLS\nS: 220";
    client.play("in clear", in_clear).await;
    let stream = connector(&bench)
        .connect(name(), client.0.into_inner())
        .await
        .unwrap();
    let mut client = Client(BufStream::new(stream));
    // AGFjbWUAcGFzcw== is NUL acme NUL pass
    let protected = "C: MAIL FROM:<office@acme.example>
        S: 503
        C: EHLO x.example
        S: 250 ~ AUTH PLAIN LOGIN CRAM-MD5
        C: STARTTLS
        S: 503
        C: MAIL FROM:<office@acme.example>
        S: 530 5.7.0 authentication required
        C: AUTH PLAIN
        S: 334
        C: AGFjbWUAcGFzcw==
        S: 235
        C: MAIL FROM:<someone@else.example>
        S: 553
        C: MAIL FROM:<office@acme.example>
        S: 250
        C: RCPT TO:<st+n0nce@e2.example>
        S: 250
        C: RCPT TO:<nobody@e2.example>
        S: 250
        C: DATA
        S: 354
        C: Subject: n0nce
        C:
        C: .
        S: 250
        C: QUIT
        S: 221";
    client.play("protected", protected).await;
    let text = bench.mailboxes.messages("st@e2.example", "INBOX")[0].text();
    assert!(
        text.contains("by mx.e2.example with ESMTP")
            && text.contains("by smtp.relayhost.example with ESMTPSA id "),
        "{text}"
    );
    let bounce = bench.mailboxes.messages("office@acme.example", "INBOX")[0].text();
    assert!(
        bounce.contains("Final-Recipient: rfc822; nobody@e2.example"),
        "{bounce}"
    );
}

#[tokio::test]
async fn broken_starttls() {
    let bench = bench(Personality {
        starttls: StartTls::Broken,
        ..smarthost()
    })
    .await;
    let mut client = Client::connect(&bench).await;
    client
        .play(
            "start",
            "S: 220\nC: EHLO x.example\nS: 250\nC: STARTTLS\nS: 220",
        )
        .await;
    assert!(
        connector(&bench)
            .connect(name(), client.0.into_inner())
            .await
            .is_err()
    );
}
