//! End-to-end tests live in `tests/`. Here every page of the book is compiled and run.

pub mod hotel;

/// One module per page: its code blocks are doctests of this crate.
#[cfg(doctest)]
mod book {
    #[doc = include_str!("../../docs/src/benchmarks.md")]
    mod benchmarks {}
    #[doc = include_str!("../../docs/src/bulkhead.md")]
    mod bulkhead {}
    #[doc = include_str!("../../docs/src/circuit-breaker.md")]
    mod circuit_breaker {}
    #[doc = include_str!("../../docs/src/cookbook.md")]
    mod cookbook {}
    #[doc = include_str!("../../docs/src/cqrs-http.md")]
    mod cqrs_http {}
    #[doc = include_str!("../../docs/src/design.md")]
    mod design {}
    #[doc = include_str!("../../docs/src/events.md")]
    mod events {}
    #[doc = include_str!("../../docs/src/examples.md")]
    mod examples {}
    #[doc = include_str!("../../docs/src/fallback.md")]
    mod fallback {}
    #[doc = include_str!("../../docs/src/fits.md")]
    mod fits {}
    #[doc = include_str!("../../docs/src/guarantees.md")]
    mod guarantees {}
    #[doc = include_str!("../../docs/src/introduction.md")]
    mod introduction {}
    #[doc = include_str!("../../docs/src/keyed.md")]
    mod keyed {}
    #[doc = include_str!("../../docs/src/migration.md")]
    mod migration {}
    #[doc = include_str!("../../docs/src/reactors.md")]
    mod reactors {}
    #[doc = include_str!("../../docs/src/refusals.md")]
    mod refusals {}
    #[doc = include_str!("../../docs/src/stacks.md")]
    mod stacks {}
    #[doc = include_str!("../../docs/src/telemetry.md")]
    mod telemetry {}
    #[doc = include_str!("../../docs/src/testing.md")]
    mod testing {}
    #[doc = include_str!("../../docs/src/timeouts.md")]
    mod timeouts {}
}
