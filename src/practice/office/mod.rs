//! The default scenario.
