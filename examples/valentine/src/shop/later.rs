use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::sleep;

use super::Link;

/// Orders whose points or mails could not be had at once, and are asked for again.
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

    pub(crate) fn is_empty(&self) -> bool {
        self.with(|orders| orders.is_empty())
    }

    /// Works off what is kept, one by one, for as long as the shop is open.
    pub(crate) async fn work_off(self, link: Link) {
        loop {
            // It stays in the queue until it is done: this is the only one who takes orders out.
            let first = self.with(|orders| orders.front().copied());
            match first {
                Some(order) if link.call(order).await.is_ok() => {
                    self.with(std::collections::VecDeque::pop_front);
                }
                _ => sleep(PAUSE).await,
            }
        }
    }

    fn with<T>(&self, change: impl FnOnce(&mut VecDeque<u64>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
