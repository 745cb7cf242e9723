use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Where a message comes from: who caused it, and what belongs together.
///
/// Correlation and causation are always filled. A chain of messages shares one correlation id; each names the message that
/// caused it.
///
/// ```
/// use watertight_events::{Metadata, new_id};
///
/// let command = Metadata::root(new_id());
/// let event = command.caused(new_id());
/// assert_eq!(event.correlation, command.correlation);
/// assert_eq!(event.causation, command.message);
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Metadata {
    /// The message's own id.
    pub message: Uuid,
    /// The same for everything that one request set off.
    pub correlation: Uuid,
    /// The message that caused this one; its own id if none did.
    pub causation: Uuid,
    /// What only some messages have; shared, because the events of one command have the same.
    pub context: Option<Arc<Context>>,
}

/// What only some messages have.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Context {
    /// The W3C trace context it was made in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// Who asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Anything else.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}

#[derive(Deserialize, Serialize)]
struct Stored {
    correlation: Uuid,
    causation: Uuid,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    context: Option<Arc<Context>>,
}

/// A new id: a UUIDv7, so that ids made later sort later and indexes stay dense.
#[must_use]
pub fn new_id() -> Uuid {
    Uuid::now_v7()
}

impl Metadata {
    /// Of a message that nothing caused.
    #[must_use]
    pub const fn root(message: Uuid) -> Self {
        Self {
            message,
            correlation: message,
            causation: message,
            context: None,
        }
    }

    /// Of a message that this one caused.
    #[must_use]
    pub fn caused(&self, message: Uuid) -> Self {
        Self {
            message,
            correlation: self.correlation,
            causation: self.message,
            context: self.context.clone(),
        }
    }

    /// The same within a correlation that came from elsewhere.
    #[must_use]
    pub const fn correlated(mut self, correlation: Uuid) -> Self {
        self.correlation = correlation;
        self
    }

    /// The same with who asked for it.
    #[must_use]
    pub fn by(self, actor: impl Into<String>) -> Self {
        let actor = actor.into();
        self.with(|context| context.actor = Some(actor))
    }

    /// The same with its W3C trace context.
    #[must_use]
    pub fn traced(self, traceparent: impl Into<String>) -> Self {
        let traceparent = traceparent.into();
        self.with(|context| context.traceparent = Some(traceparent))
    }

    /// The same with one more header.
    #[must_use]
    pub fn header(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let (name, value) = (name.into(), value.into());
        self.with(|context| {
            context.headers.insert(name, value);
        })
    }

    /// Who asked for it, if that is known.
    #[must_use]
    pub fn actor(&self) -> Option<&str> {
        self.context.as_ref()?.actor.as_deref()
    }

    /// Its W3C trace context, if it has one.
    #[must_use]
    pub fn traceparent(&self) -> Option<&str> {
        self.context.as_ref()?.traceparent.as_deref()
    }

    /// Everything but the message's own id, as the JSON that stores keep beside the id.
    #[must_use]
    pub fn to_stored(&self) -> Vec<u8> {
        let stored = Stored {
            correlation: self.correlation,
            causation: self.causation,
            context: self.context.clone(),
        };
        serde_json::to_vec(&stored).expect("ids and text have a JSON")
    }

    /// The metadata of a message from what [`to_stored`](Self::to_stored) made.
    ///
    /// # Errors
    ///
    /// It is something else.
    pub fn from_stored(message: Uuid, stored: &[u8]) -> serde_json::Result<Self> {
        let Stored {
            correlation,
            causation,
            context,
        } = serde_json::from_slice(stored)?;
        Ok(Self {
            message,
            correlation,
            causation,
            context,
        })
    }

    /// Bytes that it carries along beside the ids.
    pub(crate) fn size(&self) -> usize {
        let Some(context) = &self.context else {
            return 0;
        };
        let Context {
            traceparent,
            actor,
            headers,
        } = &**context;
        let headers = headers.iter().map(|(name, value)| name.len() + value.len());
        let single = [traceparent, actor].into_iter().flatten().map(String::len);
        headers.chain(single).sum()
    }

    fn with(mut self, change: impl FnOnce(&mut Context)) -> Self {
        change(Arc::make_mut(self.context.get_or_insert_default()));
        self
    }
}
