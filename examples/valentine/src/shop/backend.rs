use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    routing::post,
};
use tokio::{sync::Semaphore, time::sleep};
use tower::{ServiceBuilder, ServiceExt, util::BoxCloneSyncService};
use watertight::{
    Deadline,
    testing::{FaultLayer, FaultPlan},
};

use super::Leaf;
use crate::scale::Scale;

/// A service that does one thing for an order, on a few workers, with faults to switch on.
#[derive(Debug)]
pub(crate) struct Backend {
    pub(crate) faults: FaultPlan<u64>,
    workers: Semaphore,
    work: BoxCloneSyncService<u64, (), StatusCode>,
    arrived: AtomicU64,
    done: Mutex<HashSet<u64>>,
}

impl Backend {
    pub(crate) fn new(leaf: Leaf, scale: Scale, seed: u64) -> Self {
        let faults = FaultPlan::seeded(seed ^ leaf as u64);
        let work = ServiceBuilder::new()
            .layer(FaultLayer::failing(faults.clone(), || {
                StatusCode::INTERNAL_SERVER_ERROR
            }))
            .service_fn(move |_: u64| async move {
                sleep(leaf.work()).await;
                Ok(())
            });
        Self {
            faults,
            workers: Semaphore::new(leaf.workers(scale)),
            work: BoxCloneSyncService::new(work),
            arrived: AtomicU64::new(0),
            done: Mutex::default(),
        }
    }

    /// How many requests have reached it.
    pub(crate) fn arrived(&self) -> u64 {
        self.arrived.load(Ordering::Relaxed)
    }

    /// Whether it has done its work for an order, and not undone it.
    pub(crate) fn has_done(&self, order: u64) -> bool {
        self.books(|done| done.contains(&order))
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
            self.work.clone().oneshot(order).await?;
            self.books(|done| done.insert(order));
            Ok(())
        });
        job.await.unwrap_or(Err(StatusCode::INTERNAL_SERVER_ERROR))
    }

    fn books<T>(&self, read: impl FnOnce(&mut HashSet<u64>) -> T) -> T {
        read(&mut self.done.lock().unwrap_or_else(PoisonError::into_inner))
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
    backend.books(|done| done.remove(&order));
    StatusCode::NO_CONTENT
}
