//! Pure knowledge of the field: replies, log formats, causes. No I/O.

pub mod causes;
pub mod events;
pub mod reply;
