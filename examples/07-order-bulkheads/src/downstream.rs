//! The four services that the order service calls, on one real socket, with faults to switch on.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::Result;
use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    routing::post,
};
use tokio::{net::TcpListener, sync::watch, task::yield_now};

const NAMES: [&str; 4] = ["inventory", "payment", "email", "analytics"];

/// What is wrong with a service.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Fault {
    #[default]
    None,
    Fails,
    /// Nothing is answered until the fault is lifted.
    Hangs,
}

#[derive(Debug, Default)]
pub(crate) struct Downstream {
    faults: watch::Sender<[Fault; 4]>,
    now: [AtomicUsize; 4],
    most: [AtomicUsize; 4],
}

impl Downstream {
    pub(crate) fn set(&self, service: &str, fault: Fault) {
        let index = index(service).expect("one of the four");
        self.faults.send_modify(|faults| faults[index] = fault);
    }

    /// Waits until a service has so many calls at the same time.
    pub(crate) async fn until_at_work(&self, service: &str, calls: usize) {
        let index = index(service).expect("one of the four");
        while self.now[index].load(Ordering::SeqCst) < calls {
            yield_now().await;
        }
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
    let Some(index) = index(&service) else {
        return StatusCode::NOT_FOUND;
    };
    let now = all.now[index].fetch_add(1, Ordering::SeqCst) + 1;
    all.most[index].fetch_max(now, Ordering::SeqCst);
    let mut faults = all.faults.subscribe();
    let awake = faults.wait_for(|faults| faults[index] != Fault::Hangs);
    let fault = awake.await.map(|faults| faults[index]).unwrap_or_default();
    all.now[index].fetch_sub(1, Ordering::SeqCst);
    match fault {
        Fault::Fails => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::NO_CONTENT,
    }
}

fn index(service: &str) -> Option<usize> {
    NAMES.iter().position(|name| *name == service)
}
