//! What a program leaves behind: a table to read, and a file for other programs.

use std::{fs, path::Path};

use anyhow::Context;

use crate::{
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

/// The rows that another program left behind.
///
/// # Errors
///
/// The file cannot be read, or holds something else.
pub fn read(path: &Path) -> anyhow::Result<Vec<Row>> {
    let json = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&json).with_context(|| format!("{} holds no rows", path.display()))
}
