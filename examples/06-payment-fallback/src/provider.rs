//! The payment provider: a real HTTP server whose failure can be switched on.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use anyhow::Result;
use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    routing::post,
};
use tokio::net::TcpListener;

#[derive(Debug, Default)]
pub(crate) struct Provider {
    fails: AtomicBool,
    calls: AtomicUsize,
    charged: Mutex<Vec<u32>>,
}

impl Provider {
    pub(crate) fn fail(&self, fails: bool) {
        self.fails.store(fails, Ordering::SeqCst);
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// The orders that were charged, in that order.
    pub(crate) fn charged(&self) -> Vec<u32> {
        self.charged.lock().expect("no handler panics").clone()
    }

    pub(crate) async fn serve(self: Arc<Self>) -> Result<String> {
        let app = Router::new()
            .route("/charge/{order}", post(charge))
            .with_state(self);
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let host = listener.local_addr()?.to_string();
        tokio::spawn(async { axum::serve(listener, app).await });
        Ok(host)
    }
}

async fn charge(State(provider): State<Arc<Provider>>, Path(order): Path<u32>) -> StatusCode {
    provider.calls.fetch_add(1, Ordering::SeqCst);
    if provider.fails.load(Ordering::SeqCst) {
        return StatusCode::BAD_GATEWAY;
    }
    provider
        .charged
        .lock()
        .expect("no handler panics")
        .push(order);
    StatusCode::NO_CONTENT
}
