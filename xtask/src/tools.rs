//! Programs that are not ours: found, or installed where we may.

use std::{env, path::PathBuf, process::Command};

use anyhow::bail;

use crate::{cargo::cargo, workspace::Workspace};

const CARGO_DENY: (&str, &str) = ("cargo-deny", "0.20.2");

/// The full path of a program on the search path.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// What it takes to have a program of the system: no command, those that install it, or one line that says what to install.
pub(crate) fn system(program: &str) -> anyhow::Result<Vec<Command>> {
    if find(program).is_some() {
        return Ok(Vec::new());
    }
    install(program)
}

/// The commands that install a package of the system, or one line that says that it is needed.
pub(crate) fn install(package: &str) -> anyhow::Result<Vec<Command>> {
    if !may_install() {
        bail!(
            "{package} is missing: install it with your package manager, e.g. apt-get install {package}"
        );
    }
    let apt = |args: &[&str]| {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").args(args);
        command
    };
    Ok(vec![
        apt(&["update", "--quiet"]),
        apt(&[
            "install",
            "--quiet",
            "--yes",
            "--no-install-recommends",
            package,
        ]),
    ])
}

/// The path of cargo-deny, and the command that installs it under `target/tools` if it is nowhere yet.
pub(crate) fn cargo_deny(workspace: &Workspace) -> (Option<Command>, PathBuf) {
    let (name, version) = CARGO_DENY;
    if let Some(found) = find(name) {
        return (None, found);
    }
    let folder = workspace.target("tools");
    let program = folder.join("bin").join(name);
    let install = (!program.is_file()).then(|| {
        let mut install = cargo(workspace.root(), ["install", "--locked", "--quiet", name]);
        install.args(["--version", version, "--root"]).arg(&folder);
        install
    });
    (install, program)
}

#[cfg(unix)]
fn may_install() -> bool {
    nix::unistd::geteuid().is_root() && find("apt-get").is_some()
}

#[cfg(not(unix))]
fn may_install() -> bool {
    false
}
