use std::str::FromStr;

use axum::http::{HeaderMap, HeaderName, StatusCode, header, request::Parts};
use serde::Serialize;
use uuid::Uuid;
use watertight_core::Deadline;
use watertight_events::{Expected, Metadata, Version, new_id};

use super::{failure::Asked, problem::Problem, receipt::CONSISTENCY_TOKEN};
use crate::{CommandRequest, ConsistencyToken};

pub(super) const CORRELATION_ID: HeaderName = HeaderName::from_static("correlation-id");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The longest key, so that its scope has room beside it.
const MAX_KEY: usize = 255;

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

/// Everything about a command but itself.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) metadata: Metadata,
    pub(super) seen: Option<ConsistencyToken>,
    pub(super) deadline: Option<Deadline>,
    expected: Option<Expected>,
    key: Option<String>,
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
            expected: expected(headers)?,
            key: key(headers)?,
        })
    }

    /// How it was asked for.
    pub(super) const fn asked(&self) -> Asked {
        Asked {
            expected: self.expected,
            by_key: self.key.is_some(),
        }
    }

    /// The request for a command.
    pub(super) fn request<C: Serialize>(self, command: C) -> Result<CommandRequest<C>, Problem> {
        let mut request = CommandRequest::new(command).metadata(self.metadata);
        request.expected = self.expected;
        request.deadline = self.deadline;
        match self.key {
            None => Ok(request),
            Some(key) => request.key(key).map_err(|_| {
                let why = "such a command cannot have an Idempotency-Key";
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, why)
            }),
        }
    }
}

/// A key, as it is or as the quoted string that the header's draft asks for.
fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(text) = one(headers, &IDEMPOTENCY_KEY)? else {
        return Ok(None);
    };
    let bare = text
        .strip_prefix('"')
        .map_or(Some(text), |rest| rest.strip_suffix('"'));
    match bare {
        Some(bare) if !bare.contains(['"', '\\']) && (1..=MAX_KEY).contains(&bare.len()) => {
            Ok(Some(bare.to_owned()))
        }
        _ => Err(malformed(&IDEMPOTENCY_KEY, "1 to 255 characters")),
    }
}

/// Where the stream must be.
fn expected(headers: &HeaderMap) -> Result<Option<Expected>, Problem> {
    let matching = match one(headers, &header::IF_MATCH)? {
        None => None,
        Some("*") => Some(Expected::Exists),
        Some(tag) => Some(Expected::Exact(version(tag).ok_or_else(|| {
            malformed(&header::IF_MATCH, "one ETag of an earlier answer, or *")
        })?)),
    };
    match (matching, one(headers, &header::IF_NONE_MATCH)?) {
        (matching, None) => Ok(matching),
        (None, Some("*")) => Ok(Some(Expected::NoStream)),
        (None, Some(_)) => Err(malformed(&header::IF_NONE_MATCH, "*")),
        (Some(_), Some(_)) => Err(malformed(&header::IF_NONE_MATCH, "no If-Match beside it")),
    }
}

fn version(tag: &str) -> Option<Version> {
    let digits = tag.strip_prefix('"')?.strip_suffix('"')?;
    // `parse` would take a sign.
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok().map(Version))?
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

fn parsed<T: FromStr>(
    headers: &HeaderMap,
    name: &HeaderName,
    wanted: &str,
) -> Result<Option<T>, Problem> {
    one(headers, name)?
        .map(str::parse)
        .transpose()
        .map_err(|_| malformed(name, wanted))
}

/// The value of a header that may be there once.
fn one<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, Problem> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(malformed(name, "only one"));
    }
    let text = value
        .to_str()
        .map_err(|_| malformed(name, "visible ASCII"))?;
    Ok(Some(text.trim()))
}

fn malformed(name: &HeaderName, wanted: &str) -> Problem {
    let why = format!("the header {name} is malformed: expected {wanted}");
    Problem::new(StatusCode::BAD_REQUEST, why)
}
