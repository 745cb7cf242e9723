//! The oldest Rust that the crates promise to build with.

use std::{
    collections::BTreeMap,
    process::{Command, Stdio},
};

use crate::{step::Step, workspace::Workspace};

/// Checks the crates with the Rust that each promises where rustup has it, and says so where it has not.
pub(crate) fn steps(workspace: &Workspace) -> impl Iterator<Item = Step<'_>> {
    let mut promised: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for package in workspace.crates() {
        if let Some(version) = &package.rust_version {
            let crates = promised.entry(version.to_string()).or_default();
            crates.push(&package.name);
        }
    }
    promised
        .into_iter()
        .map(|(version, crates)| step(workspace, &version, &crates))
}

fn step<'w>(workspace: &'w Workspace, version: &str, crates: &[&str]) -> Step<'w> {
    let step = Step::new(format!("Rust {version}"));
    if !is_installed(version) {
        let missing = format!("not checked: rustup toolchain install --profile minimal {version}");
        return step.check(move || Ok(missing));
    }
    let mut check = Command::new("rustup");
    check
        .current_dir(workspace.root())
        .env_remove("CARGO")
        .args([
            "run",
            version,
            "cargo",
            "check",
            "--all-features",
            "--target-dir",
        ])
        .arg(workspace.target("msrv"));
    for name in crates {
        check.args(["-p", name]);
    }
    step.run(check)
}

fn is_installed(version: &str) -> bool {
    let mut rustup = Command::new("rustup");
    let probe = rustup.args(["run", version, "rustc", "--version"]);
    let silent = probe
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    silent.status().is_ok_and(|status| status.success())
}
