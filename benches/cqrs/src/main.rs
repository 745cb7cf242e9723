//! Event stores compared: ours, the bare floors and other people's, in turn, each in a process of its own.

mod cases;
mod parties;
mod rounds;
mod tables;

use std::path::PathBuf;

use anyhow::Context;
use clap::Parser;
use watertight_benches::{events::Keeper, options::Options, report::report};

use self::{cases::Bench, parties::Parties, rounds::Runs};

/// Under this variable the tests are told, too, where the server is.
const SERVER: &str = "WATERTIGHT_POSTGRES";

#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    options: Options,
    /// How many events the stores hold before anything is measured.
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    /// Our program.
    #[arg(long)]
    ours: PathBuf,
    /// The program of the floors.
    #[arg(long)]
    floor: PathBuf,
    /// The program of the others; without it only ours and the floors are measured.
    #[arg(long)]
    peers: Option<PathBuf>,
    /// The folder for what they store; on the disk that is meant.
    #[arg(long, default_value = "target/bench/stores")]
    stores: PathBuf,
    /// The PostgreSQL server; without it nothing is measured there.
    #[arg(long, env = SERVER)]
    server: Option<String>,
    /// Takes a server that is not durable, too: only to see whether everything works.
    #[arg(long)]
    any_server: bool,
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    std::fs::create_dir_all(&cli.stores).context("no folder for the stores")?;
    let stores = cli.stores.canonicalize()?;
    let parties = Parties {
        ours: cli.ours,
        floor: cli.floor,
        peers: cli.peers,
        server: cli.server,
        stores,
        events: cli.events,
    };
    let plan = cli.options.plan(5, std::time::Duration::from_millis(1_000));
    if parties.can(Keeper::Postgres) && !cli.any_server {
        parties.is_durable()?;
    }
    let mut runs = Runs::new(&parties, plan);
    let mut rows = Vec::new();
    for bench in Bench::all(cli.events) {
        if bench.rows.iter().any(|row| cli.options.wants(&row.case)) && parties.can(bench.keeper) {
            rows.extend(runs.measure(&bench)?);
        }
    }
    println!("{}", runs.tables());
    report(&rows, &cli.options.file("cqrs"))
}
