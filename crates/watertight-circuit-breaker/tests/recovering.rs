//! How a circuit finds out that its service is back.

use std::time::Duration;

use tokio::time::{Instant, advance};
use watertight_circuit_breaker::{CircuitBreaker, CircuitBreakerBuilder, Ramp, State, Why, Window};
use watertight_core::{KeyLimits, Outcome, Permit, Reason, Verdict};

const SECOND: Duration = Duration::from_secs(1);
const WAIT: Duration = Duration::from_secs(5);

fn builder() -> CircuitBreakerBuilder {
    CircuitBreaker::builder("payments")
        .window(Window::calls(4))
        .open_for(WAIT)
        .jitter(0.0)
}

fn trip(breaker: &CircuitBreaker) {
    while breaker.state() == State::Closed {
        breaker.try_acquire().expect("closed").failure();
    }
}

async fn half_open(breaker: &CircuitBreaker) {
    trip(breaker);
    advance(WAIT).await;
}

/// Waits for the circuit to take probes, and fails them; how long it then waits.
async fn reopen(breaker: &CircuitBreaker) -> Duration {
    let wait = breaker.try_acquire().unwrap_err().retry_after.unwrap();
    advance(wait).await;
    while let Ok(permit) = breaker.try_acquire() {
        permit.failure();
    }
    breaker.try_acquire().unwrap_err().retry_after.unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_first_call_after_the_wait_is_itself_a_probe() {
    let breaker = builder().build().unwrap();
    trip(&breaker);
    advance(WAIT - Duration::from_millis(1)).await;
    let refused = breaker.try_acquire().unwrap_err();
    assert_eq!(refused.retry_after, Some(Duration::from_millis(1)));
    assert_eq!(breaker.state(), State::Open);
    advance(Duration::from_millis(1)).await;
    let probe = breaker.try_acquire().unwrap();
    assert_eq!(breaker.state(), State::HalfOpen);
    probe.success();
}

#[tokio::test(start_paused = true)]
async fn exactly_as_many_probes_are_admitted_as_were_asked_for() {
    let breaker = builder().probes(4).build().unwrap();
    half_open(&breaker).await;
    let probes: Vec<_> = (0..4).map(|_| breaker.try_acquire().unwrap()).collect();
    assert_eq!(
        breaker.try_acquire().unwrap_err().reason,
        Reason::ProbesTaken
    );
    assert_eq!(breaker.snapshot().probes.out, 4);
    drop(probes);
    assert_eq!(breaker.snapshot().probes.out, 0);
}

#[tokio::test(start_paused = true)]
async fn a_slot_of_a_cancelled_or_ignored_probe_is_free_again() {
    let breaker = builder().probes(1).build().unwrap();
    half_open(&breaker).await;
    for _ in 0..100 {
        drop(breaker.try_acquire().unwrap());
        breaker.try_acquire().unwrap().ignore();
    }
    assert_eq!(breaker.state(), State::HalfOpen);
    breaker.try_acquire().unwrap().success();
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn the_verdict_is_taken_over_the_round_and_early_when_it_is_certain() {
    use State::{Closed, HalfOpen, Open};
    for (probes, rate, outcomes, expected) in [
        (1, 0.5, "s", Closed),
        (1, 0.5, "f", Open),
        (3, 0.5, "s", HalfOpen),
        (3, 0.5, "ss", Closed),
        (3, 0.5, "f", HalfOpen),
        (3, 0.5, "ff", Open),
        (3, 0.5, "fss", Closed),
        (4, 0.5, "fs", HalfOpen),
        (4, 0.5, "fsss", Closed),
        (4, 0.5, "ff", Open),
        (4, 0.75, "ff", HalfOpen),
        (4, 0.75, "fff", Open),
        (4, 0.75, "ss", Closed),
        (4, 1.0, "s", Closed),
        (4, 1.0, "fff", HalfOpen),
        (4, 1.0, "ffff", Open),
        (10, 0.1, "sssssssss", HalfOpen),
        (10, 0.1, "ssssssssss", Closed),
        (10, 0.1, "f", Open),
    ] {
        let breaker = builder().failure_rate(rate).probes(probes).build().unwrap();
        half_open(&breaker).await;
        for outcome in outcomes.chars() {
            let probe = breaker.try_acquire().unwrap();
            if outcome == 's' {
                probe.success();
            } else {
                probe.failure();
            }
        }
        assert_eq!(
            breaker.state(),
            expected,
            "{probes} probes at {rate}: {outcomes}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_failure_rate_one_failed_probe_is_one_too_many() {
    let breaker = builder()
        .no_failure_rate()
        .consecutive_failures(2)
        .build()
        .unwrap();
    half_open(&breaker).await;
    breaker.try_acquire().unwrap().success();
    breaker.try_acquire().unwrap().failure();
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn slow_probes_do_not_close_it() {
    let breaker = builder().probes(1).slow_calls(SECOND, 0.5).build().unwrap();
    half_open(&breaker).await;
    let probe = breaker.try_acquire().unwrap();
    advance(SECOND * 2).await;
    probe.success();
    assert_eq!(breaker.state(), State::Open);
    assert_eq!(breaker.snapshot().last_trip.unwrap().why, Why::ProbesSlow);
}

#[tokio::test(start_paused = true)]
async fn a_slow_probe_closes_it_where_no_slow_limit_is_set() {
    let breaker = builder().probes(1).build().unwrap();
    half_open(&breaker).await;
    let probe = breaker.try_acquire().unwrap();
    advance(SECOND * 4).await;
    probe.success();
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn after_closing_the_window_is_empty() {
    let breaker = builder().probes(1).build().unwrap();
    half_open(&breaker).await;
    breaker.try_acquire().unwrap().success();
    assert_eq!(breaker.snapshot().window.calls, 0);
    for _ in 0..3 {
        breaker.try_acquire().unwrap().failure();
    }
    assert_eq!(breaker.state(), State::Closed, "three of four needed");
    breaker.try_acquire().unwrap().failure();
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn two_probes_further_apart_than_the_time_window_close_it() {
    let window = Window::time(Duration::from_millis(200));
    let breaker = builder()
        .window(window)
        .minimum_calls(4)
        .probes(2)
        .build()
        .unwrap();
    half_open(&breaker).await;
    breaker.try_acquire().unwrap().success();
    advance(Duration::from_millis(300)).await;
    breaker.try_acquire().unwrap().success();
    assert_eq!(breaker.state(), State::Closed);
    breaker.try_acquire().unwrap().success();
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_never_resolves_makes_room_after_the_probe_timeout() {
    let breaker = builder()
        .probes(1)
        .probe_timeout(SECOND * 3)
        .build()
        .unwrap();
    half_open(&breaker).await;
    let silent = breaker.try_acquire().unwrap();
    advance(SECOND * 3 - Duration::from_millis(1)).await;
    assert!(breaker.try_acquire().is_err());
    advance(Duration::from_millis(1)).await;
    let probe = breaker.try_acquire().expect("a new probe");
    // The old one comes back after all: its verdict decides nothing.
    silent.success();
    assert_eq!(breaker.state(), State::HalfOpen);
    assert_eq!(breaker.snapshot().counts.late, 1);
    probe.success();
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn silent_probes_can_never_wedge_it() {
    let breaker = builder().probes(3).probe_timeout(SECOND).build().unwrap();
    half_open(&breaker).await;
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.extend((0..3).map(|_| breaker.try_acquire().unwrap()));
        assert!(breaker.try_acquire().is_err());
        advance(SECOND).await;
    }
    (0..2).for_each(|_| breaker.try_acquire().unwrap().success());
    assert_eq!(breaker.state(), State::Closed);
    drop(silent);
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn thin_traffic_is_no_silence() {
    let breaker = builder().probes(3).probe_timeout(SECOND).build().unwrap();
    half_open(&breaker).await;
    for _ in 0..2 {
        breaker.try_acquire().unwrap().success();
        advance(SECOND * 60).await;
    }
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn probes_further_apart_than_a_window_of_time_close_it() {
    let window = Window::time(Duration::from_millis(200));
    let breaker = builder().window(window).minimum_calls(2).build().unwrap();
    half_open(&breaker).await;
    breaker.try_acquire().unwrap().success();
    advance(Duration::from_millis(300)).await;
    breaker.try_acquire().unwrap().success();
    assert_eq!(breaker.state(), State::Closed);
    (0..100).for_each(|_| breaker.try_acquire().unwrap().success());
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_shows_when_something_is_due() {
    let breaker = builder().probe_timeout(SECOND).build().unwrap();
    assert_eq!(breaker.snapshot().retry_at, None);
    let start = Instant::now();
    trip(&breaker);
    assert_eq!(breaker.snapshot().retry_at, Some(start + WAIT));
    advance(WAIT).await;
    let _probe = breaker.try_acquire().unwrap();
    assert_eq!(breaker.snapshot().since, start + WAIT);
    assert_eq!(breaker.snapshot().retry_at, Some(start + WAIT + SECOND));
    breaker.force_open_for("deploy", SECOND);
    assert_eq!(breaker.snapshot().retry_at, Some(start + WAIT + SECOND));
    breaker.force_open("maintenance");
    assert_eq!(breaker.snapshot().retry_at, None);
}

#[tokio::test(start_paused = true)]
async fn a_straggler_of_the_closed_era_decides_nothing_while_half_open() {
    for ends_well in [true, false] {
        let breaker = builder().probes(1).build().unwrap();
        let straggler = breaker.try_acquire().unwrap();
        half_open(&breaker).await;
        let probe = breaker.try_acquire().unwrap();
        if ends_well {
            straggler.success();
        } else {
            straggler.failure();
        }
        assert_eq!(breaker.state(), State::HalfOpen);
        probe.success();
        assert_eq!(breaker.state(), State::Closed);
        assert_eq!(breaker.snapshot().window.calls, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_straggler_of_the_closed_era_does_not_count_in_the_next_one() {
    let breaker = builder().probes(1).build().unwrap();
    let stragglers: Vec<_> = (0..10).map(|_| breaker.try_acquire().unwrap()).collect();
    half_open(&breaker).await;
    breaker.try_acquire().unwrap().success();
    stragglers
        .into_iter()
        .for_each(watertight_circuit_breaker::BreakerPermit::failure);
    assert_eq!(breaker.state(), State::Closed);
    assert_eq!(breaker.snapshot().counts.late, 10);
}

#[tokio::test(start_paused = true)]
async fn the_wait_grows_with_each_opening_up_to_the_longest() {
    let breaker = builder()
        .probes(1)
        .backoff(2.0, SECOND * 30)
        .build()
        .unwrap();
    trip(&breaker);
    let first = breaker.try_acquire().unwrap_err().retry_after.unwrap();
    let mut waits = vec![first.as_secs()];
    for _ in 0..4 {
        waits.push(reopen(&breaker).await.as_secs());
    }
    assert_eq!(waits, [5, 10, 20, 30, 30]);
}

#[tokio::test(start_paused = true)]
async fn the_back_off_is_forgotten_step_by_step() {
    let breaker = builder()
        .probes(1)
        .backoff(2.0, SECOND * 60)
        .build()
        .unwrap();
    trip(&breaker);
    for _ in 0..3 {
        reopen(&breaker).await;
    }
    assert_eq!(breaker.snapshot().openings, 4);
    advance(SECOND * 40).await;
    breaker.try_acquire().unwrap().success();
    assert_eq!(breaker.state(), State::Closed);
    // Flapping: it opens again at once, and waits as long as before.
    trip(&breaker);
    assert_eq!(breaker.snapshot().openings, 5);
    advance(SECOND * 60).await;
    breaker.try_acquire().unwrap().success();
    // Healthy for as long as the last wait of 60 s and the one of 40 s before it: two steps less.
    advance(SECOND * 100).await;
    trip(&breaker);
    assert_eq!(breaker.snapshot().openings, 4);
}

#[tokio::test(start_paused = true)]
async fn jitter_shortens_repeated_waits_only_and_is_repeatable() {
    let waits = async |seed| {
        let breaker = builder().probes(1).jitter(0.5).seed(seed).build().unwrap();
        trip(&breaker);
        let first = breaker.try_acquire().unwrap_err().retry_after.unwrap();
        assert_eq!(first, WAIT);
        let second = reopen(&breaker).await;
        assert!(second > WAIT && second <= WAIT * 2, "{second:?}");
        second
    };
    assert_eq!(waits(1).await, waits(1).await);
    assert_ne!(waits(1).await, waits(2).await);
}

#[tokio::test(start_paused = true)]
async fn breakers_by_key_do_not_draw_the_same_jitter() {
    let waits = async |seed| {
        let keyed = builder().probes(1).jitter(1.0).seed(seed);
        let keyed = keyed.keyed::<u32>(KeyLimits::default()).unwrap();
        let mut waits = Vec::new();
        for key in 0..3 {
            trip(&keyed.get(&key));
            waits.push(reopen(&keyed.get(&key)).await);
        }
        waits
    };
    let (one, again, other) = (waits(1).await, waits(1).await, waits(2).await);
    assert_eq!(one, again);
    assert!(
        one[0] != one[1] && one[1] != one[2] && one[0] != other[0],
        "{one:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_circuit_remembers_why_it_opened_after_it_has_closed() {
    let breaker = builder().probes(1).build().unwrap();
    let start = Instant::now();
    half_open(&breaker).await;
    breaker.try_acquire().unwrap().success();
    let trip = breaker.snapshot().last_trip.unwrap();
    assert_eq!((trip.why, trip.at), (Why::FailureRate, start));
}

#[tokio::test(start_paused = true)]
async fn a_servers_retry_after_lengthens_the_wait_up_to_the_longest() {
    for (asked, wait) in [(1, 5), (20, 20), (3_600, 60), (u64::MAX, 60)] {
        let breaker = builder().window(Window::calls(1)).build().unwrap();
        let failed = Outcome::from(Verdict::Failure).retry_after(Some(Duration::from_secs(asked)));
        breaker.try_acquire().unwrap().end(failed);
        let refused = breaker.try_acquire().unwrap_err();
        assert_eq!(
            refused.retry_after,
            Some(SECOND * wait),
            "asked for {asked} s"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_asks_for_nothing_uses_the_default_wait() {
    let breaker = builder().window(Window::calls(1)).build().unwrap();
    breaker.try_acquire().unwrap().end(Verdict::Failure.into());
    assert_eq!(breaker.try_acquire().unwrap_err().retry_after, Some(WAIT));
}

#[tokio::test(start_paused = true)]
async fn a_ramp_lets_traffic_back_by_its_formula() {
    let breaker = builder()
        .probes(1)
        .ramp(Ramp::over(SECOND * 100))
        .seed(7)
        .build()
        .unwrap();
    half_open(&breaker).await;
    breaker.try_acquire().unwrap().success();
    assert_eq!(breaker.state(), State::Recovering);
    for (second, share) in [(0, 0.1), (5, 0.1), (25, 0.25), (50, 0.5), (90, 0.9)] {
        let at = breaker.snapshot().since + SECOND * second;
        advance(at - Instant::now()).await;
        let admitted = (0..10_000)
            .filter(|_| breaker.try_acquire().is_ok())
            .count();
        let admitted = admitted as f64 / 10_000.0;
        assert!((admitted - share).abs() < 0.02, "{second} s: {admitted}");
    }
    advance(SECOND * 10).await;
    breaker.try_acquire().unwrap().success();
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn an_aggressive_ramp_lets_traffic_back_earlier() {
    for (aggression, share) in [(0.5, 0.0625), (1.0, 0.25), (2.0, 0.5), (1e9, 1.0)] {
        let mut ramp = Ramp::over(SECOND * 100);
        (ramp.minimum, ramp.aggression) = (0.01, aggression);
        let breaker = builder().probes(1).ramp(ramp).seed(7).build().unwrap();
        half_open(&breaker).await;
        breaker.try_acquire().unwrap().success();
        advance(SECOND * 25).await;
        let admitted = (0..10_000)
            .filter(|_| breaker.try_acquire().is_ok())
            .count();
        let admitted = admitted as f64 / 10_000.0;
        assert!((admitted - share).abs() < 0.02, "{aggression}: {admitted}");
    }
}

#[tokio::test(start_paused = true)]
async fn failures_during_the_ramp_open_it_again() {
    let ramp = Ramp::over(SECOND * 100);
    let breaker = builder().probes(1).ramp(ramp).build().unwrap();
    half_open(&breaker).await;
    breaker.try_acquire().unwrap().success();
    let mut failures = 0;
    while breaker.state() == State::Recovering {
        if let Ok(permit) = breaker.try_acquire() {
            permit.failure();
            failures += 1;
        }
    }
    assert_eq!((breaker.state(), failures), (State::Open, 4));
}

#[tokio::test(start_paused = true)]
async fn a_head_in_time_decides_a_probe_whatever_its_body_does() {
    let breaker = builder().probes(1).build().unwrap();
    half_open(&breaker).await;
    let mut stream = breaker.try_acquire().unwrap();
    stream.head(Verdict::Success.into());
    assert_eq!(breaker.state(), State::Closed);
    stream.failure();
    assert_eq!(breaker.state(), State::Closed);
    assert_eq!(breaker.snapshot().window.calls, 0);
}

#[tokio::test(start_paused = true)]
async fn a_long_body_does_not_make_a_call_slow() {
    let breaker = builder()
        .window(Window::calls(1))
        .slow_calls(SECOND, 0.5)
        .build()
        .unwrap();
    let mut stream = breaker.try_acquire().unwrap();
    stream.head(Verdict::Success.into());
    advance(SECOND * 60).await;
    stream.success();
    assert_eq!(breaker.state(), State::Closed);
    let mut late = breaker.try_acquire().unwrap();
    advance(SECOND * 2).await;
    late.head(Verdict::Success.into());
    late.success();
    assert_eq!(breaker.state(), State::Open);
}
