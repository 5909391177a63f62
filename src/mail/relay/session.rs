//! Which probes share a connection, how fast they follow each other, and when the test has to stop.
//!
//! Servers count errors: Postfix answers each command a second late after 10 refusals in a session and
//! hangs up at the 21st. Few variants a connection keep the test on the polite side of that.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::answer::{self, Answer, Reply};
use super::probe::Probe;
use super::variant::{Greeting, Kind};

/// How hard a server may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most probes in one connection.
    pub per_connection: usize,
    /// Least time between two RCPT commands.
    pub pause: Duration,
    /// Most probes at one endpoint; the rest is reported as left out.
    pub total: usize,
    /// How long one call of the step may ask, all endpoints together; what there was no time for is asked in the next call.
    pub a_call: Duration,
}

impl Limits {
    /// For a server on the Internet.
    pub const POLITE: Self = Self {
        per_connection: 8,
        pause: Duration::from_secs(1),
        total: 400,
        a_call: Duration::from_secs(240),
    };

    /// For a laboratory, where nobody is disturbed: no pause.
    pub const LABORATORY: Self = Self {
        pause: Duration::ZERO,
        ..Self::POLITE
    };
}

/// The probes of one connection, all after the same greeting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// EHLO or HELO.
    pub greeting: Greeting,
    /// The name said in it.
    pub helo: String,
    /// In the order of sending; RSET goes between two.
    pub probes: Vec<Probe>,
}

/// Splits probes into connections without changing their order within a greeting.
///
/// Returns the sessions and the probes beyond [`Limits::total`]. Give the controls first: they stay first.
pub fn plan(mut probes: Vec<Probe>, limits: &Limits) -> (Vec<Session>, Vec<Probe>) {
    let beyond = probes.split_off(probes.len().min(limits.total));
    let mut sessions: Vec<Session> = Vec::new();
    for probe in probes {
        let room = sessions.iter_mut().find(|s| {
            s.probes.len() < limits.per_connection.max(1)
                && s.greeting == probe.greeting
                && s.helo == probe.helo
        });
        match room {
            Some(session) => session.probes.push(probe),
            None => sessions.push(Session {
                greeting: probe.greeting,
                helo: probe.helo.clone(),
                probes: vec![probe],
            }),
        }
    }
    (sessions, beyond)
}

/// Why no more is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// A reply says that the tester is listed, blocked or banned.
    Blocked,
    /// Two connections in a row were turned away at the greeting.
    GreetingRefused,
    /// Nothing but "authenticate first" was heard: the rest would hear the same.
    AuthWanted,
}

impl Stop {
    /// The reason in words.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Blocked => "the server says that this tester is listed or blocked",
            Self::GreetingRefused => "the server turned two connections in a row away",
            Self::AuthWanted => "the server asks every stranger to authenticate",
        }
    }

    /// Whether the same server may still be asked over another channel (after STARTTLS).
    pub fn allows_other_channels(self) -> bool {
        self == Self::AuthWanted
    }
}

/// What has happened at an endpoint so far, as far as it decides about going on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Course {
    refused_greetings: u8,
    attempts: u32,
    other_than_auth: bool,
    blocked: bool,
}

impl Course {
    /// A connection was opened; `greeted` is false when there was no 220 (or no usable HELO reply).
    #[must_use]
    pub fn connected(self, greeted: bool, reply: Option<&Reply>) -> Self {
        let refused_greetings = if greeted {
            0
        } else {
            self.refused_greetings.saturating_add(1)
        };
        let banned = !greeted && reply.is_some_and(|r| answer::is_ban(&r.text));
        Self {
            refused_greetings,
            blocked: self.blocked || banned,
            ..self
        }
    }

    /// A probe of this kind was answered.
    #[must_use]
    pub fn answered(self, kind: Kind, answer: Answer) -> Self {
        Self {
            attempts: self.attempts + u32::from(kind != Kind::C),
            other_than_auth: self.other_than_auth || answer != Answer::AuthWanted,
            blocked: self.blocked || answer == Answer::Blocked,
            ..self
        }
    }

    /// Whether to stop; asked before each connection and each probe.
    pub fn stop(self) -> Option<Stop> {
        if self.blocked {
            Some(Stop::Blocked)
        } else if self.refused_greetings >= 2 {
            Some(Stop::GreetingRefused)
        } else if self.attempts >= ENOUGH && !self.other_than_auth {
            Some(Stop::AuthWanted)
        } else {
            None
        }
    }
}

/// After this many relay attempts (and all controls) that heard nothing but "authenticate first", the rest
/// would hear the same. The classic form (A01) is the first of them.
const ENOUGH: u32 = 6;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::probe::Worth;
    use super::*;

    fn probe(variant: &'static str, greeting: Greeting, helo: &str) -> Probe {
        let helo = helo.to_string();
        Probe {
            variant,
            kind: Kind::R,
            worth: Worth::External,
            greeting,
            helo,
            lines: vec![],
        }
    }

    #[test]
    fn a_connection_holds_at_most_eight_and_one_greeting() {
        let mut probes: Vec<Probe> = (0..20)
            .map(|_| probe("A01", Greeting::Ehlo, "me"))
            .collect();
        probes.insert(3, probe("A19", Greeting::Helo, "me"));
        probes.insert(9, probe("A20", Greeting::Ehlo, "localhost"));
        let (sessions, beyond) = plan(probes, &Limits::POLITE);
        assert_eq!(beyond, []);
        let sizes: Vec<usize> = sessions.iter().map(|s| s.probes.len()).collect();
        assert_eq!(sizes, [8, 1, 1, 8, 4]);
        for s in &sessions {
            assert!(
                s.probes
                    .iter()
                    .all(|p| p.greeting == s.greeting && p.helo == s.helo)
            );
        }
    }

    #[test]
    fn what_is_beyond_the_total_is_handed_back() {
        let probes: Vec<Probe> = (0..5).map(|_| probe("A01", Greeting::Ehlo, "me")).collect();
        let (sessions, beyond) = plan(
            probes,
            &Limits {
                total: 3,
                ..Limits::POLITE
            },
        );
        assert_eq!((sessions[0].probes.len(), beyond.len()), (3, 2));
    }

    #[test]
    fn when_to_stop() {
        let start = Course::default();
        assert_eq!(start.stop(), None);
        assert_eq!(
            start.answered(Kind::R, Answer::Blocked).stop(),
            Some(Stop::Blocked)
        );

        let once = start.connected(false, None);
        assert_eq!(once.stop(), None);
        assert_eq!(
            once.connected(true, None).connected(false, None).stop(),
            None,
            "not in a row"
        );
        assert_eq!(
            once.connected(false, None).stop(),
            Some(Stop::GreetingRefused)
        );

        let banned = Reply {
            code: 554,
            text: "your host is blacklisted".to_string(),
        };
        assert_eq!(
            start.connected(false, Some(&banned)).stop(),
            Some(Stop::Blocked)
        );

        let ask = |course: Course, kind, answer| course.answered(kind, answer);
        let controls = (0..40).fold(start, |c, _| ask(c, Kind::C, Answer::AuthWanted));
        assert_eq!(controls.stop(), None, "no relay attempt yet");
        let many = (0..ENOUGH).fold(controls, |c, _| ask(c, Kind::R, Answer::AuthWanted));
        assert_eq!(many.stop(), Some(Stop::AuthWanted));
        let mixed = (0..40).fold(ask(start, Kind::C, Answer::Accepted), |c, _| {
            ask(c, Kind::R, Answer::AuthWanted)
        });
        assert_eq!(mixed.stop(), None);
    }
}
