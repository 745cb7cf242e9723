use std::fmt;

use watertight_core::{Admission, Admit, CurrentDeadline, Gated, Reason, Rejected, Wrap};

use crate::{
    Bulkhead, BulkheadPermit,
    back_pressure::BackPressureService,
    mode::{BackPressure, Mode, Queue, Refuse},
    queue::QueueService,
};

/// Which requests pass a bulkhead without a permit. Closures implement it; name their argument type.
pub trait Exempt<Req> {
    /// Whether this one does.
    fn is_exempt(&self, request: &Req) -> bool;
}

/// No request is exempt. The default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nobody;

/// A bulkhead with what it needs to know of a request: whether it is exempt, and its deadline.
pub struct Gate<M, X = Nobody, D = CurrentDeadline> {
    bulkhead: Bulkhead<M>,
    exempt: X,
    deadline_of: D,
}

impl<M: Mode> Bulkhead<M> {
    /// Lets some requests pass without a permit, such as health checks.
    ///
    /// ```
    /// use watertight_bulkhead::{Bulkhead, BulkheadLayer};
    ///
    /// let shop = Bulkhead::builder("shop").max_concurrent(100).build()?;
    /// let health = |request: &http::Request<()>| request.uri().path() == "/healthz";
    /// let layer = BulkheadLayer::new(shop.exempt(health));
    /// # let _ = layer;
    /// # Ok::<(), watertight_core::BuildError>(())
    /// ```
    pub fn exempt<X>(&self, exempt: X) -> Gate<M, X> {
        Gate {
            bulkhead: self.clone(),
            exempt,
            deadline_of: CurrentDeadline,
        }
    }
}

impl Bulkhead<Queue> {
    /// Finds the deadline of a request in another way than by the running task; no call waits beyond it.
    ///
    /// ```
    /// use watertight_bulkhead::{Bulkhead, BulkheadLayer};
    /// use watertight_core::Deadline;
    ///
    /// let stock = Bulkhead::builder("stock").max_concurrent(2).queue(20).build()?;
    /// let deadline = |request: &(Deadline, &str)| Some(request.0);
    /// let layer = BulkheadLayer::new(stock.deadline_of(deadline));
    /// # let _ = layer;
    /// # Ok::<(), watertight_core::BuildError>(())
    /// ```
    pub fn deadline_of<D>(&self, deadline_of: D) -> Gate<Queue, Nobody, D> {
        Gate {
            bulkhead: self.clone(),
            exempt: Nobody,
            deadline_of,
        }
    }
}

impl<X> Gate<Queue, X> {
    /// Finds the deadline of a request in another way than by the running task.
    pub fn deadline_of<D>(self, deadline_of: D) -> Gate<Queue, X, D> {
        Gate {
            bulkhead: self.bulkhead,
            exempt: self.exempt,
            deadline_of,
        }
    }
}

impl<Req> Exempt<Req> for Nobody {
    fn is_exempt(&self, _: &Req) -> bool {
        false
    }
}

impl<Req, F: Fn(&Req) -> bool> Exempt<Req> for F {
    fn is_exempt(&self, request: &Req) -> bool {
        self(request)
    }
}

impl<Req> Admit<Req> for Bulkhead {
    type Permit = BulkheadPermit;

    #[inline(always)]
    fn admit(&self, _: &Req) -> Result<BulkheadPermit, Rejected> {
        self.try_acquire()
    }

    fn refuse(&self, _: Option<Gated>) -> Rejected {
        self.shared().refuse(Reason::Full)
    }
}

impl<Req, X: Exempt<Req>> Admit<Req> for Gate<Refuse, X> {
    type Permit = Option<BulkheadPermit>;

    fn admit(&self, request: &Req) -> Result<Self::Permit, Rejected> {
        if self.exempt.is_exempt(request) {
            return Ok(None);
        }
        self.bulkhead.try_acquire().map(Some)
    }

    fn refuse(&self, gated: Option<Gated>) -> Rejected {
        Admit::<Req>::refuse(&self.bulkhead, gated)
    }
}

impl<S, C, R, U> Wrap<S, C, R, U> for Bulkhead {
    type Service = Admission<S, Self, C, R, U>;

    fn wrap(self, inner: S, classify: C, on_reject: R, hold: U) -> Self::Service {
        Admission::new(inner, self, classify, on_reject, hold)
    }
}

impl<S, C, R, U, X> Wrap<S, C, R, U> for Gate<Refuse, X> {
    type Service = Admission<S, Self, C, R, U>;

    fn wrap(self, inner: S, classify: C, on_reject: R, hold: U) -> Self::Service {
        Admission::new(inner, self, classify, on_reject, hold)
    }
}

impl<S, C, R, U> Wrap<S, C, R, U> for Bulkhead<Queue> {
    type Service = QueueService<S, C, R, U>;

    fn wrap(self, inner: S, classify: C, on_reject: R, hold: U) -> Self::Service {
        self.exempt(Nobody).wrap(inner, classify, on_reject, hold)
    }
}

impl<S, C, R, U, X, D> Wrap<S, C, R, U> for Gate<Queue, X, D> {
    type Service = QueueService<S, C, R, U, X, D>;

    fn wrap(self, inner: S, classify: C, on_reject: R, hold: U) -> Self::Service {
        let asks = (self.exempt, self.deadline_of);
        QueueService::new(inner, self.bulkhead, asks, (classify, on_reject, hold))
    }
}

impl<S, C, R, U> Wrap<S, C, R, U> for Bulkhead<BackPressure> {
    type Service = BackPressureService<S, C, R, U>;

    fn wrap(self, inner: S, classify: C, on_reject: R, hold: U) -> Self::Service {
        BackPressureService::new(inner, self, (classify, on_reject, hold))
    }
}

impl<M, X: Clone, D: Clone> Clone for Gate<M, X, D> {
    fn clone(&self) -> Self {
        Self {
            bulkhead: self.bulkhead.clone(),
            exempt: self.exempt.clone(),
            deadline_of: self.deadline_of.clone(),
        }
    }
}

impl<M: fmt::Debug, X, D> fmt::Debug for Gate<M, X, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("bulkhead", &self.bulkhead)
            .finish_non_exhaustive()
    }
}
