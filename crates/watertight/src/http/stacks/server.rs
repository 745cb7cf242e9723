use std::{sync::Arc, time::Duration};

use http::Request;
use tower_layer::Layer;
use watertight_bulkhead::{Bulkhead, Exempt, Gate, Refuse};
use watertight_core::{
    Admission, AdmissionLayer, BuildError, Registry, UntilHead,
    http::{Problem, ServerErrors},
};
use watertight_timeout::{DeadlineLayer, DeadlineService, Millis, Timeout};

/// Starts to build the standard stack for an HTTP server, such as an axum router.
///
/// From the outside in, and why:
///
/// 1. the **bulkhead** refuses what is too much with 503 before anything is done for it, without queue or timer; health
///    checks pass, or an overloaded server would be taken for a dead one;
/// 2. the **deadline** is the caller's, or `total` if that is earlier; the clients of the handlers inherit it, and what
///    is not done by then is answered with 504 and dropped.
///
/// | setting | default |
/// |---|---|
/// | `max_concurrent` | 1 000 |
/// | `total` | 30 s |
/// | `exempt` | `/healthz`, `/livez`, `/readyz`, `/metrics` |
///
/// ```
/// use axum::{Router, routing::get};
///
/// let stack = watertight::http::server("shop").max_concurrent(200).build()?;
/// let bulkhead = stack.bulkhead().clone();
/// let app: Router = Router::new().route("/", get(async || "roses")).layer(stack);
/// assert_eq!(bulkhead.limit(), 200);
/// # Ok::<(), watertight::BuildError>(())
/// ```
pub fn server(name: impl Into<String>) -> ServerBuilder {
    ServerBuilder {
        name: name.into(),
        max_concurrent: 1_000,
        total: Duration::from_secs(30),
        exempt: ["/healthz", "/livez", "/readyz", "/metrics"]
            .map(String::from)
            .into(),
        classify: ServerErrors::new(),
        registry: None,
    }
}

/// Builds a [`ServerStack`].
#[must_use = "a builder does nothing until `build`"]
#[derive(Clone, Debug)]
pub struct ServerBuilder<C = ServerErrors> {
    name: String,
    max_concurrent: usize,
    total: Duration,
    exempt: Vec<String>,
    classify: C,
    registry: Option<Registry>,
}

/// The standard stack for an HTTP server, as one layer whose parts can be watched and changed.
#[must_use = "a layer does nothing until it wraps a service"]
#[derive(Clone, Debug)]
pub struct ServerStack<C = ServerErrors> {
    handle: Bulkhead,
    bulkhead: AdmissionLayer<Gate<Refuse, Paths>, C, Problem>,
    deadline: DeadlineLayer<Millis, Problem>,
}

/// Paths that pass the bulkhead without a permit.
#[derive(Clone, Debug)]
pub struct Paths(Arc<[String]>);

/// The services of a [`ServerStack`].
pub type ServerService<S, C = ServerErrors> =
    Admission<DeadlineService<S, Millis, Problem>, Gate<Refuse, Paths>, C, Problem, UntilHead>;

impl<C> ServerBuilder<C> {
    /// Requests in flight at the same time.
    pub const fn max_concurrent(mut self, requests: usize) -> Self {
        self.max_concurrent = requests;
        self
    }

    /// The time for a request whose caller asks for no less.
    pub const fn total(mut self, duration: Duration) -> Self {
        self.total = duration;
        self
    }

    /// The paths that pass the bulkhead, instead of the default ones.
    pub fn exempt(mut self, paths: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.exempt = paths.into_iter().map(Into::into).collect();
        self
    }

    /// Judges requests with another classifier; `ServerErrors::boxed()` for services whose error is boxed.
    pub fn classify<C2>(self, classify: C2) -> ServerBuilder<C2> {
        ServerBuilder {
            name: self.name,
            max_concurrent: self.max_concurrent,
            total: self.total,
            exempt: self.exempt,
            classify,
            registry: self.registry,
        }
    }

    /// Makes all parts known to a registry.
    pub fn register(mut self, registry: &Registry) -> Self {
        self.registry = Some(registry.clone());
        self
    }

    /// Builds the stack.
    ///
    /// # Errors
    ///
    /// Settings that make no sense, or a name that is taken in the registry.
    pub fn build(self) -> Result<ServerStack<C>, BuildError> {
        if self.total.is_zero() {
            let expected = "more than no time";
            return Err(BuildError::invalid(
                self.name, "total", self.total, expected,
            ));
        }
        let mut bulkhead = Bulkhead::builder(&self.name).max_concurrent(self.max_concurrent);
        let mut total = Timeout::builder(format!("{}.total", self.name)).duration(self.total);
        if let Some(registry) = &self.registry {
            bulkhead = bulkhead.register(registry);
            total = total.register(registry);
        }
        let handle = bulkhead.build()?;
        let gate = handle.exempt(Paths(self.exempt.into()));
        Ok(ServerStack {
            bulkhead: AdmissionLayer::for_http(gate).classify(self.classify),
            deadline: DeadlineLayer::for_http(total.build()?),
            handle,
        })
    }
}

impl<C> ServerStack<C> {
    /// The bulkhead.
    #[must_use]
    pub const fn bulkhead(&self) -> &Bulkhead {
        &self.handle
    }

    /// The total deadline.
    #[must_use]
    pub const fn total(&self) -> &Timeout {
        self.deadline.handle()
    }
}

impl<S, C: Clone> Layer<S> for ServerStack<C> {
    type Service = ServerService<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        self.bulkhead.layer(self.deadline.layer(inner))
    }
}

impl<B> Exempt<Request<B>> for Paths {
    fn is_exempt(&self, request: &Request<B>) -> bool {
        self.0.iter().any(|path| path == request.uri().path())
    }
}
