//! `delivery.probe` by Postfix into Dovecot: what arrives, where, when, and what never does.

use std::path::PathBuf;
use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::lab::{EXPIRED, Lab, MAILBOX, PASSWORD, Personality, Side, VALID, address};

const OUTSIDE: &str = "post@outside.example";
const RUNBOOK: &str = "\
version: 1
name: deliver
description: One marked message.
inputs:
  via: {type: string, default: smarthost, description: the path}
  recipient: {type: string, default: post@outside.example, description: for whom}
  wait: {type: duration, default: 30s, description: how long to look}
steps:
  - {id: leave, action: approval, with: {prompt: May a marked message be sent?}}
  - id: deliver
    action: delivery.probe
    with: {via: \"{{inputs.via}}\", recipient: \"{{inputs.recipient}}\", wait: \"{{inputs.wait}}\", every: 1s}
";

/// A mailbox, and one mail server in front of it that takes mail from the site; `imap` is the mailbox of the site file.
struct Path {
    lab: Lab,
    site: PathBuf,
}

/// How the site file reaches the mailbox.
struct Imap<'a> {
    port: u16,
    tls: &'a str,
    password: &'a str,
    validity: [&'a str; 2],
}

const IMAP: Imap<'static> = Imap {
    port: 993,
    tls: "implicit",
    password: PASSWORD,
    validity: VALID,
};

fn path(imap: &Imap<'_>, personality: impl FnOnce(&Lab) -> Personality<'static>) -> Path {
    let lab = Lab::new();
    let of_mailbox = lab.certificate("imap", "imap.outside.example", imap.validity);
    let records = format!(
        "smtp.relay.example. 300 IN A 203.0.113.{}\nimap.outside.example. 300 IN A {}\n",
        address::MAIL_FROM,
        address::MAILBOXES
    );
    lab.resolver(address::RESOLVER, &records, "");
    lab.mailboxes(&["office", OUTSIDE], &of_mailbox);
    let personality = personality(&lab);
    let port = personality.port();
    lab.postfix(&[personality], &format!("{MAILBOX} office\n"));
    let password = lab.write("password", PASSWORD);
    let of_mailbox = lab.write("mailbox-password", imap.password);
    let site = format!(
        "\
id: office
name: Office
laboratory: true
domains: [office.example]
outbound: {{addresses: [198.51.100.7], helo: mail.office.example}}
servers: [{{host: mail.office.example, address: 203.0.113.{first}, valid_mailbox: {MAILBOX}}}]
smarthost:
  host: smtp.relay.example
  ports: [{port}]
  username: office
  password: {{file: {password}}}
  senders: [{MAILBOX}]
  ca: {ca}
probe:
  recipient: {OUTSIDE}
  imap:
    host: imap.outside.example
    port: {imap_port}
    tls: {tls}
    username: {OUTSIDE}
    password: {{file: {of_mailbox}}}
    ca: {ca}
",
        first = address::MAIL_FROM,
        password = password.display(),
        of_mailbox = of_mailbox.display(),
        ca = lab.authority().display(),
        imap_port = imap.port,
        tls = imap.tls,
    );
    let site = lab.write("sites/office.yaml", &site);
    lab.write("deliver.yaml", RUNBOOK);
    Path { lab, site }
}

fn smarthost(lab: &Lab) -> Personality<'static> {
    submission(lab, &[])
}

/// A submission server with a login, and more parameters.
fn submission(lab: &Lab, more: &[&str]) -> Personality<'static> {
    let certificate = lab.certificate("relay", "smtp.relay.example", VALID);
    let mut all = Personality::Smarthost(&certificate).parameters();
    all.extend(more.iter().map(|one| (*one).to_owned()));
    Personality::Ports(vec![(587, all)])
}

impl Path {
    /// The whole run, with inputs and a person's yes. The process stays while the next look is near.
    fn run(&self, inputs: &[&str]) -> Output {
        let site = self.site.to_str().unwrap();
        let mut all = vec!["run", "deliver.yaml", "--site", site, "--by", "tech"];
        for input in inputs {
            all.extend(["--set", *input]);
        }
        let asked = self.lab.mailmedic(&all);
        assert_eq!(asked.status.code(), Some(3), "it asks first");
        assert_eq!(self.messages(), 0, "and sends nothing before");
        self.lab
            .mailmedic(&["approve", "office", "leave", "--by", "tech"]);
        loop {
            let output = self.lab.mailmedic(&["resume", "office"]);
            if output.status.code() != Some(3) {
                return output;
            }
        }
    }

    /// The step as it is recorded.
    fn step(&self) -> Value {
        let shown = self.lab.mailmedic(&["show", "office", "--json"]);
        let record: Value = serde_json::from_slice(&shown.stdout).unwrap();
        record["steps"][1].clone()
    }

    /// The step at its end.
    fn delivered(&self, inputs: &[&str]) -> Value {
        let output = self.run(inputs);
        let step = self.step();
        assert!(
            matches!(output.status.code(), Some(0 | 4)),
            "{step:#}\n{}\n{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        step
    }

    /// Waits until Postfix has written this to its log.
    fn until_logged(&self, words: &str) {
        let started = Instant::now();
        while !self.lab.log("postfix").contains(words) {
            assert!(started.elapsed().as_secs() < 30, "never logged: {words}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn messages(&self) -> usize {
        let log = self.lab.log("postfix");
        log.lines()
            .filter(|line| line.contains("message-id="))
            .count()
    }
}

fn codes(step: &Value) -> Vec<&str> {
    let all = step["findings"].as_array();
    all.into_iter()
        .flatten()
        .filter_map(|finding| finding["code"].as_str())
        .collect()
}

#[test]
fn it_arrives_by_the_smarthost_and_is_found_in_the_inbox() {
    let path = path(&IMAP, smarthost);
    let step = path.delivered(&[]);
    let outputs = &step["outputs"];
    assert_eq!(outputs["accepted"], true, "{step:#}");
    assert_eq!(outputs["arrived"], true, "{step:#}");
    assert_eq!(outputs["folder"], "INBOX", "{step:#}");
    assert!(outputs["seconds"].is_u64(), "{step:#}");
    // The last hop is the one that the mailbox saw; Postfix wrote who handed the message in, by which protocol.
    let hops = outputs["hops"].as_array().unwrap();
    assert!(
        hops.iter().any(|hop| hop["protocol"] == "ESMTPSA"),
        "{hops:#?}"
    );
    assert!(codes(&step).is_empty(), "{step:#}");
    let text = step.to_string();
    assert!(!text.contains(PASSWORD), "the password is in the record");
    assert_eq!(path.messages(), 1);
}

#[test]
fn it_arrives_in_junk() {
    let path = path(&IMAP, smarthost);
    // Dovecot's LMTP sorts by what stands behind the plus.
    let step = path.delivered(&["recipient=post+Junk@outside.example"]);
    assert_eq!(step["outputs"]["arrived"], true, "{step:#}");
    assert_eq!(step["outputs"]["folder"], "Junk", "{step:#}");
    assert_eq!(codes(&step), ["delivery-junk"], "{step:#}");
}

#[test]
fn it_arrives_by_the_sites_own_server() {
    let path = path(&IMAP, |_| Personality::OpenToAll);
    let step = path.delivered(&["via=site"]);
    assert_eq!(step["outputs"]["via"], "mail.office.example", "{step:#}");
    assert_eq!(step["outputs"]["arrived"], true, "{step:#}");
}

#[test]
fn greylisted_mail_is_tried_again_and_arrives() {
    let path = path(&IMAP, |lab| {
        lab.write(
            "grey",
            &format!("{OUTSIDE} 450 4.2.0 Greylisted, try again later\n"),
        );
        let table = lab.path("grey").display().to_string();
        let check =
            format!("smtpd_recipient_restrictions = check_recipient_access texthash:{table}");
        // A process for each session: each reads the table anew.
        submission(lab, &[&check, "max_use = 1"])
    });
    let step = std::thread::scope(|scope| {
        let run = scope.spawn(|| path.delivered(&[]));
        path.until_logged("450 4.2.0");
        path.lab.write("grey", &format!("{OUTSIDE} OK\n"));
        run.join().unwrap()
    });
    assert_eq!(step["outputs"]["accepted"], true, "{step:#}");
    assert_eq!(step["outputs"]["arrived"], true, "{step:#}");
    assert!(codes(&step).is_empty(), "{step:#}");
    assert_eq!(path.messages(), 1);
}

#[test]
fn late_mail_is_waited_for_and_not_sent_again() {
    let path = path(&IMAP, |lab| {
        let hold = "smtpd_recipient_restrictions = check_recipient_access static:hold";
        submission(lab, &[hold])
    });
    let step = std::thread::scope(|scope| {
        let run = scope.spawn(|| path.delivered(&[]));
        path.until_logged("hold");
        path.until_logged("message-id=");
        let config = path.lab.path("postfix/etc");
        let config = config.to_str().unwrap();
        // Held until the first look at the mailbox has found nothing.
        let looks = || path.lab.log("dovecot").matches("Login: user=").count();
        let started = Instant::now();
        while looks() < 3 {
            assert!(started.elapsed().as_secs() < 30, "nobody looks");
            std::thread::sleep(Duration::from_millis(50));
        }
        path.lab
            .run(Side::Servers, "postsuper", &["-c", config, "-H", "ALL"]);
        path.lab
            .run(Side::Servers, "postqueue", &["-c", config, "-f"]);
        run.join().unwrap()
    });
    assert_eq!(step["outputs"]["arrived"], true, "{step:#}");
    assert!(
        step["outputs"]["seconds"].as_u64().is_some_and(|s| s >= 1),
        "{step:#}"
    );
    assert_eq!(path.messages(), 1);
}

#[test]
fn accepted_and_thrown_away_is_lost() {
    let path = path(&IMAP, smarthost);
    let step = path.delivered(&["recipient=post@elsewhere.example", "wait=3s"]);
    assert_eq!(step["outputs"]["accepted"], true, "{step:#}");
    assert_eq!(step["outputs"]["arrived"], false, "{step:#}");
    assert_eq!(codes(&step), ["delivery-lost"], "{step:#}");
    assert_eq!(path.messages(), 1);
}

/// Dovecot by STARTTLS and by TLS from the first byte; and what must not happen: a password over a channel that is not proven,
/// and a message that nobody could look for.
#[test]
fn the_mailbox_is_read_only_where_it_proves_itself() {
    let path_by_starttls = path(
        &Imap {
            port: 143,
            tls: "starttls",
            ..IMAP
        },
        smarthost,
    );
    let step = path_by_starttls.delivered(&[]);
    assert_eq!(step["outputs"]["arrived"], true, "{step:#}");

    for (what, imap, logins) in [
        (
            "expired",
            Imap {
                validity: EXPIRED,
                ..IMAP
            },
            0,
        ),
        (
            "expired, STARTTLS",
            Imap {
                port: 143,
                tls: "starttls",
                validity: EXPIRED,
                ..IMAP
            },
            0,
        ),
        (
            "wrong password",
            Imap {
                password: "no-such-horse",
                ..IMAP
            },
            1,
        ),
    ] {
        let path = path(&imap, smarthost);
        let output = path.run(&[]);
        assert_eq!(output.status.code(), Some(1), "{what}");
        let step = path.step();
        assert!(
            step["error"]
                .as_str()
                .is_some_and(|error| error.contains("probe.imap")),
            "{what}: {step:#}"
        );
        let log = path.lab.log("dovecot");
        let asked = log
            .lines()
            .filter(|line| line.contains("client in: AUTH") && line.contains("service=imap"))
            .count();
        assert_eq!(asked, logins, "{what}\n{log}");
        assert_eq!(path.messages(), 0, "{what}");
        assert!(!step.to_string().contains("no-such-horse"), "{what}");
    }
}
