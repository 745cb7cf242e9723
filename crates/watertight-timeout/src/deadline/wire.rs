use std::time::Duration;

use watertight_core::{CurrentDeadline, Deadline, DeadlineOf};
#[cfg(feature = "http")]
use {
    http::{HeaderMap, HeaderName, HeaderValue, Request},
    watertight_core::http::HttpDeadline,
};

/// How a deadline travels with a request: always as the time that is left, never as a time of day.
pub trait Wire<Req> {
    /// The time that was left when the request came in. What makes no sense is none.
    fn read(&self, request: &Req) -> Option<Duration>;

    /// The deadline that the request has inside this process.
    fn known(&self, request: &Req) -> Option<Deadline>;

    /// Gives the request its deadline inside this process.
    fn keep(&self, request: &mut Req, deadline: Deadline);

    /// Sends the time that is left along: some is, and less than a year.
    fn write(&self, request: &mut Req, left: Duration);

    /// Whether clients of this protocol mind the time that they send along, and fail by themselves when it is over.
    fn is_minded_by_clients(&self) -> bool {
        false
    }
}

/// Inside the process only, for any request; the closure finds the deadline of one. The default.
///
/// ```
/// use std::time::Duration;
/// use watertight_core::Deadline;
/// use watertight_timeout::{ClientDeadlineLayer, Local};
///
/// let until = Local(|request: &(Option<Deadline>, &str)| request.0);
/// let layer = ClientDeadlineLayer::new(Duration::MAX).wire(until);
/// # let _ = layer;
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Local<D = CurrentDeadline>(pub D);

/// In a header, as whole milliseconds: `x-request-timeout-ms`, or another one.
///
/// What is no number of milliseconds is ignored, and zero means that nothing is left.
///
/// ```
/// use std::time::Duration;
/// use http::HeaderName;
/// use watertight_timeout::{DeadlineLayer, Millis};
///
/// let header = HeaderName::from_static("x-time-left");
/// let layer = DeadlineLayer::for_http(Duration::from_secs(10)).wire(Millis::header(header));
/// # let _ = layer;
/// ```
#[cfg(feature = "http")]
#[derive(Clone, Debug)]
pub struct Millis {
    header: HeaderName,
    ignores_callers: bool,
}

/// In `grpc-timeout`, as gRPC has it.
#[cfg(feature = "grpc")]
#[derive(Clone, Copy, Debug, Default)]
pub struct GrpcTimeout;

impl<Req, D: DeadlineOf<Req>> Wire<Req> for Local<D> {
    fn read(&self, _: &Req) -> Option<Duration> {
        None
    }

    fn known(&self, request: &Req) -> Option<Deadline> {
        self.0.deadline_of(request)
    }

    fn keep(&self, _: &mut Req, _: Deadline) {}

    fn write(&self, _: &mut Req, _: Duration) {}
}

#[cfg(feature = "http")]
impl Millis {
    /// In the header of this name.
    #[must_use]
    pub const fn header(name: HeaderName) -> Self {
        Self {
            header: name,
            ignores_callers: false,
        }
    }

    /// Takes no deadline from requests, for a server that strangers call. The header is removed, so that it does not reach
    /// the next server either when the request is passed on.
    #[must_use]
    pub const fn ignore_callers(mut self) -> Self {
        self.ignores_callers = true;
        self
    }

    fn read(&self, headers: &HeaderMap) -> Option<Duration> {
        if self.ignores_callers {
            return None;
        }
        // Of several the shortest, because a deadline only ever shrinks.
        let millis = headers.get_all(&self.header).iter().filter_map(|value| {
            let value = value.as_bytes();
            let digits = value.len() <= 19 && value.iter().all(u8::is_ascii_digit);
            digits.then(|| std::str::from_utf8(value).ok()?.parse().ok())?
        });
        millis.min().map(Duration::from_millis)
    }

    fn write(&self, headers: &mut HeaderMap, left: Duration) {
        // Rounded down: a deadline only ever shrinks on its way. But zero would say that nothing is left.
        let millis = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        headers.insert(self.header.clone(), HeaderValue::from(millis.max(1)));
    }
}

/// `x-request-timeout-ms`.
#[cfg(feature = "http")]
impl Default for Millis {
    fn default() -> Self {
        Self::header(HeaderName::from_static("x-request-timeout-ms"))
    }
}

#[cfg(feature = "http")]
impl<B> Wire<Request<B>> for Millis {
    fn read(&self, request: &Request<B>) -> Option<Duration> {
        self.read(request.headers())
    }

    fn known(&self, request: &Request<B>) -> Option<Deadline> {
        HttpDeadline.deadline_of(request)
    }

    fn keep(&self, request: &mut Request<B>, deadline: Deadline) {
        request.extensions_mut().insert(deadline);
        if self.ignores_callers {
            request.headers_mut().remove(&self.header);
        }
    }

    fn write(&self, request: &mut Request<B>, left: Duration) {
        self.write(request.headers_mut(), left);
    }
}

#[cfg(feature = "reqwest")]
impl Wire<reqwest::Request> for Millis {
    fn read(&self, request: &reqwest::Request) -> Option<Duration> {
        self.read(request.headers())
    }

    fn known(&self, _: &reqwest::Request) -> Option<Deadline> {
        Deadline::current()
    }

    fn keep(&self, _: &mut reqwest::Request, _: Deadline) {}

    fn write(&self, request: &mut reqwest::Request, left: Duration) {
        self.write(request.headers_mut(), left);
    }
}

#[cfg(feature = "grpc")]
impl<B> Wire<Request<B>> for GrpcTimeout {
    fn read(&self, request: &Request<B>) -> Option<Duration> {
        super::grpc_timeout::parse(request.headers().get("grpc-timeout")?.as_bytes())
    }

    fn known(&self, request: &Request<B>) -> Option<Deadline> {
        HttpDeadline.deadline_of(request)
    }

    fn keep(&self, request: &mut Request<B>, deadline: Deadline) {
        request.extensions_mut().insert(deadline);
    }

    fn write(&self, request: &mut Request<B>, left: Duration) {
        let value = super::grpc_timeout::format(left);
        if let Ok(value) = HeaderValue::from_str(&value) {
            request.headers_mut().insert("grpc-timeout", value);
        }
    }

    fn is_minded_by_clients(&self) -> bool {
        true
    }
}
