use std::{fmt, str::FromStr};

use watertight_events::{Position, StoreId};

/// A moment in the life of a store: a reader that has got so far sees everything that the writer of the token has written.
///
/// It travels as text, in a header or a cookie.
///
/// ```
/// use watertight_cqrs::ConsistencyToken;
/// use watertight_events::{Position, StoreId};
///
/// let token = ConsistencyToken { store: StoreId::fresh(), position: Position(42) };
/// assert_eq!(token.to_string().parse::<ConsistencyToken>().unwrap(), token);
/// assert!("42".parse::<ConsistencyToken>().is_err());
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct ConsistencyToken {
    /// The store; a token of another one says nothing here.
    pub store: StoreId,
    /// How far it had got.
    pub position: Position,
}

/// A text that is no [`ConsistencyToken`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("no consistency token")]
#[non_exhaustive]
pub struct InvalidToken;

impl fmt::Display for ConsistencyToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.store.0.simple(), self.position)
    }
}

impl FromStr for ConsistencyToken {
    type Err = InvalidToken;

    fn from_str(text: &str) -> Result<Self, InvalidToken> {
        let (store, position) = text.split_once('.').ok_or(InvalidToken)?;
        Ok(Self {
            store: StoreId(store.parse().map_err(|_| InvalidToken)?),
            position: Position(position.parse().map_err(|_| InvalidToken)?),
        })
    }
}
