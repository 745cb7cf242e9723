use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};
use watertight_core::BoxError;

use crate::fault::inject::{BodyFault, BodyKind, Inject};

/// An injected failure is an empty response of this status.
#[derive(Clone, Copy, Debug)]
pub struct Status(pub(crate) StatusCode);

impl<B: Body, E> Inject<Response<B>, E> for Status {
    type Response = Response<FaultBody<B>>;

    fn fail(&self) -> Result<Self::Response, E> {
        let mut response = Response::new(FaultBody::new(None, None));
        *response.status_mut() = self.0;
        Ok(response)
    }

    fn pass(&self, response: Response<B>, body: Option<BodyFault>) -> Self::Response {
        response.map(|inner| FaultBody::new(Some(inner), body))
    }
}

pin_project! {
    /// A response body that a plan may slow down or break; empty where the plan made the response.
    pub struct FaultBody<B> {
        #[pin]
        inner: Option<B>,
        #[pin]
        delay: Option<Sleep>,
        fault: Option<BodyKind>,
    }
}

/// The error of a body that the plan broke.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct InjectedBodyError;

impl<B> FaultBody<B> {
    fn new(inner: Option<B>, fault: Option<BodyFault>) -> Self {
        Self {
            inner,
            delay: None,
            fault: fault.map(|BodyFault(kind)| kind),
        }
    }
}

impl<B> Body for FaultBody<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Data = B::Data;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, BoxError>>> {
        let mut this = self.project();
        let Some(inner) = this.inner.as_mut().as_pin_mut() else {
            return Poll::Ready(None);
        };
        match this.fault {
            Some(BodyKind::Slow(each, random)) => {
                if this.delay.is_none() {
                    this.delay.set(Some(sleep(each.draw(random))));
                }
                if let Some(delay) = this.delay.as_mut().as_pin_mut() {
                    ready!(delay.poll(cx));
                }
            }
            Some(BodyKind::Fail(0)) => {
                this.inner.set(None);
                return Poll::Ready(Some(Err(InjectedBodyError.into())));
            }
            Some(BodyKind::Fail(_)) | None => {}
        }
        let frame = ready!(inner.poll_frame(cx));
        this.delay.set(None);
        if let (Some(_), Some(BodyKind::Fail(left))) = (&frame, this.fault) {
            *left -= 1;
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        // A body that is to fail has not ended before it did.
        let failing = matches!(self.fault, Some(BodyKind::Fail(_)));
        self.inner
            .as_ref()
            .is_none_or(|inner| !failing && inner.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.inner
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl<B> fmt::Debug for FaultBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultBody")
            .field("fault", &self.fault)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for InjectedBodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("injected by the fault plan: the body broke off")
    }
}

impl std::error::Error for InjectedBodyError {}
