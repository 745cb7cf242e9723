//! Recovery debt: what a breaker decides wrongly in and after an outage, at 1 000 requests per second.

use std::time::Duration;

use tick::ClockControl;
use tokio::{
    runtime,
    task::yield_now,
    time::{Instant, advance},
};
use tower::Layer;
use watertight_benches::{
    ours::breaker,
    row::{Figures, Row},
    subject::OURS,
    target::Target::AtMost,
};
use watertight_circuit_breaker::{CircuitBreakerBuilder, CircuitBreakerLayer, Ramp};
use watertight_peers::peers::{seatbelt, tower_resilience};

use crate::outage::{Debt, Dependency, EVERY, live_through};

/// The wait of an open circuit, for all of them.
const WAIT: Duration = Duration::from_secs(5);

const RAMP: Duration = Duration::from_secs(5);

/// The dependency comes back in the middle of some wait, early or late in it.
const OUTAGES: [Duration; 4] = [
    Duration::from_millis(60_000),
    Duration::from_millis(61_300),
    Duration::from_millis(62_600),
    Duration::from_millis(63_900),
];

/// A breaker by the system's clock lives this much faster, or it would take ten minutes.
const SCALE: u32 = 50;

pub(crate) fn rows(wants: impl Fn(&str) -> bool) -> anyhow::Result<Vec<Row>> {
    let steady = || breaker::builder().open_for(WAIT).backoff(1.0, WAIT);
    let mut rows = Vec::new();
    let case = "recovery debt, waits of 5 s";
    if wants(case) {
        let peers = [
            (seatbelt::NAME, worst(belt)?),
            (tower_resilience::NAME, worst(resilience)?),
        ];
        rows.extend(told(
            case,
            worst(|outage| ours(outage, steady()))?,
            &peers,
            WAIT,
        ));
    }
    let case = "recovery debt, waits of 5 s and a ramp of 5 s";
    if wants(case) {
        let ramped = || steady().ramp(Ramp::over(RAMP));
        rows.extend(told(
            case,
            worst(|outage| ours(outage, ramped()))?,
            &[],
            WAIT + RAMP,
        ));
    }
    let case = "recovery debt, waits that double from 5 s";
    if wants(case) {
        // The outage ends in the fourth wait: 5, 10 and 20 seconds are over before, and 40 more are not.
        let doubling = || {
            breaker::builder()
                .open_for(WAIT)
                .backoff(2.0, 12 * WAIT)
                .jitter(0.0)
        };
        rows.extend(told(
            case,
            worst(|outage| ours(outage, doubling()))?,
            &[],
            8 * WAIT,
        ));
    }
    Ok(rows)
}

/// The debt of the outage with the highest.
fn worst(mut live: impl FnMut(Duration) -> anyhow::Result<Debt>) -> anyhow::Result<Debt> {
    let mut worst = Debt::default();
    for outage in OUTAGES {
        let debt = live(outage)?;
        if debt.total() > worst.total() {
            worst = debt;
        }
    }
    Ok(worst)
}

fn ours(outage: Duration, breaker: CircuitBreakerBuilder) -> anyhow::Result<Debt> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()?;
    runtime.block_on(async {
        let dependency = Dependency::default();
        let service = CircuitBreakerLayer::new(breaker.build()?).layer(dependency.clone());
        let pass = async || advance(EVERY).await;
        Ok(live_through(outage, &dependency, service, pass).await)
    })
}

fn belt(outage: Duration) -> anyhow::Result<Debt> {
    let clock = ClockControl::new();
    let layer = seatbelt::breaker_by(clock.to_clock()).break_duration(WAIT);
    let runtime = runtime::Builder::new_current_thread().build()?;
    let dependency = Dependency::default();
    let service = layer.layer(dependency.clone());
    let pass = async || clock.advance(EVERY);
    Ok(runtime.block_on(live_through(outage, &dependency, service, pass)))
}

/// It reads the system's clock, so it lives in real time, only faster.
fn resilience(outage: Duration) -> anyhow::Result<Debt> {
    let builder = tower_resilience::builder()
        .minimum_number_of_calls(20)
        .wait_duration_in_open(WAIT / SCALE);
    let runtime = runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    let dependency = Dependency::default();
    let service = tower_resilience::breaker(builder).layer(dependency.clone());
    Ok(runtime.block_on(async {
        let mut next = Instant::now();
        let pass = async || {
            next += EVERY / SCALE;
            // Busy, because no timer is that fine.
            while Instant::now() < next {
                yield_now().await;
            }
        };
        live_through(outage, &dependency, service, pass).await
    }))
}

fn told(case: &str, ours: Debt, peers: &[(&str, Debt)], limit: Duration) -> Vec<Row> {
    let mut all = peers.to_vec();
    all.push((OURS, ours));
    let parts = all.iter().map(|(name, debt)| {
        format!(
            "{name} refused {} and admitted {}",
            debt.refused, debt.doomed
        )
    });
    eprintln!("{case}: {}", parts.collect::<Vec<_>>().join(", "));
    let figures = Figures {
        case: case.to_owned(),
        unit: "calls",
        ours: Some(ours.total() as f64),
        peers: peers
            .iter()
            .map(|(name, debt)| ((*name).to_owned(), debt.total() as f64))
            .collect(),
        floor: None,
        discounted: None,
    };
    let calls = limit.as_secs_f64() / EVERY.as_secs_f64();
    figures.rows(&[AtMost(calls)])
}
