//! One command from its request to its answer.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::atomic::{AtomicBool, Ordering},
    task::Poll,
    time::Duration,
};

use tokio::time::{sleep, timeout_at};
use uuid::Uuid;
use watertight_core::Deadline;
use watertight_events::{
    Append, EventStore, Expected, Key, Metadata, NewEvent, StreamId, Version, Write, WriteError,
    Written, new_id,
};

use super::{
    CommandError, CommandRequest, Committed,
    handler::Shared,
    slot::{Seen, Slot},
    stream::{self, Whole},
};
use crate::{ConsistencyToken, Decider, Event};

/// Conflicts after which a pause is made before the next decision.
const PATIENCE: u32 = 3;

type Failed<D> = CommandError<<D as Decider>::Rejection>;

struct Turn<'a, D: Decider, S> {
    shared: &'a Shared<D, S>,
    command: &'a D::Command,
    metadata: &'a Metadata,
    stream: StreamId,
    expected: Option<Expected>,
    key: Option<Key>,
    attempted: &'a AtomicBool,
}

/// What one look at the stream came to.
enum Look<D: Decider> {
    /// The stream has not been read.
    Unread,
    /// The caller expects the stream elsewhere.
    Elsewhere(Seen),
    /// The decider turns the command down.
    Rejected(Seen, D::Rejection),
    /// There is nothing to record.
    Nothing(Seen),
    /// An event cannot be stored.
    Failed(Failed<D>),
    /// The events are on their way, or have arrived.
    Sent(Seen, Vec<D::Event>, Poll<Result<Written, WriteError>>),
}

/// Handles one command, until its deadline.
pub(super) async fn take<D: Decider, S: EventStore>(
    shared: &Shared<D, S>,
    request: CommandRequest<D::Command>,
) -> Result<Committed<D::Event>, Failed<D>> {
    let deadline = request.deadline.or_else(Deadline::current);
    let attempted = AtomicBool::new(false);
    if deadline.is_some_and(Deadline::has_passed) {
        return Err(CommandError::Deadline { attempted: false });
    }
    let key = request.key.as_ref();
    let turn = Turn {
        shared,
        command: &request.command,
        metadata: &request.metadata,
        stream: D::stream_id(&request.command),
        expected: request.expected,
        key: key.map(|key| key.scoped(request.metadata.actor(), D::CATEGORY)),
        attempted: &attempted,
    };
    match deadline {
        None => turn.run().await,
        Some(deadline) => {
            let in_time = timeout_at(deadline.instant(), turn.run()).await;
            in_time.unwrap_or_else(|_| {
                let attempted = attempted.load(Ordering::Relaxed);
                Err(CommandError::Deadline { attempted })
            })
        }
    }
}

impl<D: Decider, S: EventStore> Turn<'_, D, S> {
    async fn run(&self) -> Result<Committed<D::Event>, Failed<D>> {
        let slot = self.shared.slot(&self.stream);
        let mut left = self.shared.attempts;
        loop {
            let mut writing = pin!(None);
            let look = poll_fn(|cx| {
                // Under the lock up to the first poll, so that writes are queued in the order they were decided in.
                let mut core = slot.lock();
                let Some((state, seen)) = core.seen() else {
                    return Poll::Ready(Look::Unread);
                };
                let events = match self.decide(state, seen) {
                    Ok(events) => events,
                    Err(look) => return Poll::Ready(look),
                };
                let append = match self.append(&events, seen.version, core.upon()) {
                    Ok(append) => append,
                    Err(error) => return Poll::Ready(Look::Failed(error)),
                };
                let sent = append.events.iter().map(|event| event.metadata.message);
                let sent: Vec<_> = sent.collect();
                let write = Write {
                    appends: vec![append],
                    key: self.key.clone(),
                    tracking: None,
                };
                self.attempted.store(true, Ordering::Relaxed);
                writing.set(Some(self.shared.store.write(write)));
                core.advance(&sent, |state| events.iter().fold(state, D::evolve));
                let first = match writing.as_mut().as_pin_mut() {
                    Some(writing) => writing.poll(cx),
                    None => Poll::Pending,
                };
                Poll::Ready(Look::<D>::Sent(seen, events, first))
            })
            .await;
            let (seen, events, first) = match look {
                Look::Unread => {
                    self.load(&slot).await?;
                    continue;
                }
                Look::Failed(error) => return Err(error),
                Look::Sent(seen, events, first) => (seen, events, first),
                Look::Elsewhere(seen) | Look::Rejected(seen, _) | Look::Nothing(seen)
                    if !self.is_true(&slot, seen).await? =>
                {
                    left -= 1;
                    if left == 0 {
                        return self.elsewhere(seen);
                    }
                    continue;
                }
                Look::Elsewhere(seen) => return self.answered_before(self.elsewhere(seen)).await,
                Look::Rejected(_, why) => {
                    return self.answered_before(Err(CommandError::Rejected(why))).await;
                }
                Look::Nothing(seen) => return Ok(self.nothing(seen)),
            };
            let on_the_way = slot.on_the_way(seen);
            let written = match (first, writing.as_mut().as_pin_mut()) {
                (Poll::Pending, Some(writing)) => writing.await,
                (Poll::Ready(written), _) => written,
                (Poll::Pending, None) => Err(WriteError::Unknown),
            };
            match written {
                Ok(done) if done.replayed => {
                    drop(on_the_way);
                    return self.replay(&done).await;
                }
                Ok(done) => {
                    on_the_way.committed(done.version());
                    self.take_snapshot(&slot, done.version(), || None);
                    return Ok(self.committed(&done, events));
                }
                Err(WriteError::Conflict { .. }) if !self.is_exact() && left > 1 => {
                    drop(on_the_way);
                    left -= 1;
                    self.pause(self.shared.attempts - left).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn decide(&self, state: &D::State, seen: Seen) -> Result<Vec<D::Event>, Look<D>> {
        if self
            .expected
            .is_some_and(|expected| !expected.fits(seen.version))
        {
            return Err(Look::Elsewhere(seen));
        }
        let events = self.shared.decider.decide(state, self.command);
        let events = events.map_err(|why| Look::Rejected(seen, why))?;
        // With a key even nothing is recorded: that it was done.
        if events.is_empty() && self.key.is_none() {
            return Err(Look::Nothing(seen));
        }
        Ok(events)
    }

    fn append(
        &self,
        events: &[D::Event],
        version: Version,
        upon: Option<Uuid>,
    ) -> Result<Append, Failed<D>> {
        let events = events.iter().map(|event| {
            let encoded = event.encode()?;
            Ok(NewEvent {
                kind: encoded.kind,
                schema: encoded.schema,
                payload: encoded.payload,
                metadata: self.metadata.caused(new_id()),
            })
        });
        let expected = match (self.expected, upon) {
            (Some(after @ Expected::After(..)), _) => after,
            (_, Some(event)) => Expected::After(version, event),
            (_, None) => Expected::Exact(version),
        };
        Ok(Append {
            stream: self.stream.clone(),
            expected,
            events: events.collect::<Result<_, Failed<D>>>()?,
        })
    }

    /// Reads the stream from its beginning.
    async fn load(&self, slot: &Slot<D::State>) -> Result<(), Failed<D>> {
        let _one = slot.loading.lock().await;
        if slot.lock().seen().is_none() {
            let Shared {
                store, snapshots, ..
            } = self.shared;
            let snapshots = snapshots.as_deref();
            let whole = stream::fold_from::<D, _>(store, snapshots, &self.stream).await?;
            slot.snapshot.store(whole.snapshot.0, Ordering::Relaxed);
            self.take_snapshot(slot, whole.version, || Some(whole.clone()));
            slot.learn(whole.state, whole.version);
        }
        Ok(())
    }

    /// Has a snapshot taken, if one is due at this version, which is committed.
    fn take_snapshot(
        &self,
        slot: &Slot<D::State>,
        version: Version,
        at_hand: impl FnOnce() -> Option<Whole<D::State>>,
    ) {
        if let Some(snapshots) = &self.shared.snapshots {
            let store = &self.shared.store;
            snapshots.take::<D, S>(store, &self.stream, slot, version, at_hand);
        }
    }

    /// Whether what was seen is committed, and still the end of the stream: else nothing may be answered upon it.
    async fn is_true(&self, slot: &Slot<D::State>, seen: Seen) -> Result<bool, Failed<D>> {
        if !slot.settled(seen).await {
            return Ok(false);
        }
        let page = self
            .shared
            .store
            .read_stream(&self.stream, seen.version, 0)
            .await?;
        let is_true = page.version == seen.version;
        if !is_true {
            slot.forget(seen);
        }
        Ok(is_true)
    }

    /// The answer that the key was given before, or another one.
    async fn answered_before(
        &self,
        otherwise: Result<Committed<D::Event>, Failed<D>>,
    ) -> Result<Committed<D::Event>, Failed<D>> {
        let Some(key) = &self.key else {
            return otherwise;
        };
        match self.shared.store.answer(key).await? {
            Some(done) => self.replay(&done).await,
            None => otherwise,
        }
    }

    /// The answer of an earlier sending, with its events.
    async fn replay(&self, done: &Written) -> Result<Committed<D::Event>, Failed<D>> {
        let events = match done.streams.first() {
            Some(appended) => stream::events::<D, _>(&self.shared.store, appended).await?,
            None => Vec::new(),
        };
        Ok(self.committed(done, events))
    }

    fn committed(&self, done: &Written, events: Vec<D::Event>) -> Committed<D::Event> {
        Committed {
            stream: self.stream.clone(),
            version: done.version(),
            token: ConsistencyToken {
                store: self.shared.store.id(),
                position: done.position,
            },
            events,
            replayed: done.replayed,
        }
    }

    fn nothing(&self, seen: Seen) -> Committed<D::Event> {
        Committed {
            stream: self.stream.clone(),
            version: seen.version,
            token: ConsistencyToken {
                store: self.shared.store.id(),
                position: *self.shared.store.head().borrow(),
            },
            events: Vec::new(),
            replayed: false,
        }
    }

    fn elsewhere(&self, seen: Seen) -> Result<Committed<D::Event>, Failed<D>> {
        Err(CommandError::Conflict {
            stream: self.stream.clone(),
            expected: self.expected.unwrap_or(Expected::Any),
            actual: seen.version,
        })
    }

    /// Whether the caller said at which version; then nothing is decided again.
    const fn is_exact(&self) -> bool {
        matches!(
            self.expected,
            Some(Expected::Exact(_) | Expected::After(..) | Expected::NoStream)
        )
    }

    /// After a few conflicts somebody else is writing hard: they go first.
    async fn pause(&self, conflicts: u32) {
        if let Some(more) = conflicts.checked_sub(PATIENCE) {
            let longest = 1_u64 << more.min(5);
            sleep(Duration::from_micros(fastrand::u64(..longest * 1_000))).await;
        }
    }
}
