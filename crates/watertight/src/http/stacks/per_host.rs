use watertight_circuit_breaker::{BreakerPermit, CircuitBreaker};
use watertight_core::{
    Admission, Admit, Gated, Keyed, Rejected, Wrap,
    http::{Host, RequestTarget},
};

/// One circuit breaker per host that a client calls.
#[derive(Clone, Debug)]
pub struct PerHost(Keyed<Host, CircuitBreaker>);

impl PerHost {
    pub(crate) const fn new(hosts: Keyed<Host, CircuitBreaker>) -> Self {
        Self(hosts)
    }

    /// The circuit breakers by host.
    #[must_use]
    pub const fn hosts(&self) -> &Keyed<Host, CircuitBreaker> {
        &self.0
    }
}

impl<Req: RequestTarget> Admit<Req> for PerHost {
    type Permit = BreakerPermit;

    fn admit(&self, request: &Req) -> Result<BreakerPermit, Rejected> {
        let host = request.written_host();
        // Hosts are written in lower case nearly always; then no key is made to find the one that is known.
        let breaker = if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
            self.0.get(&Host::from(host))
        } else {
            self.0.get_or_own(host, || Host::from(host))
        };
        breaker.try_acquire()
    }

    fn refuse(&self, gated: Option<Gated>) -> Rejected {
        Admit::<Req>::refuse(self.0.overflow(), gated)
    }
}

impl<S, C, R, U> Wrap<S, C, R, U> for PerHost {
    type Service = Admission<S, Self, C, R, U>;

    fn wrap(self, inner: S, classify: C, on_reject: R, hold: U) -> Self::Service {
        Admission::new(inner, self, classify, on_reject, hold)
    }
}
