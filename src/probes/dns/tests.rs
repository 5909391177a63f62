//! The client against scripted servers on loopback.
#![allow(clippy::unwrap_used)]

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::{A, CNAME, MX, SOA, TXT};
use hickory_proto::rr::{Name, RData, Record as WireRecord};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

mod sweep;

use super::*;
use crate::probes::clock::{ShiftableClock, SystemClock};

/// What the scripted server does with the n-th packet (from 0) about `name`.
type Script = fn(name: &str, nth: usize, reply: &mut Message) -> Act;

enum Act {
    Send,
    Silent,
    /// Lower-case all behind the header of the packet's letters.
    LowerCase,
    /// Send a forged question and a wrong id first.
    AfterForgery,
    Garbage,
    Late(u64),
    /// TC over UDP, the full answer over TCP.
    Truncate,
}

struct Server {
    address: SocketAddr,
    packets: Arc<AtomicUsize>,
}

/// A UDP and a TCP socket with the same number; the TCP one may be somebody else's, then another number is tried.
async fn bind() -> (UdpSocket, TcpListener) {
    loop {
        let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
            return (udp, tcp);
        }
    }
}

async fn serve(script: Script) -> Server {
    let (udp, tcp) = bind().await;
    let udp = Arc::new(udp);
    let address = udp.local_addr().unwrap();
    let packets = Arc::new(AtomicUsize::new(0));
    let seen = packets.clone();
    tokio::spawn(async move {
        let mut buffer = [0; 2048];
        loop {
            let Ok((length, from)) = udp.recv_from(&mut buffer).await else {
                continue;
            };
            let nth = seen.fetch_add(1, Ordering::SeqCst);
            let (act, mut packet) = answer(script, &buffer[..length], nth);
            match act {
                Act::Silent => continue,
                Act::Send => {}
                Act::LowerCase => packet[12..].make_ascii_lowercase(),
                Act::Garbage => packet.truncate(packet.len() - 3),
                Act::AfterForgery => {
                    let mut forged = packet.clone();
                    forged[13] ^= 1;
                    udp.send_to(&forged, from).await.unwrap();
                    let mut forged = packet.clone();
                    forged[0] ^= 0xff;
                    udp.send_to(&forged, from).await.unwrap();
                }
                Act::Truncate => {
                    packet = buffer[..length].to_vec();
                    packet[2] |= 0x82;
                }
                Act::Late(ms) => {
                    let udp = udp.clone();
                    tokio::spawn(async move {
                        tokio::time::sleep(Duration::from_millis(ms)).await;
                        let _ = udp.send_to(&packet, from).await;
                    });
                    continue;
                }
            }
            udp.send_to(&packet, from).await.unwrap();
        }
    });
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = tcp.accept().await {
            let length = stream.read_u16().await.unwrap();
            let mut query = vec![0; usize::from(length)];
            stream.read_exact(&mut query).await.unwrap();
            let (_, packet) = answer(script, &query, 0);
            stream.write_u16(packet.len() as u16).await.unwrap();
            stream.write_all(&packet).await.unwrap();
        }
    });
    Server { address, packets }
}

fn answer(script: Script, query: &[u8], nth: usize) -> (Act, Vec<u8>) {
    let query = Message::from_vec(query).unwrap();
    let mut reply = Message::response(query.metadata.id, query.metadata.op_code);
    reply.add_queries(query.queries.iter().cloned());
    reply.edns = query.edns.clone();
    let name = query.queries[0].name().to_ascii().to_ascii_lowercase();
    let act = script(name.trim_end_matches('.'), nth, &mut reply);
    (act, reply.to_vec().unwrap())
}

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

fn add(reply: &mut Message, owner: &str, data: RData) {
    reply.add_answer(WireRecord::from_rdata(name(owner), 300, data));
}

fn add_soa(reply: &mut Message) {
    let soa = SOA::new(
        name("ns.example."),
        name("hostmaster.example."),
        1,
        1,
        1,
        1,
        60,
    );
    reply.add_authority(WireRecord::from_rdata(
        name("example."),
        600,
        RData::SOA(soa),
    ));
}

fn listed(reply: &mut Message, owner: &str) -> Act {
    add(
        reply,
        &format!("{owner}."),
        RData::A(A(Ipv4Addr::new(127, 0, 0, 2))),
    );
    Act::Send
}

fn client(servers: &[SocketAddr]) -> Dns {
    let settings = DnsSettings {
        servers: servers.to_vec(),
        tries: [1000, 1200, 1400].map(Duration::from_millis).to_vec(),
        ..DnsSettings::default()
    };
    Dns::new(settings, Arc::new(SystemClock))
}

/// One server that does everything, by the first label of the name.
fn everything(asked: &str, nth: usize, reply: &mut Message) -> Act {
    let code = &mut reply.metadata.response_code;
    match asked.split('.').next().unwrap() {
        "listed" => listed(reply, asked),
        "nodata" => {
            add_soa(reply);
            Act::Send
        }
        "nxdomain" => {
            *code = ResponseCode::NXDomain;
            add_soa(reply);
            Act::Send
        }
        "refused" => {
            *code = ResponseCode::Refused;
            Act::Send
        }
        "servfail" => {
            *code = ResponseCode::ServFail;
            Act::Send
        }
        "notauth" => {
            *code = ResponseCode::NotAuth;
            Act::Send
        }
        "old" if reply.edns.is_some() => {
            *code = ResponseCode::FormErr;
            reply.edns = None;
            Act::Send
        }
        "silent" => Act::Silent,
        "garbage" => {
            listed(reply, asked);
            reply.edns = None;
            Act::Garbage
        }
        "lower" => {
            listed(reply, asked);
            Act::LowerCase
        }
        "forged" => {
            listed(reply, asked);
            Act::AfterForgery
        }
        "second" if nth == 0 => Act::Silent,
        "late" => {
            listed(reply, asked);
            Act::Late(1500)
        }
        "big" => {
            listed(reply, asked);
            Act::Truncate
        }
        "alias" => {
            add(
                reply,
                "alias.example.",
                RData::CNAME(CNAME(name("middle.example."))),
            );
            add(
                reply,
                "middle.example.",
                RData::CNAME(CNAME(name("end.example."))),
            );
            listed(reply, "end.example")
        }
        "outward" => {
            add(
                reply,
                "outward.example.",
                RData::CNAME(CNAME(name("listed.example."))),
            );
            Act::Send
        }
        "circle" => {
            add(
                reply,
                "circle.example.",
                RData::CNAME(CNAME(name("round.example."))),
            );
            Act::Send
        }
        "round" => {
            add(
                reply,
                "round.example.",
                RData::CNAME(CNAME(name("circle.example."))),
            );
            Act::Send
        }
        _ => listed(reply, asked),
    }
}

#[tokio::test]
async fn every_kind_of_answer_is_kept_apart() {
    // Side by side, because some of them take their time.
    let mut cases = tokio::task::JoinSet::new();
    for (asked, word, packets) in [
        ("listed.example", "records", 1),
        ("nodata.example", "no_data", 1),
        ("nxdomain.example", "nxdomain", 1),
        ("refused.example", "refused", 1),
        ("servfail.example", "servfail", 2),
        ("notauth.example", "rcode", 1),
        ("old.example", "records", 2),
        ("silent.example", "timeout", 3),
        ("garbage.example", "malformed", 2),
        ("lower.example", "records", 2),
        ("forged.example", "records", 1),
        ("second.example", "records", 2),
        ("late.example", "records", 2),
        ("big.example", "records", 1),
        ("alias.example", "records", 1),
        ("outward.example", "records", 2),
        ("circle.example", "malformed", 2),
        ("bad..example", "not_asked", 0),
    ] {
        cases.spawn(async move {
            let server = serve(everything).await;
            let dns = client(&[server.address]);
            let answer = dns.a(asked).await;
            assert_eq!(answer.outcome.word(), word, "{asked}: {answer}");
            let seen = server.packets.load(Ordering::SeqCst);
            assert_eq!(seen, packets, "packets for {asked}");
            assert_eq!(usize::from(answer.tries), packets, "tries for {asked}");
            if word == "records" {
                assert_eq!(answer.v4(), [Ipv4Addr::new(127, 0, 0, 2)], "{asked}");
                assert_eq!(answer.server, Some(server.address));
            }
        });
    }
    cases.join_all().await;
}

#[tokio::test]
async fn the_alias_chain_is_reported() {
    let server = serve(everything).await;
    let dns = client(&[server.address]);
    assert_eq!(
        dns.a("alias.example").await.chain,
        ["middle.example", "end.example"]
    );
    assert_eq!(dns.a("outward.example").await.chain, ["listed.example"]);
    assert!(dns.a("listed.example").await.chain.is_empty());
}

#[tokio::test]
async fn a_truncated_answer_is_fetched_over_tcp() {
    let server = serve(everything).await;
    let answer = client(&[server.address]).a("big.example").await;
    assert!(answer.truncated);
    assert_eq!(answer.transport, Transport::Tcp);
}

#[tokio::test]
async fn a_dead_port_is_unreachable_not_silent() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    drop(socket);
    let answer = client(&[address]).a("x.example").await;
    assert!(
        matches!(answer.outcome, Outcome::Unreachable(_)),
        "{answer}"
    );
}

#[tokio::test]
async fn the_next_server_is_asked_after_silence_and_servfail_but_not_after_refusal() {
    let bad = serve(everything).await;
    let good = serve(|asked, _, reply| listed(reply, asked)).await;
    for (asked, from, word) in [
        ("silent.example", good.address, "records"),
        ("servfail.example", good.address, "records"),
        ("garbage.example", good.address, "records"),
        ("refused.example", bad.address, "refused"),
    ] {
        let answer = client(&[bad.address, good.address]).a(asked).await;
        assert_eq!(answer.outcome.word(), word, "{asked}: {answer}");
        assert_eq!(answer.server, Some(from), "{asked}");
    }
}

#[tokio::test]
async fn a_server_that_stays_silent_is_asked_last_for_a_while() {
    let silent = serve(|_, _, _| Act::Silent).await;
    let good = serve(|asked, _, reply| listed(reply, asked)).await;
    let dns = client(&[silent.address, good.address]);
    for index in 0..6 {
        let answer = dns.a(&format!("n{index}.example")).await;
        assert_eq!(answer.outcome.word(), "records");
    }
    assert_eq!(silent.packets.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn the_cache_counts_down_by_the_clock_and_is_one_per_server_asked() {
    let server = serve(everything).await;
    let clock = Arc::new(ShiftableClock::starting_at(jiff::Timestamp::UNIX_EPOCH));
    let settings = DnsSettings {
        servers: vec![server.address],
        ..DnsSettings::default()
    };
    let dns = Dns::new(settings, clock.clone());
    let packets = || server.packets.load(Ordering::SeqCst);
    let listed = Question::new("listed.example", RecordKind::A);
    assert_eq!(dns.query(&listed).await.ttl, Some(300));
    clock.advance(Duration::from_secs(200));
    let kept = dns.query(&listed).await;
    assert_eq!((kept.transport, packets()), (Transport::Cache, 1));
    assert!(kept.ttl.unwrap() <= 100);
    dns.query(&listed.clone().fresh()).await;
    assert_eq!(packets(), 2);
    dns.query_at(server.address, &listed).await;
    assert_eq!(packets(), 3);
    clock.advance(Duration::from_secs(301));
    dns.query(&listed).await;
    assert_eq!(packets(), 4);
    // The negative TTL is the SOA minimum (60), not the SOA's own TTL (600).
    assert_eq!(dns.a("nxdomain.example").await.ttl, Some(60));
    dns.a("nxdomain.example").await;
    dns.a("refused.example").await;
    dns.a("refused.example").await;
    assert_eq!(packets(), 7);
}

#[tokio::test]
async fn a_key_in_the_name_shows_nowhere() {
    fn keyed(asked: &str, _: usize, reply: &mut Message) -> Act {
        let text = format!("see https://lists.example/?q={asked}");
        add(
            reply,
            &format!("{asked}."),
            RData::TXT(TXT::new(vec![text])),
        );
        Act::Send
    }
    let server = serve(keyed).await;
    let key = "abcdefghijklmnopqrstuvwxyz";
    let asked = format!("2.0.0.127.{key}.zen.dq.example");
    let dns = client(&[server.address]);
    for _ in 0..2 {
        let answer = dns
            .query(&Question::new(&asked, RecordKind::Txt).redacted())
            .await;
        assert_eq!(answer.outcome.word(), "records");
        let json = serde_json::to_string(&answer).unwrap();
        for shown in [format!("{answer:?}"), answer.to_string(), json] {
            assert!(!shown.contains(key), "{shown}");
        }
    }
}

#[tokio::test]
async fn typed_records() {
    fn typed(asked: &str, _: usize, reply: &mut Message) -> Act {
        let data: Vec<RData> = match asked {
            "mx.example" => vec![
                RData::MX(MX::new(20, name("b.example."))),
                RData::MX(MX::new(10, name("a.example."))),
            ],
            _ => vec![RData::TXT(TXT::from_bytes(vec![b"v=spf1 ", b"\xff-all"]))],
        };
        for data in data {
            add(reply, &format!("{asked}."), data);
        }
        Act::Send
    }
    let server = serve(typed).await;
    let dns = client(&[server.address]);
    let hosts: Vec<String> = dns
        .mx("mx.example")
        .await
        .mx()
        .into_iter()
        .map(|m| m.exchange)
        .collect();
    assert_eq!(hosts, ["a.example", "b.example"]);
    let txt = dns.txt("txt.example").await.txt();
    assert_eq!(txt, [Txt(vec![b"v=spf1 ".to_vec(), b"\xff-all".to_vec()])]);
    assert_eq!(txt[0].joined(), "v=spf1 \u{fffd}-all");
}
