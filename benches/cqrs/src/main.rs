//! Event stores compared: ours, the bare floors and other people's, in turn, each in a process of its own.

mod cases;
mod parties;
mod rounds;
mod tables;

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, ensure};
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
    if parties.can(Keeper::Postgres) && !cli.any_server {
        parties.is_durable()?;
    }
    let plan = cli.options.plan(3, Duration::from_secs(1));
    let mut runs = Runs::new(&parties, plan);
    let (mut rows, mut failed) = (Vec::new(), 0);
    for bench in Bench::all(cli.events) {
        let wanted = bench.rows.iter().any(|row| cli.options.wants(&row.case));
        if !wanted || !parties.can(bench.keeper) {
            continue;
        }
        match runs.measure(&bench) {
            Ok(measured) => rows.extend(measured),
            Err(error) => {
                // The others' figures took minutes, and are good all the same.
                eprintln!("    {error:#}");
                failed += 1;
            }
        }
    }
    println!("{}", runs.tables());
    report(&rows, &cli.options.file("cqrs"))?;
    ensure!(failed == 0, "{failed} cases could not be measured");
    Ok(())
}
