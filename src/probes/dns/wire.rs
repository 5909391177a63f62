//! Packets: queries are written by hand (one small buffer each), answers are read by hickory-proto.

use hickory_proto::op::Message;
use hickory_proto::rr::{Name, RData};

use super::answer::{Mx, Outcome, Record, Soa, Txt, Value};
use super::question::RecordKind;

/// Octets of the DNS header.
pub(super) const HEADER: usize = 12;
/// A UDP answer size that no path fragments (DNS flag day 2020).
pub(super) const EDNS_PAYLOAD: u16 = 1232;

const FLAG_RESPONSE: u8 = 0x80;
const FLAG_TRUNCATED: u8 = 0x02;

/// A query packet and how much of it is header and question.
pub(super) struct Query {
    /// The packet.
    pub(super) packet: Vec<u8>,
    /// Where the question ends; an answer must repeat everything from octet 12 up to here.
    pub(super) question_end: usize,
    /// Its letters have random case, so the answer must repeat that too.
    pub(super) scattered: bool,
}

/// Writes a recursive query. With `scatter` the letters of the name get random case (0x20), with
/// `edns` an OPT record is added.
///
/// # Errors
///
/// Says what is wrong with the name, without repeating it: it may hold a key.
pub(super) fn encode(
    id: u16,
    name: &str,
    kind: RecordKind,
    scatter: bool,
    edns: bool,
) -> Result<Query, &'static str> {
    let mut packet = Vec::with_capacity(HEADER + name.len() + 2 + 4 + 11);
    packet.extend_from_slice(&id.to_be_bytes());
    packet.extend_from_slice(&[0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, u8::from(edns)]);
    if !name.is_empty() {
        for label in name.split('.') {
            push_label(&mut packet, label)?;
        }
    }
    packet.push(0);
    if packet.len() - HEADER > 255 {
        return Err("the name is longer than 253 characters");
    }
    if scatter {
        scatter_case(&mut packet[HEADER..]);
    }
    packet.extend_from_slice(&kind.code().to_be_bytes());
    packet.extend_from_slice(&[0, 1]);
    let question_end = packet.len();
    if edns {
        packet.extend_from_slice(&[0, 0, 41]);
        packet.extend_from_slice(&EDNS_PAYLOAD.to_be_bytes());
        packet.extend_from_slice(&[0; 6]);
    }
    Ok(Query {
        packet,
        question_end,
        scattered: scatter,
    })
}

/// How an incoming packet relates to the question that is open under its id.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Echo {
    /// It repeats the question to the letter.
    Exact,
    /// The same question with other upper and lower case.
    OtherCase,
    /// It answers something else (or nothing): not for us.
    Foreign,
}

/// Compares an answer with the query it claims to answer.
pub(super) fn echo(query: &Query, answer: &[u8]) -> Echo {
    let asked = &query.packet[HEADER..query.question_end];
    if answer.len() < HEADER || answer[2] & FLAG_RESPONSE == 0 {
        return Echo::Foreign;
    }
    let questions = u16::from_be_bytes([answer[4], answer[5]]);
    if questions == 0 && rcode(answer) != 0 {
        // Servers that refuse before they parse (FORMERR, REFUSED) may leave the question out.
        return Echo::Exact;
    }
    match answer.get(HEADER..query.question_end) {
        Some(echoed) if questions == 1 && echoed == asked => Echo::Exact,
        Some(echoed) if questions == 1 && echoed.eq_ignore_ascii_case(asked) => {
            if query.scattered {
                Echo::OtherCase
            } else {
                Echo::Exact
            }
        }
        _ => Echo::Foreign,
    }
}

/// The TC bit.
pub(super) fn is_truncated(answer: &[u8]) -> bool {
    answer[2] & FLAG_TRUNCATED != 0
}

/// The response code of the header (without the EDNS extension).
pub(super) fn rcode(answer: &[u8]) -> u8 {
    answer[3] & 0x0f
}

/// An answer taken apart.
pub(super) struct Decoded {
    /// What it says about the last name of the alias chain.
    pub(super) outcome: Outcome,
    /// Alias targets, in order.
    pub(super) chain: Vec<String>,
    /// Seconds it may be kept, if at all.
    pub(super) ttl: Option<u32>,
    /// The AA bit.
    pub(super) authoritative: bool,
}

/// Reads an answer to `name` and `kind`, following the aliases it contains.
pub(super) fn decode(name: &str, kind: RecordKind, answer: &[u8]) -> Decoded {
    let message = match Message::from_vec(answer) {
        Ok(message) => message,
        Err(error) => {
            return Decoded {
                outcome: Outcome::Malformed(error.to_string()),
                chain: Vec::new(),
                ttl: None,
                authoritative: false,
            };
        }
    };
    let authoritative = message.metadata.authoritative;
    let code = u16::from(message.metadata.response_code);
    let mut chain = Vec::new();
    let mut ttl = u32::MAX;
    let mut records = Vec::new();
    if !message.answers.is_empty() {
        follow(&message, name, kind, &mut chain, &mut ttl, &mut records);
    }
    let (outcome, ttl) = match code {
        0 if !records.is_empty() => (Outcome::Records(records), Some(ttl)),
        0 => (Outcome::NoData, negative_ttl(&message, ttl)),
        3 => (Outcome::NxDomain, negative_ttl(&message, ttl)),
        2 => (Outcome::ServFail, None),
        5 => (Outcome::Refused, None),
        other => (Outcome::Rcode(other), None),
    };
    Decoded {
        outcome,
        chain,
        ttl,
        authoritative,
    }
}

/// Reads the plain answers that list servers give: addresses of exactly the name asked for, or none with an SOA record, and
/// nothing compressed in an unusual way. None: it takes [`decode`] to read this one.
pub(super) fn decode_plain(query: &Query, answer: &[u8]) -> Option<Decoded> {
    let count = |at: usize| Some(u16::from_be_bytes([*answer.get(at)?, *answer.get(at + 1)?]));
    let (answers, authorities) = (count(6)?, count(8)?);
    let mut at = query.question_end;
    let mut ttl = u32::MAX;
    let mut records = Vec::new();
    let outcome = match rcode(answer) {
        0 if answers > 0 => {
            for _ in 0..answers {
                let record = answer.get(at..at + 16)?;
                // owner: a pointer to the question's name; type A, class IN, four octets
                if record[..6] != [0xc0, HEADER as u8, 0, 1, 0, 1] || record[10..12] != [0, 4] {
                    return None;
                }
                let kept = u32::from_be_bytes(record[6..10].try_into().ok()?);
                ttl = ttl.min(kept);
                let octets: [u8; 4] = record[12..16].try_into().ok()?;
                records.push((kept, octets));
                at += 16;
            }
            let name = plain_name(query);
            let of = |(ttl, octets): (u32, [u8; 4])| Record {
                name: name.clone(),
                ttl,
                value: Value::A(octets.into()),
            };
            Outcome::Records(records.into_iter().map(of).collect())
        }
        3 if answers == 0 && authorities == 1 => {
            ttl = soa_ttl(answer, at)?;
            Outcome::NxDomain
        }
        _ => return None,
    };
    Some(Decoded {
        outcome,
        chain: Vec::new(),
        ttl: Some(ttl),
        authoritative: answer[2] & 0x04 != 0,
    })
}

/// The name of a query, lower case.
fn plain_name(query: &Query) -> String {
    let mut name = String::with_capacity(query.question_end - HEADER);
    let mut rest = &query.packet[HEADER..];
    while let Some((&length, after)) = rest.split_first()
        && length > 0
    {
        let (label, after) = after.split_at(usize::from(length));
        if !name.is_empty() {
            name.push('.');
        }
        name.extend(label.iter().map(|octet| octet.to_ascii_lowercase() as char));
        rest = after;
    }
    name
}

/// The negative TTL (RFC 2308 section 5) of the SOA record at `at`; None when it is another record.
fn soa_ttl(answer: &[u8], at: usize) -> Option<u32> {
    let fixed = skip_name(answer, at)?;
    let head = answer.get(fixed..fixed + 10)?;
    if head[..4] != [0, 6, 0, 1] {
        return None;
    }
    let own = u32::from_be_bytes(head[4..8].try_into().ok()?);
    let length = usize::from(u16::from_be_bytes([head[8], head[9]]));
    let data = answer.get(fixed + 10..fixed + 10 + length)?;
    let minimum = u32::from_be_bytes(data.last_chunk::<4>().copied()?);
    Some(own.min(minimum))
}

/// Where a name ends that begins at `at`.
fn skip_name(answer: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *answer.get(at)? {
            0 => return Some(at + 1),
            pointer if pointer >= 0xc0 => return Some(at + 2),
            length if length < 64 => at += 1 + usize::from(length),
            _ => return None,
        }
    }
}

/// Walks the alias chain inside one message and collects the records at its end.
fn follow(
    message: &Message,
    name: &str,
    kind: RecordKind,
    chain: &mut Vec<String>,
    ttl: &mut u32,
    records: &mut Vec<Record>,
) {
    let owners: Vec<String> = message.answers.iter().map(|r| plain(&r.name)).collect();
    let mut at = name.to_owned();
    // Each pass takes one alias; more aliases than records would be a loop.
    for _ in 0..=message.answers.len() {
        let mut next = None;
        for (record, owner) in message.answers.iter().zip(&owners) {
            if !owner.eq_ignore_ascii_case(&at) {
                continue;
            }
            let value = value(&record.data);
            if value.kind() == kind {
                *ttl = (*ttl).min(record.ttl);
                records.push(Record {
                    name: owner.clone(),
                    ttl: record.ttl,
                    value,
                });
            } else if let Value::Cname(target) = value {
                *ttl = (*ttl).min(record.ttl);
                next = Some(target);
            }
        }
        match next {
            Some(target) if records.is_empty() => {
                chain.push(target.clone());
                at = target;
            }
            _ => return,
        }
    }
}

/// RFC 2308 section 5: the least of the SOA's own TTL and its minimum; without SOA not kept.
fn negative_ttl(message: &Message, aliases: u32) -> Option<u32> {
    message
        .authorities
        .iter()
        .find_map(|record| match &record.data {
            RData::SOA(soa) => Some(soa.minimum.min(record.ttl).min(aliases)),
            _ => None,
        })
}

fn value(data: &RData) -> Value {
    match data {
        RData::A(address) => Value::A(address.0),
        RData::AAAA(address) => Value::Aaaa(address.0),
        RData::PTR(name) => Value::Ptr(plain(&name.0)),
        RData::NS(name) => Value::Ns(plain(&name.0)),
        RData::CNAME(name) => Value::Cname(plain(&name.0)),
        RData::MX(mx) => Value::Mx(Mx {
            preference: mx.preference,
            exchange: plain(&mx.exchange),
        }),
        RData::TXT(txt) => Value::Txt(Txt(txt.txt_data.iter().map(|part| part.to_vec()).collect())),
        RData::SOA(soa) => Value::Soa(Soa {
            mname: plain(&soa.mname),
            rname: plain(&soa.rname),
            serial: soa.serial,
            minimum: soa.minimum,
        }),
        other => Value::Other(other.record_type().into(), other.to_string()),
    }
}

fn plain(name: &Name) -> String {
    let mut text = name.to_ascii();
    if text.ends_with('.') {
        text.pop();
    }
    text
}

fn push_label(packet: &mut Vec<u8>, label: &str) -> Result<(), &'static str> {
    let bytes = label.as_bytes();
    if bytes.is_empty() {
        return Err("the name has an empty label");
    }
    if bytes.len() > 63 {
        return Err("the name has a label longer than 63 characters");
    }
    if !bytes.iter().all(|b| b.is_ascii_graphic() && *b != b'\\') {
        return Err("the name holds a character that a host or domain name cannot have");
    }
    packet.push(bytes.len() as u8);
    packet.extend_from_slice(bytes);
    Ok(())
}

/// Gives each letter a random case. Length octets are below 64 and so never look like letters.
fn scatter_case(name: &mut [u8]) {
    let mut bits = 0u64;
    for (index, octet) in name.iter_mut().enumerate() {
        if index % 64 == 0 {
            bits = rand::random();
        }
        if octet.is_ascii_alphabetic() && bits & 1 == 1 {
            *octet ^= 0x20;
        }
        bits >>= 1;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_back_by_hickory() {
        let query = encode(0x1234, "mail.example.com", RecordKind::Mx, false, true).unwrap();
        let message = Message::from_vec(&query.packet).unwrap();
        assert_eq!(message.metadata.id, 0x1234);
        assert!(message.metadata.recursion_desired);
        assert_eq!(message.queries[0].name().to_ascii(), "mail.example.com.");
        assert_eq!(message.max_payload(), EDNS_PAYLOAD);
    }

    #[test]
    fn names_that_cannot_be_asked_are_refused_without_being_repeated() {
        let long_label = "a".repeat(64);
        let long_name = vec!["abcdefgh"; 30].join(".");
        for name in [
            "a..b",
            long_label.as_str(),
            long_name.as_str(),
            "a b",
            "a\\b",
        ] {
            let refused = encode(1, name, RecordKind::A, false, false).err().unwrap();
            assert!(!refused.contains(name), "{refused}");
        }
    }

    #[test]
    fn only_an_answer_to_our_question_counts() {
        let query = encode(7, "abc.example", RecordKind::A, true, false).unwrap();
        let mut answer = query.packet.clone();
        assert_eq!(echo(&query, &answer), Echo::Foreign, "a query is no answer");
        answer[2] |= 0x80;
        assert_eq!(echo(&query, &answer), Echo::Exact);
        answer[13] ^= 0x20;
        assert_eq!(echo(&query, &answer), Echo::OtherCase);
        answer[13] = b'x';
        assert_eq!(echo(&query, &answer), Echo::Foreign);
        assert_eq!(echo(&query, &answer[..11]), Echo::Foreign);
        let refusal = [0, 7, 0x80, 5, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(echo(&query, &refusal), Echo::Exact);
    }
}
