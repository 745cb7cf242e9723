use std::time::Duration;

use crate::{
    Change, Claimed, Document, EventStore, Find, Lane, Parked, Position, Save, ViewId, ViewStore,
    new_id,
};

pub(super) const LONG: Duration = Duration::from_secs(3600);

pub(super) fn view(version: u32) -> ViewId {
    ViewId::new("things", version)
}

/// Takes a view for a new owner, for long.
pub(super) async fn claimed<S: EventStore + ViewStore>(store: &S, view: &ViewId) -> Claimed {
    let claimed = store.claim(view, store.id(), new_id(), LONG).await;
    claimed.expect("the view is free")
}

pub(super) fn document(key: &str, text: &str) -> Document {
    Document::new(key, text.to_owned()).indexed("text", text)
}

pub(super) fn put(key: &str, text: &str) -> Change {
    Change::Put(document(key, text))
}

/// Moves a checkpoint together with these changes.
pub(super) fn step(claimed: &Claimed, from: u64, to: u64, changes: Vec<Change>) -> Save {
    let mut save = Save::new(claimed.lease.clone(), Position(from), Position(to));
    save.changes = changes;
    save
}

pub(super) fn parked(key: &str, position: u64, why: Option<&str>) -> Parked {
    Parked {
        lane: lane(key),
        position: Position(position),
        why: why.map(Into::into),
    }
}

pub(super) fn lane(key: &str) -> Lane {
    Lane::Key(key.to_owned())
}

/// The keys and bodies of all documents, in order.
pub(super) async fn all(store: &impl ViewStore, view: &ViewId) -> Vec<(String, String)> {
    let found = store.find(view, &Find::all().limit(10_000)).await;
    let documents = found.expect("the view is there").documents;
    let text = |it: &Document| String::from_utf8_lossy(&it.body).into_owned();
    documents
        .iter()
        .map(|it| (it.key.clone(), text(it)))
        .collect()
}

pub(super) async fn position(store: &impl ViewStore, view: &ViewId) -> Position {
    let versions = store.versions(&view.name).await;
    let versions = versions.expect("the store can be read");
    let state = versions.get(view.version).expect("the view is there");
    state.checkpoint.position
}
