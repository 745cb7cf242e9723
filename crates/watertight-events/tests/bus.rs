//! Events handed to handlers in the process.

use std::{
    collections::HashMap,
    convert::Infallible,
    num::NonZeroU32,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, sleep},
};
use watertight_events::{
    BusError, EventBus, EventStore, Expected, Interest, MemoryStore, NewEvent, Position, Recorded,
    StreamId, Write,
};

async fn write(store: &MemoryStore, stream: u64, kind: &'static str) -> Position {
    let stream = StreamId::new("user", stream);
    let write = Write::to(stream, Expected::Any, vec![NewEvent::new(kind, "{}")]);
    store.write(write).await.unwrap().position
}

/// What was handled, in order.
#[derive(Clone, Debug, Default)]
struct Seen(Arc<Mutex<Vec<(u64, String)>>>);

impl Seen {
    fn note(&self, event: &Recorded) {
        let seen = (event.position.0, event.stream.to_string());
        self.0.lock().unwrap().push(seen);
    }

    fn positions(&self) -> Vec<u64> {
        self.0.lock().unwrap().iter().map(|it| it.0).collect()
    }

    fn sorted(&self) -> Vec<u64> {
        let mut positions = self.positions();
        positions.sort_unstable();
        positions
    }

    /// Positions of each stream, in the order in which they were handled.
    fn by_stream(&self) -> HashMap<String, Vec<u64>> {
        let mut streams: HashMap<_, Vec<_>> = HashMap::new();
        for (position, stream) in self.0.lock().unwrap().iter().cloned() {
            streams.entry(stream).or_default().push(position);
        }
        streams
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn from_catch_up_to_live_at_full_speed_there_is_no_gap_and_no_duplicate() {
    let store = MemoryStore::new();
    for stream in 0..500 {
        write(&store, stream % 7, "changed").await;
    }
    let mut writers = JoinSet::new();
    for writer in 0..4 {
        let store = store.clone();
        writers.spawn(async move {
            for _ in 0..500 {
                write(&store, writer, "changed").await;
                tokio::task::yield_now().await;
            }
        });
    }
    let seen = Seen::default();
    let notes = seen.clone();
    let interest = Interest::after(Position::START).concurrency(4).window(16);
    let mut subscriber = EventBus::new(store).subscribe(interest, move |event| {
        notes.note(&event);
        async { Ok::<_, Infallible>(()) }
    });
    writers.join_all().await;
    subscriber.has_handled(Position(2_500)).await.unwrap();
    assert_eq!(seen.sorted(), (1..=2_500).collect::<Vec<_>>());
    for (stream, positions) in seen.by_stream() {
        assert!(positions.is_sorted(), "{stream} is in order");
    }
}

#[tokio::test(start_paused = true)]
async fn only_what_is_of_interest_is_handed_over_and_the_checkpoint_passes_the_rest() {
    let store = MemoryStore::new();
    let seen = Seen::default();
    let notes = seen.clone();
    let interest = Interest::after(Position(1)).category("user").kind("moved");
    let mut subscriber = EventBus::new(store.clone()).subscribe(interest, move |event| {
        notes.note(&event);
        async { Ok::<_, Infallible>(()) }
    });
    for kind in ["moved", "joined", "moved", "left"] {
        write(&store, 1, kind).await;
    }
    let other = Write::to(
        StreamId::new("order", 1),
        Expected::Any,
        vec![NewEvent::new("moved", "")],
    );
    store.write(other).await.unwrap();
    subscriber.has_handled(Position(5)).await.unwrap();
    assert_eq!(seen.positions(), [3]);
}

#[tokio::test(start_paused = true)]
async fn keys_are_handled_next_to_each_other_and_no_more_of_them_than_allowed() {
    let store = MemoryStore::new();
    for at in 0..40 {
        write(&store, at % 10, "changed").await;
    }
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (running, peak) = (Arc::clone(&now), Arc::clone(&most));
    let interest = Interest::after(Position::START).concurrency(4);
    let start = Instant::now();
    let mut subscriber = EventBus::new(store).subscribe(interest, move |_| {
        let (running, peak) = (Arc::clone(&running), Arc::clone(&peak));
        async move {
            peak.fetch_max(
                running.fetch_add(1, Ordering::Relaxed) + 1,
                Ordering::Relaxed,
            );
            sleep(Duration::from_secs(1)).await;
            running.fetch_sub(1, Ordering::Relaxed);
            Ok::<_, Infallible>(())
        }
    });
    subscriber.has_handled(Position(40)).await.unwrap();
    assert_eq!(most.load(Ordering::Relaxed), 4);
    assert_eq!(start.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_slow_holds_up_the_checkpoint_and_no_other_key() {
    let store = MemoryStore::new();
    for at in 0..100 {
        write(&store, at.min(1), "changed").await;
    }
    let seen = Seen::default();
    let gate = Arc::new(Semaphore::new(0));
    let (notes, waits) = (seen.clone(), Arc::clone(&gate));
    let interest = Interest::after(Position::START).concurrency(2).window(8);
    let mut subscriber = EventBus::new(store).subscribe(interest, move |event: Recorded| {
        let (notes, waits) = (notes.clone(), Arc::clone(&waits));
        async move {
            if event.stream.key() == "0" {
                waits.acquire().await.unwrap().forget();
            }
            notes.note(&event);
            Ok::<_, Infallible>(())
        }
    });
    while seen.positions().len() < 99 {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        subscriber.handled(),
        Position::START,
        "the first is not done"
    );
    gate.add_permits(1);
    subscriber.has_handled(Position(100)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_slow_subscriber_holds_up_itself_only_and_buffers_its_window() {
    let store = MemoryStore::new();
    let bus = EventBus::new(store.clone());
    let stuck = bus.subscribe(Interest::after(Position::START).window(10), |_| {
        std::future::pending::<Result<(), Infallible>>()
    });
    let interest = Interest::after(Position::START);
    let mut quick = bus.subscribe(interest, |_| async { Ok::<_, Infallible>(()) });
    for stream in 0..1_000 {
        write(&store, stream, "changed").await;
    }
    quick.has_handled(Position(1_000)).await.unwrap();
    assert_eq!(stuck.handled(), Position::START);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_panics_is_tried_again_and_harms_nobody_else() {
    let store = MemoryStore::new();
    let bus = EventBus::new(store.clone());
    let (seen, other) = (Seen::default(), Seen::default());
    let (notes, others) = (seen.clone(), other.clone());
    let interest = || Interest::after(Position::START).attempts(NonZeroU32::new(3).unwrap());
    let mut panics = bus.subscribe(interest(), move |event: Recorded| {
        notes.note(&event);
        assert_ne!(event.position, Position(2), "at once");
        let notes = notes.clone();
        async move {
            let tries = notes.positions().len();
            assert!(event.position != Position(1) || tries > 1, "later");
            Ok::<_, Infallible>(())
        }
    });
    let mut calm = bus.subscribe(interest(), move |event| {
        others.note(&event);
        async { Ok::<_, Infallible>(()) }
    });
    for _ in 0..4 {
        write(&store, 1, "changed").await;
    }
    let error = panics.ended().await.unwrap_err();
    assert!(
        matches!(&error, BusError::Failed { position: Position(2), why } if why.contains("at once")),
        "{error}"
    );
    assert_eq!(seen.positions(), [1, 1, 2, 2, 2], "nothing is skipped");
    assert_eq!(panics.handled(), Position(1));
    calm.has_handled(Position(4)).await.unwrap();
    assert_eq!(other.positions(), [1, 2, 3, 4]);
    calm.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn from_its_checkpoint_another_one_misses_nothing() {
    let store = MemoryStore::new();
    let seen = Seen::default();
    let mut random = fastrand::Rng::with_seed(3);
    let mut checkpoint = Position::START;
    for _ in 0..100 {
        for _ in 0..random.u64(..5) {
            write(&store, random.u64(..4), "changed").await;
        }
        let notes = seen.clone();
        let pauses = Duration::from_millis(random.u64(1..4));
        let interest = Interest::after(checkpoint).concurrency(3).window(4);
        let subscriber =
            EventBus::new(store.clone()).subscribe(interest, move |event: Recorded| {
                let notes = notes.clone();
                async move {
                    sleep(pauses * (event.position.0 % 3) as u32).await;
                    notes.note(&event);
                    Ok::<_, Infallible>(())
                }
            });
        sleep(Duration::from_millis(random.u64(..10))).await;
        checkpoint = subscriber.handled();
        if random.bool() {
            subscriber.stop().await.unwrap();
        }
    }
    let notes = seen.clone();
    let mut last =
        EventBus::new(store.clone()).subscribe(Interest::after(checkpoint), move |event| {
            notes.note(&event);
            async { Ok::<_, Infallible>(()) }
        });
    let head = *store.head().borrow();
    last.has_handled(head).await.unwrap();
    let mut all = seen.sorted();
    all.dedup();
    assert_eq!(all, (1..=head.0).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn stopping_waits_for_what_is_being_handled() {
    let store = MemoryStore::new();
    let (begun, done) = (Seen::default(), Seen::default());
    let (begins, ends) = (begun.clone(), done.clone());
    for stream in 0..4 {
        write(&store, stream, "changed").await;
    }
    let interest = Interest::after(Position::START).concurrency(2);
    let subscriber = EventBus::new(store).subscribe(interest, move |event: Recorded| {
        begins.note(&event);
        let ends = ends.clone();
        async move {
            sleep(Duration::from_secs(5)).await;
            ends.note(&event);
            Ok::<_, Infallible>(())
        }
    });
    while begun.positions().is_empty() {
        tokio::task::yield_now().await;
    }
    subscriber.stop().await.unwrap();
    assert_eq!(begun.positions(), [1, 2]);
    assert_eq!(done.positions(), [1, 2]);
}
