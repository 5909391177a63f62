//! A practice server, a site file for it, and a step to run.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::actions::relay_test::RelayTest;
use crate::actions::{
    Action, ActionError, Args, ArtifactSink, Conditions, Context, Facts, Next, Progress, Report,
    Secrets, StepInfo,
};
use crate::practice::dns::ZoneSet;
use crate::practice::mailbox::MailStore;
use crate::practice::smtp::{Personality, ServerSetup, SmtpServer};
use crate::practice::{Scenario, World};
use crate::probes::{ChannelSettings, DnsSettings, ProbeSettings, Probes, SystemClock};
use crate::record::{Artifact, Finding, StepState, Wait};
use crate::site::{ProbeMailbox, Server, Site};
use crate::templates::Templates;

pub(super) const DOMAIN: &str = "site.test";
pub(super) const USER: &str = "info@site.test";

pub(super) struct Rig {
    world: World,
    pub(super) site: Site,
    probes: Probes,
    files: Mutex<BTreeMap<String, String>>,
}

impl Rig {
    pub(super) async fn new(personality: Personality) -> Self {
        let world = World::start(Scenario {
            id: "relay".to_owned(),
            zones: ZoneSet::default(),
            servers: vec![ServerSetup::on_smtp("mx", personality)],
            mail: MailStore::default(),
            imap_name: "imap.ours.test".to_owned(),
            event_log: String::new(),
            secrets: Vec::new(),
            site_yaml: |_, _| String::new(),
        })
        .await
        .unwrap();
        let address = world.address("mx", "smtp").unwrap();
        let site = Site {
            id: "site".to_owned(),
            domains: vec![DOMAIN.to_owned()],
            servers: vec![Server {
                host: "mx.site.test".to_owned(),
                address: Some(address.ip()),
                ports: vec![address.port()],
                valid_mailbox: Some(USER.to_owned()),
                ..Server::default()
            }],
            probe: Some(ProbeMailbox {
                helo: Some("tester.ours.test".to_owned()),
                sender: Some("from@ours.test".to_owned()),
                recipient: Some("to@theirs.test".to_owned()),
                imap: None,
            }),
            laboratory: true,
            ..Site::default()
        };
        let dns = DnsSettings {
            servers: vec![world.dns()],
            ..DnsSettings::default()
        };
        let smtp = ChannelSettings {
            reply_cap: Duration::from_secs(2),
            ..ChannelSettings::default()
        };
        let settings = ProbeSettings {
            dns,
            smtp,
            ..ProbeSettings::default()
        };
        let probes = Probes::new(settings, Arc::new(SystemClock)).unwrap();
        Self {
            world,
            site,
            probes,
            files: Mutex::default(),
        }
    }

    pub(super) fn server(&self) -> &SmtpServer {
        self.world.server("mx").unwrap()
    }

    pub(super) fn subject(&self) -> String {
        self.server().address("smtp").unwrap().to_string()
    }

    pub(super) fn artifact(&self, name: &str) -> String {
        self.files.lock().unwrap()[name].clone()
    }

    /// One attempt of the step; each has the same key. Of a step that wants to wait, what it knows so far.
    pub(super) async fn run(&self, args: Value) -> Result<Report, ActionError> {
        Ok(match self.step(args, None).await? {
            Next::Done(report) => *report,
            Next::Wait(wait) => *wait.so_far.unwrap(),
        })
    }

    /// One call of the step, after a wait where there was one.
    pub(super) async fn step(&self, args: Value, wait: Option<&Wait>) -> Result<Next, ActionError> {
        let args = Args(args.as_object().unwrap().clone());
        let (secrets, templates) = (Secrets::default(), Templates::new(None));
        let context = Context {
            site: &self.site,
            args: &args,
            probes: &self.probes,
            progress: self,
            artifacts: self,
            secrets: &secrets,
            facts: self,
            templates: &templates,
            conditions: self,
            step: StepInfo {
                run: "run",
                key: "relay",
                attempt: 1,
                idempotency_key: "run/relay",
                wait,
            },
        };
        RelayTest.carry_out(&context).await
    }
}

/// The wait as the record keeps it: as text.
pub(super) fn recorded(next: Next) -> Wait {
    let Next::Wait(wait) = next else {
        panic!("the step does not wait")
    };
    let memo = serde_json::from_str(&wait.memo.to_string()).unwrap();
    Wait {
        kind: wait.kind,
        reason: wait.reason,
        since: Timestamp::now(),
        wake: wait.wake,
        deadline: wait.deadline,
        memo,
    }
}

impl Progress for Rig {
    fn note(&self, _text: &str) {}
    fn count(&self, done: u64, of: u64) {
        assert!(done <= of, "{done} of {of}");
    }
}

impl ArtifactSink for Rig {
    fn put(&self, name: &str, media: &str, bytes: &[u8]) -> Result<Artifact, ActionError> {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        self.files.lock().unwrap().insert(name.to_owned(), text);
        let (name, media) = (name.to_owned(), media.to_owned());
        Ok(Artifact {
            name,
            digest: String::new(),
            bytes: bytes.len() as u64,
            media,
        })
    }
}

impl Facts for Rig {
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

impl Conditions for Rig {
    fn holds(&self, condition: &str, _result: &Value) -> Result<bool, String> {
        Err(format!("no condition is expected, not {condition}"))
    }
}
