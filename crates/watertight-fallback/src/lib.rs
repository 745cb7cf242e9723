//! Another answer for calls that were refused or failed, as a tower [`Layer`](tower_layer::Layer).
//!
//! [`Fallback`] is the handle with name and counts; [`FallbackLayer`] puts it around a service and says what the other
//! answer is: a value, a function of the failure, an async function, another service, the last good response.
//!
//! ```
//! use tower::{Layer, ServiceExt, service_fn};
//! use watertight_fallback::{Fallback, FallbackLayer};
//!
//! # tokio_test::block_on(async {
//! let layer = FallbackLayer::new(Fallback::default()).value("no roses today");
//! let shop = service_fn(async |_: &str| Err::<&str, _>(std::io::Error::other("down")));
//! assert_eq!(layer.layer(shop).oneshot("roses").await.unwrap(), "no roses today");
//! # });
//! ```

mod capture;
mod cause;
mod failures;
mod form;
mod future;
mod handle;
#[cfg(feature = "http")]
pub mod http;
mod layer;
mod parts;
mod service;
mod stale;
mod strategy;
mod telemetry;

pub use self::{
    capture::{Capture, NoCapture},
    cause::{Cause, CauseKind, Failure, Handled},
    failures::{Failures, FindRefusal, InErrors},
    form::{Form, Made, Plain},
    future::FallbackFuture,
    handle::{Fallback, FallbackBuilder, FallbackSnapshot, Fell},
    layer::FallbackLayer,
    service::FallbackService,
    stale::{Stale, StaleBuilder, StaleKey},
    strategy::{
        Backup, BackupFuture, Chain, ChainFuture, Nothing, Only, Predicate, Recover, RecoverAsync,
        RespondWith, Strategy, Value, When,
    },
};
