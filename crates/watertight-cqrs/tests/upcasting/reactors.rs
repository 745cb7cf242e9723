//! Reactors to events of the past.

use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use serde::{Deserialize, Serialize};
use serde_json::json;
use tower::service_fn;
use watertight_cqrs::{Delivery, Emit, Event, ProjectionState, Reactor, Start};
use watertight_events::{EventStore, MemoryStore, StreamId, Version, ViewStore};

use crate::members::{Happened, ann, changed, joined, moved, old, record, renamed};

#[derive(Deserialize, Serialize)]
enum Told {
    Told { what: Happened, key: String },
}

impl Event for Told {}

fn news() -> StreamId {
    StreamId::new("news", "all")
}

/// What was told, in order.
async fn told(store: &MemoryStore) -> Vec<(Happened, String)> {
    let page = store.read_stream(&news(), Version::NONE, 100).await;
    let events = page.unwrap().events;
    let events = events.iter().flat_map(|it| Told::read(&it.event).unwrap());
    events.map(|Told::Told { what, key }| (what, key)).collect()
}

/// Tells everything, unless it is bad; then it fails as long as it is not mended.
#[derive(Clone, Default)]
struct Teller {
    mended: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
}

impl Teller {
    async fn run(&self, store: &MemoryStore, attempts: u32, parked: u64) {
        let teller = self.clone();
        let service = service_fn(move |delivery: Delivery<Happened>| {
            let teller = teller.clone();
            async move {
                teller.asked.fetch_add(1, SeqCst);
                if delivery.event == moved("nowhere") && !teller.mended.load(SeqCst) {
                    return Err("as asked".to_owned());
                }
                let (what, key) = (delivery.event.clone(), delivery.key("told"));
                let emit = Emit::nothing().event(news(), &Told::Told { what, key });
                emit.map_err(|error| error.to_string())
            }
        });
        let (events, views) = (store.clone(), store.clone());
        let reactor = Reactor::new("teller", Start::Beginning, events, views, service);
        let reactor = reactor.category("member");
        let reactor = reactor.attempts(NonZeroU32::new(attempts).unwrap());
        let reactor = reactor.backoff(Duration::from_millis(1), Duration::from_millis(1));
        let handle = reactor.handle();
        let running = tokio::spawn(reactor.run());
        let live = |it: &watertight_cqrs::ProjectionSnapshot| {
            it.state == ProjectionState::Live && it.lag() == 0 && it.parked == parked
        };
        assert!(!handle.until(live).await.state.has_ended());
        handle.stop();
        running.await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_reactor_is_asked_for_everything_that_an_event_was_split_into() {
    let store = MemoryStore::new();
    let events = vec![
        old("joined", 1, &json!({ "nick": "ann" })),
        changed("bob", "ulm"),
        old("greeted", 1, &json!("hello")),
    ];
    record(&store, events).await;
    let teller = Teller::default();
    teller.run(&store, 1, 0).await;
    let told = told(&store).await;
    let what: Vec<_> = told.iter().map(|it| it.0.clone()).collect();
    assert_eq!(what, [joined("ann", 1999), renamed("bob"), moved("ulm")]);
    assert_ne!(told[1].1, told[2].1, "their effects are told apart");
    teller.run(&store, 1, 0).await;
    assert_eq!(teller.asked.load(SeqCst), 3, "and not again");
}

#[tokio::test(start_paused = true)]
async fn what_was_emitted_for_a_part_is_not_emitted_again_with_the_rest() {
    let store = MemoryStore::new();
    record(
        &store,
        vec![changed("bob", "nowhere"), changed("eve", "bonn")],
    )
    .await;
    let teller = Teller::default();
    teller.run(&store, 3, 2).await;
    let first = told(&store).await;
    assert_eq!(first.len(), 1, "the first part, once");

    teller.mended.store(true, SeqCst);
    let id = Reactor::<
        Happened,
        MemoryStore,
        MemoryStore,
        tower::util::BoxCloneSyncService<Delivery<Happened>, (), String>,
    >::id("teller");
    let lane = watertight_events::Lane::Stream(ann());
    assert_eq!(store.requeue(&id, &lane).await.unwrap(), 2);
    teller.run(&store, 3, 0).await;
    let told = told(&store).await;
    let what: Vec<_> = told.iter().map(|it| it.0.clone()).collect();
    let wanted = [
        renamed("bob"),
        moved("nowhere"),
        renamed("eve"),
        moved("bonn"),
    ];
    assert_eq!(what, wanted);
    assert_eq!(told[0], first[0]);
}
