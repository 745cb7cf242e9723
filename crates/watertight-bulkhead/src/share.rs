use watertight_core::{Admit, Forget, Gated, Reason, Rejected};

use crate::{Bulkhead, BulkheadPermit, mode::Refuse, shared::Shared, telemetry::Telemetry};

/// A key's share of a bulkhead: a limit of its own under the limit for all.
#[derive(Clone, Debug)]
pub struct Share {
    own: Bulkhead,
    whole: Bulkhead,
}

impl Share {
    pub(crate) fn new(whole: Bulkhead, share: usize) -> Self {
        // The whole has the name, the metrics and the registry entry; a share would be counted on top of it.
        let mode = Refuse::new(share);
        let own = Bulkhead::of(Shared::new(whole.name(), share, mode, Telemetry::off()));
        Self { own, whole }
    }

    /// The share itself.
    #[must_use]
    pub const fn own(&self) -> &Bulkhead {
        &self.own
    }

    /// What all shares are taken from.
    #[must_use]
    pub const fn whole(&self) -> &Bulkhead {
        &self.whole
    }

    /// Takes a permit of the share and one of the whole, or neither.
    ///
    /// # Errors
    ///
    /// The share or the whole is full.
    pub fn try_acquire(&self) -> Result<(BulkheadPermit, BulkheadPermit), Rejected> {
        if let Some(own) = self.own.try_permit() {
            if let Some(whole) = self.whole.try_permit() {
                return Ok((own, whole));
            }
            own.refused();
        } else {
            self.own.shared().count(Reason::Full);
        }
        Err(self.whole.shared().refuse(Reason::Full))
    }
}

impl<Req> Admit<Req> for Share {
    type Permit = (BulkheadPermit, BulkheadPermit);

    fn admit(&self, _: &Req) -> Result<Self::Permit, Rejected> {
        self.try_acquire()
    }

    fn refuse(&self, _: Option<Gated>) -> Rejected {
        self.whole.shared().refuse(Reason::Full)
    }
}

impl Forget for Share {
    fn can_be_forgotten(&self) -> bool {
        self.own.snapshot().in_flight == 0
    }
}
