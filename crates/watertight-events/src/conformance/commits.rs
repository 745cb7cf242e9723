use std::collections::BTreeMap;

use futures::future::{join_all, poll_fn};

use super::{
    Fixture,
    support::{event, events, everything, some, stream, version},
};
use crate::{EventStore, Expected, NewEvent, Version, Write, WriteError};

/// Three in ten writes fail, from many tasks at once.
///
/// # Panics
///
/// The store breaks it.
pub async fn positions_are_gapless_in_spite_of_conflicts<F: Fixture>() {
    let fixture = F::fresh().await;
    let store = fixture.store();
    let writers = (0..16).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut random = fastrand::Rng::with_seed(writer);
            let stream = stream(writer);
            let (mut expected, mut refused) = (Version::NONE, 0);
            for _ in 0..40 {
                let wrong = random.u8(..10) < 3;
                let asked = if wrong { Version(1_000) } else { expected };
                let count = random.usize(1..4);
                let write = Write::to(stream.clone(), Expected::Exact(asked), events(count));
                match store.write(write).await {
                    Ok(done) => expected = done.version(),
                    Err(WriteError::Conflict { .. }) => refused += 1,
                    Err(other) => panic!("a conflict is a conflict, not: {other}"),
                }
            }
            (expected.0, refused)
        })
    });
    let (mut written, mut refused) = (0, 0);
    for writer in join_all(writers).await {
        let (events, conflicts) = writer.expect("no writer panics");
        (written, refused) = (written + events, refused + conflicts);
    }
    assert!(refused > 100, "the test makes conflicts: {refused}");
    assert_eq!(everything(&store).await.len() as u64, written);
}

/// Several events for several streams, of which the last is not where it must be.
///
/// # Panics
///
/// The store breaks it.
pub async fn all_streams_of_a_write_are_written_or_none<F: Fixture>() {
    let fixture = F::fresh().await;
    let store = fixture.store();
    let write = |expected| {
        Write::to(stream("one"), Expected::NoStream, events(3))
            .and(stream("two"), Expected::Any, events(1))
            .and(stream("three"), expected, events(2))
    };
    let refused = store.write(write(Expected::Exists)).await;
    let told = matches!(&refused, Err(WriteError::Conflict { stream: told, .. }) if *told == stream("three"));
    assert!(told, "the conflict names its stream: {refused:?}");
    assert_eq!(everything(&store).await.len(), 0, "nothing was written");

    let done = store.write(write(Expected::NoStream)).await;
    let done = done.expect("every stream fits");
    let all = everything(&store).await;
    assert_eq!((all.len(), done.position), (6, all[5].position));
    let versions: Vec<_> = done.streams.iter().map(|stream| stream.version.0).collect();
    assert_eq!(versions, [3, 1, 2]);
    assert!(
        done.streams
            .iter()
            .all(|stream| stream.before == Version::NONE)
    );
}

/// A hundred at once, among them a conflict, a payload that is too large and a name that cannot be.
///
/// # Panics
///
/// The store breaks it.
pub async fn one_bad_request_harms_no_neighbour<F: Fixture>() {
    let fixture = F::fresh().await;
    let store = fixture.store();
    let write = |at: usize| {
        let bad = match at {
            17 => Write::to(stream(at), Expected::Exists, events(1)),
            43 => {
                let large = NewEvent::new("happened", vec![b'x'; 2 << 20]);
                Write::to(stream(at), Expected::Any, vec![large])
            }
            71 => Write::to(stream("nul \0"), Expected::Any, events(1)),
            _ => some(&stream(at), 1),
        };
        store.write(bad)
    };
    let answers = join_all((0..100).map(write)).await;
    let failed: BTreeMap<_, _> = answers
        .iter()
        .enumerate()
        .filter_map(|(at, answer)| Some((at, answer.as_ref().err()?)))
        .collect();
    assert_eq!(failed.keys().copied().collect::<Vec<_>>(), [17, 43, 71]);
    assert!(matches!(failed[&17], WriteError::Conflict { .. }));
    assert!(matches!(failed[&43], WriteError::TooLarge { .. }));
    assert!(matches!(failed[&71], WriteError::Invalid(_)));
    assert_eq!(everything(&store).await.len(), 97);
}

/// Futures that are polled once or a few times and dropped.
///
/// # Panics
///
/// The store breaks it.
pub async fn a_write_that_is_dropped_is_done_or_not_done<F: Fixture>() {
    let fixture = F::fresh().await;
    let store = fixture.store();
    for round in 0..60 {
        let streams = [stream(format!("a{round}")), stream(format!("b{round}"))];
        let write = streams.iter().fold(Write::default(), |write, stream| {
            write.and(stream.clone(), Expected::NoStream, events(2))
        });
        let mut future = Box::pin(store.write(write));
        for _ in 0..round % 3 {
            let polled = poll_fn(|cx| std::task::Poll::Ready(future.as_mut().poll(cx))).await;
            if polled.is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(future);
    }
    let marker = Write::to(stream("marker"), Expected::NoStream, vec![event("end")]);
    store.write(marker).await.expect("the store still writes");
    let all = everything(&store).await;
    for round in 0..60 {
        let of = |name: &str| {
            let stream = stream(format!("{name}{round}"));
            all.iter().filter(|event| event.stream == stream).count()
        };
        let found = (of("a"), of("b"));
        assert!(
            [(0, 0), (2, 2)].contains(&found),
            "never in part: {found:?}"
        );
    }
}

/// Which of the two would be checked first is nothing that a caller could know.
///
/// # Panics
///
/// The store breaks it.
pub async fn a_stream_twice_in_one_write_is_refused<F: Fixture>() {
    let fixture = F::fresh().await;
    let store = fixture.store();
    let stream = stream("twice");
    let write = some(&stream, 1).and(stream.clone(), Expected::Any, events(1));
    let refused = store.write(write).await;
    let named = matches!(&refused, Err(WriteError::Invalid(invalid)) if invalid.field == "stream");
    assert!(named, "the field is named: {refused:?}");
    assert_eq!(version(&store, &stream).await, Version::NONE);
}
