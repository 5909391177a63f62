//! Runs for tests, written event by event as the engine writes them.

#![allow(clippy::unwrap_used)]

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use crate::record::{
    Artifact, Decision, Effect, Event, EventKind, Evidence, Finding, GENESIS, Mode, PlannedStep,
    RunConclusion, RunCreated, RunState, SCHEMA, Section, Severity, StepOutcome, WaitKind, hash,
};

/// Writes the events of a run.
pub(crate) struct Recorder {
    pub(crate) events: Vec<Event>,
    now: Timestamp,
    prev: String,
}

impl Recorder {
    pub(crate) fn new(created: RunCreated) -> Self {
        let mut recorder = Recorder {
            events: Vec::new(),
            now: "2026-11-24T08:00:00Z".parse().unwrap(),
            prev: GENESIS.to_owned(),
        };
        recorder.push("technician", EventKind::RunCreated(Box::new(created)));
        recorder
    }

    pub(crate) fn later(&mut self, seconds: i64) -> &mut Self {
        self.now += SignedDuration::from_secs(seconds);
        self
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    pub(crate) fn push(&mut self, actor: &str, event: EventKind) -> &mut Self {
        let event = Event {
            v: SCHEMA,
            seq: self.events.len() as u64 + 1,
            at: self.now,
            actor: actor.to_owned(),
            prev: self.prev.clone(),
            event,
        };
        self.prev = hash(serde_json::to_string(&event).unwrap().as_bytes());
        self.events.push(event);
        RunState::replay(&self.events).unwrap();
        self
    }

    pub(crate) fn start(&mut self, step: &str) -> &mut Self {
        let effect = match &self.events[0].event {
            EventKind::RunCreated(created) => created
                .steps
                .iter()
                .find(|planned| planned.key == step)
                .map_or(Effect::Probe, |planned| planned.effect),
            _ => Effect::Probe,
        };
        let kind = EventKind::StepStarted {
            step: step.to_owned(),
            attempt: 1,
            effect,
            input: hash(step.as_bytes()),
            idempotency_key: format!("key-{step}"),
        };
        self.push("engine", kind)
    }

    /// Starts and ends a step five seconds later.
    pub(crate) fn finish(
        &mut self,
        step: &str,
        outcome: StepOutcome,
        outputs: Value,
        findings: Vec<Finding>,
        subjects: &[&str],
    ) -> &mut Self {
        self.start(step)
            .later(5)
            .end(step, outcome, outputs, findings, subjects, None)
    }

    pub(crate) fn fail(&mut self, step: &str, error: &str) -> &mut Self {
        self.start(step).later(5).end(
            step,
            StepOutcome::Failed,
            json!({}),
            Vec::new(),
            &[],
            Some(error),
        )
    }

    pub(crate) fn end(
        &mut self,
        step: &str,
        outcome: StepOutcome,
        outputs: Value,
        findings: Vec<Finding>,
        subjects: &[&str],
        error: Option<&str>,
    ) -> &mut Self {
        let artifacts = outputs["drafts"].as_array().map_or(Vec::new(), |drafts| {
            drafts
                .iter()
                .filter_map(|draft| draft["file"].as_str())
                .map(|name| artifact(name, "text/plain"))
                .collect()
        });
        let kind = EventKind::StepFinished {
            step: step.to_owned(),
            attempt: 1,
            outcome,
            tolerated: false,
            outputs: object(outputs),
            findings,
            subjects: subjects.iter().map(|s| (*s).to_owned()).collect(),
            artifacts,
            error: error.map(str::to_owned),
            ms: 4_820,
        };
        self.push("engine", kind)
    }

    pub(crate) fn wait(
        &mut self,
        step: &str,
        kind: WaitKind,
        wake: Option<i64>,
        deadline: Option<i64>,
        memo: Value,
    ) -> &mut Self {
        let reason = match &kind {
            WaitKind::Approval { prompt, .. } => prompt.clone(),
            WaitKind::Manual { instructions, .. } => {
                instructions.lines().next().unwrap().to_owned()
            }
            _ => "blacklist.scan does not hold yet".to_owned(),
        };
        let kind = EventKind::Waiting {
            step: step.to_owned(),
            attempt: 1,
            kind,
            reason,
            wake: wake.map(|s| self.now + SignedDuration::from_secs(s)),
            deadline: deadline.map(|s| self.now + SignedDuration::from_secs(s)),
            memo,
        };
        self.start(step).push("engine", kind)
    }

    pub(crate) fn decide(
        &mut self,
        step: &str,
        decision: Decision,
        by: &str,
        note: &str,
        values: Value,
        files: &[&str],
    ) -> &mut Self {
        let kind = EventKind::Decided {
            step: step.to_owned(),
            decision,
            by: by.to_owned(),
            note: (!note.is_empty()).then(|| note.to_owned()),
            evidence: files
                .iter()
                .map(|name| artifact(name, "text/plain"))
                .collect(),
            values: object(values),
        };
        self.push(by, kind)
    }

    pub(crate) fn conclude(&mut self, conclusion: RunConclusion) -> &mut Self {
        self.push("engine", EventKind::RunFinished { conclusion })
    }
}

pub(crate) fn object(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

pub(crate) fn artifact(name: &str, media: &str) -> Artifact {
    Artifact {
        name: name.to_owned(),
        digest: hash(name.as_bytes()),
        bytes: 1_234,
        media: media.to_owned(),
    }
}

pub(crate) fn step(
    key: &str,
    title: &str,
    action: &str,
    effect: Effect,
    needs: &[&str],
) -> PlannedStep {
    PlannedStep {
        key: key.to_owned(),
        title: title.to_owned(),
        description: None,
        action: action.to_owned(),
        check: (key == "clean").then(|| "blacklist.scan".to_owned()),
        effect,
        section: if key.starts_with("verify:") {
            Section::Verify
        } else {
            Section::Steps
        },
        needs: needs.iter().map(|need| (*need).to_owned()).collect(),
    }
}

/// The recovery of a neglected site, as planned.
pub(crate) fn created() -> RunCreated {
    use Effect::{Local, Probe};
    let steps = vec![
        step("scan", "Ask the blocklists", "blacklist.scan", Probe, &[]),
        step(
            "rdns",
            "Reverse DNS of the sending address",
            "rdns.verify",
            Probe,
            &[],
        ),
        step(
            "relay",
            "Does the server relay for strangers?",
            "relay.test",
            Probe,
            &[],
        ),
        step(
            "logs",
            "Read the server's event log",
            "events.analyze",
            Probe,
            &[],
        ),
        step(
            "auth",
            "Mail authentication of the domains",
            "mailauth.check",
            Probe,
            &[],
        ),
        step(
            "smarthost",
            "The outgoing relay",
            "smarthost.check",
            Probe,
            &[],
        ),
        step(
            "clean_up",
            "Clean the computers and change all passwords",
            "manual",
            Probe,
            &["scan", "rdns", "relay", "logs"],
        ),
        step(
            "draft",
            "Draft the delisting requests",
            "delisting.draft",
            Local,
            &["clean_up"],
        ),
        step(
            "may_we_file",
            "Agree to the delisting requests",
            "approval",
            Probe,
            &["draft"],
        ),
        step(
            "file",
            "File the delisting requests",
            "manual",
            Probe,
            &["may_we_file"],
        ),
        step(
            "clean",
            "Wait until no list names the address",
            "wait",
            Probe,
            &["file"],
        ),
        step(
            "verify:scan",
            "Ask the blocklists",
            "blacklist.scan",
            Probe,
            &[],
        ),
        step(
            "verify:rdns",
            "Reverse DNS of the sending address",
            "rdns.verify",
            Probe,
            &[],
        ),
    ];
    RunCreated {
        run: "r-20261124-acme".to_owned(),
        runbook: "blacklist-recovery".to_owned(),
        runbook_text: "version: 1\n".to_owned(),
        runbook_digest: hash(b"version: 1\n"),
        inputs: object(json!({"max_wait": "10d"})),
        site: "acme".to_owned(),
        site_snapshot: json!({
            "id": "acme", "name": "Acme Ltd", "timezone": "Europe/Rome",
            "domains": ["acme.example"],
            "outbound": {"addresses": ["203.0.113.7"], "helo": "mail.acme.example"},
            "servers": [{"host": "mail.acme.example", "product": "exchange-2003"}],
            "smarthost": {"host": "smtp.relay.example"},
            "contacts": {
                "owner": {"name": "Acme Ltd, office", "email": "office@acme.example"},
                "isp": {"name": "Example Telecom", "email": "noc@telecom.example"},
                "provider": {"name": "Example IT Services", "email": "desk@it.example", "phone": "+39 06 555 0100"},
            },
            "vantage": "outside",
        }),
        tool: "0.1.0".to_owned(),
        mode: Mode::Run,
        laboratory: false,
        parent: None,
        fleet: None,
        report_template: "handover".to_owned(),
        steps,
    }
}

pub(crate) fn finding(
    code: &str,
    severity: Severity,
    subject: &str,
    summary: &str,
    remedy: &str,
    evidence: &str,
) -> Finding {
    let at = "2026-11-24T08:00:04Z".parse().unwrap();
    let kind = if evidence.contains("S: ") {
        "smtp"
    } else {
        "dns"
    };
    Finding {
        code: code.to_owned(),
        severity,
        subject: subject.to_owned(),
        summary: summary.to_owned(),
        evidence: vec![Evidence::new(kind, evidence, at).from("127.0.0.1")],
        remedy: remedy.to_owned(),
    }
}

/// A scan in which the address is on these lists, and one list could not be asked.
pub(crate) fn scan(listed: &[&str]) -> Value {
    let entries: Vec<Value> = listed
        .iter()
        .map(|list| {
            json!({"list": list, "zone": format!("{list}.example"), "codes": ["127.0.0.3"], "parts": ["CSS"],
                "severity": "major", "text": "automatic listing", "lookup_url": format!("https://{list}.example/lookup")})
        })
        .collect();
    json!({
        "targets": [{"target": "203.0.113.7", "listed": entries, "clean": 38 - listed.len(),
            "unknown": [{"list": "slow-list", "reason": "time-out"}], "broken": []}],
        "listed": entries,
        "lists": {"asked": 39, "healthy": 38, "unknown": 1, "broken": 0},
    })
}

const PAIRS: &[&str] = &[
    "203.0.113.7 on zen.example",
    "203.0.113.7 on spamcop.example",
    "203.0.113.7 on psbl.example",
];

fn listed(list: &str, severity: Severity) -> Finding {
    finding(
        "listed",
        severity,
        &format!("203.0.113.7 on {list}.example"),
        &format!("203.0.113.7 is on the blocklist {list}"),
        "fix the cause, then ask the list's operator for removal; the technician does this",
        &format!("7.113.0.203.{list}.example. A 127.0.0.3"),
    )
}

fn no_ptr() -> Finding {
    finding(
        "rdns-missing",
        Severity::Major,
        "203.0.113.7",
        "203.0.113.7 has no reverse DNS name",
        "ask the Internet provider to set the name mail.acme.example",
        "7.113.0.203.in-addr.arpa. PTR: NXDOMAIN",
    )
}

fn relay_outputs() -> Value {
    json!({"verdict": "closed", "open_by": [], "endpoints": [{
        "address": "203.0.113.7", "port": 25, "tls": "starttls", "verdict": "closed",
        "controls": [{"id": "K05", "mail": "probe@lab.example", "rcpt": "nobody@invalid", "replies": [{"code": 550, "text": "5.1.2 no such domain"}], "level": "1"}],
        "variants": [
            {"id": "A01", "mail": "<probe@lab.example>", "rcpt": "<target@elsewhere.example>", "replies": ["250 2.1.0 OK", "550 5.7.1 Unable to relay"], "level": "1"},
            {"id": "B02", "mail": "<probe@lab.example>", "rcpt": "<target%elsewhere.example@mail.acme.example>", "replies": ["250 2.1.0 OK", "550 5.7.1 Unable to relay"], "level": "1"},
            {"id": "C04", "mail": "<probe@lab.example>", "rcpt": "<target@elsewhere.example@mail.acme.example>", "replies": [], "level": "0"}],
    }]})
}

fn log_outputs() -> Value {
    json!({"sources": [{"file": "application.evt.txt", "format": "exchange-events", "records": 812, "span": "18 January 2011, 07:33 to 09:49", "gaps": [], "unparsed": 3}],
        "classes": {"rate": 311, "rcpt_unknown": 204, "dns": 41},
        "remotes": [],
        "causes": [
            {"cause": "poor-reputation-of-the-address", "confidence": "probable", "signals": [{"text": "452 Too many recipients received this hour", "count": 311}, {"text": "421 too busy", "count": 18}], "against": ["one receiver family only"]},
            {"cause": "open-relay", "confidence": "unlikely", "signals": [], "against": [{"text": "the relay test found every way closed", "count": 1}]}]})
}

fn auth_outputs() -> Value {
    json!({"domains": [{"domain": "acme.example",
        "spf": {"verdict": "good", "result": "pass", "lookups": 3, "void_lookups": 0, "record": "v=spf1 ip4:203.0.113.7 -all", "warnings": []},
        "dkim": [], "dmarc": {"verdict": "finding", "result": "none", "record": null, "warnings": ["no policy is published"]},
        "mx": {"verdict": "good", "hosts": ["mail.acme.example"]}}]})
}

fn smarthost_outputs() -> Value {
    json!({"verdict": "ready_with_warnings", "blocked_at": null, "stages": [
        {"id": "H04 connect", "outcome": "good", "ms": 31, "detail": "port 587", "reply": null, "class": null},
        {"id": "H05 greeting", "outcome": "good", "ms": 12, "detail": "", "reply": {"code": 220, "text": "smtp.relay.example ESMTP"}, "class": "ok"},
        {"id": "H17 recipients", "outcome": "unknown", "ms": 2, "detail": "no LIMITS keyword", "reply": "", "class": ""}]})
}

/// The checks at the beginning: the address is on three lists and has no name.
pub(crate) fn checked(created: RunCreated) -> Recorder {
    let mut run = Recorder::new(created);
    run.push(
        "engine",
        EventKind::ExecutorStarted {
            pid: 4242,
            host: "desk".to_owned(),
            tool: "0.1.0".to_owned(),
        },
    );
    run.later(1);
    let dmarc = finding(
        "dmarc-missing",
        Severity::Minor,
        "acme.example",
        "acme.example publishes no DMARC policy",
        "publish a policy at _dmarc.acme.example; whoever keeps the domain does this",
        "_dmarc.acme.example. TXT: NXDOMAIN",
    );
    run.finish(
        "scan",
        StepOutcome::Finding,
        scan(&["zen", "spamcop", "psbl"]),
        vec![
            listed("zen", Severity::Critical),
            listed("spamcop", Severity::Major),
            listed("psbl", Severity::Minor),
        ],
        PAIRS,
    )
    .finish(
        "rdns",
        StepOutcome::Finding,
        json!({"addresses": [{"address": "203.0.113.7", "verdict": "none", "ptr": [], "confirmed": [], "warnings": []}]}),
        vec![no_ptr()],
        &["203.0.113.7"],
    )
    .finish("relay", StepOutcome::Good, relay_outputs(), Vec::new(), &["203.0.113.7:25"])
    .finish("logs", StepOutcome::Finding, log_outputs(), Vec::new(), &[])
    .finish("auth", StepOutcome::Finding, auth_outputs(), vec![dmarc], &["acme.example"])
    .finish("smarthost", StepOutcome::Unknown, smarthost_outputs(), Vec::new(), &[]);
    run
}

pub(crate) fn clean_up() -> WaitKind {
    WaitKind::Manual {
        instructions:
            "Clean every computer in the office.\nChange all passwords, the administrator's first."
                .to_owned(),
        evidence_required: true,
        form: object(json!({"computers": "How many computers were cleaned?"})),
    }
}

fn question() -> WaitKind {
    WaitKind::Approval {
        prompt: "File 2 requests for Acme Ltd?".to_owned(),
        approvers: vec!["owner".to_owned()],
        self_approval: false,
    }
}

/// ... up to the first task for a person.
pub(crate) fn waiting(created: RunCreated) -> Recorder {
    let mut run = checked(created);
    run.later(60)
        .wait("clean_up", clean_up(), None, Some(5 * 86_400), Value::Null);
    run
}

/// ... requests filed; the lists are watched, two of three have let go.
pub(crate) fn watched(created: RunCreated) -> Recorder {
    let mut run = waiting(created);
    run.later(86_400)
        .decide(
            "clean_up",
            Decision::Done,
            "technician",
            "all eleven computers cleaned, passwords changed",
            json!({"computers": 11}),
            &["antivirus.txt"],
        )
        .later(30)
        .finish(
            "draft",
            StepOutcome::Good,
            json!({"count": 2, "drafts": [
                {"list": "zen", "target": "203.0.113.7", "method": "form", "url": "https://zen.example/removal", "file": "acme-zen.txt", "not_before": null, "blocked_by": null},
                {"list": "psbl", "target": "203.0.113.7", "method": "form", "url": "https://psbl.example/removal", "file": "acme-psbl.txt"},
                {"list": "spamcop", "target": "203.0.113.7", "method": "expires", "not_before": "2026-12-02T08:00:00Z"}]}),
            Vec::new(),
            &[],
        )
        .wait("may_we_file", question(), None, Some(2 * 86_400), Value::Null)
        .later(7_200)
        .decide("may_we_file", Decision::Approve, "owner", "please go ahead", json!({}), &[])
        .later(10)
        .wait(
            "file",
            WaitKind::Manual {
                instructions: "File the drafted requests.".to_owned(),
                evidence_required: false,
                form: Map::new(),
            },
            None,
            None,
            Value::Null,
        )
        .later(1_800)
        .decide("file", Decision::Done, "technician", "tickets 100 and 101", json!({"filed": "zen, psbl"}), &[])
        .later(5);
    for (after, left) in [
        (21_600, &["zen", "spamcop"][..]),
        (86_400, &["spamcop"][..]),
    ] {
        run.wait(
            "clean",
            WaitKind::Time,
            Some(21_600),
            Some(10 * 86_400),
            json!({"checks": 1, "result": scan(left)}),
        )
        .later(after);
    }
    run
}

/// ... to the end. `left` are the lists that still name the address.
pub(crate) fn finished(created: RunCreated, left: &[&str]) -> Recorder {
    let mut run = watched(created);
    let findings = |left: &[&str]| {
        left.iter()
            .map(|list| listed(list, Severity::Major))
            .collect()
    };
    let outcome = if left.is_empty() {
        StepOutcome::Good
    } else {
        StepOutcome::Finding
    };
    run.later(5 * 86_400)
        .finish(
            "clean",
            outcome,
            json!({"result": scan(left), "checks": 12, "held": left.is_empty()}),
            findings(left),
            PAIRS,
        )
        .finish("verify:scan", outcome, scan(left), findings(left), PAIRS)
        .finish(
            "verify:rdns",
            StepOutcome::Good,
            json!({"addresses": [{"address": "203.0.113.7", "verdict": "pass", "ptr": ["mail.acme.example"], "confirmed": ["mail.acme.example"], "warnings": []}]}),
            Vec::new(),
            &["203.0.113.7"],
        )
        .conclude(RunConclusion::FindingsOpen);
    run
}

/// All cases that a report must master, by name.
pub(crate) fn cases() -> Vec<(&'static str, Vec<Event>)> {
    let check = RunCreated {
        mode: Mode::Check,
        ..created()
    };
    let laboratory = RunCreated {
        laboratory: true,
        ..created()
    };
    let mut failed = Recorder::new(created());
    failed
        .finish(
            "rdns",
            StepOutcome::Unknown,
            json!({"addresses": [{"address": "203.0.113.7", "verdict": "unknown"}]}),
            Vec::new(),
            &[],
        )
        .fail(
            "scan",
            "cannot ask any list: the resolver 127.0.0.1 does not answer (see `mailmedic doctor`)",
        );
    failed.push(
        "engine",
        EventKind::StepSkipped {
            step: "clean_up".to_owned(),
            reason: "needs scan, which failed".to_owned(),
        },
    );
    failed.conclude(RunConclusion::Failed);
    let mut cancelled = waiting(created());
    cancelled
        .later(3_600)
        .push(
            "owner",
            EventKind::Cancelled {
                by: "owner".to_owned(),
                note: Some("we move to another provider".to_owned()),
            },
        )
        .conclude(RunConclusion::Cancelled);
    let mut checked = checked(check);
    for key in ["clean_up", "draft", "may_we_file", "file", "clean"] {
        checked.push(
            "engine",
            EventKind::StepSkipped {
                step: key.to_owned(),
                reason: "left out in a check run".to_owned(),
            },
        );
    }
    checked.conclude(RunConclusion::FindingsOpen);
    vec![
        ("fresh", Recorder::new(created()).events),
        ("waiting", waiting(created()).events),
        ("watched", watched(created()).events),
        ("finished_open", finished(created(), &["spamcop"]).events),
        ("failed", failed.events),
        ("cancelled", cancelled.events),
        ("check_run", checked.events),
        ("laboratory", finished(laboratory, &[]).events),
    ]
}
