use bytes::Bytes;

use super::{
    Fixture,
    support::{event, events, everything, read, some, stream, version},
};
use crate::{
    EventStore, Expected, Filter, MAX_TEXT, Metadata, NewEvent, Position, StreamId, Version, Write,
    new_id,
};

/// Every byte of the payload, every part of the metadata, every number.
///
/// # Panics
///
/// The store breaks it.
pub async fn what_is_read_is_what_was_written<F: Fixture>() {
    let fixture = F::fresh().await;
    let store = fixture.store();
    let cause = Metadata::root(new_id())
        .by("Ägidius 'the' \"boss\"")
        .traced("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
        .header("tenant", "a\0b");
    let payloads = [
        Bytes::new(),
        (0..=255_u8).collect(),
        Bytes::from_static(br#"{"deep":[[[[[{"a":null}]]]]]}"#),
        vec![7; 1 << 20].into(),
    ];
    let written: Vec<_> = payloads
        .into_iter()
        .zip([1, 2, 77, u32::MAX])
        .map(|(payload, schema)| {
            let event = NewEvent::new("naïve kind", payload).schema(schema);
            event.caused_by(&cause)
        })
        .collect();
    let stream = stream("exact");
    let write = Write::to(stream.clone(), Expected::NoStream, written.clone());
    store.write(write).await.expect("it is written");
    let page = store.read_stream(&stream, Version::NONE, 10).await;
    let page = page.expect("the store can be read");
    let found: Vec<_> = page
        .events
        .iter()
        .map(|found| found.event.clone())
        .collect();
    assert_eq!(found, written);
    assert_eq!(page.version, Version(4));
    for (at, found) in (1..).zip(&page.events) {
        assert_eq!((found.version.0, found.position.0), (at, at));
        assert_eq!(found.stream, stream);
    }
    assert_eq!(
        everything(&store).await,
        page.events,
        "both ways to read agree"
    );
}

/// Of one stream and of all.
///
/// # Panics
///
/// The store breaks it.
pub async fn pages_are_in_order_and_of_the_size_asked_for<F: Fixture>() {
    let fixture = F::fresh().await;
    let store = fixture.store();
    let stream = stream("long");
    store.write(some(&stream, 25)).await.expect("it is written");
    let (mut after, mut sizes) = (Version::NONE, Vec::new());
    loop {
        let page = store.read_stream(&stream, after, 10).await;
        let page = page.expect("the store can be read");
        sizes.push(page.events.len());
        assert_eq!(page.version, Version(25));
        for event in &page.events {
            assert_eq!(event.version, after.after(1));
            after = event.version;
        }
        if page.is_last() {
            break;
        }
    }
    assert_eq!(sizes, [10, 10, 5]);

    let (first, last) = (
        read(&store, Position(0), 10).await,
        read(&store, Position(20), 10).await,
    );
    assert_eq!((first.events.len(), first.scanned_to), (10, Position(10)));
    assert!(!first.at_head && last.at_head);
    assert_eq!((last.events.len(), last.scanned_to), (5, Position(25)));
}

/// By category, by kind, by both: a checkpoint follows what was looked at.
///
/// # Panics
///
/// The store breaks it.
pub async fn a_filter_moves_past_what_it_leaves_out<F: Fixture>() {
    let fixture = F::fresh().await;
    let store = fixture.store();
    let names = [
        "user-1",
        "user2-1",
        "us-er",
        "user",
        "order-user-1",
        "USER-1",
    ];
    for name in names {
        let kinds = ["created", "Created", "created_twice"];
        let events = kinds.map(|kind| NewEvent::new(kind, "{}")).to_vec();
        let write = Write::to(name.into(), Expected::Any, events);
        store.write(write).await.expect("it is written");
    }
    let find = async |filter: Filter| {
        let page = store.read_all(Position::START, &filter, 100).await;
        let page = page.expect("the store can be read");
        assert!(page.at_head && page.scanned_to == Position(18), "{page:?}");
        let found = page.events.iter();
        found
            .map(|event| format!("{} {}", event.stream, event.event.kind))
            .collect::<Vec<_>>()
    };
    let user = find(Filter::all().category("user")).await;
    assert_eq!(user.len(), 6, "user-1 and user: {user:?}");
    assert_eq!(find(Filter::all().kind("created")).await.len(), names.len());
    let both = Filter::all()
        .category("user")
        .category("order")
        .kind("created");
    assert_eq!(
        find(both).await,
        ["user-1 created", "user created", "order-user-1 created"]
    );
    assert!(find(Filter::all().category("nobody")).await.is_empty());
}

/// No error, and no event.
///
/// # Panics
///
/// The store breaks it.
pub async fn reads_beyond_the_end_are_empty<F: Fixture>() {
    let fixture = F::fresh().await;
    let store = fixture.store();
    let empty = read(&store, Position::START, 10).await;
    assert!(empty.at_head && empty.events.is_empty());
    assert_eq!(empty.scanned_to, Position::START);
    store
        .write(some(&stream("s"), 2))
        .await
        .expect("it is written");
    for beyond in [
        Position(2),
        Position(3),
        Position(i64::MAX as u64),
        Position(u64::MAX),
    ] {
        let page = read(&store, beyond, 10).await;
        assert!(page.at_head && page.events.is_empty(), "after {beyond}");
        assert_eq!(page.scanned_to, beyond, "a reader never goes back");
    }
    for (name, after) in [("s", 2), ("s", u64::MAX), ("nobody", 0)] {
        let page = store.read_stream(&stream(name), Version(after), 10).await;
        assert!(page.expect("the store can be read").events.is_empty());
    }
}

/// Quotes, wildcards, case, spaces, composed and decomposed letters, the longest there may be.
///
/// # Panics
///
/// The store breaks it.
pub async fn names_that_look_alike_are_streams_of_their_own<F: Fixture>() {
    let fixture = F::fresh().await;
    let store = fixture.store();
    let longest = "x".repeat(MAX_TEXT);
    let names = [
        "a-1",
        "A-1",
        "a-1 ",
        " a-1",
        "a_1",
        "a%1",
        "a-'; DROP TABLE events; --",
        "a-\"1\"",
        "a-\\1",
        "caf\u{e9}-1",
        "cafe\u{301}-1",
        "\u{1f6a2}",
        "-",
        &longest,
        &longest[1..],
    ];
    for (count, name) in (1..).zip(names) {
        let write = Write::to(name.into(), Expected::NoStream, events(count));
        store.write(write).await.expect("a stream of its own");
    }
    for (count, name) in (1..).zip(names) {
        assert_eq!(
            version(&store, &name.into()).await,
            Version(count),
            "{name:?}"
        );
    }
}

/// Everything, under the same positions, in the same store.
///
/// # Panics
///
/// The store breaks it.
pub async fn events_and_identity_outlive_the_store<F: Fixture>() {
    let fixture = F::fresh().await;
    let store = fixture.store();
    for at in 0..10 {
        let write = some(&stream(at % 3), 2);
        store.write(write).await.expect("it is written");
    }
    let (id, before) = (store.id(), everything(&store).await);
    drop(store);
    let Some(fixture) = fixture.reopen().await else {
        return;
    };
    let store = fixture.store();
    assert_eq!(store.id(), id);
    assert_eq!(everything(&store).await, before);
    let stream = StreamId::new("thing", 0);
    let expected = Expected::Exact(version(&store, &stream).await);
    let done = store
        .write(Write::to(stream, expected, vec![event("more")]))
        .await;
    assert_eq!(done.expect("it goes on").position, Position(21));
    assert_eq!(everything(&store).await.len(), 21);
}
