use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::time::Instant;
use watertight_core::{
    BuildError, Change, Component, ComponentSnapshot, Event, EventKind, EventSource, Events,
    Registry, Value, intern,
};

use crate::{Cause, CauseKind, Handled, telemetry::Telemetry};

const KIND: &str = "fallback";

/// The handle of a fallback: its name, its counts, its events. Clones share them, and so does every layer made from it.
///
/// ```
/// use watertight_fallback::{Fallback, FallbackLayer, Handled};
/// use tower::{Layer, ServiceExt, service_fn};
///
/// # tokio_test::block_on(async {
/// let prices = Fallback::builder("prices").build()?;
/// let service = FallbackLayer::new(prices.clone())
///     .value(0)
///     .layer(service_fn(async |_: &str| Err::<u32, _>(std::io::Error::other("down"))));
/// assert_eq!(service.oneshot("roses").await.unwrap(), 0);
/// assert_eq!(prices.snapshot().handled(Handled::Answered), 1);
/// # Ok::<(), watertight_core::BuildError>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct Fallback(Arc<Shared>);

struct Shared {
    name: &'static str,
    counts: [[AtomicU64; Handled::ALL.len()]; CauseKind::ALL.len()],
    events: EventSource<Fell>,
    telemetry: Telemetry,
}

/// Builds a [`Fallback`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct FallbackBuilder {
    name: String,
    registry: Option<Registry>,
}

/// A call needed another answer: why, and what became of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Fell {
    /// Why it needed another answer.
    pub cause: Cause,
    /// What became of it.
    pub handled: Handled,
}

/// The counts of a [`Fallback`], by cause and by what became of the call.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct FallbackSnapshot {
    /// The name of the handle.
    pub name: &'static str,
    counts: [[u64; Handled::ALL.len()]; CauseKind::ALL.len()],
}

impl Fallback {
    /// Builds a fallback of this name.
    pub fn builder(name: impl Into<String>) -> FallbackBuilder {
        FallbackBuilder {
            name: name.into(),
            registry: None,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.0.name
    }

    /// How often it was needed, and how that ended. Calls that went well are not counted.
    #[must_use]
    pub fn snapshot(&self) -> FallbackSnapshot {
        self.0.counted()
    }

    /// Subscribes to every fallback from now on. Bounded: a subscriber that is too slow is told how many it missed.
    #[must_use]
    pub fn subscribe(&self) -> Events<Event<Fell>> {
        self.0.events.subscribe()
    }

    pub(crate) fn record(&self, cause: Cause, handled: Handled) {
        let shared = &*self.0;
        shared.counts[cause.kind() as usize][handled as usize].fetch_add(1, Ordering::Relaxed);
        shared.telemetry.record(shared.name, cause.kind(), handled);
        if shared.events.is_heard() {
            let fell = Fell { cause, handled };
            // A fallback has no states that could change.
            shared.events.emit(shared.name, 0, Instant::now(), fell);
        }
    }

    fn of(name: &'static str) -> Self {
        Self(Arc::new(Shared {
            name,
            counts: Default::default(),
            events: EventSource::new(KIND),
            telemetry: Telemetry::default(),
        }))
    }
}

impl FallbackBuilder {
    /// Shows the handle in this registry for as long as it lives.
    pub fn register(mut self, registry: &Registry) -> Self {
        self.registry = Some(registry.clone());
        self
    }

    /// Builds the handle.
    ///
    /// # Errors
    ///
    /// The name is no name, or the registry has a fallback of this name already.
    pub fn build(self) -> Result<Fallback, BuildError> {
        let fallback = Fallback::of(intern(&self.name)?);
        if let Some(registry) = self.registry {
            let component: Arc<dyn Component> = fallback.0.clone();
            fallback.0.events.attach(registry.register(&component)?);
        }
        Ok(fallback)
    }
}

impl FallbackSnapshot {
    /// How many calls with this cause ended so.
    #[must_use]
    pub fn count(&self, cause: CauseKind, handled: Handled) -> u64 {
        self.counts[cause as usize][handled as usize]
    }

    /// How many calls needed another answer for this cause.
    #[must_use]
    pub fn caused_by(&self, cause: CauseKind) -> u64 {
        self.counts[cause as usize].iter().sum()
    }

    /// How many calls that needed another answer ended so.
    #[must_use]
    pub fn handled(&self, handled: Handled) -> u64 {
        self.counts.iter().map(|ends| ends[handled as usize]).sum()
    }
}

/// A fallback named `fallback`, in no registry.
impl Default for Fallback {
    fn default() -> Self {
        Self::of(KIND)
    }
}

impl Shared {
    fn counted(&self) -> FallbackSnapshot {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        FallbackSnapshot {
            name: self.name,
            counts: self.counts.each_ref().map(|ends| ends.each_ref().map(read)),
        }
    }
}

impl Component for Shared {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn name(&self) -> &str {
        self.name
    }

    fn snapshot(&self) -> ComponentSnapshot {
        let counted = self.counted();
        let causes = CauseKind::ALL.map(|cause| (cause.as_str(), counted.caused_by(cause)));
        let ends = Handled::ALL.map(|handled| (handled.as_str(), counted.handled(handled)));
        let fields = causes.into_iter().chain(ends);
        let fields = fields.map(|(field, count)| (field, Value::Count(count)));
        ComponentSnapshot::new(KIND, self.name, fields.collect())
    }
}

impl EventKind for Fell {
    fn change(&self) -> Change {
        Change::new(self.handled.as_str()).because(self.cause.kind().as_str())
    }
}

impl fmt::Debug for Fallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fallback")
            .field("name", &self.0.name)
            .finish_non_exhaustive()
    }
}
