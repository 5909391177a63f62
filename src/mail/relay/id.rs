//! Ids of variants, read back from what a step noted before a wait: only those that the catalogue knows.

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::catalogue::{CONTROLS, VARIANTS};

/// A letter for the family and two digits, as the catalogue has it. The name keeps serde from borrowing it from its input.
pub type Id = &'static str;

/// Reads one id.
pub(super) fn one<'de, D: Deserializer<'de>>(from: D) -> Result<Id, D::Error> {
    known(&String::deserialize(from)?)
}

/// Reads a list of ids.
pub(super) fn several<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Id>, D::Error> {
    let ids = Vec::<String>::deserialize(from)?;
    ids.iter().map(|id| known(id)).collect()
}

fn known<E: Error>(id: &str) -> Result<Id, E> {
    let mut all = CONTROLS.iter().chain(VARIANTS).map(|variant| variant.id);
    all.find(|known| *known == id)
        .ok_or_else(|| E::custom(format!("this version knows no relay variant {id:?}")))
}
