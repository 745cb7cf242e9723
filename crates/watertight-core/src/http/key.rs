use std::{borrow::Borrow, fmt, sync::Arc};

use http::{Uri, header};

/// The host a request goes to, in lower case, and its port where that is not the usual one of the scheme: the key for one
/// breaker or bulkhead per host.
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

/// A host in lower case finds its key without one being made.
impl Borrow<str> for Host {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a request goes, whoever made its type.
pub trait RequestTarget {
    /// Its host and port as they are written, empty if it names none; without a user name, and without the scheme's usual port.
    fn written_host(&self) -> &str;

    /// Its host and port.
    fn host(&self) -> Host {
        Host::from(self.written_host())
    }
}

impl<B> RequestTarget for http::Request<B> {
    fn written_host(&self) -> &str {
        if self.uri().authority().is_some() {
            return self.uri().written_host();
        }
        let named = self.headers().get(header::HOST);
        named
            .and_then(|host| host.to_str().ok())
            .unwrap_or_default()
    }
}

#[cfg(feature = "reqwest")]
impl RequestTarget for reqwest::Request {
    fn written_host(&self) -> &str {
        at_host(self.url().authority())
    }
}

impl RequestTarget for Uri {
    fn written_host(&self) -> &str {
        let host = self.authority().map_or("", |at| at_host(at.as_str()));
        let usual = match self.scheme_str() {
            Some("http") => ":80",
            Some("https") => ":443",
            _ => "",
        };
        let host = host.strip_suffix(usual).unwrap_or(host);
        host.strip_suffix(':').unwrap_or(host)
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
