//! What each layer adds to a call: ours, the floor and the peers in turn, because only ratios of one run count.

use std::time::Duration;

use clap::Parser;
use watertight_benches::{
    lab::Lab,
    options::Options,
    report::{read, report},
};
use watertight_peers::{cases, filled, timing};

#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    options: Options,
    /// Adds what this program of the same run has found, so that one table and one file tell it all.
    #[arg(long, value_name = "PROGRAM")]
    with: Vec<String>,
}

fn main() -> anyhow::Result<()> {
    let Cli { options, with } = Cli::parse();
    let plan = options.plan(31, Duration::from_millis(20));
    let lab = Lab::new()?;
    let mut rows = Vec::new();
    for case in cases::wanted(&lab, |name| options.wants(name)) {
        rows.extend(timing::rows(&lab, plan, &case));
    }
    if options.wants(filled::CASE) {
        rows.extend(filled::rows(&lab, plan));
    }
    let program = if with.is_empty() { "timing" } else { "layers" };
    for program in with {
        rows.extend(read(&options.file(&program))?);
    }
    report(&rows, &options.file(program))
}
