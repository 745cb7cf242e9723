use std::{fmt, marker::PhantomData};

use tower_layer::Layer;
use watertight_core::{Fail, FailWith, Rejected, Respond};

use crate::{
    Timeout,
    deadline::{client::ClientDeadlineService, server::DeadlineService, wire::Local},
};

/// The one layer behind both sides of a deadline, [`DeadlineLayer`](crate::DeadlineLayer) on a server and
/// [`ClientDeadlineLayer`](crate::ClientDeadlineLayer) on its clients.
#[must_use = "a layer does nothing until it wraps a service"]
#[derive(Clone)]
pub struct Deadlines<Side, W = Local, R = Fail> {
    pub(super) limit: Timeout,
    pub(super) wire: W,
    pub(super) on_reject: R,
    pub(super) attempt: Option<Timeout>,
    side: PhantomData<Side>,
}

/// The side that is asked: it reads deadlines and gives them to its requests.
#[derive(Clone, Copy, Debug)]
pub struct Server;

/// The side that asks: it inherits deadlines and sends them along.
#[derive(Clone, Copy, Debug)]
pub struct Client;

impl<Side, W, R> Deadlines<Side, W, R> {
    pub(crate) const fn of(limit: Timeout, wire: W, on_reject: R) -> Self {
        Self {
            limit,
            wire,
            on_reject,
            attempt: None,
            side: PhantomData,
        }
    }

    /// Finds, reads and sends deadlines in another way: another header, or a closure in [`Local`].
    pub fn wire<W2>(self, wire: W2) -> Deadlines<Side, W2, R> {
        Deadlines {
            limit: self.limit,
            wire,
            on_reject: self.on_reject,
            attempt: self.attempt,
            side: PhantomData,
        }
    }

    /// Answers in another way when time is up.
    pub fn on_reject<R2>(self, on_reject: R2) -> Deadlines<Side, W, R2> {
        Deadlines {
            limit: self.limit,
            wire: self.wire,
            on_reject,
            attempt: self.attempt,
            side: PhantomData,
        }
    }

    /// Answers with what the closure makes of it when time is up; the error type stays what it was.
    pub fn respond_with<F, Res>(self, respond: F) -> Deadlines<Side, W, Respond<F>>
    where
        F: Fn(Rejected) -> Res,
    {
        self.on_reject(Respond::new(respond))
    }

    /// Fails with what the closure makes of it when time is up.
    pub fn fail_with<F, E2>(self, fail: F) -> Deadlines<Side, W, FailWith<F>>
    where
        F: Fn(Rejected) -> E2,
    {
        self.on_reject(FailWith::new(fail))
    }

    /// The handle of the limit.
    pub const fn handle(&self) -> &Timeout {
        &self.limit
    }
}

impl<W, R> Deadlines<Client, W, R> {
    /// Sends along no more than an attempt is given by a [`TimeoutLayer`](crate::TimeoutLayer) inside of this layer: what
    /// comes later than that is of no use to this client.
    pub fn attempt(mut self, timeout: impl Into<Timeout>) -> Self {
        self.attempt = Some(timeout.into());
        self
    }
}

impl<S, W: Clone, R: Clone> Layer<S> for Deadlines<Server, W, R> {
    type Service = DeadlineService<S, W, R>;

    fn layer(&self, inner: S) -> Self::Service {
        DeadlineService::new(inner, self.clone())
    }
}

impl<S, W: Clone, R: Clone> Layer<S> for Deadlines<Client, W, R> {
    type Service = ClientDeadlineService<S, W, R>;

    fn layer(&self, inner: S) -> Self::Service {
        ClientDeadlineService::new(inner, self.clone())
    }
}

impl<Side, W, R> fmt::Debug for Deadlines<Side, W, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deadlines")
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
