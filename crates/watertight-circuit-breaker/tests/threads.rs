//! Every thread counts in a place of its own; what is shown is the sum, whoever has counted.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use futures::future::join_all;
use tokio::task::yield_now;
use watertight_circuit_breaker::{BreakerPermit, CircuitBreaker, State, Window};

const CALLS: u64 = 200;

fn breaker() -> CircuitBreaker {
    let builder = CircuitBreaker::builder("threads").window(Window::calls(100));
    builder.minimum_calls(1).build().unwrap()
}

fn succeed(breaker: &CircuitBreaker) {
    for _ in 0..CALLS {
        breaker.try_acquire().unwrap().success();
    }
}

#[test]
fn no_success_is_lost_however_many_threads_come_by() {
    let breaker = breaker();
    thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(|| succeed(&breaker));
        }
    });
    assert_eq!(breaker.snapshot().counts.successes, 40 * CALLS);
    assert_eq!(breaker.snapshot().window.calls, 100);
}

#[test]
fn no_success_is_lost_whose_call_has_moved_to_another_thread() {
    let breaker = breaker();
    breaker.try_acquire().unwrap().success();
    let permits: Vec<_> = (0..CALLS).map(|_| breaker.try_acquire().unwrap()).collect();
    thread::scope(|scope| {
        let end = || permits.into_iter().for_each(BreakerPermit::success);
        scope.spawn(end);
        succeed(&breaker);
    });
    assert_eq!(breaker.snapshot().counts.successes, 1 + 2 * CALLS);
}

#[test]
fn no_refusal_is_lost_however_many_threads_come_by() {
    let breaker = CircuitBreaker::builder("threads").forced_open();
    let breaker = breaker.build().unwrap();
    thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(|| (0..CALLS).for_each(|_| assert!(breaker.try_acquire().is_err())));
        }
    });
    assert_eq!(breaker.snapshot().counts.refused, 40 * CALLS);
}

fn half_open(probes: u16) -> CircuitBreaker {
    let builder = CircuitBreaker::builder("threads").window(Window::calls(1));
    let builder = builder.open_for(Duration::ZERO).probes(probes);
    let breaker = builder.probe_timeout(Duration::MAX).build().unwrap();
    breaker.try_acquire().unwrap().failure();
    breaker
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_sixty_four_tasks_at_the_edge_never_more_than_three_probe() {
    static FLYING: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    let breaker = half_open(3);
    let tasks = (0..64).map(|_| {
        let breaker = breaker.clone();
        tokio::spawn(async move {
            for _ in 0..200 {
                if let Ok(probe) = breaker.try_acquire() {
                    MOST.fetch_max(FLYING.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    yield_now().await;
                    FLYING.fetch_sub(1, Ordering::SeqCst);
                    probe.ignore();
                }
                yield_now().await;
            }
        })
    });
    join_all(tasks).await.into_iter().for_each(Result::unwrap);
    assert!((1..=3).contains(&MOST.load(Ordering::SeqCst)));
    assert_eq!(
        (breaker.state(), breaker.snapshot().probes.out),
        (State::HalfOpen, 0)
    );
    (0..2).for_each(|_| breaker.try_acquire().unwrap().success());
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn a_success_closes_it_whatever_is_refused_meanwhile() {
    let breaker = half_open(1);
    let probe = breaker.try_acquire().unwrap();
    let refused = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while breaker.try_acquire().map(BreakerPermit::success).is_err() {
                    refused.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        while refused.load(Ordering::SeqCst) < 1_000 {
            thread::yield_now();
        }
        probe.success();
    });
    assert_eq!(breaker.state(), State::Closed);
    assert_eq!(breaker.snapshot().counts.successes, 5);
}
