//! Handing the marked message in: one place of the path after the other, until one has taken it, has put it off, or has
//! answered a login.

use std::net::{IpAddr, SocketAddr};

use secrecy::SecretString;

use super::path::{Path, Place};
use super::tried::Memo;
use crate::actions::hand_over::{HandedOver, hand_over};
use crate::actions::refused_login::{Login, refused_before};
use crate::actions::{ActionError, Context};
use crate::mail::marked::Marked;
use crate::probes::Smtp;
use crate::probes::smtp::{Endpoint, Failure, Mechanism, Reply, Session};
use crate::site::Tls;

/// What became of the message at the whole path.
pub(super) enum Sending {
    /// Taken, maybe taken, or put off: what to note for later.
    Taken(Memo),
    /// Refused for good, by a server's reply.
    Refused(Memo),
    /// Nothing was sent, and no server has refused it: none could be talked to, or we did not let the message go.
    NotSent(Memo),
}

/// What became of it at one place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// Taken; not certain when the connection was lost after the dot.
    Taken { certain: bool },
    /// Not now: greylisting, or too busy.
    PutOff,
    /// A reply says no; the next place may say otherwise.
    Refused,
    /// No session came about, or our own rules ended it.
    Unheard,
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

/// Tries the places in order; `earlier` is what rounds before this one have seen. Where none has an address, nothing was tried, and
/// that is an error; so is a password that cannot be read.
pub(super) async fn send(
    context: &Context<'_>,
    path: &Path,
    marked: &Marked,
    earlier: Option<Memo>,
) -> Result<Sending, ActionError> {
    let mut memo = Memo::after(earlier);
    let (mut put_off, mut refused) = (None, None);
    let mut asked = false;
    'places: for place in &path.places {
        context.allow_host(&place.host)?;
        let known = context.site.smarthost.as_ref().filter(|_| place.smarthost);
        let smtp = context.smtp_of(known)?;
        if let Some(before) = not_again(context, place) {
            memo.note(place, None, before.again());
            let lost = before.lost;
            memo.login = Some(before);
            return Ok(match lost {
                true => Sending::NotSent(memo),
                false => Sending::Refused(memo),
            });
        }
        let account = match &place.account {
            Some((username, secret)) => Some((username.as_str(), context.secret(secret)?)),
            None => None,
        };
        let addresses = addresses(context, place).await;
        if addresses.is_empty() {
            memo.note(place, None, "its address cannot be found".to_owned());
        }
        for address in addresses {
            asked = true;
            let mut attempt = Attempt {
                context,
                place,
                account: account.as_ref(),
                marked,
                phase: Phase::Opening,
            };
            let end = attempt.make(address, &smtp, path, &mut memo).await;
            match end {
                End::Taken { certain } => {
                    memo.accepted_at = Some(context.now());
                    memo.certain = certain;
                    return Ok(Sending::Taken(memo));
                }
                End::PutOff => put_off = put_off.or_else(|| memo.tried.last().cloned()),
                End::Refused => refused = memo.tried.last().cloned(),
                End::Unheard => {}
            }
            // A login was tried: another would be a second one.
            let logged_in = match attempt.phase {
                Phase::Opening => false,
                Phase::Login => true,
                Phase::Transaction => account.is_some() && end != End::PutOff,
            };
            if logged_in {
                put_off = None;
                break 'places;
            }
            if end == End::PutOff {
                break;
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
    Ok(match (put_off, refused) {
        // The same message again, later.
        (Some(place), _) => {
            memo.decided_by(place);
            memo.certain = true;
            Sending::Taken(memo)
        }
        (None, Some(place)) => {
            memo.decided_by(place);
            Sending::Refused(memo)
        }
        (None, None) => Sending::NotSent(memo),
    })
}

/// A login that was refused in this run is not tried again before a person has answered a step.
fn not_again(context: &Context<'_>, place: &Place) -> Option<Login> {
    let (username, _) = place.account.as_ref()?;
    refused_before(context, &place.host, username)
}

async fn addresses(context: &Context<'_>, place: &Place) -> Vec<IpAddr> {
    match place.address {
        Some(address) => vec![address],
        None => {
            let v4 = context.probes.dns.a(&place.host).await;
            let v6 = context.probes.dns.aaaa(&place.host).await;
            [v4.addresses(), v6.addresses()].concat()
        }
    }
}

/// One session at one place.
struct Attempt<'a> {
    context: &'a Context<'a>,
    place: &'a Place,
    account: Option<&'a (&'a str, SecretString)>,
    marked: &'a Marked,
    /// How far it has come.
    phase: Phase,
}

impl Attempt<'_> {
    /// Makes it, at one address of the place.
    async fn make(&mut self, address: IpAddr, smtp: &Smtp, path: &Path, memo: &mut Memo) -> End {
        let place = self.place;
        let mut endpoint = Endpoint::new(place.host.clone(), SocketAddr::new(address, place.port))
            .with_implicit_tls(place.is_implicit());
        endpoint.bind = path.from.filter(|from| from.is_ipv4() == address.is_ipv4());
        let mut session = smtp.session(endpoint);
        let (end, reply) = match self.prepare(&mut session, memo).await {
            Ok(()) => {
                let message = self.marked.bytes(self.context.now());
                match hand_over(&mut session, &message).await {
                    HandedOver::Taken(reply) => (End::Taken { certain: true }, reply.to_string()),
                    HandedOver::Unknown(failure) => {
                        (End::Taken { certain: false }, failure.to_string())
                    }
                    HandedOver::Refused(reply) => (of_reply(&reply), reply.to_string()),
                    HandedOver::NotSent(failure) => (End::Unheard, failure.to_string()),
                }
            }
            Err(Stop::Reply(reply)) => {
                let end = match (of_reply(&reply), self.phase) {
                    // "Not now" to a login says nothing about the mail, and the next try would be another login.
                    (_, Phase::Login) if reply.is_temporary() => End::Unheard,
                    (end, _) => end,
                };
                (end, reply.to_string())
            }
            Err(Stop::Failure(failure)) => (End::Unheard, failure.to_string()),
            Err(Stop::Rule(why)) => (End::Unheard, why.to_owned()),
        };
        session.quit().await;
        memo.note(place, Some(address), reply);
        memo.add_transcript(&session.into_transcript().to_string());
        end
    }

    /// Everything up to the accepted recipient.
    async fn prepare(&mut self, session: &mut Session, memo: &mut Memo) -> Result<(), Stop> {
        let (context, place) = (self.context, self.place);
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
                    "not sent: the server offers no STARTTLS, and the site wants it",
                ));
            }
        }
        if let Some((username, password)) = self.account {
            let Some(mechanism) = Mechanism::choose(&session.capabilities().auth()) else {
                return Err(Stop::Rule(
                    "not sent: the server offers no login with a password",
                ));
            };
            let in_clear_by_order = place.tls == Tls::None;
            self.phase = Phase::Login;
            let answer = session
                .auth(mechanism, username, password, in_clear_by_order)
                .await;
            memo.login = Login::of(&place.host, username, &answer, context.now());
            positive(answer?)?;
        }
        self.phase = Phase::Transaction;
        positive(session.mail(&self.marked.from, "").await?)?;
        positive(session.rcpt(&self.marked.to).await?)
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

fn positive(reply: Reply) -> Result<(), Stop> {
    if reply.is_positive() {
        Ok(())
    } else {
        Err(Stop::Reply(reply))
    }
}
