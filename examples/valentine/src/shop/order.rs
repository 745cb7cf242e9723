use std::{future::Future, sync::Arc};

use anyhow::Result;
use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    routing::post,
};
use futures::future::join3;
use watertight::Deadline;

use super::{Later, Link, Peak};

/// The order service, by plain calls.
#[derive(Clone, Debug)]
pub(super) struct Orders {
    pub(super) inventory: Link,
    pub(super) payment: Link,
    pub(super) shipping: Link,
    pub(super) loyalty: Link,
    pub(super) email: Link,
    pub(super) analytics: Link,
    /// Where an order goes that came to nothing. Without it, it is undone on the spot, if its caller waits for that.
    pub(super) cancelled: Option<Later>,
    /// The orders that are being placed.
    pub(super) open: Peak,
}

impl Orders {
    pub(super) fn router(self) -> Router {
        Router::new()
            .route("/{order}", post(place))
            .with_state(Arc::new(self))
    }

    /// Undoes whatever was done for an order, or is still going to be.
    pub(super) async fn undo(&self, order: u64) -> Result<()> {
        self.shipping.undo(order).await?;
        self.payment.undo(order).await?;
        self.inventory.undo(order).await
    }

    async fn place(&self, order: u64) -> Result<()> {
        if let Err(error) = self.needed(order).await {
            // Also the step that failed is undone: an answer that never came may have been a yes.
            match &self.cancelled {
                Some(later) => _ = later.push(order),
                None => _ = self.undo(order).await,
            }
            return Err(error);
        }
        let (points, mail, count) = join3(
            self.loyalty.call(order),
            self.email.call(order),
            self.analytics.call(order),
        )
        .await;
        points.and(mail).and(count)
    }

    async fn needed(&self, order: u64) -> Result<()> {
        self.inventory.call(order).await?;
        self.payment.call(order).await?;
        self.shipping.call(order).await
    }
}

async fn place(State(orders): State<Arc<Orders>>, Path(order): Path<u64>) -> StatusCode {
    let inside = orders.open.enter();
    let surely = orders.cancelled.is_some();
    let job = async move {
        let _inside = inside;
        orders.place(order).await
    };
    let placed = match surely {
        // A caller that leaves takes its handler with it, and so leaves half an order behind. A task stays.
        true => tokio::spawn(until(Deadline::current(), job))
            .await
            .unwrap_or_else(|error| Err(error.into())),
        false => job.await,
    };
    match placed {
        Ok(()) => StatusCode::NO_CONTENT,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

async fn until<T>(deadline: Option<Deadline>, work: impl Future<Output = T>) -> T {
    match deadline {
        Some(deadline) => deadline.scope(work).await,
        None => work.await,
    }
}
