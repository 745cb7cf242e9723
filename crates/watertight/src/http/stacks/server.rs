use std::time::Duration;

use tower_layer::Layer;
use watertight_bulkhead::{Bulkhead, Gate, Refuse};
use watertight_core::{
    Admission, AdmissionLayer, BuildError, Registry, UntilHead,
    http::{Problem, ServerErrors},
};
use watertight_timeout::{DeadlineLayer, DeadlineService, Millis, Timeout};

use super::plan::{Paths, Plan};

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
/// | `ignore_callers_deadline` | off: a caller may ask for less time than `total` |
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
        plan: Plan::new(name.into(), &["/healthz", "/livez", "/readyz", "/metrics"]),
        ignores_callers: false,
        classify: ServerErrors::new(),
    }
}

/// Builds a [`ServerStack`].
#[must_use = "a builder does nothing until `build`"]
#[derive(Clone, Debug)]
pub struct ServerBuilder<C = ServerErrors> {
    plan: Plan,
    ignores_callers: bool,
    classify: C,
}

/// The standard stack for an HTTP server, as one layer whose parts can be watched and changed.
#[must_use = "a layer does nothing until it wraps a service"]
#[derive(Clone, Debug)]
pub struct ServerStack<C = ServerErrors> {
    handle: Bulkhead,
    bulkhead: AdmissionLayer<Gate<Refuse, Paths>, C, Problem>,
    deadline: DeadlineLayer<Millis, Problem>,
}

/// The services of a [`ServerStack`].
pub type ServerService<S, C = ServerErrors> =
    Admission<DeadlineService<S, Millis, Problem>, Gate<Refuse, Paths>, C, Problem, UntilHead>;

impl<C> ServerBuilder<C> {
    /// Requests in flight at the same time.
    pub const fn max_concurrent(mut self, requests: usize) -> Self {
        self.plan.max_concurrent = requests;
        self
    }

    /// The time for a request whose caller asks for no less.
    pub const fn total(mut self, duration: Duration) -> Self {
        self.plan.total = duration;
        self
    }

    /// The paths that pass the bulkhead, instead of the default ones.
    pub fn exempt(mut self, paths: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.plan.exempt = paths.into_iter().map(Into::into).collect();
        self
    }

    /// Gives every request `total`, whatever its caller asks for in `x-request-timeout-ms`: for a server that strangers
    /// call. They could not get more time anyway; but less, and none at all, would be counted as time that was up here.
    pub const fn ignore_callers_deadline(mut self) -> Self {
        self.ignores_callers = true;
        self
    }

    /// Judges requests with another classifier; `ServerErrors::boxed()` for services whose error is boxed.
    pub fn classify<C2>(self, classify: C2) -> ServerBuilder<C2> {
        ServerBuilder {
            plan: self.plan,
            ignores_callers: self.ignores_callers,
            classify,
        }
    }

    /// Makes all parts known to a registry.
    pub fn register(mut self, registry: &Registry) -> Self {
        self.plan.registry = Some(registry.clone());
        self
    }

    /// Builds the stack.
    ///
    /// # Errors
    ///
    /// Settings that make no sense, or a name that is taken in the registry.
    pub fn build(self) -> Result<ServerStack<C>, BuildError> {
        let (handle, gate, total) = self.plan.build()?;
        let wire = if self.ignores_callers {
            Millis::default().ignore_callers()
        } else {
            Millis::default()
        };
        Ok(ServerStack {
            handle,
            bulkhead: AdmissionLayer::for_http(gate).classify(self.classify),
            deadline: DeadlineLayer::for_http(total).wire(wire),
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
