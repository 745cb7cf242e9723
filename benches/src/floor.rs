//! The least that shared state can cost: what any layer with a state must be compared with.

use std::{
    future::{self, Future, Ready},
    hint::black_box,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
};

use tokio::time::Instant;
use tower_service::Service;
use watertight_core::{Padded, StripedCounter};

use crate::{ours::NEVER, service::Answers, subject::Subject};

/// The name of the floor that pays for a shared reference count.
pub const SHARED: &str = "floor: shared Arc";

/// The name of the floor whose workers do not meet.
pub const STRIPED: &str = "floor: striped";

/// The name of the floor that does nothing but find out that it is not time yet.
pub const CLOCK: &str = "floor: one look at the clock";

/// A state behind one counted reference that every call clones.
#[derive(Clone, Debug)]
struct Shared<S> {
    inner: S,
    state: Arc<(AtomicU64, AtomicU64)>,
}

/// A state without a counted reference, and a counter per worker.
#[derive(Clone, Debug)]
struct Striped<S> {
    inner: S,
    state: &'static (Padded<AtomicU64>, StripedCounter),
}

/// Refuses until a moment.
#[derive(Clone, Copy, Debug)]
struct RefusesUntil(Instant);

/// Reads a word before the call and counts after it.
#[derive(Debug)]
struct Counting<F, C> {
    future: F,
    count: C,
}

/// Both floors, around the service that answers at once.
#[must_use]
pub fn subjects() -> Vec<Subject> {
    let shared = Shared {
        inner: Answers,
        state: Arc::default(),
    };
    let striped = Striped {
        inner: Answers,
        state: Box::leak(Box::default()),
    };
    vec![
        Subject::answering(SHARED, shared),
        Subject::answering(STRIPED, striped),
    ]
}

/// The least that whoever refuses until a moment has to do, without a state, a service or a time to come back.
#[must_use]
pub fn clock() -> Subject {
    Subject::refusing(CLOCK, RefusesUntil(Instant::now() + NEVER))
}

trait Count: Unpin {
    fn count(&self);
}

impl Count for Arc<(AtomicU64, AtomicU64)> {
    fn count(&self) {
        self.1.fetch_add(1, Ordering::Relaxed);
    }
}

impl Count for &'static StripedCounter {
    fn count(&self) {
        self.increment();
    }
}

impl<S: Service<u64>> Service<u64> for Shared<S>
where
    S::Future: Unpin,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Counting<S::Future, Arc<(AtomicU64, AtomicU64)>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: u64) -> Self::Future {
        let state = Arc::clone(&self.state);
        black_box(state.0.load(Ordering::Acquire));
        Counting {
            future: self.inner.call(request),
            count: state,
        }
    }
}

impl<S: Service<u64>> Service<u64> for Striped<S>
where
    S::Future: Unpin,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Counting<S::Future, &'static StripedCounter>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: u64) -> Self::Future {
        let (word, counter) = self.state;
        black_box(word.load(Ordering::Acquire));
        Counting {
            future: self.inner.call(request),
            count: counter,
        }
    }
}

impl Service<u64> for RefusesUntil {
    type Response = u64;
    type Error = ();
    type Future = Ready<Result<u64, ()>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: u64) -> Self::Future {
        future::ready(if Instant::now() < self.0 {
            Err(())
        } else {
            Ok(request)
        })
    }
}

impl<F: Future + Unpin, C: Count> Future for Counting<F, C> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let output = ready!(Pin::new(&mut self.future).poll(cx));
        self.count.count();
        Poll::Ready(output)
    }
}
