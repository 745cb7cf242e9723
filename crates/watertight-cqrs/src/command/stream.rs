//! What the events of a stream come to.

use watertight_events::{Appended, EventStore, PAGE, Recorded, StreamId, StreamPage, Version};

use super::CommandError;
use crate::{CodecError, Decider, Event, Upcasters};

type Failed<D> = CommandError<<D as Decider>::Rejection>;

/// The state after all events of a stream, and how many they are.
pub(super) async fn fold<D: Decider, S: EventStore>(
    store: &S,
    stream: &StreamId,
) -> Result<(D::State, Version), Failed<D>> {
    Upcasters::check::<D::Event>().map_err(CodecError::from)?;
    let (mut state, mut version) = (D::State::default(), Version::NONE);
    loop {
        let page = page::<D, S>(store, stream, version).await?;
        for recorded in &page.events {
            version = recorded.version;
            state = read::<D>(recorded)?.iter().fold(state, D::evolve);
        }
        if version >= page.version {
            return Ok((state, version));
        }
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
