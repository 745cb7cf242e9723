//! When a circuit opens, and when it does not.

use std::time::Duration;

use tokio::time::advance;
use watertight_circuit_breaker::{
    BreakerEvent, Cancelled, CircuitBreaker, CircuitBreakerBuilder, State, Why, Window,
};
use watertight_core::Reason;

const SECOND: Duration = Duration::from_secs(1);

fn breaker() -> CircuitBreakerBuilder {
    CircuitBreaker::builder("payments")
}

fn call(breaker: &CircuitBreaker, succeeds: bool) {
    let permit = breaker.try_acquire().expect("admitted");
    if succeeds {
        permit.success();
    } else {
        permit.failure();
    }
}

fn calls(breaker: &CircuitBreaker, count: usize, succeeds: bool) {
    (0..count).for_each(|_| call(breaker, succeeds));
}

async fn slow_call(breaker: &CircuitBreaker, took: Duration) {
    let permit = breaker.try_acquire().expect("admitted");
    advance(took).await;
    permit.success();
}

#[tokio::test(start_paused = true)]
async fn a_window_of_ten_that_saw_a_thousand_successes_opens_after_five_failures() {
    let breaker = breaker().window(Window::calls(10)).build().unwrap();
    calls(&breaker, 1_000, true);
    calls(&breaker, 4, false);
    assert_eq!(breaker.state(), State::Closed);
    call(&breaker, false);
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn a_window_of_a_hundred_opens_at_its_minimum() {
    let breaker = breaker().minimum_calls(5).build().unwrap();
    calls(&breaker, 4, false);
    assert_eq!(breaker.state(), State::Closed);
    assert_eq!(
        breaker.snapshot().window.failure_rate,
        None,
        "unknown below the minimum"
    );
    call(&breaker, false);
    assert_eq!(breaker.state(), State::Open);
    let trip = breaker.snapshot().last_trip.unwrap();
    assert_eq!(trip.why, Why::FailureRate);
}

#[tokio::test(start_paused = true)]
async fn rates_are_known_from_the_minimum_on() {
    let breaker = breaker().minimum_calls(5).build().unwrap();
    calls(&breaker, 4, true);
    assert_eq!(breaker.snapshot().window.failure_rate, None);
    call(&breaker, true);
    let window = breaker.snapshot().window;
    assert_eq!(
        (window.failure_rate, window.slow_call_rate),
        (Some(0.0), Some(0.0))
    );
    call(&breaker, false);
    assert_eq!(breaker.snapshot().window.failure_rate, Some(1.0 / 6.0));
}

#[tokio::test(start_paused = true)]
async fn the_call_that_reaches_the_minimum_decides_even_if_it_succeeds() {
    let breaker = breaker().minimum_calls(5).build().unwrap();
    calls(&breaker, 4, false);
    call(&breaker, true);
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn a_rate_is_reached_at_equality_whatever_the_number() {
    for percent in 1..=100_u32 {
        let rate = f64::from(percent) / 100.0;
        let breaker = breaker()
            .failure_rate(rate)
            .minimum_calls(100)
            .build()
            .unwrap();
        calls(&breaker, 100 - percent as usize, true);
        calls(&breaker, percent as usize - 1, false);
        assert_eq!(breaker.state(), State::Closed, "{percent} %");
        call(&breaker, false);
        assert_eq!(breaker.state(), State::Open, "{percent} %");
    }
}

#[tokio::test(start_paused = true)]
async fn low_volume_does_not_open_it() {
    let breaker = breaker().build().unwrap();
    calls(&breaker, 19, false);
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn slow_successes_alone_open_it_and_the_limit_itself_is_not_slow() {
    let build = || {
        breaker()
            .window(Window::calls(4))
            .slow_calls(SECOND, 0.5)
            .build()
            .unwrap()
    };
    let fast = build();
    for _ in 0..20 {
        slow_call(&fast, SECOND).await;
    }
    assert_eq!(fast.state(), State::Closed);
    let slow = build();
    for _ in 0..2 {
        slow_call(&slow, SECOND).await;
    }
    slow_call(&slow, SECOND + Duration::from_micros(1)).await;
    assert_eq!(slow.state(), State::Closed);
    slow_call(&slow, SECOND + Duration::from_micros(1)).await;
    assert_eq!(slow.state(), State::Open);
    assert_eq!(slow.snapshot().last_trip.unwrap().why, Why::SlowCallRate);
}

#[tokio::test(start_paused = true)]
async fn a_slow_rate_of_one_can_be_reached() {
    let breaker = breaker()
        .window(Window::calls(3))
        .slow_calls(SECOND, 1.0)
        .build()
        .unwrap();
    for _ in 0..3 {
        slow_call(&breaker, SECOND * 2).await;
    }
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn failures_in_a_row_open_it_before_any_rate_counts() {
    let breaker = breaker().consecutive_failures(3).build().unwrap();
    calls(&breaker, 2, false);
    call(&breaker, true);
    calls(&breaker, 2, false);
    assert_eq!(breaker.state(), State::Closed);
    call(&breaker, false);
    assert_eq!(breaker.state(), State::Open);
    assert_eq!(
        breaker.snapshot().last_trip.unwrap().why,
        Why::ConsecutiveFailures
    );
}

#[tokio::test(start_paused = true)]
async fn when_both_limits_are_crossed_at_once_the_row_is_the_reason() {
    let breaker = breaker()
        .consecutive_failures(5)
        .minimum_calls(5)
        .build()
        .unwrap();
    calls(&breaker, 5, false);
    assert_eq!(
        breaker.snapshot().last_trip.unwrap().why,
        Why::ConsecutiveFailures
    );
}

#[tokio::test(start_paused = true)]
async fn without_a_failure_rate_only_the_row_opens_it() {
    let breaker = breaker()
        .no_failure_rate()
        .consecutive_failures(3)
        .build()
        .unwrap();
    for _ in 0..200 {
        calls(&breaker, 2, false);
        call(&breaker, true);
    }
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn ignored_calls_are_neutral() {
    let breaker = breaker().window(Window::calls(4)).build().unwrap();
    for _ in 0..100 {
        breaker.try_acquire().unwrap().ignore();
    }
    assert_eq!(breaker.snapshot().window.calls, 0);
    assert_eq!(breaker.snapshot().counts.ignored, 100);
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn cancelled_calls_count_exactly_as_the_policy_says() {
    let build = |policy| {
        breaker()
            .window(Window::calls(30))
            .cancelled(policy)
            .build()
            .unwrap()
    };
    let run = async |breaker: &CircuitBreaker, took| {
        for _ in 0..30 {
            if let Ok(permit) = breaker.try_acquire() {
                advance(took).await;
                drop(permit);
            }
        }
        breaker.state()
    };
    let never = build(Cancelled::Never);
    assert_eq!(run(&never, SECOND).await, State::Closed);
    assert_eq!(never.snapshot().counts.cancelled, 30);
    assert_eq!(
        run(&build(Cancelled::Always), Duration::ZERO).await,
        State::Open
    );
    assert_eq!(
        run(&build(Cancelled::After(SECOND)), SECOND).await,
        State::Closed
    );
    assert_eq!(
        run(&build(Cancelled::After(SECOND)), SECOND * 2).await,
        State::Open
    );
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_counted_as_refused_and_never_as_a_failure() {
    let breaker = breaker().window(Window::calls(2)).build().unwrap();
    calls(&breaker, 2, false);
    for _ in 0..10 {
        let refused = breaker.try_acquire().unwrap_err();
        assert_eq!((refused.by, refused.reason), ("payments", Reason::Open));
    }
    let counts = breaker.snapshot().counts;
    assert_eq!((counts.failures, counts.refused), (2, 10));
}

#[tokio::test(start_paused = true)]
async fn a_time_window_forgets_what_is_older_than_it() {
    let window = Window::time(SECOND * 10);
    let breaker = breaker().window(window).minimum_calls(4).build().unwrap();
    calls(&breaker, 3, false);
    advance(SECOND * 10).await;
    call(&breaker, false);
    assert_eq!(breaker.state(), State::Closed);
    assert_eq!(breaker.snapshot().window.calls, 1);
    calls(&breaker, 3, false);
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn buckets_leave_a_time_window_in_order() {
    let breaker = breaker()
        .window(Window::time(SECOND * 16))
        .minimum_calls(1_000)
        .build()
        .unwrap();
    for second in 1..=40_u32 {
        call(&breaker, second % 2 == 0);
        let window = breaker.snapshot().window;
        assert_eq!(
            (window.calls, window.failures),
            (second.min(16), second.min(16).div_ceil(2))
        );
        advance(SECOND).await;
    }
    advance(SECOND * 15).await;
    assert_eq!(breaker.snapshot().window.calls, 0);
}

#[tokio::test(start_paused = true)]
async fn successes_that_leave_the_time_window_raise_the_rate() {
    let window = Window::time(SECOND * 16);
    let breaker = breaker().window(window).minimum_calls(4).build().unwrap();
    calls(&breaker, 10, true);
    advance(SECOND * 8).await;
    calls(&breaker, 8, false);
    assert_eq!(breaker.state(), State::Closed, "8 of 18");
    advance(SECOND * 8).await;
    call(&breaker, true);
    assert_eq!(breaker.state(), State::Open, "8 of 9");
}

#[tokio::test(start_paused = true)]
async fn an_idle_gap_of_any_length_cannot_bring_old_calls_back() {
    let window = Window::time(SECOND * 16);
    for gap in [
        16, 17, 256, 512, 1_023, 1_024, 1_025, 2_048, 65_536, 1_048_576,
    ] {
        let breaker = breaker().window(window).minimum_calls(2).build().unwrap();
        call(&breaker, false);
        advance(SECOND * gap).await;
        assert_eq!(breaker.snapshot().window.calls, 0, "{gap} s");
        call(&breaker, false);
        assert_eq!(breaker.snapshot().window.calls, 1, "{gap} s");
        assert_eq!(breaker.state(), State::Closed, "{gap} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_bucket_keeps_its_rate() {
    let window = Window::time(SECOND * 10);
    let breaker = breaker().window(window).failure_rate(0.9).build().unwrap();
    for number in 0..400_000 {
        call(&breaker, number % 4 != 0);
    }
    let rate = breaker.snapshot().window.failure_rate.unwrap();
    assert!((0.24..0.26).contains(&rate), "{rate}");
}

#[tokio::test(start_paused = true)]
async fn threads_that_cross_the_limit_together_open_it_once() {
    let breaker = breaker().window(Window::calls(64)).build().unwrap();
    let mut events = breaker.subscribe();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..1_000 {
                    if let Ok(permit) = breaker.try_acquire() {
                        permit.failure();
                    }
                }
            });
        }
    });
    let first = events.try_next().unwrap().unwrap();
    assert!(matches!(
        first.kind,
        BreakerEvent::Transition {
            to: State::Open,
            ..
        }
    ));
    assert!(events.try_next().is_none());
}

#[tokio::test(start_paused = true)]
async fn counts_are_exact_under_parallelism() {
    for window in [Window::calls(100_000), Window::time(SECOND * 60)] {
        let breaker = breaker()
            .window(window)
            .minimum_calls(100_000)
            .build()
            .unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for number in 0..5_000 {
                        call(&breaker, number % 5 != 0);
                    }
                });
            }
        });
        let snapshot = breaker.snapshot();
        assert_eq!(
            (snapshot.window.calls, snapshot.window.failures),
            (20_000, 4_000)
        );
        assert_eq!(
            (snapshot.counts.successes, snapshot.counts.failures),
            (16_000, 4_000)
        );
    }
}
