use std::{
    convert::Infallible,
    fmt,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll},
};

use tower_service::Service;

/// A service that is always ready and never answers: a dependency that hangs.
///
/// ```
/// use std::time::Duration;
/// use tower::ServiceExt;
/// use watertight_testing::never;
///
/// # tokio_test::block_on(async {
/// # tokio::time::pause();
/// let call = never::<&str, (), std::io::Error>().oneshot("anybody there?");
/// tokio::time::timeout(Duration::from_secs(60), call).await.unwrap_err();
/// # });
/// ```
#[must_use]
pub const fn never<Req, Res, E>() -> Never<Req, Res, E> {
    Never(PhantomData)
}

/// The service made by [`never()`].
pub struct Never<Req, Res, E = Infallible>(PhantomData<fn(Req) -> Result<Res, E>>);

impl<Req, Res, E> Service<Req> for Never<Req, Res, E> {
    type Response = Res;
    type Error = E;
    type Future = std::future::Pending<Result<Res, E>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), E>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Req) -> Self::Future {
        std::future::pending()
    }
}

impl<Req, Res, E> Clone for Never<Req, Res, E> {
    fn clone(&self) -> Self {
        never()
    }
}

impl<Req, Res, E> fmt::Debug for Never<Req, Res, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Never")
    }
}

/// A future that is pending so many times, waking its task each time, and then ready: an inner service that yields.
///
/// ```
/// use watertight_testing::ready_after;
///
/// # tokio_test::block_on(async {
/// assert_eq!(ready_after(3, "done").await, "done");
/// # });
/// ```
pub fn ready_after<T>(polls: usize, value: T) -> ReadyAfter<T> {
    ReadyAfter {
        polls,
        value: Some(value),
    }
}

/// The future made by [`ready_after`].
///
/// # Panics
///
/// When it is polled after it was ready.
#[derive(Clone, Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct ReadyAfter<T> {
    polls: usize,
    value: Option<T>,
}

impl<T: Unpin> Future for ReadyAfter<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        if self.polls > 0 {
            self.polls -= 1;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(self.value.take().expect("polled after completion"))
    }
}
