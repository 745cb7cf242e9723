//! `cargo xtask soak`: the same promises, looked at for longer.

use std::time::Duration;

use crate::{
    cargo::cargo,
    models::{self, Checker},
    services::Postgres,
    step::Step,
    workspace::Workspace,
};

const PROPERTY_CASES: &str = "20000";

#[derive(clap::Args, Clone, Copy, Debug)]
pub(crate) struct Options {
    /// How long the rounds of random cases go on after the models.
    #[arg(long, default_value_t = 20)]
    minutes: u64,
    /// The first round's seed; each round takes the next one.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub(crate) fn steps<'w>(
    workspace: &'w Workspace,
    options: &Options,
) -> anyhow::Result<Vec<Step<'w>>> {
    let Options { minutes, seed } = *options;
    let loom = Checker::Loom {
        preemptions: 4,
        longest: Some(Duration::from_secs(minutes * 60 / 10)),
    };
    let postgres = Postgres::new()?;
    let server = postgres.clone();
    let round = move |round: u64| {
        let seed = (seed + round).to_string();
        let mut tests = cargo(workspace.root(), ["test", "--workspace", "--all-features"]);
        tests
            .args(["--lib", "--tests"])
            .env("PROPTEST_CASES", PROPERTY_CASES)
            .env("PROPTEST_RNG_SEED", &seed);
        server.tell(&mut tests);
        let mut demo = cargo(
            workspace.root(),
            ["run", "--release", "-p", "valentine", "--"],
        );
        demo.args(["--seed", &seed]);
        let mut commands = models::commands(workspace, Checker::Shuttle);
        commands.extend([tests, demo]);
        commands
    };
    let time = Duration::from_secs(minutes * 60);
    let rounds = Step::new("rounds with other seeds");
    Ok(vec![
        models::step(workspace, loom),
        postgres.around(rounds, |step| step.rounds(time, round)),
    ])
}
