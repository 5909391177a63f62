//! Why there is no reply to judge. Each kind points at another cause, so none is folded into another.

use std::io;

/// A session step that brought no reply. The message is for people and names no host: the one who
/// shows it knows which.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// A closed port: host up, nothing listens, or a firewall says so.
    #[error("connection refused")]
    Refused,
    /// No answer to the connection: a filter that drops, or a dead host.
    #[error("no answer to the connection within {0} ms")]
    ConnectTimeout(u64),
    /// The network says there is no way.
    #[error("unreachable: {0}")]
    Unreachable(String),
    /// The local address to connect from cannot be used.
    #[error("cannot connect from the given local address: {0}")]
    Bind(String),
    /// The other side broke the connection off.
    #[error("connection reset")]
    Reset,
    /// The other side closed the connection instead of replying.
    #[error("the server closed the connection without a reply")]
    Closed,
    /// Connected, but no reply in time: a tarpit, a filter that swallows, or an overloaded server.
    #[error("no reply within {waited_ms} ms (a mail program would wait {allowed_ms} ms)")]
    Silent {
        /// How long we waited.
        waited_ms: u64,
        /// How long a mail server would.
        allowed_ms: u64,
        /// Bytes of an unfinished reply. More than none means that it dribbles: a tarpit.
        bytes: usize,
    },
    /// What came is no SMTP reply.
    #[error("not an SMTP reply: {0}")]
    NotSmtp(String),
    /// What came is no IMAP response.
    #[error("not an IMAP response: {0}")]
    NotImap(String),
    /// The connection failed in some other way, as the system says.
    #[error("the connection failed: {0}")]
    Broken(String),
    /// The session is not connected (any more).
    #[error("the session is not open")]
    NotOpen,
    /// The TLS handshake failed.
    #[error("TLS handshake failed: {0}")]
    Handshake(String),
    /// Bytes in clear followed the go-ahead for STARTTLS: somebody may have put them in
    /// (CVE-2011-0411 and its kin), or the server is broken.
    #[error("bytes in clear followed the reply to STARTTLS: {0}")]
    Injected(String),
    /// A password was to go over a channel whose other end is not proven.
    #[error("no password is sent over a channel that is not encrypted and verified")]
    Unprotected,
    /// The line cannot be sent as one line.
    #[error("a command cannot hold a line break or a NUL")]
    LineBreak,
}

impl Failure {
    /// True when TCP itself did not come about.
    pub fn is_connect(&self) -> bool {
        matches!(
            self,
            Self::Refused | Self::ConnectTimeout(_) | Self::Unreachable(_) | Self::Bind(_)
        )
    }

    pub(super) fn from_connect(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::ConnectionReset => Self::Reset,
            io::ErrorKind::TimedOut => {
                Self::Unreachable("the system gave up connecting".to_owned())
            }
            io::ErrorKind::AddrNotAvailable | io::ErrorKind::AddrInUse => {
                Self::Bind(error.to_string())
            }
            io::ErrorKind::HostUnreachable => Self::Unreachable("no route to host".to_owned()),
            io::ErrorKind::NetworkUnreachable => {
                Self::Unreachable("network unreachable".to_owned())
            }
            _ => Self::Unreachable(error.to_string()),
        }
    }

    pub(super) fn from_stream(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => Self::Reset,
            // TLS without close_notify is how most servers hang up.
            io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Broken(error.to_string()),
        }
    }
}
