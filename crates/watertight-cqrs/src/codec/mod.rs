//! Events as a stored name and a JSON payload.

mod chain;
mod error;
mod read;
mod upcast;
mod write;

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};
use watertight_events::{Filter, Kind, NewEvent};

pub use self::{
    error::{CodecError, UpcasterError},
    upcast::{Steps, Upcast, Upcasters},
};
use self::{read::Stored, write::Variants};

/// The events of a decider: an enum whose variants have stored names.
///
/// The name is the variant's as serde has it, and the payload is what is in the variant, as JSON. So neither names a Rust
/// type: a variant is renamed by `#[serde(rename = "...")]`, and its name stays what it was.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use watertight_cqrs::Event;
///
/// #[derive(Debug, Deserialize, PartialEq, Serialize)]
/// #[serde(rename_all = "snake_case")]
/// enum UserEvent {
///     UserCreated { email: String },
///     EmailChanged { email: String },
/// }
///
/// impl Event for UserEvent {}
///
/// let event = UserEvent::EmailChanged { email: "a@b.example".into() };
/// let stored = event.encode().unwrap();
/// assert_eq!(stored.kind.as_str(), "email_changed");
/// assert_eq!(stored.payload, r#"{"email":"a@b.example"}"#);
/// assert_eq!(UserEvent::decode("email_changed", &stored.payload).unwrap(), event);
/// assert_eq!(UserEvent::kinds(), ["user_created", "email_changed"]);
/// ```
pub trait Event: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// How stored events of the past become these; none unless a shape was changed.
    #[must_use]
    fn upcasters() -> &'static Upcasters {
        Upcasters::none()
    }

    /// The version of the shape that events of this stored name have now: the one that the upcasters lead to.
    #[must_use]
    fn schema(kind: &str) -> u32 {
        Self::upcasters().latest(kind)
    }

    /// The stored names of all variants.
    #[must_use]
    fn kinds() -> &'static [&'static str] {
        read::kinds::<Self>()
    }

    /// The stored form.
    ///
    /// # Errors
    ///
    /// The type is no enum, or something in it has no JSON.
    fn encode(&self) -> Result<Encoded, CodecError> {
        let mut payload = Vec::with_capacity(128);
        let mut json = serde_json::Serializer::new(&mut payload);
        let kind = self.serialize(Variants(&mut json))?;
        Ok(Encoded {
            kind: kind.into(),
            schema: Self::schema(kind),
            // Without the room that was too much, which would be kept for as long as the event.
            payload: payload.into_boxed_slice().into(),
        })
    }

    /// The event of a stored form in its present shape.
    ///
    /// # Errors
    ///
    /// No variant has the name, or the payload is not what that variant holds.
    fn decode(kind: &str, payload: &[u8]) -> Result<Self, CodecError> {
        let mut content = serde_json::Deserializer::from_slice(payload);
        let stored = Stored {
            kind,
            content: &mut content,
        };
        let event = Self::deserialize(stored)?;
        content.end()?;
        Ok(event)
    }

    /// The events that a stored one comes to, in their order: most often one, none or several where upcasters say so.
    ///
    /// # Errors
    ///
    /// It is of a newer version than this program knows, an upcaster does not take it, or its present shape cannot be decoded.
    fn read(stored: &NewEvent) -> Result<Vec<Self>, CodecError> {
        Self::upcasters().chain()?.read(stored)
    }
}

/// The stored form of an event.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Encoded {
    /// The stored name.
    pub kind: Kind,
    /// The version of the payload's shape.
    pub schema: u32,
    /// What is in the variant, as JSON.
    pub payload: Bytes,
}

impl From<Encoded> for NewEvent {
    fn from(encoded: Encoded) -> Self {
        Self::new(encoded.kind, encoded.payload).schema(encoded.schema)
    }
}

/// Lets through what is stored as these events, and what becomes one of them.
pub(crate) fn filter<E: Event>() -> Filter {
    let (kinds, olds) = (E::kinds(), E::upcasters().sources());
    let olds = olds.filter(|old| !kinds.is_empty() && !kinds.contains(old));
    let kinds = kinds.iter().copied().chain(olds);
    kinds.fold(Filter::all(), Filter::kind)
}
