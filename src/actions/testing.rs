//! For the tests of actions: a scripted name server on loopback, and a context around a site.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, MX, NS, PTR, SOA, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use serde_json::Value;
use tokio::net::UdpSocket;

use super::{
    Action, ActionError, Args, ArtifactSink, Conditions, Context, Facts, Next, Progress, Report,
    Secrets, StepInfo,
};
use crate::probes::{DnsSettings, ProbeSettings, Probes, SystemClock};
use crate::record::{Artifact, Finding, StepState};
use crate::site::Site;
use crate::templates::Templates;

/// A zone file of one line a record: `name TYPE value`. Types: A, AAAA, PTR, TXT, SOA, NS, MX (`name MX 10 host`, `MX 0 .`), CNAME (`name CNAME target`), and what
/// to do for any type of a name: NODATA, REFUSED, SERVFAIL, SILENT. `ONCE` is an A record that is gone after one question. A name may begin with `*.` (any name below). Names that
/// are not there do not exist.
#[derive(Debug, Default, Clone)]
pub(crate) struct Zone(BTreeMap<String, Vec<(String, String)>>);

impl Zone {
    /// Reads the lines; blank ones and those with `#` are left out.
    pub(crate) fn read(text: &str) -> Zone {
        let mut zone = Zone::default();
        for line in text.lines().map(str::trim) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let mut words = line.splitn(3, ' ');
            let name = words.next().unwrap().to_ascii_lowercase();
            let kind = words.next().unwrap().to_owned();
            let value = words.next().unwrap_or_default().to_owned();
            zone.0.entry(name).or_default().push((kind, value));
        }
        zone
    }

    fn lines(&self, name: &str) -> Option<&Vec<(String, String)>> {
        if let Some(lines) = self.0.get(name) {
            return Some(lines);
        }
        let mut below = name;
        while let Some((_, parent)) = below.split_once('.') {
            if let Some(lines) = self.0.get(&format!("*.{parent}")) {
                return Some(lines);
            }
            below = parent;
        }
        self.0.get("*")
    }
}

/// A running name server.
pub(crate) struct NameServer {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl NameServer {
    /// Serves a zone until the runtime ends.
    pub(crate) async fn serve(zone: Zone) -> NameServer {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = asked.clone();
        tokio::spawn(async move {
            let mut buffer = [0; 2048];
            loop {
                let Ok((length, from)) = socket.recv_from(&mut buffer).await else {
                    return;
                };
                let (name, packet) = answer(&zone, &buffer[..length], &log.lock().unwrap());
                log.lock().unwrap().push(name);
                if let Some(packet) = packet {
                    socket.send_to(&packet, from).await.unwrap();
                }
            }
        });
        NameServer { address, asked }
    }

    /// The questions so far, `name TYPE`.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn answer(zone: &Zone, query: &[u8], before: &[String]) -> (String, Option<Vec<u8>>) {
    let query = Message::from_vec(query).unwrap();
    let mut reply = Message::response(query.metadata.id, query.metadata.op_code);
    reply.add_queries(query.queries.iter().cloned());
    let owner = query.queries[0].name().clone();
    let kind = query.queries[0].query_type();
    let name = owner.to_ascii().to_ascii_lowercase();
    let name = name.trim_end_matches('.').to_owned();
    let asked = format!("{name} {kind}");
    let mut silent = false;
    match zone.lines(&name) {
        None => reply.metadata.response_code = ResponseCode::NXDomain,
        Some(lines) => {
            for (what, value) in lines {
                match what.as_str() {
                    "NODATA" => {}
                    "REFUSED" => reply.metadata.response_code = ResponseCode::Refused,
                    "SERVFAIL" => reply.metadata.response_code = ResponseCode::ServFail,
                    "SILENT" => silent = true,
                    "ONCE" if before.contains(&asked) => {}
                    "ONCE" => {
                        let data = data("A", value);
                        reply.add_answer(Record::from_rdata(owner.clone(), 300, data));
                    }
                    _ => {
                        let data = data(what, value);
                        if data.record_type() == kind || data.record_type() == RecordType::CNAME {
                            reply.add_answer(Record::from_rdata(owner.clone(), 300, data));
                        }
                    }
                }
            }
        }
    }
    let packet = (!silent).then(|| reply.to_vec().unwrap());
    (asked, packet)
}

fn data(kind: &str, value: &str) -> RData {
    let name = |text: &str| Name::from_ascii(format!("{text}.")).unwrap();
    match kind {
        "A" => RData::A(A(value.parse::<Ipv4Addr>().unwrap())),
        "AAAA" => RData::AAAA(AAAA(value.parse().unwrap())),
        "PTR" => RData::PTR(PTR(name(value))),
        "NS" => RData::NS(NS(name(value))),
        "CNAME" => RData::CNAME(CNAME(name(value))),
        // a string holds 255 octets at most
        "TXT" => RData::TXT(TXT::new(
            value
                .as_bytes()
                .chunks(255)
                .map(|part| String::from_utf8_lossy(part).into_owned())
                .collect(),
        )),
        "MX" => {
            let (preference, host) = value.split_once(' ').unwrap();
            let host = host.trim_end_matches('.');
            RData::MX(MX::new(preference.parse().unwrap(), name(host)))
        }
        "SOA" => {
            let (primary, mailbox) = value.split_once(' ').unwrap();
            RData::SOA(SOA::new(name(primary), name(mailbox), 1, 1, 1, 1, 60))
        }
        other => panic!("no such type in a test zone: {other}"),
    }
}

/// Carries an action out at a site, with a name server as the only resolver.
pub(crate) async fn carry_out(
    action: &str,
    site: &Site,
    args: Value,
    server: SocketAddr,
) -> Result<Report, ActionError> {
    let dns = DnsSettings {
        servers: vec![server],
        tries: [200, 200].map(Duration::from_millis).to_vec(),
        ..DnsSettings::default()
    };
    // The other probes keep their defaults, however many there come to be.
    #[allow(clippy::needless_update)]
    let probes = Probes::new(
        ProbeSettings {
            dns,
            ..ProbeSettings::default()
        },
        Arc::new(SystemClock),
    )
    .unwrap();
    carry_out_through(&probes, action, site, args).await
}

/// Carries an action out at a site, through these probes.
pub(crate) async fn carry_out_through(
    probes: &Probes,
    action: &str,
    site: &Site,
    args: Value,
) -> Result<Report, ActionError> {
    let Value::Object(args) = args else {
        panic!("arguments are a mapping")
    };
    let action: &dyn Action = super::find(action).unwrap();
    let args = Args(args);
    let secrets = Secrets::default();
    let templates = Templates::default();
    let context = Context {
        site,
        args: &args,
        probes,
        progress: &Quiet,
        artifacts: &Quiet,
        secrets: &secrets,
        facts: &Quiet,
        templates: &templates,
        conditions: &Quiet,
        step: StepInfo {
            run: "run",
            key: "step",
            attempt: 1,
            idempotency_key: "key",
            wait: None,
        },
    };
    match action.carry_out(&context).await? {
        Next::Done(report) => Ok(*report),
        Next::Wait(wait) => panic!("{} waits: {}", action.name(), wait.reason),
    }
}

/// Knows nothing and keeps nothing.
struct Quiet;

impl Progress for Quiet {
    fn note(&self, _text: &str) {}
    fn count(&self, _done: u64, _of: u64) {}
}

impl ArtifactSink for Quiet {
    fn put(&self, name: &str, _media: &str, _bytes: &[u8]) -> Result<Artifact, ActionError> {
        Err(ActionError::new(format!(
            "cannot keep {name}: no store in this test"
        )))
    }
}

impl Facts for Quiet {
    fn open_findings(&self) -> Vec<Finding> {
        Vec::new()
    }
    fn ended_steps(&self) -> Vec<&StepState> {
        Vec::new()
    }
    fn values(&self) -> Value {
        Value::Null
    }
}

impl Conditions for Quiet {
    fn holds(&self, condition: &str, _result: &Value) -> Result<bool, String> {
        Err(format!("no conditions in this test: {condition}"))
    }
}

/// The codes of a report's findings.
pub(crate) fn codes(report: &Report) -> Vec<&str> {
    let codes = report.findings.iter().map(|finding| finding.code.as_str());
    codes.collect()
}
