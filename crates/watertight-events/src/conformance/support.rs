use crate::{
    EventStore, Expected, Filter, NewEvent, Page, Position, Recorded, StreamId, Version, Write,
};

pub(super) fn stream(key: impl std::fmt::Display) -> StreamId {
    StreamId::new("thing", key)
}

pub(super) fn event(text: impl std::fmt::Display) -> NewEvent {
    NewEvent::new("happened", text.to_string())
}

pub(super) fn events(count: usize) -> Vec<NewEvent> {
    (0..count).map(event).collect()
}

/// Appends so many events to a stream, wherever it is.
pub(super) fn some(stream: &StreamId, count: usize) -> Write {
    Write::to(stream.clone(), Expected::Any, events(count))
}

pub(super) async fn version(store: &impl EventStore, stream: &StreamId) -> Version {
    let page = store.read_stream(stream, Version::NONE, 0).await;
    page.expect("the store can be read").version
}

/// Everything that is in the store, checked to be whole and in order.
pub(super) async fn everything(store: &impl EventStore) -> Vec<Recorded> {
    let mut all = Vec::new();
    let mut after = Position::START;
    loop {
        let page = read(store, after, 97).await;
        after = page.scanned_to;
        all.extend(page.events);
        if page.at_head {
            break;
        }
    }
    for (at, event) in all.iter().enumerate() {
        let expected = Position::START.after(at + 1);
        assert_eq!(event.position, expected, "positions have no gap");
    }
    all
}

pub(super) async fn read(store: &impl EventStore, after: Position, limit: usize) -> Page {
    let page = store.read_all(after, &Filter::all(), limit).await;
    page.expect("the store can be read")
}
