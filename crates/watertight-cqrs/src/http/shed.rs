use std::{
    future::poll_fn,
    task::{Context, Poll},
};

use tokio::task::unconstrained;
use tower_service::Service;

/// Whether a service takes a request at once; if it does, a place in it is reserved.
///
/// tower's `LoadShed` asks the same, but puts errors into boxes. It also takes a task that has used up its share of the
/// runtime for a service that is full: such a task is told to wait whatever it asks for, hence `unconstrained`.
pub(super) async fn is_ready<S: Service<R>, R>(service: &mut S) -> Result<bool, S::Error> {
    let look = |cx: &mut Context<'_>| {
        Poll::Ready(match service.poll_ready(cx) {
            Poll::Ready(Ok(())) => Ok(true),
            Poll::Ready(Err(error)) => Err(error),
            Poll::Pending => Ok(false),
        })
    };
    unconstrained(poll_fn(look)).await
}
