use std::{
    future::poll_fn,
    task::{Context, Poll},
};

use tokio::task::unconstrained;
use tower_service::Service;

/// Whether a service takes a request at once; if it does, a place in it is reserved.
///
/// tower's `LoadShed` asks the same, but puts errors into boxes. It also sheds for a task that has used up its share of the
/// runtime, which a service with a queue, such as tower's `Buffer`, makes wait although there is room: hence `unconstrained`.
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

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use tokio::sync::Semaphore;
    use tower::{buffer::Buffer, service_fn};

    use super::*;

    #[tokio::test]
    async fn a_task_that_has_used_up_its_share_is_not_taken_for_a_full_service() {
        let inner = service_fn(|(): ()| async { Ok::<_, std::convert::Infallible>(()) });
        let mut service = Buffer::new(inner, 1);
        let free = Semaphore::new(1);
        while free.acquire().now_or_never().is_some() {}
        assert!(is_ready::<_, ()>(&mut service).await.unwrap());
    }
}
