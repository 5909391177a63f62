//! What a screening says about the site: findings with their evidence and remedy.

use super::asking::{Asked, Trouble};
use super::logins::Login;
use super::screening::Screening;
use super::trial::Trial;
use crate::actions::Context;
use crate::mail::relay::catalogue::VARIANTS;
use crate::mail::relay::ladder::{self, Control, Proof, Verdict};
use crate::mail::relay::variant::Kind;
use crate::record::{Evidence, Finding, Severity};

/// At most this many accepted attempts are quoted; the transcript file holds all.
const QUOTED: usize = 6;

/// One finding a code and endpoint; both channels of a port are one subject.
pub(super) fn findings(context: &Context<'_>, screenings: &[Screening]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for screening in screenings {
        let relay = match screening.judgement.verdict {
            Verdict::Open => Some(relay_open(context, screening)),
            Verdict::Suspected => Some(relay_suspected(context, screening)),
            _ => None,
        };
        let unknown = screening
            .judgement
            .accepts_unknown
            .then(|| accepts_unknown(context, screening));
        let login = screening
            .logins
            .iter()
            .find(|login| login.accepted == Some(true))
            .map(|login| accepts_anything(context, screening, login));
        for finding in relay.into_iter().chain(unknown).chain(login) {
            add(&mut findings, finding);
        }
    }
    // What is proved on one channel of a port needs no suspicion on the other.
    let open: Vec<String> = findings
        .iter()
        .filter(|finding| finding.code == "relay-open")
        .map(|finding| finding.subject.clone())
        .collect();
    findings.retain(|f| f.code != "relay-suspected" || !open.contains(&f.subject));
    findings
}

/// The subjects about which something definite was seen on every channel that was tried.
pub(super) fn judged_subjects(screenings: &[Screening]) -> Vec<String> {
    let mut subjects: Vec<String> = Vec::new();
    for screening in screenings {
        let subject = screening.subject();
        let all_definite = screenings
            .iter()
            .filter(|s| s.subject() == subject)
            .all(is_definite);
        if all_definite && !subjects.contains(&subject) {
            subjects.push(subject);
        }
    }
    for screening in screenings {
        // A login is judged by itself, and only where both were tried and refused, or one was taken.
        let logins = &screening.logins;
        let refused = logins.len() == 2 && logins.iter().all(|l| l.accepted == Some(false));
        let subject = login_subject(screening);
        if (refused || logins.iter().any(|l| l.accepted == Some(true)))
            && !subjects.contains(&subject)
        {
            subjects.push(subject);
        }
    }
    subjects
}

/// What a login finding is about: the same address and port, but not its relaying.
fn login_subject(screening: &Screening) -> String {
    format!("{} (login)", screening.subject())
}

fn accepts_anything(context: &Context<'_>, screening: &Screening, login: &Login) -> Finding {
    let relays = match login.relays {
        Some(true) => ", and takes recipients outside the site in that session",
        _ => "",
    };
    let from = format!("{}, {}", screening.place(), screening.vantage.explain());
    Finding {
        code: "auth-accepts-anything".to_owned(),
        severity: Severity::Critical,
        subject: login_subject(screening),
        summary: format!(
            "{} accepts a login with an invented name and {}{relays}.",
            screening.place(),
            match login.id.as_str() {
                "G3" => "an empty password",
                _ => "an invented password",
            }
        ),
        evidence: vec![Evidence::new("smtp", login.transcript(), context.now()).from(from)],
        remedy: "Disable the Guest account on the server and in the domain (Exchange 2003 logs such logins as event 1708 with \
                 DOMAIN\\Guest), or make the login check passwords. Everybody may have sent through it: look at the queue and \
                 the logs. Then run this test again."
            .to_owned(),
    }
}

fn is_definite(screening: &Screening) -> bool {
    // An earlier finding about unknown recipients must not be settled by a control without an answer.
    let unknown_recipients = ladder::control(&screening.observed(), "K01");
    // A port that is closed now may be open tomorrow: that settles nothing.
    if matches!(screening.trouble, Some(Trouble::NothingListens)) {
        return false;
    }
    match screening.counted_verdict() {
        None => true,
        Some(Verdict::Closed) => unknown_recipients != Control::Unknown || closed_to_all(screening),
        Some(Verdict::Open | Verdict::Suspected) => unknown_recipients != Control::Unknown,
        // A server that relays by an odd form alone looks like this to a screen: what a message has proved before stands until
        // messages say otherwise.
        Some(Verdict::NotProven) => {
            unknown_recipients != Control::Unknown && screening.trials().next().is_some()
        }
        Some(Verdict::Undetermined | Verdict::Inconclusive | Verdict::VantageInternal) => false,
    }
}

fn closed_to_all(screening: &Screening) -> bool {
    screening
        .asked
        .iter()
        .all(|asked| asked.answer.is_refusal())
}

fn relay_open(context: &Context<'_>, screening: &Screening) -> Finding {
    Finding {
        code: "relay-open".to_owned(),
        severity: Severity::Critical,
        subject: screening.subject(),
        summary: format!(
            "{} relays mail of strangers: a marked message was delivered to an outside mailbox ({}).",
            screening.place(),
            screening.judgement.by.join(", ")
        ),
        evidence: evidence(context, screening, is_suspicious),
        remedy: remedy(screening),
    }
}

fn relay_suspected(context: &Context<'_>, screening: &Screening) -> Finding {
    Finding {
        code: "relay-suspected".to_owned(),
        severity: Severity::Critical,
        subject: screening.subject(),
        summary: format!(
            "{} accepts recipients outside the site from a stranger ({}); {}.",
            screening.place(),
            screening.judgement.by.join(", "),
            if screening.trials().next().is_none() {
                "no message was sent, so it is not proved"
            } else if screening.trials().any(|t| t.proof() == Proof::HandedOn) {
                "a marked message was passed on to a receiver outside, who sent it back; it did not arrive, so it is not proved"
            } else {
                "no message for them has arrived, so it is not proved"
            }
        ),
        evidence: evidence(context, screening, is_suspicious),
        remedy: remedy(screening),
    }
}

fn accepts_unknown(context: &Context<'_>, screening: &Screening) -> Finding {
    Finding {
        code: "accepts-unknown-recipients".to_owned(),
        severity: Severity::Major,
        subject: screening.subject(),
        summary: format!(
            "{} accepts mail for mailboxes that do not exist, and {}.",
            screening.place(),
            match backscatter(screening) {
                Some(trial) if trial.came_back() => "bounces it to whoever stands in its sender, forged or not: such a bounce came to our mailbox",
                Some(trial) if trial.proof() == Proof::Vanished => "no bounce came to our mailbox in time: it is thrown away, or bounced later",
                _ => "has to bounce it later to forged senders",
            }
        ),
        evidence: evidence(context, screening, |asked, _| asked.probe.variant == "K01" && asked.accepted()),
        remedy: "Let the server refuse unknown recipients at RCPT: on Exchange 2003 the recipient filter \
                 (Global Settings, Message Delivery, 'Filter recipients who are not in the Directory', then \
                 enabled on the virtual server; with tarpitting against address harvesting), on a filter in \
                 front a recipient check against the mail server, on Postfix relay_recipient_maps. Bounces to \
                 forged senders are a cause of listings of their own. Then run this test again."
            .to_owned(),
    }
}

fn remedy(screening: &Screening) -> String {
    let holes: Vec<String> = screening
        .judgement
        .by
        .iter()
        .filter_map(|id| VARIANTS.iter().find(|variant| variant.id == *id))
        .map(|variant| format!("{} ({})", variant.id, variant.finds))
        .collect();
    format!(
        "Allow relaying only to authenticated users and to the addresses that need it. Exchange 2003: SMTP \
         virtual server, Access, Relay, 'Only the list below', with an empty or short list. Postfix: mynetworks \
         and smtpd_relay_restrictions. Look for a rule that explains what was accepted: {}. Until then the server \
         may be sending spam: look at its queue. Then run this test again.",
        holes.join(", ")
    )
}

fn is_suspicious(asked: &Asked, screening: &Screening) -> bool {
    asked.accepted() && screening.judgement.by.contains(&asked.probe.variant)
}

/// The quoted attempts, and the controls that give them their weight.
fn evidence(
    context: &Context<'_>,
    screening: &Screening,
    wanted: fn(&Asked, &Screening) -> bool,
) -> Vec<Evidence> {
    let wanted: Vec<&Asked> = screening
        .asked
        .iter()
        .filter(|asked| wanted(asked, screening))
        .collect();
    let mut text: String = wanted
        .iter()
        .take(QUOTED)
        .map(|asked| asked.transcript())
        .collect();
    if wanted.len() > QUOTED {
        text.push_str(&format!("... and {} more\n", wanted.len() - QUOTED));
    }
    let is_control = |asked: &&Asked| {
        asked.probe.kind == Kind::C && !wanted.iter().any(|w| std::ptr::eq(*w, *asked))
    };
    text.push_str("controls:\n");
    text.extend(
        screening
            .asked
            .iter()
            .filter(is_control)
            .map(Asked::transcript),
    );
    let from = format!("{}, {}", screening.place(), screening.vantage.explain());
    let mut evidence = vec![Evidence::new("smtp", text, context.now()).from(from)];
    let found = wanted
        .iter()
        .filter_map(|asked| Some((asked, asked.trial.as_ref()?.found.as_ref()?)));
    evidence.extend(found.take(QUOTED).map(|(asked, found)| {
        let from = format!("{} in {}", asked.probe.variant, found.folder);
        Evidence::new("mail", found.text.clone(), context.now()).from(from)
    }));
    evidence
}

/// The message to a mailbox that cannot exist.
fn backscatter(screening: &Screening) -> Option<&Trial> {
    let mut unknown = screening.asked.iter().filter(|a| a.probe.variant == "K01");
    unknown.find_map(|asked| asked.trial.as_ref())
}

/// The same finding on the other channel adds its evidence.
fn add(findings: &mut Vec<Finding>, finding: Finding) {
    let known = findings
        .iter_mut()
        .find(|f| f.code == finding.code && f.subject == finding.subject);
    match known {
        Some(known) => known.evidence.extend(finding.evidence),
        None => findings.push(finding),
    }
}
