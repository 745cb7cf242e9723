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
mod stacks;

#[cfg(all(
    feature = "bulkhead",
    feature = "circuit-breaker",
    feature = "fallback",
    feature = "timeout"
))]
pub use self::stacks::*;
