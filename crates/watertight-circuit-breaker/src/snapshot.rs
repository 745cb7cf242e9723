use std::sync::Arc;

use tokio::time::Instant;
use watertight_core::{Component, ComponentSnapshot, Value};

use crate::{
    event::Trip,
    machine::{Look, Round, State, Tally},
    shared::Shared,
    sync::{AtomicU64, Ordering},
};

/// The kind under which a registry knows circuit breakers.
pub(crate) const KIND: &str = "circuit_breaker";

/// What there is to see of a circuit breaker.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Snapshot {
    /// Its name.
    pub name: &'static str,
    /// Its state. Transitions that are due by time happen with the next call.
    pub state: State,
    /// Since when, in tokio's time.
    pub since: Instant,
    /// How often the state has changed.
    pub generation: u32,
    /// When an open circuit takes its first probe, a forced one ends by itself, or a round of probes is written off.
    pub retry_at: Option<Instant>,
    /// What the sliding window adds up to.
    pub window: WindowTotals,
    /// The probes of a half-open circuit.
    pub probes: Round,
    /// Openings in a row, by which the wait grows.
    pub openings: u32,
    /// Calls by how they ended, since the breaker was made.
    pub counts: Counts,
    /// When and why it last opened by itself.
    pub last_trip: Option<Trip>,
    /// What the operator said who holds it open.
    pub note: Option<Arc<str>>,
}

/// What a sliding window adds up to.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct WindowTotals {
    /// Calls in the window.
    pub calls: u32,
    /// Calls that failed.
    pub failures: u32,
    /// Calls that were slow.
    pub slow: u32,
    /// The share of failures, once the minimum of calls is reached.
    pub failure_rate: Option<f64>,
    /// The share of slow calls, once the minimum of calls is reached.
    pub slow_call_rate: Option<f64>,
}

/// Calls by how they ended.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Counts {
    /// Calls that succeeded.
    pub successes: u64,
    /// Calls that failed.
    pub failures: u64,
    /// Calls that said nothing.
    pub ignored: u64,
    /// Calls whose caller went away.
    pub cancelled: u64,
    /// Calls whose result came after the state had changed, and counted for nothing.
    pub late: u64,
    /// Calls that were refused.
    pub refused: u64,
}

impl Shared {
    pub(crate) fn snapshot(&self) -> Snapshot {
        let rules = self.rules.load();
        let look = self.machine.look(self.at(self.now(), &rules));
        let Look {
            state,
            generation,
            when,
            round,
            sums,
            openings,
        } = look;
        let share = |part: u32| {
            let known = sums.total >= rules.effective_minimum();
            known.then(|| f64::from(part) / f64::from(sums.total))
        };
        let due = matches!(state, State::Open | State::HalfOpen | State::ForcedOpen);
        let story = self.story();
        Snapshot {
            name: self.name,
            state,
            since: self.start + story.since.elapsed(),
            generation,
            retry_at: when.filter(|_| due).and_then(|when| self.instant(when)),
            window: WindowTotals {
                calls: sums.total,
                failures: sums.failed,
                slow: sums.slow,
                failure_rate: share(sums.failed),
                slow_call_rate: share(sums.slow),
            },
            probes: round,
            openings,
            counts: self.counted(),
            last_trip: story.last_trip,
            note: story.note,
        }
    }

    fn counted(&self) -> Counts {
        let counts = &self.counts;
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counts {
            successes: self.sum(Tally::successes) + count(&counts.successes),
            failures: count(&counts.failures),
            ignored: count(&counts.ignored),
            cancelled: count(&counts.cancelled),
            late: count(&counts.late),
            refused: self.sum(Tally::refused),
        }
    }
}

impl Component for Shared {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn name(&self) -> &str {
        self.name
    }

    fn snapshot(&self) -> ComponentSnapshot {
        ComponentSnapshot::from(&Self::snapshot(self))
    }
}

impl From<&Snapshot> for ComponentSnapshot {
    fn from(snapshot: &Snapshot) -> Self {
        let Snapshot {
            window,
            counts,
            probes,
            ..
        } = snapshot;
        let rate = |rate: Option<f64>| rate.map_or(Value::Unknown, Value::Ratio);
        let now = Instant::now();
        let retry_in = snapshot
            .retry_at
            .map(|at| at.saturating_duration_since(now));
        let trip = snapshot
            .last_trip
            .map(|trip| Value::Text(trip.why.as_str().into()));
        let note = snapshot
            .note
            .as_deref()
            .map(|note| Value::Text(note.into()));
        let fields = vec![
            ("state", Value::Text(snapshot.state.as_str().into())),
            (
                "state_for",
                Value::Time(now.saturating_duration_since(snapshot.since)),
            ),
            ("retry_in", retry_in.map_or(Value::Unknown, Value::Time)),
            ("window_calls", Value::Count(window.calls.into())),
            ("window_failures", Value::Count(window.failures.into())),
            ("window_slow", Value::Count(window.slow.into())),
            ("failure_rate", rate(window.failure_rate)),
            ("slow_call_rate", rate(window.slow_call_rate)),
            ("probes_out", Value::Count(probes.out.into())),
            ("successes", Value::Count(counts.successes)),
            ("failures", Value::Count(counts.failures)),
            ("ignored", Value::Count(counts.ignored)),
            ("cancelled", Value::Count(counts.cancelled)),
            ("late", Value::Count(counts.late)),
            ("refused", Value::Count(counts.refused)),
            ("last_trip", trip.unwrap_or(Value::Unknown)),
            ("note", note.unwrap_or(Value::Unknown)),
        ];
        Self::new(KIND, snapshot.name, fields)
    }
}
