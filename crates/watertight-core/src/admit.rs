use crate::{Outcome, Rejected};

/// Decides whether a request may reach the inner service: what a layer crate brings to [`Admission`](crate::Admission).
pub trait Admit<Req> {
    /// What an admitted call holds until it ends.
    type Permit: Permit;

    /// Why the inner service is to be left alone now, and the next call refused; nothing if it is to be readied.
    ///
    /// Keyed admission always says nothing: which key the request has is not known yet.
    fn gate(&self) -> Option<Rejected> {
        None
    }

    /// Admits or refuses this request.
    ///
    /// # Errors
    ///
    /// The refusal.
    fn admit(&self, request: &Req) -> Result<Self::Permit, Rejected>;

    /// Refuses a request whose inner service was not readied: as [`gate`](Self::gate) said, if it was asked.
    fn refuse(&self, gated: Option<Rejected>) -> Rejected;
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
