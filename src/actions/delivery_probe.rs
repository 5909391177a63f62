//! `delivery.probe`: does mail that leaves by this path arrive?
//!
//! A marked message is handed to the site's server or its smarthost, and found again by IMAP in a mailbox outside. Accepted is
//! not arrived: only the mailbox counts. Nothing is sent before a person has agreed to it in the run. The step never sleeps: between two looks it waits, and the process may end. The
//! Message-ID comes from the step's idempotency key, and the mailbox is looked into before anything is sent, so a step that is
//! run again after an interruption finds what the first try has sent.

mod path;
mod sending;
#[cfg(test)]
mod tests;
mod tried;
mod verdict;

use std::time::Duration;

use self::path::Path;
use self::sending::Sending;
use self::tried::Memo;
use super::controlled_mailbox::{ControlledMailbox, Seen};
use super::hand_over::operator;
use super::{
    Action, ActionError, Argument, Context, Effect, Kind, Look, Next, Output, Reconciled, Report,
    WaitFor, Work,
};
use crate::mail::marked::{Marked, mark};
use crate::record::{Verdict, WaitKind};

/// `delivery.probe`.
#[derive(Debug)]
pub(super) struct DeliveryProbe;

const ARGUMENTS: &[Argument] = &[
    Argument::optional(
        "via",
        Kind::Choice(&["site", "smarthost"]),
        "smarthost where the site has one, else site",
        "which path to test: the site's own server, or its smarthost",
    ),
    Argument::optional(
        "sender",
        Kind::Text,
        "the smarthost's first sender, else a server's valid mailbox",
        "envelope sender, an address of the site",
    ),
    Argument::optional(
        "recipient",
        Kind::Text,
        "probe.recipient of the site file",
        "where to send it: an address whose mailbox is probe.imap",
    ),
    Argument::optional(
        "from",
        Kind::Text,
        "the machine's choice",
        "address of this machine to connect from, where it has several: the one that the mail server uses",
    ),
    Argument::optional(
        "wait",
        Kind::Duration,
        "15m",
        "how long to look for it before it counts as lost",
    ),
    Argument::optional("every", Kind::Duration, "30s", "how often to look"),
];

const OUTPUTS: &[Output] = &[
    Output::new(
        "accepted",
        "true when the path took the message; null when the connection was lost after the final dot",
    ),
    Output::new("via", "the host that the message was handed to"),
    Output::new(
        "tried",
        "list of host, address, port, reply: every place of the path that was asked, in order; the last one decided",
    ),
    Output::new(
        "login",
        "how the login ended that was tried last: host, account, accepted, at, reply; null when none was tried",
    ),
    Output::new("arrived", "true when it was found in the mailbox"),
    Output::new("folder", "the folder it was found in; else null"),
    Output::new("seconds", "from acceptance to the mailbox; else null"),
    Output::new(
        "hops",
        "list of from, address, by, protocol, at, seconds: oldest first",
    ),
    Output::new(
        "authentication",
        "spf, dkim, dmarc as the receiver says; null each when it says nothing",
    ),
    Output::new("egress", "the address that the receiver saw; else null"),
    Output::new("message_id", "the message's own id, for logs and queues"),
    Output::new("reply", "the last reply of the path"),
    Output::new("reason", "how it ended, in a sentence"),
];

const WAIT: Duration = Duration::from_secs(15 * 60);
const EVERY: Duration = Duration::from_secs(30);

impl Action for DeliveryProbe {
    fn name(&self) -> &'static str {
        "delivery.probe"
    }

    fn summary(&self) -> &'static str {
        "send a marked message by the site's path, after an approval, and find it in a mailbox outside"
    }

    fn effect(&self) -> Effect {
        Effect::External
    }

    fn arguments(&self) -> &'static [Argument] {
        ARGUMENTS
    }

    fn outputs(&self) -> &'static [Output] {
        OUTPUTS
    }

    fn carry_out<'a>(&'a self, context: &'a Context<'a>) -> Work<'a> {
        Box::pin(carry_out(context))
    }

    fn reconcile<'a>(&'a self, context: &'a Context<'a>) -> Look<'a> {
        Box::pin(look_up(context))
    }
}

/// Was the message of an interrupted try sent? It was, if the mailbox holds it or a report about it. That the mailbox does not
/// hold it says nothing: it may be in a queue. A person finds it there by its Message-ID.
async fn look_up(context: &Context<'_>) -> Result<Reconciled, ActionError> {
    let Some(path) = Path::read(context)? else {
        return Ok(Reconciled::NotDone);
    };
    let mailbox = ControlledMailbox::of(context).await?;
    let marked = marked(context, &path);
    let found = mailbox.look(&marked.nonce).await.map_err(|failure| {
        ActionError::because(
            "cannot read the mailbox that the message would be in (probe.imap)",
            failure,
        )
    })?;
    Ok(match end(context, &path, &marked, &sent_before(), &found) {
        Some(report) => Reconciled::Done(Box::new(report)),
        None => Reconciled::CannotTell(format!(
            "the message {} is not in the mailbox: it was not sent, or it is on its way. Look for it in the log and the queue of {}",
            marked.message_id(),
            path.first_host()
        )),
    })
}

/// What is known of a try that an interruption has cut off, once its message was found.
fn sent_before() -> Memo {
    Memo {
        certain: true,
        reply: "sent by an earlier try of this step".to_owned(),
        ..Memo::default()
    }
}

async fn carry_out(context: &Context<'_>) -> Result<Next, ActionError> {
    let Some(path) = Path::read(context)? else {
        let reason = "the site file names no server and no smarthost: there is no path to test";
        return Ok(Report::new(Verdict::NotApplicable)
            .with("reason", reason)
            .into());
    };
    if context.facts.approval(context.step.key).is_none() {
        return Err(ActionError::new(
            "this sends a real message, and no person has approved that in this run: put a step with action 'approval' before \
             this one, and name it in 'needs' (of this step, or of one that it needs)",
        )
        .nothing_sent());
    }
    let mailbox = ControlledMailbox::of(context).await?;
    let marked = marked(context, &path);
    let memo = match context.step.wait {
        None => None,
        Some(wait) => Some(
            serde_json::from_value::<Memo>(wait.memo.clone()).map_err(|error| {
                ActionError::because("cannot read what this step noted before its wait", error)
            })?,
        ),
    };
    // Before anything is sent: can the mailbox be read, and is the message there already?
    let look = mailbox.look(&marked.nonce).await;
    let found: Vec<Seen> = match (look, &memo) {
        (Ok(seen), _) => seen,
        (Err(failure), None) => {
            return Err(ActionError::because(
                "cannot read the mailbox that the message would be looked for in (probe.imap)",
                failure,
            )
            .nothing_sent());
        }
        // A refused login is refused the next time too, and accounts lock.
        (Err(failure), Some(memo)) if failure.is_login() => {
            let trouble = format!(
                "{failure}; not tried again, so that the account does not lock. Put probe.imap right, and look for the message there"
            );
            let memo = Memo {
                trouble: Some(trouble),
                ..memo.clone()
            };
            return Ok(verdict::lost(context, &path, &marked, &memo).into());
        }
        (Err(failure), Some(memo)) => {
            let memo = Memo {
                trouble: Some(failure.to_string()),
                ..memo.clone()
            };
            return go_on(context, &path, &marked, memo, Vec::new());
        }
    };
    let memo = match memo {
        Some(memo) if memo.accepted_at.is_some() || !found.is_empty() => memo,
        None if !found.is_empty() => match end(context, &path, &marked, &sent_before(), &found) {
            Some(report) => return Ok(report.into()),
            // It was sent, and a server reports that it is late.
            None => Memo {
                accepted_at: Some(context.now()),
                ..sent_before()
            },
        },
        earlier => match sending::send(context, &path, &marked, earlier).await? {
            Sending::Taken(memo) => memo,
            Sending::NotSent(memo) => {
                return Ok(verdict::not_sent(&path, &marked, &memo).into());
            }
            Sending::Refused(memo) => {
                return Ok(verdict::refused(context, &path, &marked, &memo).into());
            }
        },
    };
    let memo = Memo {
        trouble: None,
        ..memo
    };
    go_on(context, &path, &marked, memo, found)
}

/// The end, if the mailbox holds it.
fn end(
    context: &Context<'_>,
    path: &Path,
    marked: &Marked,
    memo: &Memo,
    found: &[Seen],
) -> Option<Report> {
    if let Some(seen) = found.iter().find(|seen| seen.is_original(&marked.nonce)) {
        return Some(verdict::arrived(context, path, marked, memo, seen));
    }
    let bounce = found
        .iter()
        .find(|seen| seen.holds(&marked.nonce) && !seen.is_only_late())?;
    Some(verdict::bounced(context, path, marked, memo, bounce))
}

/// The end, or the next wait.
fn go_on(
    context: &Context<'_>,
    path: &Path,
    marked: &Marked,
    memo: Memo,
    found: Vec<Seen>,
) -> Result<Next, ActionError> {
    if let Some(report) = end(context, path, marked, &memo, &found) {
        return Ok(report.into());
    }
    let now = context.now();
    let deadline = match context.step.wait.and_then(|wait| wait.deadline) {
        Some(deadline) => deadline,
        None => context.later(context.args.duration("wait")?.unwrap_or(WAIT))?,
    };
    if now >= deadline {
        return Ok(verdict::lost(context, path, marked, &memo).into());
    }
    let wake = context
        .later(context.args.duration("every")?.unwrap_or(EVERY))?
        .min(deadline);
    let reason = match (&memo.trouble, memo.accepted_at) {
        (Some(trouble), _) => {
            format!("the mailbox could not be read ({trouble}); next look at {wake}")
        }
        (None, None) => format!(
            "{} asks to try again later; next try at {wake}",
            verdict::place(path, &memo).0
        ),
        (None, Some(_)) => format!("the marked message is on its way; next look at {wake}"),
    };
    let memo = serde_json::to_value(&memo)
        .map_err(|error| ActionError::because("cannot note what was done", error))?;
    Ok(WaitFor {
        kind: WaitKind::Time,
        reason,
        wake: Some(wake),
        deadline: Some(deadline),
        memo,
        so_far: None,
    }
    .into())
}

fn marked(context: &Context<'_>, path: &Path) -> Marked {
    let domain = |address: &str| address.rsplit_once('@').map(|(_, d)| d.to_owned());
    Marked {
        origin: domain(&path.sender).unwrap_or_else(|| "localhost".to_owned()),
        nonce: mark(context.step.idempotency_key, 10),
        from: path.sender.clone(),
        to: path.recipient.clone(),
        about: format!("delivery test of {}", context.site.name),
        operator: operator(context.site),
    }
}
