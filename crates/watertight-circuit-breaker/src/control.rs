use std::{mem, sync::Arc, time::Duration};

use tokio::time::Instant;
use watertight_core::BuildError;

use crate::{
    CircuitBreaker,
    config::Config,
    event::BreakerEvent,
    machine::{Now, State},
    sync::lock,
};

/// What an operator can do at run time.
impl CircuitBreaker {
    /// Holds the circuit open until it is [`reset`](Self::reset), whatever happens; `why` is told in the snapshot and in
    /// events, never to callers. What is in flight goes on to its end. Said again, it changes the reason and the time.
    ///
    /// ```
    /// # use watertight_circuit_breaker::CircuitBreaker;
    /// use watertight_core::Reason;
    ///
    /// let payments = CircuitBreaker::builder("payments").build()?;
    /// payments.force_open("maintenance");
    /// assert_eq!(payments.try_acquire().unwrap_err().reason, Reason::ForcedOpen);
    /// assert_eq!(payments.snapshot().note.as_deref(), Some("maintenance"));
    /// payments.reset();
    /// assert!(payments.try_acquire().is_ok());
    /// # Ok::<(), watertight_core::BuildError>(())
    /// ```
    pub fn force_open(&self, why: impl Into<Arc<str>>) {
        self.hold_open(why.into(), None);
    }

    /// Holds the circuit open for a time; after it, the circuit is closed by the next call.
    pub fn force_open_for(&self, why: impl Into<Arc<str>>, duration: Duration) {
        self.hold_open(why.into(), Some(duration));
    }

    /// Lets every call through and records nothing until it is [`reset`](Self::reset).
    pub fn disable(&self) {
        self.force(State::Disabled, None);
    }

    /// Lets every call through and records it; instead of opening, the circuit says once that it would have. Said again,
    /// it changes nothing.
    pub fn metrics_only(&self) {
        self.force(State::MetricsOnly, None);
    }

    /// Closes the circuit, empties its window and forgets its back-off. Calls that are under way count no more.
    pub fn reset(&self) {
        let from = self.state();
        self.force(State::Closed, None);
        let shared = self.shared();
        shared.emit(
            shared.machine.generation(),
            Instant::now(),
            BreakerEvent::Reset { from },
        );
    }

    /// Changes the configuration at run time and keeps the state; another kind or size of window starts empty.
    ///
    /// # Errors
    ///
    /// The changed configuration makes no sense; the old one stays in force.
    ///
    /// ```
    /// # use watertight_circuit_breaker::CircuitBreaker;
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let payments = CircuitBreaker::builder("payments").build()?;
    /// payments.update(|config| config.failure_rate = Some(0.2))?;
    /// let error = payments.update(|config| config.probes = 0).unwrap_err();
    /// assert_eq!(error.field(), "probes");
    /// # Ok::<(), watertight_core::BuildError>(())
    /// # }).unwrap();
    /// ```
    pub fn update(&self, change: impl FnOnce(&mut Config)) -> Result<(), BuildError> {
        let shared = self.shared();
        let _updating = lock(&shared.seldom().updating);
        let old = shared.rules.load_full();
        let mut config = old.config();
        change(&mut config);
        let new = Arc::new(old.updated(shared.name, config)?);
        shared.rules.store(Arc::clone(&new));
        shared.machine.adopt(&old, shared.at(shared.now(), &new));
        shared.emit(
            shared.machine.generation(),
            Instant::now(),
            BreakerEvent::Updated,
        );
        Ok(())
    }

    fn hold_open(&self, why: Arc<str>, duration: Option<Duration>) {
        let shared = self.shared();
        let until = duration.map(|duration| shared.now().plus(duration));
        let note = Some(Arc::clone(&why));
        let before = mem::replace(&mut lock(&shared.seldom().story).note, note);
        let is_new = match self.force(State::ForcedOpen, until) {
            Some(from) => from == State::ForcedOpen,
            None => before.as_ref() != Some(&why),
        };
        if is_new {
            let until = until.and_then(|until| shared.instant(until.elapsed()));
            shared.emit(
                shared.machine.generation(),
                Instant::now(),
                BreakerEvent::Held { note: why, until },
            );
        }
    }

    /// The state before, if anything has changed.
    fn force(&self, state: State, until: Option<Now>) -> Option<State> {
        let shared = self.shared();
        let rules = shared.rules.load();
        let at = shared.at(shared.now(), &rules);
        shared
            .machine
            .force(state, until, at, &|change| shared.tell(change))
    }
}
