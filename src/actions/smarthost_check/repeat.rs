//! When a login must not be tried again: a password that was refused is refused the next time too, and accounts lock.
//!
//! A `wait` that repeats this check would log in once a round. So what was refused in this run stays refused until a person
//! has answered a step since: done a task, or agreed to a question.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::actions::Context;

/// How the login ended that was tried last; an output of the check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Login {
    pub(super) host: String,
    pub(super) account: String,
    pub(super) accepted: bool,
    /// When the server answered.
    pub(super) at: Timestamp,
    /// In its words.
    pub(super) reply: String,
}

/// The login of this account that was refused in this run, if no person has answered a step since.
pub(super) fn refused_before(context: &Context<'_>, host: &str, account: &str) -> Option<Login> {
    let steps = context.facts.ended_steps();
    let ended = steps
        .iter()
        // Whoever runs it again from an earlier step has decided so.
        .filter(|step| step.inherited.is_none() && step.judging_action() == "smarthost.check")
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
        .filter_map(read)
        .filter(|login| login.host == host && login.account == account)
        .max_by_key(|login| login.at)
        .filter(|login| !login.accepted)?;
    let answered = steps
        .iter()
        .filter_map(|step| step.given.as_ref())
        .any(|given| given.at > newest.at);
    (!answered).then_some(newest)
}

fn read(output: &Value) -> Option<Login> {
    Login::deserialize(output).ok()
}
