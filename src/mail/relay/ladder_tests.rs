//! Each row of the laboratory table, and each rung, ends in its verdict.

use super::super::answer::Answer::{
    self, Accepted, AuthWanted, Blocked, Deferred, NoAnswer, Refused, RelayDenied,
};
use super::Verdict::{Closed, Inconclusive, NotProven, Open, Suspected, Undetermined};
use super::*;

const A: &[&str] = &[
    "A01", "A02", "A03", "A04", "A05", "A06", "A07", "A08", "A09", "A10", "A11",
];
const E: &[&str] = &[
    "B01", "B02", "B03", "B04", "B05", "C01", "C02", "C03", "C04", "C05", "E01", "E02", "E03",
    "E04", "F01",
];
const D: &[&str] = &["D01", "D02", "D03"];
const K: &[&str] = &["K01", "K02", "K03", "K04", "K05"];

/// Everything answered `rest`, except the ids in `but`.
fn observed(rest: Answer, but: &[(&str, Answer)]) -> Vec<Observed> {
    let all = K.iter().chain(A).chain(E).chain(D);
    all.map(|id| {
        let worth = match id.as_bytes() {
            [b'K', ..] => Worth::Control,
            [b'A' | b'D', ..] => Worth::External,
            [b'B', _, b'4' | b'5'] => Worth::Encoded(vec!["K01", "K05", "K03", "K04"]),
            [b'B', ..] => Worth::Encoded(vec!["K01", "K05", "K04"]),
            [_, _, b'1'] => Worth::Encoded(vec!["K01", "K05", "K03"]),
            _ => Worth::Encoded(vec!["K01", "K05"]),
        };
        let kind = match id.as_bytes()[0] {
            b'K' => Kind::C,
            b'A' => Kind::R,
            _ => Kind::E,
        };
        let answer = but.iter().find(|(i, _)| i == id).map_or(rest, |(_, a)| *a);
        Observed {
            variant: id,
            kind,
            worth,
            answer,
            proof: Proof::NotTried,
        }
    })
    .collect()
}

/// The same answer for several ids, before others.
fn each<'a>(
    ids: &[&'a str],
    answer: Answer,
    others: &[(&'a str, Answer)],
) -> Vec<(&'a str, Answer)> {
    ids.iter()
        .map(|id| (*id, answer))
        .chain(others.iter().copied())
        .collect()
}

/// A real message was tried for each accepted relay attempt, with this end.
fn proved(mut observed: Vec<Observed>, proof: Proof) -> Vec<Observed> {
    for o in observed
        .iter_mut()
        .filter(|o| o.kind != Kind::C && o.answer == Accepted)
    {
        o.proof = proof;
    }
    observed
}

const VALID: (&str, Answer) = ("K02", Accepted);
const UNKNOWN_USER: (&str, Answer) = ("K01", Refused);
const GREY: Answer = Answer::Greylisted {
    retry_after: Some(300),
};

/// Exchange 2003 without a recipient filter: odd addresses are local to it.
fn exchange() -> Vec<Observed> {
    let odd = [
        "B01", "B02", "B03", "B04", "B05", "C02", "C03", "C04", "C05", "E01", "E02", "E03", "E04",
        "K01", "K02", "K03", "K04",
    ];
    observed(RelayDenied, &each(&odd, Accepted, &[]))
}

#[test]
fn the_laboratory_table() {
    let world = observed(Accepted, &[UNKNOWN_USER]);
    let local_senders = observed(
        RelayDenied,
        &each(&["A05", "A06", "A07"], Accepted, &[VALID, UNKNOWN_USER]),
    );
    let rows = [
        (
            "default Postfix",
            observed(RelayDenied, &[VALID, UNKNOWN_USER]),
            Closed,
        ),
        ("mynetworks = world, screened", world.clone(), Suspected),
        (
            "mynetworks = world, a message arrived",
            proved(world.clone(), Proof::Arrived),
            Open,
        ),
        (
            "relay for local senders, screened",
            local_senders.clone(),
            Suspected,
        ),
        (
            "relay for local senders, a message arrived",
            proved(local_senders, Proof::Arrived),
            Open,
        ),
        (
            "HELO trust under the own HELO",
            observed(RelayDenied, &[VALID, UNKNOWN_USER]),
            Closed,
        ),
        ("Exchange-like, screened", exchange(), NotProven),
        (
            "Exchange-like, messages bounced",
            proved(exchange(), Proof::Bounced),
            Closed,
        ),
        (
            "the receiver outside refused, so it was passed on",
            proved(exchange(), Proof::HandedOn),
            Suspected,
        ),
        ("reject after dot, screened", world.clone(), Suspected),
        (
            "reject after dot, tried",
            proved(world, Proof::RefusedLate),
            NotProven,
        ),
        (
            "accept and discard, screened",
            observed(Accepted, &[]),
            Undetermined,
        ),
        (
            "accept and discard, tried",
            proved(observed(Accepted, &[]), Proof::Vanished),
            Undetermined,
        ),
    ];
    for (row, observed, expected) in rows {
        let judgement = judge(&observed);
        assert_eq!(judgement.verdict, expected, "{row}: {}", judgement.reason);
    }
}

#[test]
fn exchange_accepts_unknown_recipients_and_is_not_called_a_relay() {
    let judgement = judge(&exchange());
    assert!(judgement.accepts_unknown);
    assert_eq!(judgement.by, Vec::<&str>::new());
}

#[test]
fn a_suspicion_names_its_variants() {
    let judgement = judge(&observed(
        RelayDenied,
        &each(&["A05", "A07"], Accepted, &[VALID, UNKNOWN_USER]),
    ));
    assert_eq!(judgement.by, ["A05", "A07"]);
}

#[test]
fn controls_take_the_worth_of_what_they_speak_for() {
    for (accepted, controls, expected) in [
        // The plain form counts unless both impossible recipients were accepted.
        ("A01", &[][..], Suspected),
        ("A01", &["K01"], Suspected),
        ("A01", &["K05"], Suspected),
        ("A01", &["K01", "K05"], Undetermined),
        // An encoded form counts only when its own controls were refused.
        ("C05", &[], Suspected),
        ("C05", &["K01"], NotProven),
        ("C05", &["K05"], NotProven),
        ("C05", &["K03", "K04"], Suspected),
        ("C01", &["K03"], NotProven),
        ("B03", &["K04"], NotProven),
        ("B05", &["K03"], NotProven),
        // A source route is external by effect.
        ("D03", &["K01"], Suspected),
        ("D03", &["K01", "K05"], Undetermined),
    ] {
        let but = each(&[accepted, "K02"], Accepted, &each(controls, Accepted, &[]));
        let judgement = judge(&observed(RelayDenied, &but));
        assert_eq!(
            judgement.verdict, expected,
            "{accepted} with {controls:?}: {}",
            judgement.reason
        );
    }
}

#[test]
fn a_control_without_an_answer_clears_nobody_and_accuses_nobody() {
    let but = [("C05", Accepted), VALID, ("K01", NoAnswer)];
    assert_eq!(judge(&observed(RelayDenied, &but)).verdict, NotProven);
    let but = [
        ("A01", Accepted),
        VALID,
        ("K01", NoAnswer),
        ("K05", NoAnswer),
    ];
    assert_eq!(judge(&observed(RelayDenied, &but)).verdict, Undetermined);
}

#[test]
fn refusals_close_only_when_the_server_could_be_asked() {
    let without = |mut all: Vec<Observed>, id: &str| {
        all.retain(|o| o.variant != id);
        all
    };
    let rows = [
        (
            "all refused, valid mailbox accepted",
            observed(Refused, &[VALID]),
            Closed,
        ),
        (
            "454 relay access denied, valid mailbox not known",
            without(observed(RelayDenied, &[]), "K02"),
            Closed,
        ),
        (
            "all refused without a word, valid mailbox not known",
            without(observed(Refused, &[]), "K02"),
            Inconclusive,
        ),
        (
            "authentication wanted from everybody",
            observed(AuthWanted, &[]),
            Closed,
        ),
        (
            "the valid mailbox refused",
            observed(Refused, &[]),
            Inconclusive,
        ),
        ("the tester blocked", observed(Blocked, &[]), Inconclusive),
        (
            "blocked half way",
            observed(RelayDenied, &[VALID, ("B05", Blocked)]),
            Inconclusive,
        ),
        ("all greylisted", observed(GREY, &[]), Inconclusive),
        (
            "one attempt without answer",
            observed(RelayDenied, &[VALID, ("A04", NoAnswer)]),
            Inconclusive,
        ),
        (
            "one attempt put off",
            observed(RelayDenied, &[VALID, ("A04", Deferred)]),
            Inconclusive,
        ),
        (
            "no plain attempt",
            without(observed(RelayDenied, &[VALID]), "A01"),
            Inconclusive,
        ),
        ("nothing asked", Vec::new(), Inconclusive),
    ];
    for (row, observed, expected) in rows {
        let judgement = judge(&observed);
        assert_eq!(judgement.verdict, expected, "{row}: {}", judgement.reason);
    }
}

#[test]
fn an_accepted_relay_attempt_outweighs_every_doubt() {
    let but = [
        ("A05", Accepted),
        ("K01", Refused),
        ("B05", Blocked),
        ("A04", NoAnswer),
    ];
    assert_eq!(judge(&observed(Refused, &but)).verdict, Suspected);
}

#[test]
fn greylisting_says_when_to_come_back() {
    assert_eq!(judge(&observed(GREY, &[])).retry_after, Some(300));
    let vague = Answer::Greylisted { retry_after: None };
    assert_eq!(
        judge(&observed(vague, &[])).retry_after,
        Some(GREYLIST_WAIT)
    );
}

#[test]
fn nothing_is_open_without_an_arrived_message() {
    use Proof::{Arrived, ArrivedElsewhere, NotTried, RefusedLate, Vanished};
    for proof in [
        NotTried,
        RefusedLate,
        Proof::Accepted,
        Arrived,
        ArrivedElsewhere,
        Proof::Bounced,
        Proof::HandedOn,
        Vanished,
    ] {
        let verdict = judge(&proved(observed(Accepted, &[UNKNOWN_USER]), proof)).verdict;
        assert_eq!(
            verdict == Open,
            matches!(proof, Arrived | ArrivedElsewhere),
            "{proof:?}"
        );
    }
}

#[test]
fn the_worst_endpoint_speaks_for_all() {
    for (endpoints, expected) in [
        (&[Some(Closed), Some(Open)][..], Open),
        (
            &[Some(Closed), Some(Suspected), Some(Inconclusive)],
            Suspected,
        ),
        (&[Some(Closed), Some(Inconclusive)], Inconclusive),
        (&[Some(Closed), Some(NotProven)], NotProven),
        (&[Some(Closed), None], Closed),
        (&[None, None], Inconclusive),
        (&[], Inconclusive),
    ] {
        assert_eq!(overall(endpoints), expected, "{endpoints:?}");
    }
}
