//! What every program is told on its command line. They share one set, so that one line can start them all.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use crate::rounds::Plan;

/// What to measure, how long, and where to write it down.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Only the cases whose name contains this.
    #[arg(long, default_value = "", value_name = "TEXT")]
    only: String,
    /// How often each subject runs, where time is measured.
    #[arg(long)]
    rounds: Option<usize>,
    /// For how many milliseconds each time.
    #[arg(long)]
    millis: Option<u64>,
    /// The folder for the figures.
    #[arg(long, default_value = "target/bench")]
    folder: PathBuf,
}

impl Options {
    /// Whether this case is asked for.
    #[must_use]
    pub fn wants(&self, case: &str) -> bool {
        case.contains(&self.only)
    }

    /// How long to measure, if nobody said anything else.
    #[must_use]
    pub fn plan(&self, rounds: usize, slice: Duration) -> Plan {
        Plan {
            rounds: self.rounds.unwrap_or(rounds).max(1),
            slice: self.millis.map_or(slice, Duration::from_millis),
        }
    }

    /// The file for the figures of one program.
    #[must_use]
    pub fn file(&self, program: &str) -> PathBuf {
        self.folder.join(program).with_extension("json")
    }
}
