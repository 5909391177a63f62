//! Is the clock right? Certificates, waits and evidence all rest on it. It is held against what cannot be later than now, and
//! against the date that many mail servers put into their greeting.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::actions::Context;
use crate::mail::dnsbl::built_in;
use crate::record::{Evidence, Finding, Severity};

/// What findings are about.
pub(super) const SUBJECT: &str = "clock";
/// Two clocks further apart than this are worth a word, in seconds.
const APART: i64 = 300;
/// systemd-timesyncd leaves this behind when it has set the clock.
const SYNCHRONISED: &str = "/run/systemd/timesync/synchronized";

/// What is known about the clock.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Clock {
    /// `good`, `off`, `unknown`.
    verdict: &'static str,
    /// This machine's clock less the server's.
    offset_seconds: Option<i64>,
    detail: String,
}

impl Clock {
    /// Whether anything can be said.
    pub(super) fn is_judged(&self) -> bool {
        self.verdict != "unknown"
    }
}

/// Holds the clock against what is known.
pub(super) fn look_at(context: &Context<'_>, greetings: Vec<(&str, &str, Timestamp)>) -> Clock {
    let now = context.now();
    let reviewed = format!("{}T00:00:00Z", built_in().compiled);
    if let Ok(reviewed) = reviewed.parse::<Timestamp>()
        && now < reviewed
    {
        return Clock {
            verdict: "off",
            offset_seconds: None,
            detail: format!("it says {now}, which was before this program was made"),
        };
    }
    let beside = greetings
        .iter()
        .find_map(|(host, said, at)| Some((*host, at.duration_since(date_in(said)?).as_secs())));
    let set = std::path::Path::new(SYNCHRONISED).exists();
    match beside {
        Some((host, offset)) if offset.abs() <= APART => Clock {
            verdict: "good",
            offset_seconds: Some(offset),
            detail: format!("{offset} s beside the greeting of {host}"),
        },
        Some((host, offset)) if !set => Clock {
            verdict: "off",
            offset_seconds: Some(offset),
            detail: format!(
                "it is {} {} the clock of {host}: one of the two is wrong",
                spoken(offset),
                if offset > 0 { "ahead of" } else { "behind" }
            ),
        },
        Some((host, offset)) => Clock {
            verdict: "good",
            offset_seconds: Some(offset),
            detail: format!(
                "it is set by the network; the clock of {host} is off by {}",
                spoken(offset)
            ),
        },
        None if set => Clock {
            verdict: "good",
            offset_seconds: None,
            detail: "it is set by the network (systemd-timesyncd)".to_owned(),
        },
        None => Clock {
            verdict: "unknown",
            offset_seconds: None,
            detail: "there is nothing to hold it against: `timedatectl` or `chronyc tracking` tell whether it is set by the network".to_owned(),
        },
    }
}

/// The finding about a clock that is off.
pub(super) fn finding(context: &Context<'_>, clock: &Clock) -> Option<Finding> {
    (clock.verdict == "off").then(|| Finding {
        code: "vantage-clock".to_owned(),
        severity: Severity::Minor,
        subject: SUBJECT.to_owned(),
        summary: format!("the clock of this machine may be wrong: {}", clock.detail),
        evidence: vec![Evidence::new(
            "clock",
            format!("this machine: {}", context.now()),
            context.now(),
        )],
        remedy: "Let the network set the clock (`timedatectl set-ntp true`, or chrony). If this machine's clock is right, the server's is wrong: mail from it then carries wrong dates, which filters hold against it.".to_owned(),
    })
}

/// The date in a greeting: `220 mail.example ESMTP; Tue, 24 Nov 2026 08:00:00 +0000` (RFC 5322 §3.3).
fn date_in(greeting: &str) -> Option<Timestamp> {
    let days = [
        "Mon, ", "Tue, ", "Wed, ", "Thu, ", "Fri, ", "Sat, ", "Sun, ",
    ];
    let start = days.iter().find_map(|day| greeting.find(day))?;
    let words: Vec<&str> = greeting[start..].split_whitespace().take(6).collect();
    // Day, date, month, year, time, zone; what follows is the product's own.
    jiff::fmt::rfc2822::parse(&words.join(" "))
        .ok()
        .map(|zoned| zoned.timestamp())
}

fn spoken(seconds: i64) -> String {
    format!("{:#}", SignedDuration::from_secs(seconds.abs()))
}

#[cfg(test)]
mod tests {
    use super::date_in;

    #[test]
    fn the_date_of_a_greeting_is_read() {
        for (greeting, expected) in [
            (
                "220 mail.office.example Microsoft ESMTP MAIL Service, Version: 6.0.3790.4675 ready at  Tue, 24 Nov 2026 09:00:00 +0100",
                Some("2026-11-24T08:00:00Z"),
            ),
            (
                "220 mx ESMTP Sendmail 8.15.2/8.15.2; Tue, 24 Nov 2026 08:00:00 GMT",
                Some("2026-11-24T08:00:00Z"),
            ),
            ("220 mail.example ESMTP Postfix", None),
            ("220 Tue, nonsense", None),
        ] {
            assert_eq!(
                date_in(greeting).map(|at| at.to_string()).as_deref(),
                expected,
                "{greeting}"
            );
        }
    }
}
