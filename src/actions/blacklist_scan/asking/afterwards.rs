//! What is asked when the targets have been: test entries once more where that is due, and the reasons of the hits.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Asking, Unit, named, question, reply};
use crate::mail::dnsbl::{self, Expect, Health, Reading, Subject, Verdict};
use crate::probes::dns::{self, Answer, Batch, Outcome, RecordKind};

impl Asking<'_, '_> {
    /// "No data" is how some lists and resolvers refuse in the middle of a scan: units that gave it show their test entry
    /// again.
    pub(super) async fn recheck(&mut self) {
        let mut doubtful: Vec<usize> = self
            .heard
            .iter()
            .filter(|one| {
                let answer = one.answer.as_deref();
                answer.is_some_and(|answer| answer.outcome == Outcome::NoData)
            })
            .map(|one| one.unit)
            .collect();
        doubtful.sort_unstable();
        doubtful.dedup();
        for index in doubtful {
            let unit = &mut self.units[index];
            let control = unit
                .controls
                .iter()
                .find(|control| control.expect == Expect::Listed);
            let (Some(control), Some(server)) = (control, unit.server) else {
                continue;
            };
            let question = named(unit.chosen, &control.question.name, RecordKind::A)
                .operator(unit.chosen.list.operator.as_str())
                .fresh();
            let again = reply(&self.context.probes.dns.query_at(server, &question).await);
            match unit.chosen.list.read(&again).verdict {
                Verdict::NotListed => unit.health = Health::Silent,
                Verdict::Refused(why) => unit.health = Health::Refused(why),
                Verdict::Listed
                | Verdict::Allowed
                | Verdict::Noted
                | Verdict::Unknown(_)
                | Verdict::Broken(_) => {}
            }
        }
    }

    /// Fetches what the lists say about their hits, from the resolver that told of them, and looks how far those of IPv6
    /// addresses reach.
    pub(super) async fn explain(&mut self) {
        let hits: Vec<usize> = (0..self.heard.len())
            .filter(|index| {
                let one = &self.heard[*index];
                one.reading.verdict == Verdict::Listed && one.answer.is_some()
            })
            .collect();
        if hits.is_empty() {
            return;
        }
        self.context.progress.note(&format!(
            "asking for the reasons of {} listings",
            hits.len()
        ));
        let reasons = self.at_hits(&hits, |unit, subject| {
            let question = question(unit, subject)?;
            Some(named(unit.chosen, &question.name, RecordKind::Txt))
        });
        for (index, answer) in reasons.await {
            self.heard[index].text = answer.txt().iter().map(dns::Txt::joined).collect();
        }
        // Lists hold an IPv6 address for itself or with its whole /64: another one of it tells.
        let neighbours = self.at_hits(&hits, |unit, subject| {
            let question = question(unit, &Subject::Address(neighbour(subject)?.into()))?;
            Some(named(unit.chosen, &question.name, RecordKind::A))
        });
        for (index, answer) in neighbours.await {
            let unit = &self.units[self.heard[index].unit];
            let read = unit.chosen.list.read(&reply(&answer));
            let codes = |reading: &Reading| -> Vec<Ipv4Addr> {
                reading.listings().map(|part| part.code).collect()
            };
            let same = codes(&read) == codes(&self.heard[index].reading);
            let address = self.subjects[self.heard[index].subject].v6();
            self.heard[index].network = address
                .filter(|_| read.verdict == Verdict::Listed && same)
                .map(dnsbl::network_of);
        }
    }

    /// Asks again at hits, each at the resolver that told of it; gives the answers by hit. `put` makes the question, or none.
    async fn at_hits(
        &self,
        hits: &[usize],
        put: impl Fn(&Unit<'_>, &Subject) -> Option<dns::Question>,
    ) -> Vec<(usize, Answer)> {
        let told_by = |hit: usize| self.heard[hit].answer.as_ref().and_then(|one| one.server);
        let mut servers: Vec<SocketAddr> = hits.iter().filter_map(|hit| told_by(*hit)).collect();
        servers.sort_unstable();
        servers.dedup();
        let mut answers = Vec::new();
        for server in servers {
            let mut batches = Vec::new();
            let mut places: Vec<Vec<usize>> = Vec::new();
            for (index, unit) in self.units.iter().enumerate() {
                let (mine, asked): (Vec<usize>, Vec<dns::Question>) = hits
                    .iter()
                    .filter(|hit| self.heard[**hit].unit == index && told_by(**hit) == Some(server))
                    .filter_map(|hit| {
                        let question = put(unit, &self.subjects[self.heard[*hit].subject])?;
                        Some((*hit, question))
                    })
                    .unzip();
                batches.push(Batch::new(
                    Some(&unit.chosen.list.operator),
                    asked.into_iter(),
                ));
                places.push(mine);
            }
            let dns = &self.context.probes.dns;
            dns.sweep(Some(server), batches, |batch, number, answer| {
                answers.push((places[batch][number], answer));
            })
            .await;
        }
        answers
    }
}

/// Another address of the same /64, which hardly anybody will have; none of IPv4.
fn neighbour(subject: &Subject) -> Option<Ipv6Addr> {
    const FAR: u128 = 0x5bd1_e995_2c7a_41f3;
    subject
        .v6()
        .map(|address| Ipv6Addr::from_bits(address.to_bits() ^ FAR))
}
