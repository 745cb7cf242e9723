use std::sync::Arc;

use watertight_core::{Event, Events, Rejected};

use crate::{
    BreakerPermit, CircuitBreakerBuilder,
    config::Config,
    event::BreakerEvent,
    machine::State,
    shared::{Plan, Shared},
    snapshot::Snapshot,
    stripe::{self, Slots, Stripe, Stripes},
};

/// A circuit breaker: the state that its layers, services and clones share.
///
/// Use it where a dependency can fail for a while: after too many failures or slow calls, calls are refused at once,
/// which spares the caller the wait and the dependency the load; a few probes find out when it is back.
///
/// ```
/// use std::time::Duration;
/// use watertight_circuit_breaker::{CircuitBreaker, State, Window};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let payments = CircuitBreaker::builder("payments")
///     .failure_rate(0.5)
///     .minimum_calls(3)
///     .window(Window::calls(10))
///     .open_for(Duration::from_secs(5))
///     .build()?;
/// for _ in 0..3 {
///     payments.try_acquire().unwrap().failure();
/// }
/// assert_eq!(payments.state(), State::Open);
/// assert!(payments.try_acquire().is_err());
/// # Ok::<(), watertight_core::BuildError>(())
/// # }).unwrap();
/// ```
///
/// # Clone
///
/// Clones are cheap and share everything.
#[derive(Clone, Debug)]
pub struct CircuitBreaker {
    shared: Arc<Shared>,
    stripes: Arc<Slots>,
}

impl CircuitBreaker {
    /// Starts to build a circuit breaker of this name.
    pub fn builder(name: impl Into<String>) -> CircuitBreakerBuilder {
        CircuitBreakerBuilder::new(name.into())
    }

    pub(crate) fn new(plan: Plan) -> Self {
        let stripes = stripe::slots();
        let shared = Arc::new(Shared::new(plan, Arc::downgrade(&stripes)));
        Self { shared, stripes }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.shared().name
    }

    /// Admits or refuses one call, for code that is not a tower service. See [`BreakerPermit`] for an example.
    ///
    /// A permit that is dropped without an end is a cancelled call.
    ///
    /// # Errors
    ///
    /// The refusal, with the time to come back where it is known.
    #[inline(always)]
    pub fn try_acquire(&self) -> Result<BreakerPermit, Rejected> {
        let (shared, stripe) = (&*self.shared, self.stripe());
        let ticket = match shared.machine.admit_quickly(|| shared.now()) {
            Some(ticket) => ticket,
            None => shared.admit(&stripe.tally)?,
        };
        Ok(BreakerPermit::new(ticket, Arc::clone(stripe)))
    }

    /// The state. Transitions that are due by time happen with the next call.
    #[must_use]
    pub fn state(&self) -> State {
        self.shared().machine.state()
    }

    /// Everything there is to see.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.shared().snapshot()
    }

    /// The configuration in force.
    #[must_use]
    pub fn config(&self) -> Config {
        self.shared().rules.load().config()
    }

    /// Subscribes to what happens from now on. Bounded: a slow subscriber misses events, and is told so.
    ///
    /// ```
    /// # use watertight_circuit_breaker::{BreakerEvent, CircuitBreaker, State};
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let payments = CircuitBreaker::builder("payments").consecutive_failures(1).build()?;
    /// let mut events = payments.subscribe();
    /// payments.try_acquire().unwrap().failure();
    /// let event = events.next().await.unwrap().unwrap();
    /// assert!(matches!(event.kind, BreakerEvent::Transition { to: State::Open, .. }));
    /// # Ok::<(), watertight_core::BuildError>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn subscribe(&self) -> Events<Event<BreakerEvent>> {
        self.shared().seldom().events.subscribe()
    }

    /// Whether no permit is out.
    pub(crate) fn is_idle(&self) -> bool {
        self.stripes.are_idle()
    }

    #[inline(always)]
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    #[inline(always)]
    pub(crate) fn stripe(&self) -> &Arc<Stripe> {
        self.stripes.mine(&self.shared)
    }
}
