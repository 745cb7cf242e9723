use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use tower_service::Service;

use crate::{Failure, Strategy};

/// Answers with what another service makes of the captured value.
///
/// # Readiness
///
/// Every call has a clone of the backup to itself: it is readied, called, and dropped. A backup that never becomes
/// ready holds up nobody else; put a timeout around it.
///
/// # Errors
///
/// The backup's own, when it does not become ready or when the call fails.
#[derive(Clone)]
pub struct Backup<B>(B);

impl<B> Backup<B> {
    /// Calls clones of this service.
    pub const fn new(backup: B) -> Self {
        Self(backup)
    }
}

impl<B, Res, E, K> Strategy<Res, E, K> for Backup<B>
where
    B: Service<K, Response = Res> + Clone,
    B::Error: Into<E>,
{
    type Future = BackupFuture<B, K, B::Future, E>;

    fn answer(&self, failure: Failure<Res, E, K>) -> Result<Self::Future, Failure<Res, E, K>> {
        let Failure {
            result, captured, ..
        } = failure;
        // The failed response may hold a connection that the backup needs.
        drop(result);
        Ok(BackupFuture {
            state: State::Readying {
                backup: self.0.clone(),
                captured: Some(captured),
            },
            error: std::marker::PhantomData,
        })
    }
}

pin_project! {
    /// Readies a clone of the backup and calls it.
    #[must_use = "futures do nothing unless polled"]
    pub struct BackupFuture<B, K, F, E> {
        #[pin]
        state: State<B, K, F>,
        error: std::marker::PhantomData<fn() -> E>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<B, K, F> {
        Readying { backup: B, captured: Option<K> },
        Called { #[pin] future: F },
    }
}

impl<B, K, E> Future for BackupFuture<B, K, B::Future, E>
where
    B: Service<K>,
    B::Error: Into<E>,
{
    type Output = Result<B::Response, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            match state.as_mut().project() {
                StateProj::Readying { backup, captured } => {
                    ready!(backup.poll_ready(cx)).map_err(Into::into)?;
                    let captured = captured.take().expect("polled after a panic");
                    let future = backup.call(captured);
                    state.set(State::Called { future });
                }
                StateProj::Called { future } => return future.poll(cx).map_err(Into::into),
            }
        }
    }
}

impl<B> fmt::Debug for Backup<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backup").finish_non_exhaustive()
    }
}

impl<B, K, F, E> fmt::Debug for BackupFuture<B, K, F, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackupFuture").finish_non_exhaustive()
    }
}
