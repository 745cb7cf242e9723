use std::time::Duration;

use watertight_core::{Gated, Reason};

use crate::{
    machine::{
        Machine, Rules, Tally, Ticket,
        moment::Moment,
        word::{Now, State, Word, micros},
    },
    sync::Ordering,
};

/// Calls do not note their start.
const UNTIMED: u64 = u64::MAX;

/// Calls note their start, and none is slow.
const ENDLESS: u64 = UNTIMED - 1;

/// What nearly every call does: no lock, no shared write, and no look at the clock unless the rules need one.
impl Machine {
    /// Admits a call while the circuit is closed.
    #[inline(always)]
    pub(crate) fn admit_quickly(&self, now: impl FnOnce() -> Now) -> Option<Ticket> {
        let packed = self.state.load(Ordering::Acquire);
        if !Word::is_closed(packed) {
            return None;
        }
        let word = Word::unpack(packed);
        Some(if self.patience.load(Ordering::Relaxed) == UNTIMED {
            Ticket::of_closed(packed)
        } else {
            Ticket::new(word.generation, false, Some(now()))
        })
    }

    /// Counts a success that cannot decide anything: closed all the time, above the minimum, and no start was noted.
    #[inline(always)]
    pub(crate) fn succeed_quickly(&self, ticket: Ticket, by: (&Tally, usize)) -> bool {
        let closed = ticket.is_of_closed(self.state.load(Ordering::Acquire));
        closed && self.succeed(ticket, by)
    }

    /// Counts a success that took so long, if it cannot decide anything.
    pub(crate) fn succeed_in_time(
        &self,
        ticket: Ticket,
        took: Option<Duration>,
        by: (&Tally, usize),
    ) -> bool {
        let word = Word::unpack(self.state.load(Ordering::Acquire));
        let current = word.state == State::Closed && word.generation == ticket.generation();
        let slow = took.is_some_and(|took| micros(took) > self.patience.load(Ordering::Relaxed));
        let harmless = current && !ticket.is_probe() && !slow;
        harmless && self.succeed(ticket, by)
    }

    #[inline(always)]
    fn succeed(&self, ticket: Ticket, (tally, worker): (&Tally, usize)) -> bool {
        let generation = ticket.generation();
        if !self.calls.is_warm(generation) {
            return false;
        }
        self.streak.end(generation);
        tally.succeed(worker);
        true
    }

    #[inline(always)]
    pub(crate) fn is_closed(&self) -> bool {
        Word::is_closed(self.state.load(Ordering::Acquire))
    }

    /// Why a service behind the circuit is not even to be readied for a call, if so.
    #[inline]
    pub(crate) fn gate(&self, now: impl FnOnce() -> Now) -> Option<Gated> {
        let word = Word::unpack(self.state.load(Ordering::Acquire));
        let reason = match word.state {
            State::Open => Reason::Open,
            State::ForcedOpen => Reason::ForcedOpen,
            _ => return None,
        };
        let gated = Gated::new(reason);
        if word.when == Moment::NEVER {
            return Some(gated);
        }
        let left = word.when.micros().checked_sub(now().0)?;
        (left > 0).then_some(gated.with_retry_after_micros(left))
    }
}

pub(super) fn patience(rules: &Rules) -> u64 {
    if !rules.config().needs_clock() {
        return UNTIMED;
    }
    let limit = rules.slow_after();
    limit.map_or(ENDLESS, |limit| micros(limit).min(ENDLESS))
}
