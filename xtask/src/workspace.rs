//! What is in the workspace, as cargo tells it.

use std::path::{Path, PathBuf};

use anyhow::Context;
use cargo_metadata::{Metadata, MetadataCommand, Package, TargetKind};

/// The packages and folders of the workspace.
#[derive(Debug)]
pub(crate) struct Workspace {
    metadata: Metadata,
}

impl Workspace {
    pub(crate) fn load() -> anyhow::Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let metadata = MetadataCommand::new()
            .current_dir(root)
            .no_deps()
            .exec()
            .context("cannot read the workspace")?;
        Ok(Self { metadata })
    }

    pub(crate) fn root(&self) -> &Path {
        self.metadata.workspace_root.as_std_path()
    }

    /// A target folder of its own, for builds whose flags would throw away everyone else's work.
    pub(crate) fn target(&self, name: &str) -> PathBuf {
        self.metadata.target_directory.join(name).into()
    }

    /// The published crates: everything under `crates/`.
    pub(crate) fn crates(&self) -> impl Iterator<Item = &Package> {
        self.packages_in("crates")
    }

    /// The programs under `examples/`.
    pub(crate) fn examples(&self) -> impl Iterator<Item = &Package> {
        self.packages_in("examples")
            .filter(|package| has_binary(package))
    }

    /// Crates whose atomics a model checker can replace: those that depend on it under its own cfg.
    pub(crate) fn modelled(&self, cfg: &str) -> impl Iterator<Item = &Package> {
        let target = format!("cfg({cfg})");
        self.crates().filter(move |package| {
            let mut targets = package
                .dependencies
                .iter()
                .filter_map(|it| it.target.as_ref());
            targets.any(|platform| platform.to_string() == target)
        })
    }

    fn packages_in(&self, folder: &str) -> impl Iterator<Item = &Package> {
        let folder = self.metadata.workspace_root.join(folder);
        let mut packages: Vec<_> = self.metadata.packages.iter().collect();
        packages.sort_by_key(|package| package.name.clone());
        packages
            .into_iter()
            .filter(move |package| package.manifest_path.starts_with(&folder))
    }
}

fn has_binary(package: &Package) -> bool {
    let mut kinds = package.targets.iter().flat_map(|target| &target.kind);
    kinds.any(|kind| *kind == TargetKind::Bin)
}
