use tower::layer::util::Identity;
use tower_layer::Layer;
use watertight_bulkhead::{Bulkhead, BulkheadLayer, Queue, QueueService};
use watertight_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer};
use watertight_core::{Admission, Fail, Flat, UntilHead, Wrap, http::ServerErrors};
use watertight_timeout::{
    ClientDeadlineLayer, ClientDeadlineService, DeadlineLayer, DeadlineService, Millis, Same,
    Timeout, TimeoutLayer, TimeoutService,
};

use super::{
    retries::Retries,
    retry::{Once, RetryPolicy, RetryService},
};

/// The standard stack for an HTTP client, as one layer whose parts can be watched and changed.
///
/// Every refusal and every error of the client is one [`Error<E>`](watertight_core::Error) for the client's own `E`.
#[must_use = "a layer does nothing until it wraps a service"]
#[derive(Clone, Debug)]
pub struct ClientStack<A = CircuitBreaker, F = Identity, C = ServerErrors, P = RetryPolicy<C>> {
    fallback: F,
    total: DeadlineLayer<Millis, Flat>,
    bulkhead: BulkheadLayer<Bulkhead<Queue>, C, Flat>,
    retry: P,
    breaker: CircuitBreakerLayer<A, C, Flat>,
    deadline: ClientDeadlineLayer<Millis, Flat>,
    attempt: TimeoutLayer<Fail>,
}

/// The parts that a stack is made of.
pub(super) struct Handles<A> {
    pub(super) total: Timeout,
    pub(super) bulkhead: Bulkhead<Queue>,
    pub(super) breaker: A,
    pub(super) attempt: Timeout,
}

type Attempt<S> = ClientDeadlineService<TimeoutService<S, Fail, Same>, Millis, Flat>;
type Broken<S, A, C> = Admission<Attempt<S>, A, C, Flat, UntilHead>;

/// The services of a [`ClientStack`] without its fallback.
pub type ClientService<S, A = CircuitBreaker, C = ServerErrors, P = RetryPolicy<C>> =
    DeadlineService<
        QueueService<RetryService<Broken<S, A, C>, P>, C, Flat, UntilHead>,
        Millis,
        Flat,
    >;

impl<A, C: Clone> ClientStack<A, Identity, C> {
    pub(super) fn new(handles: Handles<A>, retries: Retries, classify: C) -> Self {
        // What is left of the total is sent along with each attempt, and an attempt that it cuts off is cut off by it.
        let deadline = ClientDeadlineLayer::http(&handles.total)
            .attempt(&handles.attempt)
            .on_reject(Flat);
        Self {
            fallback: Identity::new(),
            total: DeadlineLayer::new(handles.total)
                .wire(Millis::default())
                .on_reject(Flat),
            bulkhead: BulkheadLayer::new(handles.bulkhead)
                .classify(classify.clone())
                .on_reject(Flat),
            retry: RetryPolicy::new(retries, classify.clone()),
            breaker: CircuitBreakerLayer::new(handles.breaker)
                .classify(classify)
                .on_reject(Flat),
            deadline,
            attempt: TimeoutLayer::new(handles.attempt),
        }
    }
}

impl<A, F, C, P> ClientStack<A, F, C, P> {
    /// Puts a fallback around everything.
    pub fn with_fallback<F2>(self, fallback: F2) -> ClientStack<A, F2, C, P> {
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

    /// Makes one attempt only, with a request whose body need not be `Clone`: one that is passed on as it comes in.
    ///
    /// ```
    /// use axum::body::Body;
    /// use hyper_util::{client::legacy::Client, rt::TokioExecutor};
    /// use tower::Layer;
    ///
    /// let stack = watertight::http::client("backend").build()?.without_retries();
    /// let proxy = stack.layer(Client::builder(TokioExecutor::new()).build_http::<Body>());
    /// # fn usable<S: tower::Service<http::Request<Body>>>(_: &S) {}
    /// # usable(&proxy);
    /// # Ok::<(), watertight::BuildError>(())
    /// ```
    pub fn without_retries(self) -> ClientStack<A, F, C, Once> {
        ClientStack {
            fallback: self.fallback,
            total: self.total,
            bulkhead: self.bulkhead,
            retry: Once,
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

impl<S, A, F, C, P> Layer<S> for ClientStack<A, F, C, P>
where
    A: Wrap<Attempt<S>, C, Flat, UntilHead, Service = Broken<S, A, C>> + Clone,
    C: Clone,
    F: Layer<ClientService<S, A, C, P>>,
    P: Clone,
{
    type Service = F::Service;

    fn layer(&self, client: S) -> Self::Service {
        let attempt = self.deadline.layer(self.attempt.layer(client));
        let retried = RetryService::new(self.breaker.layer(attempt), self.retry.clone());
        self.fallback
            .layer(self.total.layer(self.bulkhead.layer(retried)))
    }
}
