use std::{mem, sync::Arc};

use watertight_core::{Outcome, Permit, Verdict};

use crate::{
    machine::Ticket,
    shared::{Ending, Stripe},
    telemetry::Ended,
};

/// The right to one call through a circuit breaker.
///
/// It ends with a verdict; dropped without one, the call was cancelled. Either way a probe's slot is free again.
///
/// ```
/// # use watertight_circuit_breaker::CircuitBreaker;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let breaker = CircuitBreaker::builder("files").build()?;
/// let permit = breaker.try_acquire().expect("a new circuit is closed");
/// match std::fs::metadata("Cargo.toml") {
///     Ok(_) => permit.success(),
///     Err(_) => permit.failure(),
/// }
/// assert_eq!(breaker.snapshot().counts.successes, 1);
/// # Ok::<(), watertight_core::BuildError>(())
/// # }).unwrap();
/// ```
#[must_use = "a permit that is dropped at once counts as a cancelled call"]
#[derive(Debug)]
pub struct BreakerPermit {
    ticket: Ticket,
    stripe: Arc<Stripe>,
}

impl BreakerPermit {
    pub(crate) const fn new(ticket: Ticket, stripe: Arc<Stripe>) -> Self {
        Self { ticket, stripe }
    }

    /// The call succeeded.
    pub fn success(self) {
        self.end(Verdict::Success.into());
    }

    /// The call failed.
    pub fn failure(self) {
        self.end(Verdict::Failure.into());
    }

    /// The call says nothing about the service.
    pub fn ignore(self) {
        self.end(Verdict::Ignore.into());
    }

    /// The caller went away; the same as dropping the permit.
    pub fn cancel(self) {}

    fn spend(&mut self) -> Option<Ticket> {
        let ticket = mem::replace(&mut self.ticket, Ticket::SPENT);
        (ticket != Ticket::SPENT).then_some(ticket)
    }
}

impl Permit for BreakerPermit {
    fn end(mut self, outcome: Outcome) {
        let Some(ticket) = self.spend() else { return };
        let shared = &self.stripe.shared;
        let success = outcome.verdict == Verdict::Success;
        if success && shared.machine.succeed_quickly(ticket, &self.stripe.tally) {
            shared.count(Ended::Success);
        } else {
            shared.finish(ticket, Ending::Judged(outcome));
        }
    }

    /// A probe is decided by its head; any other call has its time taken, and is judged when it ends.
    fn head(&mut self, outcome: Outcome) {
        let shared = &self.stripe.shared;
        if self.ticket.is_probe() {
            let ticket = mem::replace(&mut self.ticket, Ticket::SPENT);
            shared.finish(ticket, Ending::Judged(outcome));
        } else if let Some(elapsed) = self.ticket.elapsed(shared.now()) {
            let limit = shared.rules.load().config.slow_calls;
            let slow = limit.is_some_and(|limit| elapsed > limit.after);
            self.ticket = self.ticket.stopped(slow);
        }
    }
}

impl Drop for BreakerPermit {
    fn drop(&mut self) {
        if let Some(ticket) = self.spend() {
            self.stripe.shared.finish(ticket, Ending::Cancelled);
        }
    }
}
