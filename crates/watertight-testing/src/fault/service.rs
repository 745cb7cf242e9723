use std::{
    fmt,
    task::{Context, Poll},
};

use tower_service::Service;

use crate::{
    FaultPlan,
    fault::{
        future::{FaultFuture, Then, Work},
        inject::{BodyFault, BodyKind, Inject},
        kind::Kind,
    },
};

/// A service that follows a [`FaultPlan`].
///
/// # Readiness
///
/// That of the service behind it. A call that the plan ends by itself never reaches it.
///
/// # Panics
///
/// As the plan says: in `call`, or when the future is polled.
pub struct FaultService<S, Req, I> {
    inner: S,
    plan: FaultPlan<Req>,
    inject: I,
}

impl<S, Req, I> FaultService<S, Req, I> {
    pub(crate) const fn new(inner: S, plan: FaultPlan<Req>, inject: I) -> Self {
        Self {
            inner,
            plan,
            inject,
        }
    }
}

impl<S, Req, I> Service<Req> for FaultService<S, Req, I>
where
    S: Service<Req>,
    I: Inject<S::Response, S::Error> + Clone,
{
    type Response = I::Response;
    type Error = S::Error;
    type Future = FaultFuture<S::Future, I>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let Some(doom) = self.plan.decide(&request) else {
            let work = Work::called(self.inner.call(request), Then::Answer(None));
            return FaultFuture::new(None, work, self.inject.clone());
        };
        let then = match doom.kind {
            Kind::PanicInCall => panic!("injected by the fault plan: panic in call"),
            Kind::Fail => Err(Work::Fail),
            Kind::Hang => Err(Work::Hang),
            Kind::PanicInPoll => Err(Work::Panic),
            Kind::LoseAnswer => Ok(Then::Lose),
            Kind::Pass => Ok(Then::Answer(None)),
            Kind::SlowBody(each) => {
                let kind = BodyKind::Slow(each, doom.random);
                Ok(Then::Answer(Some(BodyFault(kind))))
            }
            Kind::FailBody(after) => Ok(Then::Answer(Some(BodyFault(BodyKind::Fail(after))))),
        };
        let work = match then {
            // The readied instance is called now, however late its future is polled.
            Ok(then) => Work::called(self.inner.call(request), then),
            Err(work) => work,
        };
        FaultFuture::new(doom.delay, work, self.inject.clone())
    }
}

impl<S: Clone, Req, I: Clone> Clone for FaultService<S, Req, I> {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone(), self.plan.clone(), self.inject.clone())
    }
}

impl<S: fmt::Debug, Req, I> fmt::Debug for FaultService<S, Req, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultService")
            .field("inner", &self.inner)
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}
