use std::time::Duration;

use crate::{
    config::Config,
    machine::{
        At, Machine,
        moment::Moment,
        pace::{self, GAMMA},
        probes::Round,
        ring::Sums,
        word::{Now, State, Word, micros},
    },
    sync::Ordering,
};

/// Why a circuit changed its state, or would have.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Why {
    /// Too large a share of the calls failed.
    FailureRate,
    /// Too large a share of the calls was slow.
    SlowCallRate,
    /// Too many calls failed in a row.
    ConsecutiveFailures,
    /// The wait of an open circuit is over.
    WaitOver,
    /// The probes succeeded.
    ProbesSucceeded,
    /// The probes failed.
    ProbesFailed,
    /// The probes were slow.
    ProbesSlow,
    /// Probes never came back.
    ProbesSilent,
    /// The ramp of a recovering circuit is over.
    RampOver,
    /// An operator asked for it.
    Operator,
    /// What an operator asked for has expired.
    Expired,
}

/// A change of state. The winner of the exchange, and nobody else, tells it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Transition {
    /// The state before.
    pub(crate) from: State,
    /// The state now; the same as before for a circuit that only says it would have opened.
    pub(crate) to: State,
    /// Why.
    pub(crate) why: Why,
    /// How often the state has changed.
    pub(crate) generation: u32,
    /// When.
    pub(crate) now: Now,
}

impl Why {
    /// The reason as a metric label, in snake case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FailureRate => "failure_rate",
            Self::SlowCallRate => "slow_call_rate",
            Self::ConsecutiveFailures => "consecutive_failures",
            Self::WaitOver => "wait_over",
            Self::ProbesSucceeded => "probes_succeeded",
            Self::ProbesFailed => "probes_failed",
            Self::ProbesSlow => "probes_slow",
            Self::ProbesSilent => "probes_silent",
            Self::RampOver => "ramp_over",
            Self::Operator => "operator",
            Self::Expired => "expired",
        }
    }
}

impl Machine {
    /// Moves to a state whatever the state is now, and makes every outstanding ticket inert; the state before, unless it
    /// is held in this one already.
    pub(crate) fn force(
        &self,
        to: State,
        until: Option<Now>,
        at: At<'_>,
        tell: &dyn Fn(Transition),
    ) -> Option<State> {
        let when = match to {
            State::ForcedOpen => until.map_or(Moment::NEVER, Moment::of),
            _ => Moment::of(at.now),
        };
        // An operator's word must not be lost to a transition that happens at the same time.
        loop {
            let word = Word::unpack(self.state.load(Ordering::Acquire));
            // What is said twice must not empty the window of a circuit that goes on recording.
            let is_held = match to {
                State::ForcedOpen => word.when == when,
                State::Disabled | State::MetricsOnly => true,
                _ => false,
            };
            if is_held && word.state == to {
                return None;
            }
            let next = word.next(to, when);
            if self.exchange(word, next, Why::Operator, at, tell) {
                self.openings.store(0, Ordering::Relaxed);
                return Some(word.state);
            }
        }
    }

    pub(super) fn open(
        &self,
        word: Word,
        why: Why,
        at: At<'_>,
        retry_after: Option<Duration>,
        tell: &dyn Fn(Transition),
    ) {
        let (config, now) = (&at.rules.config(), at.now);
        let backoff = config.effective_backoff();
        let known = self.openings.load(Ordering::Relaxed);
        let openings = match word.state {
            State::HalfOpen => known,
            _ => {
                let healthy = word.when.elapsed(now);
                pace::decay(config.open_for, backoff, known, healthy)
            }
        };
        let wait = match why {
            // The round's own time-out was the wait.
            Why::ProbesSilent => 0,
            _ => {
                let asked = retry_after.map_or(0, micros).min(micros(backoff.max));
                let jitter = if openings == 0 { 0.0 } else { self.random() };
                pace::wait(config.open_for, backoff, openings, jitter).max(asked)
            }
        };
        let when = Moment::of(Now(now.0.saturating_add(wait)));
        if self.exchange(word, word.next(State::Open, when), why, at, tell) {
            self.openings
                .store(openings.saturating_add(1), Ordering::Relaxed);
        }
    }

    pub(super) fn half_open(
        &self,
        word: Word,
        at: At<'_>,
        timeout: Duration,
        tell: &dyn Fn(Transition),
    ) {
        let next = word.next(State::HalfOpen, Moment::of(at.now.plus(timeout)));
        self.exchange(word, next, Why::WaitOver, at, tell);
    }

    pub(super) fn close(
        &self,
        word: Word,
        to: State,
        why: Why,
        at: At<'_>,
        tell: &dyn Fn(Transition),
    ) {
        self.exchange(word, word.next(to, Moment::of(at.now)), why, at, tell);
    }

    /// Counts a round's time from the latest probe, so that thin traffic is no silence.
    pub(super) fn extend(&self, word: Word, now: Now, timeout: Duration) {
        let when = Moment::of(now.plus(timeout));
        let (old, new) = (word.pack(), Word { when, ..word }.pack());
        // Lost to another probe, which has extended it, or to a transition, which has ended it.
        let _ = self
            .state
            .compare_exchange(old, new, Ordering::AcqRel, Ordering::Relaxed);
    }

    /// Takes the verdict over a round, early where it is already certain.
    pub(super) fn decide(
        &self,
        mut word: Word,
        round: Round,
        at: At<'_>,
        retry_after: Option<Duration>,
        tell: &dyn Fn(Transition),
    ) {
        let config = &at.rules.config();
        let generation = word.generation;
        let Some(verdict) = verdict(config, round) else {
            return;
        };
        // Another probe may move the round's deadline at the same time; the verdict stands for the generation.
        while word.generation == generation && word.state == State::HalfOpen {
            match verdict {
                Err(why) => self.open(word, why, at, retry_after, tell),
                Ok(()) => {
                    let to = if config.ramp.is_some() {
                        State::Recovering
                    } else {
                        State::Closed
                    };
                    self.close(word, to, Why::ProbesSucceeded, at, tell);
                }
            }
            word = Word::unpack(self.state.load(Ordering::Acquire));
        }
    }

    pub(super) fn tell_would_open(
        &self,
        word: Word,
        why: Why,
        now: Now,
        tell: &dyn Fn(Transition),
    ) {
        let told = word.generation + 1;
        if self.would_open.swap(told, Ordering::AcqRel) != told {
            let (from, to) = (word.state, word.state);
            tell(Transition {
                from,
                to,
                why,
                generation: word.generation,
                now,
            });
        }
    }

    /// Starts a new generation of the same state, so that what an old window recorded counts no more.
    pub(super) fn renew(&self) -> u32 {
        loop {
            let word = Word::unpack(self.state.load(Ordering::Acquire));
            if !word.state.records() {
                return word.generation;
            }
            let next = word.next(word.state, word.when);
            let exchange = self.state.compare_exchange(
                word.pack(),
                next.pack(),
                Ordering::AcqRel,
                Ordering::Relaxed,
            );
            if exchange.is_ok() {
                return next.generation;
            }
        }
    }

    /// The share of calls that a recovering circuit admits now; none when the ramp is over.
    pub(super) fn ramp_share(&self, word: Word, now: Now, config: &Config) -> Option<f64> {
        let ramp = config.ramp?;
        let elapsed = word.when.elapsed(now);
        (elapsed < micros(ramp.over)).then(|| pace::share(ramp, elapsed))
    }

    pub(super) fn random(&self) -> f64 {
        let seed = self.random.fetch_add(GAMMA, Ordering::Relaxed);
        pace::unit(seed.wrapping_add(GAMMA))
    }

    fn exchange(
        &self,
        word: Word,
        next: Word,
        why: Why,
        at: At<'_>,
        tell: &dyn Fn(Transition),
    ) -> bool {
        let exchange = self.state.compare_exchange(
            word.pack(),
            next.pack(),
            Ordering::AcqRel,
            Ordering::Acquire,
        );
        if exchange.is_ok() {
            self.start(next.generation, at);
            tell(Transition {
                from: word.state,
                to: next.state,
                why,
                generation: next.generation,
                now: at.now,
            });
        }
        exchange.is_ok()
    }

    /// Empties the window. What an earlier generation has recorded is not summed anyway, but a bucket keeps only a few bits of
    /// its generation, and they must not come round to it.
    fn start(&self, generation: u32, at: At<'_>) {
        match at.rules.time() {
            Some(window) => window.start(generation),
            None => self.calls.start(generation, at.tallies),
        }
    }
}

/// The limit that these sums break when taken over so many calls, if any.
pub(super) fn too_bad(config: &Config, sums: Sums, of: u32) -> Option<Why> {
    // The quotient, unlike the product, is the very number that the user has written.
    let reaches = |part: u32, rate: f64| f64::from(part) / f64::from(of) >= rate;
    if config
        .failure_rate
        .is_some_and(|rate| reaches(sums.failed, rate))
    {
        return Some(Why::FailureRate);
    }
    let slow = config.slow_calls;
    slow.filter(|slow| reaches(sums.slow, slow.rate))
        .map(|_| Why::SlowCallRate)
}

/// The verdict over a round of probes: not yet, good, or bad.
fn verdict(config: &Config, round: Round) -> Option<Result<(), Why>> {
    // Without a failure rate, one failed probe is one too many.
    if config.failure_rate.is_none() && round.failed > 0 {
        return Some(Err(Why::ProbesFailed));
    }
    let of = config.probes.into();
    match too_bad(config, round.sums(), of) {
        Some(Why::SlowCallRate) => return Some(Err(Why::ProbesSlow)),
        Some(_) => return Some(Err(Why::ProbesFailed)),
        None => {}
    }
    let missing = of.saturating_sub(round.done.into());
    let mut worst = round.sums();
    worst.failed += missing;
    worst.slow += missing;
    let certain = match config.failure_rate {
        None => missing == 0,
        Some(_) => too_bad(config, worst, of).is_none(),
    };
    certain.then_some(Ok(()))
}
