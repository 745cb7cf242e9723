use std::{fmt::Debug, hash::Hash, sync::Arc, time::Duration};

use watertight_core::{BuildError, Component, KeyLimits, Keyed, Registry, intern};

use crate::{
    Bulkhead, MAX_PERMITS, Share,
    line::Line,
    mode::{BackPressure, Mode, Queue, Refuse},
    shared::Shared,
    telemetry::Telemetry,
};

/// The longest queue.
pub const MAX_QUEUE: usize = 1_000_000;

/// Builds a [`Bulkhead`]. `build` names a setting that makes no sense.
///
/// | setting | default |
/// |---|---|
/// | `max_concurrent` | must be set, up to [`MAX_PERMITS`]; 0 is closed |
/// | `queue` | none: refuses at once when full; up to [`MAX_QUEUE`] |
/// | `max_wait` | for as long as the caller waits, or until its deadline |
#[must_use = "a builder does nothing until `build`"]
#[derive(Clone, Debug)]
pub struct BulkheadBuilder<W = Refusing> {
    name: String,
    limit: Option<usize>,
    when_full: W,
    registry: Option<Registry>,
}

/// A builder of a bulkhead that refuses when it is full.
#[derive(Clone, Copy, Debug)]
pub struct Refusing;

/// A builder of a bulkhead whose callers wait in a queue.
#[derive(Clone, Copy, Debug)]
pub struct Queueing {
    length: usize,
    max_wait: Option<Duration>,
}

/// A builder of a bulkhead that is not ready when it is full.
#[derive(Clone, Copy, Debug)]
pub struct Pressing;

/// A builder of bulkheads that give each key a share.
#[derive(Clone, Copy, Debug)]
pub struct Sharing {
    share: usize,
}

impl<W> BulkheadBuilder<W> {
    /// How many calls may be in flight at the same time: up to [`MAX_PERMITS`], zero refuses all.
    pub const fn max_concurrent(mut self, calls: usize) -> Self {
        self.limit = Some(calls);
        self
    }

    /// Makes it known to a registry.
    pub fn register(mut self, registry: &Registry) -> Self {
        self.registry = Some(registry.clone());
        self
    }

    fn checked(&self) -> Result<(&'static str, usize), BuildError> {
        let name = intern(&self.name)?;
        let expected = "a number of calls up to 1048575";
        match self.limit {
            Some(limit) if limit <= MAX_PERMITS => Ok((name, limit)),
            Some(limit) => Err(BuildError::invalid(name, "max_concurrent", limit, expected)),
            None => Err(BuildError::invalid(
                name,
                "max_concurrent",
                self.limit,
                expected,
            )),
        }
    }

    fn finish<M: Mode>(self, make: impl FnOnce(usize, W) -> M) -> Result<Bulkhead<M>, BuildError> {
        let (name, limit) = self.checked()?;
        let mode = make(limit, self.when_full);
        let bulkhead = Bulkhead::of(Shared::new(name, limit, mode, Telemetry::new()));
        if let Some(registry) = self.registry {
            let component = Arc::clone(bulkhead.shared()) as Arc<dyn Component>;
            bulkhead
                .shared()
                .events
                .attach(registry.register(&component)?);
        }
        Ok(bulkhead)
    }

    fn when_full<W2>(self, when_full: W2) -> BulkheadBuilder<W2> {
        BulkheadBuilder {
            name: self.name,
            limit: self.limit,
            when_full,
            registry: self.registry,
        }
    }
}

impl BulkheadBuilder {
    pub(crate) const fn new(name: String) -> Self {
        Self {
            name,
            limit: None,
            when_full: Refusing,
            registry: None,
        }
    }

    /// Lets so many calls wait when every permit is taken, first come, first served: 1 to [`MAX_QUEUE`].
    pub fn queue(self, calls: usize) -> BulkheadBuilder<Queueing> {
        self.when_full(Queueing {
            length: calls,
            max_wait: None,
        })
    }

    /// Takes the permit in `poll_ready`, and is not ready when every permit is taken: see [`BackPressure`].
    pub fn back_pressure(self) -> BulkheadBuilder<Pressing> {
        self.when_full(Pressing)
    }

    /// Gives each key so many of the permits at most: no more than there are. Goes on with `keyed`.
    pub fn share_per_key(self, calls: usize) -> BulkheadBuilder<Sharing> {
        self.when_full(Sharing { share: calls })
    }

    /// Builds the bulkhead.
    ///
    /// # Errors
    ///
    /// A setting makes no sense, or the name is taken in the registry.
    pub fn build(self) -> Result<Bulkhead, BuildError> {
        self.finish(|limit, _| Refuse::new(limit))
    }
}

impl BulkheadBuilder<Queueing> {
    /// How long a call waits at most; trimmed by its deadline. Zero refuses when no permit is free.
    pub const fn max_wait(mut self, wait: Duration) -> Self {
        self.when_full.max_wait = Some(wait);
        self
    }

    /// Builds the bulkhead.
    ///
    /// # Errors
    ///
    /// A setting makes no sense, or the name is taken in the registry.
    pub fn build(self) -> Result<Bulkhead<Queue>, BuildError> {
        let length = self.when_full.length;
        if length == 0 || length > MAX_QUEUE {
            let expected = "1 to 1000000 calls; without a queue, leave it out";
            return Err(BuildError::invalid(self.name, "queue", length, expected));
        }
        self.finish(|limit, queue| Queue {
            line: Line::new(limit),
            length: queue.length,
            max_wait: queue.max_wait,
        })
    }
}

impl BulkheadBuilder<Pressing> {
    /// Builds the bulkhead.
    ///
    /// # Errors
    ///
    /// A setting makes no sense, or the name is taken in the registry.
    pub fn build(self) -> Result<Bulkhead<BackPressure>, BuildError> {
        self.finish(|limit, _| BackPressure {
            line: Line::new(limit),
        })
    }
}

impl BulkheadBuilder<Sharing> {
    /// Builds a share per key under one limit for all; keys there is no room for have one share together.
    ///
    /// ```
    /// use watertight_bulkhead::{Bulkhead, BulkheadLayer};
    /// use watertight_core::KeyLimits;
    ///
    /// let tenants = Bulkhead::builder("tenants")
    ///     .max_concurrent(100)
    ///     .share_per_key(10)
    ///     .keyed::<u32>(KeyLimits::default())?;
    /// let layer = BulkheadLayer::keyed(tenants.clone(), |request: &(u32, &str)| request.0);
    /// assert_eq!(tenants.get(&7).own().limit(), 10);
    /// # let _ = layer;
    /// # Ok::<(), watertight_core::BuildError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A setting makes no sense, the share is larger than the whole, or the name is taken in the registry.
    pub fn keyed<K>(self, limits: KeyLimits) -> Result<Keyed<K, Share>, BuildError>
    where
        K: Clone + Debug + Eq + Hash + Send + Sync + 'static,
    {
        let share = self.when_full.share;
        let whole = self.finish(|limit, _| Refuse::new(limit))?;
        if share > whole.limit() {
            let why = "a share is larger than the whole";
            let error = BuildError::conflict(whole.name(), "share_per_key", "max_concurrent", why);
            return Err(error);
        }
        let limits = limits.checked(whole.name())?;
        let make = move || Share::new(whole.clone(), share);
        Ok(Keyed::new(limits, make(), move |_: &K| make()))
    }
}
