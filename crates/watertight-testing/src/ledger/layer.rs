use std::{
    fmt,
    future::Future,
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::{Ended, Ledger, ledger::book::Entry};

/// Writes the calls of the service behind it into a [`Ledger`].
#[derive(Clone)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct LedgerLayer<L = Unlabelled> {
    ledger: Ledger,
    label: L,
}

/// A service whose calls are written into a [`Ledger`].
#[derive(Clone)]
pub struct LedgerService<S, L = Unlabelled> {
    inner: S,
    ledger: Ledger,
    label: L,
}

/// Records without labels.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unlabelled;

/// How a record names its request. Closures `Fn(&Req) -> String` implement it.
pub trait Label<Req> {
    /// The label of a request.
    fn label(&self, request: &Req) -> String;
}

impl LedgerLayer {
    /// Writes into this ledger.
    pub const fn new(ledger: Ledger) -> Self {
        Self {
            ledger,
            label: Unlabelled,
        }
    }

    /// Labels each record with what the closure makes of its request; name its argument type.
    pub fn label<Req, L: Fn(&Req) -> String>(self, label: L) -> LedgerLayer<L> {
        let ledger = self.ledger;
        LedgerLayer { ledger, label }
    }
}

impl<S> LedgerService<S> {
    /// Writes the calls of a service into this ledger.
    pub const fn new(inner: S, ledger: Ledger) -> Self {
        Self {
            inner,
            ledger,
            label: Unlabelled,
        }
    }
}

impl<S, L: Clone> Layer<S> for LedgerLayer<L> {
    type Service = LedgerService<S, L>;

    fn layer(&self, inner: S) -> Self::Service {
        LedgerService {
            inner,
            ledger: self.ledger.clone(),
            label: self.label.clone(),
        }
    }
}

impl<S: Service<Req>, L: Label<Req>, Req> Service<Req> for LedgerService<S, L> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = LedgerFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let mut entry = self.ledger.open(self.label.label(&request));
        let future = watched(&mut entry, || self.inner.call(request));
        LedgerFuture { future, entry }
    }
}

pin_project! {
    /// The response future of a [`LedgerService`].
    #[must_use = "futures do nothing unless polled"]
    pub struct LedgerFuture<F> {
        #[pin]
        future: F,
        entry: Entry,
    }
}

impl<F, T, E> Future for LedgerFuture<F>
where
    F: Future<Output = Result<T, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let result = ready!(watched(this.entry, || this.future.poll(cx)));
        this.entry.close(if result.is_ok() {
            Ended::Ok
        } else {
            Ended::Err
        });
        Poll::Ready(result)
    }
}

impl<Req> Label<Req> for Unlabelled {
    fn label(&self, _: &Req) -> String {
        String::new()
    }
}

impl<Req, F: Fn(&Req) -> String> Label<Req> for F {
    fn label(&self, request: &Req) -> String {
        self(request)
    }
}

impl<L> fmt::Debug for LedgerLayer<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LedgerLayer")
            .field("ledger", &self.ledger)
            .finish_non_exhaustive()
    }
}

impl<S: fmt::Debug, L> fmt::Debug for LedgerService<S, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LedgerService")
            .field("inner", &self.inner)
            .field("ledger", &self.ledger)
            .finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for LedgerFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LedgerFuture")
            .field("entry", &self.entry)
            .finish_non_exhaustive()
    }
}

struct Unwinding<'a>(&'a mut Entry);

impl Drop for Unwinding<'_> {
    fn drop(&mut self) {
        self.0.close(Ended::Panicked);
    }
}

// The guard is forgotten on normal return: `thread::panicking()` would see panics that are not ours.
fn watched<T>(entry: &mut Entry, watched: impl FnOnce() -> T) -> T {
    let guard = Unwinding(entry);
    let value = watched();
    mem::forget(guard);
    value
}
