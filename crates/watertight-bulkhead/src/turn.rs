use std::{
    future::Future,
    pin::{Pin, pin},
    task::{Context, Poll, Waker, ready},
};

use pin_project_lite::pin_project;
use tokio::{
    sync::{AcquireError, SemaphorePermit},
    task::coop::unconstrained,
};

use crate::line::Line;

pin_project! {
    /// Waits for a permit of a line; whether it had to queue for it.
    ///
    /// Dropped, it leaves the queue, and a permit that it has been given meanwhile pays debts before it is free again.
    pub(crate) struct Turn<'a, F>
    where
        F: Future<Output = Result<SemaphorePermit<'a>, AcquireError>>,
    {
        #[pin]
        acquire: F,
        line: &'a Line,
        queued: bool,
    }

    impl<'a, F> PinnedDrop for Turn<'a, F>
    where
        F: Future<Output = Result<SemaphorePermit<'a>, AcquireError>>,
    {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if *this.queued {
                // The semaphore itself would hand the permit on, owed or not. Whether there is one must not depend on
                // what the task has left to spend.
                let acquire = pin!(unconstrained(this.acquire));
                if let Poll::Ready(permit) = acquire.poll(&mut Context::from_waker(Waker::noop())) {
                    keep(permit);
                    this.line.release();
                }
            }
        }
    }
}

impl<'a, F> Turn<'a, F>
where
    F: Future<Output = Result<SemaphorePermit<'a>, AcquireError>>,
{
    pub(crate) const fn new(line: &'a Line, acquire: F) -> Self {
        Self {
            acquire,
            line,
            queued: false,
        }
    }
}

impl<'a, F> Future for Turn<'a, F>
where
    F: Future<Output = Result<SemaphorePermit<'a>, AcquireError>>,
{
    type Output = bool;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<bool> {
        let this = self.project();
        let queued = std::mem::replace(this.queued, true);
        keep(ready!(this.acquire.poll(cx)));
        *this.queued = false;
        Poll::Ready(queued)
    }
}

fn keep(permit: Result<SemaphorePermit<'_>, AcquireError>) {
    permit.expect("never closed").forget();
}
