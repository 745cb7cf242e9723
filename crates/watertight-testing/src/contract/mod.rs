//! A suite of tests for any [`Layer`](tower_layer::Layer): what tower asks of a service, and what a layer must not do to
//! the callers and to the service between which it stands.
//!
//! The suite puts the layer around an inner service that it has in its hands, drives it by hand, and looks from both
//! sides. A layer that calls a clone of what it polled, forgets to wake, or keeps a permit when a caller goes away is
//! found by the [`Rule`] that it breaks.
//!
//! ```
//! use std::time::Duration;
//! use tower::timeout::TimeoutLayer;
//! use watertight_testing::{contract::Contract, layer_contract_tests};
//!
//! layer_contract_tests! {
//!     // One `#[test]` for each rule, in a module of this name.
//!     timeout => Contract::boxed(|| TimeoutLayer::new(Duration::from_secs(1))),
//! }
//! # // A doctest has no test harness, so the same is done here by a call.
//! # Contract::boxed(|| TimeoutLayer::new(Duration::from_secs(1))).assert_every_layer();
//! ```
//!
//! [`Contract`] says how to do it without the macro.

mod broken;
mod control;
mod dialect;
#[cfg(feature = "http")]
mod http;
mod inner;
mod macros;
mod probe;
mod rule;
mod rules;
mod subject;
mod suite;
mod task;

#[cfg(feature = "http")]
pub use self::http::Http;
pub use self::{
    broken::Broken,
    dialect::{Answer, Dialect, Plain, ProbeError},
    inner::{Inner, InnerFuture},
    rule::Rule,
    subject::{Subject, Tested},
    suite::Contract,
};
