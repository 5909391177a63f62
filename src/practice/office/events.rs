//! The application event log of the office's server: one working day of transport events as Event Viewer's
//! "copy" button of Windows Server 2003 gives them. The same text every time.
//!
//! What it shows is the after-effect: receivers throttle an address without a good name, strangers try the
//! relay and are refused, a few recipients do not exist, and nothing says that the server relays.

/// How many events the log has.
pub const EVENTS: usize = 120;

/// Receiving servers that throttle, and the domain each of them serves: four operators in four networks (two of documentation,
/// two of the benchmarking range, for an analysis tells operators apart by network where names are missing).
const THROTTLING: [(&str, &str); 5] = [
    ("198.51.100.180", "posta.example"),
    ("198.51.100.170", "posta.example"),
    ("192.0.2.133", "telecentro.example"),
    ("198.18.20.21", "northmail.example"),
    ("198.19.4.44", "citynet.example"),
];

/// Clients from outside that try to relay.
const STRANGERS: [&str; 4] = [
    "192.0.2.77",
    "192.0.2.201",
    "198.51.100.9",
    "198.51.100.230",
];

const ROLES: [&str; 8] = [
    "info",
    "orders",
    "accounts",
    "sales",
    "office",
    "service",
    "purchasing",
    "reception",
];

/// Domains that no longer exist: former partners in old address books.
const GONE: [&str; 4] = [
    "oldpartner.example",
    "closed-shop.example",
    "formerbank.example",
    "merged.example",
];

/// The kinds of events, with how many of them a day brings; together [`EVENTS`].
const DAY: [(Kind, usize); 6] = [
    (Kind::TooManyRecipients, 38),
    (Kind::TooBusy, 33),
    (Kind::AddressRejected, 14),
    (Kind::NoSuchHost, 11),
    (Kind::RelayRefused, 18),
    (Kind::OldProtocol, 6),
];

#[derive(Debug, Clone, Copy)]
enum Kind {
    TooManyRecipients,
    TooBusy,
    AddressRejected,
    NoSuchHost,
    RelayRefused,
    OldProtocol,
}

/// The log, oldest event first, CR LF line ends.
pub fn event_log() -> String {
    let mut draw = Draw(0x5EED_2011);
    let mut kinds = DAY
        .iter()
        .flat_map(|(kind, count)| std::iter::repeat_n(*kind, *count))
        .collect::<Vec<_>>();
    for place in (1..kinds.len()).rev() {
        kinds.swap(place, draw.below(place + 1));
    }
    // From 7:31 to about 18:00, one event every five minutes or so.
    let mut second = 7 * 3600 + 31 * 60;
    let mut log = String::new();
    for (number, kind) in kinds.into_iter().enumerate() {
        second += 40 + draw.below(550);
        log.push_str(&event(kind, second, 600 + number, &mut draw));
        log.push('\n');
    }
    log.replace('\n', "\r\n")
}

fn event(kind: Kind, second: usize, connection: usize, draw: &mut Draw) -> String {
    let role = ROLES[draw.below(ROLES.len())];
    let (host, domain) = THROTTLING[draw.below(THROTTLING.len())];
    let (level, category, id, description) = match kind {
        Kind::TooManyRecipients => (
            "Warning",
            "SMTP Protocol",
            7002,
            outbound(
                connection,
                host,
                "rcpt",
                "452 Too many recipients received this hour  ",
                &format!("RCPT TO:<{role}@{domain}>"),
            ),
        ),
        Kind::TooBusy => (
            "Warning",
            "SMTP Protocol",
            7002,
            outbound(
                connection,
                host,
                "rcpt",
                "421 Service not available - too busy  ",
                &format!("RCPT TO:<{role}@{domain}>"),
            ),
        ),
        Kind::AddressRejected => {
            let address = format!("{role}@{domain}");
            let reply = format!("550 #5.1.0 Address rejected {address}  ");
            (
                "Error",
                "SMTP Protocol",
                7004,
                outbound(
                    connection,
                    host,
                    "rcpt",
                    &reply,
                    &format!("RCPT TO:<{address}>"),
                ),
            )
        }
        Kind::NoSuchHost => {
            let address = format!("{role}@{}", GONE[draw.below(GONE.len())]);
            ("Error", "NDR", 3018, non_delivery(&address, connection))
        }
        Kind::RelayRefused => {
            let client = STRANGERS[draw.below(STRANGERS.len())];
            (
                "Error",
                "SMTP Protocol",
                7010,
                inbound(connection, client, &format!("{role}@elsewhere.example")),
            )
        }
        Kind::OldProtocol => (
            "Error",
            "SMTP Protocol",
            7004,
            outbound(
                connection,
                host,
                "xexch50",
                "504 Need to authenticate first  ",
                "XEXCH50 1092 2",
            ),
        ),
    };
    format!(
        "Event Type:\t{level}\nEvent Source:\tMSExchangeTransport\nEvent Category:\t{category}\nEvent ID:\t{id}\nDate:\t\t2/14/2011\n\
         Time:\t\t{}\nUser:\t\tN/A\nComputer:\tSERVER\nDescription:\n{description}\n",
        clock(second)
    )
}

/// 7002 and 7004: what a remote host answered to us. The command's own line end stands inside its quotes.
fn outbound(connection: usize, host: &str, command: &str, reply: &str, full: &str) -> String {
    let permanent = reply.starts_with('5');
    let (kind, end) = match permanent {
        true => ("error", "This will probably cause the connection to fail."),
        false => ("warning", "This may cause the connection to fail."),
    };
    format!(
        "This is an SMTP protocol {kind} log for virtual server ID 1, connection #{connection}. The remote host \"{host}\", \
         responded to the SMTP command \"{command}\" with \"{reply}\". The full command sent was \"{full}\n\". {end}\n"
    )
}

/// 7010: what we answered to a client.
fn inbound(connection: usize, client: &str, recipient: &str) -> String {
    format!(
        "This is an SMTP protocol log for virtual server ID 1, connection #{connection}. The client at \"{client}\" sent a \"rcpt\" \
         command, and the SMTP server responded with \"550 5.7.1 Unable to relay for {recipient}  \". The full command sent was \
         \"rcpt TO:<{recipient}>\n\". This will probably cause the connection to fail.\n"
    )
}

/// 3018: a non-delivery report of our own, with the data block that follows its text.
fn non_delivery(recipient: &str, number: usize) -> String {
    format!(
        "A non-delivery report with a status code of 5.4.0 was generated for recipient rfc822;{recipient} (Message-ID \
         <{number:08X}@server.acme.local>).\nCauses: This message indicates a DNS problem or an IP address configuration problem\n\
         Solution: Check the DNS using nslookup or dnsq. Verify the IP address is in IPv4 literal format.\nData:\n\
         0000: ef 02 04 c0               \u{ef}..\u{c0}\n"
    )
}

/// The time of day as the American locale writes it.
fn clock(second: usize) -> String {
    let (hour, minute, second) = (second / 3600 % 24, second / 60 % 60, second % 60);
    let half = if hour < 12 { "AM" } else { "PM" };
    format!("{}:{minute:02}:{second:02} {half}", (hour + 11) % 12 + 1)
}

/// A fixed sequence of numbers (xorshift): the log has to be the same every time.
struct Draw(u32);

impl Draw {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 as usize % limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_of_events() {
        let log = event_log();
        assert_eq!(log, event_log());
        assert_eq!(log.matches("Event Type:\t").count(), EVENTS);
        for (needle, count) in [
            ("with \"452 Too many recipients received this hour", 38),
            ("with \"421 Service not available - too busy", 33),
            ("with \"550 #5.1.0 Address rejected ", 14),
            ("Event ID:\t3018", 11),
            ("Event ID:\t7010", 18),
            ("\"xexch50\"", 6),
        ] {
            assert_eq!(log.matches(needle).count(), count, "{needle}");
        }
        let last = log.matches(" PM\r\n").count();
        assert!(last > 40, "the day reaches into the afternoon");
        assert!(!log.replace("\r\n", "").contains('\n'));
        assert_eq!(
            (clock(0), clock(45_296)),
            ("12:00:00 AM".to_owned(), "12:34:56 PM".to_owned())
        );
    }

    #[test]
    fn the_day_is_over_before_night() {
        let log = event_log();
        let last = log.lines().rfind(|line| line.starts_with("Time:"));
        assert!(
            last.is_some_and(|line| ["3:", "4:", "5:", "6:", "7:"]
                .iter()
                .any(|hour| line.contains(&format!("\t{hour}")))),
            "{last:?}"
        );
    }
}
