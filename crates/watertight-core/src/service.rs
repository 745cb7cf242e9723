use std::{
    fmt,
    task::{Context, Poll, ready},
};

use tower_service::Service;

use crate::{AdmissionFuture, Admit, Classify, Gated, Hold, Keep, OnReject};

/// The one service behind the circuit breaker, the refusing bulkhead and every keyed variant.
///
/// # Readiness
///
/// The inner service is polled only while [`Admit::gate`] lets it be; a call whose inner service was not readied is
/// refused. A refusal never comes out of `poll_ready`.
///
/// # Clone
///
/// A clone shares the state behind the handle, and is not ready.
pub struct Admission<S, A, C, R, U> {
    inner: S,
    ready: Ready,
    admit: A,
    classify: C,
    on_reject: R,
    hold: U,
}

/// What `poll_ready` found out.
#[derive(Clone, Copy, Debug)]
enum Ready {
    /// The inner service is ready for one call.
    Inner,
    /// It is not, and the next call is refused.
    Not(Option<Gated>),
}

impl<S, A, C, R, U> Admission<S, A, C, R, U> {
    /// Puts admission in front of a service.
    pub const fn new(inner: S, admit: A, classify: C, on_reject: R, hold: U) -> Self {
        Self {
            inner,
            ready: Ready::Not(None),
            admit,
            classify,
            on_reject,
            hold,
        }
    }

    /// The handle that decides.
    pub const fn handle(&self) -> &A {
        &self.admit
    }

    /// The service behind it.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// Takes the service out.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, A, C, R, U, Req> Service<Req> for Admission<S, A, C, R, U>
where
    S: Service<Req>,
    A: Admit<Req>,
    C: Classify<S::Response, S::Error> + Clone,
    R: Keep<Req> + OnReject<S::Response, S::Error, <R as Keep<Req>>::Kept> + Clone,
    U: Hold<R::Response, A::Permit> + Clone,
{
    type Response = U::Response;
    type Error = R::Error;
    type Future = AdmissionFuture<S::Future, A::Permit, C, R, U, R::Kept>;

    #[inline(always)]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        // Readiness is sticky until `call`: an inner service may have reserved something for us when it said so.
        if matches!(self.ready, Ready::Not(_)) {
            if let Some(why) = self.admit.gate() {
                self.ready = Ready::Not(Some(why));
            } else {
                ready!(self.inner.poll_ready(cx)).map_err(R::error)?;
                self.ready = Ready::Inner;
            }
        }
        Poll::Ready(Ok(()))
    }

    #[inline(always)]
    fn call(&mut self, request: Req) -> Self::Future {
        // A circuit that closed since `poll_ready` cannot help this call: its inner service was not readied.
        let admitted = match self.ready {
            Ready::Inner => self.admit.admit(&request),
            Ready::Not(gated) => Err(self.admit.refuse(gated)),
        };
        let (on_reject, hold) = (self.on_reject.clone(), self.hold.clone());
        match admitted {
            Ok(permit) => {
                self.ready = Ready::Not(None);
                let parts = (self.classify.clone(), on_reject, hold);
                AdmissionFuture::called(&mut self.inner, request, permit, parts)
            }
            Err(why) => {
                let kept = on_reject.keep(request);
                AdmissionFuture::refused(why, kept, on_reject, hold)
            }
        }
    }
}

impl<S: Clone, A: Clone, C: Clone, R: Clone, U: Clone> Clone for Admission<S, A, C, R, U> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            // Readiness belongs to the instance that was polled.
            ready: Ready::Not(None),
            admit: self.admit.clone(),
            classify: self.classify.clone(),
            on_reject: self.on_reject.clone(),
            hold: self.hold.clone(),
        }
    }
}

impl<S: fmt::Debug, A: fmt::Debug, C, R, U> fmt::Debug for Admission<S, A, C, R, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admission")
            .field("inner", &self.inner)
            .field("ready", &self.ready)
            .field("admit", &self.admit)
            .finish_non_exhaustive()
    }
}
