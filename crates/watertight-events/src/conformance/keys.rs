use std::time::Duration;

use futures::future::join_all;

use super::{
    Fixture,
    support::{events, everything, some, stream},
};
use crate::{EventStore, Expected, Key, Version, Write, WriteError};

/// Ten at once, and once more later.
///
/// # Panics
///
/// The store breaks it.
pub async fn a_key_is_done_once_however_often_it_is_sent<F: Fixture>() {
    let fixture = F::fresh().await;
    let store = fixture.store();
    let send = |_| store.write(some(&stream("once"), 2).under(Key::new("shop/order/1", 7)));
    let answers = join_all((0..10).map(send)).await;
    let mut answers: Vec<_> = answers
        .into_iter()
        .map(|answer| answer.expect("it is done, now or before"))
        .collect();
    let fresh = answers.iter().filter(|answer| !answer.replayed).count();
    assert_eq!(fresh, 1, "done once");
    answers.push(send(10).await.expect("it was done before"));
    for answer in &answers {
        assert_eq!(answer.streams, answers[0].streams, "the same answer");
        assert_eq!(answer.position, answers[0].position);
    }
    assert_eq!(everything(&store).await.len(), 2);
}

/// The fingerprint differs.
///
/// # Panics
///
/// The store breaks it.
pub async fn a_key_of_another_command_is_a_mismatch<F: Fixture>() {
    let fixture = F::fresh().await;
    let store = fixture.store();
    let write = |fingerprint| some(&stream("key"), 1).under(Key::new("k", fingerprint));
    store.write(write(1)).await.expect("it is written");
    let other = store.write(write(2)).await;
    assert!(matches!(other, Err(WriteError::KeyMismatch)), "{other:?}");
    let asked = store.answer(&Key::new("k", 2)).await;
    assert!(matches!(asked, Err(WriteError::KeyMismatch)), "{asked:?}");
    assert_eq!(everything(&store).await.len(), 1);
}

/// Whoever sends a command again expects its answer, although the stream has moved on.
///
/// # Panics
///
/// The store breaks it.
pub async fn a_key_comes_before_a_conflict<F: Fixture>() {
    let fixture = F::fresh().await;
    let store = fixture.store();
    let stream = stream("again");
    let create = || {
        let write = Write::to(stream.clone(), Expected::NoStream, events(1));
        write.under(Key::new("create", 1))
    };
    store.write(create()).await.expect("it is written");
    store.write(some(&stream, 5)).await.expect("it is written");
    let again = store.write(create()).await.expect("it was done before");
    assert!(again.replayed);
    assert_eq!(
        (again.version(), again.streams[0].before),
        (Version(1), Version::NONE)
    );
}

/// A command that was accepted without any event is done as well.
///
/// # Panics
///
/// The store breaks it.
pub async fn a_write_of_nothing_keeps_its_key<F: Fixture>() {
    let fixture = F::fresh().await;
    let store = fixture.store();
    let key = Key::new("nothing", 1);
    let nothing = || Write::default().under(key.clone());
    assert_eq!(store.answer(&key).await.expect("it can be asked"), None);
    assert!(!store.write(nothing()).await.expect("it is kept").replayed);
    assert!(store.write(nothing()).await.expect("it is kept").replayed);
    let kept = store.answer(&key).await.expect("it can be asked");
    assert!(kept.is_some_and(|kept| kept.replayed && kept.streams.is_empty()));
}

/// What failed may be tried again under the same key.
///
/// # Panics
///
/// The store breaks it.
pub async fn a_refused_write_keeps_no_key<F: Fixture>() {
    let fixture = F::fresh().await;
    let store = fixture.store();
    let key = Key::new("refused", 1);
    let write = |expected| Write::to(stream("late"), expected, events(1)).under(key.clone());
    let refused = store.write(write(Expected::Exists)).await;
    assert!(matches!(refused, Err(WriteError::Conflict { .. })));
    assert_eq!(store.answer(&key).await.expect("it can be asked"), None);
    let done = store.write(write(Expected::NoStream)).await;
    assert!(!done.expect("nothing stands in the way").replayed);
}

/// A key that is kept for no time is forgotten at once.
///
/// # Panics
///
/// The store breaks it.
pub async fn a_key_that_has_expired_is_forgotten<F: Fixture>() {
    let fixture = F::fresh().await;
    let store = fixture.store();
    let key = Key {
        keep: Duration::ZERO,
        ..Key::new("short", 1)
    };
    for round in 1..=2 {
        let write = some(&stream("short"), 1).under(key.clone());
        let done = store.write(write).await.expect("it is written");
        assert!(!done.replayed, "round {round}");
        assert_eq!(store.answer(&key).await.expect("it can be asked"), None);
    }
    assert_eq!(everything(&store).await.len(), 2);
}

/// The answer is in the same commit as the events.
///
/// # Panics
///
/// The store breaks it.
pub async fn a_key_outlives_the_store<F: Fixture>() {
    let fixture = F::fresh().await;
    let write = || some(&stream("kept"), 3).under(Key::new("kept", 1));
    let done = fixture.store().write(write()).await.expect("it is written");
    let Some(fixture) = fixture.reopen().await else {
        return;
    };
    let again = fixture.store().write(write()).await;
    let again = again.expect("it was done before");
    assert!(again.replayed);
    assert_eq!(
        (again.streams, again.position),
        (done.streams, done.position)
    );
    assert_eq!(everything(&fixture.store()).await.len(), 3);
}
