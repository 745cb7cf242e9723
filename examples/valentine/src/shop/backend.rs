use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    routing::post,
};
use tokio::sync::{Notify, Semaphore};
use tower::{ServiceBuilder, ServiceExt, util::BoxCloneSyncService};
use watertight::{
    Deadline,
    testing::{FaultLayer, FaultPlan},
};

use super::{Books, Leaf, people::Work};
use crate::scale::Scale;

/// A service that does one thing for an order, on a few workers, with faults to switch on.
#[derive(Debug)]
pub(crate) struct Backend {
    pub(crate) faults: FaultPlan<u64>,
    workers: Semaphore,
    work: BoxCloneSyncService<u64, (), StatusCode>,
    restarted: Notify,
    arrived: AtomicU64,
    books: Mutex<Books>,
}

impl Backend {
    pub(crate) fn new(leaf: Leaf, scale: Scale, seed: u64, work: Work) -> Self {
        let faults = FaultPlan::seeded(seed ^ leaf as u64);
        let work = ServiceBuilder::new()
            .layer(FaultLayer::failing(faults.clone(), || {
                StatusCode::INTERNAL_SERVER_ERROR
            }))
            .service(work);
        Self {
            faults,
            workers: Semaphore::new(leaf.workers(scale)),
            work: BoxCloneSyncService::new(work),
            restarted: Notify::new(),
            arrived: AtomicU64::new(0),
            books: Mutex::new(Books::new(leaf.limit())),
        }
    }

    /// How many requests have reached it.
    pub(crate) fn arrived(&self) -> u64 {
        self.arrived.load(Ordering::Relaxed)
    }

    /// What it has done so far.
    pub(crate) fn books(&self) -> Books {
        self.with_books(|books| books.clone())
    }

    /// Drops what its workers are at, as when its process starts anew: what hangs, hangs until then.
    pub(crate) fn restart(&self) {
        self.restarted.notify_waiters();
    }

    pub(crate) fn router(self: Arc<Self>) -> Router {
        Router::new()
            .route("/{order}", post(work).delete(undo))
            .with_state(self)
    }

    async fn work(self: Arc<Self>, order: u64) -> Result<(), StatusCode> {
        self.arrived.fetch_add(1, Ordering::Relaxed);
        let deadline = Deadline::current();
        // What was taken on is worked off, as by a pool of threads, whether its caller still waits or not. Only a
        // deadline, if one came along, tells that nobody does.
        let job = tokio::spawn(async move {
            let _worker = self.workers.acquire().await;
            if deadline.is_some_and(Deadline::has_passed) {
                return Err(StatusCode::GATEWAY_TIMEOUT);
            }
            tokio::select! {
                worked = self.work.clone().oneshot(order) => worked?,
                () = self.restarted.notified() => return Err(StatusCode::BAD_GATEWAY),
            }
            match self.with_books(|books| books.enter(order)) {
                true => Ok(()),
                false => Err(StatusCode::CONFLICT),
            }
        });
        job.await.unwrap_or(Err(StatusCode::INTERNAL_SERVER_ERROR))
    }

    fn with_books<T>(&self, change: impl FnOnce(&mut Books) -> T) -> T {
        change(&mut self.books.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn work(
    State(backend): State<Arc<Backend>>,
    Path(order): Path<u64>,
) -> Result<StatusCode, StatusCode> {
    backend.work(order).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn undo(State(backend): State<Arc<Backend>>, Path(order): Path<u64>) -> StatusCode {
    backend.with_books(|books| books.undo(order));
    StatusCode::NO_CONTENT
}
