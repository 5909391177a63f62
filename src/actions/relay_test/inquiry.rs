//! All that a test knows of all endpoints. A step that waits notes it whole, and finds it again.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::account::Authenticated;
use super::asking::Call;
use super::ground::Ground;
use super::screening::{self, Channel, Screening};
use super::trial::Trial;
use crate::actions::target::{Target, Targets};
use crate::actions::{ActionError, Context, Report, WaitFor};
use crate::record::{Wait, WaitKind};

/// Greylisting servers name minutes, the slow ones an hour.
const PATIENCE: Duration = Duration::from_secs(4 * 3600);
/// Servers count from their own clock.
const SLACK: Duration = Duration::from_secs(1);

/// An endpoint that is to be tested.
type Place = (Target, Channel);

/// What is known so far.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Inquiry {
    /// One for each endpoint and channel.
    pub(super) screenings: Vec<Screening>,
    /// Endpoints that there was no time for yet.
    pub(super) ahead: VecDeque<Place>,
    /// Servers whose address is not known, with the reason.
    pub(super) lost: Vec<String>,
    /// What the test could not cover, and why.
    pub(super) notes: Vec<String>,
    /// What the accounts for tests may do; None before they were tried.
    #[serde(default)]
    pub(super) accounts: Option<Vec<Authenticated>>,
    /// The end of the round of messages that is under way.
    pub(super) round_until: Option<Timestamp>,
    /// How long a server that greylists is asked again.
    greylist_until: Option<Timestamp>,
    /// How long a server that answers slowly is asked on.
    slow_until: Option<Timestamp>,
}

impl Inquiry {
    /// All endpoints of these servers are to be tested.
    pub(super) fn begin(targets: Targets, notes: Vec<String>) -> Self {
        let first = |target: Target| match target.implicit_tls {
            true => (target, Channel::Implicit),
            false => (target, Channel::Clear),
        };
        Self {
            screenings: Vec::new(),
            ahead: targets.found.into_iter().map(first).collect(),
            lost: targets.lost,
            notes: [notes, targets.notes].concat(),
            accounts: None,
            round_until: None,
            greylist_until: None,
            slow_until: None,
        }
    }

    /// The note of a wait is one of this action. A `wait` that repeats it hands its own note on, which is another one.
    pub(super) fn is_noted_in(wait: &Wait) -> bool {
        wait.memo.get("screenings").is_some()
    }

    /// What the step noted before the wait that is over now; None when it did not wait.
    pub(super) fn noted(context: &Context<'_>) -> Result<Option<Self>, ActionError> {
        let Some(wait) = context.step.wait.filter(|wait| Self::is_noted_in(wait)) else {
            return Ok(None);
        };
        let mut inquiry: Self = serde_json::from_value(wait.memo.clone()).map_err(|error| {
            ActionError::because("cannot read what this step noted before its wait", error)
        })?;
        inquiry.screenings.iter_mut().for_each(Screening::judge);
        Ok(Some(inquiry))
    }

    /// Tests the endpoints that are left, while there is time. Where STARTTLS is offered, both channels are: in clear, then under TLS.
    pub(super) async fn screen(&mut self, context: &Context<'_>, ground: &Ground, call: &Call) {
        while !call.is_over()
            && let Some((target, channel)) = self.ahead.pop_front()
        {
            // A server that has had enough of us in clear is not asked again under TLS.
            let unwelcome = |screening: &Screening| {
                screening.target.address == target.address
                    && screening.stop.is_some_and(|s| !s.allows_other_channels())
            };
            if self.screenings.iter().any(unwelcome) {
                continue;
            }
            let screening = screening::screen(context, &target, channel, ground, call).await;
            if channel == Channel::Clear && screening.starttls_offered {
                self.ahead.push_front((target, Channel::Starttls));
            }
            self.screenings.push(screening);
        }
    }

    /// The messages of all endpoints.
    pub(super) fn trials(&self) -> impl Iterator<Item = &Trial> {
        self.screenings.iter().flat_map(Screening::trials)
    }

    /// The messages of all endpoints.
    pub(super) fn trials_mut(&mut self) -> impl Iterator<Item = &mut Trial> {
        self.screenings.iter_mut().flat_map(Screening::trials_mut)
    }

    /// Asks on where there was no time for all, and again whatever a greylisting server has put off.
    pub(super) async fn ask_again(&mut self, context: &Context<'_>, call: &Call) {
        let slow = self.is_unfinished();
        for screening in &mut self.screenings {
            let due = screening.cut_short || (screening.is_greylisted() && !slow);
            if due && !call.is_over() {
                screening::ask_again(context, screening, call).await;
            }
        }
    }

    /// There was no time to ask all.
    fn is_unfinished(&self) -> bool {
        !self.ahead.is_empty() || self.screenings.iter().any(|s| s.cut_short)
    }

    /// The wait that greylisting or slow servers call for; None when there is none, or no time left. `so_far` is the report that
    /// stands if nobody waits.
    pub(super) fn put_off(
        &mut self,
        context: &Context<'_>,
        so_far: &Report,
    ) -> Result<Option<WaitFor>, ActionError> {
        if let Some(wait) = self.slow(context, so_far)? {
            return Ok(Some(wait));
        }
        let put_off: Vec<&Screening> = self
            .screenings
            .iter()
            .filter(|s| s.is_greylisted())
            .collect();
        let Some(longest) = put_off.iter().filter_map(|s| s.judgement.retry_after).max() else {
            return Ok(None);
        };
        let places: Vec<String> = put_off.iter().map(|s| s.place()).collect();
        let deadline = match self.greylist_until {
            Some(deadline) => deadline,
            None => context.later(context.args.duration("greylist_wait")?.unwrap_or(PATIENCE))?,
        };
        self.greylist_until = Some(deadline);
        if context.now() >= deadline {
            return Ok(None);
        }
        let wake = context
            .later(Duration::from_secs(longest.into()) + SLACK)?
            .min(deadline);
        let reason = format!(
            "greylisted by {}; asking the same again at {wake}",
            places.join(" and ")
        );
        self.wait(reason, wake, deadline, so_far).map(Some)
    }

    /// No wait at all, but another call: one call has a time limit, and a tarpit takes its time.
    fn slow(
        &mut self,
        context: &Context<'_>,
        so_far: &Report,
    ) -> Result<Option<WaitFor>, ActionError> {
        if !self.is_unfinished() {
            return Ok(None);
        }
        let now = context.now();
        let deadline = match self.slow_until {
            Some(deadline) => deadline,
            None => context.later(PATIENCE)?,
        };
        self.slow_until = Some(deadline);
        if now >= deadline {
            return Ok(None);
        }
        let slow = self.screenings.iter().filter(|s| s.cut_short);
        let slow: Vec<String> = slow.map(Screening::place).collect();
        let reason = match slow.is_empty() {
            true => format!(
                "{} endpoints are left, and are tested now",
                self.ahead.len()
            ),
            false => format!(
                "{} answers slowly; the rest is asked now",
                slow.join(" and ")
            ),
        };
        self.wait(reason, now, deadline, so_far).map(Some)
    }

    /// A wait with all of this noted.
    pub(super) fn wait(
        &self,
        reason: String,
        wake: Timestamp,
        deadline: Timestamp,
        so_far: &Report,
    ) -> Result<WaitFor, ActionError> {
        let memo = serde_json::to_value(self)
            .map_err(|error| ActionError::because("cannot note what was asked", error))?;
        Ok(WaitFor {
            kind: WaitKind::Time,
            reason,
            wake: Some(wake),
            deadline: Some(deadline),
            memo,
            so_far: Some(Box::new(so_far.clone())),
        })
    }
}
