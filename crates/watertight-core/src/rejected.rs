use std::{error::Error as StdError, fmt, io, time::Duration};

/// Why a call was refused, or given up.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
// A whole word, because the bytes that fill one up make every move of a refusal wait for the writes before it.
#[repr(usize)]
pub enum Reason {
    /// The circuit is open.
    Open,
    /// An operator holds the circuit open.
    ForcedOpen,
    /// The circuit is half-open and all its probes are taken.
    ProbesTaken,
    /// Every permit of the bulkhead is taken.
    Full,
    /// Every permit of the bulkhead is taken and its queue is full.
    QueueFull,
    /// The call waited in the bulkhead's queue for as long as it may.
    WaitedTooLong,
    /// The request's deadline had passed before the call was made.
    DeadlinePassed,
    /// The inner service was not ready in time, so the call was not made.
    NotReady,
    /// The call was made and took too long.
    TimedOut,
}

impl Reason {
    /// Every reason there is, in the order of their declaration.
    pub const ALL: [Self; 9] = [
        Self::Open,
        Self::ForcedOpen,
        Self::ProbesTaken,
        Self::Full,
        Self::QueueFull,
        Self::WaitedTooLong,
        Self::DeadlinePassed,
        Self::NotReady,
        Self::TimedOut,
    ];

    /// Whether the inner service was called: true for [`TimedOut`](Self::TimedOut) only.
    ///
    /// Only then may it have had its effect, and trying again may do it twice.
    ///
    /// ```
    /// use watertight_core::Reason;
    ///
    /// assert!(Reason::TimedOut.attempted());
    /// assert!(!Reason::NotReady.attempted());
    /// assert!(!Reason::Open.attempted());
    /// ```
    #[must_use]
    pub const fn attempted(self) -> bool {
        matches!(self, Self::TimedOut)
    }

    /// Whether it *is* the failure of the service behind: it had its time, and did not answer
    /// ([`TimedOut`](Self::TimedOut)) or could not even be asked ([`NotReady`](Self::NotReady)).
    ///
    /// A circuit breaker further out counts such a refusal, and ignores every other one.
    #[must_use]
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::TimedOut | Self::NotReady)
    }

    /// The reason as a metric label, in snake case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::ForcedOpen => "forced_open",
            Self::ProbesTaken => "probes_taken",
            Self::Full => "full",
            Self::QueueFull => "queue_full",
            Self::WaitedTooLong => "waited_too_long",
            Self::DeadlinePassed => "deadline_passed",
            Self::NotReady => "not_ready",
            Self::TimedOut => "timed_out",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "the circuit is open",
            Self::ForcedOpen => "the circuit is held open by an operator",
            Self::ProbesTaken => "the circuit is half-open and its probes are taken",
            Self::Full => "no permit is free",
            Self::QueueFull => "no permit is free and the queue is full",
            Self::WaitedTooLong => "no permit became free in time",
            Self::DeadlinePassed => "the deadline has passed",
            Self::NotReady => "the service was not ready in time",
            Self::TimedOut => "the call took too long",
        })
    }
}

/// A refusal: by whom, why, and when to come back.
///
/// It is `Copy`, so refusing allocates nothing: the name is interned once per component.
///
/// ```
/// use std::time::Duration;
/// use watertight_core::{Reason, Rejected};
///
/// let refusal = Rejected::new("payments", Reason::Open).with_retry_after(Duration::from_secs(3));
/// assert_eq!(refusal.to_string(), "rejected by `payments`: the circuit is open, retry after 3s");
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Rejected {
    /// The name of the component that refused.
    pub by: &'static str,
    /// Why it refused.
    pub reason: Reason,
    /// How long the caller had better stay away, where that is known.
    pub retry_after: Option<Duration>,
}

impl Rejected {
    /// A refusal by the component of this name, without a time to come back.
    #[must_use]
    pub const fn new(by: &'static str, reason: Reason) -> Self {
        Self {
            by,
            reason,
            retry_after: None,
        }
    }

    /// The same refusal with the time after which to come back.
    #[must_use]
    pub const fn with_retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// Finds a refusal in an error or in what caused it, however deep a stack of layers and clients has wrapped it.
    ///
    /// ```
    /// use watertight_core::{Error, Reason, Rejected};
    ///
    /// let error: Error<std::io::Error> = Error::Rejected(Rejected::new("payments", Reason::Open));
    /// let wrapped = std::io::Error::other(error);
    /// assert_eq!(Rejected::find(&wrapped).unwrap().by, "payments");
    /// ```
    #[must_use]
    pub fn find<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(rejected) = error.downcast_ref() {
                return Some(rejected);
            }
            next = cause(error);
        }
        None
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rejected by `{}`: {}", self.by, self.reason)?;
        match self.retry_after {
            Some(after) => write!(f, ", retry after {after:?}"),
            None => Ok(()),
        }
    }
}

impl StdError for Rejected {}

// An `io::Error` names as its source the source of what it wraps, and so leaves out the wrapped error itself.
fn cause<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    match error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref)
    {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}
