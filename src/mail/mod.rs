//! Pure knowledge of the field: no I/O, no clock, nothing of the layers above.

pub mod relay;
