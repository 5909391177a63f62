//! Programs as steps.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use serde_json::{Value, json};

use crate::actions::testing::carry_out_through;
use crate::actions::{ActionError, Report};
use crate::probes::{ProbeSettings, Probes, SystemClock};
use crate::record::StepOutcome;
use crate::site::Site;

async fn run(args: Value) -> Result<Report, ActionError> {
    let probes = Probes::new(ProbeSettings::default(), Arc::new(SystemClock)).unwrap();
    let site = Site {
        id: "client".to_owned(),
        ..Site::default()
    };
    carry_out_through(&probes, "command.run", &site, args).await
}

async fn sh(script: &str) -> Result<Report, ActionError> {
    run(json!({"command": ["sh", "-c", script]})).await
}

#[tokio::test]
async fn ordinary_output_is_kept_as_text() {
    let args = json!({"command": ["cat"], "stdin": {"a": 1}});
    let report = run(args).await.unwrap();
    assert_eq!(report.outcome, StepOutcome::Good);
    assert_eq!(
        (&report.outputs["stdout"], &report.outputs["exit"]),
        (&json!(r#"{"a":1}"#), &json!(0))
    );
}

#[tokio::test]
async fn the_program_knows_its_step_and_gets_what_env_says() {
    let args = json!({
        "command": ["sh", "-c", "echo $MAILMEDIC_SITE $MAILMEDIC_STEP $MAILMEDIC_IDEMPOTENCY_KEY $COUNT $HOME"],
        "env": {"COUNT": 3},
    });
    assert_eq!(
        run(args).await.unwrap().outputs["stdout"],
        "client step key 3\n"
    );
}

#[tokio::test]
async fn findings_on_stdout_are_the_steps() {
    let printed = r#"{"findings": [{"code": "queue-long", "severity": "major", "subject": "mail.client.example",
        "summary": "1200 messages wait.", "evidence": ["postqueue: 1200"]}], "outputs": {"waiting": 1200}}"#;
    let report = sh(&format!("echo '{printed}'; exit 1")).await.unwrap();
    assert_eq!(report.outcome, StepOutcome::Finding);
    assert_eq!(report.findings[0].evidence[0].text, "postqueue: 1200");
    assert_eq!(report.outputs["outputs"]["waiting"], 1200);
    assert_eq!(report.subjects, ["mail.client.example"]);
    let report = sh(r#"echo '{"findings": [], "subjects": ["a"], "verdict": "unknown"}'"#)
        .await
        .unwrap();
    assert_eq!(report.outcome, StepOutcome::Unknown);
    assert_eq!(report.subjects, ["a"]);
}

#[tokio::test]
async fn failures_say_what_the_program_said() {
    for (script, says) in [
        (
            "echo first >&2; echo 'no queue here' >&2; exit 4",
            "status 4: no queue here",
        ),
        ("kill -9 $$", "signal 9"),
        (
            r#"echo '{"findings": [{"code": "x"}]}'"#,
            "cannot read the findings",
        ),
        (
            r#"echo '{"findings": [], "more": 1}'"#,
            "cannot read the findings",
        ),
        (
            r#"echo '{"findings": [{"code": "Bad Code", "severity": "minor", "subject": "s", "summary": "s"}]}'"#,
            "Bad Code",
        ),
        (
            r#"echo '{"findings": []}'; exit 2"#,
            "status 2 and reports no finding",
        ),
    ] {
        let error = sh(script).await.unwrap_err();
        assert!(error.to_string().contains(says), "{script}: {error}");
        assert!(!error.is_not_sent(), "{script}");
    }
    let error = run(json!({"command": ["sleep", "9"], "timeout": "1s"}))
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("not known what it had done"),
        "{error}"
    );
}

#[tokio::test]
async fn what_did_not_start_did_nothing() {
    for args in [
        json!({"command": "ls -l"}),
        json!({"command": ["/nonexistent/program"]}),
        json!({"command": []}),
        json!({"command": ["true"], "env": {"A": [1]}}),
    ] {
        assert!(run(args.clone()).await.unwrap_err().is_not_sent(), "{args}");
    }
}
