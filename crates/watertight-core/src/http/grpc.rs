use std::{fmt, marker::PhantomData};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body::Body;

use crate::{
    Boxed, Classify, Keep, OnReject, Reason, Rejected, Typed, Verdict,
    classify::{LookInto, judge},
    http::{BodyEnd, Ending, OwnBody, ResponseHead, classify::is_our_refusal},
};

// Codes that are the service's own failure; the others are the caller's, or an answer.
const UNKNOWN: u32 = 2;
const DEADLINE_EXCEEDED: u32 = 4;
const RESOURCE_EXHAUSTED: u32 = 8;
const INTERNAL: u32 = 13;
const UNAVAILABLE: u32 = 14;
const DATA_LOSS: u32 = 15;

/// A gRPC call fails with the codes 2, 4, 13, 14 and 15, or when its status is missing.
///
/// The status of a call that streams comes in the trailers: [`GrpcTrailers`] reads it there.
pub struct GrpcErrors<V = Typed>(PhantomData<fn() -> V>);

/// A refusal is a trailers-only response with a `grpc-status`, as tonic reads it on both sides.
///
/// Open is `UNAVAILABLE`, full is `RESOURCE_EXHAUSTED`, deadline and timeout are `DEADLINE_EXCEEDED`. The time to come
/// back is sent as `grpc-retry-pushback-ms`, which gRPC clients with a retry policy obey.
///
/// ```
/// use watertight_core::{Reason, Rejected, http::GrpcStatus};
///
/// let full = Rejected::new("orders", Reason::Full);
/// let response = GrpcStatus.respond::<String>(full);
/// assert_eq!(response.headers()["grpc-status"], "8");
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct GrpcStatus;

/// Judges a gRPC call by its trailers; a stream that is dropped before them was cancelled.
#[derive(Clone, Copy, Debug, Default)]
pub struct GrpcTrailers;

impl GrpcErrors {
    /// For error types that implement [`std::error::Error`].
    #[must_use]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl GrpcErrors<Boxed> {
    /// For [`BoxError`](crate::BoxError).
    #[must_use]
    pub const fn boxed() -> Self {
        Self(PhantomData)
    }
}

impl<Res: ResponseHead, E: LookInto<V>, V> Classify<Res, E> for GrpcErrors<V> {
    fn classify(&self, result: Result<&Res, &E>) -> Verdict {
        match result {
            Ok(response) if is_our_refusal(response.extensions()) => Verdict::Ignore,
            Ok(response) if response.status() != StatusCode::OK => Verdict::Failure,
            // No status yet: the trailers will tell.
            Ok(response) => code_of(response.headers()).map_or(Verdict::Success, verdict),
            Err(error) => judge(error.look()),
        }
    }
}

impl Ending for GrpcTrailers {
    fn verdict(&self, _: Verdict, how: BodyEnd<'_>) -> Option<Verdict> {
        match how {
            BodyEnd::Clean(trailers) => {
                Some(trailers.and_then(code_of).map_or(Verdict::Failure, verdict))
            }
            BodyEnd::Error => Some(Verdict::Failure),
            BodyEnd::Dropped => None,
        }
    }

    fn decided_by_head(&self, headers: &HeaderMap) -> bool {
        headers.contains_key("grpc-status")
    }
}

impl GrpcStatus {
    /// The response for a refusal.
    #[must_use]
    pub fn respond<B>(&self, why: Rejected) -> Response<OwnBody<B>> {
        let mut response = Response::new(OwnBody::own(Bytes::new()));
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/grpc"),
        );
        headers.insert("grpc-status", HeaderValue::from(status_of(why.reason)));
        headers.insert(
            "grpc-message",
            HeaderValue::from_static(message_of(why.reason)),
        );
        if let Some(after) = why.retry_after {
            let millis = u64::try_from(after.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
            headers.insert("grpc-retry-pushback-ms", HeaderValue::from(millis));
        }
        response.extensions_mut().insert(why);
        response
    }
}

impl<B: Body<Data = Bytes>, E> OnReject<Response<B>, E> for GrpcStatus {
    type Response = Response<OwnBody<B>>;
    type Error = E;

    fn reject(&self, why: Rejected, (): ()) -> Result<Self::Response, E> {
        Ok(self.respond(why))
    }

    fn response(response: Response<B>) -> Self::Response {
        response.map(OwnBody::inner)
    }

    fn error(error: E) -> E {
        error
    }
}

impl<Req> Keep<Req> for GrpcStatus {
    type Kept = ();

    fn keep(&self, _: Req) {}
}

impl<V> Clone for GrpcErrors<V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for GrpcErrors<V> {}

impl<V> Default for GrpcErrors<V> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<V> fmt::Debug for GrpcErrors<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GrpcErrors")
    }
}

/// The gRPC status code in headers or trailers; one that is no number counts as `UNKNOWN`.
#[must_use]
pub fn code_of(headers: &HeaderMap) -> Option<u32> {
    let status = headers.get("grpc-status")?;
    let code = status.to_str().ok().and_then(|code| code.parse().ok());
    Some(code.unwrap_or(UNKNOWN))
}

const fn verdict(code: u32) -> Verdict {
    match code {
        UNKNOWN | DEADLINE_EXCEEDED | INTERNAL | UNAVAILABLE | DATA_LOSS => Verdict::Failure,
        _ => Verdict::Success,
    }
}

const fn status_of(reason: Reason) -> u32 {
    match reason {
        Reason::Open | Reason::ForcedOpen | Reason::ProbesTaken => UNAVAILABLE,
        Reason::Full | Reason::QueueFull | Reason::WaitedTooLong => RESOURCE_EXHAUSTED,
        Reason::DeadlinePassed | Reason::NotReady | Reason::TimedOut => DEADLINE_EXCEEDED,
    }
}

const fn message_of(reason: Reason) -> &'static str {
    match status_of(reason) {
        DEADLINE_EXCEEDED => "the service did not answer in time",
        _ => "the service is overloaded, try again later",
    }
}
