use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tower_service::Service;
use watertight_events::ViewStore;

use super::{Fresh, Lookup, QueryError, QueryHandler, QueryRequest};

/// The answer to a query, on its way.
#[must_use = "futures do nothing unless polled"]
pub struct QueryFuture<T>(Pin<Box<dyn Future<Output = Result<Fresh<T>, QueryError>> + Send>>);

impl<L: Lookup, S: ViewStore> Service<QueryRequest<L::Query>> for QueryHandler<L, S> {
    type Response = Fresh<L::Output>;
    type Error = QueryError;
    type Future = QueryFuture<L::Output>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), QueryError>> {
        if self.place.is_none() {
            self.place = ready!(self.places.poll_acquire(cx));
        }
        Poll::Ready(Ok(()))
    }

    /// # Panics
    ///
    /// `poll_ready` was not asked before.
    fn call(&mut self, request: QueryRequest<L::Query>) -> Self::Future {
        let place = self.place.take().expect("poll_ready before call");
        let shared = Arc::clone(&self.shared);
        QueryFuture(Box::pin(async move {
            let answer = shared.answer(request).await;
            drop(place);
            answer
        }))
    }
}

impl<T> Future for QueryFuture<T> {
    type Output = Result<Fresh<T>, QueryError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl<T> fmt::Debug for QueryFuture<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueryFuture").finish_non_exhaustive()
    }
}
