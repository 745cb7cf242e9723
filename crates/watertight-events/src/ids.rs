use std::{
    fmt::{self, Write},
    ops::Deref,
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Invalid;

/// The longest stream id, event kind or consumer name, in bytes.
pub const MAX_TEXT: usize = 250;

/// The name of a stream: `category-key`, such as `user-42`.
///
/// The category is what stands before the first `-`; subscriptions filter by it. Whatever the key holds is one stream:
/// nothing is trimmed, folded or escaped. What no store can hold (nothing, more than [`MAX_TEXT`] bytes, control
/// characters) is refused when it is written.
///
/// ```
/// use watertight_events::StreamId;
///
/// let user = StreamId::new("user", 42);
/// assert_eq!((user.as_str(), user.category(), user.key()), ("user-42", "user", "42"));
/// ```
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct StreamId(Arc<str>);

/// The stored name of an event's type: data, never a path in a program. Cheap to clone, and free to make from a literal.
///
/// ```
/// use watertight_events::Kind;
///
/// let (written, read) = (Kind::from("email_changed"), Kind::from(String::from("email_changed")));
/// assert_eq!(written, read);
/// ```
#[derive(Clone, Debug)]
pub struct Kind(Name);

#[derive(Clone, Debug)]
enum Name {
    Literal(&'static str),
    Shared(Arc<str>),
}

/// How many events a stream has: the first one makes it version 1, and 0 is a stream that is not there.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(transparent)]
pub struct Version(pub u64);

/// The place of an event in the store: 1, 2, 3 without a gap, in the order of the commits.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(transparent)]
pub struct Position(pub u64);

/// Which store it is: made once with the store, and kept in backups of it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(transparent)]
pub struct StoreId(pub Uuid);

impl StreamId {
    /// The stream of this category and key.
    #[must_use]
    pub fn new(category: &str, key: impl fmt::Display) -> Self {
        // Room for a UUID, which most keys are.
        let mut name = String::with_capacity(category.len() + 1 + 36);
        name.push_str(category);
        name.push('-');
        write!(name, "{key}").expect("a string takes all text");
        Self(name.into())
    }

    /// The whole name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the first `-`, or the whole name without one.
    #[must_use]
    pub fn category(&self) -> &str {
        self.0
            .split_once('-')
            .map_or(&*self.0, |(before, _)| before)
    }

    /// What stands after the first `-`; nothing without one.
    #[must_use]
    pub fn key(&self) -> &str {
        self.0.split_once('-').map_or("", |(_, after)| after)
    }
}

impl From<&str> for StreamId {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl From<String> for StreamId {
    fn from(name: String) -> Self {
        Self(name.into())
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Kind {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Name::Literal(name) => name,
            Name::Shared(name) => name,
        }
    }
}

impl Deref for Kind {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Kind {}

impl From<&'static str> for Kind {
    fn from(name: &'static str) -> Self {
        Self(Name::Literal(name))
    }
}

impl From<String> for Kind {
    fn from(name: String) -> Self {
        Self(Name::Shared(name.into()))
    }
}

impl From<Arc<str>> for Kind {
    fn from(name: Arc<str>) -> Self {
        Self(Name::Shared(name))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl Version {
    /// A stream that is not there.
    pub const NONE: Self = Self(0);

    /// The version after so many events more.
    #[must_use]
    pub const fn after(self, events: usize) -> Self {
        Self(self.0 + events as u64)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Position {
    /// Before the first event.
    pub const START: Self = Self(0);

    /// The position after so many events more.
    #[must_use]
    pub const fn after(self, events: usize) -> Self {
        Self(self.0 + events as u64)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StoreId {
    /// A new one, for a new store.
    #[must_use]
    pub fn fresh() -> Self {
        Self(Uuid::now_v7())
    }
}

impl fmt::Display for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Refuses text that some store could not hold, or could not tell from other text.
pub(crate) fn check_text(field: &'static str, text: &str) -> Result<(), Invalid> {
    let why = if text.is_empty() {
        "it is empty"
    } else if text.len() > MAX_TEXT {
        "it is longer than 250 bytes"
    } else if has_control(text) {
        "it has a control character"
    } else {
        return Ok(());
    };
    Err(Invalid::new(field, text, why))
}

fn has_control(text: &str) -> bool {
    // Nearly all names are ASCII, of which a byte tells everything; to the end, because that can be done many at a time.
    if text.is_ascii() {
        let found = |found, byte: u8| found | byte.is_ascii_control();
        return text.bytes().fold(false, found);
    }
    text.chars().any(char::is_control)
}
