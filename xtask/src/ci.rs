//! `cargo xtask ci`: what must pass before a change lands, the quick and the likely failures first.

use crate::{
    bench::peers, cargo::cargo, features, metric_names, step::Step, test, tools,
    workspace::Workspace,
};

pub(crate) fn steps(workspace: &Workspace) -> Vec<Step<'_>> {
    let root = workspace.root();
    let mut steps = vec![
        Step::command("format", cargo(root, ["fmt", "--all", "--check"])),
        Step::check("metric names", || metric_names::check(workspace)),
    ];
    steps.extend(supply_chain(workspace));

    let lint = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--",
        "-D",
        "warnings",
    ];
    steps.push(Step::command("lints", cargo(root, lint)));
    let mut docs = cargo(root, ["doc", "--workspace", "--no-deps", "--all-features"]);
    docs.env("RUSTDOCFLAGS", "-D warnings");
    steps.push(Step::command("docs", docs));
    steps.extend(features::steps(workspace));

    steps.extend(test::steps(workspace, &test::Options::default()));
    steps.push(Step::command(
        "demo",
        cargo(root, ["run", "--release", "-p", "valentine"]),
    ));
    steps.push(Step::command(
        "peers' benchmark compiles",
        peers(workspace, "check"),
    ));
    steps
}

/// What others wrote: licences, duplicates, sources. Advisories need the network, so they are not a gate.
fn supply_chain(workspace: &Workspace) -> impl Iterator<Item = Step<'_>> {
    let (install, mut deny) = tools::cargo_deny(workspace);
    deny.args(["--all-features", "check", "bans", "licenses", "sources"]);
    install
        .into_iter()
        .chain([Step::command("supply chain", deny)])
}
