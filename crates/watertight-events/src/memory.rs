use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use tokio::{sync::watch, time::Instant};

use crate::{
    EventStore, Filter, Key, Limits, Page, Position, ReadError, Recorded, StoreId, StreamId,
    StreamPage, Version, Write, WriteError, Written,
    plan::{self, End, Known},
    snapshot::Album,
    view::Shelf,
};

/// A real event store that keeps everything in memory: versions are checked, positions are gapless, keys expire. For tests,
/// and for what need not outlive the process.
///
/// Writes happen under a lock, without a queue. Nothing is ever removed but expired keys, so memory grows with the events.
///
/// ```
/// use watertight_events::{EventStore, Expected, MemoryStore, NewEvent, StreamId, Version, Write};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let store = MemoryStore::new();
/// let user = StreamId::new("user", 42);
/// let created = Write::to(user.clone(), Expected::NoStream, vec![NewEvent::new("user_created", "{}")]);
/// store.write(created.clone()).await?;
/// assert!(store.write(created).await.is_err());
/// assert_eq!(store.read_stream(&user, Version::NONE, 10).await.unwrap().events.len(), 1);
/// # Ok::<(), watertight_events::WriteError>(())
/// # }).unwrap();
/// ```
///
/// # Clone
///
/// Clones are the same store.
#[derive(Clone, Debug)]
pub struct MemoryStore(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    id: StoreId,
    limits: Limits,
    clock: Clock,
    book: RwLock<Book>,
    head: watch::Sender<Position>,
    shelf: Shelf,
    album: Album,
}

/// Everything that is stored.
#[derive(Debug, Default)]
struct Book {
    /// The event at position `n` stands at `n - 1`.
    events: Vec<Recorded>,
    /// Where the events of a stream stand.
    streams: HashMap<StreamId, Vec<usize>>,
    keys: HashMap<Bytes, Kept>,
    expiry: BTreeSet<(Instant, Bytes)>,
    consumers: HashMap<Arc<str>, (Position, u64)>,
}

#[derive(Debug)]
struct Kept {
    fingerprint: u64,
    answer: Written,
    until: Instant,
}

/// Wall time that follows tokio's: it moves with a paused clock and never jumps.
#[derive(Debug)]
struct Clock {
    start: Instant,
    wall: SystemTime,
}

impl MemoryStore {
    /// An empty store with the usual [`Limits`].
    #[must_use]
    pub fn new() -> Self {
        Self::with_limits(Limits::default())
    }

    /// An empty store with other limits.
    #[must_use]
    pub fn with_limits(limits: Limits) -> Self {
        Self(Arc::new(Inner {
            id: StoreId::fresh(),
            limits,
            clock: Clock::start(),
            book: RwLock::default(),
            head: watch::Sender::new(Position::START),
            shelf: Shelf::default(),
            album: Album::default(),
        }))
    }

    /// Where its views are.
    pub(crate) fn shelf(&self) -> &Shelf {
        &self.0.shelf
    }

    /// Where its snapshots are.
    pub(crate) fn album(&self) -> &Album {
        &self.0.album
    }

    fn read<T>(&self, look: impl FnOnce(&Book) -> T) -> T {
        look(&self.0.book.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl EventStore for MemoryStore {
    fn id(&self) -> StoreId {
        self.0.id
    }

    async fn write(&self, write: Write) -> Result<Written, WriteError> {
        let Inner {
            limits,
            clock,
            book,
            head,
            ..
        } = &*self.0;
        limits.check(&write)?;
        let mut book = book.write().unwrap_or_else(PoisonError::into_inner);
        if write.key.is_some() {
            book.forget_expired(Instant::now());
        }
        let done = plan::decide(&write, book.head(), &*book)?;
        if !done.replayed {
            book.apply(write, &done, clock.now());
            // Under the lock, or a reader could be told of a later head first.
            head.send_if_modified(|known| {
                let moved = *known != done.position;
                *known = done.position;
                moved
            });
        }
        Ok(done)
    }

    async fn answer(&self, key: &Key) -> Result<Option<Written>, WriteError> {
        let now = Instant::now();
        self.read(|book| {
            let kept = book.keys.get(&key.id).filter(|kept| kept.until > now);
            kept.map(|kept| plan::replay(key, kept.fingerprint, &kept.answer))
                .transpose()
        })
    }

    async fn read_stream(
        &self,
        stream: &StreamId,
        after: Version,
        limit: usize,
    ) -> Result<StreamPage, ReadError> {
        Ok(self.read(|book| {
            let Some(places) = book.streams.get(stream) else {
                return StreamPage::default();
            };
            let from = index(after.0).min(places.len());
            let wanted = places[from..].iter().take(limit);
            StreamPage {
                events: wanted.map(|place| book.events[*place].clone()).collect(),
                version: Version::NONE.after(places.len()),
            }
        }))
    }

    async fn read_all(
        &self,
        after: Position,
        filter: &Filter,
        limit: usize,
    ) -> Result<Page, ReadError> {
        Ok(self.read(|book| {
            let from = index(after.0).min(book.events.len());
            let mut page = Page {
                scanned_to: after,
                ..Page::default()
            };
            for event in &book.events[from..] {
                if page.events.len() >= limit {
                    return page;
                }
                page.scanned_to = event.position;
                if filter.lets_through(event.stream.category(), &event.event.kind) {
                    page.events.push(event.clone());
                }
            }
            page.at_head = true;
            page
        }))
    }

    fn head(&self) -> watch::Receiver<Position> {
        self.0.head.subscribe()
    }
}

impl Book {
    fn head(&self) -> Position {
        Position::START.after(self.events.len())
    }

    fn apply(&mut self, write: Write, done: &Written, recorded_at: SystemTime) {
        for (append, stream) in write.appends.into_iter().zip(&done.streams) {
            if append.events.is_empty() {
                continue;
            }
            let places = self.streams.entry(append.stream).or_default();
            for event in append.events {
                places.push(self.events.len());
                self.events.push(Recorded {
                    position: Position::START.after(self.events.len() + 1),
                    stream: stream.stream.clone(),
                    version: Version::NONE.after(places.len()),
                    recorded_at,
                    event,
                });
            }
        }
        if let Some(key) = write.key {
            self.keep(key, done.clone());
        }
        if let Some(tracking) = write.tracking {
            let reached = (tracking.to, tracking.epoch);
            self.consumers.insert(tracking.consumer, reached);
        }
    }

    fn keep(&mut self, key: Key, answer: Written) {
        let until = far(Instant::now(), key.keep);
        self.expiry.insert((until, key.id.clone()));
        let kept = Kept {
            fingerprint: key.fingerprint,
            answer,
            until,
        };
        self.keys.insert(key.id, kept);
    }

    fn forget_expired(&mut self, now: Instant) {
        while let Some((until, _)) = self.expiry.first()
            && *until <= now
        {
            if let Some((_, key)) = self.expiry.pop_first() {
                self.keys.remove(&key);
            }
        }
    }
}

impl Known for Book {
    fn end(&self, stream: &StreamId) -> End {
        let last = self.streams.get(stream).and_then(|places| places.last());
        last.map_or_else(End::default, |last| {
            let last = &self.events[*last];
            End {
                version: last.version,
                last: last.event.metadata.message,
            }
        })
    }

    fn answer(&self, key: &Bytes) -> Option<(u64, &Written)> {
        let kept = self.keys.get(key)?;
        Some((kept.fingerprint, &kept.answer))
    }

    fn consumer(&self, name: &str) -> Option<(Position, u64)> {
        self.consumers.get(name).copied()
    }
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "the one look at the wall")]
    fn start() -> Self {
        Self {
            start: Instant::now(),
            wall: SystemTime::now(),
        }
    }

    fn now(&self) -> SystemTime {
        self.wall + self.start.elapsed()
    }
}

fn index(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// So long after a moment, or as long as there is time.
pub(crate) fn far(now: Instant, keep: Duration) -> Instant {
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
    now + keep.min(CENTURY)
}
