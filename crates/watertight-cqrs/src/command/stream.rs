//! What the events of a stream come to.

use std::mem;

use uuid::Uuid;
use watertight_events::{Appended, EventStore, PAGE, Recorded, StreamId, StreamPage, Version};

use super::{CommandError, snapshots::Snapshots};
use crate::{CodecError, Decider, Event, Upcasters};

type Failed<D> = CommandError<<D as Decider>::Rejection>;

/// What all events of a stream come to.
#[derive(Clone, Debug)]
pub(super) struct Whole<T> {
    pub(super) state: T,
    pub(super) version: Version,
    /// The message id of the last event; of a stream that is not there, none.
    pub(super) event: Option<Uuid>,
    /// The snapshot from which on events were read.
    pub(super) snapshot: Version,
}

/// The state after all events of a stream, and how many they are.
pub(crate) async fn fold<D: Decider, S: EventStore>(
    store: &S,
    stream: &StreamId,
) -> Result<(D::State, Version), Failed<D>> {
    let whole = fold_from::<D, S>(store, None, stream).await?;
    Ok((whole.state, whole.version))
}

/// The same, from a snapshot on if there is one that fits.
pub(super) async fn fold_from<D: Decider, S: EventStore>(
    store: &S,
    snapshots: Option<&Snapshots<D::State>>,
    stream: &StreamId,
) -> Result<Whole<D::State>, Failed<D>> {
    Upcasters::check::<D::Event>().map_err(CodecError::from)?;
    let mut whole = Whole {
        state: D::State::default(),
        version: Version::NONE,
        event: None,
        snapshot: Version::NONE,
    };
    if let Some(snapshots) = snapshots
        && let Some(found) = snapshots.load(stream).await
    {
        // With the event that it is up to, which is the proof that the stream has not become another one.
        let before = Version(found.version.0 - 1);
        let page = page::<D, S>(store, stream, before).await?;
        let last = page.events.first();
        let believed = last.is_some_and(|last| Some(last.event.metadata.message) == found.event);
        snapshots.believed(believed);
        if believed {
            whole = found;
            whole.take::<D>(&page.events[1..])?;
            if whole.version >= page.version {
                return Ok(whole);
            }
        }
    }
    loop {
        let page = page::<D, S>(store, stream, whole.version).await?;
        whole.take::<D>(&page.events)?;
        if whole.version >= page.version {
            return Ok(whole);
        }
    }
}

impl<T> Whole<T> {
    fn take<D: Decider<State = T>>(&mut self, events: &[Recorded]) -> Result<(), Failed<D>>
    where
        T: Default,
    {
        for recorded in events {
            let events = read::<D>(recorded)?;
            let state = mem::take(&mut self.state);
            self.state = events.iter().fold(state, D::evolve);
            self.version = recorded.version;
            self.event = Some(recorded.event.metadata.message);
        }
        Ok(())
    }
}

/// The events that one write has put into a stream.
pub(super) async fn events<D: Decider, S: EventStore>(
    store: &S,
    appended: &Appended,
) -> Result<Vec<D::Event>, Failed<D>> {
    let mut events = Vec::new();
    let mut version = appended.before;
    while version < appended.version {
        let page = page::<D, S>(store, &appended.stream, version).await?;
        if page.events.is_empty() {
            return Err(corrupt(&appended.stream, version.after(1), "it is missing"));
        }
        let wanted = page
            .events
            .iter()
            .take_while(|it| it.version <= appended.version);
        for recorded in wanted {
            version = recorded.version;
            events.extend(read::<D>(recorded)?);
        }
    }
    Ok(events)
}

/// The next events of a stream, without a gap; none only at its end.
async fn page<D: Decider, S: EventStore>(
    store: &S,
    stream: &StreamId,
    after: Version,
) -> Result<StreamPage, Failed<D>> {
    let page = store.read_stream(stream, after, PAGE).await?;
    let mut next = after;
    for recorded in &page.events {
        next = next.after(1);
        if recorded.version != next {
            return Err(corrupt(stream, next, "it is missing"));
        }
    }
    if page.events.is_empty() && after < page.version {
        return Err(corrupt(stream, after.after(1), "it is missing"));
    }
    Ok(page)
}

fn read<D: Decider>(recorded: &Recorded) -> Result<Vec<D::Event>, Failed<D>> {
    let events = D::Event::read(&recorded.event);
    events.map_err(|why| corrupt(&recorded.stream, recorded.version, &why.to_string()))
}

fn corrupt<R>(stream: &StreamId, version: Version, why: &str) -> CommandError<R> {
    CommandError::Corrupt {
        stream: stream.clone(),
        version,
        why: why.into(),
    }
}
