use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, Request, State},
    http::{HeaderMap, StatusCode},
    routing::post,
};
use futures::future::join;

use super::{Link, Peak};

/// What customers reach.
#[derive(Debug)]
pub(super) struct Gateway {
    pub(super) user: Link,
    pub(super) profile: Link,
    pub(super) order: Link,
    /// How much of it the flooding tenant has.
    pub(super) flood: Peak,
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
