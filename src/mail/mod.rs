//! Pure knowledge of the field of mail: no I/O, nothing that asks the world.

pub mod bounces;
pub mod causes;
pub mod dkim;
pub mod dmarc;
pub mod dnsbl;
pub mod events;
pub mod exchangers;
pub mod findings;
mod logs;
pub mod lookup;
pub mod marked;
pub mod mta_sts;
pub mod ntlm;
pub mod ptr;
pub mod rdap;
pub mod relay;
pub mod reply;
mod reports;
pub mod resolvers;
pub mod sasl;
pub mod spf;
pub mod tag_list;
pub mod trace;
pub mod vetting;
pub mod warm_up;
