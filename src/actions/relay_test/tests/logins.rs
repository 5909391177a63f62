//! Logins that nobody has.

use serde_json::{Value, json};

use super::rig::{DOMAIN, Rig, USER};
use super::{MX, ids};
use crate::practice::smtp::{Auth, Line, Personality, Reply, StartTls};

fn server(auth: Auth) -> Personality {
    Personality {
        auth: Some(Auth {
            mechanisms: vec!["PLAIN".to_owned(), "LOGIN".to_owned()],
            ..auth
        }),
        ..Personality::postfix(MX, &[DOMAIN], &[USER])
    }
}

fn in_clear(accepts_anything: bool) -> Personality {
    server(Auth {
        in_the_clear: true,
        accepts_anything,
        ..Auth::default()
    })
}

fn tried(report: &crate::actions::Report) -> Vec<(String, Value, Value)> {
    let endpoints = report.outputs["endpoints"].as_array().unwrap();
    let all = endpoints
        .iter()
        .flat_map(|e| e["logins"].as_array().unwrap());
    all.map(|l| {
        (
            l["id"].as_str().unwrap().to_owned(),
            l["accepted"].clone(),
            l["relays"].clone(),
        )
    })
    .collect()
}

#[tokio::test]
async fn a_server_that_takes_any_login_is_found_and_sends_nothing() {
    let rig = Rig::new(in_clear(true)).await;
    let report = rig.run(json!({})).await.unwrap();
    assert_eq!(
        report.outputs["verdict"], "closed",
        "to strangers it is closed"
    );
    let codes: Vec<&str> = report.findings.iter().map(|f| f.code.as_str()).collect();
    assert_eq!(codes, ["auth-accepts-anything"]);
    assert_eq!(
        tried(&report),
        [("G2".to_owned(), json!(true), json!(true))]
    );
    assert!(
        report.findings[0]
            .summary
            .contains("takes recipients outside")
    );
    assert!(report.subjects.contains(&report.findings[0].subject));
    assert_eq!(ids(&report.outputs["open_by"]), Vec::<&str>::new());
    assert_eq!(
        (rig.server().commands("AUTH"), rig.server().commands("DATA")),
        (1, 0)
    );
}

#[tokio::test]
async fn each_invented_login_is_tried_once_and_under_tls_where_there_is_tls() {
    let rig = Rig::new(in_clear(false)).await;
    let report = rig.run(json!({})).await.unwrap();
    assert_eq!(tried(&report), expected_refusals());
    assert!(report.findings.is_empty());
    assert_eq!(rig.server().commands("AUTH"), 2);

    let encrypted = Personality {
        starttls: StartTls::Offered,
        ..in_clear(false)
    };
    let rig = Rig::new(encrypted).await;
    rig.run(json!({})).await.unwrap();
    let with_login = rig
        .server()
        .transcripts()
        .into_iter()
        .filter(|t| t.commands().any(|c| c.starts_with("AUTH")));
    let mut count = 0;
    for transcript in with_login {
        count += 1;
        let starttls = transcript
            .lines
            .iter()
            .position(|line| *line == Line::Command("STARTTLS".to_owned()));
        assert!(starttls.is_some(), "{transcript:?}");
    }
    assert_eq!(count, 2);

    let rig = Rig::new(in_clear(false)).await;
    rig.run(json!({"logins": false})).await.unwrap();
    assert_eq!(rig.server().commands("AUTH"), 0);
}

#[tokio::test]
async fn a_later_test_of_the_run_does_not_try_them_again_unless_one_was_taken() {
    let mut rig = Rig::new(in_clear(false)).await;
    let first = rig.run(json!({})).await.unwrap();
    let earlier = |report: &crate::actions::Report| {
        let logins = report.outputs["endpoints"][0]["logins"].clone();
        let logins = logins.as_array().unwrap().clone();
        logins
            .iter()
            .map(|l| l["earlier"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(earlier(&first), [json!(false), json!(false)]);
    let expected = tried(&first);
    rig.has_ended(first.outputs);
    let again = rig.run(json!({})).await.unwrap();
    assert_eq!(rig.server().commands("AUTH"), 2, "not once more");
    assert_eq!(
        tried(&again),
        expected,
        "and what was answered is still told"
    );
    assert_eq!(earlier(&again), [json!(true), json!(true)]);

    let mut rig = Rig::new(in_clear(true)).await;
    let taken = rig.run(json!({})).await.unwrap();
    rig.has_ended(taken.outputs);
    rig.server().edit(|server| {
        server.auth.as_mut().unwrap().accepts_anything = false;
    });
    let mended = rig.run(json!({})).await.unwrap();
    assert_eq!(
        tried(&mended),
        expected_refusals(),
        "mended, and seen to be"
    );
    assert_eq!(rig.server().commands("AUTH"), 3);
    assert!(mended.subjects.iter().any(|s| s.ends_with("(login)")));
}

fn expected_refusals() -> Vec<(String, Value, Value)> {
    let refused = |id: &str| (id.to_owned(), json!(false), Value::Null);
    vec![refused("G2"), refused("G3")]
}

#[tokio::test]
async fn a_temporary_answer_is_no_verdict_and_a_ban_asks_no_more() {
    let mut bans = in_clear(false);
    bans.denial = Reply::new(554, "5.7.1 Client host blocked using dnsbl.test");
    let rig = Rig::new(bans).await;
    let report = rig.run(json!({})).await.unwrap();
    assert_eq!(
        (tried(&report).len(), rig.server().commands("AUTH")),
        (0, 0)
    );
}
