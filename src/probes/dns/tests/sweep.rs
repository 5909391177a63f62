//! Many questions at once: each gets its own answer, by the careful way and by the fast one.

use std::collections::HashSet;

use super::*;
use crate::probes::dns::sweep::LONG;

fn by_name(asked: &str, _: usize, reply: &mut Message) -> Act {
    let number: u32 = asked[1..].split('.').next().unwrap().parse().unwrap();
    add(
        reply,
        &format!("{asked}."),
        RData::A(A(Ipv4Addr::from(0x7f00_0000 + number))),
    );
    Act::Send
}

/// Numbered names: most are there, some are not, some need a second look.
fn mixed(asked: &str, nth: usize, reply: &mut Message) -> Act {
    let number: u32 = asked[1..].split('.').next().unwrap().parse().unwrap();
    match number % 500 {
        0..450 => by_name(asked, nth, reply),
        450..470 => {
            reply.metadata.response_code = ResponseCode::NXDomain;
            add_soa(reply);
            Act::Send
        }
        470..480 => {
            by_name(asked, nth, reply);
            Act::AfterForgery
        }
        480..490 => {
            by_name(asked, nth, reply);
            Act::Truncate
        }
        _ => {
            reply.metadata.response_code = ResponseCode::Refused;
            Act::Send
        }
    }
}

fn numbered(count: usize) -> impl Iterator<Item = Question> + Send {
    (0..count).map(|n| Question::new(format!("n{n}.example"), RecordKind::A))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_question_gets_its_own_answer_by_both_ways() {
    for count in [LONG / 2, LONG + 500] {
        let server = serve(mixed).await;
        let dns = client(&[server.address]);
        let mut seen = HashSet::new();
        let mut tcp = 0;
        dns.sweep(
            Some(server.address),
            vec![Batch::new(None, numbered(count))],
            |_, number, answer| {
                assert!(seen.insert(number), "{number} came twice");
                let wanted = Ipv4Addr::from(0x7f00_0000 + u32::try_from(number).unwrap());
                match number % 500 {
                    450..470 => {
                        assert_eq!(answer.outcome, Outcome::NxDomain);
                        assert_eq!(answer.ttl, Some(60));
                    }
                    490.. => assert_eq!(answer.outcome, Outcome::Refused),
                    _ => assert_eq!(answer.v4(), [wanted], "{answer}"),
                }
                tcp += usize::from(answer.transport == Transport::Tcp);
                assert_eq!(answer.server, Some(server.address));
            },
        )
        .await;
        assert_eq!(seen.len(), count);
        assert_eq!(tcp, count / 500 * 10);
    }
}

#[tokio::test]
async fn a_long_sweep_through_a_dead_port_ends_and_says_so() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    drop(socket);
    let settings = DnsSettings {
        servers: vec![address],
        tries: vec![Duration::from_millis(50)],
        ..DnsSettings::default()
    };
    let dns = Dns::new(settings, Arc::new(SystemClock));
    let mut unreachable = 0;
    dns.sweep(
        None,
        vec![Batch::new(None, numbered(LONG))],
        |_, _, answer| {
            unreachable += usize::from(matches!(answer.outcome, Outcome::Unreachable(_)));
        },
    )
    .await;
    assert_eq!(unreachable, LONG);
}

#[tokio::test]
async fn silence_in_a_long_sweep_is_a_timeout_after_all_tries() {
    fn holes(asked: &str, nth: usize, reply: &mut Message) -> Act {
        if asked.starts_with("n7.") {
            return Act::Silent;
        }
        by_name(asked, nth, reply)
    }
    let server = serve(holes).await;
    let settings = DnsSettings {
        servers: vec![server.address],
        tries: [200, 200].map(Duration::from_millis).to_vec(),
        ..DnsSettings::default()
    };
    let dns = Dns::new(settings, Arc::new(SystemClock));
    let mut silent = Vec::new();
    dns.sweep(
        None,
        vec![Batch::new(None, numbered(LONG))],
        |_, number, answer| {
            if answer.outcome == Outcome::Timeout {
                silent.push(number);
            }
        },
    )
    .await;
    assert_eq!(silent, [7]);
}

/// An operator whose budget is spent keeps no other waiting, and is never asked more than it takes.
#[tokio::test]
async fn a_slow_operator_holds_up_nobody() {
    let server = serve(|asked, _, reply| listed(reply, asked)).await;
    let settings = DnsSettings {
        servers: vec![server.address],
        budgets: vec![
            (
                "slow".to_owned(),
                Budget {
                    rate: 20.0,
                    burst: 1,
                    max_in_flight: 1,
                },
            ),
            ("quick".to_owned(), Budget::UNLIMITED),
        ],
        ..DnsSettings::default()
    };
    let dns = Dns::new(settings, Arc::new(SystemClock));
    let of = |name: &'static str, count: usize| {
        let questions =
            (0..count).map(move |n| Question::new(format!("{name}{n}.example"), RecordKind::A));
        Batch::new(Some(name), questions)
    };
    let mut order = Vec::new();
    let batches = vec![of("slow", 5), of("quick", 300)];
    let started = std::time::Instant::now();
    dns.sweep(None, batches, |batch, _, _| order.push(batch))
        .await;
    assert_eq!(order.len(), 305);
    // The slow one is the last, and its five questions took four gaps of 50 ms at least.
    assert_eq!(order.last(), Some(&0));
    assert!(started.elapsed() >= Duration::from_millis(200));
}

#[tokio::test]
async fn what_is_in_the_cache_is_not_asked_again() {
    let server = serve(by_name).await;
    let dns = client(&[server.address]);
    for _ in 0..2 {
        let mut answers = 0;
        let batch = Batch::new(Some("operator"), numbered(10));
        dns.sweep(Some(server.address), vec![batch], |_, _, _| answers += 1)
            .await;
        assert_eq!(answers, 10);
    }
    assert_eq!(server.packets.load(Ordering::SeqCst), 10);
}
