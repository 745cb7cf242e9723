#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses its own part"
)]

use std::{io, net::SocketAddr, time::Duration};

use axum::Router;
use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;
use tokio::net::TcpListener;
use tower::{Service, ServiceBuilder, service_fn};
use watertight::{Rejected, http::Retries};
use watertight_testing::{FaultLayer, FaultPlan, Ledger, LedgerLayer};

pub const SECOND: Duration = Duration::from_secs(1);
pub const MILLISECOND: Duration = Duration::from_millis(1);

pub type Body = Full<Bytes>;
pub type Request = http::Request<Body>;

/// What stands at the end of a client stack: it answers 200, does what the plan says, and every call that reaches it is
/// in the ledger, labelled with what its deadline header says.
#[derive(Clone)]
pub struct Remote {
    pub plan: FaultPlan<Request>,
    pub ledger: Ledger,
}

impl Remote {
    pub fn new() -> Self {
        Self {
            plan: FaultPlan::seeded(7),
            ledger: Ledger::new(),
        }
    }

    pub fn client(
        &self,
    ) -> impl Service<Request, Response = Response<Body>, Error = io::Error, Future: Send + 'static>
    + Clone
    + Send
    + Sync
    + 'static
    + use<> {
        let sent = |request: &Request| {
            let left = request.headers().get("x-request-timeout-ms");
            left.map_or_else(String::new, |left| left.to_str().unwrap().to_owned())
        };
        ServiceBuilder::new()
            .layer(LedgerLayer::new(self.ledger.clone()).label(sent))
            .layer(FaultLayer::responding(self.plan.clone(), broken))
            .service(service_fn(async |_: Request| {
                Ok(Response::new(Body::from("ok")))
            }))
    }

    /// When each attempt was made, counted from the first.
    pub fn starts(&self) -> Vec<Duration> {
        let records = self.ledger.records();
        records
            .iter()
            .map(|record| record.start - records[0].start)
            .collect()
    }
}

fn broken() -> Response<Body> {
    let mut response = Response::new(Body::default());
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}

pub fn get() -> Request {
    http::Request::get("http://shop.test/roses")
        .body(Body::default())
        .unwrap()
}

pub fn refusal<T>(result: Result<T, watertight::Error<io::Error>>) -> Rejected {
    let error = result.err().expect("a refusal, not an answer");
    *error.rejected().expect("a refusal, not an error")
}

/// So many attempts, a pause of a tenth of a second between them, and no budget in the way.
pub fn attempts(attempts: u32) -> impl FnOnce(&mut Retries) {
    move |retries| {
        retries.attempts = attempts;
        retries.delay = SECOND / 10;
        retries.max_delay = SECOND / 10;
        retries.min_per_second = 1_000;
    }
}

/// Serves a router on a port of its own until the test ends.
pub async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async { axum::serve(listener, app).await });
    address
}
