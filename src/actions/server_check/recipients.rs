//! The recipients that every domain owes (RFC 5321 4.5.1, RFC 2142), and on a backup exchanger the ones that nobody has.
//!
//! RCPT only: each transaction ends with RSET, no message is ever sent.

use super::conversation::lost;
use super::inspection::{Fault, Inspection, Role, the_session};
use super::remedy;
use crate::actions::Context;
use crate::mail::marked::mark;
use crate::mail::relay::answer::{self, Answer};
use crate::mail::relay::probe;
use crate::mail::relay::session::Limits;
use crate::mail::reply::{Class, Stage};
use crate::probes::smtp::{Failure, Reply, Session};
use crate::record::{Severity, Verdict};

/// Domains asked about in one session: three recipients each keeps below what servers count as abuse.
const DOMAINS: usize = 2;

const TURNED_AWAY: &str = "the server turns this machine away, so its answer says nothing about others: run this from another address";

/// A mailbox that nobody has; the same at every try of the step, so that greylisting sees it again.
pub(super) fn invented(context: &Context<'_>, domain: &str) -> String {
    let name = mark(context.step.idempotency_key, 8);
    format!("{name}@{domain}")
}

/// Asks about postmaster, abuse and an invented mailbox in the first domains; [`more`] are for further sessions.
pub(super) async fn ask(context: &Context<'_>, seen: &mut Inspection, session: &mut Session) {
    if !seen.role.takes_from_strangers() {
        let detail = "strangers bring no mail to this port";
        return seen.add("postmaster", Verdict::NotApplicable, detail);
    }
    let Some(domains) = context.site.domains.chunks(DOMAINS).next() else {
        let detail = "the site file names no domain";
        return seen.add("postmaster", Verdict::NotApplicable, detail);
    };
    ask_in(context, seen, session, domains).await;
    if seen.role == Role::BackupMx
        && let Err(failure) = relaying(context, seen, session).await
    {
        lost(seen, "relay", &failure);
    }
}

/// The domains that want a session of their own, a few at a time.
pub(super) fn more<'a>(context: &'a Context<'_>, seen: &Inspection) -> Vec<&'a [String]> {
    if !seen.role.takes_from_strangers() || seen.stage("postmaster").is_none() {
        return Vec::new();
    }
    context.site.domains.chunks(DOMAINS).skip(1).collect()
}

/// Asks about the recipients of these domains.
pub(super) async fn ask_in(
    context: &Context<'_>,
    seen: &mut Inspection,
    session: &mut Session,
    domains: &[String],
) {
    for domain in domains {
        if let Err(failure) = in_domain(context, seen, session, domain).await {
            lost(seen, "postmaster", &failure);
            return;
        }
    }
}

async fn in_domain(
    context: &Context<'_>,
    seen: &mut Inspection,
    session: &mut Session,
    domain: &str,
) -> Result<(), Failure> {
    let sender = sender(context);
    let mail = session.mail(sender, "").await?;
    if !mail.is_positive() {
        let (outcome, detail) = if matches!(mail.code, 530 | 538 | 523) {
            (Verdict::NotApplicable, "this port wants a login first")
        } else {
            (Verdict::Unknown, "the sender of the test was not taken")
        };
        seen.add_reply("postmaster", outcome, detail, (&mail, Stage::Mail));
        return Ok(());
    }
    let control = rcpt(context, session, &invented(context, domain)).await?;
    let mut taken = control.is_positive().then(|| control.clone());
    for (id, name, code, severity) in [
        (
            "postmaster",
            "postmaster",
            "postmaster-missing",
            Severity::Minor,
        ),
        (
            "abuse",
            "abuse",
            "postmaster-abuse-missing",
            Severity::Minor,
        ),
    ] {
        let address = format!("{name}@{domain}");
        let reply = rcpt(context, session, &address).await?;
        judge(seen, id, &address, (code, severity), &reply, &control);
        taken = taken.or_else(|| reply.is_positive().then_some(reply));
    }
    session.rset().await?;
    if seen.role == Role::Alternate {
        alternate(seen, taken.as_ref(), &control);
    }
    unknown_recipient(seen, domain, &control);
    Ok(())
}

fn judge(
    seen: &mut Inspection,
    id: &'static str,
    address: &str,
    (code, severity): (&'static str, Severity),
    reply: &Reply,
    control: &Reply,
) {
    let said = (reply, Stage::Rcpt);
    if reply.is_positive() {
        let (outcome, detail) = if control.is_positive() {
            (
                Verdict::Unknown,
                format!(
                    "{address} is taken, but so is a mailbox that nobody has: that proves nothing"
                ),
            )
        } else {
            (Verdict::Good, format!("{address} is taken"))
        };
        return seen.add_reply(id, outcome, detail, said);
    }
    let class = seen.classify(reply, Stage::Rcpt).class;
    if reply.is_permanent() && class == Class::RcptUnknown && !turns_us_away(seen, reply) {
        let fault = Fault {
            code,
            severity,
            what: format!("it refuses mail to {address}"),
            remedy: remedy::POSTMASTER.to_owned(),
        };
        return seen.fault(id, fault, the_session(), Some(said));
    }
    let detail = if reply.is_temporary() {
        format!("{address} is put off: ask again later")
    } else {
        format!("{address} is refused for another reason than the mailbox ({class})")
    };
    seen.add_reply(id, Verdict::Unknown, detail, said);
}

/// `alternate`: a port beside the usual one that takes any recipient without a login is a way past the filter of port 25.
fn alternate(seen: &mut Inspection, taken: Option<&Reply>, control: &Reply) {
    if seen.stage("alternate").is_some() {
        return;
    }
    let Some(reply) = taken else {
        let (outcome, detail) = if control.is_temporary() {
            (Verdict::Unknown, "strangers are put off at this port")
        } else if turns_us_away(seen, control) {
            (Verdict::Unknown, TURNED_AWAY)
        } else {
            (Verdict::Good, "strangers can bring no mail to this port")
        };
        return seen.add_reply("alternate", outcome, detail, (control, Stage::Rcpt));
    };
    let fault = Fault {
        code: "server-alternate-port",
        severity: Severity::Minor,
        what: "this port takes mail from strangers beside port 25".to_owned(),
        remedy: remedy::ALTERNATE.to_owned(),
    };
    let said = (reply, Stage::Rcpt);
    seen.fault("alternate", fault, the_session(), Some(said));
}

/// `unknown_recipient`: on the site's own servers it is relay.test that judges this; on a backup exchanger it is judged here.
fn unknown_recipient(seen: &mut Inspection, domain: &str, reply: &Reply) {
    let said = (reply, Stage::Rcpt);
    match (seen.role, reply.is_positive()) {
        (Role::BackupMx, true) => {
            let fault = Fault {
                code: "accepts-unknown-recipients",
                severity: Severity::Major,
                what: format!(
                    "as backup for {domain} it takes mail for mailboxes that do not exist, and bounces it later to forged senders"
                ),
                remedy: remedy::BACKUP_UNKNOWN.to_owned(),
            };
            seen.fault("unknown_recipient", fault, the_session(), Some(said));
        }
        (_, true) => {
            let detail = "an invented mailbox is taken: relay.test judges what that means";
            seen.add_reply("unknown_recipient", Verdict::NotApplicable, detail, said);
        }
        (_, false) if reply.is_temporary() => {
            seen.add_reply("unknown_recipient", Verdict::Unknown, "put off", said);
        }
        (_, false) if turns_us_away(seen, reply) => {
            seen.add_reply("unknown_recipient", Verdict::Unknown, TURNED_AWAY, said);
        }
        (_, false) => {
            seen.add_reply(
                "unknown_recipient",
                Verdict::Good,
                "an invented mailbox is refused",
                said,
            );
        }
    }
}

/// The reply is about the machine that asks, not about the recipient: whoever else asks may hear another one.
fn turns_us_away(seen: &Inspection, reply: &Reply) -> bool {
    let class = seen.classify(reply, Stage::Rcpt).class;
    let said = answer::Reply {
        code: reply.code,
        text: reply.lines.join("\n"),
    };
    matches!(
        class,
        Class::BlockIp | Class::Reputation | Class::Rate | Class::Ptr
    ) || answer::read(probe::Stage::Rcpt, Some(&said)) == Answer::Blocked
}

/// `relay` at a backup exchanger: one recipient outside, and the control that shows what a yes is worth.
async fn relaying(
    context: &Context<'_>,
    seen: &mut Inspection,
    session: &mut Session,
) -> Result<(), Failure> {
    let probe = context.site.probe.clone().unwrap_or_default();
    let (Some(from), Some(to)) = (probe.sender, probe.recipient) else {
        seen.add(
            "relay",
            Verdict::NotApplicable,
            "no probe.sender and probe.recipient in the site file to ask with",
        );
        return Ok(());
    };
    let mail = session.mail(&from, "").await?;
    if !mail.is_positive() {
        seen.add_reply(
            "relay",
            Verdict::Unknown,
            "the sender of the test was not taken",
            (&mail, Stage::Mail),
        );
        return Ok(());
    }
    let control = rcpt(context, session, &invented(context, "mailmedic.invalid")).await?;
    let reply = rcpt(context, session, &to).await?;
    session.rset().await?;
    let said = (&reply, Stage::Rcpt);
    if reply.is_positive() && !control.is_positive() {
        let fault = Fault {
            code: "relay-suspected",
            severity: Severity::Critical,
            what: format!(
                "it takes a recipient outside ({to}) from a stranger; no message was sent, so it is not proved"
            ),
            remedy: remedy::backup_relay(&seen.host),
        };
        seen.fault("relay", fault, the_session(), Some(said));
    } else if reply.is_positive() {
        let detail = "it says yes to everything, even to a domain that cannot exist: only relay.test can tell more";
        seen.add_reply("relay", Verdict::Unknown, detail, said);
    } else if turns_us_away(seen, &reply) {
        seen.add_reply("relay", Verdict::Unknown, TURNED_AWAY, said);
    } else if reply.is_permanent() || seen.classify(&reply, Stage::Rcpt).class == Class::Relay {
        seen.add_reply(
            "relay",
            Verdict::Good,
            "a recipient outside is refused",
            said,
        );
    } else {
        seen.add_reply("relay", Verdict::Unknown, "put off", said);
    }
    Ok(())
}

async fn rcpt(
    context: &Context<'_>,
    session: &mut Session,
    address: &str,
) -> Result<Reply, Failure> {
    let limits = if context.site.laboratory {
        Limits::LABORATORY
    } else {
        Limits::POLITE
    };
    tokio::time::sleep(limits.pause).await;
    session.rcpt(address).await
}

/// The technician's own address, else the null sender, which every server must take (RFC 5321 4.5.5).
fn sender<'a>(context: &'a Context<'_>) -> &'a str {
    let probe = context.site.probe.as_ref();
    probe
        .and_then(|probe| probe.sender.as_deref())
        .unwrap_or_default()
}
