//! What a recorder sees.
#![cfg(feature = "metrics")]

use std::{collections::BTreeMap, thread, time::Duration};

use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use tokio::time::advance;
use watertight_circuit_breaker::{CircuitBreaker, CircuitBreakerBuilder, Ramp, State, Window};
use watertight_core::{KeyLimits, Permit, Verdict};

const WAIT: Duration = Duration::from_secs(5);

fn builder() -> CircuitBreakerBuilder {
    CircuitBreaker::builder("payments")
        .window(Window::calls(2))
        .probes(1)
        .open_for(WAIT)
}

/// What was recorded since the last look, by name and labels.
fn seen(snapshotter: &Snapshotter) -> BTreeMap<String, DebugValue> {
    let metrics = snapshotter.snapshot().into_vec();
    let key = |key: &metrics::Key| {
        let labels = key.labels().map(|label| format!(" {}", label.value()));
        format!("{}{}", key.name(), labels.collect::<String>())
    };
    metrics
        .into_iter()
        .map(|(composite, _, _, value)| (key(composite.key()), value))
        .collect()
}

/// The states whose gauge is not zero.
fn shown(snapshotter: &Snapshotter) -> Vec<(String, f64)> {
    let states = seen(snapshotter).into_iter().filter_map(|(key, value)| {
        let state = key.strip_prefix("circuit_breaker_state payments ")?;
        match value {
            DebugValue::Gauge(value) if value.0 != 0.0 => Some((state.to_owned(), value.0)),
            _ => None,
        }
    });
    states.collect()
}

fn one(state: State) -> Vec<(String, f64)> {
    vec![(state.as_str().to_owned(), 1.0)]
}

#[tokio::test(start_paused = true)]
async fn after_each_transition_exactly_one_state_gauge_is_one() {
    let (recorder, breaker) = (
        DebuggingRecorder::new(),
        builder().ramp(Ramp::over(WAIT)).build().unwrap(),
    );
    let snapshotter = recorder.snapshotter();
    let _recording = metrics::set_default_local_recorder(&recorder);
    breaker.try_acquire().unwrap().failure();
    assert_eq!(shown(&snapshotter), one(State::Closed));
    breaker.try_acquire().unwrap().failure();
    assert_eq!(shown(&snapshotter), one(State::Open));
    advance(WAIT).await;
    let probe = breaker.try_acquire().unwrap();
    assert_eq!(shown(&snapshotter), one(State::HalfOpen));
    probe.success();
    assert_eq!(shown(&snapshotter), one(State::Recovering));
    advance(WAIT).await;
    breaker.try_acquire().unwrap().success();
    assert_eq!(shown(&snapshotter), one(State::Closed));
    breaker.force_open("maintenance");
    assert_eq!(shown(&snapshotter), one(State::ForcedOpen));
    breaker.disable();
    assert_eq!(shown(&snapshotter), one(State::Disabled));
    breaker.metrics_only();
    assert_eq!(shown(&snapshotter), one(State::MetricsOnly));
    breaker.reset();
    assert_eq!(shown(&snapshotter), one(State::Closed));
}

#[test]
fn exactly_one_state_gauge_is_one_after_transitions_that_race() {
    for round in 0..50 {
        let (recorder, breaker) = (DebuggingRecorder::new(), builder().build().unwrap());
        thread::scope(|scope| {
            for number in 0..4 {
                let (breaker, recorder) = (&breaker, &recorder);
                scope.spawn(move || {
                    let _recording = metrics::set_default_local_recorder(recorder);
                    for step in 0..40 {
                        match (number + step + round) % 4 {
                            0 => breaker.force_open("race"),
                            1 => breaker.metrics_only(),
                            2 => breaker.disable(),
                            _ => breaker.reset(),
                        }
                    }
                });
            }
        });
        assert_eq!(shown(&recorder.snapshotter()), one(breaker.state()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_recorder_that_comes_late_is_shown_the_state_with_the_next_call() {
    let breaker = builder().build().unwrap();
    (0..2).for_each(|_| breaker.try_acquire().unwrap().failure());
    let recorder = DebuggingRecorder::new();
    let _recording = metrics::set_default_local_recorder(&recorder);
    assert!(breaker.try_acquire().is_err());
    assert_eq!(shown(&recorder.snapshotter()), one(State::Open));
}

#[tokio::test(start_paused = true)]
async fn every_call_is_counted_by_how_it_ended() {
    let (recorder, breaker) = (DebuggingRecorder::new(), builder().build().unwrap());
    let snapshotter = recorder.snapshotter();
    let _recording = metrics::set_default_local_recorder(&recorder);
    breaker.try_acquire().unwrap().success();
    breaker.try_acquire().unwrap().ignore();
    breaker.try_acquire().unwrap().cancel();
    let late = breaker.try_acquire().unwrap();
    breaker.try_acquire().unwrap().failure();
    late.failure();
    assert!(breaker.try_acquire().is_err());
    let seen = seen(&snapshotter);
    for outcome in [
        "success",
        "failure",
        "ignored",
        "cancelled",
        "late",
        "refused",
    ] {
        let key = format!("circuit_breaker_calls_total payments {outcome}");
        assert_eq!(seen[&key], DebugValue::Counter(1), "{outcome}");
    }
    let opened = "circuit_breaker_transitions_total payments closed open failure_rate";
    assert_eq!(seen[opened], DebugValue::Counter(1));
}

#[tokio::test(start_paused = true)]
async fn a_streamed_call_took_as_long_as_its_head() {
    let recorder = DebuggingRecorder::new();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let breaker = builder().record_durations().build().unwrap();
    let mut stream = breaker.try_acquire().unwrap();
    advance(Duration::from_secs(2)).await;
    stream.head(Verdict::Success.into());
    advance(Duration::from_secs(60)).await;
    stream.success();
    let seen = seen(&recorder.snapshotter());
    let took = &seen["circuit_breaker_call_duration_seconds payments success"];
    assert_eq!(*took, DebugValue::Histogram(vec![2.0.into()]));
}

#[tokio::test(start_paused = true)]
async fn breakers_by_key_add_up_under_their_name_and_show_no_state() {
    let recorder = DebuggingRecorder::new();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let hosts = builder().keyed::<u32>(KeyLimits::default()).unwrap();
    for key in 0..10 {
        hosts.get(&key).try_acquire().unwrap().success();
    }
    hosts.get(&0).force_open("maintenance");
    let seen = seen(&recorder.snapshotter());
    let calls = &seen["circuit_breaker_calls_total payments success"];
    assert_eq!(*calls, DebugValue::Counter(10));
    let opened = "circuit_breaker_transitions_total payments closed forced_open operator";
    assert_eq!(seen[opened], DebugValue::Counter(1));
    assert!(
        !seen
            .keys()
            .any(|key| key.starts_with("circuit_breaker_state"))
    );
}
