//! End-to-end tests live in `tests/`. Here every page of the book is compiled and run.

/// One module per page: its code blocks are doctests of this crate.
#[cfg(doctest)]
mod book {
    #[doc = include_str!("../../docs/src/design.md")]
    mod design {}
    #[doc = include_str!("../../docs/src/guarantees.md")]
    mod guarantees {}
    #[doc = include_str!("../../docs/src/introduction.md")]
    mod introduction {}
    #[doc = include_str!("../../docs/src/telemetry.md")]
    mod telemetry {}
}
