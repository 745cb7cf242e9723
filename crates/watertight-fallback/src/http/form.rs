use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Response};

use crate::{Form, Made};

/// Responses that a fallback made carry a [`Made`] in their extensions and, if asked for, a header.
#[derive(Clone, Debug, Default)]
pub struct Http {
    header: Option<HeaderName>,
}

/// The head of a response to be marked, whoever made its type.
pub trait HeadMut {
    /// Its headers.
    fn headers_mut(&mut self) -> &mut HeaderMap;
    /// Its extensions.
    fn extensions_mut(&mut self) -> &mut Extensions;
}

impl Http {
    pub(crate) const fn new() -> Self {
        Self { header: None }
    }

    pub(crate) const fn with_header(header: HeaderName) -> Self {
        let header = Some(header);
        Self { header }
    }

    pub(crate) fn mark(&self, response: &mut impl HeadMut, made: Made) {
        response.extensions_mut().insert(made);
        if let Some(header) = &self.header {
            // Why, but not by whom: strangers read it.
            let why = HeaderValue::from_static(made.cause.kind().as_str());
            response.headers_mut().insert(header.clone(), why);
        }
    }
}

impl<Res: HeadMut, K> Form<Res, K> for Http {
    type Response = Res;

    fn good(&self, response: Res, _: &K) -> Res {
        response
    }

    fn untouched(&self, response: Res) -> Res {
        response
    }

    fn made(&self, mut response: Res, made: Made) -> Res {
        self.mark(&mut response, made);
        response
    }
}

impl<B> HeadMut for Response<B> {
    fn headers_mut(&mut self) -> &mut HeaderMap {
        self.headers_mut()
    }

    fn extensions_mut(&mut self) -> &mut Extensions {
        self.extensions_mut()
    }
}

#[cfg(feature = "reqwest")]
impl HeadMut for reqwest::Response {
    fn headers_mut(&mut self) -> &mut HeaderMap {
        self.headers_mut()
    }

    fn extensions_mut(&mut self) -> &mut Extensions {
        self.extensions_mut()
    }
}
