use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use serde::Serialize;
use watertight_events::{Expected, Version};

use super::failure::Asked;
use crate::{
    CommandRequest,
    http::{
        field::{malformed, one},
        head::Head,
        problem::Problem,
    },
};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The longest key, so that its scope has room beside it.
const MAX_KEY: usize = 255;

/// On which conditions a command is to be done.
#[derive(Debug)]
pub(super) struct Condition {
    expected: Option<Expected>,
    key: Option<String>,
}

impl Condition {
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, Problem> {
        Ok(Self {
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
    pub(super) fn request<C: Serialize>(
        self,
        head: Head,
        command: C,
    ) -> Result<CommandRequest<C>, Problem> {
        let mut request = CommandRequest::new(command).metadata(head.metadata);
        request.expected = self.expected;
        request.deadline = head.deadline;
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
