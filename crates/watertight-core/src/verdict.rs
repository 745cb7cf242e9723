use std::time::Duration;

/// What a finished call says about the service that answered it.
///
/// Three outcomes, never two: a call that was ignored (a refusal from further in, a caller's own mistake) must
/// neither open a circuit nor close one.
///
/// ```
/// use watertight_core::Verdict;
///
/// let judge = |status: u16| if status >= 500 { Verdict::Failure } else { Verdict::Success };
/// assert_eq!(judge(503), Verdict::Failure);
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Verdict {
    /// The service did its work.
    Success,
    /// The service failed.
    Failure,
    /// The call says nothing about the service.
    Ignore,
}

/// A [`Verdict`] together with what the service said about when to come back.
///
/// ```
/// use std::time::Duration;
/// use watertight_core::{Outcome, Verdict};
///
/// let outcome = Outcome::from(Verdict::Failure).retry_after(Some(Duration::from_secs(2)));
/// assert_eq!(outcome.retry_after, Some(Duration::from_secs(2)));
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Outcome {
    /// How the call ended.
    pub verdict: Verdict,
    /// The time the service asked its callers to stay away, as its `Retry-After` header says.
    pub retry_after: Option<Duration>,
}

impl Outcome {
    /// The same outcome with what the service said about when to come back.
    #[must_use]
    pub const fn retry_after(mut self, after: Option<Duration>) -> Self {
        self.retry_after = after;
        self
    }

    /// The same outcome with another verdict.
    #[must_use]
    pub const fn with_verdict(mut self, verdict: Verdict) -> Self {
        self.verdict = verdict;
        self
    }
}

impl From<Verdict> for Outcome {
    fn from(verdict: Verdict) -> Self {
        Self {
            verdict,
            retry_after: None,
        }
    }
}
