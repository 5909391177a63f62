//! The 28 relay variants against each server of the laboratory: accepted at RCPT, accepted after the dot,
//! really delivered outside. The relay test is only as good as this table.

use super::*;

const TARGET: &str = "mx.host.example";

/// MAIL FROM and RCPT TO of the variants A01-A11, B01-B05, C01-C05, D01-D03, E01-E04.
fn variants() -> Vec<(String, String)> {
    let plain = "st@e2.example";
    let literal = "sf@[127.0.0.1]";
    let senders = [
        "sf@e.example",
        plain,
        "sf@rand.e.example",
        "",
        "office@acme.example",
        "qwertyuiopasdfgh@acme.example",
        "postmaster@acme.example",
        "sf@mx.host.example",
        literal,
        "sf@localhost",
        "sf",
    ];
    let recipients = [
        "st%e2.example@[127.0.0.1]",
        "st%e2.example@mx.host.example",
        "st%e2.example@acme.example",
        "\"st%e2.example\"",
        "st%e2.example",
        "\"st@e2.example\"",
        "st@e2.example@[127.0.0.1]",
        "\"st@e2.example\"@[127.0.0.1]",
        "st@e2.example@mx.host.example",
        "\"st@e2.example\"@acme.example",
        "@[127.0.0.1]:st@e2.example",
        "@mx.host.example:st@e2.example",
        "@acme.example:st@e2.example",
        "e2.example!st",
        "e2.example!st@[127.0.0.1]",
        "e2.example!st@mx.host.example",
        "e2.example!st@acme.example",
    ];
    let plain = senders
        .iter()
        .map(|sender| ((*sender).to_owned(), plain.to_owned()));
    plain
        .chain(
            recipients
                .iter()
                .map(|recipient| ("sf@e.example".to_owned(), (*recipient).to_owned())),
        )
        .collect()
}

/// RCPT 2xx, 250 after the dot, delivered outside, bounces to the sender's mailbox.
async fn run(personality: Personality) -> [usize; 4] {
    let bench = bench(personality).await;
    let variants = variants();
    assert_eq!(variants.len(), 28);
    let (mut rcpt, mut dot) = (0, 0);
    // Eight variants a connection, as a polite client does: servers hang up on many errors.
    for block in variants.chunks(8) {
        let mut client = Client::connect(&bench).await;
        client
            .play("start", "S: 220\nC: EHLO tester.e.example\nS: 250")
            .await;
        for (sender, recipient) in block {
            assert!(
                client
                    .ask(&format!("MAIL FROM:<{sender}>"))
                    .await
                    .starts_with("250"),
                "{sender}"
            );
            if client
                .ask(&format!("RCPT TO:<{recipient}>"))
                .await
                .starts_with("250")
            {
                rcpt += 1;
                if client.ask("DATA").await.starts_with("354")
                    && client
                        .ask("Subject: x\r\n\r\nx\r\n.")
                        .await
                        .starts_with("250")
                {
                    dot += 1;
                }
            }
            assert!(client.ask("RSET").await.starts_with("250"));
        }
    }
    let outside = bench.mailboxes.messages("st@e2.example", "INBOX").len();
    let bounced = bench.mailboxes.messages("sf@e.example", "INBOX").len();
    assert!(
        bench.mailboxes.read(|store| store.abroad.is_empty()),
        "nothing goes to strangers"
    );
    [rcpt, dot, outside, bounced]
}

#[tokio::test]
async fn table() {
    for (title, personality, expected) in [
        (
            "closed",
            Personality::postfix(TARGET, &HOME, &KNOWN),
            [0, 0, 0, 0],
        ),
        (
            "open to the world",
            Personality::open_relay(TARGET, &HOME, &KNOWN),
            [28, 28, 28, 0],
        ),
        (
            "own senders",
            Personality::trusts_own_senders(TARGET, &HOME, &KNOWN),
            [3, 3, 3, 0],
        ),
        (
            "HELO",
            Personality::trusts_helo(TARGET, &HOME, &KNOWN),
            [0, 0, 0, 0],
        ),
        (
            "Exchange",
            Personality::exchange_2003(TARGET, &HOME),
            [13, 13, 0, 13],
        ),
        (
            "refuses the message",
            Personality::refuses_message(TARGET, &HOME, &KNOWN),
            [28, 0, 0, 0],
        ),
        (
            "discards",
            Personality::discards(TARGET, &HOME),
            [28, 28, 0, 0],
        ),
    ] {
        assert_eq!(run(personality).await, expected, "{title}");
    }
}
