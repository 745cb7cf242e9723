//! Every thread counts in a place of its own; what is shown is the sum, whoever has counted.

use std::thread;

use watertight_circuit_breaker::{BreakerPermit, CircuitBreaker, Window};

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
