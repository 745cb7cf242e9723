use std::time::Duration;

use tower_layer::Layer;
use watertight_bulkhead::{Bulkhead, Gate, Refuse};
use watertight_core::{
    Admission, AdmissionLayer, BuildError, Registry,
    http::{GrpcErrors, GrpcStatus, GrpcTrailers, UntilBodyEnd},
};
use watertight_timeout::{DeadlineLayer, DeadlineService, GrpcTimeout, Timeout};

use crate::http::{Paths, Plan};

/// Starts to build the standard stack for a gRPC server, such as tonic's.
///
/// It is that of [`http::server`](crate::http::server()) in the words of gRPC, from the outside in:
///
/// 1. the **bulkhead** refuses what is too much with `RESOURCE_EXHAUSTED`, without queue or timer; a call has its place
///    until its trailers were sent, so one that streams has it for as long as it streams; health checks pass;
/// 2. the **deadline** is what the caller says in `grpc-timeout`, or `total` if that is earlier; the clients of the
///    methods inherit it, and what has not begun to answer by then is given up with `DEADLINE_EXCEEDED`.
///
/// | setting | default |
/// |---|---|
/// | `max_concurrent` | 1 000 |
/// | `total` | 30 s |
/// | `exempt` | `/grpc.health.v1.Health/Check`, `/grpc.health.v1.Health/Watch` |
///
/// ```
/// let stack = watertight::grpc::server("shop").max_concurrent(200).build()?;
/// let bulkhead = stack.bulkhead().clone();
/// // tonic::transport::Server::builder().layer(stack).add_service(...)
/// assert_eq!(bulkhead.limit(), 200);
/// # Ok::<(), watertight::BuildError>(())
/// ```
pub fn server(name: impl Into<String>) -> ServerBuilder {
    let health = ["Check", "Watch"].map(|method| format!("/grpc.health.v1.Health/{method}"));
    ServerBuilder {
        plan: Plan::new(name.into(), &health.each_ref().map(String::as_str)),
        classify: GrpcErrors::new(),
    }
}

/// Builds a [`ServerStack`].
#[must_use = "a builder does nothing until `build`"]
#[derive(Clone, Debug)]
pub struct ServerBuilder<C = GrpcErrors> {
    plan: Plan,
    classify: C,
}

/// The standard stack for a gRPC server, as one layer whose parts can be watched and changed.
#[must_use = "a layer does nothing until it wraps a service"]
#[derive(Clone, Debug)]
pub struct ServerStack<C = GrpcErrors> {
    handle: Bulkhead,
    bulkhead: AdmissionLayer<Gate<Refuse, Paths>, C, GrpcStatus, UntilBodyEnd<GrpcTrailers>>,
    deadline: DeadlineLayer<GrpcTimeout, GrpcStatus>,
}

/// The services of a [`ServerStack`].
pub type ServerService<S, C = GrpcErrors> = Admission<
    DeadlineService<S, GrpcTimeout, GrpcStatus>,
    Gate<Refuse, Paths>,
    C,
    GrpcStatus,
    UntilBodyEnd<GrpcTrailers>,
>;

impl<C> ServerBuilder<C> {
    /// Calls in flight at the same time.
    pub const fn max_concurrent(mut self, calls: usize) -> Self {
        self.plan.max_concurrent = calls;
        self
    }

    /// The time for a call whose caller asks for no less.
    pub const fn total(mut self, duration: Duration) -> Self {
        self.plan.total = duration;
        self
    }

    /// The paths of the methods that pass the bulkhead, instead of the default ones.
    pub fn exempt(mut self, paths: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.plan.exempt = paths.into_iter().map(Into::into).collect();
        self
    }

    /// Judges calls with another classifier; `GrpcErrors::boxed()` for services whose error is boxed.
    pub fn classify<C2>(self, classify: C2) -> ServerBuilder<C2> {
        ServerBuilder {
            plan: self.plan,
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
        Ok(ServerStack {
            handle,
            bulkhead: AdmissionLayer::for_grpc(gate).classify(self.classify),
            deadline: DeadlineLayer::for_grpc(total),
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
