//! The dialogue with one client.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpStream;

use super::address::{Destination, PathArgument, path_argument};
use super::personality::{Greeting, Outcome, Personality, StartTls};
use super::reply::Reply;
use super::{Inner, Line, PortSetup, Transcript};
use crate::practice::wire::Wire;

/// RFC 5321 section 4.5.3.1.4, with the room that AUTH asks for (RFC 4954 section 4).
const LONGEST_COMMAND: usize = 12_288;

pub(super) struct Session {
    pub(super) inner: Arc<Inner>,
    /// Its place in the server's book.
    place: usize,
    pub(super) own: IpAddr,
    pub(super) peer: IpAddr,
    pub(super) helo: Option<String>,
    pub(super) extended: bool,
    pub(super) tls: bool,
    pub(super) login: Option<String>,
    pub(super) sender: Option<String>,
    pub(super) recipients: Vec<Destination>,
    pub(super) local_seen: bool,
    errors: usize,
    messages: usize,
}

/// What comes after a command.
pub(super) enum Next {
    Say(Reply),
    Hangup(Reply),
    Tls(StartTls),
    Message,
    Gone,
}

impl Session {
    /// Serves one connection until it ends.
    pub(super) async fn talk(
        inner: Arc<Inner>,
        port: PortSetup,
        stream: TcpStream,
        peer: SocketAddr,
    ) {
        let Ok(own) = stream.local_addr() else { return };
        let (place, open) = inner.book.edit(|book| {
            book.transcripts.push(Transcript {
                port: port.name.clone(),
                peer,
                lines: Vec::new(),
            });
            book.open += 1;
            (book.transcripts.len() - 1, book.open)
        });
        let _closed = Open(Arc::clone(&inner));
        let mut session = Self {
            inner,
            place,
            own: own.ip().to_canonical(),
            peer: peer.ip().to_canonical(),
            helo: None,
            extended: false,
            tls: false,
            login: None,
            sender: None,
            recipients: Vec::new(),
            local_seen: false,
            errors: 0,
            messages: 0,
        };
        // A connection that breaks is the client's affair; what was said is in the book.
        let _ = session
            .run(Wire::new(stream), port.implicit_tls, open)
            .await;
    }

    async fn run(&mut self, mut wire: Wire, implicit_tls: bool, open: usize) -> io::Result<()> {
        let personality = self.personality();
        if implicit_tls {
            wire = self.protect(wire, &personality).await?;
        }
        tokio::time::sleep(personality.tarpit.greeting).await;
        if personality
            .limits
            .connections
            .is_some_and(|limit| open > limit)
        {
            return self
                .hang_up(
                    wire,
                    &Reply::new(421, "4.3.2 Service not available - too busy"),
                )
                .await;
        }
        match &personality.greeting {
            Greeting::Silent => {
                while wire.line().await?.is_some() {}
                return Ok(());
            }
            Greeting::Refuse(reply) => return self.hang_up(wire, reply).await,
            Greeting::Ready(text) => {
                let greeting = Reply::new(220, &format!("{} {text}", personality.name));
                self.say(&mut wire, &greeting).await?;
            }
        }
        loop {
            let Some(line) = wire.line().await? else {
                return Ok(());
            };
            let personality = self.personality();
            let next = match command_line(&line) {
                Ok(command) => {
                    self.note(Line::Command(command.to_owned()));
                    self.command(&mut wire, &personality, command).await?
                }
                Err(reply) => {
                    self.note(Line::Command(
                        String::from_utf8_lossy(&line).trim_end().to_owned(),
                    ));
                    Next::Say(reply)
                }
            };
            match next {
                Next::Say(reply) => {
                    if reply.code >= 400 {
                        self.errors += 1;
                        tokio::time::sleep(personality.tarpit.refusal).await;
                    }
                    if personality
                        .limits
                        .errors
                        .is_some_and(|limit| self.errors > limit)
                    {
                        return self
                            .hang_up(wire, &Reply::new(421, "4.7.0 too many errors"))
                            .await;
                    }
                    self.say(&mut wire, &reply).await?;
                }
                Next::Hangup(reply) => return self.hang_up(wire, &reply).await,
                Next::Tls(kind) => {
                    self.say(&mut wire, &Reply::new(220, "2.0.0 ready to start TLS"))
                        .await?;
                    if kind == StartTls::Broken {
                        wire.send(b"* not TLS\r\n").await?;
                        wire.close().await;
                        return Ok(());
                    }
                    wire = self.protect(wire, &personality).await?;
                    self.helo = None;
                    self.login = None;
                    self.reset();
                }
                Next::Message => {
                    self.say(
                        &mut wire,
                        &Reply::new(354, "end with a line that holds only a dot"),
                    )
                    .await?;
                    let Some(reply) = self.take_message(&mut wire, &personality).await? else {
                        return Ok(());
                    };
                    self.messages += 1;
                    self.reset();
                    tokio::time::sleep(personality.tarpit.message).await;
                    self.say(&mut wire, &reply).await?;
                }
                Next::Gone => return Ok(()),
            }
        }
    }

    async fn command(
        &mut self,
        wire: &mut Wire,
        personality: &Personality,
        line: &str,
    ) -> io::Result<Next> {
        let (verb, argument) = line.split_once(' ').unwrap_or((line, ""));
        Ok(match verb.to_ascii_uppercase().as_str() {
            "HELO" => Next::Say(self.hello(personality, argument, false)),
            "EHLO" if !personality.helo_only => Next::Say(self.hello(personality, argument, true)),
            "MAIL" => self.mail(personality, argument),
            "RCPT" => {
                tokio::time::sleep(personality.tarpit.rcpt).await;
                Next::Say(self.rcpt(personality, argument))
            }
            "DATA" if !argument.is_empty() => {
                Next::Say(Reply::new(501, "5.5.4 DATA takes no argument"))
            }
            "DATA" if self.sender.is_none() => {
                Next::Say(Reply::new(503, "5.5.1 MAIL and RCPT first"))
            }
            "DATA" if self.recipients.is_empty() => {
                Next::Say(Reply::new(554, "5.5.1 no valid recipients"))
            }
            "DATA" => match &personality.outcome {
                Outcome::RefuseData(reply) => Next::Say(reply.clone()),
                _ => Next::Message,
            },
            "RSET" if argument.is_empty() => {
                self.reset();
                Next::Say(Reply::new(250, "2.0.0 OK"))
            }
            "QUIT" if argument.is_empty() => Next::Hangup(Reply::new(221, "2.0.0 closing")),
            "RSET" | "QUIT" => Next::Say(Reply::new(501, "5.5.4 no argument here")),
            "NOOP" => Next::Say(Reply::new(250, "2.0.0 OK")),
            "HELP" => Next::Say(Reply::new(214, "2.0.0 see RFC 5321")),
            "VRFY" => Next::Say(self.verify(personality, argument)),
            "STARTTLS" => self.starttls(personality, argument),
            "AUTH" => self.authenticate(wire, personality, argument).await?,
            "EXPN" | "ETRN" | "TURN" | "XCLIENT" | "XFORWARD" => {
                Next::Say(Reply::new(502, "5.5.1 command not available to you"))
            }
            _ => Next::Say(Reply::new(500, "5.5.2 command not recognised")),
        })
    }

    fn hello(&mut self, personality: &Personality, argument: &str, extended: bool) -> Reply {
        let name = argument.trim();
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Reply::new(501, "5.5.4 a host name or an address literal is needed");
        }
        self.reset();
        self.helo = Some(name.to_owned());
        self.extended = extended;
        let mut lines = vec![format!("{} Hello [{}]", personality.name, self.peer)];
        if extended {
            lines.extend(personality.limits.size.map(|size| format!("SIZE {size}")));
            if !self.tls && personality.starttls != StartTls::Absent {
                lines.push("STARTTLS".to_owned());
            }
            if let Some(auth) = personality
                .auth
                .as_ref()
                .filter(|auth| self.tls || auth.in_the_clear)
            {
                lines.push(format!("AUTH {}", auth.mechanisms.join(" ")));
            }
            lines.extend(personality.keywords.iter().cloned());
        }
        Reply::new(250, &lines.join("\n"))
    }

    fn mail(&mut self, personality: &Personality, argument: &str) -> Next {
        if self.helo.is_none() {
            return Next::Say(Reply::new(503, "5.5.1 HELO or EHLO first"));
        }
        if self.sender.is_some() {
            return Next::Say(Reply::new(503, "5.5.1 a sender is given already"));
        }
        if personality
            .limits
            .messages_per_connection
            .is_some_and(|limit| self.messages >= limit)
        {
            return Next::Hangup(Reply::new(
                421,
                "4.7.0 too many messages in this connection",
            ));
        }
        if personality.starttls == StartTls::Required && !self.tls {
            return Next::Say(Reply::new(530, "5.7.0 STARTTLS first"));
        }
        let Some(given) = after_keyword(argument, "FROM:")
            .and_then(|text| path_argument(text, personality.lenient_syntax))
        else {
            return Next::Say(Reply::new(501, "5.5.4 the form is MAIL FROM:<address>"));
        };
        if personality.auth.as_ref().is_some_and(|auth| auth.required) && self.login.is_none() {
            return Next::Say(Reply::new(530, "5.7.0 authentication required"));
        }
        Next::Say(self.sender(personality, given))
    }

    fn sender(&mut self, personality: &Personality, given: PathArgument) -> Reply {
        for (keyword, value) in &given.parameters {
            let known = self.extended
                && matches!(
                    keyword.as_str(),
                    "SIZE" | "BODY" | "SMTPUTF8" | "AUTH" | "RET" | "ENVID"
                );
            if !known {
                return Reply::new(555, "5.5.4 parameter not recognised");
            }
            if keyword == "SIZE" {
                let Ok(size) = value.parse::<u64>() else {
                    return Reply::new(501, "5.5.4 SIZE takes a number");
                };
                if personality.limits.size.is_some_and(|limit| size > limit) {
                    return Reply::new(552, "5.3.4 message size exceeds the limit");
                }
            }
        }
        let sender = super::address::without_route(&given.path).to_owned();
        if sender.is_empty()
            && let Some(reply) = &personality.refuse_null_sender
        {
            return reply.clone();
        }
        if !self.may_send_as(personality, &sender) {
            return Reply::new(553, "5.7.1 this sender does not belong to your login");
        }
        self.sender = Some(sender.clone());
        Reply::new(250, &format!("2.1.0 {sender} sender OK"))
    }

    fn starttls(&self, personality: &Personality, argument: &str) -> Next {
        if !argument.is_empty() {
            return Next::Say(Reply::new(501, "5.5.4 STARTTLS takes no argument"));
        }
        if self.tls {
            return Next::Say(Reply::new(503, "5.5.1 TLS is on already"));
        }
        match personality.starttls {
            StartTls::Absent => Next::Say(Reply::new(502, "5.5.1 STARTTLS is not offered")),
            StartTls::Unavailable => {
                Next::Say(Reply::new(454, "4.7.0 TLS is not available for the moment"))
            }
            kind => Next::Tls(kind),
        }
    }

    async fn protect(&mut self, wire: Wire, personality: &Personality) -> io::Result<Wire> {
        let names = [
            &[personality.name.clone()][..],
            &personality.certificate_names,
        ]
        .concat();
        let acceptor = self
            .inner
            .authority
            .acceptor(&names, personality.certificate)?;
        let wire = wire.into_tls(&acceptor).await?;
        self.tls = true;
        Ok(wire)
    }

    pub(super) fn personality(&self) -> Personality {
        self.inner.personality.read(Clone::clone)
    }

    pub(super) fn note(&self, line: Line) {
        self.inner
            .book
            .edit(|book| book.transcripts[self.place].lines.push(line));
    }

    pub(super) async fn say(&self, wire: &mut Wire, reply: &Reply) -> io::Result<()> {
        self.note(Line::Reply(reply.wire().trim_end().replace("\r\n", "\n")));
        wire.send(reply.wire().as_bytes()).await
    }

    async fn hang_up(&self, mut wire: Wire, reply: &Reply) -> io::Result<()> {
        self.say(&mut wire, reply).await?;
        wire.close().await;
        Ok(())
    }

    fn reset(&mut self) {
        self.sender = None;
        self.recipients.clear();
    }
}

/// Counts an open connection down, also when its task is cut off.
struct Open(Arc<Inner>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.book.edit(|book| book.open -= 1);
    }
}

/// The command without its line end, or the reply to a line that is none.
fn command_line(line: &[u8]) -> Result<&str, Reply> {
    let Some(body) = line.strip_suffix(b"\r\n") else {
        return Err(Reply::new(500, "5.5.2 a line ends in CR LF"));
    };
    if body.len() > LONGEST_COMMAND {
        return Err(Reply::new(500, "5.5.2 line too long"));
    }
    match std::str::from_utf8(body) {
        Ok(text) if !text.contains(|letter: char| letter.is_control() && letter != '\t') => {
            Ok(text.trim_end())
        }
        _ => Err(Reply::new(500, "5.5.2 command not recognised")),
    }
}

/// What follows `FROM:` or `TO:` in any case.
pub(super) fn after_keyword<'a>(argument: &'a str, keyword: &str) -> Option<&'a str> {
    let head = argument.get(..keyword.len())?;
    head.eq_ignore_ascii_case(keyword)
        .then(|| &argument[keyword.len()..])
}
