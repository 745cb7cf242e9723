use axum::{
    Json,
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use watertight_events::{StreamId, Version};

use crate::{
    Committed, ConsistencyToken,
    http::{field::CONSISTENCY_TOKEN, quoted},
};

const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// What a caller is told of a command that is done: not its events, which are nobody's business but the service's.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Receipt {
    /// The stream.
    pub stream: StreamId,
    /// Its version, which is also the `ETag`.
    pub version: Version,
    /// The `Consistency-Token`.
    #[serde(skip)]
    pub token: ConsistencyToken,
    /// Whether it was done before: `Idempotent-Replayed`.
    #[serde(skip)]
    pub replayed: bool,
}

impl Receipt {
    /// The same with the later of its own token and the one that the caller has already.
    pub(super) fn not_before(mut self, seen: Option<ConsistencyToken>) -> Self {
        if let Some(seen) = seen
            && seen.store == self.token.store
        {
            self.token.position = self.token.position.max(seen.position);
        }
        self
    }
}

impl<E> From<Committed<E>> for Receipt {
    fn from(committed: Committed<E>) -> Self {
        Self {
            stream: committed.stream,
            version: committed.version,
            token: committed.token,
            replayed: committed.replayed,
        }
    }
}

impl IntoResponse for Receipt {
    fn into_response(self) -> Response {
        let ascii = |text: String| HeaderValue::try_from(text).expect("digits and points");
        let tag = ascii(quoted(self.version));
        let token = ascii(self.token.to_string());
        let replayed = self.replayed;
        let mut response = Json(self).into_response();
        let headers = response.headers_mut();
        headers.insert(header::ETAG, tag);
        headers.insert(CONSISTENCY_TOKEN, token);
        if replayed {
            headers.insert(REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}
