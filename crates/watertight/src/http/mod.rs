//! What the layers need of HTTP, and the two standard stacks: [`client()`] and [`server()`].

pub use watertight_core::http::*;
#[cfg(feature = "fallback")]
#[doc(inline)]
pub use watertight_fallback::http::{HttpStale, HttpStaleBuilder, StaleBody};

#[cfg(all(
    feature = "bulkhead",
    feature = "circuit-breaker",
    feature = "fallback",
    feature = "timeout"
))]
mod stacks {
    pub(super) mod client;
    pub(super) mod per_host;
    pub(super) mod replay;
    pub(super) mod retry;
    pub(super) mod server;
}

#[cfg(all(
    feature = "bulkhead",
    feature = "circuit-breaker",
    feature = "fallback",
    feature = "timeout"
))]
pub use self::stacks::{
    client::{ClientBuilder, ClientService, ClientStack, client},
    per_host::PerHost,
    replay::Replay,
    retry::{Retries, RetryPolicy},
    server::{Paths, ServerBuilder, ServerService, ServerStack, server},
};
