use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use tower_service::Service;
use watertight_core::Classify;

use crate::{
    Capture, Failures, FallbackFuture, FindRefusal, Form, Strategy,
    parts::{Parts, Shared},
};

/// A service whose failed calls get another answer.
///
/// # Readiness
///
/// That of the service behind it. An error of its becoming ready is final, and gets no other answer.
///
/// # Clone
///
/// A clone shares the handle and what was remembered.
pub struct FallbackService<S, A, D, K, M> {
    inner: S,
    parts: Shared<Parts<A, D, K, M>>,
}

impl<S, A, D, K, M> FallbackService<S, A, D, K, M> {
    pub(crate) const fn new(inner: S, parts: Shared<Parts<A, D, K, M>>) -> Self {
        Self { inner, parts }
    }
}

impl<S, A, C, L, K, M, Req> Service<Req> for FallbackService<S, A, Failures<C, L>, K, M>
where
    S: Service<Req>,
    A: Strategy<S::Response, S::Error, K::Captured>,
    C: Classify<S::Response, S::Error>,
    L: FindRefusal<S::Response, S::Error>,
    K: Capture<Req>,
    M: Form<S::Response, K::Captured>,
{
    type Response = M::Response;
    type Error = S::Error;
    type Future = FallbackFuture<S::Future, A::Future, A, Failures<C, L>, K, M, K::Captured>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let parts = self.parts.get();
        let captured = parts.capture.capture(&request);
        FallbackFuture::new(self.inner.call(request), captured, Arc::clone(parts))
    }
}

impl<S: Clone, A, D, K, M> Clone for FallbackService<S, A, D, K, M> {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone(), self.parts.clone())
    }
}

impl<S: fmt::Debug, A, D, K, M> fmt::Debug for FallbackService<S, A, D, K, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FallbackService")
            .field("inner", &self.inner)
            .field("parts", self.parts.get())
            .finish_non_exhaustive()
    }
}
