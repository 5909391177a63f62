//! An SMTP dialogue, followed command by command: which reply belongs to which, and what a message has become.

use std::borrow::Cow;
use std::collections::VecDeque;

use crate::mail::events::{Direction, Event, Out, What, normalize_address};
use crate::mail::reply::Reply;

/// Commands without a reply yet, and recipients of one message, that are remembered at most.
const MOST: usize = 1_000;

/// Extensions of Exchange that other servers refuse without harm.
const HARMLESS: &[&str] = &["xexch50", "x-exps", "x-link2state"];

/// One side's view of a session.
#[derive(Debug, Clone, Default)]
pub(super) struct Dialogue {
    /// The name by which the client introduced itself.
    pub(super) helo: Option<String>,
    /// The name in the greeting of the server.
    pub(super) greeting: Option<String>,
    /// Who logged in, or tried to.
    pub(super) account: Option<String>,
    sender: Option<String>,
    recipients: Vec<String>,
    waiting: VecDeque<Command>,
    /// Lines of a reply that goes on.
    begun: String,
    /// The code of a reply whose first line was taken for the whole.
    cut_short: Option<String>,
}

#[derive(Debug, Clone)]
struct Command {
    verb: String,
    address: Option<String>,
}

/// What a reply means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Nothing that is looked for.
    Nothing,
    /// A command was refused or put off.
    Refused {
        verb: String,
        reply: String,
        recipient: Option<String>,
        sender: Option<String>,
    },
    /// The message was taken, for these recipients.
    Taken {
        reply: String,
        recipients: Vec<String>,
        sender: Option<String>,
    },
}

impl Dialogue {
    /// The client's next command. What it sends within AUTH is none: it may be a password, and goes nowhere.
    pub(super) fn command(&mut self, line: &str) {
        let (verb, rest) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
        let verb = verb.to_ascii_lowercase();
        self.cut_short = None;
        let address = match verb.as_str() {
            "mail" | "rcpt" => Some(address_of(rest)),
            _ => None,
        };
        match verb.as_str() {
            "ehlo" | "helo" => {
                self.helo = Some(rest.trim().to_owned()).filter(|name| !name.is_empty())
            }
            "rset" => self.forget(),
            "mail" => {
                self.forget();
                self.sender.clone_from(&address);
            }
            _ => {}
        }
        if self.waiting.len() < MOST {
            self.waiting.push_back(Command { verb, address });
        }
    }

    /// The server's next line, in a log that may hold no more than the first line of a reply: it stands for all of them, and
    /// the others are passed over where they follow.
    pub(super) fn first_line(&mut self, line: &str) -> Outcome {
        let line = line.trim();
        let goes_on = line.as_bytes().get(3) == Some(&b'-');
        let (Some(code), Some(text)) = (line.get(..3), line.get(4..)) else {
            return self.reply(line);
        };
        if self.cut_short.as_deref() == Some(code) {
            self.cut_short = goes_on.then(|| code.to_owned());
            return Outcome::Nothing;
        }
        self.cut_short = goes_on.then(|| code.to_owned());
        self.reply(&format!("{code} {text}"))
    }

    /// The server's next line.
    pub(super) fn reply(&mut self, line: &str) -> Outcome {
        let line = line.trim();
        if self.begun.len() < 4_096 {
            let gap = if self.begun.is_empty() { "" } else { " " };
            self.begun.push_str(gap);
            self.begun.push_str(line);
        }
        if line.as_bytes().get(3) == Some(&b'-') {
            return Outcome::Nothing;
        }
        let reply = std::mem::take(&mut self.begun);
        let code: u16 = reply
            .get(..3)
            .and_then(|code| code.parse().ok())
            .unwrap_or(0);
        let command = self.waiting.pop_front();
        match (code, command) {
            (220, None) => {
                let name = reply[3..].trim().split(' ').next().unwrap_or_default();
                self.greeting = name.contains('.').then(|| name.to_owned());
                Outcome::Nothing
            }
            (354, Some(_)) => {
                self.waiting.push_front(Command {
                    verb: "dot".to_owned(),
                    address: None,
                });
                Outcome::Nothing
            }
            // What the client says next is no command, but its answer to the challenge.
            (334, Some(command)) => {
                self.waiting.push_front(command);
                Outcome::Nothing
            }
            (200..=299, Some(command)) => match command.verb.as_str() {
                "rcpt" => {
                    if self.recipients.len() < MOST {
                        self.recipients.extend(command.address);
                    }
                    Outcome::Nothing
                }
                "dot" | "bdat"
                    if !self.recipients.is_empty() && !reply.contains("octets received") =>
                {
                    Outcome::Taken {
                        reply,
                        recipients: std::mem::take(&mut self.recipients),
                        sender: self.sender.take(),
                    }
                }
                _ => Outcome::Nothing,
            },
            (400..=599, command) => {
                let (verb, address) = command.map_or(("connect".to_owned(), None), |command| {
                    (command.verb, command.address)
                });
                Outcome::Refused {
                    recipient: address.filter(|_| verb == "rcpt"),
                    sender: self.sender.clone(),
                    verb,
                    reply,
                }
            }
            _ => Outcome::Nothing,
        }
    }

    /// Whether the client is in the middle of a log-in.
    pub(super) fn logging_in(&self) -> bool {
        self.waiting
            .front()
            .is_some_and(|command| command.verb == "auth")
    }

    fn forget(&mut self) {
        self.sender = None;
        self.recipients.clear();
    }
}

impl Outcome {
    /// Tells it as events, each the given one completed; `from_here` says that the client is this server itself. False when
    /// there is nothing to tell.
    pub(super) fn tell(self, mut event: Event<'_>, from_here: bool, out: &mut Out<'_>) -> bool {
        let sends = event.direction == Direction::Outbound;
        match self {
            Self::Nothing => return false,
            Self::Refused {
                verb,
                reply,
                recipient,
                sender,
            } => {
                event.recipient = recipient.map(Cow::Owned);
                event.sender = sender.map(Cow::Owned);
                let what = match sends {
                    true => What::Refused,
                    false => What::RefusedClient,
                };
                refusal(&mut event, what, verb, reply);
                out.event(&event);
            }
            Self::Taken {
                reply,
                recipients,
                sender,
            } => {
                event.reply = Some(Cow::Owned(reply));
                event.sender = sender.map(Cow::Owned);
                if sends {
                    event.what = What::Delivered;
                    for recipient in recipients {
                        event.recipient = Some(Cow::Owned(recipient));
                        out.event(&event);
                    }
                } else {
                    event.what = What::Received;
                    if from_here {
                        event.direction = Direction::Local;
                    }
                    out.event(&event);
                }
            }
        }
        true
    }
}

/// Completes an event with a refusal.
fn refusal(event: &mut Event<'_>, what: What, verb: String, reply: String) {
    let harmless = HARMLESS.contains(&verb.as_str());
    event.what = match verb.as_str() {
        _ if harmless => What::Noise,
        "auth" if what == What::RefusedClient => What::AuthFailed,
        _ => what,
    };
    event.status = Reply::parse(&reply).status;
    event.command = Some(Cow::Owned(verb));
    event.reply = Some(Cow::Owned(reply));
}

/// The address in `FROM:<a@b> SIZE=5` or `TO:<c@d>`; empty for `<>`.
fn address_of(text: &str) -> String {
    let text = text.split_once(':').map_or(text, |(_, rest)| rest).trim();
    let end = text
        .find('>')
        .map_or_else(|| text.find(' ').unwrap_or(text.len()), |end| end + 1);
    let raw = &text[..end];
    normalize_address(raw).unwrap_or_else(|| raw.trim_matches(['<', '>', ' ']).to_owned())
}
