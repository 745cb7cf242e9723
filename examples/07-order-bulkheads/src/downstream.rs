//! The four services that the order service calls, on one real socket, with faults to switch on.

use std::{
    future::pending,
    net::SocketAddr,
    sync::{
        Arc,
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
use tokio::{net::TcpListener, task::yield_now};

const NAMES: [&str; 4] = ["inventory", "payment", "email", "analytics"];

#[derive(Debug, Default)]
pub(crate) struct Downstream {
    inventory_fails: AtomicBool,
    payment_fails: AtomicBool,
    email_hangs: AtomicBool,
    now: [AtomicUsize; 4],
    most: [AtomicUsize; 4],
}

impl Downstream {
    pub(crate) fn fail_inventory(&self, fails: bool) {
        self.inventory_fails.store(fails, Ordering::SeqCst);
    }

    pub(crate) fn fail_payment(&self, fails: bool) {
        self.payment_fails.store(fails, Ordering::SeqCst);
    }

    pub(crate) fn hang_email(&self) {
        self.email_hangs.store(true, Ordering::SeqCst);
    }

    /// The most calls that each service had at the same time.
    pub(crate) fn most_at_once(&self) -> [usize; 4] {
        self.most.each_ref().map(|most| most.load(Ordering::SeqCst))
    }

    pub(crate) async fn serve(self: Arc<Self>) -> Result<String> {
        let app = Router::new()
            .route("/{service}", post(handle))
            .with_state(self);
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let host = listener.local_addr()?.to_string();
        tokio::spawn(async { axum::serve(listener, app).await });
        Ok(host)
    }
}

async fn handle(State(all): State<Arc<Downstream>>, Path(service): Path<String>) -> StatusCode {
    let Some(index) = NAMES.iter().position(|name| *name == service) else {
        return StatusCode::NOT_FOUND;
    };
    let now = all.now[index].fetch_add(1, Ordering::SeqCst) + 1;
    all.most[index].fetch_max(now, Ordering::SeqCst);
    yield_now().await;
    if service == "email" && all.email_hangs.load(Ordering::SeqCst) {
        pending::<()>().await;
    }
    all.now[index].fetch_sub(1, Ordering::SeqCst);
    let fails = match service.as_str() {
        "inventory" => &all.inventory_fails,
        "payment" => &all.payment_fails,
        _ => return StatusCode::NO_CONTENT,
    };
    match fails.load(Ordering::SeqCst) {
        true => StatusCode::INTERNAL_SERVER_ERROR,
        false => StatusCode::NO_CONTENT,
    }
}
