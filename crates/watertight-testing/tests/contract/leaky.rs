use std::{
    future::ready,
    mem,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use tower::{BoxError, Layer, Service};
use watertight_testing::contract::ProbeError;

use crate::flawed::Answer;

/// How a limit of one forgets to give its permit back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Leak {
    Nowhere,
    WhenACallIsDropped,
    WhenCallPanics,
    WhenAReadyServiceIsDropped,
    /// It does not leak: every service has a limit of its own.
    NotShared,
}

/// A limit of one that refuses in `call`, or takes its permit in `poll_ready` if that is how it leaks.
#[derive(Clone, Debug)]
pub(crate) struct LeakyLimit {
    leak: Leak,
    taken: Arc<AtomicBool>,
}

#[derive(Clone, Debug)]
pub(crate) struct LeakyService<S> {
    inner: S,
    limit: LeakyLimit,
    reserved: Reserved,
}

/// A permit that a clone does not have.
#[derive(Debug, Default)]
struct Reserved(bool);

struct Permit(LeakyLimit);

impl LeakyLimit {
    pub(crate) fn new(leak: Leak) -> Self {
        let taken = Arc::default();
        Self { leak, taken }
    }

    fn take(&self) -> bool {
        !self.taken.swap(true, Ordering::SeqCst)
    }

    fn give_back(&self) {
        self.taken.store(false, Ordering::SeqCst);
    }
}

impl<S> Layer<S> for LeakyLimit {
    type Service = LeakyService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        let limit = match self.leak {
            Leak::NotShared => Self::new(self.leak),
            _ => self.clone(),
        };
        let reserved = Reserved::default();
        LeakyService {
            inner,
            limit,
            reserved,
        }
    }
}

impl<S> Service<u32> for LeakyService<S>
where
    S: Service<u32, Response = u32, Error = ProbeError, Future: Send + 'static>,
{
    type Response = u32;
    type Error = BoxError;
    type Future = Answer;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        ready!(self.inner.poll_ready(cx))?;
        if self.limit.leak == Leak::WhenAReadyServiceIsDropped && !self.reserved.0 {
            if !self.limit.take() {
                return Poll::Pending;
            }
            self.reserved = Reserved(true);
        }
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: u32) -> Answer {
        let reserved = mem::take(&mut self.reserved).0;
        if !reserved && !self.limit.take() {
            return Box::pin(ready(Err("full".into())));
        }
        let mut permit = Permit(self.limit.clone());
        let inner = match self.limit.leak {
            Leak::WhenCallPanics => {
                mem::forget(permit);
                let inner = self.inner.call(request);
                permit = Permit(self.limit.clone());
                inner
            }
            _ => self.inner.call(request),
        };
        if self.limit.leak == Leak::WhenACallIsDropped {
            let limit = self.limit.clone();
            mem::forget(permit);
            return Box::pin(async move {
                let result = inner.await;
                limit.give_back();
                Ok(result?)
            });
        }
        Box::pin(async move {
            let _permit = permit;
            Ok(inner.await?)
        })
    }
}

impl Clone for Reserved {
    fn clone(&self) -> Self {
        Self(false)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.give_back();
    }
}
