use futures::future::join_all;

use super::{
    super::Fixture,
    support::{all, claimed, parked, position, put, step, view},
};
use crate::{Change, Document, MAX_DOCUMENT, Position, ViewError, ViewStore};

/// And a save of another position changes neither.
///
/// # Panics
///
/// The store breaks it.
pub async fn documents_and_the_checkpoint_are_saved_together<F: Fixture<Store: ViewStore>>() {
    let fixture = F::fresh().await;
    let (store, view) = (fixture.store(), view(1));
    let mine = claimed(&store, &view).await;
    assert_eq!(mine.checkpoint.position, Position::START);
    let changes = vec![put("a", "1"), put("b", "1"), put("c", "1")];
    let saved = store.save(&step(&mine, 0, 5, changes)).await;
    saved.expect("it is where it was left");

    let mut elsewhere = step(&mine, 4, 6, vec![put("a", "2"), put("d", "2")]);
    elsewhere.park.push(parked("a", 6, Some("bad")));
    let refused = store.save(&elsewhere).await;
    let told = matches!(refused, Err(ViewError::Fenced { actual, .. }) if actual == Position(5));
    assert!(told, "it tells where the checkpoint is: {refused:?}");
    assert_eq!(position(&store, &view).await, Position(5));
    let listed = store.parked(&view, None, 10).await;
    assert_eq!(listed.expect("the view is there"), []);

    let changes = vec![
        put("b", "2"),
        Change::Delete("c".into()),
        Change::Delete("x".into()),
    ];
    let saved = store.save(&step(&mine, 5, 9, changes)).await;
    saved.expect("it is where it was left");
    let left = [("a", "1"), ("b", "2")].map(|(key, text)| (key.to_owned(), text.to_owned()));
    assert_eq!(all(&store, &view).await, left);
    assert_eq!(position(&store, &view).await, Position(9));
}

/// So that sending it again after a lost answer does no harm.
///
/// # Panics
///
/// The store breaks it.
pub async fn a_save_that_was_done_is_fenced<F: Fixture<Store: ViewStore>>() {
    let fixture = F::fresh().await;
    let (store, view) = (fixture.store(), view(1));
    let mine = claimed(&store, &view).await;
    let save = step(&mine, 0, 1, vec![put("a", "1")]);
    store.save(&save).await.expect("it is where it was left");
    let again = store.save(&save).await;
    assert!(matches!(again, Err(ViewError::Fenced { .. })), "{again:?}");
}

/// Under one lease, at the same time.
///
/// # Panics
///
/// The store breaks it.
pub async fn of_many_saves_from_one_checkpoint_one_is_done<F: Fixture<Store: ViewStore>>() {
    let fixture = F::fresh().await;
    let (store, view) = (fixture.store(), view(1));
    let mine = claimed(&store, &view).await;
    let saves = (1..=8).map(|at| {
        let save = step(
            &mine,
            0,
            at,
            vec![put("a", &at.to_string()), put(&format!("k{at}"), "")],
        );
        let store = store.clone();
        tokio::spawn(async move { store.save(&save).await })
    });
    let saves: Vec<_> = saves.collect();
    let mut done = Vec::new();
    for (saved, at) in join_all(saves).await.into_iter().zip(1..) {
        match saved.expect("no save panics") {
            Ok(_) => done.push(at),
            Err(ViewError::Fenced { .. }) => {}
            Err(other) => panic!("it is fenced, not: {other}"),
        }
    }
    assert_eq!(done.len(), 1, "one is done");
    let (key, text) = &all(&store, &view).await[0];
    assert_eq!((&**key, text), ("a", &done[0].to_string()));
    assert_eq!(all(&store, &view).await.len(), 2);
    assert_eq!(position(&store, &view).await, Position(done[0]));
}

/// Keys, fields and sizes.
///
/// # Panics
///
/// The store breaks it.
pub async fn what_no_store_can_hold_is_refused_and_changes_nothing<F: Fixture<Store: ViewStore>>() {
    let fixture = F::fresh().await;
    let (store, view) = (fixture.store(), view(1));
    let mine = claimed(&store, &view).await;
    let bad = [
        put("", "x"),
        put("nul \0", "x"),
        Change::Put(Document::new("a", "").indexed("field", "nul \0")),
        Change::Put(Document::new("a", "").indexed("", "x")),
        Change::Put(Document::new("a", "").indexed("field", "x".repeat(2_000))),
        Change::Put(Document::new("a", vec![b'x'; MAX_DOCUMENT + 1])),
    ];
    for bad in bad {
        let refused = store
            .save(&step(&mine, 0, 1, vec![put("good", "x"), bad]))
            .await;
        let named = matches!(
            refused,
            Err(ViewError::Invalid(_) | ViewError::TooLarge { .. })
        );
        assert!(named, "it is named: {refused:?}");
    }
    assert_eq!(all(&store, &view).await, []);
    let hostile = ["'; DROP TABLE documents", "%", "ключ", "a b", "A", "a"];
    let changes = hostile.map(|key| put(key, key)).to_vec();
    let saved = store.save(&step(&mine, 0, 1, changes)).await;
    saved.expect("whatever else a key holds is a document");
    assert_eq!(all(&store, &view).await.len(), hostile.len());
}

/// Closed and opened again.
///
/// # Panics
///
/// The store breaks it.
pub async fn a_view_outlives_the_store<F: Fixture<Store: ViewStore>>() {
    let fixture = F::fresh().await;
    let (store, view) = (fixture.store(), view(1));
    let mine = claimed(&store, &view).await;
    let mut save = step(&mine, 0, 7, vec![put("a", "1")]);
    save.park.push(parked("b", 7, Some("bad")));
    store.save(&save).await.expect("it is where it was left");
    let before = all(&store, &view).await;
    drop(store);
    let Some(fixture) = fixture.reopen().await else {
        return;
    };
    let store = fixture.store();
    assert_eq!(all(&store, &view).await, before);
    assert_eq!(position(&store, &view).await, Position(7));
    let listed = store.parked(&view, None, 10).await;
    assert_eq!(listed.expect("the view is there"), save.park);
    let versions = store.versions("things").await;
    assert_eq!(versions.expect("the store can be read").active, Some(1));
}
