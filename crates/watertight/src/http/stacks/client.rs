use std::time::Duration;

use tower::{
    layer::util::Identity,
    retry::{Retry, RetryLayer},
};
use tower_layer::Layer;
use watertight_bulkhead::{Bulkhead, BulkheadLayer, Queue, QueueService};
use watertight_circuit_breaker::{
    CircuitBreaker, CircuitBreakerBuilder, CircuitBreakerLayer, Config, Window,
};
use watertight_core::{
    Admission, BuildError, Fail, Flat, KeyLimits, Registry, UntilHead, http::ServerErrors,
};
use watertight_timeout::{
    ClientDeadlineLayer, ClientDeadlineService, DeadlineLayer, DeadlineService, Millis, Same,
    Timeout, TimeoutLayer, TimeoutService,
};

use super::{
    per_host::PerHost,
    retry::{Retries, RetryPolicy},
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
/// | `circuit_breaker` | that of [`CircuitBreaker::builder`] |
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

/// The standard stack for an HTTP client, as one layer whose parts can be watched and changed.
///
/// Every refusal and every error of the client is one [`Error<E>`](watertight_core::Error) for the client's own `E`.
#[must_use = "a layer does nothing until it wraps a service"]
#[derive(Clone, Debug)]
pub struct ClientStack<A = CircuitBreaker, F = Identity, C = ServerErrors> {
    fallback: F,
    total: DeadlineLayer<Millis, Flat>,
    bulkhead: BulkheadLayer<Bulkhead<Queue>, C, Flat>,
    retry: RetryLayer<RetryPolicy<C>>,
    breaker: CircuitBreakerLayer<A, C, Flat>,
    deadline: ClientDeadlineLayer<Millis, Flat>,
    attempt: TimeoutLayer<Fail>,
}

type Attempt<S> = ClientDeadlineService<TimeoutService<S, Fail, Same>, Millis, Flat>;
type Retried<S, A, C> = Retry<RetryPolicy<C>, Admission<Attempt<S>, A, C, Flat, UntilHead>>;

/// The services of a [`ClientStack`] without its fallback.
pub type ClientService<S, A = CircuitBreaker, C = ServerErrors> =
    DeadlineService<QueueService<Retried<S, A, C>, C, Flat, UntilHead>, Millis, Flat>;

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
        let breaker = self.breaker.clone().build()?;
        let config = breaker.config();
        self.finish(config, breaker)
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
        let hosts = self.breaker.clone().keyed(limits)?;
        let config = hosts.overflow().config();
        self.finish(config, PerHost::new(hosts))
    }

    fn finish<A>(
        self,
        config: Config,
        breaker: A,
    ) -> Result<ClientStack<A, Identity, C>, BuildError> {
        let conflict = |field, other, why| Err(BuildError::conflict(&self.name, field, other, why));
        if self.total < self.attempt {
            return conflict("total", "attempt", "the total is shorter than one attempt");
        }
        if let Window::Time(span) = config.window
            && span < self.attempt.saturating_mul(2)
        {
            return conflict(
                "window",
                "attempt",
                "the window is shorter than two attempts",
            );
        }
        if self.retries.attempts == 0 {
            let expected = "at least 1, the first one";
            return Err(BuildError::invalid(&self.name, "retries", 0, expected));
        }
        if !(0.0..=1_000.0).contains(&self.retries.share) {
            let expected = "a share from 0 to 1000";
            return Err(BuildError::invalid(
                &self.name,
                "retries",
                self.retries.share,
                expected,
            ));
        }
        let named = |part: &str, duration| {
            let timeout = Timeout::builder(format!("{}.{part}", self.name)).duration(duration);
            let registered = self
                .registry
                .iter()
                .fold(timeout, watertight_timeout::TimeoutBuilder::register);
            registered.build()
        };
        let bulkhead = Bulkhead::builder(&self.name).max_concurrent(self.max_concurrent);
        let bulkhead = self
            .registry
            .iter()
            .fold(bulkhead, watertight_bulkhead::BulkheadBuilder::register);
        let (total, attempt) = (named("total", self.total)?, named("attempt", self.attempt)?);
        let classify = || self.classify.clone();
        Ok(ClientStack {
            fallback: Identity::new(),
            deadline: ClientDeadlineLayer::http(Duration::MAX).on_reject(Flat),
            total: DeadlineLayer::new(total)
                .wire(Millis::default())
                .on_reject(Flat),
            bulkhead: BulkheadLayer::new(bulkhead.queue(self.queue).build()?)
                .classify(classify())
                .on_reject(Flat),
            retry: RetryLayer::new(RetryPolicy::new(self.retries, classify())),
            breaker: CircuitBreakerLayer::new(breaker)
                .classify(classify())
                .on_reject(Flat),
            attempt: TimeoutLayer::new(attempt),
        })
    }
}

impl<A, F, C> ClientStack<A, F, C> {
    /// Puts a fallback around everything.
    pub fn with_fallback<F2>(self, fallback: F2) -> ClientStack<A, F2, C> {
        ClientStack {
            fallback,
            total: self.total,
            bulkhead: self.bulkhead,
            retry: self.retry,
            breaker: self.breaker,
            deadline: self.deadline,
            attempt: self.attempt,
        }
    }

    /// The circuit breaker, or the circuit breakers by host.
    pub const fn circuit_breaker(&self) -> &A {
        self.breaker.handle()
    }

    /// The bulkhead.
    pub const fn bulkhead(&self) -> &Bulkhead<Queue> {
        self.bulkhead.handle()
    }

    /// The timeout of one attempt.
    pub const fn attempt(&self) -> &Timeout {
        self.attempt.handle()
    }

    /// The total deadline.
    pub const fn total(&self) -> &Timeout {
        self.total.handle()
    }
}

impl<S, A, F, C> Layer<S> for ClientStack<A, F, C>
where
    A: Clone
        + watertight_core::Wrap<
            Attempt<S>,
            C,
            Flat,
            UntilHead,
            Service = Admission<Attempt<S>, A, C, Flat, UntilHead>,
        >,
    C: Clone,
    F: Layer<ClientService<S, A, C>>,
{
    type Service = F::Service;

    fn layer(&self, client: S) -> Self::Service {
        let attempt = self.deadline.layer(self.attempt.layer(client));
        let retried = self.retry.layer(self.breaker.layer(attempt));
        self.fallback
            .layer(self.total.layer(self.bulkhead.layer(retried)))
    }
}
