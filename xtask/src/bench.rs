//! `cargo xtask bench`: ours, the floor and the peers in turn, in one run, because only such ratios count.

use std::time::Duration;

use clap::ValueEnum;

use crate::{cargo::cargo, step::Step, tools, workspace::Workspace};

const LIMIT: Duration = Duration::from_secs(2 * 60 * 60);

#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    /// What to measure.
    #[arg(value_enum, default_value_t = What::Layers)]
    what: What,
    /// Passed on to the benchmark.
    #[arg(last = true, value_name = "ARGS")]
    args: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum What {
    /// Nanoseconds that each layer adds to a call, beside the peers; writes target/bench/layers.json.
    Layers,
    /// Requests per second of an axum router under wrk.
    Http,
    /// Instructions per call, counted by callgrind.
    Instructions,
    /// All of them.
    All,
}

pub(crate) fn steps<'w>(
    workspace: &'w Workspace,
    options: &Options,
) -> anyhow::Result<Vec<Step<'w>>> {
    let mut steps = Vec::new();
    for (what, binary, needs) in [
        (What::Layers, "layers", None),
        (What::Http, "http", Some("wrk")),
        (What::Instructions, "instructions", Some("valgrind")),
    ] {
        if options.what != What::All && options.what != what {
            continue;
        }
        let install = needs.map_or_else(|| Ok(Vec::new()), tools::system)?;
        let mut run = peers(workspace, "run");
        run.args(["--release", "--bin", binary, "--"])
            .args(&options.args);
        let step = Step::new(format!("bench {binary}")).within(LIMIT);
        steps.push(step.run_all(install).run(run));
    }
    Ok(steps)
}

/// A cargo command in the workspace that knows other people's crates.
pub(crate) fn peers(workspace: &Workspace, command: &str) -> std::process::Command {
    let mut cargo = cargo(workspace.root(), [command, "--locked"]);
    cargo
        .args([
            "--manifest-path",
            "benches/peers/Cargo.toml",
            "--target-dir",
        ])
        .arg(workspace.target("peers"));
    cargo
}
