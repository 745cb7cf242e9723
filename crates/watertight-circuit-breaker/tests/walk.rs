//! The whole breaker against a naive one, over random histories of everything that can happen to it.

mod support;

use std::{thread, time::Duration};

use proptest::prelude::*;
use support::naive::{Naive, Ticket};
use tokio::{runtime::Handle, time::advance};
use watertight_circuit_breaker::{
    Backoff, BreakerPermit, Cancelled, CircuitBreaker, Config, SlowCalls, State, Window,
};
use watertight_core::Verdict;

#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    Admit,
    /// Ends one of the calls that are out, here or on a thread of its own.
    End(usize, Option<Verdict>, bool),
    Force(State, Option<u64>),
    /// Changes every setting, the window only if it is told to: another window starts empty.
    Update(Settings, bool),
}

/// Everything that can be set, in milliseconds and in eighths.
#[derive(Clone, Debug)]
struct Settings {
    failure_rate: Option<u8>,
    slow_calls: Option<(u64, u8)>,
    in_a_row: Option<u32>,
    minimum: u32,
    window: Window,
    open_for: u64,
    factor: u8,
    probes: (u16, u64),
    cancelled: Cancelled,
}

impl Settings {
    fn apply(&self, config: &mut Config, window: Window) {
        let eighths = |rate: u8| f64::from(rate) / 8.0;
        config.failure_rate = self.failure_rate.map(eighths);
        config.slow_calls = self
            .slow_calls
            .map(|(after, rate)| SlowCalls::new(millis(after), eighths(rate)));
        config.consecutive_failures = self.in_a_row;
        config.minimum_calls = Some(match window {
            Window::Calls(most) => self.minimum.min(most),
            _ => self.minimum,
        });
        config.window = window;
        config.open_for = millis(self.open_for);
        let mut backoff = Backoff::new(self.factor.into(), millis(self.open_for * 5));
        backoff.jitter = 0.0;
        config.backoff = Some(backoff);
        config.probes = self.probes.0;
        config.probe_timeout = millis(self.probes.1);
        config.cancelled = self.cancelled;
    }
}

fn settings() -> impl Strategy<Value = Settings> {
    let window = prop_oneof![
        (1..8_u32).prop_map(Window::calls),
        (1..8_u64).prop_map(|tick| Window::time(millis(16 * tick))),
    ];
    let cancelled = prop_oneof![
        Just(Cancelled::Never),
        Just(Cancelled::Always),
        (0..10_u64).prop_map(|least| Cancelled::After(millis(least))),
    ];
    let slow = prop::option::of((0..10_u64, 1..=8_u8));
    let limits = (prop::option::of(1..=8_u8), slow, prop::option::of(1..5_u32));
    let probes = (1..5_u16, 1..40_u64);
    let rest = (1..6_u32, window, 0..30_u64, 1..4_u8, probes, cancelled);
    (limits, rest).prop_map(|((failure_rate, slow_calls, in_a_row), rest)| Settings {
        failure_rate,
        slow_calls,
        in_a_row,
        minimum: rest.0,
        window: rest.1,
        open_for: rest.2,
        factor: rest.3,
        probes: rest.4,
        cancelled: rest.5,
    })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let verdict = prop_oneof![
        3 => Just(Some(Verdict::Success)),
        3 => Just(Some(Verdict::Failure)),
        1 => Just(Some(Verdict::Ignore)),
        1 => Just(None),
    ];
    let end = (any::<usize>(), verdict, prop::bool::weighted(0.1));
    let forced = prop_oneof![
        3 => Just(State::Closed),
        1 => Just(State::Disabled),
        1 => Just(State::MetricsOnly),
        1 => Just(State::ForcedOpen),
    ];
    let step = prop_oneof![
        20 => (0..25_u64).prop_map(Step::Wait),
        60 => Just(Step::Admit),
        60 => end.prop_map(|(which, verdict, away)| Step::End(which, verdict, away)),
        1 => (forced, prop::option::of(0..30_u64)).prop_map(|(to, until)| Step::Force(to, until)),
        3 => (settings(), any::<bool>()).prop_map(|(settings, window)| Step::Update(settings, window)),
    ];
    prop::collection::vec(step, 0..300)
}

/// Both breakers, and the calls that are out with their tickets of either.
struct Pair {
    breaker: CircuitBreaker,
    naive: Naive,
    out: Vec<(BreakerPermit, Ticket)>,
}

impl Pair {
    fn new(settings: &Settings) -> Option<Self> {
        let breaker = CircuitBreaker::builder("walk").build().unwrap();
        // Some settings make no sense together: such a walk is none.
        breaker
            .update(|config| settings.apply(config, settings.window))
            .ok()?;
        breaker.reset();
        let naive = Naive::new(breaker.config());
        let out = Vec::new();
        Some(Self {
            breaker,
            naive,
            out,
        })
    }

    async fn step(&mut self, step: &Step) {
        let (breaker, naive) = (&self.breaker, &mut self.naive);
        match step {
            Step::Wait(time) => {
                advance(millis(*time)).await;
                naive.now += millis(*time);
            }
            Step::Admit => match (breaker.try_acquire(), naive.admit()) {
                (Ok(permit), Ok(ticket)) => self.out.push((permit, ticket)),
                (Err(why), Err(expected)) => {
                    assert_eq!((why.reason, why.retry_after), expected);
                }
                (admitted, expected) => panic!("{admitted:?}, expected {expected:?}"),
            },
            Step::End(..) if self.out.is_empty() => {}
            Step::End(which, verdict, away) => {
                let (permit, ticket) = self.out.swap_remove(which % self.out.len());
                naive.end(ticket, *verdict);
                let end = move || match verdict {
                    Some(Verdict::Success) => permit.success(),
                    Some(Verdict::Failure) => permit.failure(),
                    Some(Verdict::Ignore) => permit.ignore(),
                    None => permit.cancel(),
                };
                if *away {
                    elsewhere(end);
                } else {
                    end();
                }
            }
            Step::Force(State::Disabled, _) => {
                naive.force(State::Disabled, None);
                breaker.disable();
            }
            Step::Force(State::MetricsOnly, _) => {
                naive.force(State::MetricsOnly, None);
                breaker.metrics_only();
            }
            Step::Force(State::ForcedOpen, until) => {
                let until = until.map(millis);
                naive.force(State::ForcedOpen, until.map(|until| naive.now + until));
                match until {
                    Some(until) => breaker.force_open_for("walk", until),
                    None => breaker.force_open("walk"),
                }
            }
            Step::Force(..) => {
                naive.force(State::Closed, None);
                breaker.reset();
            }
            Step::Update(settings, window) => {
                let known = breaker.config().window;
                let window = if *window { settings.window } else { known };
                if breaker
                    .update(|config| settings.apply(config, window))
                    .is_ok()
                {
                    naive.update(breaker.config());
                }
            }
        }
    }

    fn compare(&self) {
        let (snapshot, naive) = (self.breaker.snapshot(), &self.naive);
        assert_eq!(snapshot.state, naive.state);
        assert_eq!(snapshot.openings, naive.openings);
        let window = snapshot.window;
        let sums = [window.calls, window.failures, window.slow];
        assert_eq!(sums, naive.window());
        let counts = snapshot.counts;
        let counts = [
            counts.successes,
            counts.failures,
            counts.ignored,
            counts.cancelled,
            counts.late,
            counts.refused,
        ];
        assert_eq!(counts, naive.counts);
        let (round, expected) = (snapshot.probes, naive.round());
        let done = [round.done, round.failed, round.slow].map(u32::from);
        assert_eq!((round.out, done), (expected.out, expected.done));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn a_breaker_does_what_a_naive_one_does_whatever_happens(
        (settings, steps) in (settings(), steps()),
        looks in any::<bool>(),
    ) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let Some(mut pair) = Pair::new(&settings) else {
                return;
            };
            for step in &steps {
                pair.step(step).await;
                // A look fetches what the threads have counted, so that it hides what comes of not looking.
                if looks {
                    pair.compare();
                } else {
                    assert_eq!(pair.breaker.state(), pair.naive.state);
                }
            }
            pair.compare();
        });
    }
}

/// Runs on a thread of its own, on the same clock.
fn elsewhere(run: impl FnOnce() + Send) {
    let here = Handle::current();
    thread::scope(|scope| {
        scope.spawn(move || {
            let _entered = here.enter();
            run();
        });
    });
}

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// More under `PROPTEST_CASES`.
fn cases() -> u32 {
    let asked = std::env::var("PROPTEST_CASES").ok();
    asked.and_then(|cases| cases.parse().ok()).unwrap_or(500)
}
