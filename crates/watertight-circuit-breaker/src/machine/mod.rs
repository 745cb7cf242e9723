//! The deciding core: pure, without I/O, clock or log. Every method takes the time it happens at.

mod cell;
mod count_window;
#[cfg(all(test, any(watertight_loom, watertight_shuttle)))]
mod models;
mod pace;
mod probes;
mod ring;
mod tally;
mod time_window;
mod transitions;
mod word;

use std::{sync::Arc, time::Duration};

use watertight_core::{BuildError, Reason};

use self::{
    count_window::CountWindow, probes::Back, ring::Sums, time_window::TimeWindow, word::Word,
};
pub use self::{
    probes::{MAX_PROBES, Round},
    transitions::Why,
    word::State,
};
pub(crate) use self::{
    tally::{Tallies, Tally},
    transitions::Transition,
    word::{NEVER, Now, Ticket},
};
use crate::{
    config::{Config, Window},
    machine::probes::Probes,
    sync::{AtomicU32, AtomicU64, Ordering},
};

/// The state machine of a circuit breaker.
#[derive(Debug)]
pub(crate) struct Machine {
    state: AtomicU64,
    /// Whether calls must note their start.
    timed: AtomicU32,
    /// One more than the generation that said it would have opened.
    would_open: AtomicU32,
    calls: CountWindow,
    probes: Probes,
    /// Failures in a row, below the generation they belong to.
    streak: AtomicU64,
    /// Openings in a row, for the back-off.
    openings: AtomicU32,
    random: AtomicU64,
}

/// What the machine goes by. Replaced as a whole when the configuration changes.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) config: Config,
    time: Option<Arc<TimeWindow>>,
}

/// Why a call is not admitted, and when it may be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Refused {
    /// Why.
    pub(crate) reason: Reason,
    /// How long to stay away, where that is known.
    pub(crate) retry_after: Option<Duration>,
}

/// How an admitted call ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum End {
    /// It succeeded or failed, and was slow or not.
    Judged {
        /// Whether it failed.
        failed: bool,
        /// Whether it was slow.
        slow: bool,
        /// How long the service asked its callers to stay away.
        retry_after: Option<Duration>,
    },
    /// It says nothing.
    Unjudged,
}

/// What became of a result.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Counted {
    /// It was taken into account.
    InTime,
    /// The circuit had moved on since the call was admitted.
    Late,
    /// Nothing is being recorded.
    Not,
}

/// Where the machine is called: when, by which worker, under which rules.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At<'a> {
    /// The time.
    pub(crate) now: Now,
    /// The number of the worker thread.
    pub(crate) worker: usize,
    /// The rules.
    pub(crate) rules: &'a Rules,
    /// The successes that wait in the workers' tallies.
    pub(crate) tallies: &'a dyn Tallies,
}

impl Rules {
    /// Checks a configuration.
    ///
    /// # Errors
    ///
    /// It makes no sense.
    pub(crate) fn new(name: &str, config: Config) -> Result<Self, BuildError> {
        config.validate(name)?;
        let time = match config.window {
            Window::Calls(_) => None,
            Window::Time(span) => Some(Arc::new(TimeWindow::new(span))),
        };
        Ok(Self { config, time })
    }

    /// The same rules with another configuration; a time window of the same span is kept.
    ///
    /// # Errors
    ///
    /// It makes no sense.
    pub(crate) fn updated(&self, name: &str, config: Config) -> Result<Self, BuildError> {
        let mut rules = Self::new(name, config)?;
        if let (Some(known), Some(new)) = (&self.time, &mut rules.time)
            && known.span() == new.span()
        {
            *new = Arc::clone(known);
        }
        Ok(rules)
    }

    fn capacity(&self) -> u32 {
        match self.config.window {
            Window::Calls(calls) => calls,
            Window::Time(_) => 0,
        }
    }
}

impl Machine {
    /// A closed circuit, or one in another state from the start.
    pub(crate) fn new(rules: &Rules, state: State, seed: u64) -> Self {
        let (generation, when) = (0, if state == State::ForcedOpen { NEVER } else { 0 });
        let word = Word {
            state,
            generation,
            when,
        };
        Self {
            state: AtomicU64::new(word.pack()),
            timed: AtomicU32::new(rules.config.needs_clock().into()),
            would_open: AtomicU32::new(0),
            calls: CountWindow::new(rules.capacity()),
            probes: Probes::new(),
            streak: AtomicU64::new(0),
            openings: AtomicU32::new(0),
            random: AtomicU64::new(seed),
        }
    }

    /// Admits a call without a look at the clock: only while closed and while no start must be noted.
    pub(crate) fn admit_untimed(&self) -> Option<Ticket> {
        let word = Word::unpack(self.state.load(Ordering::Acquire));
        let untimed = self.timed.load(Ordering::Relaxed) == 0;
        (word.state == State::Closed && untimed).then(|| Ticket::new(word.generation, false, None))
    }

    /// Counts a success without a lock or a look at the clock: only while closed and above the minimum.
    pub(crate) fn succeed_quickly(&self, ticket: Ticket, tally: &Tally) -> bool {
        let word = Word::unpack(self.state.load(Ordering::Acquire));
        let current = word.state == State::Closed && word.generation == ticket.generation();
        let quick = current && !ticket.is_timed() && !ticket.was_slow() && !ticket.is_probe();
        if !quick || !self.calls.is_warm(word.generation) {
            return false;
        }
        self.end_streak(word.generation);
        tally.succeed();
        true
    }

    /// Admits or refuses a call.
    ///
    /// # Errors
    ///
    /// The refusal.
    pub(crate) fn admit(&self, at: At<'_>, tell: &dyn Fn(Transition)) -> Result<Ticket, Refused> {
        let (now, config) = (at.now, &at.rules.config);
        let start = config.needs_clock().then_some(now);
        loop {
            let word = Word::unpack(self.state.load(Ordering::Acquire));
            let due = now.millis() >= word.when;
            let (reason, until) = match word.state {
                State::Closed | State::Disabled | State::MetricsOnly => {
                    return Ok(Ticket::new(word.generation, false, start));
                }
                State::Open if due => {
                    self.half_open(word, at.now, config, tell);
                    continue;
                }
                State::Open => (Reason::Open, word.when),
                State::HalfOpen => {
                    let round = self.probes.round(word.generation);
                    // Silent probes are written off. A round that nobody is out for goes on, however thin the traffic.
                    if due && (round.out > 0 || round.done >= config.probes) {
                        self.open(word, Why::ProbesSilent, at, None, tell);
                        continue;
                    }
                    if self.probes.take(word.generation, config.probes) {
                        self.extend(word, now, config.probe_timeout);
                        return Ok(Ticket::new(word.generation, true, start));
                    }
                    (Reason::ProbesTaken, word.when)
                }
                State::ForcedOpen if due && word.when != NEVER => {
                    self.close(word, State::Closed, Why::Expired, now, tell);
                    continue;
                }
                State::ForcedOpen => (Reason::ForcedOpen, word.when),
                State::Recovering => match self.ramp_share(word, now, config) {
                    None => {
                        self.close(word, State::Closed, Why::RampOver, now, tell);
                        continue;
                    }
                    Some(share) if self.random() < share => {
                        return Ok(Ticket::new(word.generation, false, start));
                    }
                    Some(_) => (Reason::Open, NEVER),
                },
            };
            let left = (until != NEVER).then(|| (until * 1_000).saturating_sub(now.0));
            let retry_after = left.map(Duration::from_micros);
            return Err(Refused {
                reason,
                retry_after,
            });
        }
    }

    /// Takes the result of an admitted call into account.
    pub(crate) fn finish(
        &self,
        ticket: Ticket,
        end: End,
        at: At<'_>,
        tell: &dyn Fn(Transition),
    ) -> Counted {
        let generation = ticket.generation();
        let word = Word::unpack(self.state.load(Ordering::Acquire));
        let back = match end {
            End::Judged { failed, slow, .. } => Back::Judged { failed, slow },
            End::Unjudged => Back::Unjudged,
        };
        if ticket.is_probe() {
            let Some(round) = self.probes.give_back(generation, back) else {
                return Counted::Late;
            };
            if word.generation != generation {
                return Counted::Late;
            }
            if let End::Judged { retry_after, .. } = end {
                self.decide(word, round, at, retry_after, tell);
            }
            return Counted::InTime;
        }
        if word.generation != generation {
            return Counted::Late;
        }
        if !word.state.records() {
            return Counted::Not;
        }
        if let End::Judged {
            failed,
            slow,
            retry_after,
        } = end
            && let Some(why) = self.record(word, (failed, slow), at)
        {
            if word.state == State::MetricsOnly {
                self.tell_would_open(word, why, at.now, tell);
            } else {
                self.open(word, why, at, retry_after, tell);
            }
        }
        Counted::InTime
    }

    /// The state now, whatever is due by time.
    pub(crate) fn state(&self) -> State {
        Word::unpack(self.state.load(Ordering::Acquire)).state
    }

    /// How often the state has changed.
    pub(crate) fn generation(&self) -> u32 {
        Word::unpack(self.state.load(Ordering::Acquire)).generation
    }

    /// Why a service behind the circuit is not even to be readied for a call, if so.
    pub(crate) fn gate(&self, now: impl FnOnce() -> Now) -> Option<Refused> {
        let word = Word::unpack(self.state.load(Ordering::Acquire));
        let reason = match word.state {
            State::Open => Reason::Open,
            State::ForcedOpen => Reason::ForcedOpen,
            _ => return None,
        };
        if word.when == NEVER {
            return Some(Refused {
                reason,
                retry_after: None,
            });
        }
        let left = (word.when * 1_000)
            .checked_sub(now().0)
            .filter(|left| *left > 0)?;
        Some(Refused {
            reason,
            retry_after: Some(Duration::from_micros(left)),
        })
    }

    /// The state, its generation, the moment it is about, the probes that are out, and what the window adds up to.
    pub(crate) fn look(&self, at: At<'_>) -> Look {
        let word = Word::unpack(self.state.load(Ordering::Acquire));
        let sums = match &at.rules.time {
            Some(window) => window.sums(word.generation, at.now),
            None => self.calls.sums(word.generation, at.tallies),
        };
        let round = self.probes.round(word.generation);
        Look {
            state: word.state,
            generation: word.generation,
            when: (word.when != NEVER).then(|| Duration::from_millis(word.when)),
            round,
            sums,
            openings: self.openings.load(Ordering::Relaxed),
        }
    }

    /// Takes over changed rules; the caller has put them where calls find them.
    pub(crate) fn adopt(&self, old: &Rules, at: At<'_>) {
        let new = at.rules;
        self.timed
            .store(new.config.needs_clock().into(), Ordering::Relaxed);
        if old.config.window != new.config.window {
            let generation = self.renew();
            self.calls.resize(new.capacity(), generation, at.tallies);
        }
        self.calls.cool();
        if let Some(window) = &new.time {
            window.cool();
        }
    }

    /// Records a call in the window; the reason to open, if there is one now.
    fn record(&self, word: Word, call: (bool, bool), at: At<'_>) -> Option<Why> {
        let config = &at.rules.config;
        let streak = self.count_streak(word.generation, call.0);
        let minimum = config.effective_minimum();
        let sums = match &at.rules.time {
            Some(window) => window.record((word.generation, minimum), call, at.now, at.worker),
            None => Some(
                self.calls
                    .record(word.generation, minimum, call, at.tallies),
            ),
        };
        if config
            .consecutive_failures
            .is_some_and(|most| streak >= most)
        {
            return Some(Why::ConsecutiveFailures);
        }
        let sums = sums.filter(|sums| sums.total >= minimum)?;
        transitions::too_bad(config, sums, sums.total)
    }

    fn count_streak(&self, generation: u32, failed: bool) -> u32 {
        if !failed {
            self.end_streak(generation);
            return 0;
        }
        let tag = u64::from(generation) << 32;
        let mut known = self.streak.load(Ordering::Relaxed);
        loop {
            let count = if known >> 32 == tag >> 32 {
                known as u32
            } else {
                0
            };
            let count = count.saturating_add(1);
            let new = tag | u64::from(count);
            let exchange =
                self.streak
                    .compare_exchange_weak(known, new, Ordering::Relaxed, Ordering::Relaxed);
            match exchange {
                Ok(_) => return count,
                Err(actual) => known = actual,
            }
        }
    }

    fn end_streak(&self, generation: u32) {
        let known = self.streak.load(Ordering::Relaxed);
        // Read-only for as long as nothing fails.
        if known as u32 != 0 {
            let none = u64::from(generation) << 32;
            let _ = self
                .streak
                .compare_exchange(known, none, Ordering::Relaxed, Ordering::Relaxed);
        }
    }
}

/// What there is to see of a machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    /// The state.
    pub(crate) state: State,
    /// How often the state has changed.
    pub(crate) generation: u32,
    /// When the state began, or when it is due to end, since the start.
    pub(crate) when: Option<Duration>,
    /// The probes.
    pub(crate) round: Round,
    /// The window.
    pub(crate) sums: Sums,
    /// Openings in a row.
    pub(crate) openings: u32,
}
