//! For the tests of actions that speak SMTP: a server that follows a script, line by line. It knows nothing of mail, so it can be
//! what no real server is, and it shares nothing with the practice world's server, whose faults it would not see.
#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use regex::Regex;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// What the server does.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    /// Its first line, without the line end; empty: it says nothing.
    pub(crate) greeting: String,
    /// How long it takes to say that.
    pub(crate) patience: Duration,
    /// Pattern and reply; the first that matches answers, else [`USUAL`]. What is matched is the command, before RCPT and DATA with
    /// all that came before it: `EHLO name MAIL FROM:<a> RCPT TO:<b> RCPT TO:<c>`, of earlier recipients those that were accepted.
    pub(crate) rules: Vec<(Regex, String)>,
}

/// What it answers where no rule says otherwise: a closed server.
const USUAL: [(&str, &str); 8] = [
    ("EHLO", "250-scripted.example\r\n250 PIPELINING"),
    ("HELO", "250 scripted.example"),
    ("MAIL", "250 2.1.0 ok"),
    ("RCPT", "554 5.7.1 Relay access denied"),
    ("RSET", "250 2.0.0 ok"),
    ("NOOP", "250 2.0.0 ok"),
    ("DATA", "503 5.5.1 no"),
    ("QUIT", "221 2.0.0 bye"),
];

/// A running server.
pub(crate) struct Scripted {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Script {
    /// A server that greets, and answers by these rules.
    pub(crate) fn new(rules: &[(&str, &str)]) -> Self {
        Self {
            greeting: "220 scripted.example ESMTP".to_owned(),
            patience: Duration::ZERO,
            rules: rules
                .iter()
                .map(|(pattern, reply)| (Regex::new(pattern).unwrap(), (*reply).to_owned()))
                .collect(),
        }
    }

    /// A server whose first line is this.
    pub(crate) fn greeting(line: &str) -> Self {
        Self {
            greeting: line.to_owned(),
            ..Self::new(&[])
        }
    }

    /// Runs it until the runtime ends.
    pub(crate) async fn serve(self) -> Scripted {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (script, log) = (Arc::new(self), heard.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(talk(client, script.clone(), log.clone()));
            }
        });
        Scripted { address, heard }
    }

    fn answer(&self, subject: &str, verb: &str) -> &str {
        let rule = self.rules.iter().find(|(rule, _)| rule.is_match(subject));
        let usual = || USUAL.iter().find(|(known, _)| *known == verb);
        rule.map(|(_, reply)| reply.as_str())
            .or_else(|| usual().map(|(_, reply)| *reply))
            .unwrap_or("502 5.5.1 unknown")
    }
}

impl Scripted {
    /// How often a command that begins so was heard.
    pub(crate) fn commands(&self, verb: &str) -> usize {
        let heard = self.heard.lock().unwrap();
        heard.iter().filter(|line| line.starts_with(verb)).count()
    }
}

async fn talk(client: TcpStream, script: Arc<Script>, log: Arc<Mutex<Vec<String>>>) {
    let (read, mut write) = client.into_split();
    let mut lines = BufReader::new(read).lines();
    tokio::time::sleep(script.patience).await;
    if !script.greeting.is_empty() {
        let _ = write
            .write_all(format!("{}\r\n", script.greeting).as_bytes())
            .await;
    }
    let (mut helo, mut envelope) = (String::new(), String::new());
    while let Ok(Some(line)) = lines.next_line().await {
        log.lock().unwrap().push(line.clone());
        if script.greeting.is_empty() {
            continue;
        }
        let verb = line.get(..4).unwrap_or(&line).to_uppercase();
        let subject = match verb.as_str() {
            "RCPT" | "DATA" => format!("{helo} {envelope} {line}"),
            _ => line.clone(),
        };
        let reply = script.answer(&subject, &verb).to_owned();
        match verb.as_str() {
            "EHLO" | "HELO" => (helo, envelope) = (line, String::new()),
            "MAIL" => envelope = line,
            "RSET" => envelope.clear(),
            "RCPT" if reply.starts_with('2') => envelope = format!("{envelope} {line}"),
            _ => {}
        }
        let sent = write.write_all(format!("{reply}\r\n").as_bytes()).await;
        if sent.is_err() || verb == "QUIT" || reply.starts_with("421") {
            return;
        }
    }
}

/// A port on which packets are swallowed: its queue of connections is full, and nobody takes them. The connections that fill it
/// come along, to be kept.
pub(crate) async fn filtered() -> (SocketAddr, Vec<tokio::task::JoinHandle<()>>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    let listener = socket.listen(0).unwrap();
    let mut kept: Vec<tokio::task::JoinHandle<()>> = Vec::new();
    for _ in 0..3 {
        kept.push(tokio::spawn(async move {
            let held = TcpStream::connect(address).await;
            std::future::pending::<()>().await;
            drop(held);
        }));
    }
    kept.push(tokio::spawn(async move {
        std::future::pending::<()>().await;
        drop(listener);
    }));
    // They are under way once a connection of our own hangs.
    while let Ok(Ok(taken)) =
        tokio::time::timeout(Duration::from_millis(100), TcpStream::connect(address)).await
    {
        drop(taken);
    }
    (address, kept)
}
