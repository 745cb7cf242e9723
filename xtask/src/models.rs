//! The atomics of a crate under a model checker that tries the interleavings.

use std::{process::Command, time::Duration};

use anyhow::ensure;
use cargo_metadata::{Package, TargetKind};

use crate::{cargo::cargo, process, step::Step, workspace::Workspace};

const BUILD_LIMIT: Duration = Duration::from_secs(15 * 60);

/// Replaces the standard atomics by its own under `--cfg watertight_NAME`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Checker {
    /// Every interleaving up to a bound, weak memory included.
    Loom {
        preemptions: u32,
        /// Where a model stops looking; without it, it ends with the last interleaving.
        longest: Option<Duration>,
    },
    /// Random interleavings; finds lost updates that loom's bound hides.
    Shuttle,
}

/// All models of one checker.
pub(crate) fn step<'w>(workspace: &'w Workspace, checker: Checker) -> Step<'w> {
    let name = format!("{} models", checker.name());
    Step::new(name)
        .check(move || count(workspace, checker))
        .run_all(commands(workspace, checker))
}

/// One command per crate that has models.
pub(crate) fn commands(workspace: &Workspace, checker: Checker) -> Vec<Command> {
    workspace
        .modelled(&checker.cfg())
        .map(|package| command(workspace, package, checker))
        .collect()
}

// A crate that asks for a checker and has no model for it would pass without being checked.
fn count(workspace: &Workspace, checker: Checker) -> anyhow::Result<String> {
    let mut all = 0;
    for package in workspace.modelled(&checker.cfg()) {
        let mut list = command(workspace, package, checker);
        list.args(["--", "--list"]);
        let listed = process::output(list, BUILD_LIMIT)?;
        let models = listed
            .lines()
            .filter(|line| line.ends_with(": test"))
            .count();
        ensure!(
            models > 0,
            "{} has no {} models",
            package.name,
            checker.name()
        );
        all += models;
    }
    Ok(format!("{all} models"))
}

fn command(workspace: &Workspace, package: &Package, checker: Checker) -> Command {
    let mut test = cargo(
        workspace.root(),
        ["test", "--release", "-p", &package.name, "--lib"],
    );
    let targets = package.targets.iter().filter(|target| {
        target.kind.contains(&TargetKind::Test) && target.name.contains(checker.name())
    });
    for target in targets {
        test.args(["--test", &target.name]);
    }
    test.arg("--target-dir")
        .arg(workspace.target(checker.name()))
        .env("RUSTFLAGS", format!("--cfg {}", checker.cfg()));
    if let Checker::Loom {
        preemptions,
        longest,
    } = checker
    {
        test.env("LOOM_MAX_PREEMPTIONS", preemptions.to_string());
        if let Some(longest) = longest {
            test.env("LOOM_MAX_DURATION", longest.as_secs().to_string());
        }
    }
    test
}

impl Checker {
    /// Bounded so that all models together end within minutes.
    pub(crate) const TEST: [Self; 2] = [
        Self::Loom {
            preemptions: 2,
            longest: None,
        },
        Self::Shuttle,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Loom { .. } => "loom",
            Self::Shuttle => "shuttle",
        }
    }

    fn cfg(self) -> String {
        format!("watertight_{}", self.name())
    }
}
