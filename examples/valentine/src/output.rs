use std::{
    fs::{self, OpenOptions},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

/// A file that can be written, which was found out before there was anything to write.
#[must_use]
#[derive(Debug)]
pub(crate) struct Output(PathBuf);

impl Output {
    /// Opens the file without changing what is in it.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let opened = OpenOptions::new().append(true).create(true).open(path);
        opened.with_context(|| cannot_write(path))?;
        Ok(Self(path.to_owned()))
    }

    pub(crate) fn write(&self, content: &str) -> Result<()> {
        fs::write(&self.0, content).with_context(|| cannot_write(&self.0))
    }
}

fn cannot_write(path: &Path) -> String {
    format!("cannot write {}", path.display())
}
