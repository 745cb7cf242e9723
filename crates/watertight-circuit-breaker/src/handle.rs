use std::sync::{Arc, OnceLock};

use watertight_core::{Event, Events, Rejected, my_stripe, stripe_count};

use crate::{
    BreakerPermit, CircuitBreakerBuilder,
    config::Config,
    event::BreakerEvent,
    machine::{Rules, State},
    shared::{Shared, Stripe},
    snapshot::Snapshot,
    sync::{Mutex, MutexGuard, lock},
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
pub struct CircuitBreaker(Arc<Handle>);

#[derive(Debug)]
struct Handle {
    shared: Arc<Shared>,
    /// Made when a worker thread first comes by, so that a breaker per key stays small.
    stripes: Box<[OnceLock<Arc<Stripe>>]>,
    updating: Mutex<()>,
}

impl CircuitBreaker {
    /// Starts to build a circuit breaker of this name.
    pub fn builder(name: impl Into<String>) -> CircuitBreakerBuilder {
        CircuitBreakerBuilder::new(name.into())
    }

    pub(crate) fn from_parts(name: &'static str, rules: Rules, state: State, seed: u64) -> Self {
        let shared = Arc::new(Shared::new(name, rules, state, seed));
        Self(Arc::new(Handle {
            shared,
            stripes: (0..stripe_count()).map(|_| OnceLock::new()).collect(),
            updating: Mutex::new(()),
        }))
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.shared().name
    }

    /// Admits or refuses one call, for code that is not a tower service.
    ///
    /// # Errors
    ///
    /// The refusal, with the time to come back where it is known.
    pub fn try_acquire(&self) -> Result<BreakerPermit, Rejected> {
        let stripe = self.stripe();
        let ticket = match stripe.shared.machine.admit_untimed() {
            Some(ticket) => ticket,
            None => stripe.shared.admit(&stripe.tally)?,
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
        self.shared().rules.load().config
    }

    /// Subscribes to what happens from now on. Bounded: a slow subscriber misses events, and is told so.
    #[must_use]
    pub fn subscribe(&self) -> Events<Event<BreakerEvent>> {
        self.shared().events.subscribe()
    }

    /// One lock per handle, so that two updates at once do not undo each other.
    pub(crate) fn updating(&self) -> MutexGuard<'_, ()> {
        lock(&self.0.updating)
    }

    /// Whether no permit is out.
    pub(crate) fn is_idle(&self) -> bool {
        let mut stripes = self.0.stripes.iter().filter_map(OnceLock::get);
        stripes.all(|stripe| Arc::strong_count(stripe) == 1)
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0.shared
    }

    pub(crate) fn stripe(&self) -> &Arc<Stripe> {
        let mine = my_stripe() & (self.0.stripes.len() - 1);
        self.0.stripes[mine].get_or_init(|| Stripe::new(&self.0.shared))
    }
}
