//! Pure knowledge of the field of mail: no I/O, nothing that asks the world.

pub mod causes;
pub mod dnsbl;
pub mod events;
pub mod findings;
pub mod marked;
pub mod lookup;
pub mod ptr;
pub mod relay;
pub mod reply;
pub mod sasl;
pub mod trace;
pub mod spf;
