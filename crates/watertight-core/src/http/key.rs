use std::{fmt, sync::Arc};

use http::{Uri, header};

/// The host and port a request goes to, in lower case: the key for one breaker or bulkhead per host.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Host(Arc<str>);

impl Host {
    /// The host as text, empty for a request that names none.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Host {
    fn from(host: &str) -> Self {
        Self(host.to_ascii_lowercase().into())
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a request goes, whoever made its type.
pub trait RequestTarget {
    /// Its host and port.
    fn host(&self) -> Host;
}

impl<B> RequestTarget for http::Request<B> {
    fn host(&self) -> Host {
        let named = self.headers().get(header::HOST);
        let named = named.and_then(|host| host.to_str().ok());
        Host::from(
            self.uri()
                .authority()
                .map_or(named.unwrap_or_default(), |at| at_host(at.as_str())),
        )
    }
}

#[cfg(feature = "reqwest")]
impl RequestTarget for reqwest::Request {
    fn host(&self) -> Host {
        let url = self.url();
        match (url.host_str(), url.port()) {
            (Some(host), Some(port)) => Host::from(format!("{host}:{port}").as_str()),
            (host, _) => Host::from(host.unwrap_or_default()),
        }
    }
}

impl RequestTarget for Uri {
    fn host(&self) -> Host {
        Host::from(self.authority().map_or("", |at| at_host(at.as_str())))
    }
}

/// The key of a request's host, to be passed where a key closure is expected.
///
/// ```
/// use watertight_core::http::host_of;
///
/// let request = http::Request::get("http://Payments.internal:8080/pay").body(()).unwrap();
/// assert_eq!(host_of(&request).as_str(), "payments.internal:8080");
/// ```
pub fn host_of<Req: RequestTarget>(request: &Req) -> Host {
    request.host()
}

// A user name and a password before the host are no part of it, and do not belong into a key that may be shown.
fn at_host(authority: &str) -> &str {
    authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host)
}
