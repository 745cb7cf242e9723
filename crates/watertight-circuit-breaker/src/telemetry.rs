//! Metrics under their documented names, or nothing at all.

#[cfg(feature = "metrics")]
pub(crate) use self::on::{OUTCOMES, Telemetry, show};

#[cfg(not(feature = "metrics"))]
pub(crate) use self::off::Telemetry;

/// How a call ended, as a metric label.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ended {
    Success,
    Failure,
    Ignored,
    Cancelled,
    Late,
    Refused,
}

#[cfg(feature = "metrics")]
mod on {
    use std::time::Duration;

    use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
    use watertight_core::Metrics;

    use super::Ended;
    use crate::machine::{Machine, State, Why};

    /// In the order of [`Ended`].
    pub(crate) const OUTCOMES: [&str; 6] = [
        "success",
        "failure",
        "ignored",
        "cancelled",
        "late",
        "refused",
    ];

    /// The metrics of one breaker, registered when a recorder is there.
    #[derive(Debug)]
    pub(crate) struct Telemetry {
        handles: Metrics<Box<Handles>>,
        one_of_many: bool,
    }

    struct Handles {
        calls: [Counter; OUTCOMES.len()],
        durations: [Histogram; OUTCOMES.len()],
        /// None for one of many breakers of a name: their calls add up, their states do not.
        states: Option<[Gauge; State::ALL.len()]>,
    }

    impl Telemetry {
        pub(crate) const fn new(one_of_many: bool) -> Self {
            let handles = Metrics::new();
            Self {
                handles,
                one_of_many,
            }
        }

        #[inline(always)]
        pub(crate) fn count(&self, name: &'static str, machine: &Machine, ended: Ended) {
            if self.handles.are_wanted() {
                self.count_wanted(name, machine, ended);
            }
        }

        #[inline(never)]
        fn count_wanted(&self, name: &'static str, machine: &Machine, ended: Ended) {
            if let Some(handles) = self.handles(name, machine) {
                handles.calls[ended as usize].increment(1);
            }
        }

        #[inline]
        pub(crate) fn record(
            &self,
            name: &'static str,
            machine: &Machine,
            (ended, took): (Ended, Duration),
        ) {
            if let Some(handles) = self.handles(name, machine) {
                handles.durations[ended as usize].record(took);
            }
        }

        pub(crate) fn transition(
            &self,
            name: &'static str,
            machine: &Machine,
            (from, to, why): (State, State, Why),
        ) {
            if let Some(handles) = self.handles(name, machine) {
                let labels = [
                    ("name", name),
                    ("from", from.as_str()),
                    ("to", to.as_str()),
                    ("reason", why.as_str()),
                ];
                counter!("circuit_breaker_transitions_total", &labels).increment(1);
                handles.show(machine.state());
            }
        }

        fn handles(&self, name: &'static str, machine: &Machine) -> Option<&Handles> {
            let handles = self.handles.get(|| {
                let handles = Box::new(Handles::register(name, self.one_of_many));
                handles.show(machine.state());
                handles
            });
            handles.map(AsRef::as_ref)
        }
    }

    impl Handles {
        fn register(name: &'static str, one_of_many: bool) -> Self {
            Self {
                calls: OUTCOMES.map(|outcome| {
                    counter!("circuit_breaker_calls_total", "name" => name, "outcome" => outcome)
                }),
                durations: OUTCOMES.map(|outcome| {
                    histogram!("circuit_breaker_call_duration_seconds", "name" => name, "outcome" => outcome)
                }),
                states: (!one_of_many).then(|| State::ALL.map(|state| gauge(name, state))),
            }
        }

        fn show(&self, now: State) {
            if let Some(states) = &self.states {
                show(states, Some(now));
            }
        }
    }

    /// Sets the gauge of the state to one and the others to zero.
    pub(crate) fn show(states: &[Gauge; State::ALL.len()], now: Option<State>) {
        for (state, gauge) in State::ALL.iter().zip(states) {
            gauge.set(if Some(*state) == now { 1.0 } else { 0.0 });
        }
    }

    fn gauge(name: &'static str, state: State) -> Gauge {
        gauge!("circuit_breaker_state", "name" => name, "state" => state.as_str())
    }

    impl std::fmt::Debug for Handles {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.debug_struct("Handles").finish_non_exhaustive()
        }
    }
}

#[cfg(not(feature = "metrics"))]
mod off {
    use std::time::Duration;

    use super::Ended;
    use crate::machine::{Machine, State, Why};

    /// Nothing is measured without the feature `metrics`.
    #[derive(Debug)]
    pub(crate) struct Telemetry;

    impl Telemetry {
        pub(crate) const fn new(_one_of_many: bool) -> Self {
            Self
        }

        #[inline]
        pub(crate) fn count(&self, _: &'static str, _: &Machine, _: Ended) {}

        #[inline]
        pub(crate) fn record(&self, _: &'static str, _: &Machine, _: (Ended, Duration)) {}

        pub(crate) fn transition(&self, _: &'static str, _: &Machine, _: (State, State, Why)) {}
    }
}
