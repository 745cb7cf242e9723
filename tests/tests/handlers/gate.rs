//! What commands and queries pass: it can hang, and fail.

use std::sync::Arc;

use tokio::sync::watch;

#[derive(Clone, Debug)]
pub(crate) struct Gate {
    mode: Arc<watch::Sender<Mode>>,
    /// How many wait, and how many have come.
    seen: Arc<watch::Sender<(usize, usize)>>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mode {
    Open,
    Hangs,
    Fails,
}

/// One less waits, however the wait ends.
struct Waiting<'g>(&'g Gate);

impl Gate {
    pub(crate) fn new() -> Self {
        Self {
            mode: Arc::new(watch::Sender::new(Mode::Open)),
            seen: Arc::default(),
        }
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// How many have come so far.
    pub(crate) fn came(&self) -> usize {
        self.seen.borrow().1
    }

    /// Waits until so many wait.
    pub(crate) async fn until_waiting(&self, count: usize) {
        let mut seen = self.seen.subscribe();
        let waiting = seen.wait_for(|seen| seen.0 == count).await;
        waiting.expect("the sender is ours");
    }

    /// Waits as long as it hangs; false if it fails.
    pub(crate) async fn pass(&self) -> bool {
        self.seen
            .send_modify(|seen| *seen = (seen.0 + 1, seen.1 + 1));
        let _waiting = Waiting(self);
        let mut mode = self.mode.subscribe();
        let mode = mode.wait_for(|mode| *mode != Mode::Hangs).await;
        *mode.expect("the sender is ours") == Mode::Open
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.seen.send_modify(|seen| seen.0 -= 1);
    }
}
