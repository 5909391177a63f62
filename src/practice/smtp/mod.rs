//! One SMTP server engine with personalities as data, so that relay, smarthost and server checks can be
//! shown right and wrong. Strict in the protocol (RFC 5321), whatever the personality allows.

mod address;
mod auth;
mod characters;
mod delivery;
mod personality;
mod policy;
mod reply;
mod session;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

pub use personality::{
    Auth, Greeting, Limits, Login, OddAddresses, Outcome, Personality, Recipients, StartTls,
    Tarpit, Trust,
};
pub use reply::Reply;

use super::listen::{self, Task, TcpPort};
use super::live::Live;
use super::mailbox::Mailboxes;
use super::tls::Authority;
use session::Session;

/// One port of a server that is to be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortSetup {
    /// What the port is called in this world: `smtp`, `submission`, `submissions`.
    pub name: String,
    /// TLS from the first byte (RFC 8314) instead of STARTTLS.
    pub implicit_tls: bool,
}

/// A server that is to be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSetup {
    /// How this world calls it.
    pub id: String,
    /// How it behaves, on all ports.
    pub personality: Personality,
    /// Its ports.
    pub ports: Vec<PortSetup>,
}

impl ServerSetup {
    /// A server with the one port `smtp`.
    pub fn on_smtp(id: &str, personality: Personality) -> Self {
        let ports = vec![PortSetup {
            name: "smtp".to_owned(),
            implicit_tls: false,
        }];
        Self {
            id: id.to_owned(),
            personality,
            ports,
        }
    }
}

/// One line of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// A command of the client.
    Command(String),
    /// What the client sent beside commands: a step of AUTH, or the size of a message.
    Data(String),
    /// A reply, its lines joined by `\n`.
    Reply(String),
}

/// One connection as it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transcript {
    /// The port's name.
    pub port: String,
    /// The client.
    pub peer: SocketAddr,
    /// What was said; what is said under TLS follows what was said before it.
    pub lines: Vec<Line>,
}

impl Transcript {
    /// The commands alone.
    pub fn commands(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().filter_map(|line| match line {
            Line::Command(text) => Some(text.as_str()),
            _ => None,
        })
    }
}

/// What a server remembers of its clients.
#[derive(Debug, Default)]
struct Book {
    transcripts: Vec<Transcript>,
    open: usize,
    recipients: usize,
    greylisted: BTreeMap<(IpAddr, String, String), Instant>,
}

/// What sessions share.
struct Inner {
    personality: Live<Personality>,
    mailboxes: Mailboxes,
    authority: Arc<Authority>,
    book: Live<Book>,
}

/// A running server.
pub struct SmtpServer {
    inner: Arc<Inner>,
    ports: BTreeMap<String, (SocketAddr, Option<SocketAddr>)>,
    tasks: Vec<Task>,
}

impl SmtpServer {
    /// Opens the ports of `setup`.
    ///
    /// # Errors
    ///
    /// A port could not be bound.
    pub async fn start(
        setup: ServerSetup,
        mailboxes: Mailboxes,
        authority: Arc<Authority>,
    ) -> io::Result<Self> {
        let personality = Live::new(setup.personality);
        let inner = Arc::new(Inner {
            personality,
            mailboxes,
            authority,
            book: Live::default(),
        });
        let mut server = Self {
            inner,
            ports: BTreeMap::new(),
            tasks: Vec::new(),
        };
        for port in setup.ports {
            let bound = TcpPort::bind().await?;
            server.ports.insert(port.name.clone(), bound.addresses()?);
            for listener in [Some(bound.v4), bound.v6].into_iter().flatten() {
                let (inner, port) = (Arc::clone(&server.inner), port.clone());
                server.tasks.push(Task::spawn(listen::accept(
                    listener,
                    move |stream, peer| {
                        Session::talk(Arc::clone(&inner), port.clone(), stream, peer)
                    },
                )));
            }
        }
        Ok(server)
    }

    /// The IPv4 address of the port of this name.
    pub fn address(&self, port: &str) -> Option<SocketAddr> {
        self.ports.get(port).map(|(v4, _)| *v4)
    }

    /// The same port on ::1, where the machine has IPv6.
    pub fn address_v6(&self, port: &str) -> Option<SocketAddr> {
        self.ports.get(port).and_then(|(_, v6)| *v6)
    }

    /// Looks at the behaviour.
    pub fn personality(&self) -> Personality {
        self.inner.personality.read(Clone::clone)
    }

    /// Changes the behaviour; open connections see it with their next command.
    pub fn edit(&self, change: impl FnOnce(&mut Personality)) {
        self.inner.personality.edit(change);
    }

    /// All connections so far.
    pub fn transcripts(&self) -> Vec<Transcript> {
        self.inner.book.read(|book| book.transcripts.clone())
    }

    /// How many connections there were.
    pub fn connections(&self) -> usize {
        self.inner.book.read(|book| book.transcripts.len())
    }

    /// How often clients sent this command (`DATA`, `RCPT`), whatever the answer.
    pub fn commands(&self, verb: &str) -> usize {
        let is_verb = |line: &&str| {
            line.split([' ', ':'])
                .next()
                .is_some_and(|word| word.eq_ignore_ascii_case(verb))
        };
        self.inner.book.read(|book| {
            book.transcripts
                .iter()
                .map(|transcript| transcript.commands().filter(is_verb).count())
                .sum()
        })
    }

    /// Ends the server and waits until its sockets are closed.
    pub async fn stop(self) {
        for task in self.tasks {
            task.stop().await;
        }
    }
}
