//! Enough IMAP4rev1 (RFC 3501) for a client that looks for a message: LOGIN, LIST, SELECT, SEARCH, FETCH,
//! STORE, LOGOUT; in the clear, with STARTTLS, or with TLS from the first byte.

mod fetch;
mod parse;
mod search;
mod session;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use super::listen::{self, Task, TcpPort};
use super::live::Live;
use super::mailbox::Mailboxes;
use super::tls::{Authority, Certificate};
use session::Session;

/// What sessions share.
struct Inner {
    name: String,
    certificate: Live<Certificate>,
    mailboxes: Mailboxes,
    authority: Arc<Authority>,
    commands: Live<Vec<String>>,
}

/// The running server: one port in the clear (with STARTTLS), one with implicit TLS.
pub struct ImapServer {
    inner: Arc<Inner>,
    plain: SocketAddr,
    tls: SocketAddr,
    tasks: Vec<Task>,
}

impl ImapServer {
    /// Opens both ports. `name` is in the greeting and in the certificate.
    ///
    /// # Errors
    ///
    /// A port could not be bound.
    pub async fn start(
        name: &str,
        mailboxes: Mailboxes,
        authority: Arc<Authority>,
    ) -> io::Result<Self> {
        let (plain, tls) = (TcpPort::bind().await?, TcpPort::bind().await?);
        let inner = Arc::new(Inner {
            name: name.to_owned(),
            certificate: Live::default(),
            mailboxes,
            authority,
            commands: Live::default(),
        });
        let mut server = Self {
            inner,
            plain: plain.addresses()?.0,
            tls: tls.addresses()?.0,
            tasks: Vec::new(),
        };
        for (port, implicit) in [(plain, false), (tls, true)] {
            for listener in [Some(port.v4), port.v6].into_iter().flatten() {
                let inner = Arc::clone(&server.inner);
                let talk = move |stream, _| Session::talk(Arc::clone(&inner), stream, implicit);
                server
                    .tasks
                    .push(Task::spawn(listen::accept(listener, talk)));
            }
        }
        Ok(server)
    }

    /// The port in the clear, which offers STARTTLS.
    pub fn address(&self) -> SocketAddr {
        self.plain
    }

    /// The port with TLS from the first byte.
    pub fn tls_address(&self) -> SocketAddr {
        self.tls
    }

    /// Changes what is wrong with the certificate.
    pub fn set_certificate(&self, certificate: Certificate) {
        self.inner.certificate.edit(|kept| *kept = certificate);
    }

    /// Every command so far without its tag; a LOGIN without its password.
    pub fn commands(&self) -> Vec<String> {
        self.inner.commands.read(Clone::clone)
    }

    /// Ends the server and waits until its sockets are closed.
    pub async fn stop(self) {
        for task in self.tasks {
            task.stop().await;
        }
    }
}
