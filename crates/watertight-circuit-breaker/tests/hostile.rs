//! Bad luck and bad manners: clocks that stand still or jump, counts that wrap around, floods.

use std::{convert::Infallible, future::pending, time::Duration};

use allocation_counter::measure;
use tokio::time::advance;
use tower::{Layer, Service, ServiceExt, service_fn};
use watertight_circuit_breaker::{
    CircuitBreaker, CircuitBreakerBuilder, CircuitBreakerLayer, Ramp, State, Window,
};
use watertight_core::{EVENT_CAPACITY, Error, KeyLimits, Missed, Reason};

const SECOND: Duration = Duration::from_secs(1);
const WAIT: Duration = Duration::from_secs(5);
const YEAR: Duration = Duration::from_secs(86_400 * 365);

/// Moments are kept exactly for two years, then in steps of this.
const STEP: Duration = Duration::from_millis(64);

fn builder() -> CircuitBreakerBuilder {
    CircuitBreaker::builder("payments")
        .window(Window::calls(2))
        .open_for(WAIT)
        .jitter(0.0)
        .probes(1)
}

fn fail(breaker: &CircuitBreaker, times: usize) {
    (0..times).for_each(|_| breaker.try_acquire().unwrap().failure());
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_jumps_by_years_changes_nothing_about_the_rules() {
    for jump in [1, 2, 3, 4, 5, 9, 10, 18, 36, 100].map(|years| YEAR * years) {
        let breaker = builder().build().unwrap();
        let layer = CircuitBreakerLayer::new(breaker.clone());
        let service = layer.layer(service_fn(async |(): ()| Ok::<_, Infallible>(())));
        advance(jump).await;
        service.clone().oneshot(()).await.unwrap();
        fail(&breaker, 1);
        let refused = service.clone().oneshot(()).await.unwrap_err();
        let Error::Rejected(why) = refused;
        let wait = why.retry_after.unwrap();
        assert!(wait <= WAIT && wait >= WAIT - STEP, "{jump:?}: {wait:?}");
        advance(WAIT - STEP - STEP).await;
        assert!(service.clone().oneshot(()).await.is_err(), "{jump:?}");
        advance(STEP + STEP).await;
        service.oneshot(()).await.unwrap();
        assert_eq!(breaker.state(), State::Closed, "{jump:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_jumps_by_years_wedges_no_state() {
    for jump in [1, 2, 3, 4, 5, 9, 10, 18, 36].map(|years| YEAR * years) {
        let breaker = builder().ramp(Ramp::over(SECOND)).build().unwrap();
        fail(&breaker, 2);
        advance(jump).await;
        let silent = breaker.try_acquire().unwrap();
        assert_eq!(breaker.state(), State::HalfOpen);
        advance(jump).await;
        breaker.try_acquire().unwrap().success();
        assert_eq!(breaker.state(), State::Recovering);
        advance(jump).await;
        breaker.try_acquire().unwrap().success();
        assert_eq!(breaker.state(), State::Closed);
        breaker.force_open_for("deploy", SECOND);
        assert!(breaker.try_acquire().is_err());
        advance(jump).await;
        breaker.try_acquire().unwrap().success();
        drop(silent);
        assert_eq!(breaker.state(), State::Closed, "{jump:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_is_timed_right_whenever_it_starts() {
    // A call keeps its start in 37 bits of microseconds.
    let wrap = Duration::from_micros(1 << 37);
    for start in [wrap - SECOND * 2, wrap - SECOND, wrap, wrap * 2 - SECOND] {
        for (took, expected) in [(SECOND, State::Closed), (SECOND * 3, State::Open)] {
            let breaker = builder()
                .window(Window::calls(1))
                .slow_calls(SECOND * 2, 1.0);
            let breaker = breaker.build().unwrap();
            advance(start).await;
            let permit = breaker.try_acquire().unwrap();
            advance(took).await;
            permit.success();
            assert_eq!(breaker.state(), expected, "{start:?}, {took:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_without_end_never_ends() {
    let breaker = builder().open_for(Duration::MAX).build().unwrap();
    fail(&breaker, 2);
    for _ in 0..10 {
        advance(YEAR * 20).await;
        let refused = breaker.try_acquire().unwrap_err();
        assert_eq!((refused.reason, refused.retry_after), (Reason::Open, None));
    }
    breaker.reset();
    breaker.try_acquire().unwrap().success();
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_stands_still_hides_no_call_from_a_window_of_time() {
    let breaker = builder()
        .window(Window::time(SECOND * 60))
        .minimum_calls(2)
        .open_for(Duration::ZERO)
        .build()
        .unwrap();
    // Hundreds of states at one moment, and so in one bucket, which keeps a few bits of their number.
    for round in 0..1_000 {
        assert_eq!(breaker.snapshot().window.calls, 0, "round {round}");
        fail(&breaker, 1);
        assert_eq!(breaker.state(), State::Closed, "round {round}");
        fail(&breaker, 1);
        assert_eq!(breaker.state(), State::Open, "round {round}");
        fail(&breaker, round % 7);
        breaker.try_acquire().unwrap().success();
        assert_eq!(breaker.state(), State::Closed, "round {round}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reset_window_stays_empty_however_many_resets_follow() {
    for window in [Window::calls(2), Window::time(SECOND * 60)] {
        let breaker = builder().window(window).minimum_calls(2);
        let breaker = breaker.build().unwrap();
        for resets in [1, 127, 128, 255, 256, 257, 4_096, 65_535, 65_536] {
            fail(&breaker, 1);
            (0..resets).for_each(|_| breaker.reset());
            assert_eq!(breaker.snapshot().window.calls, 0, "{resets} resets");
            fail(&breaker, 1);
            assert_eq!(breaker.state(), State::Closed, "{resets} resets");
            fail(&breaker, 1);
            assert_eq!(breaker.state(), State::Open, "{resets} resets");
            breaker.reset();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_million_dropped_futures_leave_nothing_behind() {
    let breaker = builder().window(Window::calls(100)).build().unwrap();
    let hangs = service_fn(|(): ()| pending::<Result<(), Infallible>>());
    let mut service = CircuitBreakerLayer::new(breaker.clone()).layer(hangs);
    drop(service.ready().await.unwrap().call(()));
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    let dropped = measure(|| {
        for _ in 0..1_000_000 {
            assert!(Service::<()>::poll_ready(&mut service, &mut cx).is_ready());
            drop(service.call(()));
        }
    });
    assert_eq!((dropped.count_total, dropped.bytes_current), (0, 0));
    let counts = breaker.snapshot().counts;
    assert_eq!(
        (breaker.state(), counts.cancelled),
        (State::Closed, 1_000_001)
    );
    // Half-open, too: no slot is lost.
    fail(&breaker, 20);
    advance(WAIT).await;
    for _ in 0..1_000_000 {
        drop(service.ready().await.unwrap().call(()));
    }
    assert_eq!(
        (breaker.state(), breaker.snapshot().probes.out),
        (State::HalfOpen, 0)
    );
    breaker.try_acquire().unwrap().success();
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_keys_stays_within_its_bound_and_spares_who_was_there() {
    let limits = KeyLimits::new("hosts", 100, SECOND).unwrap();
    let hosts = builder().keyed::<u64>(limits).unwrap();
    fail(&hosts.get(&0), 2);
    let flood = |from: u64| {
        measure(|| {
            for key in from..from + 100_000 {
                drop(hosts.get(&key).try_acquire());
            }
        })
    };
    flood(1);
    let later = flood(1_000_000).bytes_current;
    assert_eq!(hosts.len(), 100);
    assert!(later <= 0, "{later} bytes more");
    assert_eq!(hosts.get(&0).state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_that_never_reads_delays_nobody_and_is_told() {
    let breaker = builder().build().unwrap();
    let mut events = breaker.subscribe();
    for _ in 0..EVENT_CAPACITY {
        breaker.disable();
        breaker.metrics_only();
    }
    let first = events.try_next().unwrap();
    assert_eq!(first.unwrap_err(), Missed(EVENT_CAPACITY as u64));
}

#[test]
fn dropping_everything_frees_everything() {
    let lived = |calls: usize| {
        let breaker = builder().window(Window::time(SECOND)).build().unwrap();
        let _events = breaker.subscribe();
        let service = CircuitBreakerLayer::new(breaker.clone());
        let mut service = service.layer(service_fn(|(): ()| pending::<Result<(), Infallible>>()));
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(Service::<()>::poll_ready(&mut service, &mut cx).is_ready());
        let outlives = service.call(());
        std::thread::scope(|scope| {
            for _ in 0..calls {
                scope.spawn(|| fail(&breaker, 1));
            }
        });
        breaker.force_open("maintenance");
        drop((breaker, service));
        drop(outlives);
    };
    // The name is interned once, and a thread makes its locals.
    lived(1);
    assert_eq!(measure(|| lived(0)).bytes_current, 0);
}
