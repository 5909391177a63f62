//! The conversation with one endpoint, from the connection to QUIT.

use std::net::IpAddr;

use super::inspection::{Fault, Inspection, Role, the_session};
use super::{encryption, names, recipients, remedy, strangers};
use crate::actions::Context;
use crate::actions::target::Target;
use crate::mail::reply::{Class, Stage};
use crate::probes::smtp::{Endpoint, Failure, Session};
use crate::record::{Severity, Verdict};

/// Looks at one endpoint.
pub(super) async fn hold(context: &Context<'_>, target: &Target, role: Role) -> Inspection {
    let mut seen = Inspection::new(target, role, context.now());
    if let Some(mut session) = begin(context, target, &mut seen).await {
        let session_lives = whole(context, target, &mut seen, &mut session).await;
        end(&mut seen, session).await;
        // STARTTLS that fails takes the session with it; what is left is asked in clear.
        if session_lives.is_none()
            && seen.stage("starttls").is_some()
            && seen.stage("vrfy").is_none()
            && let Some(mut again) = again(context, target, &seen).await
        {
            policy(context, &mut seen, &mut again).await;
            end(&mut seen, again).await;
        }
        for domains in recipients::more(context, &seen) {
            match again(context, target, &seen).await {
                Some(mut session) => {
                    recipients::ask_in(context, &mut seen, &mut session, domains).await;
                    end(&mut seen, session).await;
                }
                None => {
                    let detail = format!("no further session for {}", domains.join(", "));
                    seen.add("postmaster", Verdict::Unknown, detail);
                }
            }
        }
    }
    seen
}

async fn whole(
    context: &Context<'_>,
    target: &Target,
    seen: &mut Inspection,
    session: &mut Session,
) -> Option<()> {
    let name = our_name(context, session);
    let reply = match session.ehlo(&name).await {
        Ok(reply) => reply,
        Err(failure) => return lost(seen, "ehlo", &failure),
    };
    if !reply.is_positive() {
        return without_ehlo(context, seen, session, &name, &reply).await;
    }
    let offered = session.capabilities().keywords.join(", ");
    let detail = format!("offers {offered}");
    seen.add_reply("ehlo", Verdict::Good, detail, (&reply, Stage::Helo));
    seen.capabilities = Some(session.capabilities().clone());
    names::judge(context, seen, session.capabilities()).await;
    encryption::login_in_clear(seen, session);
    if session
        .capabilities()
        .auth()
        .iter()
        .any(|word| word == "NTLM")
    {
        strangers::ntlm(seen, session).await;
    }
    encryption::look(target, seen, session, &name).await?;
    policy(context, seen, session).await;
    Some(())
}

/// What the server tells and takes, on the channel as it is now.
async fn policy(context: &Context<'_>, seen: &mut Inspection, session: &mut Session) {
    if session
        .capabilities()
        .auth()
        .iter()
        .any(|word| word == "NTLM")
        && seen.ntlm.is_none()
    {
        strangers::ntlm(seen, session).await;
    }
    strangers::turn(seen, session);
    strangers::vrfy(context, seen, session).await;
    strangers::expn(seen, session).await;
    recipients::ask(context, seen, session).await;
}

/// Connection and greeting. None: what stood in the way is among the stages.
async fn begin(context: &Context<'_>, target: &Target, seen: &mut Inspection) -> Option<Session> {
    let mut session = context.probes.smtp.session(endpoint(target));
    if let Err(failure) = session.connect().await {
        not_connected(seen, &failure);
        seen.keep(session.into_transcript());
        return None;
    }
    if let Some(local) = session.local() {
        seen.seen_from(local.ip());
    }
    seen.add("connect", Verdict::Good, "open");
    if target.implicit_tls {
        encryption::from_the_first_byte(seen, &session);
    }
    match session.greeting().await {
        Ok(reply) if reply.code == 220 => {
            seen.greeting_name = names::first_word(&reply.text());
            let detail = names::greeting_detail(&reply.text());
            seen.add_reply("greeting", Verdict::Good, detail, (&reply, Stage::Connect));
            Some(session)
        }
        Ok(reply) => {
            // A refusal of this tester says nothing about what others are told.
            let detail = match seen.classify(&reply, Stage::Connect).class {
                Class::BlockIp | Class::Reputation | Class::Ptr => {
                    "it refuses this machine's address: look from another one"
                }
                _ => "it does not want to talk now: try again later",
            };
            seen.add_reply(
                "greeting",
                Verdict::Unknown,
                detail,
                (&reply, Stage::Connect),
            );
            end(seen, session).await;
            None
        }
        Err(failure) => {
            let detail = match failure {
                Failure::NotSmtp(_) => format!(
                    "{failure}: the port may want TLS from the first byte, or belong to something else"
                ),
                _ => format!("{failure}: the server waits, or a firewall on the way swallows"),
            };
            seen.add("greeting", Verdict::Unknown, detail);
            end(seen, session).await;
            None
        }
    }
}

/// Connects once more, up to EHLO; what is said on the way was judged before.
async fn again(context: &Context<'_>, target: &Target, seen: &Inspection) -> Option<Session> {
    let mut session = context.probes.smtp.session(endpoint(target));
    let greeting = session.open().await.ok()?;
    if greeting.code != 220 {
        return None;
    }
    let name = our_name(context, &session);
    if !session.ehlo(&name).await.ok()?.is_positive() {
        session.helo(&name).await.ok()?;
    }
    if seen.tls == "starttls" && session.starttls().await.ok()?.is_positive() {
        session.ehlo(&name).await.ok()?;
    }
    Some(session)
}

async fn end(seen: &mut Inspection, mut session: Session) {
    session.quit().await;
    seen.keep(session.into_transcript());
}

fn endpoint(target: &Target) -> Endpoint {
    target.endpoint().with_implicit_tls(target.implicit_tls)
}

fn not_connected(seen: &mut Inspection, failure: &Failure) {
    match failure {
        Failure::Handshake(_) => {
            seen.add("connect", Verdict::Good, "open");
            encryption::broken(seen, failure);
        }
        Failure::Refused => {
            let severity = match seen.role {
                Role::Exchange => Severity::Major,
                _ => Severity::Minor,
            };
            let fault = Fault {
                code: "server-port-closed",
                severity,
                what: "nothing listens there".to_owned(),
                remedy: remedy::PORT_CLOSED.to_owned(),
            };
            seen.fault("connect", fault, the_session(), None);
        }
        Failure::ConnectTimeout(_) | Failure::Unreachable(_) => {
            let detail = format!(
                "{failure}: the port may be closed by a firewall, or blocked on the way from here"
            );
            seen.add("connect", Verdict::Unknown, detail);
        }
        _ => seen.add("connect", Verdict::Unknown, failure.to_string()),
    }
}

/// A server that knows only HELO: no extensions, so no encryption and no login.
async fn without_ehlo(
    context: &Context<'_>,
    seen: &mut Inspection,
    session: &mut Session,
    name: &str,
    refusal: &crate::probes::smtp::Reply,
) -> Option<()> {
    let said = Some((refusal, Stage::Helo));
    if refusal.is_temporary() {
        seen.add_reply(
            "ehlo",
            Verdict::Unknown,
            "not taken now",
            (refusal, Stage::Helo),
        );
        return None;
    }
    match session.helo(name).await {
        Ok(reply) if reply.is_positive() => {
            let fault = Fault {
                code: "server-no-ehlo",
                severity: Severity::Major,
                what: "it refuses EHLO and takes HELO: nothing can be encrypted".to_owned(),
                remedy: remedy::NO_EHLO.to_owned(),
            };
            seen.fault("ehlo", fault, the_session(), said);
            seen.ehlo_name = names::first_word(&reply.text());
            policy(context, seen, session).await;
            Some(())
        }
        Ok(_) => {
            let detail = "it takes neither EHLO nor HELO from this machine";
            seen.add_reply("ehlo", Verdict::Unknown, detail, (refusal, Stage::Helo));
            None
        }
        Err(failure) => lost(seen, "ehlo", &failure),
    }
}

/// The session broke; the rest could not be looked at.
pub(super) fn lost(seen: &mut Inspection, id: &'static str, failure: &Failure) -> Option<()> {
    seen.add(
        id,
        Verdict::Unknown,
        format!("the session was lost: {failure}"),
    );
    None
}

/// The tester's own name, else this machine's address (RFC 5321 4.1.3).
fn our_name(context: &Context<'_>, session: &Session) -> String {
    let named = context
        .site
        .probe
        .as_ref()
        .and_then(|probe| probe.helo.clone());
    named.unwrap_or_else(|| match session.local().map(|local| local.ip()) {
        Some(IpAddr::V6(v6)) => format!("[IPv6:{v6}]"),
        Some(IpAddr::V4(v4)) => format!("[{v4}]"),
        None => "[127.0.0.1]".to_owned(),
    })
}
