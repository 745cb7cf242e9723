use std::path::PathBuf;

use clap::{Parser, value_parser};

use crate::{day::Act, shop::World};

/// A shop on its worst day: the same storm, unprotected and behind the layers of Watertight.
///
/// Ends with 0 if every claim holds, 1 if one fails, 2 if the day could not be played, 3 if this machine was too busy to
/// tell: the customers themselves were late, or a claim failed while the shop's clock was.
#[derive(Debug, Parser)]
#[command(name = "valentine", version)]
pub(crate) struct Args {
    /// Play only this act, 0 to 4 or 8.
    #[arg(long, value_name = "N", value_parser = act)]
    pub(crate) act: Option<Act>,
    /// Only the naive shop.
    #[arg(long)]
    pub(crate) naive: bool,
    /// What the customers and the faults are drawn from.
    #[arg(long, value_name = "N", default_value_t = 14_02)]
    pub(crate) seed: u64,
    /// Checkouts per second on a calm day, instead of what this machine is measured to stand.
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..=1_000))]
    pub(crate) rate: Option<u32>,
    /// Where the report goes.
    #[arg(long, value_name = "FILE", default_value = "report.html")]
    pub(crate) report: PathBuf,
    /// Where the plot of the goodput goes, as a picture by itself.
    #[arg(long, value_name = "FILE")]
    pub(crate) plot: Option<PathBuf>,
    /// Keep the shop open, with calm traffic, and faults and load to switch by curl.
    #[arg(long, conflicts_with_all = ["act", "report", "plot"])]
    pub(crate) serve: bool,
}

impl Args {
    pub(crate) fn acts(&self) -> Vec<Act> {
        self.act.map_or_else(|| Act::ALL.to_vec(), |act| vec![act])
    }

    pub(crate) const fn worlds(&self) -> &'static [World] {
        match self.naive {
            true => &[World::Naive],
            false => &World::BOTH,
        }
    }

    /// The shop that is kept open.
    pub(crate) const fn world(&self) -> World {
        match self.naive {
            true => World::Naive,
            false => World::Protected,
        }
    }
}

fn act(number: &str) -> Result<Act, String> {
    let wanted = number.parse::<usize>().ok();
    let known = Act::ALL
        .into_iter()
        .find(|act| Some(act.number()) == wanted);
    known.ok_or_else(|| {
        let all = Act::ALL.map(|act| act.number().to_string());
        format!("the acts are {}", all.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &str) -> Result<Args, String> {
        let args = ["valentine"]
            .into_iter()
            .chain(args.split_ascii_whitespace());
        Args::try_parse_from(args).map_err(|error| error.to_string())
    }

    #[test]
    fn the_whole_day_in_both_worlds_is_the_default() {
        let args = parse("").unwrap();
        assert_eq!(args.acts(), Act::ALL);
        assert_eq!(args.worlds(), World::BOTH);
    }

    #[test]
    fn an_unknown_act_is_told_which_there_are() {
        for wrong in ["--act 5", "--act=-1", "--act three"] {
            let error = parse(wrong).unwrap_err();
            assert!(error.contains("the acts are 0, 1, 2, 3, 4, 8"), "{error}");
        }
    }

    #[test]
    fn numbers_that_make_no_sense_are_refused() {
        for wrong in [
            "--seed=-1",
            "--seed 18446744073709551616",
            "--rate 0",
            "--rate 1001",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_shop_that_is_kept_open_plays_no_act_and_writes_no_report() {
        assert_eq!(parse("--serve --naive").unwrap().world(), World::Naive);
        assert!(parse("--serve --act 1").is_err());
        assert!(parse("--serve --report x.html").is_err());
    }
}
