//! What keeps the step from sending, or from finding out: our own faults, a person who has not agreed, a mailbox that is closed.

use super::*;

#[tokio::test]
async fn nothing_is_sent_without_a_persons_yes() {
    let mut rig = rig(open()).await;
    rig.desk.approved = None;
    let error = rig.step(&json!({}), None).await.unwrap_err();
    assert!(error.to_string().contains("approval"), "{error}");
    assert!(error.is_not_sent());
    assert_eq!(rig.world.server("mx").unwrap().connections(), 0);
}

/// What is our own fault, or nobody's word, is no finding about the path.
#[tokio::test]
async fn what_no_server_has_refused_is_not_known() {
    let mut rig = rig(Personality::smarthost("mx.site.test", "site", "right", &[])).await;
    let at = rig.world.address("mx", "smtp").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let [password, ca] = ["password", "ca.pem"].map(|name| folder.path().join(name));
    std::fs::write(&password, "right").unwrap();
    std::fs::write(&ca, rig.world.ca_pem()).unwrap();
    let smarthost = Smarthost {
        host: "[MX.site.test]".to_owned(),
        address: Some(at.ip()),
        ports: vec![at.port()],
        username: Some("site".to_owned()),
        password: Some(SecretRef::File(password)),
        senders: vec![SENDER.to_owned()],
        ca: Some(ca),
        ..Smarthost::default()
    };
    // Nothing listens; no TLS although it is wanted; no login now.
    rig.desk.site.smarthost = Some(Smarthost {
        ports: vec![1],
        ..smarthost.clone()
    });
    let closed = rig.run(json!({})).await;
    rig.desk.site.smarthost = Some(smarthost.clone());
    mx(&rig).edit(|server| server.starttls = StartTls::Absent);
    let clear = rig.run(json!({})).await;
    mx(&rig).edit(|server| {
        server.starttls = StartTls::Offered;
        let logins = &mut server.auth.as_mut().unwrap().logins;
        logins.get_mut("site").unwrap().refuse = Some(Reply::new(454, "4.7.0 not now"));
    });
    let busy = rig.run(json!({})).await;
    for (report, words) in [
        (&closed, "connection refused"),
        (&clear, "offers no STARTTLS"),
        (&busy, "454"),
    ] {
        let reason = report.outputs["reason"].as_str().unwrap();
        assert!(reason.contains(words), "{reason}");
        assert_eq!(
            (report.outcome, codes(report)),
            (StepOutcome::Unknown, vec![])
        );
        assert_eq!(report.outputs["accepted"], false);
    }
    assert_eq!(
        mx(&rig).commands("AUTH"),
        1,
        "not now is no reason to try on"
    );

    // A password that nobody can read is an error, before anything is asked.
    let asked = mx(&rig).connections();
    rig.desk.site.smarthost = Some(Smarthost {
        password: Some(SecretRef::File(folder.path().join("gone"))),
        ..smarthost
    });
    let error = rig.step(&json!({}), None).await.unwrap_err();
    assert!(error.is_not_sent(), "{error}");
    assert_eq!(mx(&rig).connections(), asked);
}

/// A mailbox that refuses the login is not asked every half minute: accounts lock.
#[tokio::test]
async fn a_mailbox_that_refuses_the_login_is_not_asked_again() {
    let mut rig = rig(Personality::discards("mx.site.test", &["site.test"])).await;
    let Next::Wait(next) = rig.step(&json!({}), None).await.unwrap() else {
        panic!("it never arrives")
    };
    let wait = waiting(*next);
    let imap = rig.desk.site.probe.as_mut().unwrap().imap.as_mut();
    imap.unwrap().username = "nobody".to_owned();
    let Next::Done(report) = rig.step(&json!({}), Some(&wait)).await.unwrap() else {
        panic!("there is nothing to wait for")
    };
    let reason = report.outputs["reason"].as_str().unwrap();
    assert!(reason.contains("not tried again"), "{reason}");
    assert_eq!(
        (report.outcome, codes(&report)),
        (StepOutcome::Unknown, vec![])
    );
}

/// A report that it is late is no bounce.
#[tokio::test]
async fn a_delay_is_waited_out() {
    let rig = rig(Personality::discards("mx.site.test", &["site.test"])).await;
    let Next::Wait(_) = rig.step(&json!({}), None).await.unwrap() else {
        panic!("it is on its way")
    };
    let id = rig.world.server("mx").unwrap().transcripts();
    assert_eq!(id.len(), 1);
    for (action, code) in [("delayed", "delivery-lost"), ("failed", "delivery-bounced")] {
        let nonce = mark(rig.key, 10);
        let report = format!(
            "From: postmaster@site.test\r\nTo: {SENDER}\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n\
             --b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.site.test\r\n\r\n\
             Final-Recipient: rfc822; {INBOX}\r\nAction: {action}\r\n\r\n\
             --b\r\nContent-Type: text/rfc822-headers\r\n\r\nSubject: {nonce}\r\n\r\n--b--\r\n"
        );
        rig.world
            .mailboxes()
            .edit(|store| assert!(store.deliver("", INBOX, report.as_bytes())));
        let report = rig.run(json!({"wait": "1s", "every": "1s"})).await;
        assert_eq!(codes(&report), [code], "{action}");
    }
}
