use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Router,
    extract::{Path, Request, State},
    http::{HeaderMap, StatusCode},
    routing::post,
};
use futures::future::join;

use super::Link;

/// What customers reach.
#[derive(Debug)]
pub(super) struct Gateway {
    pub(super) user: Link,
    pub(super) profile: Link,
    pub(super) order: Link,
    pub(super) flood: Arc<Peak>,
}

/// How much of the gateway one tenant has had at once.
#[derive(Debug, Default)]
pub(crate) struct Peak {
    now: AtomicUsize,
    most: AtomicUsize,
}

/// The header that says whose customer asks.
pub(crate) const TENANT: &str = "x-tenant";

/// The tenant that floods the shop in act 4.
pub(crate) const FLOOD: &str = "flood";

impl Gateway {
    pub(super) fn router(self) -> Router {
        Router::new()
            .route("/checkout/{order}", post(checkout))
            .with_state(Arc::new(self))
    }
}

impl Peak {
    pub(crate) fn most(&self) -> usize {
        self.most.load(Ordering::Relaxed)
    }

    fn enter(&self) -> Inside<'_> {
        let now = self.now.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(now, Ordering::Relaxed);
        Inside(self)
    }
}

#[derive(Debug)]
struct Inside<'p>(&'p Peak);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::Relaxed);
    }
}

pub(super) fn tenant(request: &Request) -> String {
    name(request.headers()).to_owned()
}

async fn checkout(
    State(gateway): State<Arc<Gateway>>,
    Path(order): Path<u64>,
    headers: HeaderMap,
) -> StatusCode {
    let _inside = (name(&headers) == FLOOD).then(|| gateway.flood.enter());
    let (user, profile) = join(gateway.user.call(order), gateway.profile.call(order)).await;
    if user.and(profile).is_err() {
        return StatusCode::BAD_GATEWAY;
    }
    match gateway.order.call(order).await {
        Ok(()) => StatusCode::OK,
        Err(_) => StatusCode::BAD_GATEWAY,
    }
}

fn name(headers: &HeaderMap) -> &str {
    let named = headers.get(TENANT).and_then(|name| name.to_str().ok());
    named.unwrap_or("nobody")
}
