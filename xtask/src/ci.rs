//! `cargo xtask ci`: what must pass before a change lands, the quick and the likely failures first.

use std::process::Command;

use crate::{
    bench::peers, cargo::cargo, features, metric_names, msrv, step::Step, test, tools,
    workspace::Workspace,
};

/// How the demo says that this machine was too busy to tell; a claim that fails is another code, and final.
const DEMO_INVALID: i32 = 3;
const DEMO_TRIES: u32 = 3;

pub(crate) fn steps(workspace: &Workspace) -> anyhow::Result<Vec<Step<'_>>> {
    let root = workspace.root();
    let mut docs = cargo(root, ["doc", "--workspace", "--no-deps", "--all-features"]);
    docs.env("RUSTDOCFLAGS", "-D warnings");
    let lint = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--",
        "-D",
        "warnings",
    ];

    let demo = cargo(root, ["run", "--release", "-p", "valentine"]);

    let mut steps = vec![
        Step::new("format").run(cargo(root, ["fmt", "--all", "--check"])),
        Step::new("metric names").check(|| metric_names::check(workspace)),
        Step::new("lints").run(cargo(root, lint)),
        Step::new("docs").run(docs),
    ];
    steps.extend(features::steps(workspace));
    steps.extend(test::steps(workspace, &test::Options::default())?);
    steps.extend([
        Step::new("demo").run_until_told(demo, DEMO_INVALID, DEMO_TRIES),
        peers_compile(workspace),
    ]);
    steps.extend(msrv::steps(workspace));
    steps.push(supply_chain(workspace));
    Ok(steps)
}

fn peers_compile(workspace: &Workspace) -> Step<'_> {
    let mut check = peers(workspace, "check");
    check.arg("--workspace");
    Step::new("peers' benchmark compiles").run(check)
}

/// What others wrote: licences, duplicates, sources. Advisories need the network, so they are no gate.
fn supply_chain(workspace: &Workspace) -> Step<'_> {
    let (install, program) = tools::cargo_deny(workspace);
    let mut deny = Command::new(program);
    deny.current_dir(workspace.root())
        .args(["check", "bans", "licenses", "sources"]);
    Step::new("supply chain").run_all(install).run(deny)
}
