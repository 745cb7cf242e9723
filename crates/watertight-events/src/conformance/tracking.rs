use futures::future::join_all;

use super::{
    Fixture,
    support::{events, everything, some, stream},
};
use crate::{EventStore, Expected, Position, Tracking, Write, WriteError};

fn step(from: u64, to: u64, epoch: u64) -> Tracking {
    Tracking {
        consumer: "mailer".into(),
        from: Position(from),
        to: Position(to),
        epoch,
    }
}

fn is_fenced_at<T>(answer: &Result<T, WriteError>, position: u64) -> bool {
    matches!(answer, Err(WriteError::Fenced { actual, .. }) if *actual == Position(position))
}

/// Its position and its events stand or fall together.
///
/// # Panics
///
/// The store breaks it.
pub async fn a_consumer_moves_in_the_commit_of_what_it_emits<F: Fixture>() {
    let fixture = F::fresh().await;
    let store = fixture.store();
    for from in 0..5 {
        let emit = some(&stream("mail"), 1).tracking(step(from, from + 1, 1));
        store.write(emit).await.expect("it is where it was left");
    }
    let quiet = Write::default().tracking(step(5, 90, 1));
    store.write(quiet).await.expect("it may emit nothing");
    let late = store.write(Write::default().tracking(step(5, 91, 1))).await;
    assert!(is_fenced_at(&late, 90), "{late:?}");
    assert_eq!(everything(&store).await.len(), 5);
}

/// Two runs that both stand at the start: one moves on.
///
/// # Panics
///
/// The store breaks it.
pub async fn a_consumer_that_was_moved_meanwhile_is_fenced<F: Fixture>() {
    let fixture = F::fresh().await;
    let store = fixture.store();
    let emit = |_| store.write(some(&stream("mail"), 1).tracking(step(0, 1, 1)));
    let answers = join_all((0..8).map(emit)).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert_eq!(
        answers
            .iter()
            .filter(|answer| is_fenced_at(answer, 1))
            .count(),
        7
    );
    assert_eq!(everything(&store).await.len(), 1, "nobody emits twice");
}

/// Also where it stands at the right position.
///
/// # Panics
///
/// The store breaks it.
pub async fn an_older_run_of_a_consumer_is_fenced<F: Fixture>() {
    let fixture = F::fresh().await;
    let store = fixture.store();
    let step = |from, to, epoch| store.write(Write::default().tracking(step(from, to, epoch)));
    step(0, 1, 3).await.expect("the first run that writes");
    let older = step(1, 2, 2).await;
    assert!(is_fenced_at(&older, 1), "{older:?}");
    step(1, 2, 4).await.expect("a later run takes over");
    let former = step(2, 3, 3).await;
    assert!(is_fenced_at(&former, 2), "{former:?}");
}

/// And it can try again.
///
/// # Panics
///
/// The store breaks it.
pub async fn a_conflict_leaves_the_consumer_where_it_was<F: Fixture>() {
    let fixture = F::fresh().await;
    let store = fixture.store();
    let emit = |expected| {
        let write = Write::to(stream("mail"), expected, events(1));
        store.write(write.tracking(step(0, 1, 1)))
    };
    let refused = emit(Expected::Exists).await;
    assert!(matches!(refused, Err(WriteError::Conflict { .. })));
    emit(Expected::NoStream).await.expect("it has not moved");
}
