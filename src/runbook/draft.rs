//! A runbook as it was written: fields typed, places kept, names not yet looked up.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Amount, Input, Lock, OnInterrupt, Rollout};
use crate::record::{Effect, Section};
use crate::site::SecretRef;
use crate::yaml::{Key, Node, Span};

/// A value and the place it was written at.
#[derive(Debug, Clone)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) span: Span,
}

impl<T> At<T> {
    pub(super) fn new(value: T, span: Span) -> Self {
        At { value, span }
    }
}

/// A runbook as it was written.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) inputs: Vec<Input>,
    pub(super) secrets: BTreeMap<String, SecretRef>,
    pub(super) timeout: Option<Duration>,
    pub(super) retry: DraftRetry,
    pub(super) rollout: Rollout,
    pub(super) lock: Lock,
    pub(super) steps: Vec<DraftStep>,
    pub(super) verify: Vec<At<String>>,
    pub(super) report: Option<At<String>>,
}

/// A step as it was written.
#[derive(Debug)]
pub(super) struct DraftStep {
    pub(super) id: At<String>,
    pub(super) title: Option<String>,
    pub(super) description: Option<String>,
    pub(super) section: Section,
    pub(super) action: At<String>,
    pub(super) with: Vec<(Key, Node)>,
    pub(super) when: Option<At<String>>,
    pub(super) needs: Option<Vec<At<String>>>,
    pub(super) timeout: Option<At<Duration>>,
    pub(super) retry: Option<At<DraftRetry>>,
    pub(super) continue_on_error: bool,
    pub(super) foreach: Option<DraftForeach>,
    pub(super) effect: Option<At<Effect>>,
    pub(super) on_interrupt: Option<At<OnInterrupt>>,
}

/// `retry` as it was written; what is absent comes from `defaults`.
#[derive(Debug, Clone, Default)]
pub(super) struct DraftRetry {
    pub(super) attempts: Option<u32>,
    pub(super) delay: Option<Duration>,
    pub(super) when: Option<At<String>>,
}

/// `foreach` as it was written.
#[derive(Debug)]
pub(super) struct DraftForeach {
    pub(super) items: Node,
    pub(super) alias: At<String>,
    pub(super) max_concurrent: Option<u32>,
}

/// Amounts as they are written: `10`, `5%`.
pub(super) fn amount(text: &str) -> Option<Amount> {
    let percent: u8 = text.strip_suffix('%')?.trim().parse().ok()?;
    (percent <= 100).then_some(Amount::Percent(percent))
}
