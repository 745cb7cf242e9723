use super::{
    super::Fixture,
    support::{claimed, document, lane, parked, put, step, view},
};
use crate::{Change, Document, Find, Lane, ViewError, ViewStore};

/// Those that are there, and which of the lanes wait.
///
/// # Panics
///
/// The store breaks it.
pub async fn documents_are_loaded_set_wise<F: Fixture<Store: ViewStore>>() {
    let fixture = F::fresh().await;
    let (store, view) = (fixture.store(), view(1));
    let mine = claimed(&store, &view).await;
    let keys: Vec<_> = (0..700).map(|at| format!("k{at}")).collect();
    let changes = keys.iter().map(|key| put(key, key)).collect();
    let mut save = step(&mine, 0, 1, changes);
    save.park.push(parked("k7", 1, Some("bad")));
    save.park.push(parked("missing", 1, Some("bad")));
    store.save(&save).await.expect("it is where it was left");
    let lanes = keys[..600].iter().map(|key| lane(key));
    let others = [lane("missing"), lane("nowhere"), Lane::Stream("k7".into())];
    let lanes: Vec<_> = lanes.chain(others).collect();
    let loaded = store.load(&view, &lanes).await.expect("the view is there");
    assert_eq!(loaded.documents.len(), 600);
    assert_eq!(loaded.documents["k7"], document("k7", "k7"));
    assert_eq!(loaded.held, [lane("k7"), lane("missing")].into());
}

/// Byte by byte, and every document is on one page.
///
/// # Panics
///
/// The store breaks it.
pub async fn pages_are_in_the_order_of_keys<F: Fixture<Store: ViewStore>>() {
    let fixture = F::fresh().await;
    let (store, view) = (fixture.store(), view(1));
    let mine = claimed(&store, &view).await;
    let mut keys: Vec<_> = (0..50).map(|at| format!("k{at}")).collect();
    keys.extend(["Z", "a", "é", "-", " ", "%", "k_"].map(str::to_owned));
    let changes = keys.iter().map(|key| put(key, "same")).collect();
    let saved = store.save(&step(&mine, 0, 1, changes)).await;
    saved.expect("it is where it was left");
    keys.sort_unstable();
    for find in [Find::all(), Find::by("text", "same")] {
        let mut find = find.limit(10);
        let mut listed = Vec::new();
        loop {
            let page = store.find(&view, &find).await.expect("the view is there");
            listed.extend(page.documents.into_iter().map(|it| it.key));
            assert_eq!(page.more, listed.len() < keys.len());
            if !page.more {
                break;
            }
            find = find.after(listed[listed.len() - 1].clone());
        }
        assert_eq!(listed, keys);
    }
}

/// The old value loses what the new one gains, and a deleted document is found nowhere.
///
/// # Panics
///
/// The store breaks it.
pub async fn a_field_finds_what_has_its_value_now<F: Fixture<Store: ViewStore>>() {
    let fixture = F::fresh().await;
    let (store, view) = (fixture.store(), view(1));
    let mine = claimed(&store, &view).await;
    let find = async |value: &str| {
        let found = store.find(&view, &Find::by("text", value)).await;
        let documents = found.expect("the view is there").documents;
        documents.into_iter().map(|it| it.key).collect::<Vec<_>>()
    };
    let changes = vec![
        put("a", "old"),
        put("b", "old"),
        put("c", "old"),
        put("d", "older"),
    ];
    let saved = store.save(&step(&mine, 0, 1, changes)).await;
    saved.expect("it is where it was left");
    assert_eq!(find("old").await, ["a", "b", "c"]);
    let twice = Document::new("d", "")
        .indexed("text", "old")
        .indexed("text", "new");
    let changes = vec![
        put("a", "new"),
        Change::Delete("b".into()),
        Change::Put(twice),
    ];
    let saved = store.save(&step(&mine, 1, 2, changes)).await;
    saved.expect("it is where it was left");
    assert_eq!(find("old").await, ["c", "d"]);
    assert_eq!(find("new").await, ["a", "d"]);
    assert_eq!(find("older").await, [""; 0]);
}

/// Whoever reads it hears that.
///
/// # Panics
///
/// The store breaks it.
pub async fn a_view_that_is_not_there_is_not_empty<F: Fixture<Store: ViewStore>>() {
    let fixture = F::fresh().await;
    let (store, view) = (fixture.store(), view(1));
    let told = |error: Option<ViewError>| matches!(error, Some(ViewError::Unknown { .. }));
    assert!(told(store.load(&view, &[lane("a")]).await.err()));
    assert!(told(store.find(&view, &Find::all()).await.err()));
    assert!(told(store.parked(&view, None, 1).await.err()));
    assert!(told(store.requeue(&view, &lane("a")).await.err()));
    assert!(told(store.requeued(&view, 1).await.err()));
    assert!(told(store.promote(&view).await.err()));
    let versions = store.versions("things").await;
    let versions = versions.expect("the store can be read");
    assert!(versions.active.is_none() && versions.all.is_empty());
}
