use super::{
    super::Fixture,
    support::{all, claimed, put, step, view},
};
use crate::{Position, ViewError, ViewId, ViewStore};

async fn active(store: &impl ViewStore) -> Option<u32> {
    let versions = store.versions("things").await;
    versions.expect("the store can be read").active
}

/// Each with documents and a checkpoint of its own; the first one is read.
///
/// # Panics
///
/// The store breaks it.
pub async fn versions_stand_side_by_side<F: Fixture<Store: ViewStore>>() {
    let fixture = F::fresh().await;
    let store = fixture.store();
    for (version, other) in [(1, "things"), (2, "things"), (1, "things2")] {
        let view = ViewId::new(other, version);
        let mine = claimed(&store, &view).await;
        assert_eq!(mine.checkpoint.position, Position::START);
        let text = format!("{view}");
        let saved = store
            .save(&step(&mine, 0, u64::from(version), vec![put("a", &text)]))
            .await;
        saved.expect("it is where it was left");
    }
    for view in [view(1), view(2), ViewId::new("things2", 1)] {
        let text = format!("{view}");
        assert_eq!(all(&store, &view).await, [("a".to_owned(), text)]);
    }
    let versions = store.versions("things").await;
    let versions = versions.expect("the store can be read");
    let positions = versions
        .all
        .iter()
        .map(|it| (it.view.version, it.checkpoint.position.0));
    assert_eq!(positions.collect::<Vec<_>>(), [(1, 1), (2, 2)]);
    assert_eq!((versions.active, versions.before), (Some(1), None));
}

/// Else readers would go back in time.
///
/// # Panics
///
/// The store breaks it.
pub async fn a_version_is_promoted_once_it_has_caught_up<F: Fixture<Store: ViewStore>>() {
    let fixture = F::fresh().await;
    let store = fixture.store();
    let (one, two) = (
        claimed(&store, &view(1)).await,
        claimed(&store, &view(2)).await,
    );
    let move_on = async |claimed, from, to| {
        let saved = store.save(&step(claimed, from, to, vec![])).await;
        saved.expect("it is where it was left");
    };
    move_on(&one, 0, 9).await;
    move_on(&two, 0, 8).await;
    match store.promote(&view(2)).await {
        Err(ViewError::Behind { actual, active, .. }) => {
            assert_eq!((actual, active), (Position(8), Position(9)));
        }
        other => panic!("it is behind, not: {other:?}"),
    }
    assert_eq!(active(&store).await, Some(1));
    move_on(&two, 8, 9).await;
    for _ in 0..2 {
        store.promote(&view(2)).await.expect("it has caught up");
        let versions = store.versions("things").await;
        let versions = versions.expect("the store can be read");
        assert_eq!((versions.active, versions.before), (Some(2), Some(1)));
    }
}

/// Whatever has become of the one before.
///
/// # Panics
///
/// The store breaks it.
pub async fn a_promotion_can_be_taken_back_once<F: Fixture<Store: ViewStore>>() {
    let fixture = F::fresh().await;
    let store = fixture.store();
    claimed(&store, &view(1)).await;
    let nothing = store.roll_back("things").await;
    assert!(matches!(nothing, Err(ViewError::NothingBefore { .. })));
    let two = claimed(&store, &view(2)).await;
    store.promote(&view(2)).await.expect("it has caught up");
    let saved = store.save(&step(&two, 0, 5, vec![])).await;
    saved.expect("it is where it was left");
    assert_eq!(store.roll_back("things").await.expect("there was one"), 1);
    assert_eq!(active(&store).await, Some(1));
    let twice = store.roll_back("things").await;
    assert!(matches!(twice, Err(ViewError::NothingBefore { .. })));
}

/// And what comes later under its name begins anew.
///
/// # Panics
///
/// The store breaks it.
pub async fn a_version_is_erased_unless_it_is_in_use<F: Fixture<Store: ViewStore>>() {
    let fixture = F::fresh().await;
    let store = fixture.store();
    let one = claimed(&store, &view(1)).await;
    let two = claimed(&store, &view(2)).await;
    let saved = store.save(&step(&two, 0, 5, vec![put("a", "2")])).await;
    saved.expect("it is where it was left");
    store.release(&one.lease, None).await.expect("it is free");
    let read = store.erase(&view(1)).await;
    assert!(matches!(read, Err(ViewError::Active { .. })), "{read:?}");
    let written = store.erase(&view(2)).await;
    assert!(
        matches!(written, Err(ViewError::Held { .. })),
        "{written:?}"
    );
    store.release(&two.lease, None).await.expect("it is free");
    for _ in 0..2 {
        store.erase(&view(2)).await.expect("nobody uses it");
    }
    let late = store.save(&step(&two, 5, 6, vec![put("a", "2")])).await;
    assert!(matches!(late, Err(ViewError::Fenced { .. })), "{late:?}");
    let anew = claimed(&store, &view(2)).await;
    assert_eq!(anew.checkpoint.position, Position::START);
    assert_eq!(all(&store, &view(2)).await, []);
    let late = store.save(&step(&two, 0, 6, vec![put("a", "2")])).await;
    assert!(matches!(late, Err(ViewError::Fenced { .. })), "{late:?}");
}
