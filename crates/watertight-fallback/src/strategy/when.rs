use std::fmt;

use crate::{CauseKind, Failure, Strategy};

/// A strategy that applies to some failures only.
#[derive(Clone, Copy)]
pub struct When<P, S>(pub(crate) P, pub(crate) S);

/// Picks failures. Closures `Fn(&Failure<Response, E, Captured>) -> bool` implement it; name their argument type.
///
/// ```
/// use std::io;
/// use watertight_fallback::{Failure, Fallback, FallbackLayer, Value};
///
/// let small = |failure: &Failure<&str, io::Error, u32>| failure.captured < 10;
/// let layer = FallbackLayer::new(Fallback::default())
///     .capture(|order: &u32| *order)
///     .when(small, Value::new("on the house"));
/// ```
pub trait Predicate<Res, E, K> {
    /// Whether this failure is picked.
    fn picks(&self, failure: &Failure<Res, E, K>) -> bool;
}

/// Picks failures by their cause.
///
/// ```
/// use watertight_fallback::{Fallback, FallbackLayer, Only, Value};
///
/// // A call that was never sent may be answered by a guess; one that failed may not.
/// let layer = FallbackLayer::new(Fallback::default()).when(Only::refusals(), Value::new("later"));
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use = "a predicate does nothing until it is used"]
pub struct Only(u8);

impl Only {
    /// Calls that a layer further in refused: they were never sent.
    pub const fn refusals() -> Self {
        Self::cause(CauseKind::Refused)
    }

    /// Calls that were sent and given up.
    pub const fn timeouts() -> Self {
        Self::cause(CauseKind::TimedOut)
    }

    /// Calls that failed with an error of their own.
    pub const fn errors() -> Self {
        Self::cause(CauseKind::Error)
    }

    /// Calls whose response says that they failed.
    pub const fn responses() -> Self {
        Self::cause(CauseKind::Response)
    }

    /// What either picks.
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    const fn cause(kind: CauseKind) -> Self {
        Self(1 << kind as u8)
    }
}

impl<Res, E, K> Predicate<Res, E, K> for Only {
    fn picks(&self, failure: &Failure<Res, E, K>) -> bool {
        self.0 & Self::cause(failure.cause.kind()).0 != 0
    }
}

impl<Res, E, K, F> Predicate<Res, E, K> for F
where
    F: Fn(&Failure<Res, E, K>) -> bool,
{
    fn picks(&self, failure: &Failure<Res, E, K>) -> bool {
        self(failure)
    }
}

impl<P, S, Res, E, K> Strategy<Res, E, K> for When<P, S>
where
    P: Predicate<Res, E, K>,
    S: Strategy<Res, E, K>,
{
    type Future = S::Future;

    fn answer(&self, failure: Failure<Res, E, K>) -> Result<S::Future, Failure<Res, E, K>> {
        if self.0.picks(&failure) {
            self.1.answer(failure)
        } else {
            Err(failure)
        }
    }
}

impl<P, S: fmt::Debug> fmt::Debug for When<P, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("When")
            .field("strategy", &self.1)
            .finish_non_exhaustive()
    }
}
