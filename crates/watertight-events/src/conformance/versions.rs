use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::join_all;
use uuid::Uuid;

use super::{
    Fixture,
    support::{event, events, everything, some, stream, version},
};
use crate::{EventStore, Expected, StreamId, Version, Write, WriteError};

/// Every kind of expectation, met and not met.
///
/// # Panics
///
/// The store breaks it.
pub async fn versions_are_checked_as_expected<F: Fixture>() {
    let fixture = F::fresh().await;
    let store = fixture.store();
    let (new, old) = (stream("new"), stream("old"));
    store.write(some(&old, 3)).await.expect("it is written");
    let table = [
        (&old, Expected::NoStream, false),
        (&old, Expected::Exact(Version::NONE), false),
        (&old, Expected::Exact(Version(2)), false),
        (&old, Expected::Exact(Version(4)), false),
        (&new, Expected::Exists, false),
        (&new, Expected::Exact(Version(1)), false),
        (&old, Expected::Exact(Version(3)), true),
        (&old, Expected::Exists, true),
        (&old, Expected::Any, true),
        (&new, Expected::NoStream, true),
    ];
    for (stream, expected, fits) in table {
        let before = version(&store, stream).await;
        let answer = store
            .write(Write::to(stream.clone(), expected, events(1)))
            .await;
        match answer {
            Ok(done) => {
                assert!(fits, "{expected} fits version {before}");
                assert_eq!(done.version(), before.after(1));
            }
            Err(WriteError::Conflict {
                stream: told,
                expected: asked,
                actual,
            }) => {
                assert!(!fits, "{expected} does not fit version {before}");
                assert_eq!((&told, asked, actual), (stream, expected, before));
            }
            Err(other) => panic!("a conflict is a conflict, not: {other}"),
        }
    }
}

/// Whoever has decided upon an event is not taken to another one that came to stand in its place: neither in a batch with the
/// writes before it, nor after them, nor when the store was opened again.
///
/// # Panics
///
/// The store breaks it.
pub async fn an_append_after_an_event_needs_that_very_event<F: Fixture>() {
    let fixture = F::fresh().await;
    let store = fixture.store();
    let name = stream("followed");
    let (first, second) = (event("first"), event("second"));
    let [upon_first, upon_second] = [&first, &second].map(|event| event.metadata.message);
    let after = |version, last, event| {
        let expected = Expected::After(Version(version), last);
        Write::to(name.clone(), expected, vec![event])
    };
    let create = Write::to(name.clone(), Expected::NoStream, vec![first]);
    let follow = after(1, upon_first, second);
    let answers = join_all([create, follow].map(|write| store.write(write))).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    only_after(&store, &name, (Version(2), upon_second), upon_first).await;
    let page = store.read_stream(&name, Version(2), 1).await;
    let third = page.expect("it is read").events[0].event.metadata.message;
    drop(store);
    if let Some(fixture) = fixture.reopen().await {
        only_after(&fixture.store(), &name, (Version(3), third), upon_second).await;
    }
}

/// Appends one event after the last one, and none after another.
async fn only_after<S: EventStore>(
    store: &S,
    name: &StreamId,
    (version, last): (Version, Uuid),
    another: Uuid,
) {
    let append = |expected| store.write(Write::to(name.clone(), expected, events(1)));
    for wrong in [
        Expected::After(version, another),
        Expected::After(Version(1), last),
    ] {
        let answer = append(wrong).await;
        let is_conflict = matches!(
            answer,
            Err(WriteError::Conflict { expected, actual, .. }) if expected == wrong && actual == version
        );
        assert!(is_conflict, "{answer:?}");
    }
    let answer = append(Expected::After(version, last)).await;
    assert_eq!(
        answer.map(|done| done.version()).ok(),
        Some(version.after(1))
    );
}

/// At versions of one digit and of three.
///
/// # Panics
///
/// The store breaks it.
pub async fn of_two_writers_at_one_version_one_meets_a_conflict<F: Fixture>() {
    let fixture = F::fresh().await;
    let store = fixture.store();
    for before in [1, 9, 10, 99, 100] {
        let stream = stream(before);
        let seen = store.write(some(&stream, before)).await;
        let expected = Expected::Exact(seen.expect("it is written").version());
        let write = || store.write(Write::to(stream.clone(), expected, events(1)));
        let answers = <[_; 2]>::from(futures::future::join(write(), write()).await);
        let conflicts = answers.iter().filter(|answer| {
            matches!(answer, Err(WriteError::Conflict { actual, .. }) if actual.0 == before as u64 + 1)
        });
        assert_eq!(conflicts.count(), 1, "at version {before}: {answers:?}");
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    }
}

/// Sixteen at once, for many streams.
///
/// # Panics
///
/// The store breaks it.
pub async fn of_many_who_create_a_stream_exactly_one_does<F: Fixture>() {
    let fixture = F::fresh().await;
    let store = fixture.store();
    for round in 0..20 {
        let create = |_| {
            let write = Write::to(stream(round), Expected::NoStream, events(2));
            tokio::spawn({
                let store = store.clone();
                async move { store.write(write).await }
            })
        };
        let mut created = 0;
        for answer in join_all((0..16).map(create)).await {
            match answer.expect("no write panics") {
                Ok(_) => created += 1,
                Err(WriteError::Conflict { actual, .. }) => assert_eq!(actual, Version(2)),
                Err(other) => panic!("a conflict is a conflict, not: {other}"),
            }
        }
        assert_eq!(created, 1, "one of sixteen creates it");
    }
}

/// Who meets a conflict reads again and tries again: each success counts once.
///
/// # Panics
///
/// The store breaks it.
pub async fn writers_on_one_stream_leave_contiguous_versions<F: Fixture>() {
    static CONFLICTS: AtomicUsize = AtomicUsize::new(0);
    let fixture = F::fresh().await;
    let store = fixture.store();
    let writers = (0..8).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            let stream = stream("shared");
            for turn in 0..25 {
                loop {
                    let seen = Expected::Exact(version(&store, &stream).await);
                    let event = event(format!("{writer}.{turn}"));
                    match store
                        .write(Write::to(stream.clone(), seen, vec![event]))
                        .await
                    {
                        Ok(_) => break,
                        Err(WriteError::Conflict { .. }) => {
                            CONFLICTS.fetch_add(1, Ordering::Relaxed)
                        }
                        Err(other) => panic!("a conflict is a conflict, not: {other}"),
                    };
                }
            }
        })
    });
    for writer in join_all(writers).await {
        writer.expect("no writer panics");
    }
    let all = everything(&store).await;
    let versions: Vec<_> = all.iter().map(|event| event.version.0).collect();
    assert_eq!(versions, (1..=200).collect::<Vec<_>>());
    let mut payloads: Vec<_> = all.iter().map(|event| &event.event.payload).collect();
    payloads.sort();
    payloads.dedup();
    assert_eq!(payloads.len(), 200, "each success is there once");
}

/// And leaves the stream as it is.
///
/// # Panics
///
/// The store breaks it.
pub async fn an_append_of_nothing_checks_the_version_only<F: Fixture>() {
    let fixture = F::fresh().await;
    let store = fixture.store();
    let stream = stream("quiet");
    store.write(some(&stream, 2)).await.expect("it is written");
    let nothing = |expected| store.write(Write::to(stream.clone(), expected, vec![]));
    let done = nothing(Expected::Exact(Version(2))).await;
    let done = done.expect("the version fits");
    assert_eq!((done.version(), done.position.0), (Version(2), 2));
    let conflict = nothing(Expected::Exact(Version(1))).await;
    assert!(matches!(conflict, Err(WriteError::Conflict { .. })));
    assert_eq!(version(&store, &stream).await, Version(2));
}

/// A failure must leave nothing behind that makes the second try look done.
///
/// # Panics
///
/// The store breaks it.
pub async fn a_failed_write_that_is_sent_again_really_writes<F: Fixture>() {
    let fixture = F::fresh().await;
    let store = fixture.store();
    let stream = stream("retried");
    let batch = events(2);
    let write = |expected| Write::to(stream.clone(), expected, batch.clone());
    let failed = store.write(write(Expected::Exact(Version(7)))).await;
    assert!(matches!(failed, Err(WriteError::Conflict { .. })));
    store
        .write(write(Expected::NoStream))
        .await
        .expect("the same events at the right version");
    assert_eq!(everything(&store).await.len(), 2);
}
