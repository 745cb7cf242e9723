//! Instructions per call, counted by callgrind: exact where nanoseconds are not.
//!
//! The program runs itself under valgrind, once with few calls and once with many.

use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use clap::{Parser, Subcommand};
use watertight_benches::{
    callgrind::Callgrind,
    floor,
    lab::{Lab, Place},
    row::{Figures, Row},
    subject::{BARE, OURS, Subject},
};
use watertight_peers::{
    cases::{self, Case},
    report::report,
};

#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Options {
    /// Only the cases whose name contains this.
    #[arg(long, default_value = "")]
    only: String,
    /// Where the figures are written.
    #[arg(long, default_value = "target/bench/instructions.json")]
    out: PathBuf,
    #[command(subcommand)]
    counted: Option<Counted>,
}

#[derive(Debug, Subcommand)]
enum Counted {
    /// What runs under valgrind: so many calls of one subject.
    Call {
        case: String,
        subject: String,
        calls: u64,
    },
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let lab = Lab::new()?;
    if let Some(Counted::Call {
        case,
        subject,
        calls,
    }) = options.counted
    {
        return call(&lab, &case, &subject, calls);
    }
    let Some(callgrind) = Callgrind::find() else {
        bail!("valgrind is missing");
    };
    let this = env::current_exe()?;
    let mut rows = Vec::new();
    for case in cases::containing(&lab, &options.only) {
        eprintln!("{}", case.name);
        rows.extend(count(&callgrind, &this, &case)?);
    }
    report(&rows, &options.out)
}

fn count(callgrind: &Callgrind, this: &Path, case: &Case) -> anyhow::Result<Vec<Row>> {
    let names = case.subjects.iter().map(Subject::name);
    let mut counted = BTreeMap::new();
    for name in names.chain([BARE]) {
        let per_call = callgrind.per_call(this, &["call", case.name, name])?;
        counted.insert(name.to_owned(), per_call);
    }
    let figures = Figures {
        case: case.name.to_owned(),
        unit: "instructions/call",
        ours: counted.remove(OURS),
        floor: counted.remove(floor::STRIPED),
        peers: counted,
        discounted: None,
    };
    Ok(figures.rows(case.instructions))
}

fn call(lab: &Lab, case: &str, subject: &str, calls: u64) -> anyhow::Result<()> {
    let mut cases = cases::containing(lab, case).into_iter();
    let case = cases.find(|known| known.name == case);
    let case = case.context("no such case")?;
    let mut subjects = case.subjects.into_iter().chain([case.inner.bare()]);
    let subject = subjects.find(|known| known.name() == subject);
    subject
        .context("no such subject")?
        .run(lab, Place::One, calls);
    Ok(())
}
