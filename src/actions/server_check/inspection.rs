//! What was seen at one address and port, stage by stage, and how the endpoints of a host become findings about it.

use std::net::IpAddr;
use std::time::Instant;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::actions::target::Target;
use crate::mail::ntlm;
use crate::mail::reply::{self, Class, Classification};
use crate::probes::smtp::{Capabilities, CertificateReport, Reply, Transcript};
use crate::record::{Evidence, Finding, Severity, Verdict};

/// What a port is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Role {
    /// Takes mail from strangers for the site.
    Exchange,
    /// Takes mail from the site's own people.
    Submission,
    /// Another port that the site file names beside the usual ones.
    Alternate,
    /// Takes mail for the site while its server is away.
    BackupMx,
}

impl Role {
    /// By the port; `first` is the first endpoint of the same host, which may have any number.
    pub(super) fn of(target: &Target, first: &Target) -> Self {
        match target.address.port() {
            25 => Self::Exchange,
            465 | 587 => Self::Submission,
            port if port == first.address.port() => Self::Exchange,
            _ => Self::Alternate,
        }
    }

    /// Whether strangers may bring mail here.
    pub(super) fn takes_from_strangers(self) -> bool {
        self != Self::Submission
    }
}

/// One stage.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Stage {
    pub(super) id: &'static str,
    pub(super) outcome: Verdict,
    pub(super) ms: u64,
    pub(super) detail: String,
    pub(super) reply: Option<String>,
    pub(super) class: Option<Class>,
}

/// A fault at one endpoint. The place is told when the faults of a host are put together.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    pub(super) code: &'static str,
    pub(super) severity: Severity,
    /// What is wrong, as the end of a sentence that begins with the server's name.
    pub(super) what: String,
    pub(super) remedy: String,
}

struct Recorded {
    stage: &'static str,
    fault: Fault,
    evidence: Evidence,
}

/// What was seen at one address and port.
#[derive(Serialize)]
pub(super) struct Inspection {
    pub(super) host: String,
    pub(super) address: IpAddr,
    pub(super) port: u16,
    pub(super) role: Role,
    pub(super) tls: &'static str,
    pub(super) stages: Vec<Stage>,
    pub(super) greeting_name: Option<String>,
    pub(super) ehlo_name: Option<String>,
    pub(super) capabilities: Option<Capabilities>,
    pub(super) certificate: Option<CertificateReport>,
    pub(super) ntlm: Option<ntlm::Names>,
    #[serde(serialize_with = "as_text")]
    pub(super) transcript: Vec<Transcript>,
    #[serde(skip)]
    faults: Vec<Recorded>,
    #[serde(skip)]
    since: Instant,
    #[serde(skip)]
    at: Timestamp,
    #[serde(skip)]
    from: Option<String>,
}

impl Inspection {
    pub(super) fn new(target: &Target, role: Role, at: Timestamp) -> Self {
        Self {
            host: target.host.clone(),
            address: target.address.ip(),
            port: target.address.port(),
            role,
            tls: if target.implicit_tls {
                "implicit"
            } else {
                "none"
            },
            stages: Vec::new(),
            greeting_name: None,
            ehlo_name: None,
            capabilities: None,
            certificate: None,
            ntlm: None,
            transcript: Vec::new(),
            faults: Vec::new(),
            since: Instant::now(),
            at,
            from: None,
        }
    }

    /// From which local address it is looked at: the vantage of all evidence.
    pub(super) fn seen_from(&mut self, local: IpAddr) {
        self.from = Some(format!("{local}, at {}:{}", self.address, self.port));
    }

    /// Adds a stage without a reply of its own.
    pub(super) fn add(&mut self, id: &'static str, outcome: Verdict, detail: impl Into<String>) {
        self.push(id, outcome, detail.into(), None);
    }

    /// Adds a stage with the server's words, and where in the dialogue they fell.
    pub(super) fn add_reply(
        &mut self,
        id: &'static str,
        outcome: Verdict,
        detail: impl Into<String>,
        said: (&Reply, reply::Stage),
    ) {
        self.push(id, outcome, detail.into(), Some(said));
    }

    /// Adds a stage with a fault. `proof` is the evidence: its kind and text; an empty text stands for the conversation.
    pub(super) fn fault(
        &mut self,
        id: &'static str,
        fault: Fault,
        proof: (&str, String),
        said: Option<(&Reply, reply::Stage)>,
    ) {
        self.push(id, Verdict::Finding, fault.what.clone(), said);
        let mut evidence = Evidence::new(proof.0, proof.1, self.at);
        evidence.from.clone_from(&self.from);
        self.faults.push(Recorded {
            stage: id,
            fault,
            evidence,
        });
    }

    fn push(
        &mut self,
        id: &'static str,
        outcome: Verdict,
        detail: String,
        said: Option<(&Reply, reply::Stage)>,
    ) {
        let ms = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.since = Instant::now();
        self.stages.push(Stage {
            id,
            outcome,
            ms,
            detail,
            reply: said.map(|(reply, _)| reply.to_string()),
            class: said
                .filter(|(reply, _)| !reply.is_positive())
                .map(|(reply, stage)| self.classify(reply, stage).class),
        });
    }

    /// What the server's words mean.
    pub(super) fn classify(&self, reply: &Reply, stage: reply::Stage) -> Classification {
        let context = reply::Context {
            peer: Some(&self.host),
            role: reply::PeerRole::Destination,
            stage: Some(stage),
            ours: &[],
        };
        reply::classify(&reply::Reply::parse(&reply.to_string()), &context)
    }

    pub(super) fn stage(&self, id: &str) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.id == id)
    }

    pub(super) fn has_unknown(&self) -> bool {
        self.stages
            .iter()
            .any(|stage| stage.outcome == Verdict::Unknown)
    }

    /// Keeps a conversation that is over, and gives it to the findings that rest on it.
    pub(super) fn keep(&mut self, transcript: Transcript) {
        for recorded in &mut self.faults {
            if recorded.evidence.kind == "smtp" && recorded.evidence.text.is_empty() {
                recorded.evidence.text = transcript.to_string();
            }
        }
        self.transcript.push(transcript);
    }

    fn place(&self, many_addresses: bool) -> String {
        if many_addresses {
            format!("{} port {}", self.address, self.port)
        } else {
            format!("port {}", self.port)
        }
    }
}

/// Evidence that [`Inspection::keep`] fills in.
pub(super) fn the_session() -> (&'static str, String) {
    ("smtp", String::new())
}

/// The findings, one a code and host however many endpoints show it, and the subjects that were really judged.
///
/// A subject is a host and a stage; it is judged when no endpoint of the host left it open.
pub(super) fn merged(endpoints: &[Inspection]) -> (Vec<Finding>, Vec<String>) {
    let mut findings: Vec<Finding> = Vec::new();
    let mut judged: Vec<String> = Vec::new();
    for host in hosts(endpoints) {
        let own: Vec<&Inspection> = endpoints.iter().filter(|e| e.host == host).collect();
        let many = own.iter().any(|e| e.address != own[0].address);
        let mut stages: Vec<&'static str> = Vec::new();
        for stage in own.iter().flat_map(|e| &e.stages) {
            if !stages.contains(&stage.id) {
                stages.push(stage.id);
            }
        }
        for id in stages {
            let outcomes = || {
                let stages = own.iter().flat_map(|e| &e.stages);
                stages.filter(|s| s.id == id).map(|s| s.outcome)
            };
            let told = outcomes().any(|o| matches!(o, Verdict::Good | Verdict::Finding));
            if told && !outcomes().any(|o| o == Verdict::Unknown) {
                judged.push(subject(host, id));
            }
        }
        findings.extend(of_host(host, &own, many));
    }
    (findings, judged)
}

/// What is wrong, and the places where it is.
type Said = Vec<(String, Vec<String>)>;

/// The faults of a host's endpoints, each once: places that show the same are named together.
fn of_host(host: &str, own: &[&Inspection], many_addresses: bool) -> Vec<Finding> {
    let mut merged: Vec<(Finding, Said)> = Vec::new();
    for endpoint in own {
        for recorded in &endpoint.faults {
            let fault = &recorded.fault;
            let subject = subject(host, recorded.stage);
            let at = merged
                .iter()
                .position(|(known, _)| known.code == fault.code && known.subject == subject)
                .unwrap_or_else(|| {
                    let finding = Finding {
                        code: fault.code.to_owned(),
                        severity: fault.severity,
                        subject,
                        summary: String::new(),
                        evidence: Vec::new(),
                        remedy: fault.remedy.clone(),
                    };
                    merged.push((finding, Vec::new()));
                    merged.len() - 1
                });
            let (finding, said) = &mut merged[at];
            finding.severity = finding.severity.max(fault.severity);
            finding.evidence.push(recorded.evidence.clone());
            let place = endpoint.place(many_addresses);
            match said.iter_mut().find(|(what, _)| *what == fault.what) {
                Some((_, places)) => places.push(place),
                None => said.push((fault.what.clone(), vec![place])),
            }
        }
    }
    merged
        .into_iter()
        .map(|(finding, said)| {
            let said: Vec<String> = said
                .iter()
                .map(|(what, places)| format!("{}: {what}", places.join(", ")))
                .collect();
            Finding {
                summary: format!("{host}, {}.", said.join("; ")),
                ..finding
            }
        })
        .collect()
}

fn subject(host: &str, stage: &str) -> String {
    format!("{host}: {}", stage.replace('_', " "))
}

fn hosts(endpoints: &[Inspection]) -> Vec<&str> {
    let mut hosts: Vec<&str> = Vec::new();
    for endpoint in endpoints {
        if !hosts.contains(&endpoint.host.as_str()) {
            hosts.push(&endpoint.host);
        }
    }
    hosts
}

fn as_text<S: Serializer>(transcripts: &[Transcript], serializer: S) -> Result<S::Ok, S::Error> {
    let texts: Vec<String> = transcripts.iter().map(ToString::to_string).collect();
    serializer.serialize_str(&texts.join("\n"))
}
