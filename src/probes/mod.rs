//! The one door to the world: DNS, SMTP, HTTP, commands and the clock. Everything that looks at or
//! touches something outside the process goes through [`Probes`], which comes in by argument.

pub mod clock;
pub mod dns;
