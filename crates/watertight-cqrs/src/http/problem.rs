use std::{borrow::Cow, time::Duration};

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;
use watertight_core::{Reason, Rejected, http::Problem as Refusal};

/// What a caller is told instead of a receipt or an answer: strangers read it.
#[derive(Debug)]
pub(super) enum Problem {
    /// The refusal of a layer, which has an answer of its own.
    Refused(Rejected),
    /// Anything else.
    Told {
        status: StatusCode,
        detail: Cow<'static, str>,
        retry_after: Option<u64>,
    },
}

impl Problem {
    pub(super) fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::Told {
            status,
            detail: detail.into(),
            retry_after: None,
        }
    }

    /// The refusal of a layer. Where it is for want of room, the caller is told to come back, which a bulkhead cannot time.
    pub(super) fn refused(why: Rejected) -> Self {
        let soon = Duration::from_secs(super::SOON);
        Self::Refused(match why.reason {
            Reason::Full | Reason::QueueFull | Reason::WaitedTooLong => {
                why.with_retry_after(why.retry_after.unwrap_or(soon))
            }
            _ => why,
        })
    }

    /// Every place is taken, and nothing was tried.
    pub(super) fn overloaded(by: &'static str) -> Self {
        Self::refused(Rejected::new(by, Reason::Full))
    }

    pub(super) const fn too_late(by: &'static str) -> Self {
        Self::Refused(Rejected::new(by, Reason::DeadlinePassed))
    }

    /// The same, with the seconds after which to come back.
    pub(super) fn soon(mut self) -> Self {
        if let Self::Told { retry_after, .. } = &mut self {
            *retry_after = Some(super::SOON);
        }
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, detail, retry_after) = match self {
            Self::Refused(why) => return Refusal::new().respond::<Body>(why).map(Body::new),
            Self::Told {
                status,
                detail,
                retry_after,
            } => (status, detail, retry_after),
        };
        let body = json!({
            "type": "about:blank",
            "title": status.canonical_reason().unwrap_or("Refused"),
            "status": status.as_u16(),
            "detail": detail,
        });
        let mut response = (status, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}
