//! Authenticated relay with the operator's own account (G4 to G8): what may whoever knows one password do?
//!
//! One login for a server, over a channel that proves who is at the other end, and none after a refusal in the same run. Each
//! question goes as far as RCPT; nothing is sent. What strangers may do too says nothing about logins. It comes last: some servers
//! let the address of whoever logged in relay for a while, which would make a closed server look open.

use serde::{Deserialize, Serialize};

use super::abilities::{self, Check};
use super::asking::{Call, Door, Said};
use super::ground::Ground;
use super::screening::{Channel, Screening};
use crate::actions::Context;
use crate::actions::refused_login::{Login, refused_before};
use crate::mail::relay::variant::Greeting;
use crate::probes::smtp::{self, Mechanism, Session};
use crate::record::Verdict;
use crate::site::Account;

/// Stands for all questions.
const WHOLE: &str = "G4-G8";
/// The port that servers deliver to.
const DELIVERY: u16 = 25;
/// Ports that are there for logins.
const SUBMISSION: [u16; 2] = [587, 465];

/// What was learned with the account of one server.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Authenticated {
    /// The server's name in the site file.
    pub(super) server: String,
    /// The account's name; None where the site file has none.
    pub(super) account: Option<String>,
    /// Where the login was tried.
    pub(super) endpoint: Option<String>,
    /// G4 to G8, or one line that says why there are none.
    pub(super) checks: Vec<Check>,
    /// How the login ended.
    pub(super) login: Option<Login>,
}

impl Authenticated {
    /// The check of this id.
    pub(super) fn check(&self, id: &str) -> Option<&Check> {
        self.checks.iter().find(|check| check.id == id)
    }

    /// Why nothing was learned although there is an account.
    pub(super) fn note(&self) -> Option<String> {
        let account = self.account.as_ref()?;
        let unknown = |check: &&Check| check.id == WHOLE && check.outcome == Verdict::Unknown;
        let check = self.checks.iter().find(unknown)?;
        Some(format!(
            "{}: what a login as {account} may do is not known: {}",
            self.server, check.detail
        ))
    }

    fn not_asked(server: &str, account: Option<&Account>, outcome: Verdict, why: &str) -> Self {
        Self {
            server: server.to_owned(),
            account: account.map(|account| account.username.clone()),
            endpoint: None,
            checks: vec![Check::new(WHOLE, outcome, why)],
            login: None,
        }
    }
}

/// How the logins ended.
pub(super) fn logins(accounts: &[Authenticated]) -> Vec<&Login> {
    accounts
        .iter()
        .filter_map(|one| one.login.as_ref())
        .collect()
}

/// Logs in once at each server that has an account, and asks what that allows. Empty where that is not wanted.
pub(super) async fn ask(
    context: &Context<'_>,
    ground: &Ground,
    screenings: &mut [Screening],
    call: &Call,
) -> Vec<Authenticated> {
    if !ground.logs_in {
        return Vec::new();
    }
    let mut hosts: Vec<String> = Vec::new();
    for screening in screenings.iter() {
        if !hosts.contains(&screening.target.host) {
            hosts.push(screening.target.host.clone());
        }
    }
    let mut all = Vec::new();
    for host in hosts {
        let mut servers = context.site.servers.iter().filter(|s| s.host == host);
        let account = servers.find_map(|server| server.account.as_ref());
        all.push(match account {
            Some(account) => with(context, ground, &host, account, screenings, call).await,
            None => {
                let why =
                    "the site file names no account for tests at this server (servers.account)";
                Authenticated::not_asked(&host, None, Verdict::NotApplicable, why)
            }
        });
    }
    all
}

async fn with(
    context: &Context<'_>,
    ground: &Ground,
    host: &str,
    account: &Account,
    screenings: &mut [Screening],
    call: &Call,
) -> Authenticated {
    let not_asked =
        |outcome, why: &str| Authenticated::not_asked(host, Some(account), outcome, why);
    let here = |screening: &&Screening| screening.target.host == host;
    if !screenings
        .iter()
        .filter(here)
        .any(|s| s.vantage.allows_verdict())
    {
        let why =
            "from here everybody may relay, with a login or without: run the test from outside";
        return not_asked(Verdict::Unknown, why);
    }
    if let Some(before) = refused_before(context, &host.to_ascii_lowercase(), &account.username) {
        let refused = not_asked(Verdict::Unknown, &before.again());
        return Authenticated {
            login: Some(before),
            ..refused
        };
    }
    let places = doors(host, screenings);
    if places.is_empty() {
        let why = "no tested port offers a login with a password";
        let mut none = not_asked(Verdict::NotApplicable, why);
        none.checks
            .push(on_the_delivery_port(host, screenings, None));
        return none;
    }
    let known = account.password.as_ref().map(|place| context.secret(place));
    let smtp = context.smtp_trusting(account.ca.as_deref(), "the server's authority (account.ca)");
    let (password, smtp) = match (known, smtp) {
        (Some(Ok(password)), Ok(smtp)) => (password, smtp),
        (Some(Err(error)), _) | (_, Err(error)) => {
            return not_asked(Verdict::Unknown, &crate::error_chain::chain(&error));
        }
        (None, _) => return not_asked(Verdict::Unknown, "its password is not known"),
    };
    let mut turned_away = Vec::new();
    for at in places {
        let Some(mechanism) = Mechanism::choose(&screenings[at].mechanisms) else {
            continue;
        };
        let target = screenings[at].target.clone();
        let door = Door {
            smtp: &smtp,
            target: &target,
            channel: screenings[at].channel,
        };
        let place = screenings[at].place();
        let mut session = match open(&door, ground).await {
            Ok(session) => session,
            Err((session, why)) => {
                keep(&mut screenings[at], session).await;
                turned_away.push(format!("{place}: {why}"));
                continue;
            }
        };
        let answer = session
            .auth(mechanism, &account.username, &password, false)
            .await;
        let login = Login::of(host, &account.username, &answer, context.now());
        let checks = match &answer {
            Ok(reply) if reply.code == 235 => {
                let said = Said::reply(&format!("AUTH {}", mechanism.name()), reply);
                let mut checks =
                    abilities::ask(&mut session, account, ground, &screenings[at], call).await;
                checks.insert(3, on_the_delivery_port(host, screenings, Some((at, said))));
                checks
            }
            Ok(reply) => refused(format!(
                "the login was refused, and is not tried again lest the account lock: {reply}"
            )),
            Err(failure) => refused(format!(
                "the session was lost during the login, and it is not tried again: {failure}"
            )),
        };
        keep(&mut screenings[at], session).await;
        return Authenticated {
            server: host.to_owned(),
            account: Some(account.username.clone()),
            endpoint: Some(place),
            checks,
            login,
        };
    }
    let why = format!(
        "the password was not sent, for nothing proves who would get it ({}); name the authority of an own certificate as 'ca' of \
         the account",
        turned_away.join("; ")
    );
    not_asked(Verdict::Unknown, &why)
}

fn refused(why: String) -> Vec<Check> {
    vec![Check::new(WHOLE, Verdict::Unknown, &why)]
}

/// Where a login can be tried, the delivery port first: a stranger with a stolen password comes there.
fn doors(host: &str, screenings: &[Screening]) -> Vec<usize> {
    let is_door = |screening: &Screening| {
        screening.target.host == host
            && Mechanism::choose(&screening.mechanisms).is_some()
            && screening
                .stop
                .is_none_or(|stop| stop.allows_other_channels())
    };
    let mut doors: Vec<usize> = (0..screenings.len())
        .filter(|at| is_door(&screenings[*at]))
        .collect();
    // TLS before clear, which no password ever takes.
    doors.sort_by_key(|at| {
        let screening = &screenings[*at];
        (!delivers(screening), screening.channel == Channel::Clear)
    });
    doors
}

/// Servers deliver here: port 25, or another one that takes mail for the site without a login.
fn delivers(screening: &Screening) -> bool {
    let port = screening.target.address.port();
    let takes_mail = |variant: &str| {
        let mut asked = screening.asked.iter();
        asked.any(|asked| asked.probe.variant == variant && asked.accepted())
    };
    port == DELIVERY || (!SUBMISSION.contains(&port) && takes_mail("K02"))
}

/// A greeted session over a proven channel; else the session as it is, and why.
async fn open(door: &Door<'_>, ground: &Ground) -> Result<Session, (Session, String)> {
    let mut session = door.session();
    let name = ground.helo.as_ref().map(|helo| helo.as_str());
    if let Err(trouble) = door.open(&mut session, Greeting::Ehlo, name).await {
        return Err((session, trouble.explain()));
    }
    let why = match session.channel() {
        smtp::Channel::Verified => return Ok(session),
        smtp::Channel::Clear => "the connection is in clear",
        smtp::Channel::Unverified => "the certificate does not prove whose server it is",
    };
    Err((session, why.to_owned()))
}

async fn keep(screening: &mut Screening, mut session: Session) {
    session.quit().await;
    screening
        .transcript
        .push_str(&session.into_transcript().to_string());
}

/// G7: is a login taken at the port where mail comes in from everybody?
fn on_the_delivery_port(
    host: &str,
    screenings: &[Screening],
    logged_in: Option<(usize, Said)>,
) -> Check {
    if let Some((at, said)) = logged_in
        && delivers(&screenings[at])
    {
        let detail = "a login is taken where mail comes in from everybody";
        return Check {
            replies: vec![said],
            ..Check::new("G7", Verdict::Finding, detail)
        };
    }
    let delivery: Vec<&Screening> = screenings
        .iter()
        .filter(|screening| screening.target.host == host && delivers(screening))
        .collect();
    if delivery.is_empty() {
        return Check::new("G7", Verdict::NotApplicable, "port 25 was not tested");
    }
    if delivery
        .iter()
        .any(|screening| !screening.mechanisms.is_empty())
    {
        let detail = "a login is offered at port 25; whether it is taken there was not tried";
        return Check::new("G7", Verdict::Unknown, detail);
    }
    if delivery.iter().any(|screening| screening.trouble.is_some()) {
        let detail = "port 25 could not be looked at in full";
        return Check::new("G7", Verdict::Unknown, detail);
    }
    Check::new("G7", Verdict::Good, "no login is offered at port 25")
}
