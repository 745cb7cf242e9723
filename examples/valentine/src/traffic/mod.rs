//! Customers who come when they come: the next one does not wait until the last one was served.

mod arrivals;
mod gauge;
mod visit;

use std::{
    future::Future,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use anyhow::{Context, Result};
use reqwest::Client;
use tokio::{
    runtime::{self, Runtime},
    task::JoinSet,
    time::{Instant, sleep_until, timeout_at},
};

pub(crate) use self::{
    arrivals::{Arrival, Stretch, Tenant, arrivals, endless},
    gauge::{Gauge, Recent, quantile},
    visit::{End, Visit},
};
use crate::shop::{FLOOD, TENANT};

/// How long a customer waits for an answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// What came of all customers of an act.
#[derive(Debug)]
pub(crate) struct Traffic {
    pub(crate) visits: Vec<Visit>,
    /// How much later than meant the customers really set out, sorted.
    pub(crate) late: Vec<Duration>,
}

/// Sends every customer at the time it is meant to come, on a thread that does nothing else.
pub(crate) fn drive(
    url: &str,
    start: Instant,
    arrivals: &[Arrival],
    gauge: &Arc<Gauge>,
) -> Result<Traffic> {
    runtime()?.block_on(async {
        let client = Client::new();
        let mut visits = JoinSet::new();
        for arrival in arrivals.iter().copied() {
            sleep_until(start + arrival.at).await;
            gauge.sent.fetch_add(1, Ordering::AcqRel);
            visits.spawn(visit(client.clone(), url, start, arrival, gauge.clone()));
        }
        let (visits, mut late): (Vec<_>, Vec<_>) = visits.join_all().await.into_iter().unzip();
        late.sort_unstable();
        Ok(Traffic { visits, late })
    })
}

/// Sends customers like [`drive`], but keeps nothing of them except what the gauge shows.
pub(crate) fn drive_on(
    url: &str,
    start: Instant,
    arrivals: impl Iterator<Item = Arrival>,
    gauge: &Arc<Gauge>,
) -> Result<()> {
    runtime()?.block_on(async {
        let client = Client::new();
        for arrival in arrivals {
            sleep_until(start + arrival.at).await;
            gauge.sent.fetch_add(1, Ordering::AcqRel);
            tokio::spawn(visit(client.clone(), url, start, arrival, gauge.clone()));
        }
        Ok(())
    })
}

fn runtime() -> std::io::Result<Runtime> {
    runtime::Builder::new_current_thread().enable_all().build()
}

fn visit(
    client: Client,
    url: &str,
    start: Instant,
    arrival: Arrival,
    gauge: Arc<Gauge>,
) -> impl Future<Output = (Visit, Duration)> + Send + use<> {
    let url = format!("{url}/checkout/{}", arrival.order);
    checkout(client, url, start, arrival, gauge)
}

async fn checkout(
    client: Client,
    url: String,
    start: Instant,
    arrival: Arrival,
    gauge: Arc<Gauge>,
) -> (Visit, Duration) {
    let meant = start + arrival.at;
    let late = meant.elapsed();
    let tenant = match arrival.tenant {
        Tenant::Ordinary(number) => format!("tenant-{number}"),
        Tenant::Flood => FLOOD.to_owned(),
    };
    let sent = client.post(url).header(TENANT, tenant).send();
    let answer = timeout_at(meant + PATIENCE, sent).await;
    let status = answer
        .context("no answer")
        .and_then(|answer| Ok(answer?.status()));
    let visit = Visit {
        order: arrival.order,
        tenant: arrival.tenant,
        at: arrival.at,
        took: meant.elapsed(),
        end: End::of(status.ok()),
    };
    gauge.end(visit);
    (visit, late)
}

#[cfg(test)]
mod tests {
    use std::thread;

    use axum::{Router, http::StatusCode, routing::post};

    use super::*;
    use crate::shop::serve;

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn time_counts_from_when_a_customer_was_meant_to_come() {
        let handler = post(async || StatusCode::NO_CONTENT);
        let router = Router::new().route("/checkout/{order}", handler);
        let url = serve(router).await.unwrap();
        let gauge = Arc::new(Gauge::default());
        let arrival = Arrival {
            at: Duration::ZERO,
            order: 1,
            tenant: Tenant::Ordinary(0),
        };
        // The act has begun a second ago, so its first customer sets out a second late.
        let second = Duration::from_secs(1);
        let start = Instant::now() - second;
        let driving = thread::spawn(move || drive(&url, start, &[arrival], &gauge));
        let traffic = driving.join().unwrap().unwrap();
        assert!(traffic.late[0] >= second, "{:?}", traffic.late);
        let visit = traffic.visits[0];
        assert!(visit.took >= second, "{visit:?}");
    }

    #[test]
    fn the_way_a_visit_ends_is_read_from_the_answer() {
        let end = |status| End::of(StatusCode::from_u16(status).ok());
        assert_eq!((end(200), end(204)), (End::Bought, End::Bought));
        assert_eq!((end(429), end(503)), (End::Refused, End::Refused));
        assert_eq!((end(502), end(404)), (End::Failed, End::Failed));
        assert_eq!(End::of(None), End::Left);
    }
}
