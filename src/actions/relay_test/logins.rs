//! Authenticated relay: does the server take a login that nobody has?
//!
//! One invented name with an invented password (G2), and one with an empty password (G3), each once: lock-outs and detectors of
//! guessing count them. No name that may exist is ever tried. Where such a login is taken, the plain relay attempt follows in
//! the same session, as far as RCPT. Later tests of the same run take over what an earlier one was answered.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::asking::{self, Door, Pace, Said};
use super::screening::{Channel, Screening};
use crate::actions::Context;
use crate::mail::relay::answer::Answer;
use crate::mail::relay::session::Limits;
use crate::mail::relay::variant::Greeting;
use crate::probes::smtp::Mechanism;

/// One attempt to log in, and what it allowed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Login {
    /// `G2`, `G3`.
    pub(super) id: String,
    /// The invented name.
    pub(super) username: String,
    /// None: no usable answer.
    pub(super) accepted: Option<bool>,
    /// A01 in that session: was the recipient outside accepted?
    pub(super) relays: Option<bool>,
    /// The dialogue.
    pub(super) replies: Vec<Said>,
    /// It was tried by an earlier test of this run, and not again.
    #[serde(default)]
    pub(super) earlier: bool,
}

impl Login {
    /// The dialogue as text, for evidence.
    pub(super) fn transcript(&self) -> String {
        let lines: String = self.replies.iter().map(Said::lines).collect();
        format!("{} AUTH as {}\n{lines}", self.id, self.username)
    }
}

/// Tries both where logins are offered: under TLS where there is TLS, else in clear, where an invented password gives nothing away.
pub(super) async fn try_invented(
    context: &Context<'_>,
    door: &Door<'_>,
    screening: &mut Screening,
    limits: &Limits,
) {
    let elsewhere = door.channel == Channel::Clear && screening.starttls_offered;
    let unwelcome = screening
        .stop
        .is_some_and(|stop| !stop.allows_other_channels());
    let Some(mechanism) = Mechanism::choose(&screening.mechanisms) else {
        return;
    };
    if elsewhere || unwelcome {
        return;
    }
    if let Some(before) = tried_before(context, screening) {
        screening.logins = before;
        return;
    }
    let word = |salt: &str| format!("{salt}{}", screening.nonce);
    let tries = [
        ("G2", word("u2"), word("p2")),
        ("G3", word("u3"), String::new()),
    ];
    for (id, username, password) in tries {
        let login = attempt(
            door,
            screening,
            limits,
            mechanism,
            (id, &username),
            &password,
        )
        .await;
        let accepted = login.accepted;
        screening.logins.push(login);
        // One proof is enough, and whoever does not answer is not asked again.
        if accepted != Some(false) {
            return;
        }
    }
}

/// What the last test of this run that tried them was answered here. None where one was taken: that is tried again, for it shows
/// whether the server was mended, and no detector has counted it as a failure.
fn tried_before(context: &Context<'_>, screening: &Screening) -> Option<Vec<Login>> {
    let address = screening.target.address;
    let channel = serde_json::to_value(screening.channel).ok()?;
    let here = |endpoint: &&Value| {
        endpoint["address"] == address.ip().to_string()
            && endpoint["port"] == address.port()
            && endpoint["tls"] == channel
    };
    let steps = context.facts.ended_steps();
    let tests = steps
        .iter()
        .rev()
        .filter(|step| step.inherited.is_none() && step.judging_action() == "relay.test");
    // A wait keeps the outputs of what it repeats one level down.
    let endpoints = tests.filter_map(|step| {
        let below = || step.outputs.get("result")?.get("endpoints");
        step.outputs.get("endpoints").or_else(below)?.as_array()
    });
    let mut logins = endpoints
        .flatten()
        .filter(here)
        .filter_map(|endpoint| Vec::<Login>::deserialize(&endpoint["logins"]).ok());
    let last = logins.find(|logins| !logins.is_empty())?;
    if last.iter().any(|login| login.accepted == Some(true)) {
        return None;
    }
    let earlier = |login| Login {
        earlier: true,
        ..login
    };
    Some(last.into_iter().map(earlier).collect())
}

async fn attempt(
    door: &Door<'_>,
    screening: &mut Screening,
    limits: &Limits,
    mechanism: Mechanism,
    (id, username): (&str, &str),
    password: &str,
) -> Login {
    let mut login = Login {
        id: id.to_owned(),
        username: username.to_owned(),
        accepted: None,
        relays: None,
        replies: Vec::new(),
        earlier: false,
    };
    let plain = screening
        .asked
        .iter()
        .find(|asked| asked.probe.variant == "A01")
        .map(|asked| asked.probe.clone());
    let helo = plain.as_ref().map(|probe| probe.helo.clone());
    let mut session = door.session();
    let opened = door
        .open(&mut session, Greeting::Ehlo, helo.as_deref())
        .await;
    if opened.is_ok() {
        let command = format!("AUTH {}", mechanism.name());
        let reply = session
            .auth(mechanism, username, &password.into(), true)
            .await;
        login.accepted = reply.as_ref().ok().and_then(|reply| match reply.code {
            200..300 => Some(true),
            500..600 => Some(false),
            _ => None,
        });
        login.replies.push(match &reply {
            Ok(reply) => Said::reply(&command, reply),
            Err(failure) => Said::nothing(&command, failure),
        });
    }
    if let (Some(true), Some(probe)) = (login.accepted, &plain) {
        let asked = asking::ask(&mut session, probe, &mut Pace::new(limits.pause)).await;
        login.relays = match asked.answer {
            Answer::Accepted => Some(true),
            answer if answer.is_refusal() => Some(false),
            _ => None,
        };
        login.replies.extend(asked.said);
        if session.is_open() {
            // Nothing is sent; the goodbye ends the transaction all the same.
            let _ = session.rset().await;
        }
    }
    session.quit().await;
    screening
        .transcript
        .push_str(&session.into_transcript().to_string());
    login
}
