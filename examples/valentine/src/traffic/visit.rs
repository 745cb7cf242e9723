use std::time::Duration;

use http::StatusCode;

use super::Tenant;

/// A checkout as its customer saw it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visit {
    pub(crate) order: u64,
    pub(crate) tenant: Tenant,
    /// When it was meant to start, from the start of the act.
    pub(crate) at: Duration,
    /// From then to its end, however late it was really sent.
    pub(crate) took: Duration,
    pub(crate) end: End,
}

/// How a visit ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum End {
    /// The order was confirmed.
    Bought,
    /// The shop said at once that it has too much to do.
    Refused,
    /// The shop said that it went wrong.
    Failed,
    /// The customer lost patience.
    Left,
}

impl End {
    pub(crate) fn of(status: Option<StatusCode>) -> Self {
        match status {
            Some(status) if status.is_success() => Self::Bought,
            Some(StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) => Self::Refused,
            Some(_) => Self::Failed,
            None => Self::Left,
        }
    }
}
