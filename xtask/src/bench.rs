//! `cargo xtask bench`: ours, the floor and the peers in turn, in one run, because only such ratios count.

use std::{env::consts::EXE_SUFFIX, fs, path::PathBuf, process::Command, time::Duration};

use clap::ValueEnum;

use crate::{cargo::cargo, services::Postgres, step::Step, tools, workspace::Workspace};

const LIMIT: Duration = Duration::from_secs(2 * 60 * 60);

/// Where the benchmarks leave their figures, as they know by themselves.
const FIGURES: &str = "bench";

#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    /// What to measure.
    #[arg(value_enum, default_value_t = What::Layers)]
    what: What,
    /// Passed on to the benchmarks: --only TEXT, --rounds N, --millis N; of cqrs, too: --events N.
    #[arg(last = true, value_name = "ARGS")]
    args: Vec<String>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum What {
    /// All of it, in one table and in target/bench/layers.json.
    Layers,
    /// Nanoseconds that each layer adds to a call, beside the peers.
    Timing,
    /// Allocations per call, bytes per breaker, and what a breaker decides wrongly around an outage.
    Counts,
    /// What metrics and tracing cost where nobody listens.
    Telemetry,
    /// Instructions per call, counted by callgrind.
    Instructions,
    /// Requests per second of an axum router, asked by wrk or by our own load generator.
    Http,
    /// Commands, appends, reads and read models per second, beside other event stores, and in target/bench/cqrs.json.
    Cqrs,
}

/// Where the figures of these are.
const MEASURED: [&str; 4] = ["counts", "telemetry", "instructions", "http"];

/// What is measured beside the time of calls, by programs of their own.
const PARTS: [What; 4] = [
    What::Counts,
    What::Telemetry,
    What::Instructions,
    What::Http,
];

pub(crate) fn steps<'w>(
    workspace: &'w Workspace,
    options: &Options,
) -> anyhow::Result<Vec<Step<'w>>> {
    let args = &options.args;
    Ok(match options.what {
        What::Layers => {
            let mut steps = vec![
                Step::new("old figures").check(|| forget(workspace)),
                tools(&["wrk", "valgrind"]),
            ];
            for part in PARTS {
                steps.push(measure(workspace, part, args)?);
            }
            steps.push(table(workspace, args));
            steps
        }
        What::Http => vec![tools(&["wrk"]), measure(workspace, What::Http, args)?],
        What::Instructions | What::Telemetry => {
            vec![
                tools(&["valgrind"]),
                measure(workspace, options.what, args)?,
            ]
        }
        what => vec![measure(workspace, what, args)?],
    })
}

/// A cargo command in the workspace that knows other people's crates.
pub(crate) fn peers(workspace: &Workspace, command: &str) -> Command {
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

fn measure<'w>(workspace: &'w Workspace, what: What, args: &[String]) -> anyhow::Result<Step<'w>> {
    let (name, commands) = match what {
        What::Layers | What::Timing => {
            ("timing", vec![run(workspace, "watertight-peers", "layers")])
        }
        What::Counts => (
            "counts",
            vec![run(workspace, "watertight-counts", "watertight-counts")],
        ),
        What::Telemetry => ("telemetry", telemetry(workspace)),
        What::Instructions => (
            "instructions",
            vec![run(workspace, "watertight-peers", "instructions")],
        ),
        What::Http => ("http", vec![run(workspace, "watertight-peers", "http")]),
        What::Cqrs => return cqrs(workspace, args),
    };
    Ok(finish(name, commands, args))
}

/// The time of calls, and one table of everything that was measured before.
fn table<'w>(workspace: &'w Workspace, args: &[String]) -> Step<'w> {
    let mut all = run(workspace, "watertight-peers", "layers");
    for part in MEASURED {
        all.args(["--with", part]);
    }
    finish("layers", vec![all], args)
}

/// Ours, the floors and the others, each a program of its own, and the program that runs them in turn.
fn cqrs<'w>(workspace: &'w Workspace, args: &[String]) -> anyhow::Result<Step<'w>> {
    const OURS: &str = "watertight-cqrs-bench";
    const OTHERS: &str = "watertight-events-peers";
    let mut build_ours = cargo(workspace.root(), ["build", "--release", "--package", OURS]);
    build_ours.arg("--bins");
    let mut build_others = peers(workspace, "build");
    build_others.args(["--release", "--package", OTHERS]);

    let program = |folder: PathBuf, name: &str| folder.join(format!("{name}{EXE_SUFFIX}"));
    let ours = |name: &str| program(workspace.target("release"), name);
    let others = workspace.target("peers").join("release");
    let mut compare = Command::new(ours("cqrs"));
    compare.current_dir(workspace.root());
    compare.arg("--ours").arg(ours("cqrs-ours"));
    compare.arg("--floor").arg(ours("cqrs-floor"));
    compare.arg("--peers").arg(program(others, OTHERS));
    compare.args(args);
    let postgres = Postgres::new()?;
    postgres.tell(&mut compare);
    let step = Step::new("bench cqrs")
        .within(LIMIT)
        .run_all([build_ours, build_others]);
    Ok(postgres.around(step, |step| step.run(compare)))
}

fn finish<'w>(name: &str, mut commands: Vec<Command>, args: &[String]) -> Step<'w> {
    if let Some(last) = commands.last_mut() {
        last.args(args);
    }
    Step::new(format!("bench {name}"))
        .within(LIMIT)
        .run_all(commands)
}

fn run(workspace: &Workspace, package: &str, binary: &str) -> Command {
    let mut run = peers(workspace, "run");
    run.args(["--release", "--package", package, "--bin", binary, "--"]);
    run
}

/// Two builds of the probe, and the program that compares them.
fn telemetry(workspace: &Workspace) -> Vec<Command> {
    let build = |name: &str| workspace.target("probe").join(name);
    let (plain, telemetry) = (build("plain"), build("telemetry"));
    let probe = format!("release/probe{EXE_SUFFIX}");
    let release = |command| {
        cargo(
            workspace.root(),
            [command, "--release", "--package", "watertight-benches"],
        )
    };

    let mut without = release("build");
    without.args(["--bin", "probe", "--target-dir"]).arg(&plain);
    let mut with = release("build");
    with.args(["--bin", "probe", "--features", "telemetry", "--target-dir"])
        .arg(&telemetry);
    let mut compare = release("run");
    compare
        .args(["--bin", "telemetry", "--target-dir"])
        .arg(&plain);
    compare.args(["--", "--plain"]).arg(plain.join(&probe));
    compare.arg("--telemetry").arg(telemetry.join(&probe));
    vec![without, with, compare]
}

/// Installs what is missing where it may. Without it less is measured, which the table says; that is no failure.
fn tools<'w>(programs: &'static [&'static str]) -> Step<'w> {
    let look = || {
        let told = programs.iter().map(|program| tools::install(program));
        Ok(told.collect::<Vec<_>>().join("; "))
    };
    Step::new("bench tools").check(look)
}

/// A table must not show the figures of another run.
fn forget(workspace: &Workspace) -> anyhow::Result<String> {
    let folder = workspace.target(FIGURES);
    for name in MEASURED {
        let file = folder.join(format!("{name}.json"));
        if file.exists() {
            fs::remove_file(file)?;
        }
    }
    Ok("removed".to_owned())
}
