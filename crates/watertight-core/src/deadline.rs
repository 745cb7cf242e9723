use std::{future::Future, time::Duration};

use tokio::{task::futures::TaskLocalFuture, time::Instant};

tokio::task_local! {
    static CURRENT: Option<Deadline>;
}

// What tokio itself uses for "never": adding more could overflow on some platforms.
const FAR: Duration = Duration::from_secs(86_400 * 365 * 30);

/// The moment after which an answer is of no use to anybody.
///
/// Absolute inside the process, the remaining time on the wire. It travels in the extensions of an `http::Request`, or
/// as [`Deadline::current`] inside the task that serves a request; spawned tasks do not inherit it.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use std::time::Duration;
/// use watertight_core::Deadline;
///
/// let deadline = Deadline::after(Duration::from_secs(1));
/// let inside = deadline.scope(async { Deadline::current() }).await;
/// assert_eq!(inside, Some(deadline));
/// assert_eq!(Deadline::current(), None);
/// # });
/// ```
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Deadline(Instant);

impl Deadline {
    /// The deadline this much time from now; a duration too long to add is some thirty years.
    #[must_use]
    pub fn after(duration: Duration) -> Self {
        Self::from_start(Instant::now(), duration)
    }

    /// The deadline this much time after a moment.
    #[must_use]
    pub fn from_start(start: Instant, duration: Duration) -> Self {
        Self(start + duration.min(FAR))
    }

    /// The deadline at a moment.
    #[must_use]
    pub const fn at(instant: Instant) -> Self {
        Self(instant)
    }

    /// The moment itself.
    #[must_use]
    pub const fn instant(self) -> Instant {
        self.0
    }

    /// The time that is left, zero when it has passed.
    #[must_use]
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn has_passed(self) -> bool {
        self.0 <= Instant::now()
    }

    /// The deadline of the request that this task is serving.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.try_with(|current| *current).ok().flatten()
    }

    /// The earlier of two deadlines, of which either may be missing.
    #[must_use]
    pub fn earliest(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        match (one, other) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// Runs a future with this as its [`current`](Self::current) deadline; an earlier one around it wins.
    pub fn scope<F: Future>(self, future: F) -> TaskLocalFuture<Option<Self>, F> {
        CURRENT.scope(Self::earliest(Some(self), Self::current()), future)
    }

    /// Runs a closure with this as its [`current`](Self::current) deadline; an earlier one around it wins.
    pub fn sync_scope<T>(self, run: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(Self::earliest(Some(self), Self::current()), run)
    }

    /// Runs a future without any current deadline: for work that outlives the request on purpose.
    pub fn unscoped<F: Future>(future: F) -> TaskLocalFuture<Option<Self>, F> {
        CURRENT.scope(None, future)
    }
}

/// Finds the deadline of a request. Closures implement it; name their argument type.
pub trait DeadlineOf<Req> {
    /// The request's deadline, where it has one.
    fn deadline_of(&self, request: &Req) -> Option<Deadline>;
}

impl<Req, F> DeadlineOf<Req> for F
where
    F: Fn(&Req) -> Option<Deadline>,
{
    fn deadline_of(&self, request: &Req) -> Option<Deadline> {
        self(request)
    }
}

/// The deadline of the running task, whatever the request is. The default.
#[derive(Clone, Copy, Debug, Default)]
pub struct CurrentDeadline;

impl<Req> DeadlineOf<Req> for CurrentDeadline {
    fn deadline_of(&self, _: &Req) -> Option<Deadline> {
        Deadline::current()
    }
}
