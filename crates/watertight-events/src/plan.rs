//! What becomes of a write, decided without a store: the same in memory, on SQLite and on PostgreSQL.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use uuid::Uuid;

use crate::{
    Appended, Expected, Key, NewEvent, Position, StreamId, Tracking, Version, Write, WriteError,
    Written,
};

/// What is known where writes are decided.
pub trait Known {
    /// The end of a stream.
    fn end(&self, stream: &StreamId) -> End;

    /// The fingerprint and the answer kept under an idempotency key that has not expired.
    fn answer(&self, key: &Bytes) -> Option<(u64, &Written)>;

    /// Where a consumer is, and the run that moved it there.
    fn consumer(&self, name: &str) -> Option<(Position, u64)>;
}

/// Where a stream ends.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct End {
    /// Its version.
    pub version: Version,
    /// The message id of its last event; nil, if it has none.
    pub last: Uuid,
}

impl End {
    /// Whether a stream that ends here is as an append expects it.
    #[must_use]
    pub fn fits(self, expected: Expected) -> bool {
        let right = !matches!(expected, Expected::After(_, last) if last != self.last);
        right && expected.fits(self.version)
    }
}

/// Decides one write: its answer, which is [`replayed`](Written::replayed) if there is nothing to be done.
///
/// The key comes first, because whoever sends a command again expects the old answer and not a conflict with it.
///
/// # Errors
///
/// A conflict, a key that was used for something else, or a consumer that another run has moved.
pub fn decide(write: &Write, head: Position, known: &impl Known) -> Result<Written, WriteError> {
    if let Some(key) = &write.key
        && let Some((fingerprint, answer)) = known.answer(&key.id)
    {
        return replay(key, fingerprint, answer);
    }
    if let Some(tracking) = &write.tracking {
        fence(tracking, known.consumer(&tracking.consumer))?;
    }
    let mut streams = Vec::with_capacity(write.appends.len());
    let mut position = head;
    for append in &write.appends {
        let end = known.end(&append.stream);
        let before = end.version;
        if !end.fits(append.expected) {
            return Err(WriteError::Conflict {
                stream: append.stream.clone(),
                expected: append.expected,
                actual: before,
            });
        }
        position = position.after(append.events.len());
        streams.push(Appended {
            stream: append.stream.clone(),
            before,
            version: before.after(append.events.len()),
        });
    }
    Ok(Written {
        streams,
        position,
        replayed: false,
    })
}

/// The kept answer, if the key stands for the same command.
///
/// # Errors
///
/// [`WriteError::KeyMismatch`].
pub fn replay(key: &Key, fingerprint: u64, answer: &Written) -> Result<Written, WriteError> {
    if key.fingerprint != fingerprint {
        return Err(WriteError::KeyMismatch);
    }
    Ok(Written {
        replayed: true,
        ..answer.clone()
    })
}

fn fence(tracking: &Tracking, known: Option<(Position, u64)>) -> Result<(), WriteError> {
    let (actual, epoch) = known.unwrap_or_default();
    if tracking.epoch < epoch || tracking.from != actual {
        let consumer = Arc::clone(&tracking.consumer);
        return Err(WriteError::Fenced { consumer, actual });
    }
    Ok(())
}

/// What is known under the head's lock, and grows while a batch is planned.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The position of the last event.
    pub head: Position,
    /// The ends of the streams that were asked for; one that is missing has no events.
    pub ends: HashMap<StreamId, End>,
    /// The answers kept under the keys that were asked for.
    pub keys: HashMap<Bytes, (u64, Written)>,
    /// Where the consumers that were asked for are.
    pub consumers: HashMap<Arc<str>, (Position, u64)>,
}

/// What has to be known before a batch can be decided.
#[derive(Clone, Debug, Default)]
pub struct Ask<'a> {
    /// Streams whose ends are needed.
    pub streams: Vec<&'a StreamId>,
    /// Keys whose answers are needed.
    pub keys: Vec<&'a Bytes>,
    /// Consumers whose positions are needed.
    pub consumers: Vec<&'a Arc<str>>,
}

/// What a batch comes to: rows to write in one commit, and an answer for each request.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The head that all of it was decided under: the commit must not happen under another.
    pub guard: Position,
    /// The head afterwards.
    pub head: Position,
    /// Events to insert.
    pub rows: Vec<Row>,
    /// Answers to keep.
    pub keys: Vec<(Key, Written)>,
    /// Consumers to move.
    pub tracking: Vec<Tracking>,
    /// An answer for each request, in their order.
    pub answers: Vec<Result<Written, WriteError>>,
}

/// An event at its place.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its place in the store.
    pub position: Position,
    /// Its stream.
    pub stream: StreamId,
    /// Its place in the stream.
    pub version: Version,
    /// The event.
    pub event: NewEvent,
}

impl Row {
    /// The end of its stream with it.
    #[must_use]
    pub const fn end(&self) -> End {
        End {
            version: self.version,
            last: self.event.metadata.message,
        }
    }
}

impl Plan {
    /// Decides every request of a batch, each after those before it.
    #[must_use]
    pub fn of<'w>(batch: impl IntoIterator<Item = &'w Write>, mut facts: Facts) -> Self {
        let mut plan = Self {
            guard: facts.head,
            ..Self::default()
        };
        for write in batch {
            let answer = decide(write, facts.head, &facts);
            if let Ok(done) = &answer
                && !done.replayed
            {
                plan.add(write, done, facts.head);
                facts.learn(write, done);
            }
            plan.answers.push(answer);
        }
        plan.head = facts.head;
        plan
    }

    /// Whether nothing has to be written.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.keys.is_empty() && self.tracking.is_empty()
    }

    fn add(&mut self, write: &Write, done: &Written, mut head: Position) {
        for (append, stream) in write.appends.iter().zip(&done.streams) {
            for (at, event) in append.events.iter().enumerate() {
                head = head.after(1);
                self.rows.push(Row {
                    position: head,
                    stream: stream.stream.clone(),
                    version: stream.before.after(at + 1),
                    event: event.clone(),
                });
            }
        }
        self.keys
            .extend(write.key.clone().map(|key| (key, done.clone())));
        self.tracking.extend(write.tracking.clone());
    }
}

impl Facts {
    /// Takes over what a write that was decided will have changed.
    pub fn learn(&mut self, write: &Write, done: &Written) {
        self.head = done.position;
        for (append, stream) in write.appends.iter().zip(&done.streams) {
            if let Some(event) = append.events.last() {
                let (version, last) = (stream.version, event.metadata.message);
                self.ends
                    .insert(stream.stream.clone(), End { version, last });
            }
        }
        if let Some(key) = &write.key {
            let answer = (key.fingerprint, done.clone());
            self.keys.insert(key.id.clone(), answer);
        }
        if let Some(Tracking {
            consumer,
            to,
            epoch,
            ..
        }) = &write.tracking
        {
            self.consumers.insert(Arc::clone(consumer), (*to, *epoch));
        }
    }
}

impl Known for Facts {
    fn end(&self, stream: &StreamId) -> End {
        self.ends.get(stream).copied().unwrap_or_default()
    }

    fn answer(&self, key: &Bytes) -> Option<(u64, &Written)> {
        let (fingerprint, answer) = self.keys.get(key)?;
        Some((*fingerprint, answer))
    }

    fn consumer(&self, name: &str) -> Option<(Position, u64)> {
        self.consumers.get(name).copied()
    }
}

impl<'a> Ask<'a> {
    /// What a batch needs.
    #[must_use]
    pub fn of(batch: impl IntoIterator<Item = &'a Write>) -> Self {
        let mut ask = Self::default();
        for write in batch {
            ask.streams
                .extend(write.appends.iter().map(|append| &append.stream));
            ask.keys.extend(write.key.iter().map(|key| &key.id));
            let consumers = write.tracking.iter().map(|tracking| &tracking.consumer);
            ask.consumers.extend(consumers);
        }
        ask
    }
}
