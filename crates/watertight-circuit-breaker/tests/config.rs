//! Which configurations are refused, and what can be changed while running.

use std::time::Duration;

use tokio::time::advance;
use watertight_circuit_breaker::{
    BreakerEvent, Cancelled, CircuitBreaker, CircuitBreakerBuilder, Config, MAX_PROBES,
    MAX_WINDOW_CALLS, Ramp, State, Why, Window,
};
use watertight_core::{BuildError, Reason, Registry, Value};

const SECOND: Duration = Duration::from_secs(1);

type Set = fn(CircuitBreakerBuilder) -> CircuitBreakerBuilder;

fn breaker() -> CircuitBreakerBuilder {
    CircuitBreaker::builder("payments")
}

#[tokio::test(start_paused = true)]
async fn a_configuration_that_makes_no_sense_names_its_field() {
    let cases: &[(&str, Set)] = &[
        ("failure_rate", |b| b.failure_rate(0.0)),
        ("failure_rate", |b| b.failure_rate(-0.1)),
        ("failure_rate", |b| b.failure_rate(1.000_001)),
        ("failure_rate", |b| b.failure_rate(f64::NAN)),
        ("failure_rate", |b| b.failure_rate(f64::INFINITY)),
        ("failure_rate", |b| b.no_failure_rate()),
        ("slow_calls", |b| b.slow_calls(SECOND, 0.0)),
        ("slow_calls", |b| b.slow_calls(SECOND, 1.5)),
        ("slow_calls", |b| b.slow_calls(SECOND, f64::NAN)),
        ("consecutive_failures", |b| b.consecutive_failures(0)),
        ("minimum_calls", |b| b.minimum_calls(0)),
        ("minimum_calls", |b| {
            b.window(Window::calls(10)).minimum_calls(11)
        }),
        ("window", |b| b.window(Window::calls(0))),
        ("window", |b| b.window(Window::calls(MAX_WINDOW_CALLS + 1))),
        ("window", |b| b.window(Window::time(Duration::ZERO))),
        ("probes", |b| b.probes(0)),
        ("probes", |b| b.probes(MAX_PROBES + 1)),
        ("backoff", |b| b.backoff(0.9, SECOND * 60)),
        ("backoff", |b| b.backoff(f64::NAN, SECOND * 60)),
        ("backoff", |b| b.backoff(f64::INFINITY, SECOND * 60)),
        ("backoff", |b| {
            b.open_for(SECOND * 61).backoff(2.0, SECOND * 60)
        }),
        ("jitter", |b| b.jitter(-0.1)),
        ("jitter", |b| b.jitter(1.1)),
        ("jitter", |b| b.jitter(f64::NAN)),
    ];
    for (index, (field, set)) in cases.iter().enumerate() {
        let error = set(breaker()).build().unwrap_err();
        assert_eq!(error.field(), *field, "case {index}: {error}");
        assert!(error.to_string().contains("`payments`"), "{error}");
    }
    let mut ramp = Ramp::over(SECOND);
    for (minimum, aggression) in [
        (0.0, 1.0),
        (2.0, 1.0),
        (f64::NAN, 1.0),
        (0.5, 0.0),
        (0.5, f64::NAN),
    ] {
        (ramp.minimum, ramp.aggression) = (minimum, aggression);
        assert_eq!(breaker().ramp(ramp).build().unwrap_err().field(), "ramp");
    }
    assert_eq!(
        CircuitBreaker::builder("").build().unwrap_err().field(),
        "name"
    );
}

#[tokio::test(start_paused = true)]
async fn the_defaults_are_those_of_the_table() {
    let config = breaker().build().unwrap().config();
    assert_eq!(config.failure_rate, Some(0.5));
    assert_eq!(config.window, Window::Calls(100));
    assert_eq!(config.effective_minimum(), 20);
    assert_eq!(
        (config.open_for, config.probes, config.probe_timeout),
        (SECOND * 5, 3, SECOND * 5)
    );
    let backoff = config.effective_backoff();
    assert_eq!((backoff.factor, backoff.max), (2.0, SECOND * 60));
    assert_eq!(config.cancelled, Cancelled::Never);
    let small = breaker().window(Window::calls(7)).build().unwrap();
    assert_eq!(small.config().effective_minimum(), 7);
    let long = breaker().open_for(SECOND * 600).build().unwrap();
    assert_eq!(long.config().effective_backoff().max, SECOND * 600);
    let time = breaker()
        .window(Window::time(SECOND))
        .minimum_calls(1_000_000)
        .build();
    assert!(
        time.is_ok(),
        "a window of time can hold any number of calls"
    );
}

#[tokio::test(start_paused = true)]
async fn durations_of_zero_and_without_end_do_not_panic() {
    for duration in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
        let settings: &[fn(CircuitBreakerBuilder, Duration) -> CircuitBreakerBuilder] = &[
            |b, d| b.open_for(d),
            |b, d| b.probe_timeout(d),
            |b, d| b.slow_calls(d, 0.5),
            |b, d| b.ramp(Ramp::over(d)),
            |b, d| b.cancelled(Cancelled::After(d)),
            |b, d| b.open_for(Duration::ZERO).backoff(1e300, d),
            |b, d| b.window(Window::time(d)),
        ];
        for set in settings {
            let Ok(breaker) = set(breaker().minimum_calls(2), duration).build() else {
                assert_eq!(
                    duration,
                    Duration::ZERO,
                    "only a window of no time is refused"
                );
                continue;
            };
            for _ in 0..20 {
                for _ in 0..5 {
                    if let Ok(permit) = breaker.try_acquire() {
                        permit.failure();
                    }
                }
                let _ = breaker.snapshot();
                advance(SECOND).await;
                let _ = breaker
                    .try_acquire()
                    .map(watertight_circuit_breaker::BreakerPermit::success);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn forced_open_refuses_records_nothing_and_does_not_heal() {
    let breaker = breaker().build().unwrap();
    let admitted = breaker.try_acquire().unwrap();
    breaker.force_open("maintenance");
    admitted.failure();
    advance(SECOND * 86_400).await;
    let refused = breaker.try_acquire().unwrap_err();
    assert_eq!(
        (refused.reason, refused.retry_after),
        (Reason::ForcedOpen, None)
    );
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.window.calls, snapshot.counts.late), (0, 1));
    assert_eq!(snapshot.note.as_deref(), Some("maintenance"));
    breaker.reset();
    assert_eq!(breaker.snapshot().note, None);
    breaker.try_acquire().unwrap().success();
}

#[tokio::test(start_paused = true)]
async fn forced_open_for_a_time_ends_by_itself() {
    let breaker = breaker().build().unwrap();
    breaker.force_open_for("deploy", SECOND * 30);
    assert_eq!(
        breaker.try_acquire().unwrap_err().retry_after,
        Some(SECOND * 30)
    );
    advance(SECOND * 30).await;
    breaker.try_acquire().unwrap().success();
    assert_eq!(breaker.state(), State::Closed);
    breaker.force_open_for("for ever", Duration::MAX);
    assert!(breaker.try_acquire().is_err());
}

#[tokio::test(start_paused = true)]
async fn disabled_lets_everything_through_and_records_nothing() {
    let breaker = breaker().disabled().build().unwrap();
    for _ in 0..1_000 {
        breaker.try_acquire().unwrap().failure();
    }
    assert_eq!(breaker.snapshot().window.calls, 0);
    assert_eq!(breaker.snapshot().counts.failures, 0);
    breaker.reset();
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn metrics_only_says_once_that_it_would_have_opened_and_never_refuses() {
    let breaker = breaker()
        .metrics_only()
        .window(Window::calls(10))
        .build()
        .unwrap();
    let mut events = breaker.subscribe();
    for _ in 0..100 {
        breaker.try_acquire().unwrap().failure();
    }
    let event = events.try_next().unwrap().unwrap();
    assert_eq!(
        event.kind,
        BreakerEvent::WouldOpen {
            why: Why::FailureRate
        }
    );
    assert!(events.try_next().is_none());
    assert_eq!(breaker.snapshot().window.failures, 10);
    breaker.reset();
    assert_eq!(breaker.snapshot().window.calls, 0);
}

#[tokio::test(start_paused = true)]
async fn a_reset_empties_the_window_and_is_told_once() {
    let breaker = breaker().window(Window::calls(10)).build().unwrap();
    (0..9).for_each(|_| breaker.try_acquire().unwrap().failure());
    let mut events = breaker.subscribe();
    breaker.reset();
    let event = events.try_next().unwrap().unwrap();
    assert_eq!(
        event.kind,
        BreakerEvent::Reset {
            from: State::Closed
        }
    );
    assert!(events.try_next().is_none());
    assert_eq!(breaker.snapshot().window.calls, 0);
    breaker.try_acquire().unwrap().failure();
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn forcing_the_state_it_is_in_is_allowed_and_no_transition() {
    let breaker = breaker().build().unwrap();
    breaker.force_open("first");
    let mut events = breaker.subscribe();
    breaker.force_open("second");
    let held = events.try_next().unwrap().unwrap().kind;
    assert!(matches!(held, BreakerEvent::Held { .. }), "{held:?}");
    assert!(events.try_next().is_none());
    assert_eq!(breaker.snapshot().note.as_deref(), Some("second"));
    breaker.disable();
    breaker.disable();
    assert!(events.try_next().is_some() && events.try_next().is_none());
}

#[tokio::test(start_paused = true)]
async fn the_whole_cycle_is_told_in_order() {
    let breaker = breaker()
        .window(Window::calls(2))
        .probes(1)
        .build()
        .unwrap();
    let mut events = breaker.subscribe();
    (0..2).for_each(|_| breaker.try_acquire().unwrap().failure());
    advance(SECOND * 5).await;
    breaker.try_acquire().unwrap().failure();
    advance(SECOND * 10).await;
    breaker.try_acquire().unwrap().success();
    let mut told = Vec::new();
    while let Some(event) = events.try_next() {
        let event = event.unwrap();
        match event.kind {
            BreakerEvent::Transition { from, to, .. } => told.push((event.generation, from, to)),
            other => panic!("{other:?}"),
        }
    }
    use State::{Closed, HalfOpen, Open};
    let expected = [
        (1, Closed, Open),
        (2, Open, HalfOpen),
        (3, HalfOpen, Open),
        (4, Open, HalfOpen),
        (5, HalfOpen, Closed),
    ];
    assert_eq!(told, expected);
}

#[tokio::test(start_paused = true)]
async fn an_update_changes_limits_and_keeps_state_and_window() {
    let breaker = breaker().window(Window::calls(10)).build().unwrap();
    (0..8).for_each(|_| breaker.try_acquire().unwrap().success());
    (0..2).for_each(|_| breaker.try_acquire().unwrap().failure());
    breaker
        .update(|config| config.failure_rate = Some(0.3))
        .unwrap();
    assert_eq!(breaker.snapshot().window.failures, 2);
    breaker.try_acquire().unwrap().failure();
    assert_eq!(breaker.state(), State::Open);
    breaker.update(|config| config.probes = 1).unwrap();
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn a_lower_limit_is_looked_at_by_the_next_call_even_if_it_succeeds() {
    for window in [Window::calls(100), Window::time(SECOND * 100)] {
        let breaker = breaker().window(window).build().unwrap();
        (0..80).for_each(|_| breaker.try_acquire().unwrap().success());
        (0..20).for_each(|_| breaker.try_acquire().unwrap().failure());
        breaker
            .update(|config| config.failure_rate = Some(0.1))
            .unwrap();
        assert_eq!(breaker.state(), State::Closed);
        breaker.try_acquire().unwrap().success();
        assert_eq!(breaker.state(), State::Open, "{window:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn another_window_starts_empty_and_a_refused_update_changes_nothing() {
    let change = |breaker: &CircuitBreaker, change: fn(&mut Config)| breaker.update(change);
    let breaker = breaker().window(Window::calls(10)).build().unwrap();
    (0..5).for_each(|_| breaker.try_acquire().unwrap().success());
    let error: BuildError =
        change(&breaker, |config| config.window = Window::Calls(0)).unwrap_err();
    assert_eq!(error.field(), "window");
    assert_eq!(breaker.snapshot().window.calls, 5);
    for window in [Window::time(SECOND), Window::calls(20), Window::calls(10)] {
        breaker.update(|config| config.window = window).unwrap();
        assert_eq!(breaker.snapshot().window.calls, 0, "{window:?}");
        (0..5).for_each(|_| breaker.try_acquire().unwrap().success());
        assert_eq!(breaker.snapshot().window.calls, 5, "{window:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn another_span_of_time_is_the_one_that_counts() {
    let breaker = breaker().window(Window::time(SECOND)).build().unwrap();
    let longer = Window::time(SECOND * 16);
    breaker.update(|config| config.window = longer).unwrap();
    assert_eq!(breaker.config().window, longer);
    breaker.try_acquire().unwrap().failure();
    advance(SECOND * 15).await;
    assert_eq!(breaker.snapshot().window.failures, 1);
}

#[tokio::test(start_paused = true)]
async fn successes_that_threads_still_hold_do_not_move_into_another_window() {
    let breaker = breaker().window(Window::calls(10)).build().unwrap();
    (0..100).for_each(|_| breaker.try_acquire().unwrap().success());
    breaker
        .update(|config| config.window = Window::calls(20))
        .unwrap();
    assert_eq!(breaker.snapshot().window.calls, 0);
}

#[tokio::test(start_paused = true)]
async fn a_longer_wait_is_no_contradiction_to_a_back_off_that_nobody_set() {
    let breaker = breaker().window(Window::calls(1)).build().unwrap();
    breaker
        .update(|config| config.open_for = SECOND * 90)
        .unwrap();
    breaker.try_acquire().unwrap().failure();
    let refused = breaker.try_acquire().unwrap_err();
    assert_eq!(refused.retry_after, Some(SECOND * 90));
}

#[tokio::test(start_paused = true)]
async fn fewer_probes_in_the_middle_of_a_round_do_not_wedge_it() {
    let breaker = breaker()
        .window(Window::calls(1))
        .probes(10)
        .build()
        .unwrap();
    breaker.try_acquire().unwrap().failure();
    advance(SECOND * 5).await;
    (0..3).for_each(|_| breaker.try_acquire().unwrap().success());
    breaker.update(|config| config.probes = 2).unwrap();
    advance(SECOND * 5).await;
    (0..2).for_each(|_| breaker.try_acquire().unwrap().success());
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn slow_calls_can_be_watched_from_now_on() {
    let breaker = breaker().window(Window::calls(2)).build().unwrap();
    let before = breaker.try_acquire().unwrap();
    breaker
        .update(|config| {
            config.slow_calls = Some(watertight_circuit_breaker::SlowCalls::new(SECOND, 0.5));
        })
        .unwrap();
    advance(SECOND * 9).await;
    before.success();
    assert_eq!(breaker.snapshot().window.slow, 0, "its start was not noted");
    let after = breaker.try_acquire().unwrap();
    advance(SECOND * 9).await;
    after.success();
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn a_registry_knows_it_for_as_long_as_it_lives() {
    let registry = Registry::new();
    let payments = breaker().register(&registry).build().unwrap();
    let again = breaker().register(&registry).build().unwrap_err();
    assert_eq!(again.field(), "name");
    let mut heard = registry.subscribe();
    payments.force_open("maintenance");
    let event = heard.try_next().unwrap().unwrap();
    assert_eq!(
        (event.component, &*event.name),
        ("circuit_breaker", "payments")
    );
    assert_eq!(event.kind.why.as_deref(), Some("maintenance"));
    let snapshot = &registry.snapshots()[0];
    assert_eq!(
        snapshot.field("state"),
        Some(&Value::Text("forced_open".into()))
    );
    drop(payments);
    assert!(registry.snapshots().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_said_twice_leaves_the_window_and_the_calls_under_way_alone() {
    let payments = breaker().metrics_only().window(Window::calls(10));
    let payments = payments.minimum_calls(4).build().unwrap();
    let mut events = payments.subscribe();
    payments.try_acquire().unwrap().failure();
    let under_way = payments.try_acquire().unwrap();
    let before = payments.snapshot();
    payments.metrics_only();
    assert_eq!(payments.snapshot(), before);
    under_way.failure();
    assert_eq!(payments.snapshot().window.failures, 2);
    assert_eq!(payments.snapshot().counts.late, 0);
    payments.metrics_only();
    (0..2).for_each(|_| payments.try_acquire().unwrap().failure());
    let event = events.next().await.unwrap().unwrap();
    let why = Why::FailureRate;
    assert_eq!(
        event.kind,
        BreakerEvent::WouldOpen { why },
        "and nothing before"
    );
    payments.disable();
    let generation = payments.snapshot().generation;
    payments.disable();
    assert_eq!(payments.snapshot().generation, generation);
}

#[tokio::test(start_paused = true)]
async fn holding_open_for_another_reason_or_time_is_told() {
    let payments = breaker().build().unwrap();
    payments.force_open("deploy");
    let mut events = payments.subscribe();
    let mut told = async || match events.next().await.unwrap().unwrap().kind {
        BreakerEvent::Held { note, until } => (note.to_string(), until),
        other => panic!("{other:?}"),
    };
    payments.force_open("deploy");
    payments.force_open("incident 7");
    assert_eq!(
        told().await,
        ("incident 7".to_owned(), None),
        "and not the same once more"
    );
    payments.force_open_for("incident 7", SECOND * 30);
    let until = payments.snapshot().retry_at;
    assert!(until.is_some());
    assert_eq!(told().await, ("incident 7".to_owned(), until));
    payments.force_open_for("incident 8", SECOND * 30);
    assert_eq!(told().await, ("incident 8".to_owned(), until));
    payments.force_open("until somebody looks");
    assert_eq!(told().await, ("until somebody looks".to_owned(), None));
    assert_eq!(
        payments.snapshot().note.as_deref(),
        Some("until somebody looks")
    );
    payments.reset();
    let closed = events.next().await.unwrap().unwrap().kind;
    assert!(matches!(
        closed,
        BreakerEvent::Transition {
            to: State::Closed,
            ..
        }
    ));
}

#[test]
fn a_circuit_that_starts_held_open_tells_who_says_why() {
    let registry = Registry::new();
    let payments = breaker().forced_open().register(&registry).build().unwrap();
    let mut events = registry.subscribe();
    payments.force_open("not yet");
    let event = tokio_test::block_on(events.next()).unwrap().unwrap();
    assert_eq!(
        (event.kind.what, event.kind.why.as_deref()),
        ("held", Some("not yet"))
    );
}
