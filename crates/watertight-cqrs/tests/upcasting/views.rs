//! Views of events of the past.

use serde::{Deserialize, Serialize};
use serde_json::json;
use watertight_cqrs::{
    Event, Fact, Projection, ProjectionHandle, ProjectionState, Upcasters, View,
};
use watertight_events::{Lane, MemoryStore, NewEvent, Position, ViewStore};

use crate::members::{Happened, Histories, ann, changed, joined, moved, old, record, renamed};

async fn caught_up(handle: &ProjectionHandle) {
    let done = handle.until(|it| it.state == ProjectionState::Live && it.lag() == 0);
    assert!(!done.await.state.has_ended());
}

async fn document<V: View>(store: &MemoryStore) -> Option<V::Document> {
    let lane = [Lane::Key("ann".to_owned())];
    let loaded = store.load(&V::id(), &lane).await.unwrap();
    let document = loaded.documents.get("ann")?;
    Some(serde_json::from_slice(&document.body).unwrap())
}

fn past() -> Vec<NewEvent> {
    vec![
        old("joined", 2, &json!({ "name": "ann" })),
        changed("bob", "ulm"),
        old("greeted", 1, &json!("hello")),
        changed("eve", "bonn"),
        old("gone", 1, &json!(null)),
    ]
}

fn present() -> Vec<(u64, u64, Happened)> {
    vec![
        (1, 1, joined("ann", 1999)),
        (2, 2, renamed("bob")),
        (2, 2, moved("ulm")),
        (4, 4, renamed("eve")),
        (4, 4, moved("bonn")),
        (5, 5, Happened::Left),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_split_event_is_applied_once_wherever_a_batch_ends() {
    for batch in 1..=6 {
        let store = MemoryStore::new();
        record(&store, past()).await;
        let view = Projection::<Histories, _, _>::new(store.clone(), store.clone());
        let view = view.batch(batch);
        let handle = view.handle();
        tokio::spawn(view.run());
        caught_up(&handle).await;
        assert_eq!(
            document::<Histories>(&store).await,
            Some(present()),
            "{batch}"
        );
        assert_eq!(handle.snapshot().position, Position(5));
    }
}

#[tokio::test(start_paused = true)]
async fn a_split_event_is_applied_once_wherever_a_run_ends() {
    for stop_at in 1..=5 {
        let store = MemoryStore::new();
        let first = past().into_iter().take(stop_at).collect();
        record(&store, first).await;
        for _ in 0..2 {
            let view = Projection::<Histories, _, _>::new(store.clone(), store.clone());
            let handle = view.handle();
            let running = tokio::spawn(view.run());
            caught_up(&handle).await;
            handle.stop();
            running.await.unwrap().unwrap();
            if handle.snapshot().position == Position(stop_at as u64) {
                record(&store, past().into_iter().skip(stop_at).collect()).await;
            }
        }
        assert_eq!(
            document::<Histories>(&store).await,
            Some(present()),
            "{stop_at}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_split_event_is_parked_whole() {
    let store = MemoryStore::new();
    let events = vec![
        old("joined", 2, &json!({ "name": "ann" })),
        changed("bob", "nowhere"),
        changed("eve", "bonn"),
    ];
    record(&store, events).await;
    let view = Projection::<Histories, _, _>::new(store.clone(), store.clone());
    let handle = view.handle();
    tokio::spawn(view.run());
    caught_up(&handle).await;
    let parked = store.parked(&Histories::id(), None, 10).await.unwrap();
    let parked: Vec<_> = parked
        .iter()
        .map(|it| (it.position.0, it.why.is_some()))
        .collect();
    assert_eq!(parked, [(2, true), (3, false)]);
    let first = vec![(1, 1, joined("ann", 1999))];
    assert_eq!(document::<Histories>(&store).await, Some(first));
}

#[tokio::test(start_paused = true)]
async fn an_old_event_that_cannot_be_read_holds_up_its_stream() {
    let store = MemoryStore::new();
    record(
        &store,
        vec![NewEvent::new("joined", "no JSON"), changed("bob", "ulm")],
    )
    .await;
    let view = Projection::<Histories, _, _>::new(store.clone(), store.clone());
    let handle = view.handle();
    tokio::spawn(view.run());
    caught_up(&handle).await;
    let parked = store.parked(&Histories::id(), None, 10).await.unwrap();
    assert_eq!(parked.len(), 2);
    assert!(parked.iter().all(|it| it.lane == Lane::Stream(ann())));
    assert_eq!(document::<Histories>(&store).await, None);
}

/// A view that is made of some of the events only.
struct Cities;

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Moving {
    Moved { city: String },
}

impl Event for Moving {
    fn upcasters() -> &'static Upcasters {
        Happened::upcasters()
    }
}

impl View for Cities {
    type Event = Moving;
    type Document = Vec<String>;
    const NAME: &'static str = "cities";
    const VERSION: u32 = 1;

    fn keys(fact: &Fact<Moving>) -> Vec<String> {
        vec![fact.stream.key().to_owned()]
    }

    fn apply(_: &str, cities: Option<Vec<String>>, fact: &Fact<Moving>) -> Option<Vec<String>> {
        let Moving::Moved { city } = &fact.event;
        let mut cities = cities.unwrap_or_default();
        cities.push(city.clone());
        Some(cities)
    }
}

#[tokio::test(start_paused = true)]
async fn a_view_takes_of_a_split_event_what_it_knows() {
    let store = MemoryStore::new();
    record(&store, past()).await;
    let view = Projection::<Cities, _, _>::new(store.clone(), store.clone());
    let handle = view.handle();
    tokio::spawn(view.run());
    caught_up(&handle).await;
    let cities = Some(vec!["ulm".to_owned(), "bonn".to_owned()]);
    assert_eq!(document::<Cities>(&store).await, cities);
    assert_eq!(handle.snapshot().parked, 0);
}
