//! Pure knowledge of the field of mail: no I/O, nothing that asks the world.

pub mod dnsbl;
pub mod ptr;
pub mod relay;
