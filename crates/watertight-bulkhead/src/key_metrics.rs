use std::sync::Arc;

use metrics::{Counter, Gauge, counter, gauge};
use watertight_core::{KeyMetrics, KeySeries};

use crate::{Share, snapshot::KIND};

/// The metrics of one key's share.
struct Series {
    in_flight: Gauge,
    rejected: Counter,
    seen: u64,
}

impl KeyMetrics for Share {
    const KIND: &'static str = KIND;

    fn name(&self) -> &'static str {
        self.own().name()
    }

    fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(self.own().shared(), other.own().shared())
    }

    fn series(&self, key: &str) -> Box<dyn KeySeries<Self>> {
        let (name, key) = (self.name(), Arc::<str>::from(key));
        Box::new(Series {
            in_flight: gauge!("bulkhead_key_in_flight", "name" => name, "key" => Arc::clone(&key)),
            rejected: counter!("bulkhead_key_rejected_total", "name" => name, "key" => key),
            seen: 0,
        })
    }
}

impl KeySeries<Share> for Series {
    fn record(&mut self, share: &Share) {
        let snapshot = share.own().snapshot();
        let rejected = snapshot.rejected();
        self.in_flight.set(snapshot.in_flight as f64);
        self.rejected.increment(rejected.saturating_sub(self.seen));
        self.seen = rejected;
    }

    fn forget(&mut self) {
        self.seen = 0;
        self.in_flight.set(0.0);
    }
}
