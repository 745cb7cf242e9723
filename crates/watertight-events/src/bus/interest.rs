use std::{fmt, num::NonZeroU32, sync::Arc, time::Duration};

use crate::{Filter, PAGE, Position, Recorded};

/// What a subscriber of an [`EventBus`](super::EventBus) is interested in, and how it is to be given.
///
/// | setting | default | what it is |
/// |---|---|---|
/// | `category`, `kind` | all | events that are handed over |
/// | `key` | the stream | events of one key are handed over in order, one at a time |
/// | `concurrency` | 1 | keys that are handled at the same time |
/// | `window` | 500 | events read at a time; at most twice as many are in memory |
/// | `attempts` | 5 | tries of one event |
/// | `backoff` | 100 ms to 10 s | pause before the second try, doubled up to the longest |
#[derive(Clone)]
#[must_use = "it is of use to `subscribe` only"]
pub struct Interest {
    pub(super) after: Position,
    pub(super) filter: Filter,
    pub(super) concurrency: usize,
    pub(super) window: usize,
    pub(super) attempts: u32,
    pub(super) pause: (Duration, Duration),
    pub(super) key: Arc<dyn Fn(&Recorded) -> String + Send + Sync>,
}

impl Interest {
    /// Everything after a position: a checkpoint, [`Position::START`], or the store's head for what is to come only.
    pub fn after(position: Position) -> Self {
        Self {
            after: position,
            filter: Filter::all(),
            concurrency: 1,
            window: PAGE,
            attempts: 5,
            pause: (Duration::from_millis(100), Duration::from_secs(10)),
            key: Arc::new(|event| event.stream.to_string()),
        }
    }

    /// Streams of this category too; without any, all.
    pub fn category(mut self, category: impl Into<Arc<str>>) -> Self {
        self.filter = self.filter.category(category);
        self
    }

    /// Events of this kind too; without any, all.
    pub fn kind(mut self, kind: impl Into<Arc<str>>) -> Self {
        self.filter = self.filter.kind(kind);
        self
    }

    /// Which events must be handled in order. It must not panic.
    pub fn key(mut self, key: impl Fn(&Recorded) -> String + Send + Sync + 'static) -> Self {
        self.key = Arc::new(key);
        self
    }

    /// How many keys are handled at the same time, at least one.
    pub const fn concurrency(mut self, keys: usize) -> Self {
        self.concurrency = if keys == 0 { 1 } else { keys };
        self
    }

    /// How many events are read at a time, at least one.
    pub const fn window(mut self, events: usize) -> Self {
        self.window = if events == 0 { 1 } else { events };
        self
    }

    /// How often an event is tried.
    pub const fn attempts(mut self, attempts: NonZeroU32) -> Self {
        self.attempts = attempts.get();
        self
    }

    /// The pause before the second try, which is doubled before every other one up to the longest.
    pub const fn backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.pause = (first, longest);
        self
    }
}

impl fmt::Debug for Interest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interest")
            .field("after", &self.after)
            .field("filter", &self.filter)
            .field("concurrency", &self.concurrency)
            .field("window", &self.window)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}
