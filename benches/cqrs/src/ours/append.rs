//! Whether appends stay as quick as they were.

use anyhow::Context;
use tokio::{task::JoinSet, time::Instant};
use watertight_benches::{
    events::{Answer, Ask},
    stats::median,
};
use watertight_events::{EventStore, Expected, StreamId, Write};

use crate::fill::{deposit, long_stream, numbered, short_stream};

/// Slices per place, in turn.
const SLICES: u32 = 8;

/// A name for the figures, the store, and which stream an append goes to, by its number and how many there are.
type Place<'a, S> = (&'static str, &'a S, fn(u64, u64) -> StreamId);

/// Appends per second to a long stream and a short one of the same store; to one stream of a store that has no other, and to
/// any of a store that has many.
pub(crate) async fn all<S: EventStore>(
    long: &S,
    many: &S,
    few: &S,
    ask: &Ask,
) -> anyhow::Result<Answer> {
    let places: [Place<'_, S>; 4] = [
        ("short", long, |_, _| short_stream()),
        ("long", long, |_, _| long_stream()),
        ("few", few, |_, _| numbered(0)),
        ("many", many, numbered_among),
    ];
    let mut rates = places.map(|_| Vec::new());
    for slice in 0..SLICES {
        for ((_, store, stream), rates) in places.iter().zip(&mut rates) {
            let seed = u64::from(slice);
            rates.push(slice_of(*store, *stream, seed, ask).await?);
        }
    }
    let medians = places.iter().zip(&rates);
    let medians = medians.map(|((name, ..), rates)| ((*name).to_owned(), median(rates)));
    Ok(medians.collect())
}

async fn slice_of<S: EventStore>(
    store: &S,
    stream: fn(u64, u64) -> StreamId,
    seed: u64,
    ask: &Ask,
) -> anyhow::Result<f64> {
    let start = Instant::now();
    let end = start + ask.time() / SLICES;
    let mut tasks = JoinSet::new();
    for client in 0..ask.clients as u64 {
        let (store, events) = (store.clone(), ask.events);
        tasks.spawn(async move {
            let mut done = 0;
            while Instant::now() < end {
                let number = (seed << 48) | (client << 32) | done;
                let stream = stream(number, events);
                let write = Write::to(stream, Expected::Any, vec![deposit()?]);
                store.write(write).await?;
                done += 1;
            }
            Ok::<_, anyhow::Error>(done)
        });
    }
    let mut done = 0;
    while let Some(task) = tasks.join_next().await {
        done += task.context("a client has panicked")??;
    }
    Ok(done as f64 / start.elapsed().as_secs_f64())
}

/// One of so many streams, without any order.
fn numbered_among(number: u64, events: u64) -> StreamId {
    let mixed = number.wrapping_mul(0xD129_0D3B_3C2B_1B5F).rotate_left(29);
    numbered(mixed.wrapping_mul(0x9E37_79B9_7F4A_7C15) % events.max(1))
}
