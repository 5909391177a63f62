//! A practice server, a site file for it, and a step to run.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::actions::desk::Desk;
use crate::actions::relay_test::RelayTest;
use crate::actions::{
    Action, ActionError, Args, ArtifactSink, Conditions, Context, Facts, Next, Progress,
    Reconciled, Report, Secrets, StepInfo,
};
use crate::practice::dns::ZoneSet;
use crate::practice::mailbox::MailStore;
use crate::practice::smtp::{Personality, ServerSetup, SmtpServer};
use crate::practice::{Scenario, World};
use crate::probes::{ChannelSettings, DnsSettings, ProbeSettings, Probes, SystemClock};
use crate::record::{Artifact, Decision, Finding, Given, StepState, Wait};
use crate::site::{Account, Imap, ProbeMailbox, SecretRef, Server, Site, Tls};
use crate::templates::Templates;

pub(super) const DOMAIN: &str = "site.test";
pub(super) const USER: &str = "info@site.test";
/// The account for tests, and its own address.
pub(super) const ACCOUNT: &str = "relaytest";
pub(super) const OWN: &str = "relaytest@site.test";
pub(super) const PROBE_MAILBOX: &str = "to@theirs.test";

pub(super) struct Rig {
    world: World,
    pub(super) site: Site,
    probes: Probes,
    files: Mutex<BTreeMap<String, String>>,
    /// The yes of a person; the rig begins with one.
    pub(super) approved: Option<Given>,
    /// Steps of the run that have ended.
    ended: Vec<StepState>,
    folder: tempfile::TempDir,
}

impl Rig {
    pub(super) async fn new(personality: Personality) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let password = folder.path().join("password");
        std::fs::write(&password, "mailbox-pass-8").unwrap();
        let mut mail = MailStore::default();
        mail.add(PROBE_MAILBOX, "mailbox-pass-8");
        // Bounces come to the same mailbox.
        mail.aliases
            .insert("from@ours.test".to_owned(), PROBE_MAILBOX.to_owned());
        let world = World::start(Scenario {
            id: "relay".to_owned(),
            zones: ZoneSet::default(),
            servers: vec![ServerSetup::on_smtp("mx", personality)],
            mail,
            imap_name: "imap.ours.test".to_owned(),
            event_log: String::new(),
            secrets: Vec::new(),
            site_yaml: |_, _| String::new(),
        })
        .await
        .unwrap();
        let address = world.address("mx", "smtp").unwrap();
        let imap = world.imap().address();
        let site = Site {
            id: "site".to_owned(),
            name: "Site".to_owned(),
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
                recipient: Some(PROBE_MAILBOX.to_owned()),
                imap: Some(Imap {
                    host: "imap.theirs.test".to_owned(),
                    address: Some(imap.ip()),
                    port: Some(imap.port()),
                    tls: Tls::None,
                    username: PROBE_MAILBOX.to_owned(),
                    password: Some(SecretRef::File(password)),
                    ca: None,
                }),
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
            approved: Some(Given {
                decision: Decision::Approve,
                by: "technician".to_owned(),
                at: Timestamp::now(),
                note: None,
                evidence: Vec::new(),
                values: Map::new(),
                id: None,
            }),
            ended: Vec::new(),
            folder,
        }
    }

    /// A step of this action has ended in this run, with these outputs.
    pub(super) fn has_ended(&mut self, outputs: Map<String, Value>) {
        let mut desk = Desk::default();
        desk.ended("relay.test", Value::Object(outputs));
        self.ended.append(&mut desk.steps);
    }

    pub(super) fn server(&self) -> &SmtpServer {
        self.world.server("mx").unwrap()
    }

    /// Gives the site file an account at the server, and the authority of the server's certificate.
    pub(super) fn with_account(mut self, password: &str) -> Self {
        let secret = self.folder.path().join("account");
        let ca = self.folder.path().join("ca.pem");
        std::fs::write(&secret, password).unwrap();
        std::fs::write(&ca, self.world.ca_pem()).unwrap();
        self.site.servers[0].account = Some(Account {
            username: ACCOUNT.to_owned(),
            password: Some(SecretRef::File(secret)),
            sender: OWN.to_owned(),
            other_sender: None,
            ca: Some(ca),
        });
        self
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
        self.with(args, wait, async |context| {
            RelayTest.carry_out(context).await
        })
        .await
    }

    /// The look after an interruption.
    pub(super) async fn reconcile(
        &self,
        args: Value,
        wait: Option<&Wait>,
    ) -> Result<Reconciled, ActionError> {
        self.with(args, wait, async |context| {
            RelayTest.reconcile(context).await
        })
        .await
    }

    /// The step to its end, however often it waits.
    pub(super) async fn to_the_end(&self, args: Value) -> Report {
        self.go_on(args, None).await
    }

    /// The same, from a wait on.
    pub(super) async fn go_on(&self, args: Value, mut wait: Option<Wait>) -> Report {
        for _ in 0..500 {
            match self.step(args.clone(), wait.as_ref()).await.unwrap() {
                Next::Done(report) => return *report,
                next => {
                    let next = recorded(next);
                    let left = next.wake.unwrap().duration_since(Timestamp::now());
                    let left = Duration::try_from(left).unwrap_or_default();
                    tokio::time::sleep(left.max(Duration::from_millis(5))).await;
                    wait = Some(next);
                }
            }
        }
        panic!("the step waits for ever")
    }

    /// How many messages lie in the inbox of an address.
    pub(super) fn world_messages(&self, address: &str) -> usize {
        self.world.mailboxes().messages(address, "INBOX").len()
    }

    /// Does something in the step's context.
    pub(super) async fn with<R>(
        &self,
        args: Value,
        wait: Option<&Wait>,
        act: impl AsyncFnOnce(&Context<'_>) -> R,
    ) -> R {
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
        act(&context).await
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
        self.ended.iter().collect()
    }
    fn approval(&self, step: &str) -> Option<&Given> {
        self.approved.as_ref().filter(|_| step == "relay")
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
