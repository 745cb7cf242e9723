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
    /// Tries to open the file, and leaves no trace of that.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let existed = path.exists();
        let opened = OpenOptions::new().append(true).create(true).open(path);
        opened.with_context(|| cannot_write(path))?;
        if !existed {
            fs::remove_file(path).with_context(|| cannot_write(path))?;
        }
        Ok(Self(path.to_owned()))
    }

    pub(crate) fn write(&self, content: &str) -> Result<()> {
        fs::write(&self.0, content).with_context(|| cannot_write(&self.0))
    }
}

fn cannot_write(path: &Path) -> String {
    format!("cannot write {}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("valentine-{}-{name}", std::process::id()))
    }

    #[test]
    fn a_file_that_can_be_written_is_only_written_at_the_end() {
        let path = file("new");
        let output = Output::open(&path).unwrap();
        assert!(!path.exists());
        output.write("content").unwrap();
        let _again = Output::open(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "content");
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named() {
        let path = file("missing").join("report.html");
        let error = Output::open(&path).unwrap_err();
        assert!(format!("{error:#}").contains(&path.display().to_string()));
    }
}
