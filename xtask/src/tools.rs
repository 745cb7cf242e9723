//! Programs that are not ours: found, or installed where we may.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::bail;

use crate::{cargo::cargo, step::Step, workspace::Workspace};

const CARGO_DENY: (&str, &str) = ("cargo-deny", "0.20.2");

/// The full path of a program on the search path.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// What it takes to have a program of the system: nothing, an installation, or one line that says what to install.
pub(crate) fn system(program: &str) -> anyhow::Result<Option<Step<'static>>> {
    if find(program).is_some() {
        return Ok(None);
    }
    if !may_install() {
        bail!(
            "{program} is missing: install it with your package manager, e.g. apt-get install {program}"
        );
    }
    let apt = |args: &[&str]| {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").args(args);
        command
    };
    let commands = vec![
        apt(&["update", "--quiet"]),
        apt(&[
            "install",
            "--quiet",
            "--yes",
            "--no-install-recommends",
            program,
        ]),
    ];
    Ok(Some(Step::commands(format!("install {program}"), commands)))
}

/// `cargo deny`, and the step that installs it under `target/tools` if neither is there.
pub(crate) fn cargo_deny(workspace: &Workspace) -> (Option<Step<'static>>, Command) {
    let (name, version) = CARGO_DENY;
    if let Some(found) = find(name) {
        return (None, deny(&found, workspace));
    }
    let folder = workspace.target("tools");
    let program = folder.join("bin").join(name);
    let install = (!program.is_file()).then(|| {
        let mut install = cargo(workspace.root(), ["install", "--locked", "--quiet", name]);
        install.args(["--version", version, "--root"]).arg(&folder);
        Step::command(format!("install {name}"), install)
    });
    (install, deny(&program, workspace))
}

fn deny(program: &Path, workspace: &Workspace) -> Command {
    let mut command = Command::new(program);
    command.current_dir(workspace.root()).arg("deny");
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
