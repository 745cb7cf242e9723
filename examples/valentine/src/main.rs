//! A shop on its worst day: the same storm with the same seed, unprotected and behind the layers.

mod args;
mod claims;
mod day;
mod report;
mod scale;
mod serve;
mod shop;
mod traffic;
mod view;

use std::{process::ExitCode, time::Duration};

use anyhow::{Context, Result};
use clap::Parser;

use crate::{
    args::Args,
    claims::{Claim, check},
    day::{Played, play},
    report::Report,
    scale::Scale,
    traffic::quantile,
    view::{View, millis},
};

/// Customers who set out later than this were late themselves, and what they saw says nothing about the shop.
const LATE: Duration = Duration::from_millis(100);

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    let scale = Scale::measured()?;
    if args.serve {
        return serve::serve(scale, args.seed);
    }
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
    let claims: Vec<_> = day.iter().flat_map(|played| check(played, scale)).collect();
    tell(&claims);
    let report = Report {
        day: &day,
        claims: &claims,
        scale,
        seed: args.seed,
    };
    report
        .write(&args.report)
        .with_context(|| format!("cannot write {}", args.report.display()))?;
    println!("\nreport: {}", args.report.display());
    Ok(verdict(&day, &claims))
}

fn tell(claims: &[Claim]) {
    println!();
    for claim in claims {
        let mark = if claim.holds { "pass" } else { "FAIL" };
        let (act, world) = (claim.act.number(), claim.world.name());
        println!(
            "{mark}  act {act} {world:<9}  {:<68} {}",
            claim.says, claim.found
        );
    }
}

fn verdict(day: &[Played], claims: &[Claim]) -> ExitCode {
    let late = day
        .iter()
        .map(|played| quantile(&played.traffic.late, 0.99));
    let late = late.max().unwrap_or_default();
    if late > LATE {
        println!(
            "invalid: 1 % of the customers set out {} late or more; this machine is too busy",
            millis(late)
        );
        return ExitCode::from(2);
    }
    let failed = claims.iter().filter(|claim| !claim.holds).count();
    println!("{} claims, {failed} failed", claims.len());
    match failed {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
