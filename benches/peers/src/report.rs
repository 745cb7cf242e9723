//! What a benchmark leaves behind: a table to read, and a file for programs.

use std::path::Path;

use anyhow::Context;
use watertight_benches::{
    row::{self, Row},
    table::{Table, score},
};

/// Prints the table and writes the file.
///
/// # Errors
///
/// The file cannot be written.
pub fn report(rows: &[Row], path: &Path) -> anyhow::Result<()> {
    let (held, judged) = score(rows);
    println!("{}\n{held} of {judged} targets hold", Table(rows));
    row::write(path, rows).with_context(|| format!("cannot write {}", path.display()))?;
    println!("written to {}", path.display());
    Ok(())
}
