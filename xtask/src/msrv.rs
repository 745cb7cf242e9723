//! The oldest Rust that the crates promise to build with.

use std::process::{Command, Stdio};

use anyhow::Context;

use crate::{step::Step, workspace::Workspace};

/// Checks every crate with that Rust where rustup has it, and says so where it has not.
pub(crate) fn step(workspace: &Workspace) -> anyhow::Result<Step<'_>> {
    let versions = workspace
        .crates()
        .filter_map(|package| package.rust_version.as_ref());
    let oldest = versions
        .max()
        .context("no crate says its rust-version")?
        .to_string();
    let step = Step::new(format!("Rust {oldest}"));
    if !is_installed(&oldest) {
        return Ok(step.check(move || {
            Ok(format!(
                "not checked: rustup toolchain install --profile minimal {oldest}"
            ))
        }));
    }
    let mut check = Command::new("rustup");
    check
        .current_dir(workspace.root())
        .env_remove("CARGO")
        .args([
            "run",
            &oldest,
            "cargo",
            "check",
            "--all-features",
            "--target-dir",
        ])
        .arg(workspace.target("msrv"));
    for package in workspace.crates() {
        check.args(["-p", &package.name]);
    }
    Ok(step.run(check))
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
