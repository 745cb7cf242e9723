//! The deciding core: pure, without I/O, clock or log. Every method takes the time it happens at.

mod cell;
mod count_window;
mod look;
#[cfg(all(test, any(watertight_loom, watertight_shuttle)))]
mod models;
mod moment;
mod pace;
mod probes;
mod quick;
mod ring;
mod rules;
mod streak;
mod tally;
mod time_window;
mod transitions;
mod word;
#[cfg(all(test, not(any(watertight_loom, watertight_shuttle))))]
mod wraps;

use std::time::Duration;

use watertight_core::Reason;

use self::{
    count_window::CountWindow, moment::Moment, probes::Back, quick::patience, streak::Streak,
    word::Word,
};
pub(crate) use self::{
    look::Look,
    rules::Rules,
    tally::{Tallies, Tally},
    transitions::Transition,
    word::{Now, Ticket},
};
pub use self::{
    probes::{MAX_PROBES, Round},
    transitions::Why,
    word::State,
};
use crate::{
    machine::probes::Probes,
    sync::{AtomicU32, AtomicU64, Ordering},
};

/// The state machine of a circuit breaker.
#[derive(Debug)]
pub(crate) struct Machine {
    state: AtomicU64,
    /// How long a call may take without being slow, and whether calls note their start at all.
    patience: AtomicU64,
    /// One more than the generation that said it would have opened.
    would_open: AtomicU32,
    /// Openings in a row, for the back-off.
    openings: AtomicU32,
    calls: CountWindow,
    probes: Probes,
    streak: Streak,
    random: AtomicU64,
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

impl Machine {
    /// A closed circuit, or one in another state from the start.
    pub(crate) fn new(rules: &Rules, state: State, seed: u64) -> Self {
        let held = state == State::ForcedOpen;
        let word = Word {
            state,
            generation: 0,
            when: if held { Moment::NEVER } else { Moment::START },
        };
        Self {
            state: AtomicU64::new(word.pack()),
            patience: AtomicU64::new(patience(rules)),
            would_open: AtomicU32::new(0),
            openings: AtomicU32::new(0),
            calls: CountWindow::new(rules.capacity()),
            probes: Probes::new(),
            streak: Streak::none(),
            random: AtomicU64::new(seed),
        }
    }

    /// Admits or refuses a call.
    ///
    /// # Errors
    ///
    /// The refusal.
    pub(crate) fn admit(&self, at: At<'_>, tell: &dyn Fn(Transition)) -> Result<Ticket, Refused> {
        let (now, config) = (at.now, &at.rules.config());
        let start = config.needs_clock().then_some(now);
        loop {
            let word = Word::unpack(self.state.load(Ordering::Acquire));
            let due = word.when.is_due(now);
            let (reason, until) = match word.state {
                State::Closed | State::Disabled | State::MetricsOnly => {
                    return Ok(Ticket::new(word.generation, false, start));
                }
                State::Open if due => {
                    self.half_open(word, at, config.probe_timeout, tell);
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
                State::ForcedOpen if due => {
                    self.close(word, State::Closed, Why::Expired, at, tell);
                    continue;
                }
                State::ForcedOpen => (Reason::ForcedOpen, word.when),
                State::Recovering => match self.ramp_share(word, now, config) {
                    None => {
                        self.close(word, State::Closed, Why::RampOver, at, tell);
                        continue;
                    }
                    Some(share) if self.random() < share => {
                        return Ok(Ticket::new(word.generation, false, start));
                    }
                    Some(_) => (Reason::Open, Moment::NEVER),
                },
            };
            let until = until.since_start();
            return Err(Refused {
                reason,
                retry_after: until.map(|until| until.saturating_sub(now.elapsed())),
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

    /// Takes over changed rules; the caller has put them where calls find them.
    pub(crate) fn adopt(&self, old: &Rules, at: At<'_>) {
        let new = at.rules;
        self.patience.store(patience(new), Ordering::Relaxed);
        if old.window() != new.window() {
            let generation = self.renew();
            self.calls.resize(new.capacity(), generation, at.tallies);
        }
        self.calls.cool();
        if let Some(window) = new.time() {
            window.cool();
        }
    }

    /// Records a call in the window; the reason to open, if there is one now.
    fn record(&self, word: Word, call: (bool, bool), at: At<'_>) -> Option<Why> {
        let rules = at.rules;
        let streak = self.streak.count(word.generation, call.0);
        let minimum = rules.effective_minimum();
        let sums = match rules.time() {
            Some(window) => window.record((word.generation, minimum), call, at.now, at.worker),
            None => Some(
                self.calls
                    .record(word.generation, minimum, call, at.tallies),
            ),
        };
        if rules
            .consecutive_failures()
            .is_some_and(|most| streak >= most)
        {
            return Some(Why::ConsecutiveFailures);
        }
        let sums = sums.filter(|sums| sums.total >= minimum)?;
        transitions::too_bad(&rules.config(), sums, sums.total)
    }
}
