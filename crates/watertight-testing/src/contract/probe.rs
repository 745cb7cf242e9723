use std::{
    fmt,
    future::Future,
    marker::PhantomData,
    panic::resume_unwind,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tower_service::Service;

use crate::contract::{
    Dialect,
    control::{Act, Control, ProbePanic},
};

/// The suite's inner service. A clone is not ready, as it is with every service that reserves something.
pub(crate) struct Probe<D> {
    control: Control,
    instance: u64,
    ready: bool,
    dialect: PhantomData<fn() -> D>,
}

/// One call of a [`Probe`].
pub(crate) struct ProbeFuture<D> {
    run: Run,
    number: u32,
    act: Act,
    dialect: PhantomData<fn() -> D>,
}

/// Counts a call as in flight until it is dropped or done.
struct Run {
    control: Control,
    call: u64,
    over: bool,
}

impl<D> Probe<D> {
    pub(crate) fn new(control: &Control) -> Self {
        Self {
            control: control.clone(),
            instance: control.new_instance(),
            ready: false,
            dialect: PhantomData,
        }
    }
}

impl<D: Dialect> Service<D::Request> for Probe<D> {
    type Response = D::Response;
    type Error = D::Error;
    type Future = ProbeFuture<D>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), D::Error>> {
        if !self.ready {
            ready!(self.control.poll_ready(self.instance, cx))?;
            self.ready = true;
        }
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: D::Request) -> ProbeFuture<D> {
        let number = D::number(&request);
        let ready = std::mem::take(&mut self.ready);
        let (call, act) = self.control.called(number, ready);
        let run = Run {
            control: self.control.clone(),
            call,
            over: false,
        };
        if act == Act::PanicInCall {
            // Without the panic hook, whose message would look like a failure.
            resume_unwind(Box::new(ProbePanic));
        }
        ProbeFuture {
            run,
            number: number.unwrap_or(u32::MAX),
            act,
            dialect: PhantomData,
        }
    }
}

impl<D: Dialect> Future for ProbeFuture<D> {
    type Output = Result<D::Response, D::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let result = match self.act {
            Act::Answer => Ok(D::response(self.number)),
            Act::Fail => Err(crate::contract::ProbeError(self.number).into()),
            Act::Hang => {
                ready!(self.run.control.poll_release(self.run.call, cx));
                Ok(D::response(self.number))
            }
            Act::PanicInCall | Act::PanicInFuture => resume_unwind(Box::new(ProbePanic)),
        };
        self.run.end();
        Poll::Ready(result)
    }
}

impl Run {
    fn end(&mut self) {
        if !std::mem::replace(&mut self.over, true) {
            self.control.ended(self.call);
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.end();
    }
}

impl<D> Clone for Probe<D> {
    fn clone(&self) -> Self {
        Self::new(&self.control)
    }
}

impl<D> Drop for Probe<D> {
    fn drop(&mut self) {
        self.control.drop_instance(self.instance);
    }
}

impl<D> fmt::Debug for Probe<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probe")
            .field("instance", &self.instance)
            .field("ready", &self.ready)
            .finish_non_exhaustive()
    }
}
