//! Our layers alone, in a program small enough to be built twice: without telemetry, and with it compiled in.
//!
//! It prints what the layer adds to a call, in nanoseconds, or makes the calls for callgrind and prints nothing.

use std::process::ExitCode;

use clap::Parser;
use watertight_benches::{
    lab::{Lab, Place},
    ours::ALL,
    subject::Subject,
};

/// Calls before the clock runs.
const WARM_UP: u64 = 1_000;

#[derive(Debug, Parser)]
struct Cli {
    /// What is done.
    case: String,
    /// Only makes the calls.
    #[arg(long)]
    silent: bool,
    /// How often.
    calls: u64,
}

fn main() -> anyhow::Result<ExitCode> {
    let Cli {
        case,
        silent,
        calls,
    } = Cli::parse();
    let Some(ours) = ALL.iter().find(|ours| ours.name == case) else {
        eprintln!("there is no case {case:?}");
        return Ok(ExitCode::FAILURE);
    };
    let lab = Lab::new()?;
    let layered = nanos_per_call(&lab, &(ours.set_up)(&lab), calls);
    if !silent {
        let bare = nanos_per_call(&lab, &(ours.bare)(), calls);
        println!("{}", layered - bare);
    }
    Ok(ExitCode::SUCCESS)
}

fn nanos_per_call(lab: &Lab, subject: &Subject, calls: u64) -> f64 {
    subject.run(lab, Place::One, WARM_UP);
    let ran = subject.run(lab, Place::One, calls);
    ran.elapsed.as_nanos() as f64 / ran.calls as f64
}
