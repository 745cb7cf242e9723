use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::time::Instant;
use watertight_core::{EventSource, Outcome, Rejected, Verdict, my_stripe};

use crate::{
    config::Cancelled,
    event::{BreakerEvent, Trip},
    machine::{
        At, Counted, End, Machine, Now, Refused, Rules, State, Tallies, Tally, Ticket, Transition,
        Why,
    },
    snapshot::KIND,
    sync::{AtomicU64, Mutex, Ordering, lock},
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
    pub(crate) stripes: Mutex<Vec<Weak<Stripe>>>,
    pub(crate) events: EventSource<BreakerEvent>,
    pub(crate) story: Mutex<Story>,
    pub(crate) telemetry: Telemetry,
}

/// What one worker thread touches per call; a counted reference of its own keeps workers from meeting.
#[derive(Debug)]
pub(crate) struct Stripe {
    pub(crate) shared: Arc<Shared>,
    pub(crate) tally: Tally,
    // Two stripes that lie side by side on the heap must not share a cache line.
    _distance: [u64; 6],
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

/// What an operator wants to read about the state.
#[derive(Debug, Default)]
pub(crate) struct Story {
    pub(crate) since: Now,
    pub(crate) last_trip: Option<Trip>,
    pub(crate) note: Option<Arc<str>>,
}

/// How a permit ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ending {
    Judged(Outcome),
    Cancelled,
}

impl Stripe {
    pub(crate) fn new(shared: &Arc<Shared>) -> Arc<Self> {
        let stripe = Arc::new(Self {
            shared: Arc::clone(shared),
            tally: Tally::new(),
            _distance: [0; 6],
        });
        lock(&shared.stripes).push(Arc::downgrade(&stripe));
        stripe
    }
}

impl Shared {
    pub(crate) fn new(name: &'static str, rules: Rules, state: State, seed: u64) -> Self {
        Self {
            name,
            start: Instant::now(),
            machine: Machine::new(&rules, state, seed),
            rules: ArcSwap::from_pointee(rules),
            counts: Counts::default(),
            stripes: Mutex::new(Vec::new()),
            events: EventSource::new(KIND),
            story: Mutex::new(Story::default()),
            telemetry: Telemetry::default(),
        }
    }

    pub(crate) fn now(&self) -> Now {
        Now::since_start(self.start.elapsed())
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

    pub(crate) fn rejected(&self, refused: Refused) -> Rejected {
        let rejected = Rejected::new(self.name, refused.reason);
        match refused.retry_after {
            Some(after) => rejected.with_retry_after(after),
            None => rejected,
        }
    }

    pub(crate) fn count_refused(&self, tally: &Tally, why: Rejected) {
        tally.refuse();
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
    pub(crate) fn finish(&self, ticket: Ticket, ending: Ending) {
        let rules = self.rules.load();
        let now = self.now();
        let elapsed = ticket.elapsed(now);
        let limit = rules.config.slow_calls.map(|slow| slow.after);
        let slow =
            ticket.was_slow() || elapsed.zip(limit).is_some_and(|(took, limit)| took > limit);
        let (outcome, ended, count) = match ending {
            Ending::Judged(outcome) => match outcome.verdict {
                Verdict::Success => (Some(outcome), Ended::Success, &self.counts.successes),
                Verdict::Failure => (Some(outcome), Ended::Failure, &self.counts.failures),
                Verdict::Ignore => (None, Ended::Ignored, &self.counts.ignored),
            },
            Ending::Cancelled => {
                let failed = match rules.config.cancelled {
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
        self.count(ended);
        if let Some(elapsed) = elapsed {
            self.telemetry
                .record(self.name, &self.machine, (ended, elapsed));
        }
    }

    /// Tells everybody of a transition: called by its winner, once.
    pub(crate) fn tell(&self, change: Transition) {
        let Transition {
            from,
            to,
            why,
            generation,
            now,
        } = change;
        let at = self
            .instant(Duration::from_micros(now.0))
            .unwrap_or(self.start);
        if from == to {
            if why != Why::Operator {
                self.emit(generation, at, BreakerEvent::WouldOpen { why });
            }
            return;
        }
        let mut story = lock(&self.story);
        story.since = now;
        if matches!(to, State::Open) {
            story.last_trip = Some(Trip { why, at });
        }
        if from == State::ForcedOpen {
            story.note = None;
        }
        // Under the lock, so that the state that is shown last is the state that came last.
        self.telemetry
            .transition(self.name, &self.machine, (from, to, why));
        let note = story.note.clone();
        drop(story);
        log(self.name, from, to, why);
        self.emit(
            generation,
            at,
            BreakerEvent::Transition {
                from,
                to,
                why,
                note,
            },
        );
    }

    pub(crate) fn count(&self, ended: Ended) {
        self.telemetry.count(self.name, &self.machine, ended);
    }

    pub(crate) fn emit(&self, generation: u32, at: Instant, event: BreakerEvent) {
        self.events.emit(self.name, generation.into(), at, event);
    }
}

impl Tallies for Shared {
    fn fetch(&self) -> u64 {
        let stripes = lock(&self.stripes);
        stripes
            .iter()
            .filter_map(Weak::upgrade)
            .map(|stripe| stripe.tally.fetch())
            .sum()
    }
}

#[cfg(feature = "tracing")]
fn log(name: &str, from: State, to: State, why: Why) {
    let (from, to, why) = (from.as_str(), to.as_str(), why.as_str());
    match to {
        "open" | "forced_open" => tracing::warn!(name, from, why, "circuit opened"),
        "closed" => tracing::info!(name, from, why, "circuit closed"),
        _ => tracing::debug!(name, from, to, why, "circuit changed"),
    }
}

#[cfg(not(feature = "tracing"))]
fn log(_: &str, _: State, _: State, _: Why) {}
