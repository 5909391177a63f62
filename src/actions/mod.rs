//! The actions: one file each, and one line in [`ACTIONS`].
//!
//! An action is one kind of work. Its name, summary, effect, arguments and outputs are told by the trait, and everything else
//! that speaks of actions (`mailmedic actions`, the JSON schema, the checks of a runbook, the reference) comes from there.
//!
//! To add one: write `src/actions/<name>.rs` with a unit struct that implements [`Action`], and add it to the list below.

mod address;
mod approval;
mod argument;
mod blacklist_scan;
mod certificate;
mod command_run;
mod connecting;
mod context;
mod controlled_mailbox;
mod delisting_draft;
mod delivery_probe;
#[cfg(test)]
mod desk;
mod document_render;
mod events_analyze;
mod hand_over;
mod http_request;
mod mailauth_check;
mod manual;
mod notify;
mod outbound_vet;
mod owner_lookup;
mod rdns_verify;
mod refused_login;
mod relay_test;
mod report;
mod reverse_zone;
#[cfg(test)]
mod scripted;
mod server_check;
mod smarthost_check;
mod target;
#[cfg(test)]
mod testing;
mod vantage_check;
mod wait;
mod web;

use std::future::Future;
use std::pin::Pin;

pub use argument::{Args, Argument, ArgumentError, Kind, Output};
pub use context::{ArtifactSink, Conditions, Context, Facts, Progress, Secrets, StepInfo, Vault};
pub use report::{ActionError, Next, Reconciled, Report, WaitFor};

pub use crate::record::Effect;

/// All actions, in the order of the reference.
pub static ACTIONS: &[&dyn Action] = &[
    &vantage_check::VantageCheck,
    &blacklist_scan::BlacklistScan,
    &rdns_verify::RdnsVerify,
    &owner_lookup::OwnerLookup,
    &outbound_vet::OutboundVet,
    &mailauth_check::MailauthCheck,
    &relay_test::RelayTest,
    &smarthost_check::SmarthostCheck,
    &delivery_probe::DeliveryProbe,
    &server_check::ServerCheck,
    &events_analyze::EventsAnalyze,
    &delisting_draft::DelistingDraft,
    &document_render::DocumentRender,
    &approval::Approval,
    &manual::Manual,
    &wait::Wait,
    &http_request::HttpRequest,
    &command_run::CommandRun,
    &notify::Notify,
];

/// One kind of work.
pub trait Action: Sync {
    /// Name in runbooks: `rdns.verify`.
    fn name(&self) -> &'static str;

    /// What it does, in one line without a full stop.
    fn summary(&self) -> &'static str;

    /// What it does to the world at most.
    fn effect(&self) -> Effect;

    /// What it does to the world with these arguments, where that differs: `relay.test` only looks unless its mode says
    /// otherwise. Arguments may still hold templates.
    fn effect_with(&self, _args: &Args) -> Effect {
        self.effect()
    }

    /// The arguments of `with:`.
    fn arguments(&self) -> &'static [Argument];

    /// The outputs that other steps and reports may build on.
    fn outputs(&self) -> &'static [Output];

    /// Does it. Called once an attempt, and again each time a wait is over.
    ///
    /// A verdict about the site is data in the [`Report`]; an error means that the step itself did not work.
    fn carry_out<'a>(&'a self, context: &'a Context<'a>) -> Work<'a>;

    /// Looks whether an attempt that a process left without an end was done, by the step's idempotency key, its Message-ID, or
    /// whatever else is the same for every try. It only looks; an error means that it cannot be told.
    fn reconcile<'a>(&'a self, _context: &'a Context<'a>) -> Look<'a> {
        let why = format!("{} has no way to look whether it was done", self.name());
        Box::pin(std::future::ready(Ok(Reconciled::CannotTell(why))))
    }
}

/// A look at what became of an attempt, as a boxed future.
pub type Look<'a> = Pin<Box<dyn Future<Output = Result<Reconciled, ActionError>> + Send + 'a>>;

/// The work of an action, as a boxed future.
pub type Work<'a> = Pin<Box<dyn Future<Output = Result<Next, ActionError>> + Send + 'a>>;

/// The action with this name.
pub fn find(name: &str) -> Option<&'static dyn Action> {
    ACTIONS.iter().copied().find(|action| action.name() == name)
}

/// The text of the workspace's `lists.yaml` that the actions go by; `None` when there is none, or it changes nothing.
pub fn lists_in_force() -> Option<&'static str> {
    crate::mail::dnsbl::amendments()
}
