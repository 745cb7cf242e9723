//! A circuit breaker as a tower [`Layer`](tower_layer::Layer), for any axum router and any hyper, reqwest or tonic client.
//!
//! [`CircuitBreaker`] is the handle that holds the state; [`CircuitBreakerLayer`] puts it in front of a service.
//!
//! ```
//! use std::{convert::Infallible, time::Duration};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//! use watertight_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let payments = CircuitBreaker::builder("payments").open_for(Duration::from_secs(5)).build()?;
//! let client = ServiceBuilder::new()
//!     .layer(CircuitBreakerLayer::new(payments.clone()))
//!     .service(service_fn(async |amount: u32| Ok::<_, Infallible>(amount)));
//!
//! assert_eq!(client.clone().oneshot(7).await.unwrap(), 7);
//! payments.force_open("maintenance");
//! let refused = client.oneshot(7).await.unwrap_err();
//! assert_eq!(refused.rejected().unwrap().by, "payments");
//! # Ok::<(), watertight_core::BuildError>(())
//! # }).unwrap();
//! ```

mod admit;
mod builder;
mod config;
mod control;
mod event;
mod handle;
#[cfg(feature = "metrics")]
mod key_metrics;
mod machine;
mod permit;
mod shared;
mod snapshot;
mod story;
mod stripe;
mod sync;
mod telemetry;

use watertight_core::{Admission, AdmissionLayer, Errors, Fail, UntilHead};

pub use self::{
    builder::CircuitBreakerBuilder,
    config::{Backoff, Cancelled, Config, MAX_WINDOW_CALLS, Ramp, SlowCalls, Window},
    event::{BreakerEvent, Trip},
    handle::CircuitBreaker,
    machine::{MAX_PROBES, Round, State, Why},
    permit::BreakerPermit,
    snapshot::{Counts, Snapshot, WindowTotals},
};

/// Puts a circuit breaker in front of a service: `new` for any protocol, `boxed`, `for_http`, `for_grpc`, `keyed`.
///
/// ```
/// use axum::{Router, body::Body, http::Request, routing::get};
/// use tower::ServiceExt;
/// use watertight_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let payments = CircuitBreaker::builder("payments").build()?;
/// # #[cfg(feature = "http")] {
/// let app: Router = Router::new()
///     .route("/pay", get(async || "paid"))
///     .layer(CircuitBreakerLayer::for_http(payments.clone()));
///
/// payments.force_open("maintenance");
/// let response = app.oneshot(Request::get("/pay").body(Body::empty()).unwrap()).await.unwrap();
/// assert_eq!(response.status(), 503);
/// # }
/// # Ok::<(), watertight_core::BuildError>(())
/// # }).unwrap();
/// ```
pub type CircuitBreakerLayer<A = CircuitBreaker, C = Errors, R = Fail, U = UntilHead> =
    AdmissionLayer<A, C, R, U>;

/// A service behind a circuit breaker.
pub type CircuitBreakerService<S, C = Errors, R = Fail, U = UntilHead> =
    Admission<S, CircuitBreaker, C, R, U>;
