use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tower_service::Service;
use watertight_events::EventStore;

use super::{CommandError, CommandHandler, CommandRequest, Committed, turn};
use crate::Decider;

/// The answer to a command, on its way.
#[must_use = "futures do nothing unless polled"]
pub struct CommandFuture<D: Decider>(Pin<Box<dyn Future<Output = Answer<D>> + Send>>);

type Answer<D> = Result<Committed<<D as Decider>::Event>, CommandError<<D as Decider>::Rejection>>;

impl<D: Decider, S: EventStore> Service<CommandRequest<D::Command>> for CommandHandler<D, S> {
    type Response = Committed<D::Event>;
    type Error = CommandError<D::Rejection>;
    type Future = CommandFuture<D>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        if self.place.is_none() {
            // Where there is room, no future is made that could wait. Nobody is passed by: a place that somebody waits for
            // is never free.
            let free = self.places.clone_inner().try_acquire_owned();
            self.place = match free {
                Ok(place) => Some(place),
                Err(_) => ready!(self.places.poll_acquire(cx)),
            };
        }
        Poll::Ready(Ok(()))
    }

    /// # Panics
    ///
    /// `poll_ready` was not asked before.
    fn call(&mut self, request: CommandRequest<D::Command>) -> Self::Future {
        let place = self.place.take().expect("poll_ready before call");
        let shared = Arc::clone(&self.shared);
        CommandFuture(Box::pin(async move {
            let answer = turn::take(&shared, request).await;
            drop(place);
            answer
        }))
    }
}

impl<D: Decider> Future for CommandFuture<D> {
    type Output = Answer<D>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl<D: Decider> fmt::Debug for CommandFuture<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandFuture").finish_non_exhaustive()
    }
}
