use std::fmt;

use anyhow::{Result, anyhow};
use reqwest::{Method, Request, Response, header::HeaderValue};
use tower::{ServiceExt, util::BoxCloneSyncService};
use watertight::BoxError;

/// The way from one service to another.
#[derive(Clone)]
pub(crate) struct Link {
    service: BoxCloneSyncService<Request, Response, BoxError>,
    url: String,
}

impl Link {
    pub(crate) const fn new(
        url: String,
        service: BoxCloneSyncService<Request, Response, BoxError>,
    ) -> Self {
        Self { service, url }
    }

    /// Has the other service do its work for an order; sending it twice does it once.
    pub(crate) async fn call(&self, order: u64) -> Result<()> {
        self.send(Method::POST, order).await
    }

    /// Has the other service undo it.
    pub(crate) async fn undo(&self, order: u64) -> Result<()> {
        self.send(Method::DELETE, order).await
    }

    async fn send(&self, method: Method, order: u64) -> Result<()> {
        let mut request = Request::new(method, format!("{}/{order}", self.url).parse()?);
        let key = HeaderValue::from(order);
        request.headers_mut().insert("idempotency-key", key);
        let sent = self.service.clone().oneshot(request).await;
        sent.map_err(|error| anyhow!(error))?.error_for_status()?;
        Ok(())
    }
}

/// The order that a request is about.
pub(crate) fn order_of(request: &Request) -> Option<u64> {
    request.url().path_segments()?.next_back()?.parse().ok()
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}
