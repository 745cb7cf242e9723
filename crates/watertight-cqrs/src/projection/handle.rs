use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;
use watertight_events::{Position, ViewId};

/// A projection from outside: how it is, and how to stop it.
///
/// # Clone
///
/// Clones are handles to the same projection.
#[derive(Clone, Debug)]
pub struct ProjectionHandle {
    pub(super) view: ViewId,
    pub(super) status: watch::Receiver<Status>,
    pub(super) head: watch::Receiver<Position>,
    pub(super) stop: CancellationToken,
}

/// How a projection is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProjectionSnapshot {
    /// The view.
    pub view: ViewId,
    /// What it does.
    pub state: ProjectionState,
    /// How far it has read; up to 100 ms before the stored checkpoint says so.
    pub position: Position,
    /// The last event of the store, as far as this process knows.
    pub head: Position,
    /// Events that are parked.
    pub parked: u64,
    /// Events per second since it runs here, with those that were left out.
    pub rate: f64,
}

/// What a projection does.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ProjectionState {
    /// It does not run yet.
    New,
    /// Another process runs the view; this one takes over when it is needed.
    Standby,
    /// It reads events of the past.
    CatchingUp,
    /// It has reached the head, and waits for more.
    Live,
    /// A store fails, and it tries again.
    Retrying(Arc<str>),
    /// It was stopped, or its future was dropped.
    Stopped,
    /// It has stopped by itself.
    Failed(Arc<str>),
}

#[derive(Clone, Debug)]
pub(crate) struct Status {
    pub(super) state: ProjectionState,
    pub(super) position: Position,
    pub(super) parked: u64,
    /// Where and when it began in this run.
    pub(super) began: Option<(Position, Instant)>,
}

/// Tells the handles; that it has ended, too, however that came.
pub(crate) struct Teller(pub(super) watch::Sender<Status>);

impl ProjectionHandle {
    /// How it is now.
    #[must_use]
    pub fn snapshot(&self) -> ProjectionSnapshot {
        self.of(&self.status.borrow())
    }

    /// Whether it goes about its work: it is in standby, catches up, or is live.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.status.borrow().state.is_healthy()
    }

    /// Waits until it is as wanted, or has ended.
    pub async fn until(
        &self,
        mut wanted: impl FnMut(&ProjectionSnapshot) -> bool,
    ) -> ProjectionSnapshot {
        let mut status = self.status.clone();
        let found = status.wait_for(|it| it.state.has_ended() || wanted(&self.of(it)));
        if let Ok(status) = found.await {
            return self.of(&status);
        }
        self.snapshot()
    }

    /// Has `run` return before the next batch, and give the view back.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    fn of(&self, status: &Status) -> ProjectionSnapshot {
        let rate = status.began.map_or(0.0, |(from, since)| {
            let seconds = since.elapsed().as_secs_f64();
            let events = status.position.0.saturating_sub(from.0);
            if seconds > 0.0 {
                events as f64 / seconds
            } else {
                0.0
            }
        });
        ProjectionSnapshot {
            view: self.view.clone(),
            state: status.state.clone(),
            position: status.position,
            head: (*self.head.borrow()).max(status.position),
            parked: status.parked,
            rate,
        }
    }
}

impl ProjectionSnapshot {
    /// Events that it has not read yet.
    #[must_use]
    pub const fn lag(&self) -> u64 {
        self.head.0 - self.position.0
    }

    /// How long it takes to the present head at the present rate; unknown, if it does not move.
    #[must_use]
    pub fn eta(&self) -> Option<Duration> {
        match self.lag() {
            0 => Some(Duration::ZERO),
            lag => Duration::try_from_secs_f64(lag as f64 / self.rate).ok(),
        }
    }
}

impl ProjectionState {
    /// Whether it goes about its work.
    #[must_use]
    pub const fn is_healthy(&self) -> bool {
        matches!(self, Self::Standby | Self::CatchingUp | Self::Live)
    }

    /// Whether it does not go on.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        matches!(self, Self::Stopped | Self::Failed(_))
    }
}

impl Status {
    pub(super) const fn new() -> Self {
        Self {
            state: ProjectionState::New,
            position: Position::START,
            parked: 0,
            began: None,
        }
    }
}

impl Teller {
    pub(super) fn state(&self, state: ProjectionState) {
        self.0.send_if_modified(|status| {
            let changed = status.state != state;
            status.state = state;
            changed
        });
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        if !self.0.borrow().state.has_ended() {
            self.state(ProjectionState::Stopped);
        }
    }
}
