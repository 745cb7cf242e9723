use std::time::SystemTime;

use bytes::Bytes;

use crate::{Kind, Metadata, Position, StreamId, Version, new_id};

/// An event before it is stored: bytes under a stored name, and where they come from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewEvent {
    /// The stored name of its type.
    pub kind: Kind,
    /// The version of the payload's shape; upcasters go by it.
    pub schema: u32,
    /// The payload, encoded; the store never looks into it.
    pub payload: Bytes,
    /// Where it comes from; its message id is the event's id.
    pub metadata: Metadata,
}

/// An event as it is in the store. It never changes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Recorded {
    /// Its place in the store.
    pub position: Position,
    /// The stream it is in.
    pub stream: StreamId,
    /// Its place in the stream, 1 for the first.
    pub version: Version,
    /// When the store took it in, by the store's clock. No order follows from it; positions are the order.
    pub recorded_at: SystemTime,
    /// The event.
    pub event: NewEvent,
}

impl NewEvent {
    /// An event that nothing caused, in the first version of its shape.
    ///
    /// ```
    /// use watertight_events::NewEvent;
    ///
    /// let event = NewEvent::new("email_changed", r#"{"email":"a@b.example"}"#);
    /// assert_eq!(event.kind.as_str(), "email_changed");
    /// ```
    pub fn new(kind: impl Into<Kind>, payload: impl Into<Bytes>) -> Self {
        Self {
            kind: kind.into(),
            schema: 1,
            payload: payload.into(),
            metadata: Metadata::root(new_id()),
        }
    }

    /// The same in another version of its shape.
    #[must_use]
    pub const fn schema(mut self, schema: u32) -> Self {
        self.schema = schema;
        self
    }

    /// The same as the consequence of a message.
    #[must_use]
    pub fn caused_by(mut self, cause: &Metadata) -> Self {
        self.metadata = cause.caused(self.metadata.message);
        self
    }
}
