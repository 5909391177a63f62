//! What the answers of one endpoint prove: the ladder from "could not tell" to "proven open".
//!
//! | level | seen | verdict |
//! | --- | --- | --- |
//! | 0 | no connection, the tester or the valid mailbox refused, no answer | inconclusive |
//! | 1 | everything refused for good | closed |
//! | 1g | everything greylisted | inconclusive, try again |
//! | 2 | accepted, but so is nonsense of the same form | not proven |
//! | 3 | an external recipient accepted by a server that refuses impossible ones | suspected |
//! | 4 | accepted at RCPT, refused at DATA or after the dot | not proven |
//! | 5 | a message accepted, its fate not known yet | undetermined |
//! | 6a, 6d | the marked message arrived, through the target or another server of the site | open |
//! | 6b | the marked message was bounced by the server itself | disproved for that variant |
//! | 6e | it was passed on, and a receiver outside sent it back | suspected, whatever else was refused |
//! | 6c | neither came back in time | undetermined |

use serde::{Deserialize, Serialize};

use super::answer::Answer;
use super::probe::Worth;
use super::trial;
use super::variant::Kind;

/// A rung of the ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum Level {
    /// No usable answer.
    #[serde(rename = "0")]
    NoAnswer,
    /// Refused for good.
    #[serde(rename = "1")]
    Refused,
    /// Greylisted.
    #[serde(rename = "1g")]
    Greylisted,
    /// Accepted, and worthless: nonsense is accepted too.
    #[serde(rename = "2")]
    Worthless,
    /// Accepted by a server that refuses impossible recipients.
    #[serde(rename = "3")]
    Suspected,
    /// Accepted at RCPT, refused at DATA or after the dot.
    #[serde(rename = "4")]
    RefusedLate,
    /// A message was accepted; where it went is not known yet.
    #[serde(rename = "5")]
    MessageAccepted,
    /// The marked message arrived through the target.
    #[serde(rename = "6a")]
    Arrived,
    /// The marked message came back as a bounce of the server itself.
    #[serde(rename = "6b")]
    Bounced,
    /// The marked message was passed on, and sent back by a receiver outside.
    #[serde(rename = "6e")]
    HandedOn,
    /// Neither message nor bounce within the wait.
    #[serde(rename = "6c")]
    Vanished,
    /// The marked message arrived through another server of the site.
    #[serde(rename = "6d")]
    ArrivedElsewhere,
}

/// What became of a real test message. A screen never sends one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// None was sent.
    #[default]
    NotTried,
    /// Refused at DATA or after the final dot.
    RefusedLate,
    /// Accepted after the final dot; still waiting.
    Accepted,
    /// The nonce arrived, and the Received chain shows the target.
    Arrived,
    /// The nonce arrived through another server of the site.
    ArrivedElsewhere,
    /// A bounce with the nonce arrived, and nobody but the site's own server has refused.
    Bounced,
    /// A report with the nonce arrived: the server had passed the message on to a host outside.
    HandedOn,
    /// Nothing arrived within the wait.
    Vanished,
}

/// One probe and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// Id of the variant.
    pub variant: &'static str,
    /// What an accepted recipient is worth by its form.
    pub kind: Kind,
    /// Which controls speak for it.
    pub worth: Worth,
    /// The answer to the judged recipient.
    pub answer: Answer,
    /// What became of a test message.
    pub proof: Proof,
}

/// The verdict about an endpoint, or about all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every tested form was refused.
    Closed,
    /// A marked message came through. Nothing less earns this word.
    Open,
    /// An external recipient was accepted; only a message would prove it.
    Suspected,
    /// Recipients were accepted in a way that proves nothing.
    NotProven,
    /// The server accepts everything, or a message vanished: only its logs can tell.
    Undetermined,
    /// The server could not be asked.
    Inconclusive,
    /// The tester stands where relaying may be allowed.
    VantageInternal,
}

impl Verdict {
    /// The word in outputs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::Suspected => "suspected",
            Self::NotProven => "not_proven",
            Self::Undetermined => "undetermined",
            Self::Inconclusive => "inconclusive",
            Self::VantageInternal => "vantage_internal",
        }
    }
}

/// How a control, over all its forms, was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Control {
    /// At least one form was accepted.
    Accepted,
    /// Every form was refused for good.
    Refused,
    /// Not asked, or no usable answer.
    Unknown,
}

/// What all answers of one endpoint amount to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Why, in a sentence for people.
    pub reason: String,
    /// The variants behind an open, suspected or undetermined verdict.
    pub by: Vec<&'static str>,
    /// Mailboxes that cannot exist are accepted at a served domain (K01).
    pub accepts_unknown: bool,
    /// Seconds after which a greylisting server wants to be asked again.
    pub retry_after: Option<u32>,
}

/// A greylisting server that names no wait is asked again after this many seconds.
pub const GREYLIST_WAIT: u32 = 600;

/// How one control was answered.
pub fn control(observed: &[Observed], id: &str) -> Control {
    let answers: Vec<Answer> = observed
        .iter()
        .filter(|o| o.variant == id)
        .map(|o| o.answer)
        .collect();
    if answers.contains(&Answer::Accepted) {
        Control::Accepted
    } else if !answers.is_empty() && answers.iter().all(|a| a.is_refusal()) {
        Control::Refused
    } else {
        Control::Unknown
    }
}

/// The rung one probe reached, in the light of the controls.
pub fn level(probe: &Observed, all: &[Observed]) -> Level {
    match probe.proof {
        Proof::RefusedLate => return Level::RefusedLate,
        Proof::Accepted => return Level::MessageAccepted,
        Proof::Arrived => return Level::Arrived,
        Proof::ArrivedElsewhere => return Level::ArrivedElsewhere,
        Proof::Bounced => return Level::Bounced,
        Proof::HandedOn => return Level::HandedOn,
        Proof::Vanished => return Level::Vanished,
        Proof::NotTried => {}
    }
    match probe.answer {
        Answer::Accepted if counts(probe, all) => Level::Suspected,
        Answer::Accepted => Level::Worthless,
        Answer::Greylisted { .. } => Level::Greylisted,
        answer if answer.is_refusal() => Level::Refused,
        _ => Level::NoAnswer,
    }
}

/// Judges an endpoint that could be talked to.
pub fn judge(observed: &[Observed]) -> Judgement {
    let asked: Vec<(&Observed, Level)> = observed
        .iter()
        .filter(|o| o.kind != Kind::C)
        .map(|o| (o, level(o, observed)))
        .collect();
    let at = |levels: &[Level]| {
        ids(asked
            .iter()
            .filter(|(_, l)| levels.contains(l))
            .map(|(o, _)| *o))
    };
    let verdict = |verdict, by: Vec<&'static str>, reason: String| Judgement {
        verdict,
        reason,
        by,
        accepts_unknown: accepts_unknown(observed),
        retry_after: None,
    };

    let open = at(&[Level::Arrived, Level::ArrivedElsewhere]);
    if !open.is_empty() {
        let elsewhere = at(&[Level::Arrived]).is_empty();
        let through = if elsewhere {
            "another server of the site"
        } else {
            "this server"
        };
        let reason =
            format!("a marked message was relayed to an outside mailbox through {through}");
        return verdict(Verdict::Open, open, reason);
    }
    let tried: Vec<&str> = observed
        .iter()
        .filter(|o| o.proof != Proof::NotTried)
        .map(|o| o.variant)
        .collect();
    let handed_on = at(&[Level::HandedOn]);
    if !handed_on.is_empty() {
        let reason = "the server passed a marked message on to a host outside, which sent it back; \
                      a recipient whose server takes it would prove the relay";
        return verdict(Verdict::Suspected, handed_on, reason.to_string());
    }
    let mut suspected = at(&[Level::Suspected]);
    suspected.retain(|id| !trial::speaks_for(&tried, id));
    if !suspected.is_empty() {
        let tried = match tried.len() {
            0 => "no message was sent, so it is not proven".to_owned(),
            tried => format!("{tried} others were tried with a message, and none has arrived"),
        };
        let reason = format!(
            "{} of {} relay attempts were accepted at RCPT; {tried}",
            asked.iter().filter(|(_, l)| *l == Level::Suspected).count(),
            asked.len()
        );
        return verdict(Verdict::Suspected, suspected, reason);
    }
    let fate_unknown = at(&[Level::MessageAccepted, Level::Vanished]);
    if !fate_unknown.is_empty() {
        let reason = "a marked message was accepted and neither arrived nor bounced; \
                      look for it in the server's log and queue";
        return verdict(Verdict::Undetermined, fate_unknown, reason.to_string());
    }
    let external =
        |(o, l): &&(&Observed, Level)| *l == Level::Worthless && o.worth == Worth::External;
    let anything = ids(asked.iter().filter(external).map(|(o, _)| *o));
    let disproved = asked.iter().filter(|(o, l)| {
        o.worth == Worth::External && matches!(l, Level::Bounced | Level::RefusedLate)
    });
    let disproved = ids(disproved.map(|(o, _)| *o));
    if !anything.is_empty() && !disproved.is_empty() {
        let reason = format!(
            "the server accepts every recipient, even impossible ones; the message sent as {} was refused later or came back",
            disproved.join(", ")
        );
        return verdict(Verdict::NotProven, Vec::new(), reason);
    }
    if !anything.is_empty() {
        let reason = "the server accepts every recipient, even impossible ones; \
                      only a delivered message can tell whether it relays";
        return verdict(Verdict::Undetermined, anything, reason.to_string());
    }
    if !at(&[Level::RefusedLate]).is_empty() {
        let reason = "relay attempts were accepted at RCPT and the message was refused later";
        return verdict(Verdict::NotProven, Vec::new(), reason.to_string());
    }
    if let Some(mut could_not_tell) = doubt(observed, &asked) {
        could_not_tell.accepts_unknown = accepts_unknown(observed);
        return could_not_tell;
    }
    if !at(&[Level::Worthless]).is_empty() {
        let reason = if accepts_unknown(observed) {
            "probably no relay: every plain attempt was refused, and the odd address forms that were accepted \
             prove nothing, because nonsense is accepted too"
        } else {
            "every plain attempt was refused; odd address forms were accepted, and nonsense of the same form too: \
             the server takes such addresses as its own, or relays by that form alone, and only a message can tell"
        };
        return verdict(Verdict::NotProven, Vec::new(), reason.to_string());
    }
    let reason = if asked.iter().all(|(o, _)| o.answer == Answer::AuthWanted) {
        "strangers are asked to authenticate or encrypt first".to_string()
    } else if !at(&[Level::Bounced]).is_empty() {
        "every relay attempt was refused, at once or by a bounce".to_string()
    } else {
        format!("all {} relay attempts were refused", asked.len())
    };
    verdict(Verdict::Closed, Vec::new(), reason)
}

/// The verdict over several endpoints: the worst that is known. `None` stands for an endpoint where
/// nothing listens, which takes no part unless all are so.
pub fn overall(endpoints: &[Option<Verdict>]) -> Verdict {
    const WORST_FIRST: [Verdict; 7] = [
        Verdict::Open,
        Verdict::Suspected,
        Verdict::Undetermined,
        Verdict::VantageInternal,
        Verdict::Inconclusive,
        Verdict::NotProven,
        Verdict::Closed,
    ];
    let found = |v: &Verdict| endpoints.contains(&Some(*v));
    WORST_FIRST
        .into_iter()
        .find(found)
        .unwrap_or(Verdict::Inconclusive)
}

/// Is mail for mailboxes that cannot exist taken? Not where the message itself is refused after all.
fn accepts_unknown(observed: &[Observed]) -> bool {
    let taken = |o: &Observed| {
        o.variant == "K01" && o.answer == Answer::Accepted && o.proof != Proof::RefusedLate
    };
    observed.iter().any(taken)
}

/// Does this accepted recipient mean something?
///
/// An external one does when the server tells recipients apart at all. K05 accepted alone does not void
/// it: a server that relays for everybody accepts `@*.invalid` as well, since it looks up nothing, but
/// it still refuses unknown mailboxes of its own domain (K01). Accept-all servers take both.
fn counts(probe: &Observed, all: &[Observed]) -> bool {
    match &probe.worth {
        Worth::External => ["K05", "K01"]
            .iter()
            .any(|id| control(all, id) == Control::Refused),
        Worth::Encoded(controls) => controls
            .iter()
            .all(|id| control(all, id) == Control::Refused),
        Worth::Control => false,
    }
}

/// Why nothing can be concluded from refusals, if so.
fn doubt(observed: &[Observed], asked: &[(&Observed, Level)]) -> Option<Judgement> {
    let inconclusive = |reason: &str, retry_after| Judgement {
        verdict: Verdict::Inconclusive,
        reason: reason.to_string(),
        by: Vec::new(),
        accepts_unknown: false,
        retry_after,
    };
    let answered = |wanted: fn(Answer) -> bool| observed.iter().any(|o| wanted(o.answer));
    if answered(|a| a == Answer::Blocked) {
        return Some(inconclusive(
            "the server says that this tester is listed or blocked",
            None,
        ));
    }
    let greylisted = observed.iter().find_map(|o| match o.answer {
        Answer::Greylisted { retry_after } => Some(retry_after.unwrap_or(GREYLIST_WAIT)),
        _ => None,
    });
    if let Some(wait) = greylisted {
        let reason = format!("the server greylists this tester; ask it again after {wait} seconds");
        return Some(inconclusive(&reason, Some(wait)));
    }
    let valid: Vec<Answer> = observed
        .iter()
        .filter(|o| o.variant == "K02")
        .map(|o| o.answer)
        .collect();
    if valid
        .iter()
        .any(|a| a.is_refusal() && *a != Answer::AuthWanted)
    {
        let reason = "the mailbox that is said to exist was refused, so the server refuses this tester, \
                      or the mailbox is not valid there";
        return Some(inconclusive(reason, None));
    }
    if !asked.iter().any(|(o, _)| o.variant == "A01") {
        return Some(inconclusive(
            "the plain relay attempt (A01) could not be made",
            None,
        ));
    }
    let silent = asked.iter().filter(|(_, l)| *l == Level::NoAnswer).count();
    if silent > 0 {
        let reason = format!(
            "{silent} of {} relay attempts got no clear answer",
            asked.len()
        );
        return Some(inconclusive(&reason, None));
    }
    let names_relaying = asked.iter().any(|(o, _)| o.answer.names_relaying());
    if !valid.contains(&Answer::Accepted) && !names_relaying {
        let reason = "everything was refused without a word about relaying, and no valid mailbox was \
                      accepted, so the server may refuse this tester altogether";
        return Some(inconclusive(reason, None));
    }
    None
}

fn ids<'a>(observed: impl Iterator<Item = &'a Observed>) -> Vec<&'static str> {
    let mut ids = Vec::new();
    for o in observed {
        if !ids.contains(&o.variant) {
            ids.push(o.variant);
        }
    }
    ids
}

#[cfg(test)]
#[path = "ladder_tests.rs"]
mod tests;
