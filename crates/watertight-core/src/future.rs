use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use tower_service::Service;

use crate::{Classify, Hold, OnReject, Outcome, PanicGuard, Permit, Rejected, Verdict};

pin_project! {
    /// The response future of [`Admission`](crate::Admission).
    ///
    /// # Cancellation
    ///
    /// Dropped before it is ready, it drops the permit: the call counts as cancelled and its slot is free at once.
    #[must_use = "futures do nothing unless polled"]
    pub struct AdmissionFuture<F, P, C, R, U, K> {
        #[pin]
        state: State<F, P, C, K>,
        on_reject: R,
        hold: U,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, P, C, K> {
        Called { #[pin] future: F, permit: Option<P>, classify: C },
        Refused { refused: Option<(Rejected, K)> },
    }
}

impl<F, P: Permit, C, R, U, K> AdmissionFuture<F, P, C, R, U, K> {
    /// Calls a service that is ready, with a permit that ends as a failure if the call panics.
    #[inline(always)]
    pub fn called<S, Req>(service: &mut S, request: Req, permit: P, parts: (C, R, U)) -> Self
    where
        S: Service<Req, Future = F>,
    {
        let mut permit = Some(permit);
        let call = || service.call(request);
        let future = PanicGuard::run(&mut permit, Verdict::Failure, call);
        let (classify, on_reject, hold) = parts;
        let state = State::Called {
            future,
            permit,
            classify,
        };
        Self {
            state,
            on_reject,
            hold,
        }
    }

    /// Answers a request that was refused.
    #[inline(always)]
    pub const fn refused(why: Rejected, kept: K, on_reject: R, hold: U) -> Self {
        let refused = Some((why, kept));
        Self {
            state: State::Refused { refused },
            on_reject,
            hold,
        }
    }
}

impl<F, P, C, R, U, K, Res, E> Future for AdmissionFuture<F, P, C, R, U, K>
where
    F: Future<Output = Result<Res, E>>,
    P: Permit,
    C: Classify<Res, E>,
    R: OnReject<Res, E, K>,
    U: Hold<R::Response, P>,
{
    type Output = Result<U::Response, R::Error>;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        match this.state.project() {
            StateProj::Called {
                future,
                permit,
                classify,
            } => {
                let result = ready!(PanicGuard::run(permit, Verdict::Failure, || future.poll(cx)));
                // Each answer apart, so that a classifier that looks at no more than that costs nothing.
                Poll::Ready(match result {
                    Ok(response) => {
                        let verdict = judge(permit, classify, Ok(&response));
                        // And the usual outcome is known here, so it need not be put together in memory.
                        if verdict == Verdict::Success {
                            let outcome = Outcome::from(Verdict::Success);
                            let permit = permit.take().expect("polled after completion");
                            let response = R::response(response);
                            return Poll::Ready(Ok(this
                                .hold
                                .hold(response, Some((permit, outcome)))));
                        }
                        let outcome = explain(permit, classify, (verdict, Ok(&response)));
                        let permit = permit.take().expect("polled after completion");
                        let response = R::response(response);
                        Ok(this.hold.hold(response, Some((permit, outcome))))
                    }
                    Err(error) => {
                        let verdict = judge(permit, classify, Err(&error));
                        let outcome = explain(permit, classify, (verdict, Err(&error)));
                        let permit = permit.take().expect("polled after completion");
                        permit.end(outcome);
                        Err(R::error(error))
                    }
                })
            }
            StateProj::Refused { refused } => {
                let (why, kept) = refused.take().expect("polled after completion");
                let answer = this.on_reject.reject(why, kept);
                Poll::Ready(answer.map(|response| this.hold.hold(response, None)))
            }
        }
    }
}

impl<F, P, C, R, U, K> fmt::Debug for AdmissionFuture<F, P, C, R, U, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdmissionFuture").finish_non_exhaustive()
    }
}

/// Asks the classifier about a result; if it panics, the permit goes back without a verdict.
pub fn conclude<Res, E, P: Permit>(
    permit: &mut Option<P>,
    classify: &impl Classify<Res, E>,
    result: Result<&Res, &E>,
) -> Outcome {
    let verdict = judge(permit, classify, result);
    explain(permit, classify, (verdict, result))
}

#[inline(always)]
fn judge<Res, E, P: Permit>(
    permit: &mut Option<P>,
    classify: &impl Classify<Res, E>,
    result: Result<&Res, &E>,
) -> Verdict {
    PanicGuard::run(permit, Verdict::Ignore, || classify.classify(result))
}

/// Adds to a verdict when to come back.
fn explain<Res, E, P: Permit>(
    permit: &mut Option<P>,
    classify: &impl Classify<Res, E>,
    (verdict, result): (Verdict, Result<&Res, &E>),
) -> Outcome {
    let after = match verdict {
        Verdict::Failure => {
            PanicGuard::run(permit, Verdict::Ignore, || classify.retry_after(result))
        }
        Verdict::Success | Verdict::Ignore => None,
    };
    Outcome::from(verdict).retry_after(after)
}
