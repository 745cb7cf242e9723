//! Timeouts by phase and deadlines that travel, as tower [`Layer`](tower_layer::Layer)s.
//!
//! | what takes too long | layer |
//! |---|---|
//! | the head of one response | [`TimeoutLayer`] |
//! | the wait until the inner service is ready | [`TimeoutLayer::with_readiness`] |
//! | a pause in the body, or the whole body | `BodyTimeoutLayer` |
//! | everything that is done for one request | [`DeadlineLayer`] on the server, [`ClientDeadlineLayer`] on its clients |

#[cfg(feature = "http")]
mod body;
mod deadline;
mod event;
mod future;
mod handle;
mod layer;
mod readiness;
mod service;
mod shared;
mod snapshot;

#[cfg(feature = "grpc")]
pub use self::deadline::{GrpcTimeout, format_grpc_timeout, parse_grpc_timeout};
#[cfg(feature = "http")]
pub use self::{
    body::{BodyTimeoutFuture, BodyTimeoutLayer, BodyTimeoutService, TimeoutBody},
    deadline::Millis,
};
pub use self::{
    deadline::{
        Client, ClientDeadlineLayer, ClientDeadlineService, DeadlineFuture, DeadlineLayer,
        DeadlineService, Deadlines, Local, Server, Wire,
    },
    event::{Phase, TimeoutEvent},
    future::TimeoutFuture,
    handle::{Timeout, TimeoutBuilder},
    layer::{Outside, PerRequest, Same, TimeoutLayer, Within},
    readiness::{ReadinessFuture, ReadinessService},
    service::TimeoutService,
    snapshot::Snapshot,
};
