//! Does a server pass on mail for strangers? The knowledge behind `relay.test`, without a socket.
//!
//! The way through, in reading order:
//!
//! 1. [`names`]: the checked names a test needs (nothing else can get into a command line);
//! 2. [`variant`] and [`catalogue`]: what can be tried, as data;
//! 3. [`probe`]: a variant and the names become the lines to send, or a reason why not;
//! 4. [`session`]: which probes share a connection, how fast, and when to stop;
//! 5. [`answer`]: what one reply says about relaying;
//! 6. [`ladder`]: what all answers of an endpoint prove, and what they do not;
//! 7. [`trial`]: which accepted attempts are worth a real message, in prove mode;
//! 8. [`vantage`]: whether the place of the tester allows a verdict at all.
//!
//! A reply to RCPT is a screen, never a proof: the word "open" needs a message that arrived.

pub mod answer;
pub mod catalogue;
pub mod id;
pub mod ladder;
pub mod names;
pub mod probe;
pub mod session;
pub mod trial;
pub mod vantage;
pub mod variant;
