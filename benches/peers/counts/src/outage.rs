//! An outage, and calls at a steady rate before, in and after it.

use std::{
    future::poll_fn,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use tower::Service;
use watertight_benches::service::{Answers, FAIL};

/// The time from one call to the next.
pub(crate) const EVERY: Duration = Duration::from_millis(1);

/// Good times before the outage.
const BEFORE: Duration = Duration::from_secs(2);

/// Good times after it, longer than any breaker waits.
const AFTER: Duration = Duration::from_secs(90);

/// What a breaker decided wrongly.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Debt {
    /// Calls that were refused although the dependency was healthy again.
    pub(crate) refused: u64,
    /// Calls that were admitted although the dependency was down.
    pub(crate) doomed: u64,
}

/// A dependency that knows how often it was called.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dependency(Arc<AtomicU64>);

impl Debt {
    pub(crate) const fn total(self) -> u64 {
        self.refused + self.doomed
    }
}

impl Dependency {
    fn calls(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Service<u64> for Dependency {
    type Response = u64;
    type Error = <Answers as Service<u64>>::Error;
    type Future = <Answers as Service<u64>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Service::<u64>::poll_ready(&mut Answers, cx)
    }

    fn call(&mut self, request: u64) -> Self::Future {
        self.0.fetch_add(1, Ordering::Relaxed);
        Answers.call(request)
    }
}

/// Lives through an outage. The service stands before the dependency; `pass` lets the time to the next call pass.
pub(crate) async fn live_through<S: Service<u64>>(
    outage: Duration,
    dependency: &Dependency,
    mut service: S,
    mut pass: impl AsyncFnMut(),
) -> Debt {
    let mut debt = Debt::default();
    let mut now = Duration::ZERO;
    while now < BEFORE + outage + AFTER {
        let down = now >= BEFORE && now < BEFORE + outage;
        let before = dependency.calls();
        if poll_fn(|cx| service.poll_ready(cx)).await.is_ok() {
            let _ = service.call(if down { FAIL } else { 0 }).await;
        }
        let admitted = dependency.calls() > before;
        debt.doomed += u64::from(down && admitted);
        debt.refused += u64::from(!down && !admitted);
        pass().await;
        now += EVERY;
    }
    debt
}
