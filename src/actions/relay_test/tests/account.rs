//! The site's own account for tests: what a login may do, and what keeps it from being tried.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::MX;
use super::rig::{ACCOUNT, DOMAIN, OWN, Rig, USER};
use crate::actions::Report;
use crate::actions::testing::codes;
use crate::practice::Certificate;
use crate::practice::smtp::{Auth, Login, Personality, Reply, StartTls, Trust};

const PASSWORD: &str = "relay-pass-4711";

/// A server that takes the account's login under TLS, and lets it send as these; as anybody where there are none.
fn server(senders: &[&str]) -> Personality {
    let login = Login {
        password: PASSWORD.to_owned(),
        senders: senders.iter().map(|sender| (*sender).to_owned()).collect(),
        refuse: None,
    };
    Personality {
        starttls: StartTls::Offered,
        auth: Some(Auth {
            mechanisms: vec!["PLAIN".to_owned()],
            logins: BTreeMap::from([(ACCOUNT.to_owned(), login)]),
            ..Auth::default()
        }),
        ..Personality::postfix(MX, &[DOMAIN], &[USER])
    }
}

async fn tested(personality: Personality) -> (Rig, Report) {
    let rig = Rig::new(personality).await.with_account(PASSWORD);
    let report = rig.run(json!({"logins": false})).await.unwrap();
    assert_eq!(rig.server().commands("DATA"), 0, "nothing is sent");
    let written = format!(
        "{}{:?}{}",
        serde_json::to_string(&report.outputs).unwrap(),
        report.findings,
        report
            .artifacts
            .iter()
            .map(|a| rig.artifact(&a.name))
            .collect::<String>()
    );
    for secret in [PASSWORD, &crate::mail::sasl::plain(ACCOUNT, PASSWORD)] {
        assert!(!written.contains(secret), "the password is written down");
    }
    (rig, report)
}

/// The outcomes, by id.
fn outcomes(report: &Report) -> Vec<(String, String)> {
    let checks = report.outputs["accounts"][0]["checks"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    checks
        .iter()
        .map(|check| (text(&check["id"]), text(&check["outcome"])))
        .collect()
}

fn detail<'a>(report: &'a Report, id: &str) -> &'a str {
    let checks = report.outputs["accounts"][0]["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["id"] == id).unwrap();
    check["detail"].as_str().unwrap()
}

#[tokio::test]
async fn what_a_login_may_do() {
    let limited = |personality: Personality| {
        let mut limited = personality;
        limited.limits.recipients_per_message = Some(7);
        limited
    };
    let told = |personality: Personality| {
        let mut told = personality;
        told.keywords.push("LIMITS MAILMAX=5 RCPTMAX=30".to_owned());
        told
    };
    let trusting = |trust| Personality {
        trust: vec![trust],
        ..server(&[])
    };
    const OTHER: &str = "auth-other-sender";
    const PORT: &str = "auth-on-port-25";
    type Row = (
        &'static str,
        Personality,
        [&'static str; 5],
        &'static [&'static str],
    );
    #[rustfmt::skip]
    let rows: Vec<Row> = vec![
        ("senders are free", limited(server(&[])), ["good", "finding", "finding", "finding", "good"], &[OTHER, "auth-foreign-sender", PORT]),
        ("the site's domain is free", limited(server(&["@site.test"])), ["good", "finding", "good", "finding", "good"], &[OTHER, PORT]),
        ("senders are owned", told(server(&[OWN])), ["good", "good", "good", "finding", "good"], &[PORT]),
        ("no limit in sight", server(&[OWN]), ["good", "good", "good", "finding", "unknown"], &[PORT]),
        ("its own mail is refused", server(&["other@site.test"]), ["finding", "not_applicable", "not_applicable", "finding", "not_applicable"], &["auth-relay-refused", PORT]),
        ("open to all", trusting(Trust::Everyone), ["unknown", "unknown", "unknown", "finding", "unknown"], &["relay-suspected", PORT]),
        ("open to own senders", trusting(Trust::LocalSender), ["unknown", "unknown", "unknown", "finding", "unknown"], &["relay-suspected", PORT]),
    ];
    for (row, personality, expected, found) in rows {
        let (rig, report) = tested(personality).await;
        let ids = ["G4", "G5", "G6", "G7", "G8"];
        let expected: Vec<(String, String)> = ids
            .iter()
            .zip(expected)
            .map(|(id, o)| ((*id).to_owned(), o.to_owned()))
            .collect();
        assert_eq!(outcomes(&report), expected, "{row}");
        assert_eq!(codes(&report), found, "{row}");
        assert_eq!(rig.server().commands("AUTH"), 1, "{row}: one login");
        let login = &report.outputs["login"][0];
        assert_eq!(
            (&login["account"], &login["accepted"]),
            (&json!(ACCOUNT), &json!(true))
        );
        for finding in report
            .findings
            .iter()
            .filter(|f| f.code.starts_with("auth-"))
        {
            assert!(
                report.subjects.contains(&finding.subject),
                "{row}: {}",
                finding.subject
            );
            assert!(!finding.evidence[0].text.is_empty(), "{row}");
        }
    }
}

#[tokio::test]
async fn recipients_are_counted_politely_and_the_rate_is_not() {
    let (rig, report) = tested(server(&[OWN])).await;
    let said = detail(&report, "G8");
    assert!(said.starts_with("not measured: 50 recipients"), "{said}");
    assert!(said.contains("how many an hour was not measured"), "{said}");
    let sessions = rig.server().transcripts();
    let most = sessions
        .iter()
        .map(|s| s.commands().filter(|c| c.starts_with("RCPT")).count());
    assert!(most.max().unwrap() < 60, "at most sixty a session");
    let replies = report.outputs["accounts"][0]["checks"][4]["replies"]
        .as_array()
        .unwrap();
    assert_eq!(replies.len(), 3, "the first and the last tell");

    let mut limited = server(&[OWN]);
    limited.limits.recipients_per_message = Some(7);
    let (_, report) = tested(limited).await;
    let said = detail(&report, "G8");
    assert!(
        said.starts_with("no more than 7 recipients") && said.contains("452 4.5.3"),
        "{said}"
    );
    let mut told = server(&[OWN]);
    told.keywords.push("LIMITS RCPTMAX=30".to_owned());
    let (_, report) = tested(told).await;
    assert!(detail(&report, "G8").starts_with("at most 30 recipients"));
}

#[tokio::test]
async fn a_password_never_takes_an_unproven_way() {
    let mut in_clear = server(&[OWN]);
    in_clear.starttls = StartTls::Absent;
    in_clear.auth.as_mut().unwrap().in_the_clear = true;
    let expired = Personality {
        certificate: Certificate::Expired,
        ..server(&[OWN])
    };
    for (personality, why) in [
        (in_clear, "the connection is in clear"),
        (expired, "does not prove whose server"),
    ] {
        let (rig, report) = tested(personality).await;
        assert_eq!(
            outcomes(&report),
            [("G4-G8".to_owned(), "unknown".to_owned())]
        );
        assert!(
            detail(&report, "G4-G8").contains(why),
            "{}",
            detail(&report, "G4-G8")
        );
        assert_eq!(rig.server().commands("AUTH"), 0);
        assert_eq!(report.outputs["login"], json!([]));
        let notes = report.outputs["notes"].to_string();
        assert!(notes.contains(why), "{notes}");
    }
}

#[tokio::test]
async fn a_refused_login_is_not_tried_again_in_this_run() {
    let mut rig = Rig::new(server(&[OWN])).await.with_account("wrong-pass-1");
    let report = rig.run(json!({"logins": false})).await.unwrap();
    assert_eq!(
        report.outputs["verdict"], "closed",
        "the test itself is not touched by it"
    );
    assert_eq!(
        outcomes(&report),
        [("G4-G8".to_owned(), "unknown".to_owned())]
    );
    assert!(detail(&report, "G4-G8").contains("refused"));
    assert_eq!(report.outputs["login"][0]["accepted"], false);
    assert_eq!(rig.server().commands("AUTH"), 1);
    rig.has_ended(report.outputs);
    let report = rig.run(json!({"logins": false})).await.unwrap();
    let why = detail(&report, "G4-G8");
    assert!(why.contains("until a person has answered"), "{why}");
    assert_eq!(rig.server().commands("AUTH"), 1, "not once more");
    assert_eq!(
        report.outputs["login"][0]["accepted"], false,
        "and it is still known"
    );
}

#[tokio::test]
async fn without_an_account_or_a_login_nothing_is_guessed() {
    let rig = Rig::new(server(&[OWN])).await;
    let report = rig.run(json!({"logins": false})).await.unwrap();
    let accounts = &report.outputs["accounts"][0];
    assert_eq!(
        outcomes(&report),
        [("G4-G8".to_owned(), "not_applicable".to_owned())]
    );
    assert_eq!(accounts["account"], Value::Null);
    assert!(detail(&report, "G4-G8").contains("servers.account"));
    assert_eq!(rig.server().commands("AUTH"), 0);

    let mut none = server(&[OWN]);
    none.auth = None;
    let (_, report) = tested(none).await;
    let said = |id: &str, outcome: &str| (id.to_owned(), outcome.to_owned());
    assert_eq!(
        outcomes(&report),
        [said("G4-G8", "not_applicable"), said("G7", "good")]
    );
    assert!(codes(&report).is_empty());

    let rig = Rig::new(server(&[])).await.with_account(PASSWORD);
    let report = rig
        .run(json!({"logins": false, "account": false}))
        .await
        .unwrap();
    assert_eq!(report.outputs["accounts"], json!([]));
    assert_eq!(rig.server().commands("AUTH"), 0);
}

#[tokio::test]
async fn a_login_that_is_put_off_is_no_refusal() {
    let mut busy = server(&[OWN]);
    let logins = &mut busy.auth.as_mut().unwrap().logins;
    logins.get_mut(ACCOUNT).unwrap().refuse =
        Some(Reply::new(454, "4.7.0 Temporary authentication failure"));
    let (_, report) = tested(busy).await;
    assert_eq!(
        outcomes(&report),
        [("G4-G8".to_owned(), "unknown".to_owned())]
    );
    assert_eq!(report.outputs["login"], json!([]), "it may be tried again");
}
