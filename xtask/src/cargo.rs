//! Calls of the very cargo that runs this program.

use std::{env, ffi::OsStr, path::Path, process::Command};

/// `cargo ARGS`, at the root of the workspace.
pub(crate) fn cargo<A: AsRef<OsStr>>(root: &Path, args: impl IntoIterator<Item = A>) -> Command {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(root).args(args);
    command
}
