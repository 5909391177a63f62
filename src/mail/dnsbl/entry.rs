//! What the catalogue says about a list: the types of `dnsbl.yaml`, one to one.

use serde::Deserialize;
use std::collections::BTreeMap;

use super::code::CodeKey;

/// A zone (or several with the same data) that can be asked about addresses or names.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    /// Stable kebab-case name, `spamhaus-zen`.
    pub id: String,
    /// The name people know it by.
    pub name: String,
    /// Who runs it. Listings are weighed by operator, not by zone.
    pub operator: String,
    /// Zones to ask, without a dot at either end; `{key}` stands for the access key.
    pub zones: Vec<String>,
    /// Zones whose data this list already holds; asking them too would count a listing twice.
    #[serde(default)]
    pub parts: Vec<String>,
    /// Id of another list with the same data; of the two only one counts.
    pub same_as: Option<String>,
    /// Neighbouring zones of the operator that are not asked.
    #[serde(default)]
    pub related_zones: Vec<String>,
    /// What may be asked about.
    pub target: Vec<Target>,
    /// Which names it wants, where it takes names.
    #[serde(default)]
    pub names: Names,
    /// Whether an answer is bad news, good news or a mere value.
    pub kind: Kind,
    /// How many real receivers act on it.
    pub severity: Severity,
    /// What its listings point to, where all of them point the same way.
    pub nature: Option<Nature>,
    /// Who uses it and what a hit means in practice.
    pub why: String,
    /// How answers are read.
    pub decode: Decode,
    /// Meanings of answers, in the order in which they are tried.
    #[serde(default, deserialize_with = "super::code::ordered")]
    pub return_codes: Vec<(CodeKey, ReturnCode)>,
    /// Answers that mean "refused or malformed", with the reason.
    #[serde(default, deserialize_with = "super::code::ordered")]
    pub error_codes: Vec<(CodeKey, String)>,
    /// DNS response codes (`REFUSED`, `FORMERR`) by which the operator refuses, with the reason.
    #[serde(default)]
    pub rcode_errors: BTreeMap<String, String>,
    /// Whether a TXT record says more about a listing.
    pub txt: Ternary,
    /// Entries that must, or must not, be listed; absent where the operator publishes none.
    pub test_points: Option<TestPoints>,
    /// Where a person looks a listing up; `{ip}`, `{domain}` are placeholders.
    pub lookup_url: Option<String>,
    /// How to be removed.
    pub delisting: Delisting,
    /// How to be added (allowlists).
    pub enrolment: Option<Delisting>,
    /// Who may ask.
    pub access: Access,
    /// Whether it holds IPv6 addresses.
    pub ipv6: Ternary,
    /// Whether the operator keeps it up.
    pub status: Status,
    /// Since when, as precisely as known (`2021-01`).
    pub status_since: Option<String>,
    /// When a scan asks it.
    pub default_scan: DefaultScan,
    /// How well the entry is supported by its sources.
    pub confidence: Confidence,
    /// Keys of the catalogue's `sources`.
    #[serde(default)]
    pub sources: Vec<String>,
    /// What else is worth knowing, one sentence each.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// What a list can be asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// IPv4 addresses.
    Ipv4,
    /// IPv6 addresses.
    Ipv6,
    /// Domain and host names.
    Domain,
}

/// Which names a list of names wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Names {
    /// Domains and host names as they are used.
    #[default]
    Any,
    /// Registrable domains only.
    Registrable,
    /// Hashes, which a scan of names cannot ask for.
    Hashed,
}

/// What an answer of a list means on the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An answer is bad news.
    Blocklist,
    /// An answer is good news.
    Allowlist,
    /// An answer is a value on a scale, good, neutral or bad. Never counted as a listing.
    Reputation,
}

/// How many real receivers act on an answer, from none to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Not a listing: neutral or good.
    None,
    /// Worth knowing; no receiver refuses for it.
    Informational,
    /// Few receivers act on it.
    Minor,
    /// Many receivers act on it.
    Major,
    /// Most mail is refused.
    Critical,
}

impl Severity {
    /// One step lower, never below informational; what is already `None` stays so.
    #[must_use]
    pub fn lowered(self) -> Severity {
        match self {
            Severity::Critical => Severity::Major,
            Severity::Major => Severity::Minor,
            Severity::Minor | Severity::Informational => Severity::Informational,
            Severity::None => Severity::None,
        }
    }
}

/// What a listing points to, and so where the cause is to be looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nature {
    /// Address space or reverse name, not abuse: the cure is DNS or the network operator.
    Policy,
    /// Malware or a stolen login.
    Compromise,
    /// What was sent: lists, forwarding, bounces.
    Traffic,
    /// Others in the same network. Shown, never alarmed on.
    Neighbourhood,
}

/// How the addresses of an answer are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decode {
    /// The whole address is the code; several come together.
    Enumerated,
    /// The last octet is a bit field.
    Bitmask,
    /// Octets carry separate values.
    Fields,
    /// Every address of 127.0.0.0/8 that is no error code is a listing.
    Any,
}

/// The meaning of one code.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReturnCode {
    /// The part of a combined list that answers, `PBL`.
    pub list: Option<String>,
    /// What it means, in plain words.
    pub meaning: String,
    /// How many receivers act on it; overrides the list's.
    pub severity: Severity,
    /// What it points to; overrides the list's.
    pub nature: Option<Nature>,
}

/// Entries by which a list proves that it works.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestPoints {
    /// An address or name that must be listed.
    pub positive: Option<String>,
    /// The codes it is listed with, where known.
    #[serde(default)]
    pub positive_answers: Vec<std::net::Ipv4Addr>,
    /// Further entries that must be listed.
    #[serde(default)]
    pub also: Vec<String>,
    /// An IPv6 address that must be listed.
    pub ipv6_positive: Option<std::net::Ipv6Addr>,
    /// An address or name that must not be listed, or the word `documentation`.
    pub negative: Option<String>,
}

/// How to be removed from a list (or added to an allowlist).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delisting {
    /// The way it goes.
    pub method: Method,
    /// The page to go to; `{ip}` is a placeholder.
    pub url: Option<String>,
    /// The mailbox to write to.
    pub email: Option<String>,
    /// What differs for single codes.
    #[serde(default, deserialize_with = "super::code::ordered")]
    pub by_code: Vec<(CodeKey, CodeRemoval)>,
    /// What the operator wants to see.
    #[serde(default)]
    pub requirements: Vec<String>,
    /// How long it takes.
    pub typical_time: Option<String>,
    /// What to do and what to avoid.
    pub policy_notes: Option<String>,
}

/// Removal of one code of a combined list.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeRemoval {
    /// The way it goes.
    pub method: Method,
    /// Who may ask, and when.
    pub note: String,
}

/// The ways off a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// A form that the listed party fills in.
    SelfServiceForm,
    /// A letter to the operator.
    Email,
    /// It ends by itself when the cause has ended.
    AutomaticExpiry,
    /// Only the owner of the network may ask.
    IspOnly,
    /// A form behind a login.
    AccountRequired,
    /// Money is asked for a faster way: wait instead.
    PaidExpressDiscouraged,
    /// There is nothing to be removed from, or no way at all.
    None,
    /// Not known.
    Unknown,
}

/// Who may ask a list.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// What public and open resolvers get.
    pub public_resolvers: Public,
    /// Whether the zone holds an access key.
    pub key_required: bool,
    /// Whether the resolver's address must be registered with the operator.
    #[serde(default)]
    pub registration_required: bool,
    /// What is free of charge.
    pub free_limit: Option<String>,
    /// Questions a second that the operator allows, for all its zones together; 0 means no limit.
    pub per_second: Option<u32>,
}

/// What a list gives to public and open resolvers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Public {
    /// Answers.
    Allowed,
    /// A refusal, or a false "not listed".
    Refused,
    /// Not known.
    Unknown,
}

/// Yes, no, or nobody said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ternary {
    /// Yes.
    Yes,
    /// No.
    No,
    /// Not known.
    Unknown,
}

/// Whether an operator keeps a list up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// In service.
    Active,
    /// Still answers, but is on its way out.
    Dying,
    /// Gone.
    Dead,
}

/// When a scan asks a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DefaultScan {
    /// In every scan.
    On,
    /// When a key or registration is there.
    OptIn,
    /// Only when named.
    Off,
}

/// How well an entry is supported by its sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Little.
    Low,
    /// Fairly.
    Medium,
    /// Well.
    High,
}

/// A reputation system without a public zone.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receiver {
    /// Stable kebab-case name.
    pub id: String,
    /// The name people know it by.
    pub name: String,
    /// Who runs it.
    pub operator: String,
    /// What it judges.
    pub target: Vec<Target>,
    /// What its verdicts mean.
    pub kind: Kind,
    /// How much mail depends on it.
    pub severity: Severity,
    /// Where it sits.
    pub why: String,
    /// Where a person looks an address up.
    pub lookup_url: Option<String>,
    /// How to be removed.
    pub delisting: Delisting,
    /// How well the entry is supported.
    pub confidence: Confidence,
    /// Keys of the catalogue's `sources`.
    pub sources: Vec<String>,
}

/// A zone about which little is known; asked only when named.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    /// Stable kebab-case name.
    pub id: String,
    /// Its zones.
    pub zones: Vec<String>,
    /// Who runs it, where known.
    pub operator: Option<String>,
    /// Where it is used.
    pub region: Option<String>,
    /// What is known.
    pub note: Option<String>,
    /// How well the entry is supported.
    pub confidence: Confidence,
    /// Keys of the catalogue's `sources`.
    pub sources: Vec<String>,
}

/// Zones that must never be asked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dead {
    /// Stable kebab-case name.
    pub id: String,
    /// Names of zones.
    pub names: Vec<String>,
    /// Whether every zone that ends with one of the names is meant.
    pub suffix: bool,
    /// Who ran it.
    pub operator: Option<String>,
    /// `dead`.
    pub status: Status,
    /// Since when.
    pub status_since: Option<String>,
    /// What it answers, or answered after its end.
    pub dead_behaviour: Option<String>,
    /// What asking it does to a scan.
    pub danger: Danger,
    /// What happened.
    pub why: String,
    /// How well the entry is supported.
    pub confidence: Confidence,
    /// Keys of the catalogue's `sources`.
    pub sources: Vec<String>,
}

/// What asking a dead zone does to a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Danger {
    /// It has answered, or can answer, "listed" for everybody.
    FalsePositive,
    /// It always says "not listed", or hangs.
    FalseClean,
    /// It exists to sell removals.
    Fraud,
    /// The operator asks not to be queried.
    Nuisance,
}
