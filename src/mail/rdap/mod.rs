//! The registries of addresses: which one knows an address (RFC 9224), and what it says about the network (RFC 9083).
//!
//! Pure: it reads what was fetched. Registries answer in JSON of many shapes; what is missing or odd is left out, and an
//! answer about another network than the one asked for is refused.

mod bootstrap;
mod contact;
mod network;

pub use bootstrap::{BOOTSTRAP, Bootstrap, bootstrap_file};
pub use contact::Contact;
pub use network::{MEDIA_TYPE, Network, query_url, refusal};

/// Why a registry's answer is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RdapFault {
    /// It cannot be read.
    #[error("the answer is no JSON: {0}")]
    NoJson(String),
    /// Something that must be there is missing or odd.
    #[error("{0}")]
    Shape(String),
}

/// Characters of a text that are kept: names and lines of an address, not prose.
const LONGEST: usize = 200;

/// A text of a registry as one clean line.
fn clean(text: &str) -> String {
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ").chars().take(LONGEST).collect()
}
