use std::collections::BTreeMap;

use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};

/// What was recorded through the `metrics` facade, under names as Prometheus shows them.
///
/// ```
/// use watertight_testing::Recorded;
///
/// let recorded = Recorded::new();
/// recorded.during(|| metrics::counter!("calls_total", "name" => "email").increment(2));
/// assert_eq!(recorded.take()["calls_total{name=email}"], 2.0);
/// ```
#[derive(Debug)]
pub struct Recorded {
    recorder: DebuggingRecorder,
    snapshotter: Snapshotter,
}

impl Recorded {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        let recorder = DebuggingRecorder::new();
        let snapshotter = recorder.snapshotter();
        Self {
            recorder,
            snapshotter,
        }
    }

    /// Records what this thread does while the closure runs.
    pub fn during<T>(&self, run: impl FnOnce() -> T) -> T {
        metrics::with_local_recorder(&self.recorder, run)
    }

    /// Every value since the last time, and forgets them; of a histogram, how many values there were.
    #[must_use]
    pub fn take(&self) -> BTreeMap<String, f64> {
        let all = self.snapshotter.snapshot().into_vec().into_iter();
        all.map(|(key, _, _, value)| {
            let (_, key) = key.into_parts();
            let labels = key
                .labels()
                .map(|label| format!("{}={}", label.key(), label.value()));
            let labels = labels.collect::<Vec<_>>().join(",");
            let value = match value {
                DebugValue::Counter(count) => count as f64,
                DebugValue::Gauge(value) => value.into_inner(),
                DebugValue::Histogram(values) => values.len() as f64,
            };
            (format!("{}{{{labels}}}", key.name()), value)
        })
        .collect()
    }
}

impl Default for Recorded {
    fn default() -> Self {
        Self::new()
    }
}
