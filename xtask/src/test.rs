//! `cargo xtask test`: every test there is.

use std::time::Duration;

use crate::{
    cargo::cargo,
    models::{self, Checker},
    services::Postgres,
    step::Step,
    workspace::Workspace,
};

/// The demo is a run of a minute with its own claims; `ci` runs it in release mode.
const DEMO: &str = "valentine";

/// An example is a page of code: what takes longer hangs.
const EXAMPLE_LIMIT: Duration = Duration::from_secs(10 * 60);

#[derive(clap::Args, Debug, Default)]
pub(crate) struct Options {
    /// Passed on to `cargo test`; then only that runs, without models and examples.
    #[arg(last = true, value_name = "CARGO TEST ARGS")]
    cargo_args: Vec<String>,
}

pub(crate) fn steps<'w>(
    workspace: &'w Workspace,
    options: &Options,
) -> anyhow::Result<Vec<Step<'w>>> {
    let mut tests = cargo(workspace.root(), ["test", "--all-features"]);
    tests.args(&options.cargo_args);
    let postgres = Postgres::new()?;
    postgres.tell(&mut tests);
    let step = Step::new("unit tests, integration tests, doctests");
    let tests = postgres.around(step, |step| step.run(tests));
    if !options.cargo_args.is_empty() {
        return Ok(vec![tests]);
    }
    let mut steps = vec![tests];
    steps.extend(examples(workspace));
    steps.extend(Checker::TEST.map(|checker| models::step(workspace, checker)));
    Ok(steps)
}

fn examples(workspace: &Workspace) -> impl Iterator<Item = Step<'_>> {
    let names = workspace.examples().map(|package| package.name.as_str());
    names.filter(|name| *name != DEMO).map(|name| {
        let run = cargo(workspace.root(), ["run", "--quiet", "-p", name]);
        Step::new(format!("example {name}"))
            .run(run)
            .within(EXAMPLE_LIMIT)
    })
}
