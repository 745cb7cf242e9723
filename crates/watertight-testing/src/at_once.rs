use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use tower_service::Service;

/// Readies a service, calls it and polls the call once, without a runtime.
///
/// It needs nothing of its own, so what a call allocates or looks up is the service's doing.
///
/// ```
/// use std::{convert::Infallible, future::ready};
/// use tower::service_fn;
/// use watertight_testing::at_once;
///
/// let mut double = service_fn(|n: u32| ready(Ok::<_, Infallible>(n * 2)));
/// assert_eq!(at_once(&mut double, 21), Ok(42));
/// ```
///
/// # Errors
///
/// The service's own, when it becomes ready or when it is called.
///
/// # Panics
///
/// The service is not ready at once, or has no answer at once.
pub fn at_once<S, Req>(service: &mut S, request: Req) -> Result<S::Response, S::Error>
where
    S: Service<Req>,
{
    let mut cx = Context::from_waker(Waker::noop());
    now(service.poll_ready(&mut cx))?;
    let call = pin!(service.call(request));
    now(call.poll(&mut cx))
}

fn now<T>(polled: Poll<T>) -> T {
    match polled {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("pending, although it should be done at once"),
    }
}
