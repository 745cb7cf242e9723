//! Clients as they are often written: a timeout, three tries, and hope.

use std::{future, time::Duration};

use reqwest::{Client, Request, Response};
use tower::{ServiceBuilder, retry::Policy, util::BoxCloneSyncService};
use watertight::BoxError;

use super::Link;

const TIMEOUT: Duration = Duration::from_millis(700);

const TRIES: u32 = 3;

/// Tries again at once, whatever went wrong.
#[derive(Clone, Debug)]
struct Stubborn {
    left: u32,
}

pub(super) fn link(url: String, client: Client) -> Link {
    let service = ServiceBuilder::new()
        .retry(Stubborn { left: TRIES - 1 })
        .timeout(TIMEOUT)
        .service(client);
    Link::new(url, BoxCloneSyncService::new(service))
}

impl Policy<Request, Response, BoxError> for Stubborn {
    type Future = future::Ready<()>;

    fn retry(
        &mut self,
        _: &mut Request,
        result: &mut Result<Response, BoxError>,
    ) -> Option<Self::Future> {
        let failed = match result {
            Ok(response) => response.status().is_server_error(),
            Err(_) => true,
        };
        self.left = self.left.checked_sub(1).filter(|_| failed)?;
        Some(future::ready(()))
    }

    fn clone_request(&mut self, request: &Request) -> Option<Request> {
        request.try_clone()
    }
}
