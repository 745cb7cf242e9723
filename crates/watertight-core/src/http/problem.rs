use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body::Body;

use crate::{Keep, OnReject, Reason, Rejected, http::OwnBody};

/// A refusal is an `application/problem+json` response (RFC 9457) with `Retry-After`.
///
/// 503 when we are overloaded, 504 when the call took too long or its deadline has passed. The body never names the
/// dependency: strangers read it. `Retry-After` is rounded up to whole seconds and left out when it is not known.
/// The response carries the [`Rejected`] in its extensions, so that a layer further out knows it for ours.
///
/// ```
/// use http::StatusCode;
/// use watertight_core::{Reason, Rejected, http::Problem};
///
/// let full = Rejected::new("tenants", Reason::Full);
/// let response = Problem::new().status(StatusCode::TOO_MANY_REQUESTS).respond::<String>(full);
/// assert_eq!(response.status(), 429);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Problem {
    status: Option<StatusCode>,
}

/// A [`Problem`] that leaves the body type of the service as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct SameBody(Problem);

impl Problem {
    /// 503, or 504 where time ran out.
    #[must_use]
    pub const fn new() -> Self {
        Self { status: None }
    }

    /// Another status for refusals that are not about time, such as 429 for a tenant's own share.
    #[must_use]
    pub const fn status(mut self, status: StatusCode) -> Self {
        self.status = Some(status);
        self
    }

    /// The same response in the service's own body type, which must be one that can be made of [`Bytes`], such as
    /// axum's. So a fallback further out makes its answers of that type too.
    #[must_use]
    pub const fn same_body(self) -> SameBody {
        SameBody(self)
    }

    /// The response for a refusal.
    #[must_use]
    pub fn respond<B>(&self, why: Rejected) -> Response<OwnBody<B>> {
        self.render(why).map(OwnBody::own)
    }

    fn render(self, why: Rejected) -> Response<Bytes> {
        let timed_out = matches!(
            why.reason,
            Reason::TimedOut | Reason::NotReady | Reason::DeadlinePassed
        );
        let (status, body) = match self.status {
            _ if timed_out => (StatusCode::GATEWAY_TIMEOUT, Bytes::from_static(TIMED_OUT)),
            None => (
                StatusCode::SERVICE_UNAVAILABLE,
                Bytes::from_static(OVERLOADED),
            ),
            Some(status) => (status, body(status)),
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(after) = why.retry_after {
            let whole = after
                .as_secs()
                .saturating_add(u64::from(after.subsec_nanos() > 0));
            headers.insert(header::RETRY_AFTER, HeaderValue::from(whole));
        }
        response.extensions_mut().insert(why);
        response
    }
}

impl<B: Body<Data = Bytes>, E> OnReject<Response<B>, E> for Problem {
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

impl<Req> Keep<Req> for Problem {
    type Kept = ();

    fn keep(&self, _: Req) {}
}

impl<B: From<Bytes>, E> OnReject<Response<B>, E> for SameBody {
    type Response = Response<B>;
    type Error = E;

    fn reject(&self, why: Rejected, (): ()) -> Result<Response<B>, E> {
        Ok(self.0.render(why).map(B::from))
    }

    fn response(response: Response<B>) -> Response<B> {
        response
    }

    fn error(error: E) -> E {
        error
    }
}

impl<Req> Keep<Req> for SameBody {
    type Kept = ();

    fn keep(&self, _: Req) {}
}

const OVERLOADED: &[u8] =
    br#"{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"the service is overloaded, try again later"}"#;
const TIMED_OUT: &[u8] =
    br#"{"type":"about:blank","title":"Gateway Timeout","status":504,"detail":"the service did not answer in time"}"#;

fn body(status: StatusCode) -> Bytes {
    let title = status.canonical_reason().unwrap_or("Refused");
    let code = status.as_u16();
    Bytes::from(format!(
        r#"{{"type":"about:blank","title":"{title}","status":{code},"detail":"the request was refused, try again later"}}"#
    ))
}
