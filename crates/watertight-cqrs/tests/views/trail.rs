//! Users with e-mail addresses, and a view that remembers every event it has seen.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    pin::pin,
    task::Poll,
};

use futures::future::poll_fn;
use serde::{Deserialize, Serialize};
use watertight_cqrs::{
    Event, Fact, Model, Projection, ProjectionHandle, ProjectionState, Runner, View,
};
use watertight_events::{
    EventStore, Expected, Find, NewEvent, Position, StreamId, ViewId, ViewStore, Write,
};

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Happened {
    Joined {
        domain: String,
    },
    Moved {
        from: String,
        to: String,
    },
    Left {
        domain: String,
    },
    /// Makes a view panic that is not mended.
    Odd,
}

impl Event for Happened {}

/// A document per user, and one per domain.
pub(crate) struct Trail<const VERSION: u32 = 1, const MENDED: bool = false>;

/// The same, mended.
pub(crate) type Mended = Trail<1, true>;

#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Seen {
    /// The positions of its events: each once, in order.
    pub(crate) positions: Vec<u64>,
    pub(crate) members: BTreeSet<String>,
}

impl<const VERSION: u32, const MENDED: bool> View for Trail<VERSION, MENDED> {
    type Event = Happened;
    type Document = Seen;
    const NAME: &'static str = "trail";
    const VERSION: u32 = VERSION;
    const CATEGORIES: &'static [&'static str] = &["user"];

    fn keys(fact: &Fact<Happened>) -> Vec<String> {
        let user = format!("user {}", fact.stream.key());
        let domain = |name: &String| format!("domain {name}");
        match &fact.event {
            Happened::Joined { domain: name } | Happened::Left { domain: name } => {
                vec![user.clone(), domain(name), user]
            }
            Happened::Moved { from, to } => vec![domain(from), user, domain(to)],
            Happened::Odd => vec![user],
        }
    }

    fn apply(key: &str, document: Option<Seen>, fact: &Fact<Happened>) -> Option<Seen> {
        let mut seen = document.unwrap_or_default();
        seen.positions.push(fact.position.0);
        let user = fact.stream.key().to_owned();
        match (&fact.event, key.strip_prefix("domain ")) {
            (Happened::Odd, _) => assert!(MENDED, "odd"),
            (Happened::Left { .. }, None) => return None,
            (Happened::Joined { .. }, _) => _ = seen.members.insert(user),
            (Happened::Moved { to, .. }, Some(name)) if to == name => {
                seen.members.insert(user);
            }
            (_, Some(_)) => _ = seen.members.remove(&user),
            (Happened::Moved { .. }, None) => {}
        }
        Some(seen)
    }

    fn index(seen: &Seen) -> Vec<(&'static str, String)> {
        let members = seen.members.iter().cloned();
        members.map(|member| ("member", member)).collect()
    }
}

pub(crate) type Documents = BTreeMap<String, Seen>;

/// What the view must be: the fold of all events, one by one.
pub(crate) async fn folded<V: View<Event = Happened, Document = Seen>>(
    store: &impl EventStore,
) -> Documents {
    let mut documents = Documents::new();
    let page = store.read_all(Position::START, &V::filter(), 100_000).await;
    for recorded in page.unwrap().events {
        let event = Happened::decode(&recorded.event.kind, &recorded.event.payload).unwrap();
        let fact = Fact::new(recorded.stream, recorded.position, event);
        for key in V::keys(&fact).into_iter().collect::<BTreeSet<_>>() {
            let before = documents.remove(&key);
            documents.extend(V::apply(&key, before, &fact).map(|seen| (key, seen)));
        }
    }
    documents
}

/// What the view is.
pub(crate) async fn stored(store: &impl ViewStore, view: &ViewId) -> Documents {
    let found = store.find(view, &Find::all().limit(100_000)).await.unwrap();
    let read = |body: &[u8]| serde_json::from_slice(body).unwrap();
    let documents = found.documents.into_iter();
    documents.map(|it| (it.key, read(&it.body))).collect()
}

pub(crate) fn joined(domain: &str) -> Happened {
    let domain = domain.to_owned();
    Happened::Joined { domain }
}

pub(crate) fn moved(from: &str, to: &str) -> Happened {
    let (from, to) = (from.to_owned(), to.to_owned());
    Happened::Moved { from, to }
}

pub(crate) fn left(domain: &str) -> Happened {
    let domain = domain.to_owned();
    Happened::Left { domain }
}

pub(crate) async fn record(store: &impl EventStore, user: u32, events: &[Happened]) -> Position {
    let events = events.iter().map(|event| event.encode().unwrap().into());
    write(store, StreamId::new("user", user), events.collect()).await
}

pub(crate) async fn write(
    store: &impl EventStore,
    stream: StreamId,
    events: Vec<NewEvent>,
) -> Position {
    let write = Write::to(stream, Expected::Any, events);
    store.write(write).await.unwrap().position
}

/// Users that join, move and leave at random: one to three events at a time.
pub(crate) async fn traffic(store: &impl EventStore, random: &mut fastrand::Rng, writes: usize) {
    let domains = ["a.example", "b.example", "c.example"];
    for _ in 0..writes {
        let mut domain = || domains[random.usize(..3)];
        let events = [joined(domain()), moved(domain(), domain()), left(domain())];
        let from = random.usize(..3);
        let count = random.usize(1..=3 - from);
        record(store, random.u32(..5), &events[from..from + count]).await;
    }
}

pub(crate) fn projection<V: View, S: EventStore + ViewStore>(store: &S) -> Projection<V, S, S> {
    Projection::new(store.clone(), store.clone())
}

/// Runs until everything that is in the store has been seen, and stops.
pub(crate) async fn catch_up<M: Model<S>, E: EventStore, S: ViewStore>(
    projection: Runner<M, E, S>,
) {
    let handle = projection.handle();
    let running = tokio::spawn(projection.run());
    caught_up(&handle).await;
    handle.stop();
    running.await.unwrap().unwrap();
}

pub(crate) async fn caught_up(handle: &ProjectionHandle) {
    let live = handle.until(|it| it.state == ProjectionState::Live && it.lag() == 0);
    let live = live.await;
    assert_eq!(live.state, ProjectionState::Live, "it has not ended");
}

/// Polls a future so many times at most, and drops it.
pub(crate) async fn polled<F: Future>(future: F, times: usize) {
    let mut future = pin!(future);
    for _ in 0..times {
        let once = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
        if once.is_ready() {
            return;
        }
        tokio::task::yield_now().await;
    }
}

pub(crate) async fn position(store: &impl ViewStore, view: &ViewId) -> Position {
    let versions = store.versions(&view.name).await.unwrap();
    let state = versions.get(view.version);
    state.map_or(Position::START, |state| state.checkpoint.position)
}
