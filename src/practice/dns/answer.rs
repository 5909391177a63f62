//! From a question to an answer: pure, so that the wire only carries it.

use std::net::Ipv4Addr;
use std::time::Duration;

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, MX, NS, PTR, SOA, TXT};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};

use super::list::{ListMode, ListZone};
use super::zone::{Rr, Trouble, Zone, ZoneSet, enclosing, fold, suffixes};

/// The payload size we offer (RFC 9715 advises against more).
const OUR_PAYLOAD: u16 = 1232;
/// How many aliases are followed before SERVFAIL.
const LONGEST_ALIAS_CHAIN: usize = 8;
const REFUSAL: Ipv4Addr = Ipv4Addr::new(127, 255, 255, 254);

/// What is done with a question.
pub(super) enum Answer {
    Silence,
    After(Duration, Box<Message>),
}

/// The zone (list zones included) that a question belongs to, for the counters; the root is ".".
pub(super) fn zone_of(set: &ZoneSet, name: &str) -> String {
    let name = fold(name);
    let found = suffixes(&name)
        .find(|suffix| set.lists.contains_key(*suffix) || set.zones.contains_key(*suffix));
    match found {
        None | Some("") => ".".to_owned(),
        Some(zone) => zone.to_owned(),
    }
}

/// Answers one message as a resolver with all zones in its hands.
pub(super) fn answer(set: &ZoneSet, request: &Message) -> Answer {
    let mut reply = Message::new(
        request.metadata.id,
        MessageType::Response,
        request.metadata.op_code,
    );
    reply.metadata.recursion_desired = request.metadata.recursion_desired;
    reply.metadata.recursion_available = true;
    if request.edns.is_some() {
        let mut edns = Edns::new();
        edns.set_max_payload(OUR_PAYLOAD);
        reply.edns = Some(edns);
    }
    // The question goes back as it came: its letter case is the client's protection (0x20).
    reply.queries = request.queries.clone();
    if request.metadata.op_code != OpCode::Query {
        reply.metadata.response_code = ResponseCode::NotImp;
        return at_once(reply);
    }
    let [question] = request.queries.as_slice() else {
        reply.metadata.response_code = ResponseCode::FormErr;
        return at_once(reply);
    };
    if question.query_class() != DNSClass::IN {
        reply.metadata.response_code = ResponseCode::Refused;
        return at_once(reply);
    }
    let name = fold(&question.name().to_ascii());
    let trouble = set
        .resolver
        .dead
        .or_else(|| enclosing(&set.trouble, &name).map(|suffix| set.trouble[&suffix]));
    if let Some(trouble) = trouble {
        let Some(code) = rcode(trouble) else {
            return Answer::Silence;
        };
        reply.metadata.response_code = code;
        return delayed(set, &name, reply);
    }
    if !resolve(set, question, &name, &mut reply) {
        return Answer::Silence;
    }
    if let Some(address) = set.resolver.nxdomain_to
        && reply.metadata.response_code == ResponseCode::NXDomain
        && question.query_type() == RecordType::A
    {
        reply.metadata.response_code = ResponseCode::NoError;
        reply.authorities.clear();
        reply.answers.push(Record::from_rdata(
            question.name().clone(),
            60,
            RData::A(A(address)),
        ));
    }
    delayed(set, &name, reply)
}

/// Fills `reply`; false when the list that is asked stays silent.
fn resolve(set: &ZoneSet, question: &Query, name: &str, reply: &mut Message) -> bool {
    let mut owner = question.name().clone();
    let mut name = name.to_owned();
    for _ in 0..LONGEST_ALIAS_CHAIN {
        if let Some(zone) = enclosing(&set.lists, &name) {
            return ask_list(
                set,
                &set.lists[&zone],
                &owner,
                &name,
                question.query_type(),
                reply,
            );
        }
        let Some(origin) = enclosing(&set.zones, &name) else {
            reply.metadata.response_code = ResponseCode::Refused;
            return true;
        };
        match ask_zone(
            &set.zones[&origin],
            &origin,
            &owner,
            &name,
            question.query_type(),
            reply,
        ) {
            Some(alias) => {
                name = fold(&alias);
                owner = to_name(&alias);
            }
            None => return true,
        }
    }
    reply.metadata.response_code = ResponseCode::ServFail;
    true
}

/// Answers from one zone; the target when the name is an alias that has to be followed.
fn ask_zone(
    zone: &Zone,
    origin: &str,
    owner: &Name,
    name: &str,
    kind: RecordType,
    reply: &mut Message,
) -> Option<String> {
    let here = zone.records.get(name).map_or(&[][..], Vec::as_slice);
    let mut found = false;
    for data in here
        .iter()
        .map(rdata)
        .filter(|data| kind == RecordType::ANY || data.record_type() == kind)
    {
        reply
            .answers
            .push(Record::from_rdata(owner.clone(), zone.ttl, data));
        found = true;
    }
    if name == origin && matches!(kind, RecordType::SOA | RecordType::NS) {
        reply
            .answers
            .push(apex(origin, owner, kind, zone.ttl, &zone.primary));
        found = true;
    }
    if found {
        return None;
    }
    let alias = here.iter().find_map(|record| match record {
        Rr::Cname(target) => Some(target.clone()),
        _ => None,
    });
    if let Some(target) = alias {
        reply.answers.push(Record::from_rdata(
            owner.clone(),
            zone.ttl,
            RData::CNAME(CNAME(to_name(&target))),
        ));
        return Some(target);
    }
    let below = format!(".{name}");
    let exists = name == origin
        || zone
            .records
            .keys()
            .any(|known| known == name || known.ends_with(&below));
    if !exists {
        reply.metadata.response_code = ResponseCode::NXDomain;
    }
    reply.authorities.push(apex(
        origin,
        &to_name(origin),
        RecordType::SOA,
        zone.ttl,
        &zone.primary,
    ));
    None
}

/// Answers from a list; false for silence.
fn ask_list(
    set: &ZoneSet,
    list: &ListZone,
    owner: &Name,
    name: &str,
    kind: RecordType,
    reply: &mut Message,
) -> bool {
    let unwelcome = suffixes(&list.zone).any(|suffix| set.resolver.refused_by.contains(suffix));
    let mode = if unwelcome {
        &ListMode::Refusing
    } else {
        &list.mode
    };
    if let ListMode::Rcode(trouble) = mode {
        let Some(code) = rcode(*trouble) else {
            return false;
        };
        reply.metadata.response_code = code;
        return true;
    }
    if *mode == ListMode::Silent {
        return false;
    }
    let labels = name
        .strip_suffix(&list.zone)
        .unwrap_or_default()
        .trim_end_matches('.');
    if labels.is_empty() {
        if matches!(kind, RecordType::SOA | RecordType::NS) {
            reply
                .answers
                .push(apex(&list.zone, owner, kind, list.ttl, ""));
        } else {
            reply.authorities.push(list_soa(list));
        }
        return true;
    }
    let (codes, text) = match mode {
        ListMode::Refusing => (vec![REFUSAL], "query refused: this resolver is not served"),
        ListMode::Wildcard(address) => (vec![*address], ""),
        ListMode::Blind => {
            reply.metadata.response_code = ResponseCode::NXDomain;
            (Vec::new(), "")
        }
        ListMode::Empty => (Vec::new(), ""),
        ListMode::Healthy | ListMode::Silent | ListMode::Rcode(_) => match list.entry(labels) {
            Some(entry) => (entry.codes.clone(), entry.text.as_str()),
            None => {
                reply.metadata.response_code = ResponseCode::NXDomain;
                (Vec::new(), "")
            }
        },
    };
    match kind {
        RecordType::A => {
            let kept = codes
                .into_iter()
                .filter(|code| !(set.resolver.drop_loopback && code.is_loopback()));
            reply.answers.extend(
                kept.map(|code| Record::from_rdata(owner.clone(), list.ttl, RData::A(A(code)))),
            );
        }
        RecordType::TXT if !text.is_empty() => {
            reply.answers.push(Record::from_rdata(
                owner.clone(),
                list.ttl,
                rdata(&Rr::Txt(text.to_owned())),
            ));
        }
        _ => {}
    }
    if reply.answers.is_empty() {
        reply.authorities.push(list_soa(list));
    }
    true
}

fn at_once(reply: Message) -> Answer {
    Answer::After(Duration::ZERO, Box::new(reply))
}

fn delayed(set: &ZoneSet, name: &str, reply: Message) -> Answer {
    let delay = enclosing(&set.delays, name).map_or(Duration::ZERO, |suffix| set.delays[&suffix]);
    Answer::After(delay, Box::new(reply))
}

fn rcode(trouble: Trouble) -> Option<ResponseCode> {
    match trouble {
        Trouble::Silent => None,
        Trouble::ServFail => Some(ResponseCode::ServFail),
        Trouble::Refused => Some(ResponseCode::Refused),
        Trouble::FormErr => Some(ResponseCode::FormErr),
    }
}

/// The SOA or NS record that every zone has. The contact is the hostmaster of whoever runs the primary server.
fn apex(origin: &str, owner: &Name, kind: RecordType, ttl: u32, primary: &str) -> Record {
    let own = under("ns", origin);
    let primary = if primary.is_empty() { &own } else { primary };
    let operator = primary.split_once('.').map_or("", |(_, operator)| operator);
    let server = to_name(primary);
    let data = if kind == RecordType::NS {
        RData::NS(NS(server))
    } else {
        let contact = to_name(&under("hostmaster", operator));
        let minimum = ttl;
        RData::SOA(SOA::new(server, contact, 1, 3600, 600, 86_400, minimum))
    };
    Record::from_rdata(owner.clone(), ttl, data)
}

/// The SOA record that goes with a list's negative answers.
fn list_soa(list: &ListZone) -> Record {
    apex(
        &list.zone,
        &to_name(&list.zone),
        RecordType::SOA,
        list.ttl,
        "",
    )
}

fn under(label: &str, origin: &str) -> String {
    if origin.is_empty() {
        label.to_owned()
    } else {
        format!("{label}.{origin}")
    }
}

fn rdata(record: &Rr) -> RData {
    match record {
        Rr::A(address) => RData::A(A(*address)),
        Rr::Aaaa(address) => RData::AAAA(AAAA(*address)),
        Rr::Ptr(name) => RData::PTR(PTR(to_name(name))),
        Rr::Cname(name) => RData::CNAME(CNAME(to_name(name))),
        Rr::Txt(text) => RData::TXT(TXT::from_bytes(text.as_bytes().chunks(255).collect())),
        Rr::Mx(preference, exchange) => RData::MX(MX::new(*preference, to_name(exchange))),
        Rr::Ns(name) => RData::NS(NS(to_name(name))),
    }
}

/// A name for the wire. One that no message can carry (a label of 64 octets) becomes the root.
fn to_name(name: &str) -> Name {
    let mut parsed = Name::from_ascii(name).unwrap_or_default();
    parsed.set_fqdn(true);
    parsed
}
