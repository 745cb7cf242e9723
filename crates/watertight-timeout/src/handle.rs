use std::{
    fmt,
    sync::{Arc, LazyLock},
    time::Duration,
};

use watertight_core::{BuildError, Component, Event, Events, Reason, Registry, Rejected, intern};

use crate::{
    event::{Phase, TimeoutEvent},
    shared::Shared,
    snapshot::Snapshot,
};

/// A limit on how long something may take, shared by its layers, services and clones.
///
/// A `Duration` makes an unnamed one; `Timeout::builder` makes one that has a name, can be watched, and can be changed
/// while it is in use.
///
/// ```
/// use std::time::Duration;
/// use watertight_timeout::Timeout;
///
/// let payments = Timeout::builder("payments").duration(Duration::from_secs(2)).build()?;
/// payments.set(Duration::from_secs(3));
/// assert_eq!(payments.duration(), Duration::from_secs(3));
/// # Ok::<(), watertight_core::BuildError>(())
/// ```
///
/// # Clone
///
/// Clones are cheap and share everything; the duration of an unnamed one is its own.
#[derive(Clone)]
pub struct Timeout(Owner);

/// Unnamed timeouts share what is counted and need no counted reference, which would cost more than the timeout.
#[derive(Clone)]
enum Owner {
    Unnamed(Duration),
    Named(Arc<Shared>),
}

/// Builds a [`Timeout`].
#[must_use = "a builder does nothing until `build`"]
#[derive(Clone, Debug)]
pub struct TimeoutBuilder {
    name: String,
    duration: Option<Duration>,
    registry: Option<Registry>,
}

static UNNAMED: LazyLock<Shared> = LazyLock::new(|| Shared::new("timeout", Duration::MAX));

impl Timeout {
    /// Starts to build a timeout of this name.
    pub fn builder(name: impl Into<String>) -> TimeoutBuilder {
        TimeoutBuilder {
            name: name.into(),
            duration: None,
            registry: None,
        }
    }

    /// Its name, `timeout` for one that has none.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.shared().name
    }

    /// How long something may take.
    #[must_use]
    #[inline]
    pub fn duration(&self) -> Duration {
        match &self.0 {
            Owner::Unnamed(duration) => *duration,
            Owner::Named(shared) => shared.duration(),
        }
    }

    /// Changes the duration for the calls that start from now on; of an unnamed one, nothing is changed.
    pub fn set(&self, duration: Duration) {
        if let Owner::Named(shared) = &self.0 {
            shared.set(duration);
        }
    }

    /// Everything there is to see; unnamed timeouts are counted together.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let mut snapshot = self.shared().snapshot();
        snapshot.duration = self.duration();
        snapshot
    }

    /// Subscribes to what happens from now on. Bounded: a slow subscriber misses events, and is told so.
    #[must_use]
    pub fn subscribe(&self) -> Events<Event<TimeoutEvent>> {
        self.shared().events.subscribe()
    }

    /// Counts that time was up in a phase, and makes the refusal.
    pub(crate) fn elapsed(&self, phase: Phase) -> Rejected {
        let reason = match phase {
            Phase::Deadline => Reason::DeadlinePassed,
            Phase::Readiness => Reason::NotReady,
            _ => Reason::TimedOut,
        };
        self.shared().count(phase);
        Rejected::new(self.name(), reason)
    }

    fn shared(&self) -> &Shared {
        match &self.0 {
            Owner::Unnamed(_) => &UNNAMED,
            Owner::Named(shared) => shared,
        }
    }
}

impl TimeoutBuilder {
    /// How long something may take; zero gives up unless it is done at once, [`Duration::MAX`] never.
    pub const fn duration(mut self, duration: Duration) -> Self {
        self.duration = Some(duration);
        self
    }

    /// Makes it known to a registry.
    pub fn register(mut self, registry: &Registry) -> Self {
        self.registry = Some(registry.clone());
        self
    }

    /// Builds the timeout.
    ///
    /// # Errors
    ///
    /// The name makes no sense or is taken in the registry, or no duration was given.
    pub fn build(self) -> Result<Timeout, BuildError> {
        let name = intern(&self.name)?;
        let Some(duration) = self.duration else {
            let expected = "a duration";
            return Err(BuildError::invalid(
                name,
                "duration",
                self.duration,
                expected,
            ));
        };
        let shared = Arc::new(Shared::new(name, duration));
        if let Some(registry) = self.registry {
            let component = Arc::clone(&shared) as Arc<dyn Component>;
            shared.events.attach(registry.register(&component)?);
        }
        Ok(Timeout(Owner::Named(shared)))
    }
}

impl From<Duration> for Timeout {
    fn from(duration: Duration) -> Self {
        Self(Owner::Unnamed(duration))
    }
}

impl From<&Self> for Timeout {
    fn from(timeout: &Self) -> Self {
        timeout.clone()
    }
}

impl fmt::Debug for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeout")
            .field("name", &self.name())
            .field("duration", &self.duration())
            .finish_non_exhaustive()
    }
}
