//! What each layer adds to a call: ours, the floor and the peers in turn, because only ratios of one run count.

use std::{path::PathBuf, time::Duration};

use clap::Parser;
use watertight_benches::{lab::Lab, rounds::Plan};
use watertight_peers::{cases, report::report, timing};

#[derive(Debug, Parser)]
struct Options {
    /// Only the cases whose name contains this.
    #[arg(long, default_value = "")]
    only: String,
    /// How often each subject is timed.
    #[arg(long, default_value_t = 31)]
    rounds: usize,
    /// For how many milliseconds each time.
    #[arg(long, default_value_t = 20)]
    millis: u64,
    /// Where the figures are written.
    #[arg(long, default_value = "target/bench/layers.json")]
    out: PathBuf,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let plan = Plan {
        rounds: options.rounds,
        slice: Duration::from_millis(options.millis),
    };
    let lab = Lab::new()?;
    let mut rows = Vec::new();
    for case in cases::containing(&lab, &options.only) {
        rows.extend(timing::rows(&lab, plan, &case));
    }
    report(&rows, &options.out)
}
