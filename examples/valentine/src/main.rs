//! A shop on its worst day: the same storm with the same seed, unprotected and behind the layers.

mod args;
mod claims;
mod day;
mod output;
mod report;
mod scale;
mod serve;
mod shop;
mod traffic;
mod view;

use std::{process::ExitCode, time::Duration};

use anyhow::Result;
use clap::Parser;

use crate::{
    args::Args,
    claims::{Claim, check},
    day::{Played, play},
    output::Output,
    report::Report,
    scale::Scale,
    view::{View, millis, table},
};

/// Who is later than this was late by fault of the machine, and what was seen says nothing about the shop.
const LATE: Duration = Duration::from_millis(100);

/// How the program ends; `clap` ends it with 2 as well when it cannot make out what is wanted.
const CLAIM_FAILED: u8 = 1;
const NOT_PLAYED: u8 = 2;
const INVALID: u8 = 3;

fn main() -> ExitCode {
    run(&Args::parse()).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::from(NOT_PLAYED)
    })
}

fn run(args: &Args) -> Result<ExitCode> {
    if args.serve {
        serve::serve(args.world(), scale(args)?, args.seed)?;
        return Ok(ExitCode::SUCCESS);
    }
    // A minute later would be too late to find out that they cannot be written.
    let report_to = Output::open(&args.report)?;
    let plot_to = args.plot.as_deref().map(Output::open).transpose()?;

    let scale = scale(args)?;
    println!(
        "calm: {:.0} checkouts/s, storm: {:.0}, seed {}\n",
        scale.calm,
        scale.calm * day::STORM,
        args.seed
    );
    let view = View::new();
    let mut day = Vec::new();
    for act in args.acts() {
        for world in args.worlds() {
            let played = play(act, *world, scale, args.seed, &view)?;
            view.done(&played);
            day.push(played);
        }
    }
    view.close();
    let claims = check(&day, scale);
    println!("\n{}", table(&claims));
    let report = Report {
        day: &day,
        claims: &claims,
        scale,
        seed: args.seed,
    };
    report_to.write(&report.page()?)?;
    if let Some(plot_to) = plot_to {
        plot_to.write(&report.picture()?)?;
    }
    println!("report: {}", args.report.display());
    Ok(verdict(&day, &claims))
}

fn scale(args: &Args) -> Result<Scale> {
    args.rate
        .map_or_else(Scale::measured, |rate| Ok(Scale::fixed(rate)))
}

fn verdict(day: &[Played], claims: &[Claim]) -> ExitCode {
    let failed = claims.iter().filter(|claim| !claim.holds).count();
    println!("{} claims, {failed} failed", claims.len());
    match busy(day, failed > 0) {
        Some(why) => {
            println!("invalid: {why}; this machine is too busy");
            ExitCode::from(INVALID)
        }
        None if failed > 0 => ExitCode::from(CLAIM_FAILED),
        None => ExitCode::SUCCESS,
    }
}

/// Why the day says nothing, if it does not.
fn busy(day: &[Played], failed: bool) -> Option<String> {
    let of = |played: &Played| format!("act {} {}", played.act.number(), played.world.name());
    day.iter().find_map(|played| {
        let (customers, clock) = (played.customers_late(), played.clock_late());
        if customers > LATE {
            let late = millis(customers);
            return Some(format!("{}: customers set out {late} late", of(played)));
        }
        // A shop that keeps its promises on a busy machine keeps them; one that fails may not be to blame.
        let late = millis(clock);
        (failed && clock > LATE)
            .then(|| format!("{}: the shop's clock was {late} late", of(played)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        day::{Act, played},
        shop::World,
    };

    fn day(late: Duration, pulse: Duration) -> [Played; 1] {
        let mut played = played(Act::Calm, World::Protected, &[]);
        played.traffic.late = vec![late];
        played.pulse = vec![pulse];
        [played]
    }

    #[test]
    fn late_customers_spoil_every_day() {
        let late = day(LATE + Duration::from_millis(1), Duration::ZERO);
        assert!(busy(&late, false).is_some() && busy(&late, true).is_some());
        assert_eq!(busy(&day(LATE, LATE), true), None);
    }

    #[test]
    fn a_late_clock_spoils_only_a_day_on_which_a_claim_failed() {
        let late = day(Duration::ZERO, LATE + Duration::from_millis(1));
        assert_eq!(busy(&late, false), None);
        assert!(busy(&late, true).is_some_and(|why| why.starts_with("act 0 protected")));
    }
}
