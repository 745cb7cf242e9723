//! recloser: a breaker as a function, here around a service's future.

use std::task::{Context, Poll};

use recloser::{AnyError, AsyncRecloser, Error, Recloser, RecloserFuture};
use tower::Service;
use watertight_benches::{
    lab::Lab,
    ours::NEVER,
    service::{Answers, Fault},
    subject::{Subject, fail},
};

/// The name in every case.
pub const NAME: &str = "recloser";

/// Closed, over the last 100 calls.
pub fn closed() -> Subject {
    Subject::answering(NAME, guarded(100))
}

/// Opened by failures.
pub fn open(lab: &Lab) -> Subject {
    let service = guarded(100);
    fail(lab, &service, 200);
    Subject::refusing(NAME, service)
}

/// A service whose breaker looks at so many calls.
pub fn over(
    calls: usize,
) -> impl Service<u64, Response = u64, Error = Error<Fault>, Future: Send> + Clone + Send + 'static
{
    guarded(calls)
}

#[derive(Clone, Debug)]
struct Guarded {
    inner: Answers,
    recloser: AsyncRecloser,
}

fn guarded(calls: usize) -> Guarded {
    let recloser = Recloser::custom()
        .closed_len(calls)
        .error_rate(0.5)
        .open_wait(NEVER)
        .build();
    Guarded {
        inner: Answers,
        recloser: AsyncRecloser::from(recloser),
    }
}

impl Service<u64> for Guarded {
    type Response = u64;
    type Error = Error<Fault>;
    type Future = RecloserFuture<<Answers as Service<u64>>::Future, AnyError>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Error::Inner)
    }

    fn call(&mut self, request: u64) -> Self::Future {
        self.recloser.call(self.inner.call(request))
    }
}
