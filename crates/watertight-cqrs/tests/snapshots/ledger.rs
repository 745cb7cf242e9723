//! A ledger whose state depends on every event and their order.

use serde::{Deserialize, Serialize};
use tower::ServiceExt;
use watertight_cqrs::{CommandError, CommandHandler, CommandRequest, Decider, Event};
use watertight_events::{EventStore, SnapshotStore, StreamId, Version};

/// A version of the fold: one more is added with every event.
pub(crate) struct Ledger<const VERSION: u32 = 1>;

pub(crate) enum Command {
    /// An entry for each number.
    Enter(Vec<f64>),
    Show,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) enum Entry {
    Entered { amount: f64 },
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct State {
    pub(crate) entries: u64,
    pub(crate) chain: f64,
    pub(crate) last: Vec<f64>,
}

/// The state, by way of a refusal: nothing is recorded.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("as asked")]
pub(crate) struct Shown(pub(crate) State);

impl Event for Entry {}

impl<const VERSION: u32> Decider for Ledger<VERSION> {
    type Command = Command;
    type Event = Entry;
    type State = State;
    type Rejection = Shown;
    const CATEGORY: &'static str = "ledger";
    const VERSION: u32 = VERSION;

    fn stream_id(_: &Command) -> StreamId {
        stream()
    }

    fn decide(&self, state: &State, command: &Command) -> Result<Vec<Entry>, Shown> {
        match command {
            Command::Show => Err(Shown(state.clone())),
            Command::Enter(amounts) => {
                let entries = amounts
                    .iter()
                    .map(|amount| Entry::Entered { amount: *amount });
                Ok(entries.collect())
            }
        }
    }

    fn evolve(mut state: State, Entry::Entered { amount }: &Entry) -> State {
        state.entries += u64::from(VERSION);
        state.chain = state.chain / 3.0 + amount;
        state.last.push(*amount);
        if state.last.len() > 3 {
            state.last.remove(0);
        }
        state
    }
}

pub(crate) type Handler<S, const VERSION: u32 = 1> = CommandHandler<Ledger<VERSION>, S>;

pub(crate) fn handler<S: EventStore, P: SnapshotStore>(
    store: &S,
    snapshots: &P,
    every: u64,
) -> Handler<S> {
    handler_of::<1, S, P>(store, snapshots, every)
}

pub(crate) fn handler_of<const VERSION: u32, S: EventStore, P: SnapshotStore>(
    store: &S,
    snapshots: &P,
    every: u64,
) -> Handler<S, VERSION> {
    let builder = CommandHandler::builder(Ledger::<VERSION>, store.clone());
    let builder = builder.snapshots(snapshots.clone(), every);
    builder.build().unwrap()
}

pub(crate) fn stream() -> StreamId {
    StreamId::new("ledger", 1)
}

pub(crate) async fn enter<S: EventStore, const V: u32>(ledger: &Handler<S, V>, amounts: &[f64]) {
    let enter = CommandRequest::new(Command::Enter(amounts.to_vec()));
    ledger.clone().oneshot(enter).await.unwrap();
}

pub(crate) async fn shown<S: EventStore, const V: u32>(ledger: &Handler<S, V>) -> State {
    let show = CommandRequest::new(Command::Show);
    match ledger.clone().oneshot(show).await {
        Err(CommandError::Rejected(Shown(state))) => state,
        other => panic!("{other:?}"),
    }
}

/// The same from the first event on, without a handler.
pub(crate) async fn folded<const VERSION: u32>(store: &impl EventStore) -> State {
    let stream = stream();
    let page = store.read_stream(&stream, Version::NONE, usize::MAX).await;
    let events = page.unwrap().events;
    let events = events.iter().flat_map(|it| Entry::read(&it.event).unwrap());
    events.fold(State::default(), |state, it| {
        Ledger::<VERSION>::evolve(state, &it)
    })
}

/// Lets everything happen that happens while nobody waits for it.
pub(crate) async fn settled() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}
