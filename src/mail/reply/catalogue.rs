//! The catalogue of refusal wordings: the embedded data file, read, checked and made ready to match.

use std::net::IpAddr;
use std::sync::{LazyLock, OnceLock};

use ipnet::IpNet;
use regex::bytes::{Captures, Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use serde::Deserialize;

use super::class::{Class, Retry};
use super::classify::Certainty;
use super::remedy::Remedy;
use super::status::EnhancedStatus;

const DATA: &str = include_str!("../data/smtp-replies.yaml");

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(embedded);

/// The catalogue that ships with the program; compiled at first use.
pub fn catalogue() -> &'static Catalogue {
    &CATALOGUE
}

/// All known wordings, in the order in which they are tried.
#[derive(Debug)]
pub struct Catalogue {
    /// Wordings of single receivers first, then general ones, then cues.
    pub patterns: Vec<Pattern>,
    /// Who runs a host, when no wording tells.
    pub fallbacks: Vec<Fallback>,
    codes: Vec<ProviderCodes>,
    set: RegexSet,
    hosts: RegexSet,
    host_owner: Vec<usize>,
    /// The hosts to which wordings are narrowed.
    narrowed: RegexSet,
}

/// One wording.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pattern {
    /// Stable name, `ms365-banned-ip`.
    pub id: String,
    /// Who writes so; `any` when it tells nothing.
    pub receiver: String,
    #[serde(default)]
    mx: Vec<String>,
    pattern: String,
    /// What the reply means.
    pub class: Class,
    /// A finer word within the class: `third-party`, `unknown-sender`, `recipient-policy`.
    pub kind: String,
    /// Whether trying again can help.
    pub retry: Retry,
    /// The meaning in a sentence.
    pub meaning: String,
    /// What helps at this receiver.
    pub remedy: Remedy,
    /// How sure the entry is.
    pub confidence: Certainty,
    /// Replies that this entry must be the first to match.
    pub samples: Vec<String>,
    #[serde(skip)]
    compiled: OnceLock<Option<Regex>>,
    #[serde(skip)]
    peers: OnceLock<Option<RegexSet>>,
}

impl Pattern {
    /// Whether the entry is a receiver's own wording, not a general one.
    pub fn is_of_a_receiver(&self) -> bool {
        !self.receiver.starts_with("any") && !self.receiver.starts_with("filter that")
    }

    /// Whether the entry belongs to named peers, and if so whether this peer is one.
    /// `None`: the entry is for any peer.
    pub(super) fn peer_agrees(&self, peer: &str) -> Option<bool> {
        if self.mx.is_empty() {
            return None;
        }
        let set = self.peers.get_or_init(|| RegexSet::new(&self.mx).ok());
        set.as_ref()
            .map(|set| set.is_match(peer.trim_end_matches('.').as_bytes()))
    }

    pub(super) fn captures<'h>(&self, line: &'h str) -> Option<Captures<'h>> {
        let compiled = self
            .compiled
            .get_or_init(|| builder(&self.pattern).build().ok());
        compiled.as_ref()?.captures(line.as_bytes())
    }
}

/// Who runs a host: a hint for the case that no wording matched, never a verdict.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fallback {
    /// Stable name, `libero`.
    pub id: String,
    /// The organisation.
    pub receiver: String,
    hosts: Vec<String>,
    /// Address blocks, for when only an address is known.
    #[serde(default)]
    pub networks: Vec<IpNet>,
    /// What to keep in mind about these addresses.
    #[serde(default)]
    pub note: Option<String>,
    /// Where to turn to.
    pub remedy: Remedy,
    /// How sure the entry is.
    pub confidence: Certainty,
}

/// What is known of a peer by its name or address; see [`Catalogue::kin`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Kin<'c> {
    /// It is known by a name.
    named: bool,
    /// Who runs it.
    owner: Option<&'c str>,
    /// Names to which wordings are narrowed that fit it.
    entries: Vec<usize>,
}

/// Codes that one receiver uses in another meaning than the registry's.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProviderCodes {
    receiver: String,
    codes: Vec<String>,
    class: Class,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: u32,
    #[expect(dead_code, reason = "for the reader of the file")]
    compiled: String,
    patterns: Vec<Pattern>,
    provider_codes: Vec<ProviderCodes>,
    host_fallbacks: Vec<Fallback>,
}

/// A catalogue file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// Not the expected form.
    #[error("cannot read the catalogue of SMTP replies")]
    Form(#[source] Box<serde_saphyr::Error>),
    /// Of another version.
    #[error("the catalogue of SMTP replies has schema {0}, this program reads schema 1")]
    Schema(u32),
    /// A wording that is no valid regular expression.
    #[error("a pattern of the catalogue of SMTP replies does not compile")]
    Pattern(#[from] regex::Error),
}

impl Catalogue {
    /// Reads a catalogue file.
    ///
    /// # Errors
    /// When the text is not of the expected form or a pattern does not compile.
    pub fn read(text: &str) -> Result<Self, CatalogueError> {
        let file: File =
            serde_saphyr::from_str(text).map_err(|e| CatalogueError::Form(Box::new(e)))?;
        if file.schema != 1 {
            return Err(CatalogueError::Schema(file.schema));
        }
        // ASCII matching: the wordings are ASCII, and the automaton stays small enough to be fast.
        let set = RegexSetBuilder::new(file.patterns.iter().map(|p| p.pattern.as_str()))
            .unicode(false)
            .size_limit(64 << 20)
            .dfa_size_limit(64 << 20)
            .build()?;
        let mut host_owner = Vec::new();
        let mut hosts = Vec::new();
        for (index, fallback) in file.host_fallbacks.iter().enumerate() {
            for host in &fallback.hosts {
                hosts.push(host.as_str());
                host_owner.push(index);
            }
        }
        let hosts = RegexSetBuilder::new(hosts).unicode(false).build()?;
        let narrowed = file.patterns.iter().flat_map(|pattern| &pattern.mx);
        let narrowed = RegexSet::new(narrowed)?;
        Ok(Self {
            patterns: file.patterns,
            fallbacks: file.host_fallbacks,
            codes: file.provider_codes,
            set,
            hosts,
            host_owner,
            narrowed,
        })
    }

    /// Who runs a host, by its name or, last, by its address.
    pub fn owner(&self, peer: &str) -> Option<&Fallback> {
        let peer = peer.trim().trim_matches(['[', ']', '.']);
        if let Ok(address) = peer.parse::<IpAddr>() {
            return self
                .fallbacks
                .iter()
                .find(|f| f.networks.iter().any(|net| net.contains(&address)));
        }
        let first = self.hosts.matches(peer.as_bytes()).iter().next()?;
        self.fallbacks.get(*self.host_owner.get(first)?)
    }

    /// All that a classification takes from the name of a peer: what two of the same kin say alike is of the same class.
    pub fn kin(&self, peer: &str) -> Kin<'_> {
        let bare = peer.trim_matches(['[', ']']);
        let named = bare.parse::<IpAddr>().is_err();
        let entries = self.narrowed.matches(peer.trim_end_matches('.').as_bytes());
        Kin {
            named,
            owner: self.owner(peer).map(|owner| owner.id.as_str()),
            entries: entries.iter().collect(),
        }
    }

    /// The entries whose wording matches, in file order.
    pub(super) fn matching(&self, line: &str) -> impl Iterator<Item = &Pattern> {
        let hits: Vec<usize> = self.set.matches(line.as_bytes()).iter().collect();
        hits.into_iter()
            .filter_map(|index| self.patterns.get(index))
    }

    /// The class of a code that this receiver uses in its own way. Details from 100 up are outside
    /// the registry and only one receiver uses them, so they count without a known peer too.
    pub(super) fn provider_class(
        &self,
        owner: Option<&str>,
        status: EnhancedStatus,
    ) -> Option<Class> {
        let applies = |row: &&ProviderCodes| match owner {
            Some(owner) => owner.starts_with(&row.receiver) || row.receiver.starts_with(owner),
            None => status.detail >= 100,
        };
        self.codes
            .iter()
            .filter(applies)
            .find(|row| row.codes.iter().any(|code| covers(code, status)))
            .map(|row| row.class)
    }
}

/// Whether a code of the data file (`5.7.606-649`, `x.7.23`) covers a status.
fn covers(code: &str, status: EnhancedStatus) -> bool {
    let mut parts = code.splitn(3, '.');
    let (Some(class), Some(subject), Some(detail)) = (parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let class_fits = class == "x" || class.parse() == Ok(status.class);
    let detail_fits = match detail.split_once('-') {
        Some((low, high)) => match (low.parse::<u16>(), high.parse::<u16>()) {
            (Ok(low), Ok(high)) => (low..=high).contains(&status.detail),
            _ => false,
        },
        None => detail.parse() == Ok(status.detail),
    };
    class_fits && subject.parse() == Ok(status.subject) && detail_fits
}

fn builder(pattern: &str) -> RegexBuilder {
    let mut builder = RegexBuilder::new(pattern);
    builder.unicode(false);
    builder
}

/// The embedded file is a part of the program; a fault in it shows in the first test.
#[expect(
    clippy::expect_used,
    reason = "the embedded catalogue is checked by the tests"
)]
fn embedded() -> Catalogue {
    Catalogue::read(DATA).expect("the embedded catalogue of SMTP replies is valid")
}
