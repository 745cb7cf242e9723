use std::{fmt, time::Duration};

use watertight_core::stripe_count;

use crate::{line::Line, tokens::Tokens};

/// What a bulkhead does when it is full. The mode is a type, so that nobody pays for a queue who has none.
pub trait Mode: sealed::Mode + fmt::Debug + Send + Sync + 'static {}

/// Refuses at once. Needs no timer and asks nothing of the inner service. The default.
#[derive(Debug)]
pub struct Refuse {
    pub(crate) tokens: Tokens,
}

/// Lets calls wait in a bounded queue, first come, first served. Asks for a `Clone` inner service.
#[derive(Debug)]
pub struct Queue {
    pub(crate) line: Line,
    pub(crate) length: usize,
    pub(crate) max_wait: Option<Duration>,
}

/// Takes the permit in `poll_ready` and is not ready while there is none.
///
/// For callers that know what to do with a service that is not ready, such as a balancer. A permit is held while the
/// service is ready, called or not: an idle ready service starves the others. Under axum and hyper, use another mode.
#[derive(Debug)]
pub struct BackPressure {
    pub(crate) line: Line,
}

impl Mode for Refuse {}
impl Mode for Queue {}
impl Mode for BackPressure {}

impl Refuse {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            tokens: Tokens::new(limit, stripe_count()),
        }
    }
}

pub(crate) mod sealed {
    use super::{BackPressure, Queue, Refuse};

    /// What every mode can do with its permits.
    pub trait Mode {
        /// Takes a permit if one is free.
        fn try_take(&self, worker: usize) -> bool;
        /// Gives a permit back; `done` says whether its call succeeded.
        fn give_back(&self, worker: usize, done: bool);
        /// Raises the limit.
        fn grow(&self, by: u64);
        /// Lowers the limit.
        fn shrink(&self, by: u64);
        /// Free permits.
        fn free(&self) -> u64;
        /// Permits that will not be free again.
        fn owed(&self) -> u64;
        /// Calls that succeeded.
        fn completed(&self) -> u64;
        /// Calls that wait.
        fn waiting(&self, limit: usize) -> usize;
    }

    impl Mode for Refuse {
        #[inline(always)]
        fn try_take(&self, worker: usize) -> bool {
            self.tokens.take(worker)
        }

        #[inline(always)]
        fn give_back(&self, worker: usize, done: bool) {
            self.tokens.give_back(worker, done);
        }

        fn grow(&self, by: u64) {
            self.tokens.grow(by);
        }

        fn shrink(&self, by: u64) {
            self.tokens.shrink(by);
        }

        fn free(&self) -> u64 {
            self.tokens.free()
        }

        fn owed(&self) -> u64 {
            self.tokens.owed()
        }

        fn completed(&self) -> u64 {
            self.tokens.completed()
        }

        fn waiting(&self, _: usize) -> usize {
            0
        }
    }

    macro_rules! in_line {
        ($($mode:ty),*) => {$(
            impl Mode for $mode {
                fn try_take(&self, _: usize) -> bool {
                    self.line.try_take()
                }

                fn give_back(&self, _: usize, done: bool) {
                    self.line.give_back(done);
                }

                fn grow(&self, by: u64) {
                    self.line.grow(by);
                }

                fn shrink(&self, by: u64) {
                    self.line.shrink(by);
                }

                fn free(&self) -> u64 {
                    self.line.free()
                }

                fn owed(&self) -> u64 {
                    self.line.owed()
                }

                fn completed(&self) -> u64 {
                    self.line.completed()
                }

                fn waiting(&self, limit: usize) -> usize {
                    self.line.waiting(limit)
                }
            }
        )*};
    }

    in_line!(Queue, BackPressure);
}
