use std::{
    collections::VecDeque,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Result;
use tokio::time::sleep;

/// Orders for which something could not be done at once, and is tried again until it is.
///
/// In memory, so a crash loses them: an outbox would not.
#[derive(Clone, Debug, Default)]
pub(crate) struct Later(Arc<Mutex<VecDeque<u64>>>);

const MOST: usize = 10_000;

const PAUSE: Duration = Duration::from_millis(50);

impl Later {
    /// Keeps an order for later; false if as many are kept as may be.
    pub(crate) fn push(&self, order: u64) -> bool {
        self.with(|orders| {
            let fits = orders.len() < MOST;
            if fits {
                orders.push_back(order);
            }
            fits
        })
    }

    pub(crate) fn count(&self) -> usize {
        self.with(|orders| orders.len())
    }

    /// Works off what is kept, one by one, for as long as the shop is open.
    pub(crate) async fn work_off<F>(self, job: impl Fn(u64) -> F)
    where
        F: Future<Output = Result<()>>,
    {
        loop {
            // It stays in the queue until it is done: this is the only one who takes orders out.
            let first = self.with(|orders| orders.front().copied());
            match first {
                Some(order) if job(order).await.is_ok() => _ = self.with(VecDeque::pop_front),
                _ => sleep(PAUSE).await,
            }
        }
    }

    fn with<T>(&self, change: impl FnOnce(&mut VecDeque<u64>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use anyhow::ensure;
    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_fails_is_tried_again_and_in_order() {
        let later = Later::default();
        assert!(later.push(1) && later.push(2));
        let tried = Mutex::new(Vec::new());
        let job = |order| {
            let mut tried = tried.lock().unwrap();
            tried.push(order);
            let first_time = tried.len() == 1;
            async move {
                ensure!(!first_time, "not yet");
                Ok(())
            }
        };
        let working = timeout(Duration::from_secs(1), later.clone().work_off(job));
        assert!(working.await.is_err(), "it goes on for ever");
        assert_eq!(*tried.lock().unwrap(), [1, 1, 2]);
        assert_eq!(later.count(), 0);
    }

    #[test]
    fn more_than_may_be_kept_is_not_kept() {
        let later = Later::default();
        assert!((0..MOST as u64).all(|order| later.push(order)));
        assert!(!later.push(MOST as u64));
        assert_eq!(later.count(), MOST);
    }
}
