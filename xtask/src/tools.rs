//! Programs that are not ours: found, or installed where we may.

use std::{env, path::PathBuf, process::Command, time::Duration};

use anyhow::ensure;

use crate::{cargo::cargo, process::Running, workspace::Workspace};

const INSTALL_LIMIT: Duration = Duration::from_secs(5 * 60);

const CARGO_DENY: (&str, &str) = ("cargo-deny", "0.20.2");

/// The full path of a program on the search path.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// Installs a program of the system if it is missing and we may; one line that says how that went.
pub(crate) fn install(program: &str) -> String {
    if find(program).is_some() {
        return format!("{program} is there");
    }
    match install_package(program) {
        Ok(()) => format!("{program} was installed"),
        Err(error) => format!("{error:#}"),
    }
}

/// Installs a package of the system, or says in one line that it is needed.
pub(crate) fn install_package(package: &str) -> anyhow::Result<()> {
    let missing = format!(
        "{package} is missing: install it with your package manager, e.g. apt-get install {package}"
    );
    ensure!(may_install(), missing);
    let commands = [
        apt(&["update", "--quiet"]),
        apt(&[
            "install",
            "--quiet",
            "--yes",
            "--no-install-recommends",
            package,
        ]),
    ];
    for mut command in commands {
        let status = Running::start(&mut command)?.wait(INSTALL_LIMIT)?;
        ensure!(status.success(), "{missing} ({status})");
    }
    Ok(())
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

fn apt(args: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive").args(args);
    command
}

#[cfg(unix)]
fn may_install() -> bool {
    nix::unistd::geteuid().is_root() && find("apt-get").is_some()
}

#[cfg(not(unix))]
fn may_install() -> bool {
    false
}
