use std::future::Future;

use tower_layer::Layer;
use tower_service::Service;
use watertight_core::BoxError;

use crate::contract::{Answer, Dialect, Inner};

/// A layer that the suite can test: implemented for every layer that fits.
///
/// That it fits is the first test, made by the compiler: layer and service are `Clone`, `Send`, `Sync` and `'static`, and
/// the future is `Send`.
pub trait Subject<D: Dialect>:
    Layer<Inner<D>, Service: Tested<D>> + Clone + Send + Sync + 'static
{
}

/// The service of a [`Subject`].
pub trait Tested<D: Dialect>:
    Service<D::Request, Response: Answer, Error: Into<BoxError>, Future: Future + Send>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<D, L> Subject<D> for L
where
    D: Dialect,
    L: Layer<Inner<D>, Service: Tested<D>> + Clone + Send + Sync + 'static,
{
}

impl<D, S> Tested<D> for S
where
    D: Dialect,
    S: Service<D::Request, Response: Answer, Error: Into<BoxError>, Future: Future + Send>
        + Clone
        + Send
        + Sync
        + 'static,
{
}
