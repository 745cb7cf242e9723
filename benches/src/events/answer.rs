//! What a program answers.

use std::{collections::BTreeMap, fs, future::Future, process};

use anyhow::Context;
use clap::Parser;
use tokio::runtime::Builder;

use super::Ask;

/// Figures under their names.
pub type Answer = BTreeMap<String, f64>;

/// Does what the command line asks for on two workers, and writes the answer down.
///
/// # Errors
///
/// The work fails, or the answer cannot be written.
pub fn answer<F>(work: impl FnOnce(Ask) -> F) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<Answer>>,
{
    let ask = Ask::parse();
    let path = ask.answer.clone();
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let answer = runtime.block_on(work(ask))?;
    let json = serde_json::to_vec(&answer)?;
    fs::write(&path, json).with_context(|| format!("cannot write {}", path.display()))?;
    // Nothing is closed: SQLite would take its log away, and whoever is next would grow it anew, at several times the cost of
    // a commit that finds it in place, as it is in a process that runs for long.
    process::exit(0)
}
