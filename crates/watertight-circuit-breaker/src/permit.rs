use std::{mem, sync::Arc};

use watertight_core::{Outcome, Permit, Verdict, my_stripe};

use crate::{machine::Ticket, shared::Ending, stripe::Stripe, telemetry::Ended};

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
    #[inline(always)]
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

    #[inline(always)]
    fn finish(&self, ticket: Ticket, ending: Ending) {
        if ticket != Ticket::SPENT {
            let stripe = &*self.stripe;
            stripe.shared.finish(ticket, ending, &stripe.tally);
        }
    }
}

impl Permit for BreakerPermit {
    #[inline(always)]
    fn end(mut self, outcome: Outcome) {
        let ticket = self.ticket;
        let stripe = &*self.stripe;
        let by = (&stripe.tally, my_stripe());
        let quick = outcome.verdict == Verdict::Success
            && stripe.shared.machine.succeed_quickly(ticket, by);
        // Not before, and not later: spent here, the drop below is found to do nothing.
        self.ticket = Ticket::SPENT;
        if quick {
            self.stripe.shared.count(Ended::Success);
        } else {
            self.finish(ticket, Ending::Judged(outcome));
        }
    }

    /// A probe is decided by its head; any other call has its time taken, and is judged when it ends.
    fn head(&mut self, outcome: Outcome) {
        let shared = &self.stripe.shared;
        if self.ticket.is_probe() {
            let ticket = mem::replace(&mut self.ticket, Ticket::SPENT);
            self.finish(ticket, Ending::Judged(outcome));
        } else if let Some(took) = self.ticket.elapsed(|| shared.now()) {
            self.ticket = self.ticket.stopped(took);
        }
    }
}

impl Drop for BreakerPermit {
    #[inline(always)]
    fn drop(&mut self) {
        let ticket = mem::replace(&mut self.ticket, Ticket::SPENT);
        self.finish(ticket, Ending::Cancelled);
    }
}
