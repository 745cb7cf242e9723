use std::time::Duration;

use super::{
    super::Fixture,
    support::{LONG, claimed, put, step, view},
};
use crate::{EventStore, Position, StoreId, ViewError, ViewStore, new_id};

/// Who may keep it for longer; anybody else hears how long it is.
///
/// # Panics
///
/// The store breaks it.
pub async fn a_view_is_held_by_one_owner<F: Fixture<Store: ViewStore>>() {
    let fixture = F::fresh().await;
    let (store, view) = (fixture.store(), view(1));
    let mine = claimed(&store, &view).await;
    let other = store.claim(&view, store.id(), new_id(), LONG).await;
    match other {
        Err(ViewError::Held { left, .. }) => assert!(left <= LONG && left > LONG / 2),
        other => panic!("another owner holds it, not: {other:?}"),
    }
    let again = store.claim(&view, store.id(), mine.lease.owner, LONG).await;
    let again = again.expect("its owner keeps it");
    assert_eq!(again.lease, mine.lease, "in the same epoch");
    let versions = store.versions("things").await;
    let versions = versions.expect("the store can be read");
    assert!(versions.get(1).is_some_and(|state| state.running));
}

/// And its former owner is fenced, also where the checkpoint is as that one left it.
///
/// # Panics
///
/// The store breaks it.
pub async fn a_lease_that_has_expired_is_anybodys<F: Fixture<Store: ViewStore>>() {
    let fixture = F::fresh().await;
    let (store, view) = (fixture.store(), view(1));
    let claim = store.claim(&view, store.id(), new_id(), Duration::ZERO);
    let former = claim.await.expect("the view is free");
    let versions = store.versions("things").await;
    let versions = versions.expect("the store can be read");
    assert!(versions.get(1).is_some_and(|state| !state.running));
    let save = step(&former, 0, 1, vec![put("a", "1")]);
    store.save(&save).await.expect("nobody took it over");

    let mine = claimed(&store, &view).await;
    assert_eq!(mine.checkpoint.position, Position(1), "where it was left");
    assert!(mine.lease.epoch > former.lease.epoch);
    let late = store.save(&step(&former, 1, 2, vec![put("a", "2")])).await;
    assert!(matches!(late, Err(ViewError::Fenced { .. })), "{late:?}");
    store
        .release(&former.lease, Some("late".into()))
        .await
        .expect("it is no error");
    let save = step(&mine, 1, 2, vec![put("a", "3")]);
    store.save(&save).await.expect("it is still held");
}

/// With why it does not go on, which the next owner clears.
///
/// # Panics
///
/// The store breaks it.
pub async fn a_lease_that_was_given_back_is_anybodys<F: Fixture<Store: ViewStore>>() {
    let fixture = F::fresh().await;
    let (store, view) = (fixture.store(), view(1));
    let former = claimed(&store, &view).await;
    store
        .release(&former.lease, Some("a bad event".into()))
        .await
        .expect("it is given back");
    let late = store.save(&step(&former, 0, 1, vec![])).await;
    assert!(matches!(late, Err(ViewError::Fenced { .. })), "{late:?}");
    let state = async || {
        let versions = store.versions("things").await;
        let versions = versions.expect("the store can be read");
        versions.get(1).cloned().expect("the view is there")
    };
    let stopped = state().await;
    assert_eq!(
        (stopped.running, stopped.why.as_deref()),
        (false, Some("a bad event"))
    );
    claimed(&store, &view).await;
    let goes_on = state().await;
    assert_eq!((goes_on.running, goes_on.why), (true, None));
}

/// Its checkpoint would say nothing of these.
///
/// # Panics
///
/// The store breaks it.
pub async fn a_view_of_other_events_is_refused<F: Fixture<Store: ViewStore>>() {
    let fixture = F::fresh().await;
    let (store, view) = (fixture.store(), view(1));
    let mine = claimed(&store, &view).await;
    store
        .release(&mine.lease, None)
        .await
        .expect("it is given back");
    let other = store.claim(&view, StoreId::fresh(), new_id(), LONG).await;
    let told = matches!(other, Err(ViewError::OtherStore { store: of, .. }) if of == store.id());
    assert!(told, "it tells which: {other:?}");
    claimed(&store, &view).await;
}
