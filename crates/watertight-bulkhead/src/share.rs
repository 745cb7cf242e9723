use watertight_core::{Admit, Forget, Reason, Rejected};

use crate::{Bulkhead, BulkheadPermit, mode::Refuse};

/// A key's share of a bulkhead: a limit of its own under the limit for all.
#[derive(Clone, Debug)]
pub struct Share {
    own: Bulkhead,
    whole: Bulkhead,
}

impl Share {
    pub(crate) fn new(whole: Bulkhead, share: usize) -> Self {
        let own = Bulkhead::of_mode(whole.name(), share, Refuse::new(share));
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
        let Some(own) = self.own.try_permit() else {
            // Counted where an operator looks: the whole has the name, the metrics and the registry entry.
            self.own.shared().count(Reason::Full);
            return Err(self.whole.shared().refuse(Reason::Full));
        };
        match self.whole.try_permit() {
            Some(whole) => Ok((own, whole)),
            None => {
                own.ignore();
                Err(self.whole.shared().refuse(Reason::Full))
            }
        }
    }
}

impl<Req> Admit<Req> for Share {
    type Permit = (BulkheadPermit, BulkheadPermit);

    fn admit(&self, _: &Req) -> Result<Self::Permit, Rejected> {
        self.try_acquire()
    }

    fn refuse(&self, gated: Option<Rejected>) -> Rejected {
        gated.unwrap_or_else(|| self.whole.shared().refuse(Reason::Full))
    }
}

impl Forget for Share {
    fn can_be_forgotten(&self) -> bool {
        self.own.snapshot().in_flight == 0
    }
}
