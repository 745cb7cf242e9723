//! Customers who come when they come: the next one does not wait until the last one was served.

mod arrivals;
mod gauge;
mod visit;

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use anyhow::{Context, Result};
use reqwest::Client;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until, timeout_at},
};

pub(crate) use self::{
    arrivals::{Arrival, Stretch, Tenant, arrivals},
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
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build()?;
    runtime.block_on(async {
        let client = Client::new();
        let mut visits = JoinSet::new();
        for arrival in arrivals.iter().copied() {
            sleep_until(start + arrival.at).await;
            gauge.sent.fetch_add(1, Ordering::AcqRel);
            let url = format!("{url}/checkout/{}", arrival.order);
            visits.spawn(visit(client.clone(), url, start, arrival, gauge.clone()));
        }
        let (visits, mut late): (Vec<_>, Vec<_>) = visits.join_all().await.into_iter().unzip();
        late.sort_unstable();
        Ok(Traffic { visits, late })
    })
}

async fn visit(
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
