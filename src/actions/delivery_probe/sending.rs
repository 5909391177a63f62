//! Handing the marked message in.

use std::net::SocketAddr;

use super::Memo;
use super::path::Path;
use crate::actions::hand_over::{HandedOver, hand_over};
use crate::actions::{ActionError, Context};
use crate::mail::marked::Marked;
use crate::probes::channel::read_roots;
use crate::probes::smtp::{Endpoint, Failure, Mechanism, Session};
use crate::site::Tls;

/// What became of one attempt.
pub(super) enum Sending {
    /// Taken, maybe taken, or put off: what to note for later.
    Taken(Memo),
    /// Refused for good, or no session came about.
    Refused { reply: String, transcript: String },
}

/// Why a transaction ended early.
enum Stop {
    /// By a reply.
    Reply(crate::probes::smtp::Reply),
    /// Without one.
    Failure(Failure),
    /// By our own rules.
    Rule(&'static str),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

/// One attempt to hand the message in.
pub(super) async fn send(
    context: &Context<'_>,
    path: &Path,
    marked: &Marked,
) -> Result<Sending, ActionError> {
    context.allow_host(&path.host)?;
    let mut smtp = context.probes.smtp.clone();
    if let Some(ca) = path.ca.as_deref() {
        smtp = read_roots(ca)
            .and_then(|roots| smtp.trusting(roots))
            .map_err(|error| {
                ActionError::because(
                    "cannot trust the smarthost's authority (smarthost.ca)",
                    error,
                )
                .nothing_sent()
            })?;
    }
    let address = match path.address.or_else(|| path.host.parse().ok()) {
        Some(address) => address,
        None => {
            let v4 = context.probes.dns.a(&path.host).await;
            let v6 = context.probes.dns.aaaa(&path.host).await;
            let all = [v4.addresses(), v6.addresses()].concat();
            *all.first().ok_or_else(|| {
                ActionError::new(format!(
                    "the address of {} cannot be found: check the name, or give its 'address' in the site file",
                    path.host
                ))
                .nothing_sent()
            })?
        }
    };
    let endpoint = Endpoint::new(path.host.clone(), SocketAddr::new(address, path.port))
        .with_implicit_tls(path.is_implicit());
    let mut session = smtp.session(endpoint);
    let ready = prepare(context, path, marked, &mut session).await;
    let (accepted_at, certain, reply) = match ready {
        Ok(()) => match hand_over(&mut session, &marked.bytes(context.now())).await {
            HandedOver::Taken(reply) => (Some(context.now()), true, reply.to_string()),
            HandedOver::Unknown(failure) => (Some(context.now()), false, failure.to_string()),
            HandedOver::Refused(reply) if reply.is_temporary() => (None, true, reply.to_string()),
            HandedOver::Refused(reply) => return Ok(refused(session, reply.to_string()).await),
            HandedOver::NotSent(failure) => return Ok(refused(session, failure.to_string()).await),
        },
        // Greylisting and other "not now": the same message again, later.
        Err(Stop::Reply(reply)) if reply.is_temporary() && reply.code != 454 => {
            (None, true, reply.to_string())
        }
        Err(Stop::Reply(reply)) => return Ok(refused(session, reply.to_string()).await),
        Err(Stop::Failure(failure)) => return Ok(refused(session, failure.to_string()).await),
        Err(Stop::Rule(why)) => return Ok(refused(session, why.to_owned()).await),
    };
    session.quit().await;
    Ok(Sending::Taken(Memo {
        accepted_at,
        certain,
        reply,
        transcript: session.into_transcript().to_string(),
        trouble: None,
    }))
}

async fn refused(mut session: Session, reply: String) -> Sending {
    session.quit().await;
    Sending::Refused {
        reply,
        transcript: session.into_transcript().to_string(),
    }
}

/// Everything up to the accepted recipient.
async fn prepare(
    context: &Context<'_>,
    path: &Path,
    marked: &Marked,
    session: &mut Session,
) -> Result<(), Stop> {
    positive(session.open().await?)?;
    let name = match (&context.site.outbound.helo, session.local()) {
        (Some(helo), _) => helo.clone(),
        (None, Some(SocketAddr::V6(local))) => format!("[IPv6:{}]", local.ip()),
        (None, Some(local)) => format!("[{}]", local.ip()),
        (None, None) => "[127.0.0.1]".to_owned(),
    };
    positive(session.ehlo(&name).await?)?;
    if session.tls().is_none() && path.tls != Tls::None {
        if session.capabilities().has("STARTTLS") {
            positive(session.starttls().await?)?;
            positive(session.ehlo(&name).await?)?;
        } else if path.needs_tls() {
            return Err(Stop::Rule(
                "the server offers no STARTTLS, and the site wants it",
            ));
        }
    }
    if let Some((username, place)) = &path.account {
        let Some(mechanism) = Mechanism::choose(&session.capabilities().auth()) else {
            return Err(Stop::Rule("the server offers no login with a password"));
        };
        let Ok(password) = context.secret(place) else {
            return Err(Stop::Rule(
                "the password cannot be read: see smarthost.password in the site file",
            ));
        };
        let in_clear_by_order = path.tls == Tls::None;
        let reply = session
            .auth(mechanism, username, &password, in_clear_by_order)
            .await?;
        positive(reply)?;
    }
    positive(session.mail(&marked.from, "").await?)?;
    positive(session.rcpt(&marked.to).await?)
}

fn positive(reply: crate::probes::smtp::Reply) -> Result<(), Stop> {
    if reply.is_positive() {
        Ok(())
    } else {
        Err(Stop::Reply(reply))
    }
}
