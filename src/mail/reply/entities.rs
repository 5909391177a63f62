//! What a reply names besides its reason: addresses, lists, links, case codes, waiting times.

use std::net::IpAddr;
use std::sync::LazyLock;

use regex::Regex;
use regex::bytes::Captures;
use serde::Serialize;

/// An address named in a reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FoundAddress {
    /// The address.
    pub address: IpAddr,
    /// Whether it is one of ours. `None` when ours are not known.
    pub ours: Option<bool>,
}

/// What a reply names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Entities {
    /// Addresses. One that is not ours means that the mail left by another path.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<FoundAddress>,
    /// DNS list zones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub zones: Vec<String>,
    /// Links.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    /// Codes of the receiver's own that its support asks for (`S3150`, `TSS04`, `AS16012609`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tickets: Vec<String>,
    /// How long to wait, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// A limit that is named (`this hour`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<String>,
    /// A domain that the receiver names as listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
}

static ADDRESS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}|[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:]*:[0-9A-Fa-f.]*").ok()
});
static URL: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?i)\bhttps?://[^\s<>"'\]]+"#).ok());
static ZONE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:[a-z0-9-]+\.)*(?:spamhaus\.(?:org|net)|spamcop\.net|barracudacentral\.org|surriel\.com|uceprotect\.net|sorbs\.net|abuseat\.org|surbl\.org|uribl\.com|mailspike\.net|dronebl\.org|blocklist\.de|backscatterer\.org|abusix\.zone|nixspam\.org|manitu\.net|spameatingmonkey\.net|spamrats\.com|s5h\.net|invaluement\.com|virusfree\.cz)\b").ok()
});
static TICKET: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"\b(?:S\d{3,4}|AS\d{4,}|TSS?\d{2}|CS\d{2}|HM[EJ]\d|BL\d{2,6}|JFE\d{4,}|AUP#[A-Za-z0-9-]+|IB\d{3}|OFR\d*_\d{3}|LPN\w*_\d{3}|GU_EIB_\d+|(?:RTR|RLY|CON|DYN|HVU):[A-Z0-9]{2})\b").ok()
});
static AFTER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:(?:again|back|wait|retry|delay\w*|after|for|in)\s+)+(?:at least |about )?(?P<n>\d{1,5})\s*(?P<unit>sec|min|hour|hr|day|s\b|m\b|h\b)").ok()
});
static LIMIT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:per|this|an|each) (?:second|minute|hour|day)\b|\bhourly\b|\bdaily\b").ok()
});

/// Extracts what a reply names. `ours` are the addresses that the site sends from; leave it empty
/// when they are not known.
pub fn entities(line: &str, ours: &[IpAddr]) -> Entities {
    let mut found = Entities::default();
    for text in all(&ADDRESS, line) {
        let Ok(address) = text.trim_end_matches([':', '.']).parse::<IpAddr>() else {
            continue;
        };
        let address = address.to_canonical();
        // Answers of lists, and things like `::` that only look like an address.
        if address.is_loopback() || address.is_unspecified() {
            continue;
        }
        let ours = (!ours.is_empty()).then(|| ours.contains(&address));
        if !found.addresses.iter().any(|known| known.address == address) {
            found.addresses.push(FoundAddress { address, ours });
        }
    }
    if line.contains("://") {
        found.urls = distinct(
            all(&URL, line).map(|url| url.trim_end_matches(['.', ',', ';', ')']).to_owned()),
        );
    }
    found.zones = distinct(
        all(&ZONE, line)
            .map(|zone| zone.trim_start_matches("www.").to_ascii_lowercase())
            // A checker page is no zone.
            .filter(|zone| !zone.starts_with("check.")),
    );
    found.tickets = distinct(all(&TICKET, line).map(str::to_owned));
    if let Some(captures) = AFTER.as_ref().and_then(|r| r.captures(line)) {
        let n: u64 = captures["n"].parse().unwrap_or(0);
        let unit = match captures["unit"].to_ascii_lowercase().as_str() {
            "sec" | "s" => 1,
            "min" | "m" => 60,
            "day" => 86_400,
            _ => 3_600,
        };
        found.retry_after = Some(n * unit);
    }
    found.limit = all(&LIMIT, line).next().map(str::to_ascii_lowercase);
    found
}

impl Entities {
    /// Adds what the matching wording's named groups carry.
    pub(super) fn add_groups(&mut self, captures: &Captures<'_>) {
        let group = |name| {
            let bytes = captures.name(name)?.as_bytes();
            let text = std::str::from_utf8(bytes)
                .ok()?
                .trim_matches(['.', ':', '[', ']']);
            (!text.is_empty()).then(|| text.to_owned())
        };
        if let Some(zone) = group("zone").map(|zone| zone.to_ascii_lowercase())
            && !self.zones.contains(&zone)
        {
            self.zones.push(zone);
        }
        for name in ["code", "ref"] {
            if let Some(ticket) = group(name)
                && !self.tickets.contains(&ticket)
            {
                self.tickets.push(ticket);
            }
        }
        if self.domain.is_none() {
            self.domain = group("domain");
        }
    }
}

fn all<'t>(
    regex: &'static LazyLock<Option<Regex>>,
    line: &'t str,
) -> impl Iterator<Item = &'t str> {
    regex
        .iter()
        .flat_map(move |regex| regex.find_iter(line))
        .map(|found| found.as_str())
}

fn distinct(items: impl Iterator<Item = String>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for item in items {
        if !out.contains(&item) {
            out.push(item);
        }
    }
    out
}
