//! The machine against a naive reference, over random histories.

use std::{collections::VecDeque, time::Duration};

use proptest::prelude::*;
use tokio::time::advance;
use watertight_circuit_breaker::{CircuitBreaker, State, Window};

/// The last verdicts as they are: failed, slow.
#[derive(Default)]
struct Naive {
    calls: VecDeque<(bool, bool)>,
}

impl Naive {
    fn push(&mut self, call: (bool, bool), window: u32) {
        self.calls.push_back(call);
        if self.calls.len() > window as usize {
            self.calls.pop_front();
        }
    }

    fn opens(&self, minimum: u32, failure_rate: f64, slow_rate: f64) -> bool {
        let total = self.calls.len() as f64;
        let share = |pick: fn(&(bool, bool)) -> bool| {
            self.calls.iter().filter(|call| pick(call)).count() as f64 / total
        };
        self.calls.len() >= minimum as usize
            && (share(|call| call.0) >= failure_rate || share(|call| call.1) >= slow_rate)
    }
}

fn paused<T>(run: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(run)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn a_window_of_calls_decides_as_the_naive_one_at_every_call(
        window in 1..40_u32,
        minimum in 1..40_u32,
        failure_rate in 1..=100_u32,
        slow_rate in 1..=100_u32,
        history in prop::collection::vec((prop::bool::weighted(0.3), prop::bool::weighted(0.2)), 0..200),
    ) {
        let (minimum, rates) = (minimum.min(window), [failure_rate, slow_rate].map(|rate| f64::from(rate) / 100.0));
        let limit = Duration::from_millis(10);
        paused(async {
            let breaker = CircuitBreaker::builder("reference")
                .window(Window::calls(window))
                .minimum_calls(minimum)
                .failure_rate(rates[0])
                .slow_calls(limit, rates[1])
                .build()
                .unwrap();
            let mut naive = Naive::default();
            for (index, (failed, slow)) in history.into_iter().enumerate() {
                let permit = breaker.try_acquire().unwrap();
                advance(if slow { limit * 2 } else { limit }).await;
                if failed { permit.failure() } else { permit.success() }
                naive.push((failed, slow), window);
                let opens = naive.opens(minimum, rates[0], rates[1]);
                prop_assert_eq!(breaker.state() == State::Open, opens, "call {}", index);
                if opens {
                    break;
                }
                prop_assert_eq!(breaker.snapshot().window.calls as usize, naive.calls.len());
            }
            Ok(())
        })?;
    }

    #[test]
    fn without_slow_calls_the_striped_successes_are_counted_as_exactly(
        window in 1..100_u32,
        rate in 1..=100_u32,
        history in prop::collection::vec((any::<bool>(), 1..60_usize), 0..40),
    ) {
        let (minimum, rate) = (window.div_ceil(4), f64::from(rate) / 100.0);
        paused(async {
            let breaker = CircuitBreaker::builder("reference").window(Window::calls(window));
            let breaker = breaker.minimum_calls(minimum).failure_rate(rate).build().unwrap();
            let mut naive = Naive::default();
            for (failed, times) in history {
                for _ in 0..if failed { times.div_ceil(10) } else { times } {
                    let permit = breaker.try_acquire().unwrap();
                    if failed { permit.failure() } else { permit.success() }
                    naive.push((failed, false), window);
                    let opens = naive.opens(minimum, rate, 2.0);
                    prop_assert_eq!(breaker.state() == State::Open, opens);
                    if opens {
                        return Ok(());
                    }
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_window_of_time_adds_up_as_the_naive_one(
        steps in prop::collection::vec((0..40_u64, any::<bool>()), 0..120),
    ) {
        const TICK: u64 = 10;
        paused(async {
            let window = Window::time(Duration::from_millis(16 * TICK));
            let breaker = CircuitBreaker::builder("reference").window(window).minimum_calls(100_000);
            let breaker = breaker.build().unwrap();
            let (mut now, mut calls) = (0, Vec::new());
            for (wait, failed) in steps {
                advance(Duration::from_millis(wait)).await;
                now += wait;
                let permit = breaker.try_acquire().unwrap();
                if failed { permit.failure() } else { permit.success() }
                calls.push((now / TICK, failed));
                calls.retain(|(tick, _)| tick + 16 > now / TICK);
                let sums = breaker.snapshot().window;
                let failures = calls.iter().filter(|(_, failed)| *failed).count();
                prop_assert_eq!((sums.calls as usize, sums.failures as usize), (calls.len(), failures));
            }
            Ok(())
        })?;
    }
}

/// More under `PROPTEST_CASES`.
fn cases() -> u32 {
    let asked = std::env::var("PROPTEST_CASES").ok();
    asked.and_then(|cases| cases.parse().ok()).unwrap_or(500)
}
