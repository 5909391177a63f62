//! The ready-made personalities: the servers of the relay test's laboratory, and a smarthost.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::personality::{
    Auth, Greeting, Limits, Login, OddAddresses, Outcome, Personality, Recipients, StartTls,
    Tarpit, Trust,
};
use super::reply::Reply;
use crate::practice::mailbox::Hop;
use crate::practice::tls::Certificate;

impl Personality {
    /// A Postfix as it comes: closed by `454 4.7.1`, with a recipient check.
    pub fn postfix(name: &str, domains: &[&str], recipients: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            greeting: Greeting::Ready("ESMTP Postfix".to_owned()),
            keywords: [
                "PIPELINING",
                "ETRN",
                "ENHANCEDSTATUSCODES",
                "8BITMIME",
                "DSN",
            ]
            .map(str::to_owned)
            .to_vec(),
            helo_only: false,
            lenient_syntax: true,
            domains: domains.iter().map(|domain| domain.to_lowercase()).collect(),
            literals: Vec::new(),
            recipients: Recipients::Known(
                recipients
                    .iter()
                    .map(|address| address.to_lowercase())
                    .collect::<BTreeSet<_>>(),
            ),
            unknown: Reply::new(
                550,
                "5.1.1 Recipient address rejected: no such user in the local recipient table",
            ),
            bounces: true,
            trust: Vec::new(),
            denial: Reply::new(454, "4.7.1 Relay access denied"),
            odd_addresses: OddAddresses::Route,
            outcome: Outcome::Deliver,
            greylist: None,
            refuse_null_sender: None,
            vrfy: false,
            starttls: StartTls::Absent,
            certificate: Certificate::Good,
            certificate_names: Vec::new(),
            auth: None,
            limits: Limits {
                size: Some(10_240_000),
                errors: Some(20),
                ..Limits::default()
            },
            tarpit: Tarpit::default(),
            path: vec![Hop {
                name: name.to_owned(),
                address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            }],
        }
    }

    /// A server that answers outsiders with `554 5.7.1`.
    pub fn closed(name: &str, domains: &[&str], recipients: &[&str]) -> Self {
        Self {
            denial: Reply::new(554, "5.7.1 Relay access denied"),
            ..Self::postfix(name, domains, recipients)
        }
    }

    /// A Postfix whose networks are the world.
    pub fn open_relay(name: &str, domains: &[&str], recipients: &[&str]) -> Self {
        Self {
            trust: vec![Trust::Everyone],
            ..Self::postfix(name, domains, recipients)
        }
    }

    /// A relay for whoever claims a sender of its own domains.
    pub fn trusts_own_senders(name: &str, domains: &[&str], recipients: &[&str]) -> Self {
        Self {
            trust: vec![Trust::LocalSender],
            ..Self::postfix(name, domains, recipients)
        }
    }

    /// A relay for whoever says one of its domains in HELO.
    pub fn trusts_helo(name: &str, domains: &[&str], recipients: &[&str]) -> Self {
        let names = domains.iter().map(|domain| domain.to_lowercase()).collect();
        Self {
            trust: vec![Trust::Helo(names)],
            ..Self::postfix(name, domains, recipients)
        }
    }

    /// Takes every recipient and refuses DATA.
    pub fn refuses_data(name: &str, domains: &[&str], recipients: &[&str]) -> Self {
        let outcome = Outcome::RefuseData(Reply::new(554, "5.7.1 no mail is taken here"));
        Self {
            outcome,
            ..Self::open_relay(name, domains, recipients)
        }
    }

    /// Takes every recipient and the message, and refuses it after the final dot.
    pub fn refuses_message(name: &str, domains: &[&str], recipients: &[&str]) -> Self {
        let outcome = Outcome::RefuseMessage(Reply::new(554, "5.7.1 message refused by policy"));
        Self {
            outcome,
            ..Self::open_relay(name, domains, recipients)
        }
    }

    /// Says yes to everything and throws it away.
    pub fn discards(name: &str, domains: &[&str]) -> Self {
        Self {
            recipients: Recipients::Anything,
            outcome: Outcome::Discard,
            ..Self::open_relay(name, domains, &[])
        }
    }

    /// Greylists for `wait`.
    pub fn greylists(name: &str, domains: &[&str], recipients: &[&str], wait: Duration) -> Self {
        let reply = Reply::new(451, "4.7.1 Greylisted, please try again later");
        Self {
            greylist: Some((wait, reply)),
            ..Self::postfix(name, domains, recipients)
        }
    }

    /// Exchange 2003 as a small office has it: no recipient check, odd addresses are local, no relay for
    /// strangers, logins in the clear, NDRs later.
    pub fn exchange_2003(name: &str, domains: &[&str]) -> Self {
        let keywords = [
            "TURN",
            "ETRN",
            "PIPELINING",
            "DSN",
            "ENHANCEDSTATUSCODES",
            "8bitmime",
            "X-LINK2STATE",
            "XEXCH50",
            "OK",
        ];
        Self {
            greeting: Greeting::Ready(
                "Microsoft ESMTP MAIL Service, Version: 6.0.3790.4675 ready".to_owned(),
            ),
            keywords: keywords.map(str::to_owned).to_vec(),
            recipients: Recipients::Anything,
            unknown: Reply::new(550, "5.1.1 User unknown"),
            denial: Reply::new(550, "5.7.1 Unable to relay"),
            odd_addresses: OddAddresses::Local,
            auth: Some(Auth {
                mechanisms: ["GSSAPI", "NTLM", "LOGIN"].map(str::to_owned).to_vec(),
                in_the_clear: true,
                ..Auth::default()
            }),
            limits: Limits {
                size: Some(10_485_760),
                ..Limits::default()
            },
            ..Self::postfix(name, domains, &[])
        }
    }

    /// A provider's smarthost: STARTTLS before anything, a login before MAIL, senders bound to the login.
    pub fn smarthost(name: &str, user: &str, password: &str, senders: &[&str]) -> Self {
        let login = Login {
            password: password.to_owned(),
            senders: senders.iter().map(|sender| sender.to_lowercase()).collect(),
            refuse: None,
        };
        Self {
            greeting: Greeting::Ready("ESMTP submission service".to_owned()),
            keywords: ["PIPELINING", "ENHANCEDSTATUSCODES", "8BITMIME", "SMTPUTF8"]
                .map(str::to_owned)
                .to_vec(),
            denial: Reply::new(554, "5.7.1 relaying needs a login"),
            lenient_syntax: false,
            starttls: StartTls::Required,
            auth: Some(Auth {
                mechanisms: ["PLAIN", "LOGIN", "CRAM-MD5"].map(str::to_owned).to_vec(),
                logins: [(user.to_owned(), login)].into(),
                required: true,
                ..Auth::default()
            }),
            limits: Limits {
                size: Some(26_214_400),
                recipients_per_message: Some(100),
                ..Limits::default()
            },
            ..Self::postfix(name, &[], &[])
        }
    }

    /// A server that refuses every connection with this reply.
    pub fn refuses_connections(name: &str, code: u16, text: &str) -> Self {
        Self {
            greeting: Greeting::Refuse(Reply::new(code, text)),
            ..Self::postfix(name, &[], &[])
        }
    }

    /// A server that accepts connections and says nothing.
    pub fn silent(name: &str) -> Self {
        Self {
            greeting: Greeting::Silent,
            ..Self::postfix(name, &[], &[])
        }
    }
}
