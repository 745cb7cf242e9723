use std::borrow::Cow;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use sha2::{Digest, Sha256};
use watertight_events::Version;

use super::{failure::broken, seen::Seen};
use crate::{
    ConsistencyToken, Fresh,
    http::{field::CONSISTENCY_TOKEN, problem::Problem, quoted},
};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// What a cache has is asked for again, or nobody would read what they have written.
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");

/// What a caller is told: the answer as JSON, with how fresh it is.
///
/// Its `ETag` is a hash of it, so what has not changed is not sent again, however much else has happened. An answer about one
/// stream can have the stream's version instead, which is then what `If-Match` of a command asks for.
///
/// ```
/// use axum::routing::MethodRouter;
/// use serde::Serialize;
/// use tower::ServiceExt;
/// use watertight_cqrs::{Fresh, Lookup, QueryHandler, http::{Answer, query_route}};
/// use watertight_events::{Version, ViewStore};
///
/// #[derive(Serialize)]
/// struct User { email: String, version: Version }
///
/// fn user<L, S>(handler: QueryHandler<L, S>) -> MethodRouter
/// where L: Lookup<Query = String, Output = Option<User>>, S: ViewStore {
///     query_route::<String>(handler.map_response(|fresh: Fresh<Option<User>>| {
///         let version = fresh.value.as_ref().map(|user| user.version);
///         Answer::found(fresh, "there is no such user").at(version)
///     }))
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Answer {
    told: Told,
    token: ConsistencyToken,
    version: Option<Version>,
}

#[derive(Clone, Debug)]
enum Told {
    Json(Vec<u8>),
    /// There is no such thing.
    Nothing(Cow<'static, str>),
    /// The value has no JSON.
    Unspeakable,
}

impl Answer {
    /// What was found; or a 404 problem that says what was not.
    pub fn found<T: Serialize>(
        fresh: Fresh<Option<T>>,
        missing: impl Into<Cow<'static, str>>,
    ) -> Self {
        let token = fresh.token();
        match fresh.value {
            Some(value) => Fresh::new(value, token).into(),
            None => Self {
                told: Told::Nothing(missing.into()),
                token,
                version: None,
            },
        }
    }

    /// The same with the version of its stream, if there is one.
    #[must_use]
    pub const fn at(mut self, version: Option<Version>) -> Self {
        self.version = version;
        self
    }

    /// The response; without the body for those who have seen it.
    pub(super) fn respond(self, seen: &Seen) -> Response {
        let ascii = |text: String| HeaderValue::try_from(text).expect("digits and points");
        let mut response = match self.told {
            Told::Unspeakable => return broken().into_response(),
            Told::Nothing(what) => Problem::new(StatusCode::NOT_FOUND, what).into_response(),
            Told::Json(json) => {
                let tag = self.version.map_or_else(|| hash(&json), quoted);
                let mut response = if seen.has(&tag) {
                    StatusCode::NOT_MODIFIED.into_response()
                } else {
                    ([(header::CONTENT_TYPE, JSON)], json).into_response()
                };
                response.headers_mut().insert(header::ETAG, ascii(tag));
                response
            }
        };
        let headers = response.headers_mut();
        headers.insert(CONSISTENCY_TOKEN, ascii(self.token.to_string()));
        headers.insert(header::CACHE_CONTROL, ASK_AGAIN);
        response
    }
}

impl<T: Serialize> From<Fresh<T>> for Answer {
    fn from(fresh: Fresh<T>) -> Self {
        Self {
            told: serde_json::to_vec(&fresh.value).map_or(Told::Unspeakable, Told::Json),
            token: fresh.token(),
            version: None,
        }
    }
}

/// Whatever bytes have the same tag are the same. A letter in front keeps it apart from versions.
fn hash(json: &[u8]) -> String {
    let hash = Sha256::digest(json);
    let start = u128::from_be_bytes(hash[..16].try_into().expect("SHA-256 has 32 bytes"));
    format!("\"h{start:032x}\"")
}
