use std::mem;

use crate::{Outcome, Permit, Verdict};

/// Ends a permit when the code it watches unwinds; `thread::panicking()` would also see panics that are not ours.
///
/// Custom futures around an inner service use it for the rule that a panic in the inner `call` or `poll` is a failure.
#[derive(Debug)]
pub struct PanicGuard<'a, P: Permit> {
    permit: &'a mut Option<P>,
    verdict: Verdict,
}

impl<'a, P: Permit> PanicGuard<'a, P> {
    /// Runs `watched`; if it panics, the permit ends with this verdict.
    #[inline(always)]
    pub fn run<T>(permit: &'a mut Option<P>, verdict: Verdict, watched: impl FnOnce() -> T) -> T {
        let guard = Self { permit, verdict };
        let value = watched();
        mem::forget(guard);
        value
    }
}

impl<P: Permit> Drop for PanicGuard<'_, P> {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take() {
            permit.end(Outcome::from(self.verdict));
        }
    }
}
