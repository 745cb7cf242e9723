use futures::{StreamExt, future::join_all, pin_mut};

use super::{
    Fixture,
    support::{everything, some, stream},
};
use crate::{EventStore, Expected, Filter, NewEvent, Position, Subscription, Write};

const WRITERS: u64 = 16;
const EACH: u64 = 30;

/// The kind of the event after which nothing comes.
const LAST: &str = "last";

/// Has writers write single events and small batches, and an event that is the last one.
async fn write_on<S: EventStore>(store: S) {
    let writers = (0..WRITERS).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut random = fastrand::Rng::with_seed(writer);
            for _ in 0..EACH {
                let count = random.usize(1..5);
                let key = random.u8(..8);
                store
                    .write(some(&stream(key), count))
                    .await
                    .expect("it is written");
            }
        })
    });
    for writer in join_all(writers).await {
        writer.expect("no writer panics");
    }
    let last = vec![NewEvent::new(LAST, "{}")];
    let write = Write::to(stream("last"), Expected::NoStream, last);
    store.write(write).await.expect("it is written");
}

/// From before the first event on, while sixteen writers write.
///
/// # Panics
///
/// The store breaks it.
pub async fn a_subscriber_sees_every_position_once_under_load<F: Fixture>() {
    let fixture = F::fresh().await;
    let store = fixture.store();
    let events = Subscription::new(store.clone(), Position::START, Filter::all()).page(7);
    let events = events.into_stream();
    pin_mut!(events);
    let writers = tokio::spawn(write_on(store.clone()));
    let mut seen = Position::START;
    loop {
        let event = events.next().await.expect("it never ends");
        let event = event.expect("the store can be read");
        assert_eq!(event.position, seen.after(1));
        seen = event.position;
        if event.event.kind.as_str() == LAST {
            break;
        }
    }
    writers.await.expect("no writer panics");
    assert_eq!(everything(&store).await.len() as u64, seen.0);
}

/// At random places, again and again, while the writers write.
///
/// # Panics
///
/// The store breaks it.
pub async fn a_subscriber_that_starts_again_misses_nothing<F: Fixture>() {
    let fixture = F::fresh().await;
    let store = fixture.store();
    let writers = tokio::spawn(write_on(store.clone()));
    let mut random = fastrand::Rng::with_seed(42);
    let (mut checkpoint, mut at_end) = (Position::START, false);
    while !at_end {
        let subscription = Subscription::new(store.clone(), checkpoint, Filter::all());
        let mut subscription = subscription.page(random.usize(1..20));
        for _ in 0..random.usize(1..6) {
            let page = subscription
                .next_page()
                .await
                .expect("the store can be read");
            for event in page.events {
                assert_eq!(event.position, checkpoint.after(1));
                checkpoint = event.position;
                at_end = event.event.kind.as_str() == LAST;
            }
            assert_eq!(subscription.position(), checkpoint);
            if at_end {
                break;
            }
        }
    }
    writers.await.expect("no writer panics");
    assert_eq!(everything(&store).await.len() as u64, checkpoint.0);
}

/// So that it can keep a checkpoint although nothing is for it.
///
/// # Panics
///
/// The store breaks it.
pub async fn a_filtered_subscriber_hears_of_what_it_skips<F: Fixture>() {
    let fixture = F::fresh().await;
    let store = fixture.store();
    store
        .write(some(&stream(1), 5))
        .await
        .expect("it is written");
    let filter = Filter::all().kind("wanted");
    let mut subscription = Subscription::new(store.clone(), Position::START, filter);
    while subscription.position() < Position(5) {
        let page = subscription
            .next_page()
            .await
            .expect("the store can be read");
        assert!(page.events.is_empty());
    }
    let wanted = vec![NewEvent::new("wanted", "{}")];
    let write = Write::to(stream(1), Expected::Any, wanted);
    let (page, _) = futures::future::join(subscription.next_page(), store.write(write)).await;
    let page = page.expect("the store can be read");
    assert_eq!((page.events.len(), page.scanned_to), (1, Position(6)));
}

/// After the write was answered at the latest.
///
/// # Panics
///
/// The store breaks it.
pub async fn the_head_is_told_to_those_who_watch<F: Fixture>() {
    let fixture = F::fresh().await;
    let store = fixture.store();
    let mut head = store.head();
    assert_eq!(*head.borrow_and_update(), Position::START);
    for written in 1..=3 {
        let done = store.write(some(&stream(1), 1)).await;
        assert_eq!(done.expect("it is written").position, Position(written));
        let told = head.wait_for(|head| head.0 >= written).await;
        assert_eq!(told.expect("the store is open").0, written);
    }
}
