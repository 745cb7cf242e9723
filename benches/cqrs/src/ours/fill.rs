//! Events that are there before anything is measured.

use uuid::Uuid;
use watertight_benches::events::Ask;
use watertight_cqrs::Event;
use watertight_events::{Append, EventStore, Expected, NewEvent, StreamId, Version, Write};

use crate::domain::{Booked, stream};

/// Accounts that are written to in turn: their events are as far apart as those of so many clients.
const TOGETHER: u64 = 500;

/// Events of an account.
const EACH: u64 = 10;

/// Events in one write to a long stream.
const BLOCK: u64 = 1_000;

/// Accounts of ten events, and those whose age is measured.
pub(crate) async fn all<S: EventStore>(store: &S, ask: &Ask) -> anyhow::Result<()> {
    accounts(store, ask.events).await?;
    for (size, id) in ask.sizes().all() {
        lengthen(store, &stream(id), size).await?;
    }
    Ok(())
}

/// So many events, ten to an account.
pub(crate) async fn accounts<S: EventStore>(store: &S, events: u64) -> anyhow::Result<()> {
    let mut left = events / EACH;
    while left > 0 {
        let now = left.min(TOGETHER);
        let streams: Vec<_> = (0..now).map(|_| stream(Uuid::now_v7())).collect();
        for version in 0..EACH {
            let appends = streams.iter().map(|it| append(it, version, 1));
            write(store, appends.collect::<anyhow::Result<_>>()?).await?;
        }
        left -= now;
    }
    Ok(())
}

/// A store with one stream of so many events and one of a thousandth, and a store of so many streams.
pub(crate) async fn wide<S: EventStore>(long: &S, many: &S, events: u64) -> anyhow::Result<()> {
    lengthen(long, &long_stream(), events).await?;
    lengthen(long, &short_stream(), (events / 1_000).max(1)).await?;
    let mut number = 0;
    while number < events {
        let end = (number + BLOCK).min(events);
        let appends = (number..end).map(|it| append(&numbered(it), 0, 1));
        write(many, appends.collect::<anyhow::Result<_>>()?).await?;
        number = end;
    }
    Ok(())
}

pub(crate) fn long_stream() -> StreamId {
    stream(Uuid::from_u64_pair(2, 0))
}

pub(crate) fn short_stream() -> StreamId {
    stream(Uuid::from_u64_pair(1, 0))
}

/// A stream among many; their names are in no order.
pub(crate) fn numbered(number: u64) -> StreamId {
    stream(Uuid::from_u64_pair(
        number.wrapping_mul(0x9E37_79B9_7F4A_7C15),
        number,
    ))
}

pub(crate) fn deposit() -> anyhow::Result<NewEvent> {
    Ok(Booked::Deposited { amount: 10 }.encode()?.into())
}

async fn lengthen<S: EventStore>(store: &S, stream: &StreamId, size: u64) -> anyhow::Result<()> {
    let mut version = 0;
    while version < size {
        let count = (size - version).min(BLOCK);
        write(store, vec![append(stream, version, count)?]).await?;
        version += count;
    }
    Ok(())
}

fn append(stream: &StreamId, version: u64, count: u64) -> anyhow::Result<Append> {
    let event = |at| match at {
        0 => Ok(Booked::opened().encode()?.into()),
        _ => deposit(),
    };
    let events = (version..version + count).map(event);
    Ok(Append {
        stream: stream.clone(),
        expected: Expected::Exact(Version(version)),
        events: events.collect::<anyhow::Result<_>>()?,
    })
}

async fn write<S: EventStore>(store: &S, appends: Vec<Append>) -> anyhow::Result<()> {
    let write = Write {
        appends,
        ..Write::default()
    };
    store.write(write).await?;
    Ok(())
}
