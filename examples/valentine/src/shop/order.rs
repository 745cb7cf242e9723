use std::sync::Arc;

use anyhow::Result;
use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    routing::post,
};
use futures::future::join3;

use super::Link;

/// The order service, by plain calls: a caller that leaves in between leaves half an order behind.
#[derive(Debug)]
pub(super) struct Orders {
    pub(super) inventory: Link,
    pub(super) payment: Link,
    pub(super) shipping: Link,
    pub(super) loyalty: Link,
    pub(super) email: Link,
    pub(super) analytics: Link,
}

impl Orders {
    pub(super) fn router(self) -> Router {
        Router::new()
            .route("/{order}", post(place))
            .with_state(Arc::new(self))
    }

    async fn place(&self, order: u64) -> Result<()> {
        self.inventory.call(order).await?;
        let paid = self.payment.call(order).await;
        if paid.is_err() {
            let _ = self.inventory.undo(order).await;
            return paid;
        }
        let shipped = self.shipping.call(order).await;
        if shipped.is_err() {
            let _ = self.payment.undo(order).await;
            let _ = self.inventory.undo(order).await;
            return shipped;
        }
        let (points, mail, count) = join3(
            self.loyalty.call(order),
            self.email.call(order),
            self.analytics.call(order),
        )
        .await;
        points.and(mail).and(count)
    }
}

async fn place(State(orders): State<Arc<Orders>>, Path(order): Path<u64>) -> StatusCode {
    match orders.place(order).await {
        Ok(()) => StatusCode::NO_CONTENT,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}
