use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

pin_project! {
    /// The body of an answer that is either the inner service's own, or a refusal's.
    ///
    /// It forwards `size_hint` and `is_end_stream`, so it also fits outside `TraceLayer` and `CompressionLayer`.
    #[derive(Debug)]
    pub struct OwnBody<B> {
        #[pin]
        body: Either<B>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = EitherProj]
    enum Either<B> {
        Inner { #[pin] body: B },
        Own { data: Option<Bytes> },
    }
}

impl<B> OwnBody<B> {
    /// The inner service's body.
    pub const fn inner(body: B) -> Self {
        Self {
            body: Either::Inner { body },
        }
    }

    /// A body of these bytes.
    #[must_use]
    pub fn own(data: Bytes) -> Self {
        let data = (!data.is_empty()).then_some(data);
        Self {
            body: Either::Own { data },
        }
    }
}

impl<B: Body<Data = Bytes>> Body for OwnBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.project().body.project() {
            EitherProj::Inner { body } => body.poll_frame(cx),
            EitherProj::Own { data } => Poll::Ready(data.take().map(|data| Ok(Frame::data(data)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.body {
            Either::Inner { body } => body.is_end_stream(),
            Either::Own { data } => data.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            Either::Inner { body } => body.size_hint(),
            Either::Own { data } => {
                SizeHint::with_exact(data.as_ref().map_or(0, |data| data.len() as u64))
            }
        }
    }
}

/// So that whoever answers with bytes at hand, such as a fallback, fits around a layer that refuses with this body.
impl<B> From<Bytes> for OwnBody<B> {
    fn from(data: Bytes) -> Self {
        Self::own(data)
    }
}

impl<B: Default> Default for OwnBody<B> {
    fn default() -> Self {
        Self::inner(B::default())
    }
}
