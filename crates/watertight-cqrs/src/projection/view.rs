use std::time::SystemTime;

use serde::{Serialize, de::DeserializeOwned};
use watertight_events::{Filter, Metadata, Position, Recorded, StreamId, Version, ViewId};

use crate::{CodecError, Event, codec};

/// A read model: a pure fold of events into documents, each under a key and found by indexed fields.
///
/// One document is changed by the events that name its key, in their order, and by nothing else. So the documents of a whole
/// batch are read and written at once, on every store, and a rebuild comes to the same. What changes the fold raises
/// [`VERSION`](Self::VERSION). The name never changes.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use watertight_cqrs::{Event, Fact, View};
/// use watertight_events::{Position, StreamId};
///
/// #[derive(Deserialize, Serialize)]
/// enum UserEvent { Created { email: String }, EmailChanged { email: String }, Removed }
///
/// #[derive(Debug, Deserialize, PartialEq, Serialize)]
/// struct User { email: String }
///
/// impl Event for UserEvent {}
///
/// struct Users;
///
/// impl View for Users {
///     type Event = UserEvent;
///     type Document = User;
///     const NAME: &'static str = "users";
///     const VERSION: u32 = 1;
///
///     fn keys(fact: &Fact<UserEvent>) -> Vec<String> {
///         vec![fact.stream.key().to_owned()]
///     }
///
///     fn apply(_: &str, _: Option<User>, fact: &Fact<UserEvent>) -> Option<User> {
///         match &fact.event {
///             UserEvent::Created { email } | UserEvent::EmailChanged { email } => Some(User { email: email.clone() }),
///             UserEvent::Removed => None,
///         }
///     }
///
///     fn index(user: &User) -> Vec<(&'static str, String)> {
///         vec![("domain", user.email.split('@').next_back().unwrap_or_default().to_owned())]
///     }
/// }
///
/// let created = Fact::new(StreamId::new("user", 42), Position(1), UserEvent::Created { email: "a@b.example".into() });
/// assert_eq!(Users::keys(&created), ["42"]);
/// assert_eq!(Users::apply("42", None, &created), Some(User { email: "a@b.example".into() }));
/// ```
pub trait View: Send + Sync + 'static {
    /// The events it is made of; of others the store is not asked. It may have variants of several deciders' events.
    type Event: Event;
    /// What is under a key.
    type Document: DeserializeOwned + Serialize + Send;

    /// Its name, which all versions share.
    const NAME: &'static str;
    /// The version of the fold.
    const VERSION: u32;
    /// Categories of the streams it is made of; all, if it names none.
    const CATEGORIES: &'static [&'static str] = &[];

    /// The documents that an event changes.
    fn keys(fact: &Fact<Self::Event>) -> Vec<String>;

    /// The document after an event; nothing, if there is none any more. A panic is as good as an event that cannot be read.
    fn apply(
        key: &str,
        document: Option<Self::Document>,
        fact: &Fact<Self::Event>,
    ) -> Option<Self::Document>;

    /// The fields by which a document is found, with their values.
    #[must_use]
    fn index(_document: &Self::Document) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// Its name and version.
    #[must_use]
    fn id() -> ViewId {
        ViewId::new(Self::NAME, Self::VERSION)
    }

    /// The events that are read for it.
    #[must_use]
    fn filter() -> Filter {
        let filter = codec::filter::<Self::Event>();
        let categories = Self::CATEGORIES.iter().copied();
        categories.fold(filter, Filter::category)
    }
}

/// An event that has happened, with where and when.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Fact<E> {
    /// What happened.
    pub event: E,
    /// Which one it is of those that one stored event was split into; 0 for the first, or the only one.
    pub part: usize,
    /// Its place in the store.
    pub position: Position,
    /// The stream it is in.
    pub stream: StreamId,
    /// Its place in the stream.
    pub version: Version,
    /// When the store took it in.
    pub recorded_at: SystemTime,
    /// Where it comes from.
    pub metadata: Metadata,
}

impl<E> Fact<E> {
    /// An event as it could be in a store, for tests of a view: the first of its stream, in 1970, caused by nothing.
    #[must_use]
    pub fn new(stream: StreamId, position: Position, event: E) -> Self {
        Self {
            event,
            part: 0,
            position,
            stream,
            version: Version(1),
            recorded_at: SystemTime::UNIX_EPOCH,
            metadata: Metadata::root(watertight_events::new_id()),
        }
    }
}

impl<E: Event> Fact<E> {
    /// What a stored event comes to, all of it at its place: see [`Event::read`].
    ///
    /// # Errors
    ///
    /// What [`Event::read`] says.
    pub fn read(recorded: &Recorded) -> Result<Vec<Self>, CodecError> {
        let events = E::read(&recorded.event)?.into_iter();
        let facts = events.enumerate().map(|(part, event)| Self {
            event,
            part,
            position: recorded.position,
            stream: recorded.stream.clone(),
            version: recorded.version,
            recorded_at: recorded.recorded_at,
            metadata: recorded.event.metadata.clone(),
        });
        Ok(facts.collect())
    }
}
