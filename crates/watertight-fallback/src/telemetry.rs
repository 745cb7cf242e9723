use crate::{CauseKind, Handled};

/// Metrics and log lines, as far as their features are on.
#[derive(Debug, Default)]
pub(crate) struct Telemetry {
    #[cfg(feature = "metrics")]
    counters: watertight_core::Metrics<[[metrics::Counter; 5]; 4]>,
}

impl Telemetry {
    #[cfg_attr(
        not(any(feature = "metrics", feature = "tracing")),
        expect(
            clippy::unused_self,
            unused_variables,
            reason = "there is nobody to tell"
        )
    )]
    pub(crate) fn record(&self, name: &'static str, cause: CauseKind, handled: Handled) {
        #[cfg(feature = "tracing")]
        tracing::debug!(
            fallback = name,
            cause = cause.as_str(),
            outcome = handled.as_str(),
            "a call needed another answer"
        );
        #[cfg(feature = "metrics")]
        if let Some(counters) = self.counters.get(|| register(name)) {
            counters[cause as usize][handled as usize].increment(1);
        }
    }
}

#[cfg(feature = "metrics")]
fn register(name: &'static str) -> [[metrics::Counter; 5]; 4] {
    CauseKind::ALL.map(|cause| {
        Handled::ALL.map(|handled| {
            let (cause, outcome) = (cause.as_str(), handled.as_str());
            metrics::counter!("fallback_total", "name" => name, "cause" => cause, "outcome" => outcome)
        })
    })
}
