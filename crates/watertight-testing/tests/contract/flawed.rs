use std::{
    future::{Future, pending, poll_fn, ready},
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};

use tower::{BoxError, Layer, Service};
use watertight_testing::contract::ProbeError;

/// What is wrong with a layer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Flaw {
    Nothing,
    CallsAClone,
    ReservesInAClone,
    LosesReadiness,
    KeepsReadiness,
    CallsTwice,
    ClonesReadiness,
    IsAlwaysReady,
    PollsReadinessInCircles,
    ForgetsToWakeForReadiness,
    LosesTheReadinessError,
    ChangesTheResponse,
    ChangesTheRequest,
    LosesTheError,
    CallsAtFirstPoll,
    PollsTheCallInCircles,
    ForgetsToWakeTheCall,
    SpawnsTheCall,
    SwallowsPanicsOfCall,
    SwallowsPanicsOfTheFuture,
    RefusesFromPollReady,
    HoldsBackInPollReady,
    NeverAnswersARefusal,
    CallsThoughItRefuses,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Flawed(pub(crate) Flaw);

#[derive(Debug)]
pub(crate) struct FlawedService<S> {
    inner: S,
    flaw: Flaw,
    ready: bool,
}

pub(crate) type Answer = Pin<Box<dyn Future<Output = Result<u32, BoxError>> + Send>>;

impl<S> Layer<S> for Flawed {
    type Service = FlawedService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        let (flaw, ready) = (self.0, false);
        FlawedService { inner, flaw, ready }
    }
}

impl<S: Clone> Clone for FlawedService<S> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            flaw: self.flaw,
            ready: self.ready && self.flaw == Flaw::ClonesReadiness,
        }
    }
}

impl<S> Service<u32> for FlawedService<S>
where
    S: Service<u32, Response = u32, Error = ProbeError, Future: Send + 'static>
        + Clone
        + Send
        + 'static,
{
    type Response = u32;
    type Error = BoxError;
    type Future = Answer;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        match self.flaw {
            Flaw::ReservesInAClone => return self.inner.clone().poll_ready(cx).map_err(Into::into),
            Flaw::LosesReadiness if self.ready => self.inner = self.inner.clone(),
            Flaw::KeepsReadiness | Flaw::ClonesReadiness if self.ready => {
                return Poll::Ready(Ok(()));
            }
            Flaw::RefusesFromPollReady => return Poll::Ready(Err("refused".into())),
            Flaw::HoldsBackInPollReady => return Poll::Pending,
            _ => {}
        }
        let deaf = &mut Context::from_waker(Waker::noop());
        let polled = match self.flaw {
            Flaw::ForgetsToWakeForReadiness => self.inner.poll_ready(deaf),
            _ => self.inner.poll_ready(cx),
        };
        match self.flaw {
            Flaw::IsAlwaysReady if polled.is_pending() => return Poll::Ready(Ok(())),
            Flaw::PollsReadinessInCircles if polled.is_pending() => cx.waker().wake_by_ref(),
            Flaw::LosesTheReadinessError => ready!(polled).map_err(|_| "not ready")?,
            _ => ready!(polled)?,
        }
        self.ready = polled.is_ready();
        polled.map_err(Into::into)
    }

    fn call(&mut self, request: u32) -> Answer {
        self.ready = self.flaw == Flaw::KeepsReadiness;
        let inner = match self.flaw {
            Flaw::CallsAtFirstPoll => {
                let clone = self.inner.clone();
                let mut readied = mem::replace(&mut self.inner, clone);
                return Box::pin(async move { Ok(readied.call(request).await?) });
            }
            Flaw::NeverAnswersARefusal => return Box::pin(pending()),
            Flaw::CallsThoughItRefuses => {
                drop(self.inner.call(request));
                return Box::pin(ready(Err("refused".into())));
            }
            Flaw::SwallowsPanicsOfCall => {
                match catch_unwind(AssertUnwindSafe(|| self.inner.call(request))) {
                    Ok(inner) => inner,
                    Err(_) => return Box::pin(ready(Err("panicked".into()))),
                }
            }
            Flaw::CallsAClone => {
                self.inner = self.inner.clone();
                self.inner.call(request)
            }
            Flaw::ChangesTheRequest => self.inner.call(request + 1),
            _ => self.inner.call(request),
        };
        let again = (self.flaw == Flaw::CallsTwice).then(|| self.inner.clone());
        finish(self.flaw, inner, again, request)
    }
}

fn finish<S, F>(flaw: Flaw, inner: F, again: Option<S>, request: u32) -> Answer
where
    S: Service<u32, Response = u32, Error = ProbeError, Future: Send> + Send + 'static,
    F: Future<Output = Result<u32, ProbeError>> + Send + 'static,
{
    let mut inner = Box::pin(inner);
    match flaw {
        Flaw::CallsTwice => Box::pin(async move {
            let answer = inner.await?;
            let mut again = again.expect("it was cloned for this");
            poll_fn(|cx| again.poll_ready(cx)).await?;
            let _ = again.call(request).await?;
            Ok(answer)
        }),
        Flaw::ChangesTheResponse => Box::pin(async move { Ok(inner.await? + 1) }),
        Flaw::ChangesTheRequest => Box::pin(async move { Ok(inner.await? - 1) }),
        Flaw::LosesTheError => Box::pin(async move { inner.await.map_err(|_| "failed".into()) }),
        Flaw::SpawnsTheCall => {
            let task = tokio::spawn(inner);
            Box::pin(async move { Ok(task.await??) })
        }
        Flaw::PollsTheCallInCircles => Box::pin(poll_fn(move |cx| {
            cx.waker().wake_by_ref();
            inner.as_mut().poll(cx).map_err(Into::into)
        })),
        Flaw::ForgetsToWakeTheCall => Box::pin(poll_fn(move |_| {
            let deaf = &mut Context::from_waker(Waker::noop());
            inner.as_mut().poll(deaf).map_err(Into::into)
        })),
        Flaw::SwallowsPanicsOfTheFuture => Box::pin(poll_fn(move |cx| {
            let polled = catch_unwind(AssertUnwindSafe(|| inner.as_mut().poll(cx)));
            polled.map_or(Poll::Ready(Err("panicked".into())), |it| {
                it.map_err(Into::into)
            })
        })),
        _ => Box::pin(async move { Ok(inner.await?) }),
    }
}
