//! All that a test knows of all endpoints. A step that waits notes it whole, and finds it again.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::screening::{self, Screening};
use super::trial::Trial;
use crate::actions::{ActionError, Context, Report, WaitFor};
use crate::mail::relay::session::Limits;
use crate::record::WaitKind;

/// Greylisting servers name minutes, the slow ones an hour.
const PATIENCE: Duration = Duration::from_secs(4 * 3600);
/// Servers count from their own clock.
const SLACK: Duration = Duration::from_secs(1);

/// What is known so far.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Inquiry {
    /// One for each endpoint and channel.
    pub(super) screenings: Vec<Screening>,
    /// Servers whose address is not known, with the reason.
    pub(super) lost: Vec<String>,
    /// What the test could not cover, and why.
    pub(super) notes: Vec<String>,
    /// The end of the round of messages that is under way.
    #[serde(default)]
    pub(super) round_until: Option<Timestamp>,
}

impl Inquiry {
    /// What the step noted before the wait that is over now; None when it did not wait. A `wait` that repeats this action
    /// hands its own note on, which is another one.
    pub(super) fn noted(context: &Context<'_>) -> Result<Option<Self>, ActionError> {
        let is_ours = |memo: &serde_json::Value| memo.get("screenings").is_some();
        let Some(wait) = context.step.wait.filter(|wait| is_ours(&wait.memo)) else {
            return Ok(None);
        };
        let mut inquiry: Self = serde_json::from_value(wait.memo.clone()).map_err(|error| {
            ActionError::because("cannot read what this step noted before its wait", error)
        })?;
        inquiry.screenings.iter_mut().for_each(Screening::judge);
        Ok(Some(inquiry))
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
    pub(super) async fn ask_again(&mut self, context: &Context<'_>, limits: &Limits) {
        let slow = self.screenings.iter().any(|screening| screening.cut_short);
        for screening in &mut self.screenings {
            if screening.cut_short || (screening.is_greylisted() && !slow) {
                screening::ask_again(context, screening, limits).await;
            }
        }
    }

    /// The wait that greylisting or slow servers call for; None when there is none, or no time left. `so_far` is the report that
    /// stands if nobody waits.
    pub(super) fn put_off(
        &self,
        context: &Context<'_>,
        so_far: &Report,
    ) -> Result<Option<WaitFor>, ActionError> {
        if let Some(wait) = self.slow(context, so_far)? {
            return Ok(Some(wait));
        }
        let put_off = || self.screenings.iter().filter(|s| s.is_greylisted());
        let Some(longest) = put_off().filter_map(|s| s.judgement.retry_after).max() else {
            return Ok(None);
        };
        let now = context.now();
        let deadline = match context.step.wait.and_then(|wait| wait.deadline) {
            Some(deadline) => deadline,
            None => later(
                now,
                context.args.duration("greylist_wait")?.unwrap_or(PATIENCE),
            )?,
        };
        if now >= deadline {
            return Ok(None);
        }
        let wake = later(now, Duration::from_secs(longest.into()) + SLACK)?.min(deadline);
        let places: Vec<String> = put_off().map(Screening::place).collect();
        let reason = format!(
            "greylisted by {}; asking the same again at {wake}",
            places.join(" and ")
        );
        self.wait(reason, wake, deadline, so_far).map(Some)
    }

    /// No wait at all, but another call: one call has a time limit, and a tarpit takes its time.
    fn slow(&self, context: &Context<'_>, so_far: &Report) -> Result<Option<WaitFor>, ActionError> {
        let slow = self.screenings.iter().filter(|s| s.cut_short);
        let places: Vec<String> = slow.map(Screening::place).collect();
        if places.is_empty() {
            return Ok(None);
        }
        let now = context.now();
        let deadline = match context.step.wait.and_then(|wait| wait.deadline) {
            Some(deadline) => deadline,
            None => later(now, PATIENCE)?,
        };
        if now >= deadline {
            return Ok(None);
        }
        let reason = format!(
            "{} answers slowly; the rest is asked now",
            places.join(" and ")
        );
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

/// A moment from now.
pub(super) fn later(now: Timestamp, by: Duration) -> Result<Timestamp, ActionError> {
    now.checked_add(by)
        .map_err(|error| ActionError::because("cannot wait that long", error))
}
