//! Which accepted attempts are worth a marked message, and what its way back proves.
//!
//! A message goes out only for attempts that mean something: those whose external recipient was accepted by a server that
//! tells recipients apart. Where a whole family of forms was accepted and means nothing, because nonsense of the same form was
//! accepted too, one message stands for the family: a server that relays by that form alone looks the same.

use std::collections::BTreeSet;

use super::answer::Answer;
use super::ladder::{self, Level, Observed, Proof};
use super::variant::Kind;

/// Most messages in one connection, and in one round before their fate is known.
pub const A_ROUND: usize = 8;

/// The best form to stand for its family.
const SPEAKERS: [&str; 6] = ["A01", "B03", "C05", "D03", "E04", "F01"];

/// The places in `observed` whose attempts are worth a message, in the order of sending; each variant once. K01 is among them:
/// a bounce of its message proves backscatter.
pub fn worth_a_message(observed: &[Observed]) -> Vec<usize> {
    let untried: Vec<Observed> = observed
        .iter()
        .map(|o| Observed {
            proof: Proof::NotTried,
            ..o.clone()
        })
        .collect();
    let accepted = |wanted: &dyn Fn(&Observed) -> bool| -> Vec<usize> {
        let taken = |o: &Observed| o.answer == Answer::Accepted && wanted(o);
        (0..untried.len())
            .filter(|at| taken(&untried[*at]))
            .collect()
    };
    let mut chosen = accepted(&|o| o.variant == "K01");
    let suspected =
        accepted(&|o| o.kind != Kind::C && ladder::level(o, &untried) == Level::Suspected);
    let families: BTreeSet<char> = suspected.iter().map(|at| family(&untried[*at])).collect();
    chosen.extend(suspected);
    for speaker in SPEAKERS {
        let of_family = |o: &Observed| o.kind != Kind::C && speaker.starts_with(family(o));
        let all = accepted(&of_family);
        let best = all.iter().find(|at| untried[**at].variant == speaker);
        if let Some(at) = best.or(all.first())
            && !families.contains(&family(&untried[*at]))
        {
            chosen.push(*at);
        }
    }
    let mut seen = BTreeSet::new();
    chosen.retain(|at| seen.insert(untried[*at].variant));
    chosen
}

/// A message for one form of a variant speaks for its other forms. A17 differs from A01 by a first recipient who exists, and is
/// not tried: he would get the message.
pub(super) fn speaks_for(tried: &[&str], variant: &str) -> bool {
    tried.contains(&variant) || (variant == "A17" && tried.contains(&"A01"))
}

/// True when one more message could prove something: nothing has arrived, and nothing that was taken is still out.
pub fn may_go_on(observed: &[Observed]) -> bool {
    let out = |o: &Observed| {
        matches!(
            o.proof,
            Proof::Accepted | Proof::Vanished | Proof::Arrived | Proof::ArrivedElsewhere
        )
    };
    !observed.iter().any(|o| o.kind != Kind::C && out(o))
}

fn family(o: &Observed) -> char {
    o.variant.chars().next().unwrap_or('?')
}

#[cfg(test)]
mod tests {
    use super::super::probe::Worth;
    use super::*;

    fn observed(variant: &'static str, answer: Answer) -> Observed {
        let kind = match variant.as_bytes()[0] {
            b'K' => Kind::C,
            b'A' => Kind::R,
            _ => Kind::E,
        };
        let worth = match kind {
            Kind::C => Worth::Control,
            Kind::R => Worth::External,
            Kind::E => Worth::Encoded(vec!["K01", "K04"]),
        };
        Observed {
            variant,
            kind,
            worth,
            answer,
            proof: Proof::NotTried,
        }
    }

    fn chosen(accepted: &[&str]) -> Vec<&'static str> {
        let all = [
            "K01", "K02", "K04", "K05", "A01", "A05", "A05", "B01", "B03", "C02", "D03", "E02",
        ];
        let observed: Vec<Observed> = all
            .iter()
            .map(|id| {
                let answer = if accepted.contains(id) {
                    Answer::Accepted
                } else {
                    Answer::RelayDenied
                };
                observed(id, answer)
            })
            .collect();
        let places = worth_a_message(&observed);
        places.iter().map(|at| observed[*at].variant).collect()
    }

    #[test]
    fn what_is_worth_a_message() {
        for (accepted, expected) in [
            (&[][..], &[][..]),
            (&["K02"], &[]),
            // Level 3: each variant once.
            (&["A05"], &["A05"]),
            (&["A01", "A05", "B03"], &["A01", "A05", "B03"]),
            // Only forms whose nonsense is accepted too: one for the family, the best one first.
            (&["K04", "B01", "B03"], &["B03"]),
            (&["K01", "B01", "C02", "E02"], &["K01", "B01", "C02", "E02"]),
            // Everything: the controls have taken all worth away.
            (
                &[
                    "K01", "K02", "K04", "K05", "A01", "A05", "B01", "B03", "D03",
                ],
                &["K01", "A01", "B03", "D03"],
            ),
            // A hole for own senders beside odd addresses that mean nothing.
            (&["K01", "A05", "B03"], &["K01", "A05", "B03"]),
        ] {
            assert_eq!(chosen(accepted), expected, "{accepted:?}");
        }
    }

    #[test]
    fn the_next_messages_wait_for_the_first() {
        for (proof, more) in [
            (Proof::NotTried, true),
            (Proof::RefusedLate, true),
            (Proof::Bounced, true),
            (Proof::Accepted, false),
            (Proof::Vanished, false),
            (Proof::Arrived, false),
            (Proof::ArrivedElsewhere, false),
        ] {
            let tried = Observed {
                proof,
                ..observed("A01", Answer::Accepted)
            };
            let control = Observed {
                proof: Proof::Accepted,
                ..observed("K01", Answer::Accepted)
            };
            assert_eq!(may_go_on(&[control, tried]), more, "{proof:?}");
        }
    }
}
