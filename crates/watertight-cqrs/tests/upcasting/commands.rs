//! Commands decided upon events of the past.

use serde_json::json;
use tower::ServiceExt;
use watertight_cqrs::{CommandError, CommandHandler, CommandRequest};
use watertight_events::{EventStore, Filter, MemoryStore, NewEvent, Position, Version};

use crate::members::{Members, changed, moved, old, record};

async fn past(store: &MemoryStore) -> Vec<NewEvent> {
    let page = store.read_all(Position::START, &Filter::all(), 100).await;
    page.unwrap()
        .events
        .into_iter()
        .map(|it| it.event)
        .collect()
}

#[tokio::test]
async fn versions_are_those_of_what_is_stored() {
    let store = MemoryStore::new();
    let events = vec![
        old("joined", 1, &json!({ "nick": "ann" })),
        changed("bob", "ulm"),
        old("greeted", 1, &json!("hello")),
    ];
    record(&store, events).await;
    let members = CommandHandler::new(Members, store.clone());
    let done = members.clone().oneshot(CommandRequest::new("bonn")).await;
    let done = done.unwrap();
    assert_eq!(
        (done.version, done.token.position),
        (Version(4), Position(4))
    );
    // Three events of the past: one was split in two, and one was dropped.
    assert_eq!(done.events, [moved("bonn after 3")]);
    let again = members.oneshot(CommandRequest::new("kiel")).await.unwrap();
    assert_eq!(again.events, [moved("kiel after 4")]);

    let cold = CommandHandler::new(Members, store);
    let done = cold.oneshot(CommandRequest::new("jena")).await.unwrap();
    assert_eq!(
        (done.version, done.events),
        (Version(6), vec![moved("jena after 5")])
    );
}

#[tokio::test]
async fn what_is_stored_never_changes() {
    let store = MemoryStore::new();
    let events = vec![changed("bob", "ulm"), old("greeted", 1, &json!("hello"))];
    record(&store, events).await;
    let before = past(&store).await;
    let members = CommandHandler::new(Members, store.clone());
    members.oneshot(CommandRequest::new("bonn")).await.unwrap();
    assert_eq!(past(&store).await[..2], before);
}

#[tokio::test]
async fn an_answer_is_replayed_in_todays_shape() {
    let store = MemoryStore::new();
    let members = CommandHandler::new(Members, store);
    let send = || CommandRequest::new("bonn").key("one").unwrap();
    let first = members.clone().oneshot(send()).await.unwrap();
    let again = members.oneshot(send()).await.unwrap();
    assert!(again.replayed);
    assert_eq!(again.events, first.events);
}

#[tokio::test]
async fn what_cannot_be_read_is_told_by_its_version_and_nothing_is_decided() {
    let bad = [
        NewEvent::new("joined", "no JSON"),
        NewEvent::new("danced", "{}"),
        old("moved", 2, &json!({ "city": "ulm" })),
    ];
    for bad in bad {
        let store = MemoryStore::new();
        record(&store, vec![changed("bob", "ulm"), bad.clone()]).await;
        let members = CommandHandler::new(Members, store.clone());
        let error = members.oneshot(CommandRequest::new("bonn")).await;
        let error = error.unwrap_err();
        let told = matches!(
            &error,
            CommandError::Corrupt {
                version: Version(2),
                ..
            }
        );
        assert!(told, "{error:?}");
        assert_eq!(past(&store).await.len(), 2);
    }
}
