//! One connection and one probe: lines out, replies in, the answer read.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep_until};

use super::screening::Channel;
use super::trial::Trial;
use crate::actions::target::Target;
use crate::mail::relay::answer::{self, Answer, Reply};
use crate::mail::relay::ladder::{Observed, Proof};
use crate::mail::relay::probe::{Probe, Stage};
use crate::mail::relay::session::Limits;
use crate::mail::relay::variant::Greeting;
use crate::mail::reply::{self, Class};
use crate::probes::smtp::{self, Failure, Session, Smtp};

/// One command and its reply.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Said {
    command: String,
    /// Absent when there was no reply; `text` then says why.
    code: Option<u16>,
    text: String,
    ms: u64,
}

/// One probe and what came back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Asked {
    pub(super) probe: Probe,
    pub(super) said: Vec<Said>,
    pub(super) answer: Answer,
    /// The message that was sent, or is to be sent, for it.
    #[serde(default)]
    pub(super) trial: Option<Trial>,
}

impl Said {
    /// A command and the reply to it.
    pub(super) fn reply(command: &str, reply: &smtp::Reply) -> Self {
        Self {
            command: command.to_owned(),
            code: Some(reply.code),
            text: reply.lines.join("\n"),
            ms: reply.ms,
        }
    }

    /// A command that got no reply.
    pub(super) fn nothing(command: &str, failure: &Failure) -> Self {
        Self {
            command: command.to_owned(),
            code: None,
            text: failure.to_string(),
            ms: 0,
        }
    }

    /// The reply in one line.
    pub(super) fn words(&self) -> String {
        let code = self.code.map(|code| format!("{code} ")).unwrap_or_default();
        format!("{code}{}", self.text.replace('\n', " "))
    }

    /// The reply to RCPT is about how many, not about whom.
    pub(super) fn asks_for_less(&self) -> bool {
        let context = reply::Context {
            stage: Some(reply::Stage::Rcpt),
            ..reply::Context::default()
        };
        let classified = reply::classify(&reply::Reply::parse(&self.words()), &context);
        self.code.is_some() && classified.class == Class::Rate
    }

    pub(super) fn lines(&self) -> String {
        let code = self
            .code
            .map_or_else(|| "--".to_owned(), |code| code.to_string());
        format!(
            "  C: {}\n  S: {code} {}\n",
            self.command,
            self.text.replace('\n', " ")
        )
    }
}

impl Asked {
    /// A probe that was not sent any more.
    pub(super) fn unsent(probe: Probe) -> Self {
        Self {
            probe,
            said: Vec::new(),
            answer: Answer::NoAnswer,
            trial: None,
        }
    }

    /// A probe whose greeting was refused: the answer of that reply.
    pub(super) fn refused_greeting(probe: Probe, reply: &Reply) -> Self {
        let command = format!("{} {}", probe.greeting.verb(), probe.helo);
        let said = vec![Said {
            command,
            code: Some(reply.code),
            text: reply.text.clone(),
            ms: 0,
        }];
        Self {
            probe,
            said,
            answer: answer::read(Stage::Mail, Some(reply)),
            trial: None,
        }
    }

    pub(super) fn accepted(&self) -> bool {
        self.answer == Answer::Accepted
    }

    /// The form in which the ladder judges it.
    pub(super) fn observed(&self) -> Observed {
        Observed {
            variant: self.probe.variant,
            kind: self.probe.kind,
            worth: self.probe.worth.clone(),
            answer: self.answer,
            proof: self.trial.as_ref().map_or(Proof::NotTried, Trial::proof),
        }
    }

    /// Commands and replies as text, for evidence.
    pub(super) fn transcript(&self) -> String {
        let mut text = format!(
            "{} {} {}\n",
            self.probe.variant,
            self.probe.greeting.verb(),
            self.probe.helo
        );
        text.extend(self.said.iter().map(Said::lines));
        if let Some(trial) = &self.trial {
            text.push_str(&format!("  message {}:\n", trial.mark));
            text.extend(trial.said.iter().map(Said::lines));
        }
        text
    }
}

/// The least time between two recipients, over all connections of the test.
#[derive(Debug)]
pub(super) struct Pace {
    pause: Duration,
    last: Option<Instant>,
}

impl Pace {
    pub(super) fn new(pause: Duration) -> Self {
        Self { pause, last: None }
    }

    /// Waits until the next recipient may be named.
    pub(super) async fn wait(&mut self) {
        if let Some(last) = self.last {
            sleep_until(last + self.pause).await;
        }
        self.last = Some(Instant::now());
    }
}

/// One call of the step: how hard it may ask, and until when. Nothing new is begun after that.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    pub(super) limits: Limits,
    until: Instant,
}

impl Call {
    /// Begins now.
    pub(super) fn begin(limits: Limits) -> Self {
        Self {
            limits,
            until: Instant::now() + limits.a_call,
        }
    }

    /// There is this much time.
    pub(super) fn has(&self, time: Duration) -> bool {
        Instant::now() + time <= self.until
    }

    /// The time is over.
    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }
}

/// Why a connection did not come about.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Trouble {
    /// The port is closed.
    NothingListens,
    /// No connection, or no reply.
    NoAnswer(String),
    /// The greeting was no 220.
    Greeting(Reply),
    /// TLS could not be set up.
    Tls(String),
    /// EHLO or HELO was refused.
    Helo(Reply),
}

impl Trouble {
    /// In words.
    pub(super) fn explain(&self) -> String {
        match self {
            Self::NothingListens => "nothing listens there (connection refused)".to_owned(),
            Self::NoAnswer(why) => format!("the server could not be talked to: {why}"),
            Self::Greeting(reply) => {
                format!(
                    "the server turns this tester away at its greeting: {} {}",
                    reply.code, reply.text
                )
            }
            Self::Tls(why) => {
                format!("TLS could not be set up, so what it would allow is not known: {why}")
            }
            Self::Helo(reply) => format!(
                "the server refuses the name in HELO: {} {}",
                reply.code, reply.text
            ),
        }
    }

    /// The reply, where the server gave one.
    pub(super) fn reply(&self) -> Option<&Reply> {
        match self {
            Self::Greeting(reply) | Self::Helo(reply) => Some(reply),
            _ => None,
        }
    }
}

/// The door to one endpoint.
#[derive(Debug)]
pub(super) struct Door<'a> {
    pub(super) smtp: &'a Smtp,
    pub(super) target: &'a Target,
    pub(super) channel: Channel,
}

/// What the server said before any probe.
#[derive(Debug)]
pub(super) struct Greeted {
    /// First line of the banner.
    pub(super) banner: String,
    /// The name said in EHLO or HELO.
    pub(super) said: String,
    /// The reply to it.
    pub(super) hello: String,
    /// STARTTLS was offered in clear.
    pub(super) starttls: bool,
}

impl Door<'_> {
    /// A session that is not connected yet.
    pub(super) fn session(&self) -> Session {
        self.smtp.session(
            self.target
                .endpoint()
                .with_implicit_tls(self.channel == Channel::Implicit),
        )
    }

    /// Connects, sets up TLS where the channel wants it, and greets. Without a `name` the tester says
    /// its own address.
    pub(super) async fn open(
        &self,
        session: &mut Session,
        greeting: Greeting,
        name: Option<&str>,
    ) -> Result<Greeted, Trouble> {
        let banner = reply(session.open().await.map_err(trouble)?);
        if banner.code != 220 {
            return Err(Trouble::Greeting(banner));
        }
        let name = match (name, session.local()) {
            (Some(name), _) => name.to_owned(),
            (None, local) => address_literal(local),
        };
        let mut starttls = false;
        if self.channel == Channel::Starttls {
            let hello = reply(session.ehlo(&name).await.map_err(trouble)?);
            if !is_positive(&hello) {
                return Err(Trouble::Helo(hello));
            }
            let go_ahead = reply(session.starttls().await.map_err(trouble)?);
            if !is_positive(&go_ahead) {
                return Err(Trouble::Tls(format!("{} {}", go_ahead.code, go_ahead.text)));
            }
        }
        let hello = match greeting {
            Greeting::Ehlo => session.ehlo(&name).await,
            Greeting::Helo => session.helo(&name).await,
        };
        let hello = reply(hello.map_err(trouble)?);
        if !is_positive(&hello) {
            return Err(Trouble::Helo(hello));
        }
        starttls |= session.capabilities().has("STARTTLS");
        let banner = banner.text.lines().next().unwrap_or_default().to_owned();
        Ok(Greeted {
            banner,
            said: name,
            hello: hello.text,
            starttls,
        })
    }
}

/// Sends one probe. The session is closed when the server ended it.
pub(super) async fn ask(session: &mut Session, probe: &Probe, pace: &mut Pace) -> Asked {
    let mut asked = Asked::unsent(probe.clone());
    for line in &probe.lines {
        if line.stage == Stage::Rcpt {
            pace.wait().await;
        }
        asked.answer = match session.command(&line.text).await {
            Ok(got) => {
                asked.said.push(Said::reply(&line.text, &got));
                let got = reply(got);
                if got.code == 421 {
                    session.close();
                }
                answer::read(line.stage, Some(&got))
            }
            Err(failure) => {
                asked.said.push(Said::nothing(&line.text, &failure));
                Answer::NoAnswer
            }
        };
        let no_transaction = line.stage == Stage::Mail && asked.answer != Answer::Accepted;
        if no_transaction || !session.is_open() {
            break;
        }
    }
    asked
}

fn reply(reply: smtp::Reply) -> Reply {
    Reply {
        code: reply.code,
        text: reply.lines.join("\n"),
    }
}

fn is_positive(reply: &Reply) -> bool {
    (200..300).contains(&reply.code)
}

fn trouble(failure: Failure) -> Trouble {
    match failure {
        Failure::Refused => Trouble::NothingListens,
        Failure::Handshake(why) => Trouble::Tls(why),
        Failure::Injected(_) => Trouble::Tls(failure.to_string()),
        other => Trouble::NoAnswer(other.to_string()),
    }
}

fn address_literal(local: Option<SocketAddr>) -> String {
    match local {
        Some(SocketAddr::V4(v4)) => format!("[{}]", v4.ip()),
        Some(SocketAddr::V6(v6)) => format!("[IPv6:{}]", v6.ip()),
        None => "[127.0.0.1]".to_owned(),
    }
}
