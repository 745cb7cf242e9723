//! A bulkhead as a tower [`Layer`](tower_layer::Layer): a limit on the calls in flight, exact and shared.
//!
//! [`Bulkhead`] is the handle that holds the state; [`BulkheadLayer`] puts it in front of a service. What a full bulkhead
//! does is its type: [`Refuse`] (the default), [`Queue`], [`BackPressure`].
//!
//! ```
//! use std::{convert::Infallible, time::Duration};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//! use watertight_bulkhead::{Bulkhead, BulkheadLayer};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let email = Bulkhead::builder("email")
//!     .max_concurrent(2)
//!     .queue(20)
//!     .max_wait(Duration::from_millis(50))
//!     .build()?;
//! let client = ServiceBuilder::new()
//!     .layer(BulkheadLayer::new(email.clone()))
//!     .service(service_fn(async |to: &'static str| Ok::<_, Infallible>(to)));
//! assert_eq!(client.oneshot("rose@shop.test").await.unwrap(), "rose@shop.test");
//! assert_eq!(email.snapshot().completed, 1);
//! # Ok::<(), watertight_core::BuildError>(())
//! # }).unwrap();
//! ```

mod admit;
mod back_pressure;
mod builder;
mod debt;
mod event;
mod handle;
#[cfg(feature = "metrics")]
mod key_metrics;
mod line;
mod mode;
#[cfg(all(test, any(watertight_loom, watertight_shuttle)))]
mod models;
mod permit;
mod queue;
mod share;
mod shared;
mod snapshot;
mod sync;
mod telemetry;
mod tokens;
mod turn;
mod wait;

use watertight_core::{Admission, AdmissionLayer, Errors, Fail, UntilHead};

pub use self::{
    admit::{Exempt, Gate, Nobody},
    back_pressure::BackPressureService,
    builder::{BulkheadBuilder, MAX_QUEUE, Pressing, Queueing, Refusing, Sharing},
    event::BulkheadEvent,
    handle::Bulkhead,
    mode::{BackPressure, Mode, Queue, Refuse},
    permit::BulkheadPermit,
    queue::{QueueFuture, QueueService},
    share::Share,
    snapshot::Snapshot,
    tokens::MAX_PERMITS,
};

/// Puts a bulkhead in front of a service: `new` for any protocol, `boxed`, `for_http`, `for_grpc`, `keyed`.
///
/// ```
/// use axum::{Router, body::Body, http::Request, routing::get};
/// use tower::ServiceExt;
/// use watertight_bulkhead::{Bulkhead, BulkheadLayer};
///
/// # tokio_test::block_on(async {
/// let shop = Bulkhead::builder("shop").max_concurrent(100).build()?;
/// # #[cfg(feature = "http")] {
/// let app: Router = Router::new()
///     .route("/", get(async || "roses"))
///     .layer(BulkheadLayer::for_http(shop.clone()));
///
/// shop.resize(0);
/// let response = app.oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
/// assert_eq!(response.status(), 503);
/// # }
/// # Ok::<(), watertight_core::BuildError>(())
/// # }).unwrap();
/// ```
pub type BulkheadLayer<A = Bulkhead, C = Errors, R = Fail, U = UntilHead> =
    AdmissionLayer<A, C, R, U>;

/// A service behind a bulkhead that refuses when it is full.
pub type BulkheadService<S, C = Errors, R = Fail, U = UntilHead> = Admission<S, Bulkhead, C, R, U>;
