use std::fmt;

use tower_layer::Layer;

use crate::{
    FaultPlan, FaultService,
    fault::inject::{Failing, Responding},
};

/// Puts a [`FaultPlan`] in front of a service, on a client or in a router.
///
/// The error type stays what it was. Put it where the dependency is: inside the layers that are to be tested.
///
/// ```
/// use http::StatusCode;
/// use watertight_testing::{Fault, FaultLayer, FaultPlan, Rule};
/// # use axum::{Router, body::Body, extract::Request, routing::get};
///
/// let plan = FaultPlan::seeded(7);
/// let app: Router = Router::new()
///     .route("/pay", get(async || "paid"))
///     .layer(FaultLayer::http(plan.clone(), StatusCode::INTERNAL_SERVER_ERROR));
/// plan.set([Rule::new(Fault::error()).when(|request: &Request| request.uri().path() == "/pay")])?;
/// # Ok::<(), watertight_core::BuildError>(())
/// ```
#[must_use = "a layer does nothing until it wraps a service"]
pub struct FaultLayer<Req, I> {
    plan: FaultPlan<Req>,
    inject: I,
}

impl<Req, F> FaultLayer<Req, Failing<F>> {
    /// An injected failure is the error the closure makes.
    pub const fn failing<E>(plan: FaultPlan<Req>, error: F) -> Self
    where
        F: Fn() -> E,
    {
        Self {
            plan,
            inject: Failing(error),
        }
    }
}

impl<Req, F> FaultLayer<Req, Responding<F>> {
    /// An injected failure is the response the closure makes.
    pub const fn responding<Res>(plan: FaultPlan<Req>, response: F) -> Self
    where
        F: Fn() -> Res,
    {
        Self {
            plan,
            inject: Responding(response),
        }
    }
}

#[cfg(feature = "http")]
impl<Req> FaultLayer<Req, crate::fault::body::Status> {
    /// An injected failure is an empty response of this status; bodies can be slow or fail.
    pub const fn http(plan: FaultPlan<Req>, status: http::StatusCode) -> Self {
        Self {
            plan,
            inject: crate::fault::body::Status(status),
        }
    }
}

impl<Req, I> FaultLayer<Req, I> {
    /// The plan that every service of this layer follows.
    pub const fn plan(&self) -> &FaultPlan<Req> {
        &self.plan
    }
}

impl<S, Req, I: Clone> Layer<S> for FaultLayer<Req, I> {
    type Service = FaultService<S, Req, I>;

    fn layer(&self, inner: S) -> Self::Service {
        FaultService::new(inner, self.plan.clone(), self.inject.clone())
    }
}

impl<Req, I: Clone> Clone for FaultLayer<Req, I> {
    fn clone(&self) -> Self {
        Self {
            plan: self.plan.clone(),
            inject: self.inject.clone(),
        }
    }
}

impl<Req, I> fmt::Debug for FaultLayer<Req, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultLayer")
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}
