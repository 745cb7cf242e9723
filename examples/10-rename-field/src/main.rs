//! A field of an event is renamed. Version one of the program has written a file; version two reads it through an upcaster,
//! decides upon it, keeps a view of it, and writes on in the new shape. What is stored never changes.
//!
//! Not solved: going back. Version one cannot read what version two has written, and says so.

mod one;
mod two;

use anyhow::{Context, Result};
use serde_json::json;
use tower::ServiceExt;
use watertight_cqrs::{
    CommandError, CommandHandler, CommandRequest, Committed, Projection, ProjectionState, View,
};
use watertight_events::{EventStore, Find, StreamId, Version, ViewStore};
use watertight_sqlite::SqliteStore;

const ADDRESSES: [&str; 2] = ["ann@old.example", "ann@new.example"];

#[tokio::main]
async fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("users.db");

    let store = SqliteStore::open(&file)?;
    version_one(&store).await?;
    let before = stored(&store).await?;
    store.close().await;

    let store = SqliteStore::open(&file)?;
    version_two(&store).await?;
    view(&store).await?;
    let after = stored(&store).await?;
    assert_eq!(after[..2], before, "what is stored never changes");
    let last = json!(["email_changed", 2, { "email": "ann@newest.example" }]);
    assert_eq!(after[2..], [last]);
    println!("the file:    two events as they were, and one in the new shape");

    back_to_version_one(&store).await?;
    store.close().await;
    Ok(())
}

/// The field is called `mail`.
async fn version_one(store: &SqliteStore) -> Result<()> {
    let users = CommandHandler::new(one::Users, store.clone());
    for mail in ADDRESSES {
        let change = one::ChangeMail { mail: mail.into() };
        let done: Committed<_> = users.clone().oneshot(CommandRequest::new(change)).await?;
        assert_eq!(done.events.len(), 1);
    }
    let expected = ADDRESSES.map(|mail| json!(["email_changed", 1, { "mail": mail }]));
    assert_eq!(stored(store).await?, expected);
    println!("version one: two events, with the field `mail`");
    Ok(())
}

/// The field is called `email`, and the handler knows the address of before.
async fn version_two(store: &SqliteStore) -> Result<()> {
    let users = CommandHandler::builder(two::Users, store.clone()).build()?;
    let change = |email: &str| {
        CommandRequest::new(two::ChangeEmail {
            email: email.into(),
        })
    };
    let same = users.clone().oneshot(change(ADDRESSES[1])).await?;
    assert_eq!((same.version, same.events.len()), (Version(2), 0));
    let done = users.oneshot(change("ann@newest.example")).await?;
    assert_eq!(done.version, Version(3));
    println!("version two: the address of before is known, and changed");
    Ok(())
}

/// A view sees the old events and the new one alike.
async fn view(store: &SqliteStore) -> Result<()> {
    let addresses = Projection::<two::Addresses, _, _>::new(store.clone(), store.clone());
    let handle = addresses.handle();
    let running = tokio::spawn(addresses.run());
    let live = handle.until(|it| it.state == ProjectionState::Live && it.lag() == 0);
    assert_eq!(live.await.parked, 0);
    handle.stop();
    running.await??;

    let found = store.find(&two::Addresses::id(), &Find::all()).await?;
    let ann = found.documents.first().context("the document of ann")?;
    let addresses: Vec<String> = serde_json::from_slice(&ann.body)?;
    let expected = [ADDRESSES[0], ADDRESSES[1], "ann@newest.example"];
    assert_eq!(addresses, expected);
    println!("a view:      all three addresses, whatever their field was called");
    Ok(())
}

/// The program of before is told that an event is newer than itself, and decides nothing upon it.
async fn back_to_version_one(store: &SqliteStore) -> Result<()> {
    let users = CommandHandler::new(one::Users, store.clone());
    let mail = "ann@oldest.example".into();
    let change = CommandRequest::new(one::ChangeMail { mail });
    let error = users.oneshot(change).await.expect_err("it cannot be read");
    assert!(matches!(
        &error,
        CommandError::Corrupt {
            version: Version(3),
            ..
        }
    ));
    println!("going back:  {error}");
    Ok(())
}

/// Name, version and payload of every event of the user.
async fn stored(store: &SqliteStore) -> Result<Vec<serde_json::Value>> {
    let ann = StreamId::new("user", "ann");
    let page = store.read_stream(&ann, Version::NONE, 100).await?;
    let events = page.events.iter().map(|recorded| {
        let event = &recorded.event;
        let payload: serde_json::Value = serde_json::from_slice(&event.payload)?;
        Ok(json!([event.kind.as_str(), event.schema, payload]))
    });
    events.collect()
}
