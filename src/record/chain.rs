//! The hash chain over the events of a run: each event carries the hash of the one before.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::Event;

/// `prev` of the first event.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// SHA-256 of an event's line of JSON, in lower-case hex.
pub fn hash(line: &[u8]) -> String {
    let digest = Sha256::digest(line);
    let mut text = String::with_capacity(64);
    for byte in digest {
        text.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
        text.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
    }
    text
}

/// Where and how a chain does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("event {seq}: {fault}")]
pub struct Broken {
    /// The event that does not fit.
    pub seq: u64,
    /// What is wrong with it.
    pub fault: String,
}

impl Broken {
    fn at(seq: u64, fault: impl Into<String>) -> Self {
        Broken {
            seq,
            fault: fault.into(),
        }
    }
}

/// An event as it is looked at here.
struct Link {
    prev: String,
    hash: String,
    place: usize,
}

/// All that is wrong with the numbers and hashes of a run's events, given as the exact bytes they were stored as; empty when
/// nothing was altered, left out or moved. Events that were cut off the end cannot be seen here, nor an altered last event.
pub fn faults<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> Vec<Broken> {
    let mut faults = Vec::new();
    let mut links: BTreeMap<u64, Link> = BTreeMap::new();
    let mut highest = 0;
    for (place, line) in lines.into_iter().enumerate() {
        let event: Event = match serde_json::from_slice(line) {
            Ok(event) => event,
            Err(error) => {
                let fault = format!("the line in its place is no event ({error})");
                faults.push(Broken::at(place as u64 + 1, fault));
                continue;
            }
        };
        if event.seq < highest && !links.contains_key(&event.seq) {
            let fault = format!("was moved: it stands after event {highest}");
            faults.push(Broken::at(event.seq, fault));
        }
        let link = Link {
            prev: event.prev,
            hash: hash(line),
            place,
        };
        highest = highest.max(event.seq);
        if let Some(first) = links.get(&event.seq) {
            let same = first.hash == link.hash;
            let fault = format!(
                "is there twice, on lines {} and {} ({})",
                first.place + 1,
                place + 1,
                if same { "the same" } else { "not the same" }
            );
            faults.push(Broken::at(event.seq, fault));
            continue;
        }
        links.insert(event.seq, link);
    }
    faults.extend(missing(&links, &faults));
    faults.extend(altered(&links));
    faults.sort_by_key(|broken| broken.seq);
    faults
}

/// The gaps in the numbers. A line that could not be read was told already.
fn missing(links: &BTreeMap<u64, Link>, told: &[Broken]) -> Vec<Broken> {
    let mut gaps = Vec::new();
    let mut expected = 1;
    for seq in links.keys() {
        let lost: Vec<u64> = (expected..*seq)
            .take(1000)
            .filter(|seq| told.iter().all(|broken| broken.seq != *seq))
            .collect();
        if let Some(first) = lost.first() {
            let fault = match seq - 1 {
                last if last == *first => "is missing".to_owned(),
                last => format!("is missing, and all up to event {last}"),
            };
            gaps.push(Broken::at(*first, fault));
        }
        expected = seq + 1;
    }
    gaps
}

/// Where an event carries another hash than that of the event before it.
///
/// The event before was altered then, for its own hash is what does not fit; only when the hash that it carries itself does not
/// fit either may it be one alteration, of the hash in the event between.
fn altered(links: &BTreeMap<u64, Link>) -> Vec<Broken> {
    let holds = |seq: u64| match (links.get(&(seq.wrapping_sub(1))), links.get(&seq)) {
        (_, Some(first)) if seq == 1 => first.prev == GENESIS,
        (Some(before), Some(after)) => before.hash == after.prev,
        // A gap is told as one.
        _ => true,
    };
    let mut faults = Vec::new();
    if !holds(1) {
        faults.push(Broken::at(
            1,
            "was altered: it is not the beginning of a run",
        ));
    }
    let mut seqs = links.keys().copied().filter(|seq| *seq > 1).peekable();
    while let Some(seq) = seqs.next() {
        if holds(seq) {
            continue;
        }
        if seqs.peek() == Some(&(seq + 1)) && !holds(seq + 1) {
            seqs.next();
            faults.push(Broken::at(
                seq,
                format!("was altered, maybe event {} too", seq - 1),
            ));
        } else {
            let fault = format!("was altered: event {seq} carries another hash of it");
            faults.push(Broken::at(seq - 1, fault));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{EventKind, NewEvent};

    /// A chain of five events.
    fn chain() -> Vec<Vec<u8>> {
        let mut lines: Vec<Vec<u8>> = Vec::new();
        for seq in 1..=5 {
            let event = NewEvent {
                at: jiff::Timestamp::UNIX_EPOCH,
                actor: "engine".to_owned(),
                event: EventKind::Interrupted {
                    reason: format!("reason {seq}"),
                },
            };
            let prev = lines
                .last()
                .map_or_else(|| GENESIS.to_owned(), |line| hash(line));
            let mut line = Vec::new();
            event.write_line(&mut line, seq, &prev).expect("JSON");
            lines.push(line);
        }
        lines
    }

    fn told(lines: &[Vec<u8>]) -> Vec<String> {
        let found = faults(lines.iter().map(Vec::as_slice));
        found.iter().map(Broken::to_string).collect()
    }

    fn swap(line: &[u8], from: &str, to: &str) -> Vec<u8> {
        let text = String::from_utf8(line.to_vec()).expect("text");
        assert!(text.contains(from), "{text}");
        text.replace(from, to).into_bytes()
    }

    #[test]
    fn an_untouched_chain_has_no_fault() {
        assert!(told(&chain()).is_empty());
        assert!(told(&[]).is_empty());
    }

    #[test]
    fn the_event_that_was_altered_is_named() {
        for seq in 1..=4 {
            let mut lines = chain();
            lines[seq - 1] = swap(&lines[seq - 1], "\"reason ", "\"treason ");
            let wanted = format!(
                "event {seq}: was altered: event {} carries another hash of it",
                seq + 1
            );
            assert_eq!(told(&lines), [wanted]);
        }
        let mut lines = chain();
        let prev = hash(&lines[1]);
        lines[2] = swap(&lines[2], &prev, GENESIS);
        assert_eq!(told(&lines), ["event 3: was altered, maybe event 2 too"]);
        let mut lines = chain();
        lines[0] = swap(&lines[0], GENESIS, &prev);
        assert_eq!(told(&lines).len(), 2, "{:?}", told(&lines));
        let mut lines = chain();
        lines[2] = b"not an event".to_vec();
        assert!(told(&lines)[0].starts_with("event 3: the line in its place is no event"));
        assert_eq!(told(&lines).len(), 1);
    }

    #[test]
    fn missing_moved_and_doubled_events_are_named() {
        for (order, wanted) in [
            (&[1, 2, 4, 5][..], &["event 3: is missing"][..]),
            (&[1, 4, 5], &["event 2: is missing, and all up to event 3"]),
            (&[2, 3, 4, 5], &["event 1: is missing"]),
            (
                &[1, 3, 2, 4, 5],
                &["event 2: was moved: it stands after event 3"],
            ),
            (
                &[1, 3, 4, 2, 5],
                &["event 2: was moved: it stands after event 4"],
            ),
            (
                &[1, 2, 3, 3, 4, 5],
                &["event 3: is there twice, on lines 3 and 4 (the same)"],
            ),
        ] {
            let whole = chain();
            let lines: Vec<Vec<u8>> = order.iter().map(|seq| whole[seq - 1].clone()).collect();
            assert_eq!(told(&lines), wanted, "{order:?}");
        }
    }
}
