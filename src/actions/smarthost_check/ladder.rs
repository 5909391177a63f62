//! The ladder: its stages as they are climbed, the findings they bring, and where it ends.

use std::time::Instant;

use jiff::Timestamp;
use serde::Serialize;

use super::ipv6::OverIpv6;
use crate::actions::refused_login::Login;
use crate::mail::reply::{self, Class, Classification, PeerRole};
use crate::probes::smtp::{Capabilities, CertificateReport, Reply, Transcript};
use crate::record::{Evidence, Finding, Severity};

/// The stages in order: id, and what they look at.
const STAGES: [(&str, &str); 32] = [
    ("H01", "form of the name"),
    ("H02", "addresses"),
    ("H03", "IPv6"),
    ("H04", "reach"),
    ("H05", "greeting"),
    ("H06", "EHLO"),
    ("H07", "our HELO name"),
    ("H08", "TLS"),
    ("H09", "certificate"),
    ("H10", "EHLO after TLS"),
    ("H11", "login mechanisms"),
    ("H12", "login"),
    ("H13", "a wrong login"),
    ("H14", "sender"),
    ("H15", "bounces"),
    ("H16", "size"),
    ("H17", "recipients a message"),
    ("H18", "rich text"),
    ("H19", "a marked message"),
    ("H20", "arrival"),
    ("H21", "hops"),
    ("H22", "the receiver's words"),
    ("H23", "SPF"),
    ("H24", "return path"),
    ("H25", "DKIM and DMARC"),
    ("H26", "outgoing address"),
    ("H27", "time"),
    ("H28", "unknown recipient"),
    ("H29", "circles"),
    ("H30", "the direct way"),
    ("H31", "incoming mail"),
    ("H32", "who to call"),
];

/// The last stage that decides whether mail can leave; what comes after it is good to know.
const LAST_ESSENTIAL: &str = "H14";

/// Stages that a machine elsewhere cannot judge, and that say nothing about whether mail can leave.
const ASIDE: [&str; 3] = ["H13", "H21", "H30"];

/// How a stage ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mark {
    /// As it should be.
    Good,
    /// It works, with a fault that will hurt.
    Warning,
    /// Mail cannot go this way.
    Failed,
    /// Could not tell.
    Unknown,
    /// Not reached, because an earlier stage ended the climb.
    Skipped,
    /// Cannot be judged from where this machine stands.
    NotFromHere,
    /// There is nothing to look at.
    NotApplicable,
}

impl Mark {
    fn is_judged(self) -> bool {
        matches!(self, Self::Good | Self::Warning | Self::Failed)
    }
}

/// The whole verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Readiness {
    Ready,
    ReadyWithWarnings,
    Blocked,
    Inconclusive,
}

/// One stage.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Stage {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) subject: String,
    pub(super) outcome: Mark,
    pub(super) ms: u64,
    pub(super) detail: String,
    pub(super) reply: Option<String>,
    pub(super) class: Option<Class>,
}

impl Stage {
    /// Could not be judged, and mail hangs on it.
    fn is_undecided(&self) -> bool {
        self.outcome == Mark::Unknown && self.id <= LAST_ESSENTIAL
    }
}

/// What a stage brought, before it is put on the ladder.
pub(super) struct Step {
    outcome: Mark,
    detail: String,
    reply: Option<(Reply, reply::Stage)>,
    subject: Option<String>,
}

impl Step {
    pub(super) fn new(outcome: Mark, detail: impl Into<String>) -> Self {
        Self {
            outcome,
            detail: detail.into(),
            reply: None,
            subject: None,
        }
    }

    /// The server's words, and where in the dialogue they fell.
    pub(super) fn reply(mut self, reply: &Reply, stage: reply::Stage) -> Self {
        self.reply = Some((reply.clone(), stage));
        self
    }

    /// About something else than the smarthost: a sender.
    pub(super) fn about(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }
}

/// A fault that somebody should mend.
pub(super) struct Fault {
    pub(super) code: &'static str,
    pub(super) severity: Severity,
    pub(super) summary: String,
    pub(super) remedy: String,
}

/// What was climbed.
pub(super) struct Ladder {
    host: String,
    at: Timestamp,
    since: Instant,
    pub(super) stages: Vec<Stage>,
    pub(super) findings: Vec<Finding>,
    pub(super) endpoint: Option<String>,
    pub(super) capabilities: Option<Capabilities>,
    pub(super) certificate: Option<CertificateReport>,
    pub(super) transcript: Option<Transcript>,
    /// What was seen over IPv6, beside IPv4.
    pub(super) ipv6: Option<OverIpv6>,
    /// How the login ended, now or, where none is tried again, before.
    pub(super) login: Option<Login>,
    evidence_from: Option<String>,
}

impl Ladder {
    pub(super) fn new(host: &str, at: Timestamp) -> Self {
        Self {
            host: host.to_owned(),
            at,
            since: Instant::now(),
            stages: Vec::new(),
            findings: Vec::new(),
            endpoint: None,
            capabilities: None,
            certificate: None,
            transcript: None,
            ipv6: None,
            login: None,
            evidence_from: None,
        }
    }

    /// From which local address the session is held: the vantage of all evidence from now on.
    pub(super) fn seen_from(&mut self, local: String) {
        self.evidence_from = Some(local);
    }

    /// Puts a stage on the ladder.
    pub(super) fn add(&mut self, id: &'static str, step: Step) {
        let name = name_of(id);
        let classified = step
            .reply
            .as_ref()
            .map(|(reply, stage)| self.classify(reply, *stage));
        let subject = step
            .subject
            .unwrap_or_else(|| format!("{}: {name}", self.host));
        let ms = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.since = Instant::now();
        self.stages.push(Stage {
            id,
            name,
            subject,
            outcome: step.outcome,
            ms,
            detail: step.detail,
            reply: step.reply.map(|(reply, _)| reply.to_string()),
            class: classified.map(|classified| classified.class),
        });
    }

    /// Puts a stage with a fault on the ladder. `proof` is the evidence: its kind and text.
    pub(super) fn fault(
        &mut self,
        id: &'static str,
        step: Step,
        fault: Fault,
        proof: (&str, String),
    ) {
        self.add(id, step);
        let subject = self.stages.last().map(|stage| stage.subject.clone());
        let mut evidence = Evidence::new(proof.0, proof.1, self.at);
        evidence.from.clone_from(&self.evidence_from);
        self.findings.push(Finding {
            code: fault.code.to_owned(),
            severity: fault.severity,
            subject: subject.unwrap_or_else(|| self.host.clone()),
            summary: fault.summary,
            evidence: vec![evidence],
            remedy: fault.remedy,
        });
    }

    /// What the smarthost's words mean.
    pub(super) fn classify(&self, reply: &Reply, stage: reply::Stage) -> Classification {
        let context = reply::Context {
            peer: Some(&self.host),
            role: PeerRole::Smarthost,
            stage: Some(stage),
            ours: &[],
        };
        reply::classify(&reply::Reply::parse(&reply.to_string()), &context)
    }

    /// Adds the stages that were not reached, and puts all in order.
    pub(super) fn fill_up(&mut self) {
        let blocked = self.blocked_at().unwrap_or("an earlier stage");
        for (id, name) in STAGES {
            if !self.stages.iter().any(|stage| stage.id == id) {
                self.stages.push(Stage {
                    id,
                    name,
                    subject: format!("{}: {name}", self.host),
                    outcome: Mark::Skipped,
                    ms: 0,
                    detail: format!("not reached: {blocked} ended the check"),
                    reply: None,
                    class: None,
                });
            }
        }
        self.stages.sort_by_key(|stage| stage.id);
    }

    /// The first stage that failed; else the first of the essential ones that could not be judged.
    pub(super) fn blocked_at(&self) -> Option<&'static str> {
        let failed = |stage: &&Stage| stage.outcome == Mark::Failed;
        let first = self.stages.iter().find(failed);
        first
            .or_else(|| self.stages.iter().find(|stage| stage.is_undecided()))
            .map(|stage| stage.id)
    }

    pub(super) fn readiness(&self) -> Readiness {
        let any = |mark| self.stages.iter().any(|stage| stage.outcome == mark);
        let elsewhere =
            |stage: &Stage| stage.outcome == Mark::NotFromHere && !ASIDE.contains(&stage.id);
        if any(Mark::Failed) {
            Readiness::Blocked
        } else if self.stages.iter().any(Stage::is_undecided) {
            Readiness::Inconclusive
        } else if any(Mark::Warning) || any(Mark::Unknown) || self.stages.iter().any(elsewhere) {
            Readiness::ReadyWithWarnings
        } else {
            Readiness::Ready
        }
    }

    /// True when every stage that has something to look at told something.
    pub(super) fn is_told(&self) -> bool {
        !self
            .stages
            .iter()
            .any(|stage| stage.outcome == Mark::Unknown)
    }

    /// The subjects that really were judged.
    pub(super) fn judged_subjects(&self) -> Vec<String> {
        self.stages
            .iter()
            .filter(|stage| stage.outcome.is_judged())
            .map(|stage| stage.subject.clone())
            .collect()
    }
}

fn name_of(id: &str) -> &'static str {
    STAGES
        .iter()
        .find(|(known, _)| *known == id)
        .map_or("stage", |(_, name)| name)
}
