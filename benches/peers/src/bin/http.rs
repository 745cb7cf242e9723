//! Requests per second of an axum router on loopback: bare, and under the layers of this run.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use anyhow::Context;
use axum::Router;
use clap::Parser;
use tokio::net::TcpListener;
use watertight_benches::{
    options::Options,
    report::report,
    rounds::Plan,
    row::{Figures, Row},
    stats::median,
    target::Target::AtLeastOf,
};
use watertight_peers::http::{Load, ONE_LAYER, OURS, routers};

/// Fewer rounds say nothing: single ones differ by a tenth.
const ROUNDS: usize = 15;

#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    options: Options,
}

fn main() -> anyhow::Result<()> {
    let Cli { options } = Cli::parse();
    let plan = options.plan(ROUNDS, Duration::from_secs(1));
    let load = Load::find();
    let case = format!("axum router, stack of four, under {}", load.name());
    let mut rows = Vec::new();
    if options.wants(&case) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        eprintln!("{case}");
        rows = tell(case, runtime.block_on(measure(&load, plan))?);
    }
    report(&rows, &options.file("http"))
}

/// The requests per second of every router in every round.
async fn measure(load: &Load, plan: Plan) -> anyhow::Result<BTreeMap<&'static str, Vec<f64>>> {
    let mut servers = Vec::new();
    for (name, router) in routers() {
        servers.push((name, serve(router).await?));
    }
    let mut measured = BTreeMap::<_, Vec<_>>::new();
    // The first round warms everything up.
    for round in 0..=plan.rounds {
        for (name, address) in &servers {
            let rate = load.requests_per_second(*address, plan.slice).await;
            let rate = rate.with_context(|| format!("cannot measure {name}"))?;
            if round > 0 {
                measured.entry(*name).or_default().push(rate);
            }
        }
        // Nobody always comes after the same.
        servers.reverse();
    }
    Ok(measured)
}

async fn serve(router: Router) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

/// Ratios are taken within each round, and their medians are told; so are the plain figures.
fn tell(case: String, mut measured: BTreeMap<&'static str, Vec<f64>>) -> Vec<Row> {
    let base = measured.get(ONE_LAYER).cloned().unwrap_or_default();
    let shares = measured.iter().map(|(name, rates)| {
        let shares: Vec<_> = rates
            .iter()
            .zip(&base)
            .map(|(rate, base)| rate / base)
            .collect();
        (*name, median(&shares))
    });
    let shares = figures(
        case.clone(),
        "of one no-op layer's requests/s",
        shares.collect(),
    );
    let rates = measured
        .iter_mut()
        .map(|(name, rates)| (*name, median(rates)));
    let rates = figures(case, "requests/s", rates.collect());
    let mut rows = shares.rows(&[AtLeastOf(ONE_LAYER, 0.95)]);
    rows.extend(rates.rows(&[]));
    rows
}

fn figures(case: String, unit: &'static str, mut medians: BTreeMap<&str, f64>) -> Figures {
    Figures {
        case,
        unit,
        ours: medians.remove(OURS),
        peers: medians
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
        floor: None,
        discounted: None,
    }
}
