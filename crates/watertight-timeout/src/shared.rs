use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::time::Instant;
use watertight_core::{Component, ComponentSnapshot, EventSource};

use crate::{
    event::{Phase, TimeoutEvent},
    snapshot::{KIND, Snapshot},
};

/// What the clones of a named timeout share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) name: &'static str,
    pub(crate) events: EventSource<TimeoutEvent>,
    /// In nanoseconds; the largest number is without end.
    duration: AtomicU64,
    elapsed: [AtomicU64; Phase::ALL.len()],
    generation: AtomicU64,
    #[cfg(feature = "metrics")]
    metrics: watertight_core::Metrics<[metrics::Counter; Phase::ALL.len()]>,
}

impl Shared {
    pub(crate) fn new(name: &'static str, duration: Duration) -> Self {
        Self {
            name,
            events: EventSource::new(KIND),
            duration: AtomicU64::new(nanos(duration)),
            elapsed: Default::default(),
            generation: AtomicU64::new(0),
            #[cfg(feature = "metrics")]
            metrics: watertight_core::Metrics::new(),
        }
    }

    pub(crate) fn duration(&self) -> Duration {
        match self.duration.load(Ordering::Relaxed) {
            u64::MAX => Duration::MAX,
            nanos => Duration::from_nanos(nanos),
        }
    }

    pub(crate) fn set(&self, duration: Duration) {
        let from = self.duration();
        self.duration.store(nanos(duration), Ordering::Relaxed);
        self.generation.fetch_add(1, Ordering::Relaxed);
        self.tell(TimeoutEvent::Changed { from, to: duration });
    }

    pub(crate) fn count(&self, phase: Phase) {
        self.elapsed[phase as usize].fetch_add(1, Ordering::Relaxed);
        #[cfg(feature = "metrics")]
        self.count_metric(phase);
        #[cfg(feature = "tracing")]
        tracing::debug!(
            name = self.name,
            phase = phase.as_str(),
            "a call took too long"
        );
        if self.events.is_heard() {
            self.tell(TimeoutEvent::Elapsed { phase });
        }
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let elapsed = self
            .elapsed
            .each_ref()
            .map(|count| count.load(Ordering::Relaxed));
        Snapshot::new(self.name, self.duration(), elapsed)
    }

    #[cfg(feature = "metrics")]
    fn count_metric(&self, phase: Phase) {
        let register = |phase: Phase| metrics::counter!("timeout_elapsed_total", "name" => self.name, "phase" => phase.as_str());
        if let Some(counters) = self.metrics.get(|| Phase::ALL.map(register)) {
            counters[phase as usize].increment(1);
        }
    }

    fn tell(&self, event: TimeoutEvent) {
        let generation = self.generation.load(Ordering::Relaxed);
        self.events
            .emit(self.name, generation, Instant::now(), event);
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

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
