use std::{array, iter::zip, sync::Arc};

use metrics::{Counter, Gauge, counter, gauge};
use watertight_core::{KeyMetrics, KeySeries};

use crate::{
    CircuitBreaker, Counts,
    machine::State,
    snapshot::KIND,
    telemetry::{OUTCOMES, show},
};

/// The metrics of one key's breaker.
struct Series {
    calls: [Counter; OUTCOMES.len()],
    states: [Gauge; State::ALL.len()],
    seen: [u64; OUTCOMES.len()],
}

impl KeyMetrics for CircuitBreaker {
    const KIND: &'static str = KIND;

    fn name(&self) -> &'static str {
        Self::name(self)
    }

    fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(self.shared(), other.shared())
    }

    fn series(&self, key: &str) -> Box<dyn KeySeries<Self>> {
        let (name, key) = (self.name(), Arc::<str>::from(key));
        let calls = OUTCOMES.map(|outcome| {
            counter!("circuit_breaker_key_calls_total", "name" => name, "key" => Arc::clone(&key), "outcome" => outcome)
        });
        let states = State::ALL.map(|state| {
            gauge!("circuit_breaker_key_state", "name" => name, "key" => Arc::clone(&key), "state" => state.as_str())
        });
        let seen = array::from_fn(|_| 0);
        Box::new(Series {
            calls,
            states,
            seen,
        })
    }
}

impl KeySeries<CircuitBreaker> for Series {
    fn record(&mut self, breaker: &CircuitBreaker) {
        let snapshot = breaker.snapshot();
        let now = by_outcome(snapshot.counts);
        for (counter, (now, seen)) in zip(&self.calls, zip(now, &mut self.seen)) {
            // Workers count by themselves, so a sum that is taken while they do may fall short of an earlier one.
            counter.increment(now.saturating_sub(*seen));
            *seen = now.max(*seen);
        }
        show(&self.states, Some(snapshot.state));
    }

    fn forget(&mut self) {
        self.seen.fill(0);
        show(&self.states, None);
    }
}

/// In the order of the labels.
const fn by_outcome(counts: Counts) -> [u64; OUTCOMES.len()] {
    let Counts {
        successes,
        failures,
        ignored,
        cancelled,
        late,
        refused,
    } = counts;
    [successes, failures, ignored, cancelled, late, refused]
}
