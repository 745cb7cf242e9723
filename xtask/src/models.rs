//! The atomics of a crate under a model checker that tries the interleavings.

use std::{process::Command, time::Duration};

use cargo_metadata::{Package, TargetKind};

use crate::{cargo::cargo, step::Step, workspace::Workspace};

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
pub(crate) fn step<'a>(workspace: &Workspace, checker: Checker) -> Step<'a> {
    let name = format!("{} models", checker.name());
    Step::commands(name, commands(workspace, checker))
}

/// One command per crate that has models.
pub(crate) fn commands(workspace: &Workspace, checker: Checker) -> Vec<Command> {
    workspace
        .modelled(&checker.cfg())
        .map(|package| command(workspace, package, checker))
        .collect()
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
