//! mailmedic: the remediation runbook engine for mail servers that the world has stopped trusting.
//!
//! # The layers
//!
//! Imports point one way; `tests/layering.rs` keeps it so.
//!
//! ```text
//! cli        arguments, wiring, exit codes; the only place that prints
//! settings   flags + environment + file -> settings
//! report     record -> stable view -> terminal, Markdown, HTML, PDF, JSON
//! engine     plan (pure), executor, recovery, decisions
//! store      trait Store: journals (the truth), sled (an index that may be lost), artifacts
//! runbook    model, parse, validate, conditions (CEL), texts (handlebars), schema
//! actions    one file an action, and the list ACTIONS
//! probes     the one door to the world: DNS, SMTP, IMAP, HTTP, commands, the clock
//! practice   a mail world on loopback, for `demo`, rehearsals and tests
//! mail       pure knowledge of the field: lists, reverse names, relay variants, replies, logs, causes
//! record     events, the function that folds them, findings; imports nothing of ours
//! site       the site file
//! templates  document templates: shipped ones, and a folder of the user's own
//! error_chain errors on one line
//! spread     the same work on many things, on all processors
//! yaml       the one place that knows the YAML reader; diagnostics that show the place
//! ```
//!
//! # The life of a run
//!
//! `cli` loads the settings and the site file. `runbook::load` reads the runbook and checks it: all faults at once, each with
//! its place. [`engine::plan`] makes the first event, [`engine::TakenUp::new`] writes it; from then on the run can be resumed
//! whatever happens. [`engine::Worker::work`] goes on until nothing can go on: it reads off the state what can happen next,
//! appends each event to the store, *then* acts, then appends the outcome. [`record::next`] is the one function that moves the
//! state; executor, resume, decisions and reports all fold events with it. A step that waits for a person or a date is an
//! event too, and the process may end; a decision is appended to the same journal by whoever brings it.
//!
//! # Where to add things
//!
//! * An action: a file in `src/actions/` and a line in [`actions::ACTIONS`]. Its arguments, outputs, help and schema follow.
//! * A finding code: an entry in `src/mail/data/findings.yaml`.
//! * A list, a reply wording, a cause: an entry in `src/mail/data/`.
//! * A runbook or a template: a file in `runbooks/` or `templates/`.

pub mod actions;
pub mod cli;
pub mod engine;
pub mod error_chain;
pub mod mail;
pub mod practice;
pub mod probes;
pub mod record;
pub mod report;
pub mod runbook;
pub mod settings;
pub mod site;
pub mod spread;
pub mod store;
pub mod templates;
pub mod yaml;
