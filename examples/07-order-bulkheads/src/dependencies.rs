//! What the order service calls, each behind a bulkhead of its own.

use std::{fmt, time::Duration};

use anyhow::Result;
use reqwest::{Client, Method, Request};
use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn, util::BoxCloneSyncService};
use watertight::{Bulkhead, BulkheadLayer, BulkheadSnapshot as Snapshot, Queue};

#[derive(Clone, Debug)]
pub(crate) struct Dependencies {
    pub(crate) inventory: Dependency,
    pub(crate) payment: Dependency,
    pub(crate) email: Dependency,
    pub(crate) analytics: Dependency,
}

#[derive(Clone)]
pub(crate) struct Dependency {
    pub(crate) name: &'static str,
    pub(crate) bulkhead: Bulkhead<Queue>,
    service: BoxCloneSyncService<(), (), BoxError>,
}

impl Dependencies {
    pub(crate) fn new(host: &str) -> Result<Self> {
        Ok(Self {
            inventory: Dependency::new(host, "inventory", 3, 30)?,
            payment: Dependency::new(host, "payment", 5, 50)?,
            email: Dependency::new(host, "email", 2, 20)?,
            analytics: Dependency::new(host, "analytics", 1, 10)?,
        })
    }
}

impl Dependency {
    fn new(host: &str, name: &'static str, workers: usize, queue: usize) -> Result<Self> {
        let bulkhead = Bulkhead::builder(name)
            .max_concurrent(workers)
            .queue(queue)
            .max_wait(Duration::from_secs(30))
            .build()?;
        let url: reqwest::Url = format!("http://{host}/{name}").parse()?;
        let client = Client::new();
        let call = service_fn(move |()| {
            let sent = client.execute(Request::new(Method::POST, url.clone()));
            async move {
                sent.await?
                    .error_for_status()
                    .map(drop)
                    .map_err(BoxError::from)
            }
        });
        let service = ServiceBuilder::new()
            .layer(BulkheadLayer::boxed(bulkhead.clone()))
            .service(call);
        let service = BoxCloneSyncService::new(service);
        Ok(Self {
            name,
            bulkhead,
            service,
        })
    }

    pub(crate) async fn call(&self) -> Result<(), BoxError> {
        self.service.clone().oneshot(()).await
    }

    /// Waits until its bulkhead looks like this.
    pub(crate) async fn until(&self, reached: impl Fn(&Snapshot) -> bool) {
        while !reached(&self.bulkhead.snapshot()) {
            tokio::task::yield_now().await;
        }
    }
}

impl fmt::Debug for Dependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bulkhead.fmt(f)
    }
}
