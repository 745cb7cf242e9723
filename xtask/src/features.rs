//! Every crate with no feature, with each one alone, and with all of them.

use cargo_metadata::Package;

use crate::{cargo::cargo, step::Step, workspace::Workspace};

/// One step per crate. Clippy, because unlike `check` it can forbid warnings without building the dependencies again.
pub(crate) fn steps(workspace: &Workspace) -> impl Iterator<Item = Step<'_>> {
    workspace.crates().map(|package| {
        let commands = selections(package).map(|selection| {
            let mut clippy = cargo(workspace.root(), ["clippy", "--quiet", "-p", &package.name]);
            clippy.args(selection).args(["--", "-D", "warnings"]);
            clippy
        });
        Step::new(format!("features of {}", package.name)).run_all(commands)
    })
}

fn selections(package: &Package) -> impl Iterator<Item = Vec<&str>> {
    let single = package.features.keys().filter(|name| *name != "default");
    let single = single.map(|name| vec!["--no-default-features", "--features", name.as_str()]);
    std::iter::once(vec!["--no-default-features"])
        .chain(single)
        .chain([vec!["--all-features"]])
}
