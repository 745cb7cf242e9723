use crate::{Outcome, Rejected};

/// Decides whether a request may reach the inner service: what a layer crate brings to [`Admission`](crate::Admission).
pub trait Admit<Req> {
    /// What an admitted call holds until it ends.
    type Permit: Permit;

    /// Whether the inner service is to be readied now.
    ///
    /// `false` leaves the inner service alone, and then `call` refuses. Keyed admission always says `true`: which key
    /// the request has is not known yet.
    fn polls_inner(&self) -> bool {
        true
    }

    /// Admits or refuses this request.
    ///
    /// # Errors
    ///
    /// The refusal.
    fn admit(&self, request: &Req) -> Result<Self::Permit, Rejected>;

    /// Refuses a request because the inner service was not readied.
    fn refusal(&self) -> Rejected;
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
