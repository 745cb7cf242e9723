use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::{Hold, Outcome, PanicGuard, Permit, Verdict};

/// The permit ends when the response's body has ended, so a slow download counts as long as it lasts.
///
/// A body ends in five ways: it says so by `None`; by an error; by `is_end_stream()` after a frame; it had ended when it
/// was made; it is dropped. `T` says what each means.
///
/// ```
/// use watertight_core::http::{BodyEnd, Ending, UntilBodyEnd};
/// use watertight_core::Verdict;
///
/// /// A caller who drops a body says nothing, not what the head said.
/// #[derive(Clone)]
/// struct ToTheEnd;
///
/// impl Ending for ToTheEnd {
///     fn verdict(&self, head: Verdict, how: BodyEnd<'_>) -> Option<Verdict> {
///         match how {
///             BodyEnd::Dropped => None,
///             how => ().verdict(head, how),
///         }
///     }
/// }
/// let hold = UntilBodyEnd::judged_by(ToTheEnd);
/// # let _ = hold;
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct UntilBodyEnd<T = ()>(T);

impl UntilBodyEnd {
    /// A body that fails is a failure; otherwise the head's verdict stands, also when the caller drops the body.
    #[must_use]
    pub const fn new() -> Self {
        Self(())
    }
}

impl<T> UntilBodyEnd<T> {
    /// Judges the end of the body by this.
    pub const fn judged_by(ending: T) -> Self {
        Self(ending)
    }
}

/// How a body ended.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum BodyEnd<'a> {
    /// It came to its end, with trailers or without.
    Clean(Option<&'a HeaderMap>),
    /// It failed.
    Error,
    /// It was dropped before its end.
    Dropped,
}

/// What the end of a body says about the call.
pub trait Ending {
    /// The verdict, given the head's; `None` is a cancelled call.
    fn verdict(&self, head: Verdict, how: BodyEnd<'_>) -> Option<Verdict>;

    /// Whether the head has said it all, whatever the body does.
    fn decided_by_head(&self, _headers: &HeaderMap) -> bool {
        false
    }
}

/// A failing body is a failure, otherwise the head's verdict stands.
impl Ending for () {
    fn verdict(&self, head: Verdict, how: BodyEnd<'_>) -> Option<Verdict> {
        Some(match how {
            BodyEnd::Error => Verdict::Failure,
            BodyEnd::Clean(_) | BodyEnd::Dropped => head,
        })
    }
}

impl<B, P, T> Hold<http::Response<B>, P> for UntilBodyEnd<T>
where
    B: Body,
    P: Permit,
    T: Ending + Clone,
{
    type Response = http::Response<HeldBody<B, P, T>>;

    fn hold(&self, response: http::Response<B>, permit: Option<(P, Outcome)>) -> Self::Response {
        let decided = self.0.decided_by_head(response.headers());
        let mut held = Held {
            permit,
            ending: self.0.clone(),
        };
        if decided {
            held.end_as_head();
        } else if response.body().is_end_stream() {
            held.end(BodyEnd::Clean(None));
        } else if let Some((permit, outcome)) = &mut held.permit {
            permit.head(*outcome);
        }
        response.map(|body| HeldBody { body, held })
    }
}

pin_project! {
    /// A response body that holds a permit until it has ended.
    pub struct HeldBody<B, P: Permit, T: Ending> {
        #[pin]
        body: B,
        held: Held<P, T>,
    }
}

struct Held<P: Permit, T: Ending> {
    permit: Option<(P, Outcome)>,
    ending: T,
}

impl<P: Permit, T: Ending> Held<P, T> {
    fn end(&mut self, how: BodyEnd<'_>) {
        if let Some((permit, outcome)) = self.permit.take() {
            // Without a verdict the permit is dropped: the call was cancelled.
            if let Some(verdict) = self.ending.verdict(outcome.verdict, how) {
                permit.end(outcome.with_verdict(verdict));
            }
        }
    }

    fn end_as_head(&mut self) {
        if let Some((permit, outcome)) = self.permit.take() {
            permit.end(outcome);
        }
    }
}

// The body may be dropped at any time; its permit must not go with it unjudged.
impl<P: Permit, T: Ending> Drop for Held<P, T> {
    fn drop(&mut self) {
        self.end(BodyEnd::Dropped);
    }
}

impl<B: Body, P: Permit, T: Ending> Body for HeldBody<B, P, T> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let held = this.held;
        let body = this.body.as_mut();
        let frame = ready!(watch(&mut held.permit, || body.poll_frame(cx)));
        match &frame {
            None => held.end(BodyEnd::Clean(None)),
            Some(Err(_)) => held.end(BodyEnd::Error),
            Some(Ok(frame)) if frame.is_trailers() => {
                held.end(BodyEnd::Clean(frame.trailers_ref()));
            }
            Some(Ok(_)) if this.body.is_end_stream() => held.end(BodyEnd::Clean(None)),
            Some(Ok(_)) => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B: fmt::Debug, P: Permit, T: Ending> fmt::Debug for HeldBody<B, P, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldBody")
            .field("body", &self.body)
            .field("held", &self.held.permit.is_some())
            .finish_non_exhaustive()
    }
}

/// Polls a body; if it panics, its permit ends as a failure.
fn watch<P: Permit, T>(permit: &mut Option<(P, Outcome)>, poll: impl FnOnce() -> T) -> T {
    let (mut watched, outcome) = match permit.take() {
        Some((permit, outcome)) => (Some(permit), Some(outcome)),
        None => (None, None),
    };
    let polled = PanicGuard::run(&mut watched, Verdict::Failure, poll);
    *permit = watched.zip(outcome);
    polled
}
