//! Metrics of what runs, under their documented names, or nothing at all.

use watertight_events::ViewId;

use super::ProjectionState;

/// Tells the recorder, if there is one, how something runs.
#[cfg(feature = "metrics")]
pub(super) fn state(view: &ViewId, state: &ProjectionState) {
    let healthy = if state.is_healthy() { 1.0 } else { 0.0 };
    metrics::gauge!("projection_healthy", labels(view)).set(healthy);
    if matches!(state, ProjectionState::Failed(_)) {
        metrics::counter!("projection_failures_total", labels(view)).increment(1);
    }
}

/// Tells the recorder, if there is one, how many events are parked.
#[cfg(feature = "metrics")]
pub(super) fn parked(view: &ViewId, events: u64) {
    metrics::gauge!("projection_parked_events", labels(view)).set(events as f64);
}

#[cfg(feature = "metrics")]
fn labels(view: &ViewId) -> Vec<metrics::Label> {
    vec![
        metrics::Label::new("name", view.name.to_string()),
        metrics::Label::new("version", view.version.to_string()),
    ]
}

#[cfg(not(feature = "metrics"))]
pub(super) const fn state(_: &ViewId, _: &ProjectionState) {}

#[cfg(not(feature = "metrics"))]
pub(super) const fn parked(_: &ViewId, _: u64) {}
