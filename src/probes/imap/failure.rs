//! Why a mailbox could not be read.

use crate::probes::channel::Failure;

/// A step of an IMAP session that did not work. The message is for people and names no host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImapFailure {
    /// No connection, or no response.
    #[error(transparent)]
    Channel(#[from] Failure),
    /// NO or BAD, with what the server says. Its words never hold the password.
    #[error("the server refuses {command}: {text}")]
    Refused {
        /// The command without its arguments.
        command: String,
        /// The server's words.
        text: String,
    },
    /// The server ended the session by itself.
    #[error("the server ends the session: {0}")]
    Bye(String),
    /// TLS is wanted and not to be had.
    #[error("the server offers no STARTTLS")]
    NoStarttls,
    /// The server takes no password on this channel (RFC 3501 7.2.1).
    #[error("the server takes no password on this connection (LOGINDISABLED)")]
    LoginDisabled,
    /// The account name or password holds characters that LOGIN cannot carry.
    #[error(
        "user name or password hold characters that the server's only way to log in cannot carry"
    )]
    Unsendable,
}

impl ImapFailure {
    /// True when it is the account that is wrong, not the way to the server. "Not now" (RFC 5530: UNAVAILABLE, INUSE) is no word
    /// about the account.
    pub fn is_login(&self) -> bool {
        let Self::Refused { command, text } = self else {
            return false;
        };
        let later = ["UNAVAILABLE", "INUSE", "SERVERBUG"];
        matches!(command.as_str(), "LOGIN" | "AUTHENTICATE")
            && !later.iter().any(|code| text.contains(code))
    }
}
