use std::time::Duration;

use crate::{Outcome, Reason, Rejected};

/// Decides whether a request may reach the inner service: what a layer crate brings to [`Admission`](crate::Admission).
pub trait Admit<Req> {
    /// What an admitted call holds until it ends.
    type Permit: Permit;

    /// Why the inner service is to be left alone now, and the next call refused; nothing if it is to be readied.
    ///
    /// Keyed admission always says nothing: which key the request has is not known yet.
    fn gate(&self) -> Option<Gated> {
        None
    }

    /// Admits or refuses this request.
    ///
    /// # Errors
    ///
    /// The refusal.
    fn admit(&self, request: &Req) -> Result<Self::Permit, Rejected>;

    /// Refuses a request whose inner service was not readied: as [`gate`](Self::gate) said, if it was asked.
    fn refuse(&self, gated: Option<Gated>) -> Rejected;
}

/// A refusal to come, in two words that stay in registers: its component adds the name when the call is there.
///
/// ```
/// use std::time::Duration;
/// use watertight_core::{Gated, Reason, Rejected};
///
/// let gated = Gated::new(Reason::Open).with_retry_after_micros(3_000_000);
/// let refusal = Rejected::new("payments", Reason::Open).with_retry_after(Duration::from_secs(3));
/// assert_eq!(gated.by("payments"), refusal);
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Gated {
    reason: Reason,
    retry_after_micros: u64,
}

/// A time to come back that is not known, or longer than anybody waits.
const UNKNOWN: u64 = u64::MAX;

impl Gated {
    /// A refusal without a time to come back.
    #[must_use]
    #[inline]
    pub const fn new(reason: Reason) -> Self {
        Self {
            reason,
            retry_after_micros: UNKNOWN,
        }
    }

    /// The same refusal with the time after which to come back, in microseconds.
    #[must_use]
    #[inline]
    pub const fn with_retry_after_micros(mut self, micros: u64) -> Self {
        self.retry_after_micros = micros;
        self
    }

    /// The refusal by the component of this name.
    #[must_use]
    #[inline]
    pub const fn by(self, name: &'static str) -> Rejected {
        let rejected = Rejected::new(name, self.reason);
        match self.retry_after_micros {
            UNKNOWN => rejected,
            micros => rejected.with_retry_after(Duration::from_micros(micros)),
        }
    }
}

/// The right to one call. It ends with an outcome; dropped without one, the call was cancelled.
pub trait Permit {
    /// The call has ended so.
    fn end(self, outcome: Outcome);

    /// The head of the response arrived in time and its body goes on: a probe is decided here.
    fn head(&mut self, _outcome: Outcome) {}
}

/// A permit that nobody waits for, for code that is exempt from a limit.
impl Permit for () {
    fn end(self, _: Outcome) {}
}

/// A permit that some calls need and others do not.
impl<P: Permit> Permit for Option<P> {
    fn end(self, outcome: Outcome) {
        if let Some(permit) = self {
            permit.end(outcome);
        }
    }

    fn head(&mut self, outcome: Outcome) {
        if let Some(permit) = self {
            permit.head(outcome);
        }
    }
}

/// Two permits for one call, such as a tenant's share and the whole limit.
impl<P: Permit, Q: Permit> Permit for (P, Q) {
    fn end(self, outcome: Outcome) {
        self.0.end(outcome);
        self.1.end(outcome);
    }

    fn head(&mut self, outcome: Outcome) {
        self.0.head(outcome);
        self.1.head(outcome);
    }
}
