//! Instructions per call, counted by callgrind.

use std::{
    io,
    path::{Path, PathBuf},
    process::Command,
};

/// Calls in the shorter of two runs; what is not calls, such as starting the program, drops out of their difference.
const FEW: u64 = 1_000;

/// Calls in the longer run.
const MANY: u64 = 11_000;

/// The programs that count.
#[derive(Clone, Debug)]
pub struct Callgrind(PathBuf);

impl Callgrind {
    /// Callgrind, if valgrind is installed.
    #[must_use]
    pub fn find() -> Option<Self> {
        find("valgrind").map(Self)
    }

    /// Instructions that one call takes, if `program` makes the number of calls that its last argument says.
    ///
    /// # Errors
    ///
    /// Valgrind or the program fails.
    pub fn per_call(&self, program: &Path, args: &[&str]) -> io::Result<f64> {
        let (few, many) = (
            self.count(program, args, FEW)?,
            self.count(program, args, MANY)?,
        );
        Ok((many as f64 - few as f64) / (MANY - FEW) as f64)
    }

    fn count(&self, program: &Path, args: &[&str], calls: u64) -> io::Result<u64> {
        let output = Command::new(&self.0)
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(program)
            .args(args)
            .arg(calls.to_string())
            .output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            return Err(io::Error::other(format!(
                "valgrind: {}\n{said}",
                output.status
            )));
        }
        collected(&said)
            .ok_or_else(|| io::Error::other(format!("valgrind counted nothing:\n{said}")))
    }
}

/// The full path of a program on the search path.
#[must_use]
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

fn collected(said: &str) -> Option<u64> {
    let line = said.lines().find(|line| line.contains("Collected :"))?;
    line.rsplit(':').next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_found_in_what_callgrind_says() {
        let said = "==7== Events    : Ir\n==7== Collected : 4713299\n==7==\n";
        assert_eq!(collected(said), Some(4_713_299));
        assert_eq!(collected("valgrind: no such program"), None);
    }
}
