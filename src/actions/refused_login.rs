//! When a login must not be tried again: a password that was refused is refused the next time too, and accounts lock.
//!
//! A `wait` that repeats a check would log in once a round, and `smarthost.check` and `delivery.probe` of one run log in as the
//! same account. So what was refused in this run stays refused until a person has answered a step since: done a task, or agreed
//! to a question. A session that was lost in the middle of a login counts too: the server may have counted it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Context;
use crate::probes::smtp::{Failure, Reply};

/// The actions that log in: at the smarthost, or at the site's own servers.
const LOGS_IN: [&str; 3] = ["smarthost.check", "delivery.probe", "relay.test"];

/// How the login ended that was tried last; an output of the actions that log in (of `relay.test` a list, one a server).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Login {
    pub(super) host: String,
    pub(super) account: String,
    pub(super) accepted: bool,
    /// When the server answered.
    pub(super) at: Timestamp,
    /// In its words.
    pub(super) reply: String,
    /// The session was lost before the server answered: nobody knows what it thinks of the password.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) lost: bool,
}

impl Login {
    /// What a login was answered. None when it says nothing about the account: "not now" (432 apart, which wants the password
    /// changed), or when no password left this machine.
    pub(super) fn of(
        host: &str,
        account: &str,
        answer: &Result<Reply, Failure>,
        at: Timestamp,
    ) -> Option<Self> {
        let login = |accepted, reply: String, lost| Login {
            host: host.to_ascii_lowercase(),
            account: account.to_owned(),
            accepted,
            at,
            reply,
            lost,
        };
        match answer {
            Ok(reply) if reply.is_temporary() && reply.code != 432 => None,
            Ok(reply) => Some(login(reply.code == 235, reply.to_string(), false)),
            Err(Failure::Unprotected | Failure::LineBreak | Failure::NotOpen) => None,
            Err(failure) => Some(login(false, failure.to_string(), true)),
        }
    }

    /// Why it is not tried again, in a sentence.
    pub(super) fn again(&self) -> String {
        let Login {
            account, at, reply, ..
        } = self;
        let ended = if self.lost {
            format!(
                "the session was lost during the login of {account} at {at} ({reply}), which may count as a failed one"
            )
        } else {
            format!("the login of {account} was refused at {at} ({reply})")
        };
        format!("{ended}; not tried again in this run until a person has answered a step")
    }
}

/// The login of this account that was refused in this run, if no person has answered a step since.
pub(super) fn refused_before(context: &Context<'_>, host: &str, account: &str) -> Option<Login> {
    let steps = context.facts.ended_steps();
    let ended = steps
        .iter()
        // Whoever runs it again from an earlier step has decided so.
        .filter(|step| step.inherited.is_none() && LOGS_IN.contains(&step.judging_action()))
        // A wait keeps the outputs of what it repeats one level down.
        .flat_map(|step| {
            let below = step
                .outputs
                .get("result")
                .and_then(|result| result.get("login"));
            step.outputs.get("login").into_iter().chain(below)
        });
    let waiting = context.step.wait.map(|wait| &wait.memo["result"]["login"]);
    let newest = ended
        .chain(waiting)
        .flat_map(read)
        .filter(|login| login.host == host && login.account == account)
        .max_by_key(|login| login.at)
        .filter(|login| !login.accepted)?;
    let answered = steps
        .iter()
        .filter_map(|step| step.given.as_ref())
        .any(|given| given.at > newest.at);
    (!answered).then_some(newest)
}

/// One login, or those at several servers.
fn read(output: &Value) -> Vec<Login> {
    match output {
        Value::Array(all) => all.iter().flat_map(read).collect(),
        one => Login::deserialize(one).into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_answer_says_about_the_account() {
        let at = Timestamp::UNIX_EPOCH;
        let reply = |code| {
            Ok(Reply {
                code,
                lines: vec!["words".to_owned()],
                ms: 0,
                oddities: Vec::new(),
            })
        };
        for (answer, accepted_and_lost) in [
            (reply(235), Some((true, false))),
            (reply(535), Some((false, false))),
            (reply(534), Some((false, false))),
            (reply(432), Some((false, false))),
            (reply(454), None),
            (reply(421), None),
            (Err(Failure::Closed), Some((false, true))),
            (Err(Failure::Reset), Some((false, true))),
            (Err(Failure::Unprotected), None),
        ] {
            let login = Login::of("Smtp.Example", "office", &answer, at);
            let told = login.map(|login| {
                assert_eq!(login.host, "smtp.example");
                (login.accepted, login.lost)
            });
            assert_eq!(told, accepted_and_lost, "{answer:?}");
        }
    }
}
