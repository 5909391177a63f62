//! What a session may do that is logged in: its own sender, another's, a foreign one, and how many recipients.

use serde::{Deserialize, Serialize};

use super::asking::{self, Asked, Call, Pace, Said};
use super::ground::Ground;
use super::screening::Screening;
use crate::mail::relay::answer::Answer;
use crate::mail::relay::names::Mailbox;
use crate::mail::relay::probe::{Line, Probe, Stage, Worth};
use crate::mail::relay::variant::{Greeting, Kind};
use crate::probes::smtp::Session;
use crate::record::Verdict;
use crate::site::Account;

/// The most recipients that are named to see where the limit is: with the questions before them, less than sixty a session.
const MOST_RECIPIENTS: u32 = 50;
/// Variants with a sender of the site's own: who takes one from strangers takes it from anybody.
const OWN_SENDERS: [&str; 3] = ["A05", "A06", "A07"];
/// A variant with a foreign sender.
const FOREIGN_SENDER: [&str; 1] = ["A01"];
/// Nobody can see this in one session.
const RATE: &str = "how many an hour was not measured: that would take an hour of mail";

/// One question and its answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Check {
    /// `G4` to `G8`.
    pub(super) id: String,
    /// One of the four.
    pub(super) outcome: Verdict,
    /// What was seen, or why not.
    pub(super) detail: String,
    /// The dialogue.
    pub(super) replies: Vec<Said>,
}

impl Check {
    pub(super) fn new(id: &str, outcome: Verdict, detail: &str) -> Self {
        Self {
            id: id.to_owned(),
            outcome,
            detail: detail.to_owned(),
            replies: Vec::new(),
        }
    }

    fn with(self, asked: Asked) -> Self {
        Self {
            replies: asked.said,
            ..self
        }
    }

    /// The dialogue as text, for evidence.
    pub(super) fn transcript(&self) -> String {
        let lines: String = self.replies.iter().map(Said::lines).collect();
        format!("{}: {}\n{lines}", self.id, self.detail)
    }
}

/// G4, G5, G6 and G8, in a session that is logged in.
pub(super) async fn ask(
    session: &mut Session,
    account: &Account,
    ground: &Ground,
    screening: &Screening,
    call: &Call,
) -> Vec<Check> {
    let only = |own: Check, outcome, why: &str| {
        let void = |id| Check::new(id, outcome, why);
        vec![own, void("G5"), void("G6"), void("G8")]
    };
    const UNCLEAR: &str = "not asked: G4 has no clear answer";
    let Some(recipient) = &ground.recipient else {
        let why = "no recipient outside the site is known: name one as probe.recipient";
        let own = Check::new("G4", Verdict::Unknown, why);
        return only(own, Verdict::Unknown, UNCLEAR);
    };
    let mut asking = Asking {
        session,
        pace: Pace::new(call.limits.pause),
        outside: marked(recipient, &screening.nonce),
        screening,
    };
    let own = asking.own(&account.sender).await;
    match own.outcome {
        Verdict::Good => {}
        Verdict::Unknown => return only(own, Verdict::Unknown, UNCLEAR),
        _ => {
            let why = "not asked: after its login not even the account's own mail goes out (G4)";
            return only(own, Verdict::NotApplicable, why);
        }
    }
    let other = account
        .other_sender
        .as_deref()
        .or(screening.target.valid_mailbox.as_deref())
        .filter(|other| !other.eq_ignore_ascii_case(&account.sender));
    let other = asking.sender("G5", other).await;
    let foreign = ground.sender.as_ref().map(Mailbox::to_string);
    let foreign = asking.sender("G6", foreign.as_deref()).await;
    let most = asking.recipients(&account.sender, call).await;
    vec![own, other, foreign, most]
}

struct Asking<'a> {
    session: &'a mut Session,
    pace: Pace,
    /// The recipient outside the site.
    outside: String,
    screening: &'a Screening,
}

impl Asking<'_> {
    /// G4: the account's own mail to somebody outside.
    async fn own(&mut self, sender: &str) -> Check {
        let asked = self.envelope("G4", sender).await;
        let (outcome, detail) = match asked.answer {
            Answer::Accepted if self.strangers_may(&OWN_SENDERS) => (
                Verdict::Unknown,
                "taken, but from strangers too: what the login adds cannot be seen",
            ),
            Answer::Accepted => (
                Verdict::Good,
                "the account's mail to the outside is taken: relaying after a login works as intended",
            ),
            answer if answer.is_refusal() => (
                Verdict::Finding,
                "the account's own mail to the outside is refused after its login",
            ),
            _ => (Verdict::Unknown, "no lasting answer"),
        };
        Check::new("G4", outcome, detail).with(asked)
    }

    /// G5 and G6: a sender that is not the account's.
    async fn sender(&mut self, id: &'static str, sender: Option<&str>) -> Check {
        let (lacks, taken_from_strangers): (&str, &[&str]) = match id {
            "G5" => (
                "no other address of the site is known (account.other_sender, or valid_mailbox)",
                &OWN_SENDERS,
            ),
            _ => (
                "no sender outside the site is known (probe.sender)",
                &FOREIGN_SENDER,
            ),
        };
        let Some(sender) = sender else {
            return Check::new(id, Verdict::NotApplicable, lacks);
        };
        let asked = self.envelope(id, sender).await;
        let (outcome, detail) = match asked.answer {
            Answer::Accepted if self.strangers_may(taken_from_strangers) => (
                Verdict::Unknown,
                format!("{sender} is taken from strangers too: what the login adds cannot be seen"),
            ),
            Answer::Accepted => (
                Verdict::Finding,
                format!("the account may send as {sender}, which is not its own"),
            ),
            answer if answer.is_refusal() => (
                Verdict::Good,
                format!("the account may not send as {sender}"),
            ),
            _ => (Verdict::Unknown, "no lasting answer".to_owned()),
        };
        Check::new(id, outcome, &detail).with(asked)
    }

    /// G8: from EHLO, else counted, a few dozen at most.
    async fn recipients(&mut self, sender: &str, call: &Call) -> Check {
        if let Some(most) = self.session.capabilities().most_recipients() {
            let detail = format!("at most {most} recipients a message, says EHLO (LIMITS); {RATE}");
            return Check::new("G8", Verdict::Good, &detail);
        }
        let mut asked = self.envelope("G8", sender).await;
        let again = asked.probe.lines.split_off(1);
        let mut taken = 0;
        while asked.answer == Answer::Accepted {
            taken += 1;
            if taken == MOST_RECIPIENTS || call.is_over() {
                break;
            }
            let next = Probe {
                lines: again.clone(),
                ..asked.probe.clone()
            };
            let next = asking::ask(self.session, &next, &mut self.pace).await;
            asked.answer = next.answer;
            asked.said.extend(next.said);
        }
        self.take_back().await;
        let (outcome, detail) = if asked.answer == Answer::Accepted {
            (
                Verdict::Unknown,
                format!(
                    "not measured: {taken} recipients of one message were taken, and no more were named; {RATE}"
                ),
            )
        } else if let Some(said) = asked.said.last().filter(|_| taken > 0)
            && said.asks_for_less()
        {
            let words = said.words();
            (
                Verdict::Good,
                format!("no more than {taken} recipients were taken at a time ({words}); {RATE}"),
            )
        } else {
            (
                Verdict::Unknown,
                format!("not measured: after {taken} recipients came another answer; {RATE}"),
            )
        };
        // The first and the last tell; those between are all alike.
        if let Some(last) = asked.said.len().checked_sub(1).filter(|last| *last > 2) {
            asked.said.drain(2..last);
        }
        Check::new("G8", outcome, &detail).with(asked)
    }

    /// One envelope to the outside, taken back unless it is G8's, which goes on with it.
    async fn envelope(&mut self, id: &'static str, sender: &str) -> Asked {
        let outside = &self.outside;
        let line = |stage, text| Line { stage, text };
        let probe = Probe {
            variant: id,
            kind: Kind::R,
            worth: Worth::External,
            greeting: Greeting::Ehlo,
            helo: String::new(),
            lines: vec![
                line(Stage::Mail, format!("MAIL FROM:<{sender}>")),
                line(Stage::Rcpt, format!("RCPT TO:<{outside}>")),
            ],
        };
        let asked = asking::ask(self.session, &probe, &mut self.pace).await;
        if id != "G8" {
            self.take_back().await;
        }
        asked
    }

    /// Nothing is sent; a session that is lost meanwhile says so at the next question.
    async fn take_back(&mut self) {
        if self.session.is_open() {
            let _ = self.session.rset().await;
        }
    }

    /// Whether the server takes the like from strangers: one of these variants, or everything (K05).
    fn strangers_may(&self, variants: &[&str]) -> bool {
        self.screening.asked.iter().any(|asked| {
            let id = asked.probe.variant;
            asked.accepted() && (id == "K05" || variants.contains(&id))
        })
    }
}

/// The recipient with a mark in its plus part, where there is room for one (RFC 5321 4.5.3.1.1).
fn marked(recipient: &Mailbox, nonce: &str) -> String {
    let local = format!("{}+{nonce}g", recipient.local());
    if local.len() > 64 {
        return recipient.to_string();
    }
    format!("{local}@{}", recipient.domain())
}
