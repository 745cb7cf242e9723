use std::{fmt, future::poll_fn, marker::PhantomData, pin::pin};

use bytes::{Buf, Bytes};
use http::{HeaderValue, Method, Request, Response, StatusCode, header::HeaderName};
use http_body::Body;
use http_body_util::Full;
use watertight_core::BoxError;

use crate::contract::{Answer, Dialect, ProbeError};

static NUMBER: HeaderName = HeaderName::from_static("x-contract-number");

/// HTTP: a number in a header and in the body. The error is [`ProbeError`] or another that can be made of it.
pub struct Http<E = ProbeError>(PhantomData<fn() -> E>);

impl<E> Dialect for Http<E>
where
    E: From<ProbeError> + Into<BoxError> + Send + Sync + 'static,
{
    type Request = Request<Full<Bytes>>;
    type Response = Response<Full<Bytes>>;
    type Error = E;

    fn request(number: u32) -> Self::Request {
        let mut request = Request::new(Full::from(number.to_string()));
        // Not idempotent: a layer that repeats what may be repeated leaves it alone.
        *request.method_mut() = Method::POST;
        request
            .headers_mut()
            .insert(&NUMBER, HeaderValue::from(number));
        request
    }

    fn number(request: &Self::Request) -> Option<u32> {
        let whole = request.method() == Method::POST;
        whole.then(|| in_header(request.headers())).flatten()
    }

    fn response(number: u32) -> Self::Response {
        let mut response = Response::new(Full::from(number.to_string()));
        *response.status_mut() = StatusCode::ACCEPTED;
        response
            .headers_mut()
            .insert(&NUMBER, HeaderValue::from(number));
        response
    }
}

impl<B: Body> Answer for Response<B> {
    async fn number(self) -> Option<u32> {
        let (head, body) = self.into_parts();
        let number = in_header(&head.headers).filter(|_| head.status == StatusCode::ACCEPTED);
        let mut body = pin!(body);
        let mut read = Vec::new();
        while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
            let mut data = frame.ok()?.into_data().ok()?;
            read.extend_from_slice(&data.copy_to_bytes(data.remaining()));
        }
        number.filter(|number| number.to_string().as_bytes() == read)
    }
}

impl<E> fmt::Debug for Http<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Http")
    }
}

fn in_header(headers: &http::HeaderMap) -> Option<u32> {
    headers.get(&NUMBER)?.to_str().ok()?.parse().ok()
}
