use std::{
    fmt,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use futures::FutureExt;
use tokio::time::timeout;
use tower_service::Service;

use super::{Delivery, Emit};
use crate::projection::batch::said;

/// How often an event is tried, and how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempts {
    pub(super) most: u32,
    pub(super) first: Duration,
    pub(super) longest: Duration,
    pub(super) timeout: Duration,
}

impl Attempts {
    /// The pause after so many attempts.
    pub(super) fn pause(&self, attempts: u32) -> Duration {
        let doubled = 1_u32.checked_shl(attempts.saturating_sub(1));
        let pause = self.first.saturating_mul(doubled.unwrap_or(u32::MAX));
        // Not all at the same time when what failed comes back.
        pause.min(self.longest).mul_f64(0.5 + fastrand::f64() / 2.0)
    }

    /// One attempt; a panic and a timeout are failures as any other.
    pub(super) async fn once<V, R>(
        &self,
        service: &mut R,
        delivery: Delivery<V>,
    ) -> Result<Emit, Arc<str>>
    where
        R: Service<Delivery<V>, Response: Into<Emit>, Error: fmt::Display>,
    {
        let asked = async {
            poll_fn(|cx| service.poll_ready(cx)).await?;
            service.call(delivery).await
        };
        let asked = AssertUnwindSafe(asked).catch_unwind();
        match timeout(self.timeout, asked).await {
            Ok(Ok(Ok(answer))) => {
                let emit = catch_unwind(AssertUnwindSafe(|| answer.into()));
                emit.map_err(|panic| panicked(&*panic))
            }
            Ok(Ok(Err(error))) => Err(error.to_string().into()),
            Ok(Err(panic)) => Err(panicked(&*panic)),
            Err(_) => Err(format!("no answer within {:?}", self.timeout).into()),
        }
    }
}

impl Default for Attempts {
    fn default() -> Self {
        Self {
            most: 5,
            first: Duration::from_millis(100),
            longest: Duration::from_secs(10),
            timeout: Duration::from_secs(30),
        }
    }
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> Arc<str> {
    format!("it panicked: {}", said(panic)).into()
}
