//! Every personality by raw dialogue, and the laboratory table of the relay test.
#![allow(clippy::unwrap_used)]

mod dialogues;
mod laboratory;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;

use super::*;
use crate::practice::mailbox::MailStore;

const KNOWN: [&str; 1] = ["office@acme.example"];
const HOME: [&str; 1] = ["acme.example"];

struct Bench {
    server: SmtpServer,
    mailboxes: Mailboxes,
    authority: Arc<Authority>,
}

async fn bench(personality: Personality) -> Bench {
    let mut store = MailStore::default();
    for address in ["office@acme.example", "sf@e.example", "st@e2.example"] {
        store.add(address, "secret");
    }
    let (mailboxes, authority) = (Mailboxes::new(store), Arc::new(Authority::new().unwrap()));
    let ports = [("smtp", false), ("submissions", true)];
    let setup = ServerSetup {
        id: "target".to_owned(),
        personality,
        ports: ports
            .map(|(name, implicit_tls)| PortSetup {
                name: name.to_owned(),
                implicit_tls,
            })
            .into(),
    };
    let server = SmtpServer::start(setup, mailboxes.clone(), Arc::clone(&authority))
        .await
        .unwrap();
    Bench {
        server,
        mailboxes,
        authority,
    }
}

/// A client that says exactly what it is told.
struct Client<S>(BufStream<S>);

impl Client<TcpStream> {
    async fn connect(bench: &Bench) -> Self {
        Client(BufStream::new(
            TcpStream::connect(bench.server.address("smtp").unwrap())
                .await
                .unwrap(),
        ))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// The next reply, lines joined by `\n`; `closed` at the end of the connection.
    async fn reply(&mut self) -> String {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            let read = tokio::time::timeout(Duration::from_secs(5), self.0.read_line(&mut line));
            if read.await.expect("a reply in time").unwrap_or(0) == 0 {
                return "closed".to_owned();
            }
            let line = line.strip_suffix("\r\n").expect("CR LF").to_owned();
            let more = line.as_bytes().get(3) == Some(&b'-');
            lines.push(line);
            if !more {
                return lines.join("\n");
            }
        }
    }

    async fn send(&mut self, bytes: &str) {
        self.0.write_all(bytes.as_bytes()).await.unwrap();
        self.0.flush().await.unwrap();
    }

    async fn ask(&mut self, command: &str) -> String {
        self.send(&format!("{command}\r\n")).await;
        self.reply().await
    }

    /// Plays a script: `C: ` lines are sent (`\n` for a lone line feed), `S: ` lines are what replies must
    /// begin with, and after ` ~ ` what they must hold.
    async fn play(&mut self, title: &str, script: &str) {
        for line in script
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
        {
            if let Some(command) = line.strip_prefix("C:") {
                self.send(&format!(
                    "{}\r\n",
                    command
                        .strip_prefix(' ')
                        .unwrap_or(command)
                        .replace("\\n", "\n")
                ))
                .await;
            } else {
                let expected = line.strip_prefix("S: ").expect("C: or S:");
                let (start, within) = expected.split_once(" ~ ").unwrap_or((expected, ""));
                let said = self.reply().await;
                assert!(
                    said.starts_with(start) && said.contains(within),
                    "{title}: wanted {expected:?}, got {said:?}"
                );
            }
        }
    }
}
