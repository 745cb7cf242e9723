//! Circuit breaker, bulkhead, timeout, deadline and fallback as tower layers, that stack on any axum router and any
//! hyper, reqwest or tonic client.
//!
//! Each layer holds a handle, and the handle holds the state: clone it, watch it, change it while it works. A refusal is
//! a typed [`Rejected`] that says by whom, why, and when to come back; how it reaches the caller is up to the layer's
//! preset: `new` (a typed error, any protocol), `boxed`, `for_http` (a 503 problem), `for_grpc` (a `grpc-status`).
//!
//! | a dependency … | use |
//! |---|---|
//! | fails for a while | `CircuitBreaker` |
//! | is slow, and must not take everything with it | `Bulkhead` |
//! | never answers | `TimeoutLayer` inside the circuit breaker, `DeadlineLayer` for all of a request |
//! | is not needed for an answer | `FallbackLayer` |
//! | is worth waiting for, but not for long | `timeout_fallback`, `timeout_fallback_for_http` |
//! | all of this, over HTTP | `http::client` and `http::server` |
//! | calls a gRPC server of ours | `grpc::server` |
//!
//! What a service knows is kept by `events`, and asked and changed by `cqrs`.

pub use watertight_core::*;

#[cfg(feature = "bulkhead")]
#[doc(inline)]
pub use watertight_bulkhead::{
    BackPressure, Bulkhead, BulkheadBuilder, BulkheadEvent, BulkheadLayer, BulkheadPermit,
    BulkheadService, Exempt, Gate, MAX_PERMITS, MAX_QUEUE, Mode, Queue, Refuse, Share,
    Snapshot as BulkheadSnapshot,
};
#[cfg(feature = "circuit-breaker")]
#[doc(inline)]
pub use watertight_circuit_breaker::{
    Backoff, BreakerEvent, BreakerPermit, Cancelled, CircuitBreaker, CircuitBreakerBuilder,
    CircuitBreakerLayer, CircuitBreakerService, Config as CircuitBreakerConfig, Counts, MAX_PROBES,
    MAX_WINDOW_CALLS, Ramp, Round, SlowCalls, Snapshot as CircuitBreakerSnapshot, State, Trip, Why,
    Window, WindowTotals,
};
#[cfg(feature = "cqrs")]
#[doc(inline)]
pub use watertight_cqrs as cqrs;
#[cfg(feature = "events")]
#[doc(inline)]
pub use watertight_events as events;
#[cfg(feature = "fallback")]
#[doc(inline)]
pub use watertight_fallback::{
    Backup, Cause, CauseKind, Failure, Fallback, FallbackBuilder, FallbackLayer, FallbackService,
    FallbackSnapshot, Fell, Handled, Made, Only, Predicate, Recover, RecoverAsync, RespondWith,
    Stale, StaleBuilder, StaleKey, Strategy, Value as FallbackValue, When,
};
#[cfg(feature = "testing")]
#[doc(inline)]
pub use watertight_testing as testing;
#[cfg(all(feature = "timeout", feature = "http"))]
#[doc(inline)]
pub use watertight_timeout::{BodyTimeoutLayer, Millis};
#[cfg(feature = "timeout")]
#[doc(inline)]
pub use watertight_timeout::{
    ClientDeadlineLayer, DeadlineLayer, Local, PerRequest, Phase, Snapshot as TimeoutSnapshot,
    Timeout, TimeoutBuilder, TimeoutEvent, TimeoutLayer, TimeoutService, Wire,
};
#[cfg(all(feature = "timeout", feature = "grpc"))]
#[doc(inline)]
pub use watertight_timeout::{GrpcTimeout, format_grpc_timeout, parse_grpc_timeout};

#[cfg(feature = "http")]
pub mod http;

#[cfg(all(
    feature = "bulkhead",
    feature = "circuit-breaker",
    feature = "fallback",
    feature = "grpc",
    feature = "timeout"
))]
pub mod grpc;

#[cfg(all(feature = "fallback", feature = "timeout"))]
mod timeout_fallback;

#[cfg(all(feature = "fallback", feature = "timeout"))]
pub use self::timeout_fallback::timeout_fallback;
#[cfg(all(feature = "fallback", feature = "timeout", feature = "http"))]
pub use self::timeout_fallback::timeout_fallback_for_http;

/// The README's code, compiled and run.
#[cfg(all(doctest, feature = "http", feature = "reqwest"))]
#[doc = include_str!("../../../README.md")]
pub struct Readme;
