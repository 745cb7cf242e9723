//! What is counted, not timed, and so is exact however busy the machine is: allocations per call, bytes per breaker,
//! and calls that are decided wrongly around an outage.

mod allocations;
mod debt;
mod memory;
mod outage;

use clap::Parser;
use watertight_benches::{lab::Lab, options::Options, report::report};

#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    options: Options,
}

fn main() -> anyhow::Result<()> {
    let Cli { options } = Cli::parse();
    let lab = Lab::new()?;
    let wants = |case: &str| options.wants(case);
    let mut rows = allocations::rows(&lab, wants);
    rows.extend(memory::rows(&lab, wants));
    rows.extend(debt::rows(wants)?);
    report(&rows, &options.file("counts"))
}
