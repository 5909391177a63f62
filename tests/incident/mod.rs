//! One incident, written as every container of Windows events that people bring in.
//!
//! The texts and layouts here are written from the formats' descriptions, not from the readers: they are the other half of
//! the test. The binary writers are checked against independent readers in `tests/real`.
#![allow(dead_code, reason = "each test binary uses its part")]

pub(crate) mod evt;
pub(crate) mod evtx;
pub(crate) mod structured;
pub(crate) mod text;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// The server of the incidents.
pub(crate) const COMPUTER: &str = "SERVER";

/// The zone of the server and of whoever exported its log.
pub(crate) const ZONE: &str = "America/New_York";

/// One event as its program wrote it.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) number: u32,
    pub(crate) time: Timestamp,
    pub(crate) source: &'static str,
    pub(crate) id: u32,
    /// 1 error, 2 warning, 4 information.
    pub(crate) kind: u16,
    pub(crate) category: (u16, &'static str),
    pub(crate) strings: Vec<String>,
}

impl Entry {
    pub(crate) fn kind_word(&self) -> &'static str {
        match self.kind {
            1 => "Error",
            2 => "Warning",
            _ => "Information",
        }
    }

    /// The severity bits before the number.
    pub(crate) fn qualifiers(&self) -> u32 {
        match self.kind {
            1 => 0xc004,
            2 => 0x8004,
            _ => 0x4004,
        }
    }

    pub(crate) fn local(&self) -> jiff::ZonedDateTime {
        self.time.to_zoned_datetime(TimeZone::get(ZONE).unwrap())
    }

    /// The description as the server shows it; the full command carries its own line end.
    pub(crate) fn text(&self) -> String {
        let s = |index: usize| self.strings[index].as_str();
        match (self.source, self.id) {
            ("MSExchangeTransport", 7002) => format!(
                "This is an SMTP protocol warning log for virtual server ID {}, connection #{}. The remote host \"{}\", responded to the SMTP command \"{}\" with \"{}  \". The full command sent was \"{}  \r\n\".  This may cause the connection to fail. ",
                s(0),
                s(1),
                s(2),
                s(3),
                s(4),
                s(5)
            ),
            ("MSExchangeTransport", 7004) => format!(
                "This is an SMTP protocol error log for virtual server ID {}, connection #{}. The remote host \"{}\", responded to the SMTP command \"{}\" with \"{}  \". The full command sent was \"{}  \r\n\".  This will probably cause the connection to fail. ",
                s(0),
                s(1),
                s(2),
                s(3),
                s(4),
                s(5)
            ),
            ("MSExchangeTransport", 7010) => format!(
                "This is an SMTP protocol log for virtual server ID {}, connection #{}. The client at \"{}\" sent a \"{}\" command, and the SMTP server responded with \"{}  \". The full command sent was \"{}  \r\n\".  This will probably cause the connection to fail. ",
                s(0),
                s(1),
                s(2),
                s(3),
                s(4),
                s(5)
            ),
            ("MSExchangeTransport", 3018) => format!(
                "A non-delivery report with a status code of {} was generated for recipient {} (Message-ID {}).  \r\nCauses: This message indicates a DNS problem or an IP address configuration problem\r\nSolution: Check the DNS using nslookup or dnsq. Verify the IP address is in IPv4 literal format.",
                s(0),
                s(1),
                s(2)
            ),
            ("MSExchangeTransport", 1708) => format!(
                "SMTP Authentication was performed successfully with client \"{}\". The authentication method was \"{}\" and the username was \"{}\". ",
                s(0),
                s(1),
                s(2)
            ),
            ("MSExchangeTransport", 4006) => format!(
                "Message delivery to the host '{}' failed while delivering to the remote domain '{}' for the following reason: {}",
                s(0),
                s(1),
                s(2)
            ),
            _ => self.strings.join(" "),
        }
    }
}

/// A log in the making.
pub(crate) struct Incident {
    pub(crate) entries: Vec<Entry>,
    at: Timestamp,
    connection: u32,
}

impl Incident {
    pub(crate) fn new(start: &str) -> Self {
        Self {
            entries: Vec::new(),
            at: start.parse().unwrap(),
            connection: 620,
        }
    }

    /// Lets time pass.
    pub(crate) fn wait(&mut self, seconds: i64) {
        self.at = self
            .at
            .checked_add(SignedDuration::from_secs(seconds))
            .unwrap();
    }

    fn push(
        &mut self,
        source: &'static str,
        id: u32,
        kind: u16,
        category: (u16, &'static str),
        strings: Vec<String>,
    ) {
        let number = u32::try_from(self.entries.len()).unwrap() + 1392;
        self.entries.push(Entry {
            number,
            time: self.at,
            source,
            id,
            kind,
            category,
            strings,
        });
    }

    fn dialogue(&mut self, id: u32, kind: u16, host: &str, verb: &str, reply: &str, full: &str) {
        self.connection += 1;
        let connection = self.connection.to_string();
        let strings = ["1", &connection, host, verb, reply, full];
        let strings = strings.iter().map(|s| (*s).to_owned()).collect();
        self.push(
            "MSExchangeTransport",
            id,
            kind,
            (6, "SMTP Protocol"),
            strings,
        );
    }

    /// A remote host refused a recipient.
    pub(crate) fn refused(&mut self, host: &str, reply: &str, recipient: &str) {
        let (id, kind) = if reply.starts_with('4') {
            (7002, 2)
        } else {
            (7004, 1)
        };
        self.dialogue(
            id,
            kind,
            host,
            "rcpt",
            reply,
            &format!("RCPT TO:<{recipient}>"),
        );
    }

    /// The harmless refusal between organisations.
    pub(crate) fn noise(&mut self, host: &str) {
        self.dialogue(
            7004,
            1,
            host,
            "xexch50",
            "504 Need to authenticate first",
            "XEXCH50 2336 2",
        );
    }

    /// This server refused to relay for a client.
    pub(crate) fn relay_refused(&mut self, client: &str, recipient: &str) {
        self.dialogue(
            7010,
            1,
            client,
            "rcpt",
            &format!("550 5.7.1 Unable to relay for {recipient}"),
            &format!("RCPT TO:<{recipient}>"),
        );
    }

    /// A recipient's domain could not be found.
    pub(crate) fn no_domain(&mut self, recipient: &str) {
        let id = format!("<{}@server.example.local>", self.entries.len());
        let strings = vec!["5.4.0".to_owned(), format!("rfc822;{recipient}"), id];
        self.push("MSExchangeTransport", 3018, 1, (8, "NDR"), strings);
    }

    /// A client logged in.
    pub(crate) fn logged_in(&mut self, client: &str, user: &str) {
        let strings = vec![client.to_owned(), "LOGIN".to_owned(), user.to_owned()];
        self.push(
            "MSExchangeTransport",
            1708,
            4,
            (6, "SMTP Protocol"),
            strings,
        );
    }

    /// A host could not be reached.
    pub(crate) fn unreachable(&mut self, host: &str, domain: &str) {
        let strings = vec![
            host.to_owned(),
            domain.to_owned(),
            "The remote server did not respond to a connection attempt.".to_owned(),
        ];
        self.push(
            "MSExchangeTransport",
            4006,
            2,
            (3, "Connection Manager"),
            strings,
        );
    }

    /// Something of another program, with a number that means something else there.
    pub(crate) fn stranger(&mut self) {
        self.push(
            "MSExchangeIS Public Store",
            3018,
            4,
            (0, "None"),
            vec!["replication".to_owned(), "folder".to_owned()],
        );
    }
}

/// A day at a server whose standing is bad: throttled by three organisations, a run of unknown recipients, a guest.
pub(crate) fn bad_day() -> Incident {
    let mut log = Incident::new("2011-01-18T12:33:29Z");
    let receivers = [
        "212.52.84.170",
        "82.57.200.133",
        "mx1.partner.example",
        "mx.other.example",
    ];
    let replies = [
        "452 Too many recipients received this hour",
        "421 Service not available - too busy",
        "452 4.7.1 rate limited, \"slow\" down",
        "450 4.7.1 poor reputation, try later",
    ];
    for round in 0..48_usize {
        log.wait(600);
        let at = round % receivers.len();
        log.refused(
            receivers[at],
            replies[at],
            &format!("person{round}@list{}.example", round % 24),
        );
        log.wait(7);
        log.refused(
            "mx1.partner.example",
            "550 5.1.1 User unknown",
            &format!("nobody{round:02}@list{round}.example"),
        );
        if round % 8 == 0 {
            log.noise("mx1.partner.example");
            log.stranger();
            log.no_domain(&format!("x@gone{round}.example"));
        }
    }
    log.logged_in("203.0.113.77", "EXAMPLE\\Guest");
    log
}
