//! The DNS server as a client sees it: real packets, and what they must say.
#![allow(clippy::unwrap_used)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use hickory_proto::op::{Edns, Message, Query, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use super::*;

fn question(name: &str, kind: RecordType) -> Message {
    let mut message = Message::query();
    message.metadata.recursion_desired = true;
    let mut name = Name::from_ascii(name).unwrap();
    name.set_fqdn(true);
    message.add_query(Query::query(name, kind));
    message
}

/// One try over UDP; `None` when nothing comes within 300 ms.
async fn udp(server: SocketAddr, message: &Message) -> Option<Message> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    socket
        .send_to(&message.to_vec().unwrap(), server)
        .await
        .unwrap();
    let mut block = [0; 4096];
    let count = tokio::time::timeout(Duration::from_millis(300), socket.recv(&mut block))
        .await
        .ok()?
        .unwrap();
    Some(Message::from_vec(&block[..count]).unwrap())
}

async fn tcp(server: SocketAddr, message: &Message) -> Message {
    let mut stream = TcpStream::connect(server).await.unwrap();
    let bytes = message.to_vec().unwrap();
    stream
        .write_u16(u16::try_from(bytes.len()).unwrap())
        .await
        .unwrap();
    stream.write_all(&bytes).await.unwrap();
    let mut block = vec![0; usize::from(stream.read_u16().await.unwrap())];
    stream.read_exact(&mut block).await.unwrap();
    Message::from_vec(&block).unwrap()
}

/// An answer in one line: response code, then the data of the answer section, sorted.
fn said(reply: Option<&Message>) -> String {
    let Some(reply) = reply else {
        return "silence".to_owned();
    };
    let mut data = reply
        .answers
        .iter()
        .map(|record| record.data.to_string())
        .collect::<Vec<_>>();
    data.sort();
    let code = match reply.metadata.response_code {
        ResponseCode::NoError => "ok",
        ResponseCode::NXDomain => "nxdomain",
        ResponseCode::Refused => "refused",
        ResponseCode::ServFail => "servfail",
        _ => "other",
    };
    [vec![code.to_owned()], data].concat().join(" ")
}

fn world() -> Zones {
    let mut set = ZoneSet::default();
    set.add_zone("acme.example");
    set.add_zone("in-addr.arpa");
    set.add("acme.example", Rr::Mx(10, "mail.acme.example".to_owned()));
    set.add("Mail.acme.example.", Rr::A(Ipv4Addr::new(203, 0, 113, 25)));
    set.add("mail.acme.example", Rr::Aaaa(Ipv6Addr::LOCALHOST));
    set.add("www.acme.example", Rr::Cname("host.isp.example".to_owned()));
    set.add("host.isp.example", Rr::A(Ipv4Addr::new(198, 51, 100, 1)));
    set.add("deep.down.acme.example", Rr::Txt("x".repeat(700)));
    set.set_ptr("203.0.113.25".parse().unwrap(), &["mail.acme.example"]);
    let mut list = ListZone::new("bl.example")
        .test_point("127.0.0.2", &[Ipv4Addr::new(127, 0, 0, 2)])
        .test_point("::ffff:7f00:2", &[Ipv4Addr::new(127, 0, 0, 2)])
        .test_point("TEST", &[Ipv4Addr::new(127, 0, 1, 2)]);
    list.add(
        "203.0.113.25",
        &[Ipv4Addr::new(127, 0, 0, 3), Ipv4Addr::new(127, 0, 0, 4)],
        "why",
    );
    list.add("2001:db8::1", &[Ipv4Addr::new(127, 0, 0, 4)], "");
    set.add_list(list);
    Zones::new(set)
}

#[tokio::test]
async fn answers() {
    use RecordType::{A, AAAA, CNAME, MX, NS, PTR, SOA, TXT};
    let zones = world();
    let dns = Dns::start(zones.clone()).await.unwrap();
    let v6 = format!(
        "{}.bl.example",
        reversed("2001:db8::1".parse::<IpAddr>().unwrap())
    );
    let v6_test = format!(
        "{}.bl.example",
        reversed("::ffff:7f00:2".parse::<IpAddr>().unwrap())
    );
    for (name, kind, expected) in [
        ("mail.acme.example", A, "ok 203.0.113.25"),
        ("MAIL.Acme.Example", A, "ok 203.0.113.25"),
        ("mail.acme.example", AAAA, "ok ::1"),
        ("mail.acme.example", TXT, "ok"),
        ("acme.example", MX, "ok 10 mail.acme.example."),
        ("acme.example", NS, "ok ns.acme.example."),
        ("down.acme.example", A, "ok"),
        ("nothing.acme.example", A, "nxdomain"),
        ("nothing.example", SOA, "nxdomain"),
        ("www.acme.example", A, "ok 198.51.100.1 host.isp.example."),
        ("www.acme.example", CNAME, "ok host.isp.example."),
        ("25.113.0.203.in-addr.arpa", PTR, "ok mail.acme.example."),
        ("26.113.0.203.in-addr.arpa", PTR, "nxdomain"),
        ("25.113.0.203.bl.example", A, "ok 127.0.0.3 127.0.0.4"),
        ("25.113.0.203.bl.example", TXT, "ok why"),
        ("25.113.0.203.bl.example", AAAA, "ok"),
        ("26.113.0.203.bl.example", A, "nxdomain"),
        ("2.0.0.127.bl.example", A, "ok 127.0.0.2"),
        ("1.0.0.127.bl.example", A, "nxdomain"),
        ("test.bl.example", A, "ok 127.0.1.2"),
        (&v6, A, "ok 127.0.0.4"),
        (&v6_test, A, "ok 127.0.0.2"),
        ("bl.example", NS, "ok ns.bl.example."),
    ] {
        let reply = udp(dns.address(), &question(name, kind)).await;
        assert_eq!(said(reply.as_ref()), expected, "{name} {kind}");
    }
    let negative = udp(dns.address(), &question("26.113.0.203.bl.example", A))
        .await
        .unwrap();
    assert_eq!(negative.authorities[0].record_type(), SOA);
    assert_eq!(negative.authorities[0].name.to_ascii(), "bl.example.");
    assert_eq!(zones.count("bl.example"), 11);
    assert_eq!(zones.count("."), 1, "nothing.example");
}

#[tokio::test]
async fn the_letter_case_comes_back() {
    let dns = Dns::start(world()).await.unwrap();
    let reply = udp(
        dns.address(),
        &question("2.0.0.127.bL.eXamPle", RecordType::A),
    )
    .await
    .unwrap();
    assert_eq!(reply.queries[0].name().to_ascii(), "2.0.0.127.bL.eXamPle.");
    assert_eq!(reply.answers[0].name.to_ascii(), "2.0.0.127.bL.eXamPle.");
}

#[tokio::test]
async fn large_answers_are_truncated_over_udp_only() {
    let zones = world();
    let dns = Dns::start(zones.clone()).await.unwrap();
    let mut message = question("deep.down.acme.example", RecordType::TXT);
    let short = udp(dns.address(), &message).await.unwrap();
    assert!(short.metadata.truncation && short.answers.is_empty());
    let whole = tcp(dns.address(), &message).await;
    assert!(!whole.metadata.truncation);
    assert_eq!(whole.answers.len(), 1);
    let mut edns = Edns::new();
    edns.set_max_payload(1232);
    message.set_edns(edns);
    let fits = udp(dns.address(), &message).await.unwrap();
    assert!(!fits.metadata.truncation && fits.edns.is_some());
    assert_eq!(
        zones
            .asked()
            .iter()
            .map(|asked| asked.tcp)
            .collect::<Vec<_>>(),
        [false, true, false]
    );
}

#[tokio::test]
async fn lists_fail_in_every_way() {
    let zones = world();
    let dns = Dns::start(zones.clone()).await.unwrap();
    // (mode, listed address, other address, test point, NS)
    for (mode, expected) in [
        (
            ListMode::Healthy,
            [
                "ok 127.0.0.3 127.0.0.4",
                "nxdomain",
                "ok 127.0.0.2",
                "ok ns.bl.example.",
            ],
        ),
        (
            ListMode::Silent,
            ["silence", "silence", "silence", "silence"],
        ),
        (
            ListMode::Refusing,
            [
                "ok 127.255.255.254",
                "ok 127.255.255.254",
                "ok 127.255.255.254",
                "ok ns.bl.example.",
            ],
        ),
        (
            ListMode::Rcode(Trouble::Refused),
            ["refused", "refused", "refused", "refused"],
        ),
        (
            ListMode::Rcode(Trouble::ServFail),
            ["servfail", "servfail", "servfail", "servfail"],
        ),
        (
            ListMode::Wildcard(Ipv4Addr::new(192, 0, 2, 80)),
            [
                "ok 192.0.2.80",
                "ok 192.0.2.80",
                "ok 192.0.2.80",
                "ok ns.bl.example.",
            ],
        ),
        (
            ListMode::Blind,
            ["nxdomain", "nxdomain", "nxdomain", "ok ns.bl.example."],
        ),
        (ListMode::Empty, ["ok", "ok", "ok", "ok ns.bl.example."]),
    ] {
        assert!(zones.set_mode("BL.example", mode.clone()));
        let asked = [
            ("25.113.0.203.bl.example", RecordType::A),
            ("77.113.0.203.bl.example", RecordType::A),
            ("2.0.0.127.bl.example", RecordType::A),
            ("bl.example", RecordType::NS),
        ];
        for ((name, kind), expected) in asked.into_iter().zip(expected) {
            let reply = udp(dns.address(), &question(name, kind)).await;
            assert_eq!(said(reply.as_ref()), expected, "{mode:?} {name}");
        }
    }
}

#[tokio::test]
async fn resolvers_fail_too() {
    let zones = world();
    let dns = Dns::start(zones.clone()).await.unwrap();
    let ask = async |name: &'static str| {
        said(
            udp(dns.address(), &question(name, RecordType::A))
                .await
                .as_ref(),
        )
    };
    zones.edit(|set| set.resolver.nxdomain_to = Some(Ipv4Addr::new(192, 0, 2, 1)));
    assert_eq!(ask("no.such.example").await, "ok 192.0.2.1");
    assert_eq!(ask("77.113.0.203.bl.example").await, "ok 192.0.2.1");
    zones.edit(|set| {
        set.resolver = ResolverFaults {
            drop_loopback: true,
            ..ResolverFaults::default()
        }
    });
    assert_eq!(ask("2.0.0.127.bl.example").await, "ok");
    assert_eq!(ask("mail.acme.example").await, "ok 203.0.113.25");
    zones.edit(|set| {
        set.resolver = ResolverFaults {
            refused_by: ["example".to_owned()].into(),
            ..ResolverFaults::default()
        }
    });
    assert_eq!(ask("2.0.0.127.bl.example").await, "ok 127.255.255.254");
    zones.edit(|set| {
        set.resolver = ResolverFaults {
            dead: Some(Trouble::ServFail),
            ..ResolverFaults::default()
        }
    });
    assert_eq!(ask("mail.acme.example").await, "servfail");
    zones.edit(|set| {
        set.resolver = ResolverFaults::default();
        set.set_trouble("acme.example", Some(Trouble::Silent));
    });
    assert_eq!(ask("mail.acme.example").await, "silence");
    zones.edit(|set| set.set_trouble("acme.example", None));
    assert_eq!(ask("mail.acme.example").await, "ok 203.0.113.25");
}

#[tokio::test]
async fn the_world_changes_while_it_runs() {
    let zones = world();
    let dns = Dns::start(zones.clone()).await.unwrap();
    let address: IpAddr = "203.0.113.25".parse().unwrap();
    let listed = question("25.113.0.203.bl.example", RecordType::A);
    zones.edit(|set| {
        assert!(set.list_mut("bl.example").unwrap().remove("203.0.113.25"));
        set.set_ptr(address, &[]);
        set.set_delay("bl.example", Duration::from_millis(80));
    });
    let start = Instant::now();
    assert_eq!(said(udp(dns.address(), &listed).await.as_ref()), "nxdomain");
    assert!(start.elapsed() >= Duration::from_millis(80));
    assert_eq!(
        said(
            udp(
                dns.address(),
                &question(&reverse_name(address), RecordType::PTR)
            )
            .await
            .as_ref()
        ),
        "nxdomain"
    );
    let server = dns.address();
    dns.stop().await;
    assert!(
        UdpSocket::bind(server).await.is_ok(),
        "the port is free again"
    );
}
