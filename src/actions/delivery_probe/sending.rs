//! Handing the marked message in: one place of the path after the other, until one has taken it, has put it off, or has
//! answered a login.

use std::net::{IpAddr, SocketAddr};

use super::path::{Path, Place};
use super::tried::Memo;
use crate::actions::hand_over::{HandedOver, hand_over};
use crate::actions::refused_login::{Login, refused_before};
use crate::actions::{ActionError, Context};
use crate::mail::marked::Marked;
use crate::probes::Smtp;
use crate::probes::channel::read_roots;
use crate::probes::smtp::{Endpoint, Failure, Mechanism, Reply, Session};
use crate::site::Tls;

/// What became of the message at the whole path.
pub(super) enum Sending {
    /// Taken, maybe taken, or put off: what to note for later.
    Taken(Memo),
    /// Refused for good everywhere, or no session came about.
    Refused(Memo),
}

/// What became of it at one place.
enum End {
    /// Taken; not certain when the connection was lost after the dot.
    Taken { certain: bool },
    /// Not now: greylisting, or too busy.
    PutOff,
    /// No; the next place may say otherwise.
    Refused,
    /// No, and a login was tried: another would be a second one.
    RefusedLogin,
}

/// How far a session has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Opening,
    Login,
    Transaction,
}

/// Why a transaction ended early.
enum Stop {
    /// By a reply.
    Reply(Reply),
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

/// Tries the places in order. Where none has an address, nothing was tried, and that is an error.
pub(super) async fn send(
    context: &Context<'_>,
    path: &Path,
    marked: &Marked,
) -> Result<Sending, ActionError> {
    let mut memo = Memo::default();
    let mut put_off = None;
    let mut asked = false;
    for place in &path.places {
        context.allow_host(&place.host)?;
        let smtp = client(context, place)?;
        if let Some(before) = not_again(context, place) {
            memo.note(place, None, before.again());
            memo.login = Some(before);
            return Ok(Sending::Refused(memo));
        }
        let addresses = addresses(context, place).await;
        if addresses.is_empty() {
            memo.note(place, None, "its address cannot be found".to_owned());
        }
        for address in addresses {
            asked = true;
            match attempt(context, marked, place, address, &smtp, &mut memo).await {
                End::Taken { certain } => {
                    memo.accepted_at = Some(context.now());
                    memo.certain = certain;
                    return Ok(Sending::Taken(memo));
                }
                End::RefusedLogin => return Ok(Sending::Refused(memo)),
                End::PutOff => {
                    put_off = put_off.or_else(|| memo.tried.last().cloned());
                    break;
                }
                End::Refused => {}
            }
        }
    }
    if !asked {
        let hosts: Vec<&str> = path
            .places
            .iter()
            .map(|place| place.host.as_str())
            .collect();
        return Err(ActionError::new(format!(
            "the address of {} cannot be found: check the name, or give its 'address' in the site file",
            hosts.join(", ")
        ))
        .nothing_sent());
    }
    Ok(match put_off {
        // The same message again, later. What asked for it is told last.
        Some(place) => {
            memo.reply.clone_from(&place.reply);
            memo.tried.retain(|tried| *tried != place);
            memo.tried.push(place);
            memo.certain = true;
            Sending::Taken(memo)
        }
        None => Sending::Refused(memo),
    })
}

/// A login that was refused in this run is not tried again before a person has answered a step.
fn not_again(context: &Context<'_>, place: &Place) -> Option<Login> {
    let (username, _) = place.account.as_ref()?;
    refused_before(context, &place.host.to_ascii_lowercase(), username)
}

fn client(context: &Context<'_>, place: &Place) -> Result<Smtp, ActionError> {
    let smtp = context.probes.smtp.clone();
    match place.ca.as_deref() {
        None => Ok(smtp),
        Some(ca) => read_roots(ca)
            .and_then(|roots| smtp.trusting(roots))
            .map_err(|error| {
                ActionError::because(
                    "cannot trust the smarthost's authority (smarthost.ca)",
                    error,
                )
                .nothing_sent()
            }),
    }
}

async fn addresses(context: &Context<'_>, place: &Place) -> Vec<IpAddr> {
    match place.address.or_else(|| place.host.parse().ok()) {
        Some(address) => vec![address],
        None => {
            let v4 = context.probes.dns.a(&place.host).await;
            let v6 = context.probes.dns.aaaa(&place.host).await;
            [v4.addresses(), v6.addresses()].concat()
        }
    }
}

/// One session at one address.
async fn attempt(
    context: &Context<'_>,
    marked: &Marked,
    place: &Place,
    address: IpAddr,
    smtp: &Smtp,
    memo: &mut Memo,
) -> End {
    let endpoint = Endpoint::new(place.host.clone(), SocketAddr::new(address, place.port))
        .with_implicit_tls(place.is_implicit());
    let mut session = smtp.session(endpoint);
    let mut phase = Phase::Opening;
    let ready = prepare(context, place, marked, &mut session, &mut phase, memo).await;
    let (end, reply) = match ready {
        Ok(()) => match hand_over(&mut session, &marked.bytes(context.now())).await {
            HandedOver::Taken(reply) => (End::Taken { certain: true }, reply.to_string()),
            HandedOver::Unknown(failure) => (End::Taken { certain: false }, failure.to_string()),
            HandedOver::Refused(reply) => (of_reply(&reply), reply.to_string()),
            HandedOver::NotSent(failure) => (End::Refused, failure.to_string()),
        },
        Err(Stop::Reply(reply)) => (of_reply(&reply), reply.to_string()),
        Err(Stop::Failure(failure)) => (End::Refused, failure.to_string()),
        Err(Stop::Rule(why)) => (End::Refused, why.to_owned()),
    };
    session.quit().await;
    memo.note(place, Some(address), reply);
    memo.transcript
        .push_str(&session.into_transcript().to_string());
    match (end, phase) {
        // "Not now" after a password is a refusal too: the next try would be another login.
        (End::Refused | End::PutOff, Phase::Login) => End::RefusedLogin,
        (End::Refused, Phase::Transaction) if place.account.is_some() => End::RefusedLogin,
        (end, _) => end,
    }
}

/// Greylisting and other "not now"; 454 is how Postfix refuses to relay.
fn of_reply(reply: &Reply) -> End {
    if reply.is_temporary() && reply.code != 454 {
        End::PutOff
    } else {
        End::Refused
    }
}

/// Everything up to the accepted recipient.
async fn prepare(
    context: &Context<'_>,
    place: &Place,
    marked: &Marked,
    session: &mut Session,
    phase: &mut Phase,
    memo: &mut Memo,
) -> Result<(), Stop> {
    positive(session.open().await?)?;
    let name = match (&context.site.outbound.helo, session.local()) {
        (Some(helo), _) => helo.clone(),
        (None, Some(SocketAddr::V6(local))) => format!("[IPv6:{}]", local.ip()),
        (None, Some(local)) => format!("[{}]", local.ip()),
        (None, None) => "[127.0.0.1]".to_owned(),
    };
    positive(session.ehlo(&name).await?)?;
    if session.tls().is_none() && place.tls != Tls::None {
        if session.capabilities().has("STARTTLS") {
            positive(session.starttls().await?)?;
            positive(session.ehlo(&name).await?)?;
        } else if place.needs_tls() {
            return Err(Stop::Rule(
                "the server offers no STARTTLS, and the site wants it",
            ));
        }
    }
    if let Some((username, secret)) = &place.account {
        let Some(mechanism) = Mechanism::choose(&session.capabilities().auth()) else {
            return Err(Stop::Rule("the server offers no login with a password"));
        };
        let Ok(password) = context.secret(secret) else {
            return Err(Stop::Rule(
                "the password cannot be read: see smarthost.password in the site file",
            ));
        };
        let in_clear_by_order = place.tls == Tls::None;
        *phase = Phase::Login;
        let answer = session
            .auth(mechanism, username, &password, in_clear_by_order)
            .await;
        memo.login = Login::of(&place.host, username, &answer, context.now());
        positive(answer?)?;
    }
    *phase = Phase::Transaction;
    positive(session.mail(&marked.from, "").await?)?;
    positive(session.rcpt(&marked.to).await?)
}

fn positive(reply: Reply) -> Result<(), Stop> {
    if reply.is_positive() {
        Ok(())
    } else {
        Err(Stop::Reply(reply))
    }
}
