use std::time::Duration;

use tower::layer::util::Identity;
use watertight_bulkhead::{Bulkhead, BulkheadBuilder};
use watertight_circuit_breaker::{CircuitBreaker, CircuitBreakerBuilder, Window};
use watertight_core::{BuildError, KeyLimits, Registry, http::ServerErrors};
use watertight_timeout::{Timeout, TimeoutBuilder};

use super::{
    client::{ClientStack, Handles},
    per_host::PerHost,
    retries::Retries,
};

/// Starts to build the standard stack for an HTTP client: hyper-util's, reqwest's, or another.
///
/// From the outside in, and why:
///
/// 1. the **fallback** ([`ClientStack::with_fallback`]) sees every failure and refusal, so it is outermost;
/// 2. the **total deadline** covers the wait, all attempts and the pauses between them;
/// 3. the **bulkhead** holds one permit for the whole call, so retries do not multiply what is in flight;
/// 4. the **retries** are inside the bulkhead and outside the circuit breaker, which sees every attempt;
/// 5. the **circuit breaker** refuses what is hopeless, and a refusal is not retried;
/// 6. what is left of the **deadline** is sent along with each attempt;
/// 7. the **attempt timeout** is inside the circuit breaker, or a hang would never open it.
///
/// | setting | default |
/// |---|---|
/// | `total` | 10 s |
/// | `attempt` | 3 s |
/// | `max_concurrent`, `queue` | 100, 100; waits are bounded by the deadline |
/// | `retries` | see [`Retries`] |
/// | `circuit_breaker` | that of [`CircuitBreaker::builder`], its `probe_timeout` at least `attempt` |
///
/// ```
/// use std::time::Duration;
/// use hyper_util::{client::legacy::Client, rt::TokioExecutor};
/// use tower::ServiceBuilder;
///
/// # type Body = http_body_util::Full<bytes::Bytes>;
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let stack = watertight::http::client("payments").total(Duration::from_secs(5)).build()?;
/// let breaker = stack.circuit_breaker().clone();
/// let client = ServiceBuilder::new()
///     .layer(stack)
///     .service(Client::builder(TokioExecutor::new()).build_http::<Body>());
/// # fn usable<S: tower::Service<http::Request<Body>>>(_: &S) {}
/// # usable(&client);
/// # Ok::<(), watertight::BuildError>(())
/// # }).unwrap();
/// ```
pub fn client(name: impl Into<String>) -> ClientBuilder {
    let name = name.into();
    ClientBuilder {
        breaker: CircuitBreaker::builder(&name),
        name,
        total: Duration::from_secs(10),
        attempt: Duration::from_secs(3),
        max_concurrent: 100,
        queue: 100,
        retries: Retries::default(),
        classify: ServerErrors::new(),
        registry: None,
    }
}

/// Builds a [`ClientStack`].
#[must_use = "a builder does nothing until `build`"]
#[derive(Clone, Debug)]
pub struct ClientBuilder<C = ServerErrors> {
    name: String,
    total: Duration,
    attempt: Duration,
    max_concurrent: usize,
    queue: usize,
    retries: Retries,
    breaker: CircuitBreakerBuilder,
    classify: C,
    registry: Option<Registry>,
}

impl<C: Clone> ClientBuilder<C> {
    /// The time for everything together: waiting, all attempts, the pauses between them.
    pub const fn total(mut self, duration: Duration) -> Self {
        self.total = duration;
        self
    }

    /// The time until the head of one attempt's response.
    pub const fn attempt(mut self, duration: Duration) -> Self {
        self.attempt = duration;
        self
    }

    /// Calls in flight at the same time.
    pub const fn max_concurrent(mut self, calls: usize) -> Self {
        self.max_concurrent = calls;
        self
    }

    /// Calls that wait when as many as may be are in flight.
    pub const fn queue(mut self, calls: usize) -> Self {
        self.queue = calls;
        self
    }

    /// How attempts are repeated.
    pub fn retries(mut self, set: impl FnOnce(&mut Retries)) -> Self {
        set(&mut self.retries);
        self
    }

    /// How the circuit breaker is built.
    pub fn circuit_breaker(
        mut self,
        set: impl FnOnce(CircuitBreakerBuilder) -> CircuitBreakerBuilder,
    ) -> Self {
        self.breaker = set(self.breaker);
        self
    }

    /// Judges attempts with another classifier; `ServerErrors::boxed()` for clients whose error is boxed.
    pub fn classify<C2>(self, classify: C2) -> ClientBuilder<C2> {
        ClientBuilder {
            name: self.name,
            total: self.total,
            attempt: self.attempt,
            max_concurrent: self.max_concurrent,
            queue: self.queue,
            retries: self.retries,
            breaker: self.breaker,
            classify,
            registry: self.registry,
        }
    }

    /// Makes all parts known to a registry.
    pub fn register(mut self, registry: &Registry) -> Self {
        self.registry = Some(registry.clone());
        self.breaker = self.breaker.register(registry);
        self
    }

    /// Builds the stack with one circuit breaker for all that the client calls.
    ///
    /// # Errors
    ///
    /// Settings that make no sense or contradict each other: a total shorter than an attempt, a time window shorter than
    /// two attempts.
    pub fn build(self) -> Result<ClientStack<CircuitBreaker, Identity, C>, BuildError> {
        self.finish(CircuitBreakerBuilder::build)
    }

    /// Builds the stack with one circuit breaker per host.
    ///
    /// # Errors
    ///
    /// As for [`build`](Self::build).
    pub fn build_per_host(
        self,
        limits: KeyLimits,
    ) -> Result<ClientStack<PerHost, Identity, C>, BuildError> {
        self.finish(|breaker| breaker.keyed(limits).map(PerHost::new))
    }

    fn finish<A>(
        self,
        breaker: impl FnOnce(CircuitBreakerBuilder) -> Result<A, BuildError>,
    ) -> Result<ClientStack<A, Identity, C>, BuildError> {
        let probe_timeout = self.check()?;
        let registry = self.registry.iter();
        let named = |part: &str, duration| {
            let timeout = Timeout::builder(format!("{}.{part}", self.name)).duration(duration);
            registry
                .clone()
                .fold(timeout, TimeoutBuilder::register)
                .build()
        };
        let bulkhead = Bulkhead::builder(&self.name).max_concurrent(self.max_concurrent);
        let bulkhead = registry.clone().fold(bulkhead, BulkheadBuilder::register);
        let handles = Handles {
            total: named("total", self.total)?,
            bulkhead: bulkhead.queue(self.queue).build()?,
            breaker: breaker(self.breaker.probe_timeout(probe_timeout))?,
            attempt: named("attempt", self.attempt)?,
        };
        Ok(ClientStack::new(handles, self.retries, self.classify))
    }

    /// Finds what contradicts itself; the time that a probe needs, which is that of an attempt at least.
    fn check(&self) -> Result<Duration, BuildError> {
        for (field, duration) in [("total", self.total), ("attempt", self.attempt)] {
            if duration.is_zero() {
                let expected = "more than no time";
                return Err(BuildError::invalid(&self.name, field, duration, expected));
            }
        }
        let conflict = |field, why| Err(BuildError::conflict(&self.name, field, "attempt", why));
        if self.total < self.attempt {
            return conflict("total", "the total is shorter than one attempt");
        }
        let config = self.breaker.config()?;
        if let Window::Time(span) = config.window
            && span < self.attempt.saturating_mul(2)
        {
            return conflict("window", "the window is shorter than two attempts");
        }
        self.retries.check(&self.name)?;
        Ok(config.probe_timeout.max(self.attempt))
    }
}
