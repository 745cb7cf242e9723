use std::error::Error as StdError;

use tonic::{Code, Status};
use watertight::{Error, Reason, Rejected};

use crate::shop::Broken;

/// What a caller heard, whatever the protocol.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Heard {
    /// An answer: the shop's, or that of a fallback.
    Said(String),
    /// The shop's own failure.
    Failed,
    /// A refusal that came as an error.
    Error(Rejected),
    /// A refusal that came as a problem: the status, and the seconds of `Retry-After`.
    Problem(u16, Option<u64>),
    /// A refusal that came as a `grpc-status`: the code, and the milliseconds of `grpc-retry-pushback-ms`.
    Grpc(Code, Option<u64>),
}

impl Heard {
    pub(crate) fn said(text: impl Into<String>) -> Self {
        Self::Said(text.into())
    }

    /// A status and what came with it: 500 is the shop's own failure, 503 and 504 must be our problems.
    pub(crate) fn http(status: u16, headers: &http::HeaderMap, body: &[u8]) -> Self {
        match status {
            200 => Self::said(String::from_utf8_lossy(body)),
            500 => Self::Failed,
            503 | 504 => {
                assert_eq!(headers["content-type"], "application/problem+json");
                let after = headers.get("retry-after");
                let seconds = after.map(|value| value.to_str().unwrap().parse().unwrap());
                Self::Problem(status, seconds)
            }
            _ => panic!("nobody says {status}"),
        }
    }

    /// `INTERNAL` is the shop's own failure; every other status must be ours.
    pub(crate) fn grpc(status: &Status) -> Self {
        if status.code() == Code::Internal {
            return Self::Failed;
        }
        if let Some(rejected) = Rejected::find(status) {
            return Self::Error(*rejected);
        }
        let pushback = status.metadata().get("grpc-retry-pushback-ms");
        let millis = pushback.map(|value| value.to_str().unwrap().parse().unwrap());
        Self::Grpc(status.code(), millis)
    }

    /// An error that has either a refusal or the shop's own failure at its bottom.
    pub(crate) fn error(error: &(dyn StdError + 'static)) -> Self {
        Rejected::find(error).map_or(Self::Failed, |rejected| Self::Error(*rejected))
    }

    /// Whether this is how the protocol tells a refusal for that reason.
    pub(crate) fn is_refusal(&self, reason: Reason) -> bool {
        let late = matches!(
            reason,
            Reason::TimedOut | Reason::NotReady | Reason::DeadlinePassed
        );
        let full = matches!(reason, Reason::Full | Reason::QueueFull);
        match self {
            Self::Said(_) | Self::Failed => false,
            Self::Error(rejected) => rejected.reason == reason,
            Self::Problem(status, _) => *status == if late { 504 } else { 503 },
            Self::Grpc(Code::DeadlineExceeded, _) => late,
            Self::Grpc(Code::ResourceExhausted, _) => full,
            Self::Grpc(code, _) => *code == Code::Unavailable && !late && !full,
        }
    }

    /// Whether it was told when to come back.
    pub(crate) fn knows_when(&self) -> bool {
        match self {
            Self::Said(_) | Self::Failed => false,
            Self::Error(rejected) => rejected.retry_after.is_some(),
            Self::Problem(_, after) | Self::Grpc(_, after) => after.is_some(),
        }
    }
}

impl From<Error<Broken>> for Heard {
    fn from(error: Error<Broken>) -> Self {
        Self::error(&error)
    }
}
