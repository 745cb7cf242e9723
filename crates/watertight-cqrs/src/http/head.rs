use axum::http::{HeaderName, request::Parts};
use uuid::Uuid;
use watertight_core::Deadline;
use watertight_events::{Metadata, new_id};

use super::{
    field::{CONSISTENCY_TOKEN, CORRELATION_ID, one, parsed},
    problem::Problem,
};
use crate::ConsistencyToken;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Who sends a request: your authentication puts it into the request's extensions.
///
/// It goes into the metadata of the events, and idempotency keys are scoped by it. Callers without one share a scope.
///
/// ```
/// use axum::{extract::Request, http::StatusCode, middleware::Next, response::Response};
/// use watertight_cqrs::http::Actor;
///
/// async fn authenticate(mut request: Request, next: Next) -> Result<Response, StatusCode> {
///     let user = verify(request.headers().get("authorization")).ok_or(StatusCode::UNAUTHORIZED)?;
///     request.extensions_mut().insert(Actor(user));
///     Ok(next.run(request).await)
/// }
/// # fn verify(_: Option<&axum::http::HeaderValue>) -> Option<String> { None }
/// # let _ = axum::Router::<()>::new().layer(axum::middleware::from_fn(authenticate));
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Actor(pub String);

/// Where a command or a query comes from, what its sender has seen, and until when the answer is of use.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) metadata: Metadata,
    pub(super) seen: Option<ConsistencyToken>,
    pub(super) deadline: Option<Deadline>,
}

impl Head {
    /// Reads the head of a request.
    pub(super) fn read(parts: &Parts) -> Result<Self, Problem> {
        let headers = &parts.headers;
        let mut metadata = Metadata::root(new_id());
        if let Some(id) = parsed::<Uuid>(headers, &CORRELATION_ID, "a UUID")? {
            metadata = metadata.correlated(id);
        }
        if let Some(traceparent) = one(headers, &TRACEPARENT).ok().flatten()
            && is_traceparent(traceparent)
        {
            metadata = metadata.traced(traceparent);
        }
        if let Some(Actor(actor)) = parts.extensions.get() {
            metadata = metadata.by(actor);
        }
        let carried = parts.extensions.get::<Deadline>().copied();
        Ok(Self {
            metadata,
            seen: parsed(headers, &CONSISTENCY_TOKEN, "a token of an earlier answer")?,
            deadline: Deadline::earliest(carried, Deadline::current()),
        })
    }
}

/// Version, trace, parent and flags, in hexadecimal; later versions may append something.
fn is_traceparent(text: &str) -> bool {
    let parts: Vec<_> = text.split('-').collect();
    let is_hex = |part: &&str| {
        part.bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let lengths: Vec<_> = parts.iter().take(4).map(|part| part.len()).collect();
    lengths == [2, 32, 16, 2]
        && parts.iter().take(4).all(is_hex)
        && parts[0] != "ff"
        && (parts[0] != "00" || parts.len() == 4)
        && text.len() <= 250
        && [parts[1], parts[2]]
            .iter()
            .all(|id| id.bytes().any(|byte| byte != b'0'))
}
