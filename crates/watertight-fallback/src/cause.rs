use watertight_core::Rejected;

/// Why a call needs another answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cause {
    /// A layer further in refused the call: it was never sent, so sending it elsewhere is safe.
    Refused(Rejected),
    /// The call was sent and given up: it may have had its effect.
    TimedOut(Rejected),
    /// The call failed with an error.
    Error,
    /// The response says that the call failed.
    Response,
}

/// A [`Cause`] without its details, as it is counted.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum CauseKind {
    /// See [`Cause::Refused`].
    Refused,
    /// See [`Cause::TimedOut`].
    TimedOut,
    /// See [`Cause::Error`].
    Error,
    /// See [`Cause::Response`].
    Response,
}

/// A call that failed, and what was captured of its request.
///
/// ```
/// use watertight_fallback::{Cause, Failure};
///
/// let failure = Failure { cause: Cause::Error, result: Err::<(), _>("broken"), captured: 7 };
/// assert_eq!(failure.result, Err("broken"));
/// ```
#[derive(Clone, Debug)]
pub struct Failure<Res, E, K = ()> {
    /// Why it needs another answer.
    pub cause: Cause,
    /// What came of the call.
    pub result: Result<Res, E>,
    /// What the layer's `capture` closure took from the request.
    pub captured: K,
}

/// What became of a failed call.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Handled {
    /// It got another answer.
    Answered,
    /// The fallback failed too, and its error is the result.
    Failed,
    /// No strategy applied, and the failure is the result.
    Passed,
    /// The caller left before the other answer was there.
    Cancelled,
    /// A predicate or a strategy panicked.
    Panicked,
}

impl Cause {
    /// The cause without its details.
    #[must_use]
    pub const fn kind(self) -> CauseKind {
        match self {
            Self::Refused(_) => CauseKind::Refused,
            Self::TimedOut(_) => CauseKind::TimedOut,
            Self::Error => CauseKind::Error,
            Self::Response => CauseKind::Response,
        }
    }

    /// The refusal behind it, where there is one.
    #[must_use]
    pub const fn rejected(self) -> Option<Rejected> {
        match self {
            Self::Refused(rejected) | Self::TimedOut(rejected) => Some(rejected),
            Self::Error | Self::Response => None,
        }
    }
}

impl From<Rejected> for Cause {
    fn from(rejected: Rejected) -> Self {
        if rejected.reason.attempted() {
            Self::TimedOut(rejected)
        } else {
            Self::Refused(rejected)
        }
    }
}

impl CauseKind {
    /// Every cause there is, in the order of their declaration.
    pub const ALL: [Self; 4] = [Self::Refused, Self::TimedOut, Self::Error, Self::Response];

    /// The cause as a metric label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::TimedOut => "timed_out",
            Self::Error => "error",
            Self::Response => "response",
        }
    }
}

impl Handled {
    /// Every end there is, in the order of their declaration.
    pub const ALL: [Self; 5] = [
        Self::Answered,
        Self::Failed,
        Self::Passed,
        Self::Cancelled,
        Self::Panicked,
    ];

    /// The end as a metric label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Failed => "failed",
            Self::Passed => "passed",
            Self::Cancelled => "cancelled",
            Self::Panicked => "panicked",
        }
    }
}
