use std::time::Duration;

use tokio::{
    sync::oneshot,
    task::JoinHandle,
    time::{Instant, interval},
};

/// A task of the shop's own runtime that only looks at the clock: how late it is tells how busy the machine is.
#[must_use]
#[derive(Debug)]
pub(super) struct Pulse {
    stop: oneshot::Sender<()>,
    beats: JoinHandle<Vec<Duration>>,
}

const BEAT: Duration = Duration::from_millis(10);

impl Pulse {
    pub(super) fn start() -> Self {
        let (stop, mut stopped) = oneshot::channel();
        let beats = tokio::spawn(async move {
            let (mut ticks, mut late) = (interval(BEAT), Vec::new());
            loop {
                // After a pause every beat that was missed is late by itself, so a long pause weighs more than a short one.
                tokio::select! {
                    meant = ticks.tick() => late.push(Instant::now() - meant),
                    _ = &mut stopped => return late,
                }
            }
        });
        Self { stop, beats }
    }

    /// How late each beat was, sorted.
    pub(super) async fn stop(self) -> Vec<Duration> {
        let _ = self.stop.send(());
        let mut late = self.beats.await.unwrap_or_default();
        late.sort_unstable();
        late
    }
}
