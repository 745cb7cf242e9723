use std::{
    fmt,
    hash::Hash,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::{HttpStale, stale::Head};

pin_project! {
    /// A response body that is remembered while the caller reads it.
    ///
    /// It is remembered once it has ended well; one that fails, is dropped, is too large or has trailers is not.
    pub struct StaleBody<B, Q> {
        #[pin]
        inner: B,
        tee: Option<Tee<Q>>,
    }
}

/// What has been read of a response so far.
pub(super) struct Tee<Q> {
    stale: HttpStale<Q>,
    key: Q,
    head: Head,
    read: BytesMut,
}

impl<B, Q> StaleBody<B, Q> {
    pub(super) const fn untouched(inner: B) -> Self {
        Self { inner, tee: None }
    }
}

impl<B, Q> StaleBody<B, Q>
where
    B: Body,
    Q: Clone + Eq + Hash,
{
    pub(super) fn remembered(inner: B, tee: Tee<Q>) -> Self {
        let fits = inner.size_hint().lower() <= tee.stale.max_size() as u64;
        if inner.is_end_stream() {
            tee.finish();
            return Self::untouched(inner);
        }
        let tee = fits.then_some(tee);
        Self { inner, tee }
    }
}

impl<Q: Clone + Eq + Hash> Tee<Q> {
    pub(super) const fn new(stale: HttpStale<Q>, key: Q, head: Head, read: BytesMut) -> Self {
        Self {
            stale,
            key,
            head,
            read,
        }
    }

    /// Whether there was room for it.
    fn read(&mut self, data: &Bytes) -> bool {
        let fits = self.read.len() + data.len() <= self.stale.max_size();
        if fits {
            self.read.extend_from_slice(data);
        }
        fits
    }

    fn finish(self) {
        self.stale.put(&self.key, self.head, self.read.freeze());
    }
}

impl<B, Q> Body for StaleBody<B, Q>
where
    B: Body<Data = Bytes>,
    Q: Clone + Eq + Hash,
{
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let mut this = self.project();
        let frame = ready!(this.inner.as_mut().poll_frame(cx));
        let Some(mut tee) = this.tee.take() else {
            return Poll::Ready(frame);
        };
        match &frame {
            None => tee.finish(),
            Some(Ok(read)) => {
                let fits = read.data_ref().is_some_and(|data| tee.read(data));
                // Whoever sees the end of the stream need not poll once more.
                match (fits, this.inner.is_end_stream()) {
                    (true, true) => tee.finish(),
                    (true, false) => *this.tee = Some(tee),
                    (false, _) => {}
                }
            }
            Some(Err(_)) => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl<B, Q> fmt::Debug for StaleBody<B, Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaleBody")
            .field("remembering", &self.tee.is_some())
            .finish_non_exhaustive()
    }
}
