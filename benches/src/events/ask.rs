//! What a program is told.

use std::{path::PathBuf, time::Duration};

use anyhow::Context;
use clap::{Parser, ValueEnum};

use super::Sizes;

/// One piece of work for one party.
#[derive(Clone, Debug, Parser)]
pub struct Ask {
    /// Who is asked.
    pub subject: String,
    /// What is to be done.
    #[arg(value_enum)]
    pub work: Work,
    /// Where events are kept.
    #[arg(long, value_enum, default_value_t = Keeper::Memory)]
    pub keeper: Keeper,
    /// How many ask at the same time.
    #[arg(long, default_value_t = 1)]
    pub clients: usize,
    /// For how many milliseconds they ask.
    #[arg(long, default_value_t = 1_000)]
    pub millis: u64,
    /// How many events are there before anything is measured.
    #[arg(long, default_value_t = 10_000)]
    pub events: u64,
    /// The folder for files.
    #[arg(long)]
    pub folder: PathBuf,
    /// The server for databases.
    #[arg(long)]
    pub server: Option<String>,
    /// The file that the answer is written to; what other people's crates print is theirs.
    #[arg(long)]
    pub answer: PathBuf,
}

/// What can be asked for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, ValueEnum)]
pub enum Work {
    /// See whether what is acknowledged is on the disk.
    IsDurable,
    /// Make the tables anew, and fill them.
    Fill,
    /// Make stores of one long stream and of many short ones.
    FillWide,
    /// Create aggregates, nine updates each.
    Distinct,
    /// Update one aggregate.
    Hot,
    /// Update aggregates with many events that were used just now.
    Warm,
    /// Update them as after a restart.
    Cold,
    /// Append to streams of different lengths, and among few and many streams.
    Append,
    /// Read every event.
    Read,
    /// Build a view of every event.
    CatchUp,
}

/// Where events are kept.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, ValueEnum)]
pub enum Keeper {
    /// In the process.
    Memory,
    /// In a SQLite file, each commit on the disk before it is acknowledged.
    Sqlite,
    /// On a PostgreSQL server, likewise.
    Postgres,
}

impl Ask {
    /// For how long to ask.
    #[must_use]
    pub const fn time(&self) -> Duration {
        Duration::from_millis(self.millis)
    }

    /// How many events aggregates have.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        Sizes::of(self.events)
    }

    /// A file of this party.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        let name = format!("{}-{name}", self.subject.replace(' ', "-"));
        self.folder.join(name).with_extension("db")
    }

    /// A database of this party.
    #[must_use]
    pub fn database(&self, name: &str) -> String {
        let subject = self.subject.replace(|it: char| !it.is_alphanumeric(), "_");
        format!("bench_{subject}_{name}")
    }

    /// The server's address.
    ///
    /// # Errors
    ///
    /// Nobody gave it.
    pub fn server(&self) -> anyhow::Result<&str> {
        self.server.as_deref().context("there is no server")
    }

    /// How a value of these is told on a command line.
    #[must_use]
    pub fn word(value: &impl ValueEnum) -> String {
        let possible = value.to_possible_value();
        possible.map_or_else(String::new, |it| it.get_name().to_owned())
    }
}
