//! What happened to one user: not a read model, but the stream itself.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use watertight_cqrs::{ConsistencyToken, Decider, Event, Fresh, QueryError};
use watertight_events::{EventStore, StreamId, Version};

use crate::{UserEvent, Users};

/// Events in one answer.
const PAGE: usize = 100;

/// Whose history, and from where on.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct History {
    /// The name in the stream.
    pub id: String,
    /// The last version of the page before.
    #[serde(default)]
    pub after: Version,
}

/// One event of a history.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Entry {
    /// Its place in the stream.
    pub version: Version,
    /// What happened.
    pub event: UserEvent,
}

/// A page of a user's events, oldest first. It has everything that was ever acknowledged, so no token is waited for.
///
/// # Errors
///
/// The store failed, or an event cannot be read.
pub async fn history<E: EventStore>(
    events: &E,
    asked: &History,
) -> Result<Fresh<Vec<Entry>>, QueryError> {
    let token = ConsistencyToken {
        store: events.id(),
        position: *events.head().borrow(),
    };
    let user = StreamId::new(Users::CATEGORY, &asked.id);
    let page = events.read_stream(&user, asked.after, PAGE).await;
    let page = page.map_err(|error| QueryError::Store {
        transient: error.transient,
        message: error.message,
    })?;
    let entries = page.events.iter().map(|recorded| {
        let event = UserEvent::decode(&recorded.event.kind, &recorded.event.payload);
        Ok(Entry {
            version: recorded.version,
            event: event.map_err(|why| QueryError::Codec(Arc::new(why)))?,
        })
    });
    let entries = entries.collect::<Result<_, QueryError>>()?;
    Ok(Fresh::new(entries, token))
}
