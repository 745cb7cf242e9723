use std::{
    sync::{OnceLock, Weak},
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::time::Instant;
use watertight_core::{Gated, Outcome, Rejected, Verdict, my_stripe};

use crate::{
    config::Cancelled,
    machine::{At, Counted, End, Machine, Now, Refused, Rules, State, Tallies, Tally, Ticket},
    story::Seldom,
    stripe::{Slots, Stripes},
    sync::{AtomicU64, Ordering},
    telemetry::{Ended, Telemetry},
};

/// Everything that the handles and permits of one breaker share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) name: &'static str,
    pub(crate) start: Instant,
    pub(crate) machine: Machine,
    pub(crate) rules: ArcSwap<Rules>,
    pub(crate) counts: Counts,
    pub(crate) telemetry: Telemetry,
    /// Weak, because each stripe owns what is shared. Without a handle no call can come any more.
    stripes: Weak<Slots>,
    pub(crate) seldom: OnceLock<Box<Seldom>>,
}

/// What a breaker is made by.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) name: &'static str,
    pub(crate) rules: Rules,
    pub(crate) state: State,
    pub(crate) seed: u64,
    /// Whether other breakers have the same name, one per key.
    pub(crate) one_of_many: bool,
}

/// Results that are too rare to be counted per worker.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) successes: AtomicU64,
    pub(crate) failures: AtomicU64,
    pub(crate) ignored: AtomicU64,
    pub(crate) cancelled: AtomicU64,
    pub(crate) late: AtomicU64,
}

/// How a permit ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ending {
    Judged(Outcome),
    Cancelled,
}

impl Ending {
    fn is_success(self) -> bool {
        matches!(self, Self::Judged(outcome) if outcome.verdict == Verdict::Success)
    }
}

impl Shared {
    pub(crate) fn new(plan: Plan, stripes: Weak<Slots>) -> Self {
        let Plan {
            name,
            rules,
            state,
            seed,
            one_of_many,
        } = plan;
        Self {
            name,
            start: Instant::now(),
            machine: Machine::new(&rules, state, seed),
            rules: ArcSwap::from_pointee(rules),
            counts: Counts::default(),
            telemetry: Telemetry::new(one_of_many),
            stripes,
            seldom: OnceLock::new(),
        }
    }

    /// Adds up something that the workers have counted.
    pub(crate) fn sum(&self, count: impl Fn(&Tally) -> u64) -> u64 {
        let stripes = self.stripes.upgrade();
        stripes.map_or(0, |stripes| stripes.sum(&count))
    }

    #[inline]
    pub(crate) fn now(&self) -> Now {
        // Subtracted by the standard library at once: tokio's way there is not inlined.
        let now = Instant::now().into_std();
        Now::since_start(now.duration_since(self.start.into_std()))
    }

    pub(crate) fn instant(&self, since_start: Duration) -> Option<Instant> {
        self.start.checked_add(since_start)
    }

    pub(crate) fn at<'a>(&'a self, now: Now, rules: &'a Rules) -> At<'a> {
        let (worker, tallies) = (my_stripe(), self);
        At {
            now,
            worker,
            rules,
            tallies,
        }
    }

    /// Admits or refuses a call by the clock.
    #[inline(never)]
    pub(crate) fn admit(&self, tally: &Tally) -> Result<Ticket, Rejected> {
        let rules = self.rules.load();
        let at = self.at(self.now(), &rules);
        self.machine
            .admit(at, &|change| self.tell(change))
            .map_err(|refused| {
                let why = self.rejected(refused);
                self.count_refused(tally, why);
                why
            })
    }

    /// Why a service behind a circuit that is not closed is not even to be readied for a call, if so.
    #[inline(always)]
    pub(crate) fn gate(&self) -> Option<Gated> {
        self.machine.gate(|| self.now())
    }

    #[inline]
    pub(crate) fn rejected(&self, refused: Refused) -> Rejected {
        let rejected = Rejected::new(self.name, refused.reason);
        match refused.retry_after {
            Some(after) => rejected.with_retry_after(after),
            None => rejected,
        }
    }

    #[inline]
    pub(crate) fn count_refused(&self, tally: &Tally, why: Rejected) {
        tally.refuse(my_stripe());
        self.count(Ended::Refused);
        #[cfg(feature = "tracing")]
        tracing::debug!(
            name = self.name,
            reason = why.reason.as_str(),
            "circuit breaker refused a call"
        );
        #[cfg(not(feature = "tracing"))]
        let _ = why;
    }

    /// Takes the end of a call into account.
    #[inline(never)]
    pub(crate) fn finish(&self, ticket: Ticket, ending: Ending, tally: &Tally) {
        let now = self.now();
        let elapsed = ticket.elapsed(|| now);
        let by = (tally, my_stripe());
        if ending.is_success() && self.machine.succeed_in_time(ticket, elapsed, by) {
            return self.count_ended(Ended::Success, elapsed);
        }
        let rules = self.rules.load();
        let limit = rules.slow_after();
        let slow = elapsed.zip(limit).is_some_and(|(took, limit)| took > limit);
        let (outcome, ended, count) = match ending {
            Ending::Judged(outcome) => match outcome.verdict {
                Verdict::Success => (Some(outcome), Ended::Success, &self.counts.successes),
                Verdict::Failure => (Some(outcome), Ended::Failure, &self.counts.failures),
                Verdict::Ignore => (None, Ended::Ignored, &self.counts.ignored),
            },
            Ending::Cancelled => {
                let failed = match rules.cancelled() {
                    Cancelled::Never => false,
                    Cancelled::Always => true,
                    Cancelled::After(least) => elapsed.is_some_and(|took| took > least),
                };
                let outcome = failed.then(|| Outcome::from(Verdict::Failure));
                (outcome, Ended::Cancelled, &self.counts.cancelled)
            }
        };
        let end = outcome.map_or(End::Unjudged, |outcome| End::Judged {
            failed: outcome.verdict == Verdict::Failure,
            slow,
            retry_after: outcome.retry_after,
        });
        let at = self.at(now, &rules);
        let (ended, count) = match self
            .machine
            .finish(ticket, end, at, &|change| self.tell(change))
        {
            Counted::InTime => (ended, count),
            Counted::Late => (Ended::Late, &self.counts.late),
            Counted::Not => return,
        };
        count.fetch_add(1, Ordering::Relaxed);
        self.count_ended(ended, elapsed);
    }

    /// Counts how a call ended, and how long it took where that is known.
    #[inline]
    pub(crate) fn count_ended(&self, ended: Ended, elapsed: Option<Duration>) {
        self.count(ended);
        if let Some(elapsed) = elapsed {
            let call = (ended, elapsed);
            self.telemetry.record(self.name, &self.machine, call);
        }
    }

    #[inline]
    pub(crate) fn count(&self, ended: Ended) {
        self.telemetry.count(self.name, &self.machine, ended);
    }
}

impl Tallies for Shared {
    fn successes(&self) -> u64 {
        self.sum(Tally::successes)
    }
}
