use http::{HeaderMap, Method};
use http_body::Body;

/// A request that may be sent again.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent again",
    note = "a client stack with retries takes an `http::Request` whose body is `Clone`, such as `Full<Bytes>`, or a \
            `reqwest::Request`; after `without_retries()` it takes any `http::Request`"
)]
pub trait Replay: Sized {
    /// The same request once more, if its body is here in memory and has at most so many bytes.
    fn replay(&self, max_body: u64) -> Option<Self>;

    /// Whether sending it twice does no more than sending it once: by its method (RFC 9110, 9.2.2), or because it
    /// carries an `Idempotency-Key`.
    fn is_idempotent(&self) -> bool;
}

#[diagnostic::do_not_recommend]
impl<B: Body + Clone> Replay for http::Request<B> {
    fn replay(&self, max_body: u64) -> Option<Self> {
        let size = self.body().size_hint().upper();
        size.filter(|size| *size <= max_body).map(|_| self.clone())
    }

    fn is_idempotent(&self) -> bool {
        is_idempotent(self.method(), self.headers())
    }
}

#[cfg(feature = "reqwest")]
impl Replay for reqwest::Request {
    fn replay(&self, max_body: u64) -> Option<Self> {
        let size = match self.body() {
            None => 0,
            Some(body) => body.as_bytes()?.len() as u64,
        };
        (size <= max_body).then(|| self.try_clone()).flatten()
    }

    fn is_idempotent(&self) -> bool {
        is_idempotent(self.method(), self.headers())
    }
}

fn is_idempotent(method: &Method, headers: &HeaderMap) -> bool {
    method.is_idempotent() || headers.contains_key("idempotency-key")
}
