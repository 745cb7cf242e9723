use watertight_core::{Admission, Admit, Forget, Gated, Reason, Rejected, Wrap};

use crate::{BreakerPermit, CircuitBreaker, machine::State};

impl<Req> Admit<Req> for CircuitBreaker {
    type Permit = BreakerPermit;

    #[inline(always)]
    fn gate(&self) -> Option<Gated> {
        let shared = self.shared();
        if shared.machine.is_closed() {
            return None;
        }
        shared.gate()
    }

    #[inline(always)]
    fn admit(&self, _: &Req) -> Result<BreakerPermit, Rejected> {
        self.try_acquire()
    }

    #[inline(always)]
    fn refuse(&self, gated: Option<Gated>) -> Rejected {
        let shared = self.shared();
        let gated = gated.or_else(|| Admit::<Req>::gate(self));
        let why = gated.unwrap_or(Gated::new(Reason::Open)).by(shared.name);
        shared.count_refused(&self.stripe().tally, why);
        why
    }
}

impl<S, C, R, U> Wrap<S, C, R, U> for CircuitBreaker {
    type Service = Admission<S, Self, C, R, U>;

    fn wrap(self, inner: S, classify: C, on_reject: R, hold: U) -> Self::Service {
        Admission::new(inner, self, classify, on_reject, hold)
    }
}

impl Forget for CircuitBreaker {
    fn can_be_forgotten(&self) -> bool {
        // What an operator has asked for must not be forgotten.
        let held = matches!(
            self.state(),
            State::ForcedOpen | State::Disabled | State::MetricsOnly
        );
        !held && self.is_idle()
    }
}
