//! Every chore of the workspace, in Rust: `cargo xtask test | ci | bench | soak`.

mod bench;
mod cargo;
mod ci;
mod features;
mod group;
mod metric_names;
mod models;
mod msrv;
mod plan;
mod process;
mod services;
mod soak;
mod step;
mod stopwatch;
mod test;
mod tools;
mod workspace;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::{plan::Plan, workspace::Workspace};

/// Every chore of the workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(flatten)]
    how: How,
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Args, Debug)]
struct How {
    /// Go on after a failed step, and report all that failed.
    #[arg(long, short, global = true)]
    keep_going: bool,
    /// Only the steps whose name contains this text.
    #[arg(long, global = true, value_name = "TEXT")]
    only: Option<String>,
    /// Print the steps and their commands instead of running them.
    #[arg(long, global = true)]
    dry_run: bool,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Every test: unit, integration, doctests, README, book, loom and shuttle models, examples.
    Test(test::Options),
    /// What must pass before a change lands: format, lints, docs, every feature, every test, the demo, the supply chain.
    Ci,
    /// Compare ours with other crates and with the bare floor, all in one run.
    Bench(bench::Options),
    /// Look longer and deeper than `test`: larger model bounds, more random cases, other seeds.
    Soak(soak::Options),
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<bool> {
    process::stop_everything_on_ctrl_c()?;
    let workspace = Workspace::load()?;
    let steps = match cli.chore {
        Chore::Test(options) => test::steps(&workspace, &options)?,
        Chore::Ci => ci::steps(&workspace)?,
        Chore::Bench(options) => bench::steps(&workspace, &options)?,
        Chore::Soak(options) => soak::steps(&workspace, &options)?,
    };
    let plan = Plan::new(steps, cli.how.only.as_deref(), cli.how.keep_going)?;
    if cli.how.dry_run {
        plan.print();
        return Ok(true);
    }
    Ok(plan.run())
}
