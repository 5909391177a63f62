//! What one reply says about relaying.
//!
//! The code alone does not tell: a default Postfix denies relaying with 454 (a "temporary" code), a
//! greylisting server answers 450, a server that has the tester on a blocklist answers 554. Here the
//! text decides first, then the code. Addresses that the server echoes are cut out before reading:
//! a probe mailbox named `relay` would otherwise turn each reply into a relay denial.

use serde::{Deserialize, Serialize};

use super::probe::Stage;

/// A reply as recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The basic code, 200 to 599.
    pub code: u16,
    /// The text of all lines without the code, joined by line feeds; with the enhanced code.
    pub text: String,
}

/// What a reply means for the question "would you relay this?".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// 2xx to the judged recipient.
    Accepted,
    /// Refused, and the text (or 454, 551) says that relaying is the reason.
    RelayDenied,
    /// Refused until the client authenticates or encrypts: closed to strangers.
    AuthWanted,
    /// The sender was refused, before relaying was a question.
    SenderRefused,
    /// Refused for good for some other reason.
    Refused,
    /// The tester itself is refused: listed, banned, blocked. Says nothing about relaying.
    Blocked,
    /// Put off by greylisting, with the wait the server names.
    Greylisted {
        /// Seconds, where the text says.
        retry_after: Option<u32>,
    },
    /// Put off for another reason: may be accepted later, so it is no refusal.
    Deferred,
    /// Time-out, lost connection, 421, or never sent.
    NoAnswer,
}

impl Answer {
    /// A refusal that would be the same tomorrow.
    pub fn is_refusal(self) -> bool {
        matches!(
            self,
            Self::RelayDenied | Self::AuthWanted | Self::SenderRefused | Self::Refused
        )
    }

    /// A refusal that can only be about relaying, whatever the server thinks of the tester.
    pub fn names_relaying(self) -> bool {
        matches!(self, Self::RelayDenied | Self::AuthWanted)
    }
}

/// Reads the reply to a command; `None` is no reply at all.
pub fn read(stage: Stage, reply: Option<&Reply>) -> Answer {
    let Some(reply) = reply else {
        return Answer::NoAnswer;
    };
    if (200..300).contains(&reply.code) {
        return Answer::Accepted;
    }
    let text = without_addresses(&reply.text);
    if is_ban(&text) {
        return Answer::Blocked;
    }
    if matches!(reply.code, 530 | 538 | 523) || has(&text, WANTS_AUTH) {
        return Answer::AuthWanted;
    }
    if has(&without_host_names(&text), RELAY) || text.contains("5.7.54") {
        return Answer::RelayDenied;
    }
    let temporary = reply.code < 500;
    if temporary && is_greylisting(reply.code, &text) {
        return Answer::Greylisted {
            retry_after: retry_after(&text),
        };
    }
    if has(&text, SENDER) {
        return Answer::SenderRefused;
    }
    if has(&text, BLOCKED) {
        return Answer::Blocked;
    }
    if reply.code == 421 {
        return Answer::NoAnswer;
    }
    if stage == Stage::Mail && !temporary {
        return Answer::SenderRefused;
    }
    match (stage, reply.code) {
        (Stage::Rcpt, 454 | 551) => Answer::RelayDenied,
        (_, 500..) => Answer::Refused,
        _ => Answer::Deferred,
    }
}

/// Does a text say that the tester is listed or banned? Then the test stops.
pub fn is_ban(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    // As a word: "greylisted" is no ban; and a directory that says "user not listed" neither.
    let listed = words(&text).any(|w| w == "listed") && !text.contains("not listed");
    listed || has(&text, BAN) || words(&text).any(|w| matches!(w, "rbl" | "dnsbl"))
}

const BAN: &[&str] = &[
    "blocked using",
    "blacklist",
    "blocklist",
    "black list",
    "block list",
    "block-list",
    "banned",
    "bad reputation",
    "poor reputation",
    "spamhaus",
    "client host rejected",
    "your ip",
    "your host",
];
const BLOCKED: &[&str] = &["blocked"];
const WANTS_AUTH: &[&str] = &[
    "authentication required",
    "authentication is required",
    "requires authentication",
    "must authenticate",
    "please authenticate",
    "auth required",
    "authenticate first",
    "must issue a starttls",
    "not logged in",
];
const RELAY: &[&str] = &[
    "relay",
    "not a gateway",
    "handle mail for",
    "rcpthosts",
    "list of allowed",
    "non-accepted domain",
    "check for new mail first",
    "not local",
];
const GREYLIST: &[&str] = &[
    "greylist",
    "graylist",
    "grey-list",
    "gray-list",
    "grey list",
    "try again in",
];
const LATER: &[&str] = &["try again", "try later", "retry"];
const SENDER: &[&str] = &[
    "sender address rejected",
    "domain of sender",
    "sender domain",
    "sender verify",
    "sender rejected",
    "sender denied",
    "domain not found",
    "sender blocked",
    "sender is blocked",
    "spoof",
];

fn has(text: &str, cues: &[&str]) -> bool {
    cues.iter().any(|cue| text.contains(cue))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|w| !w.is_empty())
}

fn is_greylisting(code: u16, text: &str) -> bool {
    has(text, GREYLIST) || (matches!(code, 450 | 451) && has(text, LATER))
}

/// `in 300 seconds`, `5 minutes`, `300s`: the first number with a unit.
fn retry_after(text: &str) -> Option<u32> {
    let mut words = words(text).peekable();
    while let Some(word) = words.next() {
        let digits = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let Ok(number) = digits.parse::<u32>() else {
            continue;
        };
        let glued = &word[digits.len()..];
        let unit = if glued.is_empty() {
            words.peek().copied().unwrap_or("")
        } else {
            glued
        };
        match unit {
            "s" | "sec" | "secs" | "second" | "seconds" => return Some(number),
            "m" | "min" | "mins" | "minute" | "minutes" => return number.checked_mul(60),
            "h" | "hour" | "hours" => return number.checked_mul(3600),
            _ => {}
        }
    }
    None
}

/// Lower case, without `<...>` and without words that hold an at-sign.
fn without_addresses(text: &str) -> String {
    let text = text.to_ascii_lowercase();
    let mut outside = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once('<') {
        outside.push_str(before);
        match after.split_once('>') {
            Some((_, after)) => rest = after,
            None => rest = after,
        }
    }
    outside.push_str(rest);
    outside
        .split_whitespace()
        .filter(|w| !w.contains('@'))
        .collect::<Vec<_>>()
        .join(" ")
}

/// Without words that hold a dot between letters: a server named `relay.site.example` denies nothing.
fn without_host_names(text: &str) -> String {
    let is_host = |word: &&str| {
        let word = word.trim_end_matches(['.', ',', ':', ';']);
        word.contains('.') && word.bytes().any(|b| b.is_ascii_alphabetic())
    };
    text.split(' ')
        .filter(|word| !is_host(word))
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rcpt(code: u16, text: &str) -> Answer {
        read(
            Stage::Rcpt,
            Some(&Reply {
                code,
                text: text.to_string(),
            }),
        )
    }

    #[test]
    fn replies_to_rcpt() {
        use Answer::*;
        for (code, text, expected) in [
            (250, "2.1.5 Ok", Accepted),
            (251, "User not local; will forward", Accepted),
            (
                454,
                "4.7.1 <to@x.example>: Relay access denied",
                RelayDenied,
            ),
            (454, "4.7.1 no", RelayDenied),
            (
                554,
                "5.7.1 <to@x.example>: Relay access denied",
                RelayDenied,
            ),
            (550, "5.7.1 Unable to relay for to@x.example", RelayDenied),
            (
                550,
                "5.7.54 SMTP; Unable to relay recipient in non-accepted domain",
                RelayDenied,
            ),
            (550, "relay not permitted", RelayDenied),
            (
                553,
                "sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
                RelayDenied,
            ),
            (551, "user elsewhere", RelayDenied),
            (530, "5.7.1 Client was not authenticated", AuthWanted),
            (530, "5.7.0 Must issue a STARTTLS command first", AuthWanted),
            (550, "SMTP authentication is required", AuthWanted),
            (
                554,
                "5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.dnsbl.example",
                Blocked,
            ),
            (550, "your IP is banned", Blocked),
            (550, "5.7.1 listed at relays.dnsbl.example", Blocked),
            (550, "5.7.1 message blocked", Blocked),
            (
                550,
                "5.7.1 Sender blocked: local domain spoofed",
                SenderRefused,
            ),
            (550, "relaying blocked", RelayDenied),
            (
                550,
                "5.1.1 <x@site.example>: user not listed in directory",
                Refused,
            ),
            (
                550,
                "5.1.1 <relay@site.example>: Recipient address rejected: User unknown",
                Refused,
            ),
            (550, "5.1.1 user unknown at relay.site.example", Refused),
            (
                450,
                "4.2.0 <to@x.example>: Greylisted, try again in 300 seconds",
                Greylisted {
                    retry_after: Some(300),
                },
            ),
            (
                451,
                "4.7.1 Please try again later",
                Greylisted { retry_after: None },
            ),
            (
                450,
                "greylisted for 5 minutes",
                Greylisted {
                    retry_after: Some(300),
                },
            ),
            (
                450,
                "4.1.8 <a@r.x.example>: Sender address rejected: Domain not found",
                SenderRefused,
            ),
            (451, "4.3.0 temporary lookup failure", Deferred),
            (452, "4.3.1 insufficient system storage", Deferred),
            (421, "4.7.0 too many errors", NoAnswer),
            (421, "4.7.0 you are blacklisted", Blocked),
            (501, "5.1.3 Invalid address", Refused),
        ] {
            assert_eq!(rcpt(code, text), expected, "{code} {text}");
        }
        assert_eq!(read(Stage::Rcpt, None), NoAnswer);
    }

    #[test]
    fn a_permanent_refusal_at_mail_is_about_the_sender() {
        for (code, text, expected) in [
            (550, "5.1.0 go away", Answer::SenderRefused),
            (530, "5.7.0 Authentication required", Answer::AuthWanted),
            (452, "4.3.1 insufficient system storage", Answer::Deferred),
        ] {
            let reply = Reply {
                code,
                text: text.to_string(),
            };
            assert_eq!(read(Stage::Mail, Some(&reply)), expected, "{code} {text}");
        }
    }

    #[test]
    fn only_lasting_refusals_count_as_refusals() {
        for (answer, refusal) in [
            (Answer::RelayDenied, true),
            (Answer::Refused, true),
            (Answer::SenderRefused, true),
            (Answer::AuthWanted, true),
            (Answer::Accepted, false),
            (Answer::Blocked, false),
            (Answer::Greylisted { retry_after: None }, false),
            (Answer::Deferred, false),
            (Answer::NoAnswer, false),
        ] {
            assert_eq!(answer.is_refusal(), refusal, "{answer:?}");
        }
    }

    proptest::proptest! {
        /// Only a 2xx is an acceptance, and a temporary code alone is never a refusal.
        #[test]
        fn the_code_keeps_its_word(code in 200u16..600, text in "\\PC{0,60}") {
            let got = rcpt(code, &text);
            proptest::prop_assert_eq!(got == Answer::Accepted, code < 300);
            if got == Answer::Refused {
                proptest::prop_assert!(code >= 500);
            }
        }
    }
}
