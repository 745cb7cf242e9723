//! A circuit breaker as simple as one can be: lists, no atomics, every call judged over all that is in the window.

use std::time::Duration;

use watertight_circuit_breaker::{Cancelled, Config, State, Window};
use watertight_core::{Reason, Verdict};

#[derive(Debug)]
pub(crate) struct Naive {
    pub(crate) config: Config,
    pub(crate) state: State,
    /// Since when it is closed, or when it is due to change.
    pub(crate) when: Duration,
    pub(crate) now: Duration,
    pub(crate) counts: [u64; 6],
    pub(crate) openings: u32,
    era: u64,
    calls: Vec<Call>,
    row: u32,
    round: Round,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Round {
    pub(crate) out: u16,
    pub(crate) done: Sums,
}

/// All, failed, slow.
pub(crate) type Sums = [u32; 3];

#[derive(Clone, Copy, Debug)]
struct Call {
    at: Duration,
    failed: bool,
    slow: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    era: u64,
    probe: bool,
    start: Option<Duration>,
}

/// In the order of [`Naive::counts`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Ended {
    Success,
    Failure,
    Ignored,
    Cancelled,
    Late,
    Refused,
}

const NEVER: Duration = Duration::MAX;

impl Naive {
    pub(crate) fn new(config: Config) -> Self {
        let zero = Duration::ZERO;
        Self {
            config,
            state: State::Closed,
            when: zero,
            now: zero,
            counts: [0; 6],
            openings: 0,
            era: 0,
            calls: Vec::new(),
            row: 0,
            round: Round::default(),
        }
    }

    pub(crate) fn admit(&mut self) -> Result<Ticket, (Reason, Option<Duration>)> {
        let due = self.now >= self.when;
        let probes = u32::from(self.config.probes);
        let taken = u32::from(self.round.out) + self.round.done[0];
        let silent = self.round.out > 0 || self.round.done[0] >= probes;
        let reason = match self.state {
            State::Open if due => {
                self.turn(State::HalfOpen, self.now + self.config.probe_timeout);
                return self.admit();
            }
            State::HalfOpen if due && silent => {
                self.turn(State::Open, self.now);
                self.openings += 1;
                return self.admit();
            }
            State::ForcedOpen if due => {
                self.turn(State::Closed, self.now);
                return self.admit();
            }
            State::Open => Reason::Open,
            State::ForcedOpen => Reason::ForcedOpen,
            State::HalfOpen if taken >= probes => Reason::ProbesTaken,
            State::HalfOpen => {
                self.round.out += 1;
                self.when = self.now + self.config.probe_timeout;
                return Ok(self.ticket(true));
            }
            _ => return Ok(self.ticket(false)),
        };
        self.counts[Ended::Refused as usize] += 1;
        Err((reason, (self.when != NEVER).then(|| self.when - self.now)))
    }

    /// Ends a call; without a verdict it was cancelled.
    pub(crate) fn end(&mut self, ticket: Ticket, verdict: Option<Verdict>) {
        let took = ticket.start.map(|start| self.now - start);
        let longer = |limit| took.is_some_and(|took| took > limit);
        let (ended, failed) = match (verdict, self.config.cancelled) {
            (Some(Verdict::Success), _) => (Ended::Success, Some(false)),
            (Some(Verdict::Failure), _) => (Ended::Failure, Some(true)),
            (Some(Verdict::Ignore), _) => (Ended::Ignored, None),
            (None, Cancelled::Always) => (Ended::Cancelled, Some(true)),
            (None, Cancelled::After(least)) if longer(least) => (Ended::Cancelled, Some(true)),
            (None, _) => (Ended::Cancelled, None),
        };
        if ticket.era != self.era {
            self.counts[Ended::Late as usize] += 1;
            return;
        }
        if self.state == State::Disabled {
            return;
        }
        self.counts[ended as usize] += 1;
        self.round.out -= u16::from(ticket.probe);
        let Some(failed) = failed else { return };
        let slow = self
            .config
            .slow_calls
            .is_some_and(|slow| longer(slow.after));
        if ticket.probe {
            add(&mut self.round.done, failed, slow);
            self.judge_probes();
        } else {
            let at = self.now;
            self.calls.push(Call { at, failed, slow });
            self.row = if failed { self.row + 1 } else { 0 };
            self.judge();
        }
    }

    pub(crate) fn force(&mut self, state: State, until: Option<Duration>) {
        let held = matches!(state, State::ForcedOpen);
        let when = if held {
            until.unwrap_or(NEVER)
        } else {
            self.now
        };
        let again = if held {
            self.when == when
        } else {
            state != State::Closed
        };
        if self.state != state || !again {
            self.turn(state, when);
            self.openings = 0;
        }
    }

    pub(crate) fn update(&mut self, config: Config) {
        let records = matches!(self.state, State::Closed | State::MetricsOnly);
        if config.window != self.config.window && records {
            self.turn(self.state, self.when);
        }
        self.config = config;
    }

    pub(crate) fn round(&self) -> Round {
        self.round
    }

    pub(crate) fn window(&self) -> Sums {
        let mut sums = [0; 3];
        let tick = |span: Duration, at: Duration| at.as_micros() / (span.as_micros() / 16).max(1);
        let calls = self.calls.iter().rev();
        match self.config.window {
            Window::Calls(last) => calls
                .take(last as usize)
                .for_each(|call| add(&mut sums, call.failed, call.slow)),
            Window::Time(span) => calls
                .filter(|call| tick(span, call.at) + 16 > tick(span, self.now))
                .for_each(|call| add(&mut sums, call.failed, call.slow)),
            other => panic!("{other:?}"),
        }
        sums
    }

    fn ticket(&self, probe: bool) -> Ticket {
        let (cancelled, slow) = (self.config.cancelled, self.config.slow_calls);
        let timed = slow.is_some() || matches!(cancelled, Cancelled::After(_));
        Ticket {
            era: self.era,
            probe,
            start: timed.then_some(self.now),
        }
    }

    fn judge(&mut self) {
        let sums = self.window();
        let in_a_row = self.config.consecutive_failures;
        let row = in_a_row.is_some_and(|most| self.row >= most);
        let enough = sums[0] >= self.config.effective_minimum();
        if (row || enough && self.too_bad(sums, sums[0])) && self.state == State::Closed {
            let mut healthy = self.now - self.when;
            while self.openings > 0 {
                let step = self.wait(self.openings - 1).max(Duration::from_micros(1));
                let Some(left) = healthy.checked_sub(step) else {
                    break;
                };
                (healthy, self.openings) = (left, self.openings - 1);
            }
            self.open();
        }
    }

    fn judge_probes(&mut self) {
        let (probes, done) = (u32::from(self.config.probes), self.round.done);
        let missing = probes.saturating_sub(done[0]);
        let worst = [probes, done[1] + missing, done[2] + missing];
        let rated = self.config.failure_rate.is_some();
        if self.too_bad(done, probes) || !rated && done[1] > 0 {
            self.open();
        } else if missing == 0 || rated && !self.too_bad(worst, probes) {
            self.turn(State::Closed, self.now);
        }
    }

    fn too_bad(&self, [_, failed, slow]: Sums, of: u32) -> bool {
        let share = |part: u32| f64::from(part) / f64::from(of);
        let (rate, limit) = (self.config.failure_rate, self.config.slow_calls);
        rate.is_some_and(|rate| share(failed) >= rate)
            || limit.is_some_and(|limit| share(slow) >= limit.rate)
    }

    fn open(&mut self) {
        self.turn(State::Open, self.now + self.wait(self.openings));
        self.openings += 1;
    }

    fn wait(&self, openings: u32) -> Duration {
        let backoff = self.config.effective_backoff();
        let mut wait = self.config.open_for;
        for _ in 0..openings {
            wait = wait.mul_f64(backoff.factor).min(backoff.max);
        }
        wait
    }

    fn turn(&mut self, state: State, when: Duration) {
        (self.state, self.when) = (state, when);
        self.era += 1;
        self.calls.clear();
        self.row = 0;
        self.round = Round::default();
    }
}

fn add(sums: &mut Sums, failed: bool, slow: bool) {
    sums[0] += 1;
    sums[1] += u32::from(failed);
    sums[2] += u32::from(slow);
}
