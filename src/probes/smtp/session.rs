//! One SMTP session: commands out, replies in, everything written down.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::capabilities::Capabilities;
use super::reply::{Oddity, Reply, parse_line};
use crate::probes::channel::{
    Channel, Connection, Endpoint, Failure, Side, TlsReport, Transcript, millis,
};

const MINUTE: Duration = Duration::from_secs(60);
/// What RFC 5321 4.5.3.2 allows a server for most replies, for the 354, and after the dot.
const USUAL: Duration = Duration::from_secs(5 * 60);
const DATA_START: Duration = Duration::from_secs(2 * 60);
const DATA_BLOCK: Duration = Duration::from_secs(3 * 60);
const AFTER_DOT: Duration = Duration::from_secs(10 * 60);
/// Nobody waits long for a goodbye.
const QUIT: Duration = Duration::from_secs(5);
/// A reply with more lines than this is no reply.
const MOST_LINES: usize = 500;

/// One session. See the module's own words for what it does and does not.
#[derive(Debug)]
pub struct Session {
    connection: Connection,
    capabilities: Capabilities,
    in_data: bool,
}

impl Session {
    pub(super) fn new(connection: Connection) -> Self {
        Self {
            connection,
            capabilities: Capabilities::default(),
            in_data: false,
        }
    }

    /// Everything said so far.
    pub fn transcript(&self) -> &Transcript {
        &self.connection.transcript
    }

    /// The transcript alone; the connection is closed.
    pub fn into_transcript(self) -> Transcript {
        self.connection.transcript
    }

    /// Where this session goes.
    pub fn endpoint(&self) -> &Endpoint {
        self.connection.endpoint()
    }

    /// The local address and port, while connected.
    pub fn local(&self) -> Option<SocketAddr> {
        self.connection.local()
    }

    /// Whether there is a connection.
    pub fn is_open(&self) -> bool {
        self.connection.is_open()
    }

    /// How far the other end is proven.
    pub fn channel(&self) -> Channel {
        self.connection.channel()
    }

    /// The TLS connection, once there is one.
    pub fn tls(&self) -> Option<&TlsReport> {
        self.connection.tls()
    }

    /// What the last EHLO offered. Empty before it, after HELO and after STARTTLS.
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Opens the TCP connection, and TLS at once where the endpoint wants it.
    ///
    /// # Errors
    ///
    /// Refused, silent, unreachable, reset, or a failed handshake.
    pub async fn connect(&mut self) -> Result<(), Failure> {
        self.connection.open().await
    }

    /// Connects and reads the greeting.
    ///
    /// # Errors
    ///
    /// As [`Session::connect`] and [`Session::greeting`].
    pub async fn open(&mut self) -> Result<Reply, Failure> {
        self.connect().await?;
        self.greeting().await
    }

    /// Reads the greeting: 220, or the reason why not.
    ///
    /// # Errors
    ///
    /// When none comes.
    pub async fn greeting(&mut self) -> Result<Reply, Failure> {
        self.reply(USUAL).await
    }

    /// EHLO, and keeps what the server offers.
    ///
    /// # Errors
    ///
    /// When no reply comes. A refusal is a reply.
    pub async fn ehlo(&mut self, name: &str) -> Result<Reply, Failure> {
        let reply = self.command(&format!("EHLO {name}")).await?;
        self.capabilities = if reply.is_positive() {
            Capabilities::read(&reply)
        } else {
            Capabilities::default()
        };
        Ok(reply)
    }

    /// HELO.
    ///
    /// # Errors
    ///
    /// When no reply comes.
    pub async fn helo(&mut self, name: &str) -> Result<Reply, Failure> {
        self.capabilities = Capabilities::default();
        self.command(&format!("HELO {name}")).await
    }

    /// `MAIL FROM:<path>`. The path may be anything that fits in a line: empty, source routed,
    /// quoted; `parameters` (`SIZE=1000`) may be empty.
    ///
    /// # Errors
    ///
    /// When no reply comes, or a line break is in it.
    pub async fn mail(&mut self, path: &str, parameters: &str) -> Result<Reply, Failure> {
        let line = format!("MAIL FROM:<{path}> {parameters}");
        self.command(line.trim_end()).await
    }

    /// `RCPT TO:<path>`.
    ///
    /// # Errors
    ///
    /// When no reply comes, or a line break is in it.
    pub async fn rcpt(&mut self, path: &str) -> Result<Reply, Failure> {
        self.command(&format!("RCPT TO:<{path}>")).await
    }

    /// RSET.
    ///
    /// # Errors
    ///
    /// When no reply comes.
    pub async fn rset(&mut self) -> Result<Reply, Failure> {
        self.command("RSET").await
    }

    /// Sends one line, whatever it says, and reads the reply.
    ///
    /// # Errors
    ///
    /// When no reply comes, or the line holds a line break or NUL.
    pub async fn command(&mut self, line: &str) -> Result<Reply, Failure> {
        self.exchange(line, line, USUAL).await
    }

    /// STARTTLS and the handshake. The reply to STARTTLS is the server's; [`Session::tls`] tells
    /// the rest. After it, EHLO must be said again.
    ///
    /// # Errors
    ///
    /// When no reply comes, bytes in clear follow the 220, or the handshake fails. The session is
    /// closed then.
    pub async fn starttls(&mut self) -> Result<Reply, Failure> {
        let reply = self.command("STARTTLS").await?;
        if !reply.is_positive() {
            return Ok(reply);
        }
        self.connection.encrypt().await?;
        // What was offered in clear does not count any more (RFC 3207 4.2).
        self.capabilities = Capabilities::default();
        Ok(reply)
    }

    /// DATA: 354 is the go-ahead. After it only [`Session::send_data`] and [`Session::finish_data`]
    /// make sense; dropping the session abandons the message.
    ///
    /// # Errors
    ///
    /// When no reply comes.
    pub async fn start_data(&mut self) -> Result<Reply, Failure> {
        let reply = self.exchange("DATA", "DATA", DATA_START).await?;
        self.in_data = reply.is_intermediate();
        Ok(reply)
    }

    /// Sends the message: line ends become CRLF and leading dots are doubled (RFC 5321 4.5.2). Not
    /// the final dot.
    ///
    /// # Errors
    ///
    /// When not inside DATA, or the connection breaks.
    pub async fn send_data(&mut self, message: &[u8]) -> Result<(), Failure> {
        if !self.in_data {
            return Err(Failure::NotOpen);
        }
        self.connection.transcript.add(
            Side::Client,
            &format!("(message of {} octets)", message.len()),
        );
        self.transmit(&stuffed(message), DATA_BLOCK).await
    }

    /// The final dot: from here on the server answers for the message.
    ///
    /// # Errors
    ///
    /// When not inside DATA, or no reply comes: then nobody knows whether it was taken.
    pub async fn finish_data(&mut self) -> Result<Reply, Failure> {
        if !std::mem::take(&mut self.in_data) {
            return Err(Failure::NotOpen);
        }
        self.exchange(".", ".", AFTER_DOT).await
    }

    /// QUIT and close. Inside DATA, where QUIT would be text, it only closes.
    pub async fn quit(&mut self) {
        if self.is_open() && !self.in_data {
            // The answer to a goodbye changes nothing.
            let _ = self.exchange("QUIT", "QUIT", QUIT).await;
        }
        self.close();
    }

    /// Closes at once, without a word.
    pub fn close(&mut self) {
        self.connection.close();
        self.in_data = false;
    }

    /// From now on `secret` reads `[secret]` in the transcript, whoever says it.
    pub(super) fn hide(&mut self, secret: &str) {
        self.connection.transcript.hide(secret);
    }

    pub(super) fn note(&mut self, text: &str) {
        self.connection.transcript.note(text);
    }

    /// Sends `line`, writes down `shown`, reads the reply.
    pub(super) async fn exchange(
        &mut self,
        line: &str,
        shown: &str,
        allowed: Duration,
    ) -> Result<Reply, Failure> {
        if line.contains(['\r', '\n', '\0']) {
            return Err(Failure::LineBreak);
        }
        if !self.is_open() {
            return Err(Failure::NotOpen);
        }
        self.connection.transcript.add(Side::Client, shown);
        let mut bytes = Vec::with_capacity(line.len() + 2);
        bytes.extend_from_slice(line.as_bytes());
        bytes.extend_from_slice(b"\r\n");
        self.transmit(&bytes, allowed).await?;
        self.reply(allowed).await
    }

    async fn transmit(&mut self, bytes: &[u8], allowed: Duration) -> Result<(), Failure> {
        let patience = self.connection.patience(allowed);
        let failure = match self.connection.send(bytes, patience).await {
            Ok(()) => return Ok(()),
            Err(silent @ Failure::Silent { .. }) => silent,
            // A server that hangs up often says why first: that is still to be read.
            Err(failure) if bytes.len() < 4096 => match self.reply(MINUTE).await {
                Ok(reply) => {
                    let note = format!("the connection broke after {reply}");
                    self.connection.transcript.note(note);
                    failure
                }
                Err(failure) => failure,
            },
            Err(failure) => failure,
        };
        Err(self.fail(failure))
    }

    async fn reply(&mut self, allowed: Duration) -> Result<Reply, Failure> {
        let patience = self.connection.patience(allowed);
        let started = Instant::now();
        let mut lines: Vec<String> = Vec::new();
        let mut oddities: Vec<Oddity> = Vec::new();
        let mut code = None;
        loop {
            let before = lines.iter().map(String::len).sum();
            let raw = self.connection.line(patience, before).await?;
            let shown = String::from_utf8_lossy(&raw);
            let shown = shown.trim_end_matches(['\r', '\n']);
            self.connection.transcript.add(Side::Server, shown);
            let Some(line) = parse_line(&raw) else {
                let text = shown.chars().take(200).collect();
                return Err(self.fail(Failure::NotSmtp(text)));
            };
            for oddity in line.oddities {
                note_once(&mut oddities, oddity);
            }
            if code.is_some_and(|first| first != line.code) {
                note_once(&mut oddities, Oddity::CodeMismatch);
            }
            code = Some(line.code);
            lines.push(self.connection.transcript.hidden(&line.text));
            if lines.len() > MOST_LINES {
                return Err(self.fail(Failure::NotSmtp("a reply without an end".to_owned())));
            }
            if !line.more {
                for oddity in &oddities {
                    self.connection
                        .transcript
                        .note(format!("odd reply: {oddity:?}"));
                }
                return Ok(Reply {
                    code: line.code,
                    lines,
                    ms: millis(started.elapsed()),
                    oddities,
                });
            }
        }
    }

    /// Writes down a failure and closes: after it nothing the session says could be understood.
    fn fail(&mut self, failure: Failure) -> Failure {
        self.in_data = false;
        self.connection.fail(failure)
    }
}

fn note_once(oddities: &mut Vec<Oddity>, oddity: Oddity) {
    if !oddities.contains(&oddity) {
        oddities.push(oddity);
    }
}

/// CRLF line ends, doubled leading dots, and a line end at the end.
fn stuffed(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 64);
    let body = message.strip_suffix(b"\n").unwrap_or(message);
    for line in body.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.starts_with(b".") {
            out.push(b'.');
        }
        out.extend_from_slice(line);
        out.extend_from_slice(b"\r\n");
    }
    out
}
