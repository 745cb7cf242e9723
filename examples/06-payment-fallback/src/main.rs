//! A payment client behind a circuit breaker, whose fallback queues the payment and answers `queued`.
//!
//! Three good calls, an outage, an open circuit, recovery; the metrics are printed at each stage.
//! Not solved yet: the queue lives in memory. A payment that must survive a crash belongs into an outbox.

mod payments;
mod provider;

use std::sync::Arc;

use anyhow::{Context, Result};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::time::{self, Instant};
use watertight::State;

use crate::{
    payments::{Answer, Payments},
    provider::Provider,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let metrics = PrometheusBuilder::new().install_recorder()?;
    let provider = Arc::new(Provider::default());
    let payments = Payments::new(&provider.clone().serve().await?)?;

    for order in 1..=3 {
        assert_eq!(payments.pay(order).await?, Answer::Charged);
    }
    stage("three good calls", &payments, &metrics);

    // The provider fails: each payment is queued. The third failure of six calls opens the circuit.
    provider.fail(true);
    for order in 4..=6 {
        assert_eq!(payments.pay(order).await?, Answer::Queued);
    }
    assert_eq!(payments.breaker.state(), State::Open);
    stage("the outage", &payments, &metrics);

    // The circuit is open: payments are still queued, and the provider is left alone.
    let before = provider.calls();
    for order in 7..=10 {
        assert_eq!(payments.pay(order).await?, Answer::Queued);
    }
    assert_eq!(provider.calls(), before);
    stage("the open circuit", &payments, &metrics);

    // The provider is back. The next payment is the probe that closes the circuit; then the queue is paid off.
    provider.fail(false);
    skip_to(payments.retry_at().context("the circuit is open")?).await;
    assert_eq!(payments.pay(11).await?, Answer::Charged);
    assert_eq!(payments.breaker.state(), State::Closed);
    assert_eq!(payments.pay_queued().await?, 7);
    stage("recovery", &payments, &metrics);

    let mut charged = provider.charged();
    charged.sort_unstable();
    assert_eq!(
        charged,
        (1..=11).collect::<Vec<_>>(),
        "every payment exactly once"
    );
    Ok(())
}

/// Moves the clock on to some moment: a program that only shows something need not wait for it.
async fn skip_to(moment: Instant) {
    time::pause();
    time::advance(moment - Instant::now()).await;
    time::resume();
}

fn stage(name: &str, payments: &Payments, metrics: &PrometheusHandle) {
    println!(
        "\n== {name}: circuit {:?}, {} queued",
        payments.breaker.state(),
        payments.queued()
    );
    // No counter that is still zero, and no quantile.
    let told = |line: &&str| {
        line.contains("name=") && !line.contains("quantile=") && !line.ends_with(" 0")
    };
    for line in metrics.render().lines().filter(told) {
        println!("{line}");
    }
}
