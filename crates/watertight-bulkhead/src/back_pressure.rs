use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tower_service::Service;
use watertight_core::{AdmissionFuture, Classify, Hold, Keep, OnReject};

use crate::{Bulkhead, BulkheadPermit, mode::BackPressure};

type Turn = Pin<Box<dyn Future<Output = ()> + Send + Sync>>;

/// A service behind a bulkhead that takes its permit in `poll_ready`.
///
/// # Readiness
///
/// Pending while every permit is taken; a ready service holds a permit until it is called or dropped.
///
/// # Clone
///
/// A clone shares the bulkhead, and holds no permit.
pub struct BackPressureService<S, C, R, U> {
    inner: S,
    bulkhead: Bulkhead<BackPressure>,
    reserved: Reserved,
    parts: (C, R, U),
}

enum Reserved {
    Nothing,
    Turn(Turn),
    Permit(BulkheadPermit<BackPressure>),
}

impl<S, C, R, U> BackPressureService<S, C, R, U> {
    pub(crate) const fn new(inner: S, bulkhead: Bulkhead<BackPressure>, parts: (C, R, U)) -> Self {
        Self {
            inner,
            bulkhead,
            reserved: Reserved::Nothing,
            parts,
        }
    }

    fn poll_permit(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            self.reserved = match &mut self.reserved {
                Reserved::Permit(_) => return Poll::Ready(()),
                Reserved::Turn(turn) => {
                    ready!(turn.as_mut().poll(cx));
                    self.bulkhead.shared().mode.line.turn_came(false);
                    Reserved::Permit(self.bulkhead.permit_of_taken())
                }
                Reserved::Nothing => match self.bulkhead.try_permit() {
                    Some(permit) => Reserved::Permit(permit),
                    None => {
                        let shared = Arc::clone(self.bulkhead.shared());
                        Reserved::Turn(Box::pin(async move { shared.mode.line.take().await }))
                    }
                },
            };
        }
    }
}

impl<S, C, R, U, Req> Service<Req> for BackPressureService<S, C, R, U>
where
    S: Service<Req>,
    C: Classify<S::Response, S::Error> + Clone,
    R: Keep<Req> + OnReject<S::Response, S::Error, <R as Keep<Req>>::Kept> + Clone,
    U: Hold<R::Response, BulkheadPermit<BackPressure>> + Clone,
{
    type Response = U::Response;
    type Error = R::Error;
    type Future =
        AdmissionFuture<S::Future, BulkheadPermit<BackPressure>, C, R, U, <R as Keep<Req>>::Kept>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        ready!(self.poll_permit(cx));
        self.inner.poll_ready(cx).map_err(R::error)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        match std::mem::replace(&mut self.reserved, Reserved::Nothing) {
            Reserved::Permit(permit) => {
                AdmissionFuture::called(&mut self.inner, request, permit, self.parts.clone())
            }
            _ => panic!("called before `poll_ready` said that the service is ready"),
        }
    }
}

impl<S: Clone, C: Clone, R: Clone, U: Clone> Clone for BackPressureService<S, C, R, U> {
    fn clone(&self) -> Self {
        Self::new(
            self.inner.clone(),
            self.bulkhead.clone(),
            self.parts.clone(),
        )
    }
}

impl<S: fmt::Debug, C, R, U> fmt::Debug for BackPressureService<S, C, R, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackPressureService")
            .field("inner", &self.inner)
            .field("bulkhead", &self.bulkhead)
            .finish_non_exhaustive()
    }
}
