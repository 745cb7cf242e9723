//! Metrics under their documented names, or nothing at all.

#[cfg(feature = "metrics")]
pub(crate) use self::on::{Counted, Telemetry};

#[cfg(not(feature = "metrics"))]
pub(crate) use self::off::{Counted, Telemetry};

#[cfg(feature = "metrics")]
mod on {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
    use watertight_core::{Metrics, Reason};

    /// Why a bulkhead refuses.
    const REASONS: [Reason; 4] = [
        Reason::Full,
        Reason::QueueFull,
        Reason::WaitedTooLong,
        Reason::DeadlinePassed,
    ];

    /// The metrics of one bulkhead, registered when a recorder is there; none for the share of a key.
    #[derive(Debug)]
    pub(crate) struct Telemetry(Option<Metrics<Box<Handles>>>);

    struct Handles {
        in_flight: Gauge,
        waiting: Gauge,
        limit: Gauge,
        waits: Histogram,
        refused: [Counter; REASONS.len()],
    }

    /// One unit of a gauge, taken off it when dropped: a call that came before the recorder is never taken off.
    #[derive(Debug, Default)]
    pub(crate) struct Counted(Option<Gauge>);

    impl Telemetry {
        pub(crate) const fn new() -> Self {
            Self(Some(Metrics::new()))
        }

        pub(crate) const fn off() -> Self {
            Self(None)
        }

        /// Whether a call in flight is counted: one that comes before the recorder is not taken off either.
        #[inline(always)]
        pub(crate) fn entered(&self, name: &'static str, limit: &AtomicUsize) -> bool {
            self.are_wanted() && self.put_on(name, limit)
        }

        /// Whether there was a gauge.
        #[inline(never)]
        fn put_on(&self, name: &'static str, limit: &AtomicUsize) -> bool {
            let handles = self.handles(name, limit);
            if let Some(handles) = handles {
                handles.in_flight.increment(1.0);
            }
            handles.is_some()
        }

        #[inline(never)]
        pub(crate) fn left(&self, name: &'static str, limit: &AtomicUsize) {
            if let Some(handles) = self.handles(name, limit) {
                handles.in_flight.decrement(1.0);
            }
        }

        pub(crate) fn waiting(&self, name: &'static str, limit: &AtomicUsize) -> Counted {
            Counted::new(self.handles(name, limit).map(|handles| &handles.waiting))
        }

        pub(crate) fn waited(&self, name: &'static str, limit: &AtomicUsize, waited: Duration) {
            if let Some(handles) = self.handles(name, limit) {
                handles.waits.record(waited);
            }
        }

        #[inline(always)]
        pub(crate) fn refused(&self, name: &'static str, limit: &AtomicUsize, reason: Reason) {
            if self.are_wanted() {
                self.count_refused(name, limit, reason);
            }
        }

        #[inline(never)]
        fn count_refused(&self, name: &'static str, limit: &AtomicUsize, reason: Reason) {
            if let Some(handles) = self.handles(name, limit) {
                let mut counted = REASONS.iter().zip(&handles.refused);
                let why = counted.find(|(known, _)| **known == reason);
                if let Some((_, counter)) = why {
                    counter.increment(1);
                }
            }
        }

        pub(crate) fn resized(&self, name: &'static str, limit: &AtomicUsize) {
            if let Some(handles) = self.handles(name, limit) {
                handles.limit.set(limit.load(Ordering::Relaxed) as f64);
            }
        }

        #[inline(always)]
        fn are_wanted(&self) -> bool {
            self.0.as_ref().is_some_and(Metrics::are_wanted)
        }

        fn handles(&self, name: &'static str, limit: &AtomicUsize) -> Option<&Handles> {
            let refused = |reason: Reason| counter!("bulkhead_rejected_total", "name" => name, "reason" => reason.as_str());
            let handles = self.0.as_ref()?.get(|| {
                let handles = Handles {
                    in_flight: gauge!("bulkhead_in_flight", "name" => name),
                    waiting: gauge!("bulkhead_waiting", "name" => name),
                    limit: gauge!("bulkhead_limit", "name" => name),
                    waits: histogram!("bulkhead_wait_duration_seconds", "name" => name),
                    refused: REASONS.map(refused),
                };
                handles.limit.set(limit.load(Ordering::Relaxed) as f64);
                Box::new(handles)
            });
            handles.map(AsRef::as_ref)
        }
    }

    impl Counted {
        fn new(gauge: Option<&Gauge>) -> Self {
            Self(gauge.map(|gauge| {
                gauge.increment(1.0);
                gauge.clone()
            }))
        }
    }

    impl Drop for Counted {
        fn drop(&mut self) {
            if let Some(gauge) = &self.0 {
                gauge.decrement(1.0);
            }
        }
    }

    impl std::fmt::Debug for Handles {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.debug_struct("Handles").finish_non_exhaustive()
        }
    }
}

#[cfg(not(feature = "metrics"))]
mod off {
    use std::{sync::atomic::AtomicUsize, time::Duration};

    use watertight_core::Reason;

    /// Nothing is measured without the feature `metrics`.
    #[derive(Debug)]
    pub(crate) struct Telemetry;

    #[derive(Debug, Default)]
    pub(crate) struct Counted;

    impl Telemetry {
        pub(crate) const fn new() -> Self {
            Self
        }

        pub(crate) const fn off() -> Self {
            Self
        }

        #[inline(always)]
        pub(crate) fn entered(&self, _: &'static str, _: &AtomicUsize) -> bool {
            false
        }

        #[inline(always)]
        pub(crate) fn left(&self, _: &'static str, _: &AtomicUsize) {}

        pub(crate) fn waiting(&self, _: &'static str, _: &AtomicUsize) -> Counted {
            Counted
        }

        pub(crate) fn waited(&self, _: &'static str, _: &AtomicUsize, _: Duration) {}

        pub(crate) fn refused(&self, _: &'static str, _: &AtomicUsize, _: Reason) {}

        pub(crate) fn resized(&self, _: &'static str, _: &AtomicUsize) {}
    }
}
