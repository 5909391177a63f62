//! The dialogues, as data: personality and script.

use std::time::{Duration, Instant};

use super::*;

const TO_RCPT: &str = "S: 220
    C: EHLO tester.e.example
    S: 250
    C: MAIL FROM:<sf@e.example>
    S: 250 2.1.0";

#[tokio::test]
async fn scripts() {
    let postfix = || Personality::postfix("mail.acme.example", &HOME, &KNOWN);
    let exchange = || Personality::exchange_2003("server.acme.local", &HOME);
    let with = |change: fn(&mut Personality)| {
        let mut made = postfix();
        change(&mut made);
        made
    };
    let cases: Vec<(&str, Personality, String)> = vec![
        (
            "protocol",
            Personality { lenient_syntax: false, ..postfix() },
            "S: 220 mail.acme.example ESMTP
            C: MAIL FROM:<sf@e.example>
            S: 503
            C: HELO
            S: 501
            C: HELO two names
            S: 501
            C: EHLO tester.e.example
            S: 250-mail.acme.example ~ SIZE 10240000
            C: RCPT TO:<office@acme.example>
            S: 503
            C: DATA
            S: 503
            C: MAIL FROM: <sf@e.example>
            S: 501
            C: MAIL FROM:sf@e.example
            S: 501
            C: MAIL TO:<sf@e.example>
            S: 501
            C: MAIL FROM:<sf@e.example> COLOUR=red
            S: 555
            C: MAIL FROM:<sf@e.example> SIZE=99999999
            S: 552 5.3.4
            C: mail from:<sf@e.example> BODY=8BITMIME SIZE=10
            S: 250
            C: MAIL FROM:<sf@e.example>
            S: 503
            C: RCPT TO:<>
            S: 501
            C: RCPT TO:<office@acme.example
            S: 501
            C: RCPT TO:<nobody@acme.example>
            S: 550 5.1.1
            C: DATA
            S: 554
            C: RCPT TO:<postmaster>
            S: 250
            C: RCPT TO:<@relay.example:office@acme.example>
            S: 250
            C: RSET
            S: 250
            C: RCPT TO:<office@acme.example>
            S: 503
            C: NONSENSE
            S: 500
            C: NOOP
            S: 250
            C: VRFY office
            S: 252
            C: EXPN all
            S: 502
            C: STARTTLS
            S: 502
            C: AUTH LOGIN
            S: 502
            C: QUIT
            S: 221
            S: closed"
                .to_owned(),
        ),
        (
            "bare line feeds are no line ends",
            postfix(),
            "S: 220
            C: NOOP\\nNOOP
            S: 500
            S: 250
            C: EHLO x.example
            S: 250
            C: MAIL FROM:<sf@e.example>
            S: 250
            C: RCPT TO:<office@acme.example>
            S: 250
            C: DATA
            S: 354
            C: Subject: a\\n.
            C: MAIL FROM:<smuggled@e.example>
            C: .
            S: 554 5.6.0"
                .to_owned(),
        ),
        ("closed postfix", postfix(), format!("{TO_RCPT}\nC: RCPT TO:<st@e2.example>\nS: 454 4.7.1 Relay access denied\nC: RCPT TO:<st%e2.example@acme.example>\nS: 454")),
        ("closed", Personality::closed("mail.acme.example", &HOME, &KNOWN), format!("{TO_RCPT}\nC: RCPT TO:<st@e2.example>\nS: 554 5.7.1")),
        ("open", Personality::open_relay("mail.acme.example", &HOME, &KNOWN), format!("{TO_RCPT}\nC: RCPT TO:<st@e2.example>\nS: 250\nC: RCPT TO:<nobody@acme.example>\nS: 550")),
        (
            "exchange",
            exchange(),
            format!(
                "{TO_RCPT}\nC: RCPT TO:<nobody@acme.example>\nS: 250\nC: RCPT TO:<st@e2.example>\nS: 550 5.7.1 Unable to relay
                C: RCPT TO:<st%e2.example@acme.example>\nS: 250\nC: RCPT TO: office@acme.example\nS: 250"
            ),
        ),
        (
            "own senders",
            Personality::trusts_own_senders("mx.host.example", &HOME, &KNOWN),
            format!("{TO_RCPT}\nC: RCPT TO:<st@e2.example>\nS: 454\nC: RSET\nS: 250\nC: MAIL FROM:<any@acme.example>\nS: 250\nC: RCPT TO:<st@e2.example>\nS: 250"),
        ),
        (
            "helo",
            Personality::trusts_helo("mx.host.example", &HOME, &KNOWN),
            format!("{TO_RCPT}\nC: RCPT TO:<st@e2.example>\nS: 454\nC: EHLO ACME.example\nS: 250\nC: MAIL FROM:<sf@e.example>\nS: 250\nC: RCPT TO:<st@e2.example>\nS: 250"),
        ),
        (
            "after a local recipient",
            with(|it| it.trust = vec![Trust::AfterLocalRecipient]),
            format!("{TO_RCPT}\nC: RCPT TO:<st@e2.example>\nS: 454\nC: RCPT TO:<office@acme.example>\nS: 250\nC: RCPT TO:<st@e2.example>\nS: 250"),
        ),
        ("trailing dot", with(|it| it.trust = vec![Trust::TrailingDot]), format!("{TO_RCPT}\nC: RCPT TO:<st@e2.example>\nS: 454\nC: RCPT TO:<st@E2.example.>\nS: 250")),
        ("refuses data", Personality::refuses_data("mail.acme.example", &HOME, &KNOWN), format!("{TO_RCPT}\nC: RCPT TO:<st@e2.example>\nS: 250\nC: DATA\nS: 554")),
        (
            "refuses the message",
            Personality::refuses_message("mail.acme.example", &HOME, &KNOWN),
            format!("{TO_RCPT}\nC: RCPT TO:<st@e2.example>\nS: 250\nC: DATA\nS: 354\nC: Subject: x\nC:\nC: .\nS: 554"),
        ),
        ("discards", Personality::discards("mail.acme.example", &HOME), format!("{TO_RCPT}\nC: RCPT TO:<a@b.invalid>\nS: 250\nC: RCPT TO:<a>\nS: 250\nC: DATA\nS: 354\nC: .\nS: 250")),
        (
            "greylists",
            Personality::greylists("mail.acme.example", &HOME, &KNOWN, Duration::from_secs(60)),
            format!("{TO_RCPT}\nC: RCPT TO:<office@acme.example>\nS: 451 4.7.1\nC: RCPT TO:<postmaster@acme.example>\nS: 250"),
        ),
        ("blocked", Personality::refuses_connections("mail.acme.example", 554, "5.7.1 your address is listed"), "S: 554 5.7.1\nS: closed".to_owned()),
        ("busy", Personality::refuses_connections("mail.acme.example", 421, "4.3.2 too busy"), "S: 421\nS: closed".to_owned()),
        ("no EHLO", with(|it| it.helo_only = true), "S: 220\nC: EHLO x.example\nS: 500\nC: HELO x.example\nS: 250 ".to_owned()),
        ("STARTTLS is not available", with(|it| it.starttls = StartTls::Unavailable), "S: 220\nC: EHLO x.example\nS: 250 ~ STARTTLS\nC: STARTTLS\nS: 454".to_owned()),
        ("null sender refused", with(|it| it.refuse_null_sender = Some(Reply::new(550, "5.7.1 no"))), "S: 220\nC: EHLO x.example\nS: 250\nC: MAIL FROM:<>\nS: 550".to_owned()),
        ("recipients per message", with(|it| it.limits.recipients_per_message = Some(1)), format!("{TO_RCPT}\nC: RCPT TO:<office@acme.example>\nS: 250\nC: RCPT TO:<office@acme.example>\nS: 452 4.5.3")),
        (
            "recipients per hour",
            with(|it| it.limits.recipients_this_hour = Some(1)),
            format!("{TO_RCPT}\nC: RCPT TO:<office@acme.example>\nS: 250\nC: RCPT TO:<office@acme.example>\nS: 452 Too many recipients received this hour"),
        ),
        (
            "messages per connection",
            with(|it| it.limits.messages_per_connection = Some(1)),
            format!("{TO_RCPT}\nC: RCPT TO:<office@acme.example>\nS: 250\nC: DATA\nS: 354\nC: .\nS: 250\nC: MAIL FROM:<>\nS: 421\nS: closed"),
        ),
        ("errors", with(|it| it.limits.errors = Some(1)), "S: 220\nC: A\nS: 500\nC: B\nS: 421\nS: closed".to_owned()),
        ("message size", with(|it| it.limits.size = Some(5)), format!("{TO_RCPT}\nC: RCPT TO:<office@acme.example>\nS: 250\nC: DATA\nS: 354\nC: 12345\nC: .\nS: 552")),
        ("VRFY tells", with(|it| it.vrfy = true), "S: 220\nC: VRFY office@acme.example\nS: 250\nC: VRFY <nobody@acme.example>\nS: 550\nC: VRFY a@b.example\nS: 551".to_owned()),
        (
            "login in the clear",
            {
                let mut it = exchange();
                let login = Login { password: "pass".to_owned(), senders: vec!["@acme.example".to_owned()], refuse: None };
                let auth = it.auth.as_mut().unwrap();
                auth.mechanisms.extend(["PLAIN".to_owned(), "CRAM-MD5".to_owned()]);
                auth.logins.insert("office".to_owned(), login);
                it
            },
            // b2ZmaWNl office, cGFzcw== pass, d3Jvbmc= wrong; AG9mZmljZQBwYXNz is NUL office NUL pass
            "S: 220
            C: EHLO x.example
            S: 250 ~ AUTH GSSAPI NTLM LOGIN
            C: AUTH LOGIN
            S: 334 VXNlcm5hbWU6
            C: b2ZmaWNl
            S: 334 UGFzc3dvcmQ6
            C: d3Jvbmc=
            S: 535 5.7.8
            C: AUTH LOGIN
            S: 334
            C: *
            S: 501
            C: AUTH NTLM
            S: 504
            C: AUTH XOAUTH2
            S: 504
            C: AUTH PLAIN !!!!
            S: 501
            C: AUTH CRAM-MD5
            S: 334
            C: b2ZmaWNlIDAw
            S: 535
            C: AUTH PLAIN AG9mZmljZQBwYXNz
            S: 235
            C: AUTH PLAIN AG9mZmljZQBwYXNz
            S: 503
            C: MAIL FROM:<x@other.example>
            S: 553 5.7.1
            C: MAIL FROM:<Orders@ACME.example>
            S: 250
            C: RCPT TO:<st@e2.example>
            S: 250"
                .to_owned(),
        ),
        (
            "any login is right",
            {
                let mut it = exchange();
                it.auth.as_mut().unwrap().accepts_anything = true;
                it
            },
            "S: 220\nC: EHLO x.example\nS: 250\nC: AUTH LOGIN d3Jvbmc=\nS: 334\nC: d3Jvbmc=\nS: 235".to_owned(),
        ),
    ];
    for (title, personality, script) in cases {
        let bench = bench(personality).await;
        Client::connect(&bench).await.play(title, &script).await;
    }
}

#[tokio::test]
async fn cram_md5() {
    let mut personality = Personality::postfix("mail.acme.example", &HOME, &KNOWN);
    personality.auth = Some(Auth {
        mechanisms: vec!["CRAM-MD5".to_owned()],
        logins: [(
            "office".to_owned(),
            Login {
                password: "pass".to_owned(),
                ..Login::default()
            },
        )]
        .into(),
        in_the_clear: true,
        ..Auth::default()
    });
    let bench = bench(personality).await;
    let mut client = Client::connect(&bench).await;
    client
        .play("start", "S: 220\nC: EHLO x.example\nS: 250")
        .await;
    let challenge = client.ask("AUTH CRAM-MD5").await;
    let challenge = crate::mail::sasl::decode(challenge.strip_prefix("334 ").unwrap()).unwrap();
    let answer = format!(
        "office {}",
        crate::mail::sasl::cram_md5_digest("pass", &challenge)
    );
    assert!(
        client
            .ask(&crate::mail::sasl::encode(answer))
            .await
            .starts_with("235")
    );
}

#[tokio::test]
async fn what_is_accepted_arrives() {
    let bench = bench(Personality::postfix("mail.acme.example", &HOME, &KNOWN)).await;
    let mut client = Client::connect(&bench).await;
    let script = format!(
        "{TO_RCPT}\nC: RCPT TO:<Office@acme.example>\nS: 250\nC: DATA\nS: 354\nC: Subject: hello\nC:\nC: ..stuffed\nC: .\nS: 250 2.0.0\nC: QUIT\nS: 221"
    );
    client.play("delivery", &script).await;
    let inbox = bench.mailboxes.messages("office@acme.example", "INBOX");
    let text = inbox[0].text();
    assert!(text.starts_with("Return-Path: <sf@e.example>\r\nReceived: from tester.e.example ([127.0.0.1])\r\n\tby mail.acme.example with ESMTP id "), "{text}");
    assert!(
        text.ends_with("Subject: hello\r\n\r\n.stuffed\r\n"),
        "{text}"
    );
    assert_eq!(
        (
            bench.server.connections(),
            bench.server.commands("DATA"),
            bench.server.commands("mail")
        ),
        (1, 1, 1)
    );
    let transcript = &bench.server.transcripts()[0];
    assert_eq!(transcript.commands().last(), Some("QUIT"));
    assert!(
        transcript
            .lines
            .contains(&Line::Data("[message of 28 octets]".to_owned()))
    );
}

#[tokio::test]
async fn slow_and_silent_servers() {
    let mut personality = Personality::postfix("mail.acme.example", &HOME, &KNOWN);
    personality.tarpit.rcpt = Duration::from_millis(60);
    let tarpit = bench(personality).await;
    let start = Instant::now();
    Client::connect(&tarpit)
        .await
        .play(
            "tarpit",
            &format!("{TO_RCPT}\nC: RCPT TO:<office@acme.example>\nS: 250"),
        )
        .await;
    assert!(start.elapsed() >= Duration::from_millis(60));

    let silent = bench(Personality::silent("mail.acme.example")).await;
    let mut client = Client::connect(&silent).await;
    assert!(
        tokio::time::timeout(Duration::from_millis(100), client.reply())
            .await
            .is_err()
    );
}

#[tokio::test]
async fn greylisting_ends_and_busy_servers_recover() {
    let bench = bench(Personality::greylists(
        "mail.acme.example",
        &HOME,
        &KNOWN,
        Duration::from_millis(40),
    ))
    .await;
    let mut client = Client::connect(&bench).await;
    let rcpt = "RCPT TO:<office@acme.example>";
    client.play("first", TO_RCPT).await;
    assert!(client.ask(rcpt).await.starts_with("451"));
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert!(client.ask(rcpt).await.starts_with("250"));

    bench
        .server
        .edit(|personality| personality.limits.connections = Some(1));
    assert!(
        Client::connect(&bench)
            .await
            .reply()
            .await
            .starts_with("421")
    );
    drop(client);
    for _ in 0..50 {
        if Client::connect(&bench)
            .await
            .reply()
            .await
            .starts_with("220")
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the server stays busy");
}
