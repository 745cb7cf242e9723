//! Instructions per call, counted by callgrind: exact where nanoseconds are not.
//!
//! The program runs itself under valgrind, once with few calls and once with many.

use std::{collections::BTreeMap, env, path::Path};

use anyhow::Context;
use clap::{Parser, Subcommand};
use watertight_benches::{
    callgrind::Callgrind,
    floor,
    lab::{Lab, Place},
    options::Options,
    report::report,
    row::{Figures, Row},
    subject::{BARE, OURS, Subject},
};
use watertight_peers::cases::{self, Case};

#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(flatten)]
    options: Options,
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
    let Cli { options, counted } = Cli::parse();
    let lab = Lab::new()?;
    if let Some(Counted::Call {
        case,
        subject,
        calls,
    }) = counted
    {
        return call(&lab, &case, &subject, calls);
    }
    let callgrind = Callgrind::find();
    let this = env::current_exe()?;
    let mut rows = Vec::new();
    for case in cases::wanted(&lab, |name| options.wants(name)) {
        eprintln!("{}, instructions", case.name);
        rows.extend(count(callgrind.as_ref(), &this, &case)?);
    }
    report(&rows, &options.file("instructions"))
}

fn count(callgrind: Option<&Callgrind>, this: &Path, case: &Case) -> anyhow::Result<Vec<Row>> {
    let names = case.subjects.iter().map(Subject::name);
    let mut counted = BTreeMap::new();
    if let Some(callgrind) = callgrind {
        for name in names.chain([BARE]) {
            let per_call = callgrind.per_call(this, &["call", case.name, name])?;
            counted.insert(name.to_owned(), per_call);
        }
    }
    let figures = Figures {
        case: case.name.to_owned(),
        unit: "instructions/call",
        ours: counted.remove(OURS),
        floor: counted.remove(floor::STRIPED),
        peers: counted,
        discounted: callgrind
            .is_none()
            .then(|| "not counted: valgrind is missing".to_owned()),
    };
    Ok(figures.rows(case.instructions))
}

fn call(lab: &Lab, case: &str, subject: &str, calls: u64) -> anyhow::Result<()> {
    let mut cases = cases::wanted(lab, |name| name == case).into_iter();
    let case = cases.next().context("no such case")?;
    let mut subjects = case.subjects.into_iter().chain([case.inner.bare()]);
    let subject = subjects.find(|known| known.name() == subject);
    subject
        .context("no such subject")?
        .run(lab, Place::One, calls);
    Ok(())
}
