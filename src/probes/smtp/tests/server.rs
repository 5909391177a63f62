//! A scripted SMTP server with every kind of TLS, and certificates for it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// How the scripted server handles TLS.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Tls {
    None,
    Good,
    Inject,
    InClear,
}

/// A server that knows enough SMTP for the tests and writes down what it gets.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) heard: Arc<Mutex<Vec<String>>>,
}

pub(super) async fn serve(
    tls: Tls,
    certificate: Option<(rcgen::Certificate, rcgen::KeyPair)>,
) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = heard.clone();
    let acceptor = certificate.map(|(certificate, key)| {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    });
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            stream
                .write_all(b"220 mail.example ESMTP\r\n")
                .await
                .unwrap();
            if tls == Tls::None {
                talk(&mut stream, &log, "").await;
                continue;
            }
            if !talk(&mut stream, &log, "250-STARTTLS\r\n").await {
                continue;
            }
            let answer: &[u8] = match tls {
                Tls::Inject => b"220 go\r\n250 injected\r\n",
                _ => b"220 go\r\n",
            };
            stream.write_all(answer).await.unwrap();
            if tls == Tls::InClear {
                stream.write_all(b"hello hello hello\r\n").await.unwrap();
                continue;
            }
            if let Some(acceptor) = &acceptor
                && let Ok(mut stream) = acceptor.accept(stream).await
            {
                talk(&mut stream, &log, "").await;
            }
        }
    });
    Server { address, heard }
}

/// Answers commands until QUIT or the end; true when it was STARTTLS.
async fn talk<S>(stream: &mut S, log: &Mutex<Vec<String>>, offer: &str) -> bool
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut stream = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return false;
        }
        let line = line.trim_end().to_owned();
        log.lock().unwrap().push(line.clone());
        let reply = match line.split(' ').next().unwrap() {
            "EHLO" => format!(
                "250-mail.example\r\n{offer}250-SIZE 1000\r\n250 AUTH PLAIN LOGIN CRAM-MD5 XOAUTH2\r\n"
            ),
            "STARTTLS" => return true,
            "AUTH" => match line.split(' ').nth(1).unwrap() {
                "LOGIN" => "334 VXNlcm5hbWU6\r\n".to_owned(),
                // The challenge of RFC 2195.
                "CRAM-MD5" => {
                    "334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+\r\n".to_owned()
                }
                "XOAUTH2" => "334 eyJzdGF0dXMiOiI0MDAifQ==\r\n".to_owned(),
                _ => format!("235 welcome, {}\r\n", line.split(' ').nth(2).unwrap()),
            },
            // base64 of "user"
            "dXNlcg==" => "334 UGFzc3dvcmQ6\r\n".to_owned(),
            "" => "535 5.7.8 token refused\r\n".to_owned(),
            "DATA" => "354 go\r\n".to_owned(),
            "QUIT" => "221 bye\r\n".to_owned(),
            _ => "250 ok\r\n".to_owned(),
        };
        stream.write_all(reply.as_bytes()).await.unwrap();
        if line == "DATA" {
            let mut body = Vec::new();
            while !body.ends_with(b"\r\n.\r\n") {
                match stream.read_u8().await {
                    Ok(byte) => body.push(byte),
                    Err(_) => body.extend_from_slice(b"(cut off)\r\n.\r\n"),
                }
            }
            let body = String::from_utf8_lossy(&body).into_owned();
            log.lock().unwrap().push(body.clone());
            if body.contains("(cut off)") {
                return false;
            }
            stream.write_all(b"250 queued\r\n").await.unwrap();
        }
    }
}

pub(super) fn authority() -> (rcgen::Certificate, rcgen::Issuer<'static, rcgen::KeyPair>) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, "Example Test Authority");
    let certificate = params.self_signed(&key).unwrap();
    (certificate, rcgen::Issuer::new(params, key))
}

/// A certificate for `name`, valid in these years, signed by `issuer` or by itself.
pub(super) fn certificate(
    name: &str,
    years: (i32, i32),
    issuer: Option<&rcgen::Issuer<'static, rcgen::KeyPair>>,
) -> (rcgen::Certificate, rcgen::KeyPair) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
    params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
    let certificate = match issuer {
        Some(issuer) => params.signed_by(&key, issuer),
        None => params.self_signed(&key),
    };
    (certificate.unwrap(), key)
}
