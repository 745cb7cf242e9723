//! The fit matrix: every layer at every place it is promised to fit, over real protocols. The book publishes it.

mod callers;
mod checks;
mod heard;
mod layers;
mod on_axum;
mod on_connector;
mod on_hyper;
mod on_limits;
mod on_middleware;
mod on_reqwest;
mod on_tonic;
mod on_tower;
mod readiness;
mod shop;
mod sockets;

/// One line is one cell: a test, and what it checks at which place.
macro_rules! cells {
    ($(fn $name:ident() = $check:expr;)*) => {$(
        #[test]
        fn $name() {
            $check;
        }
    )*};
}
use cells;
