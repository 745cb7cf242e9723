use std::path::PathBuf;

use clap::Parser;

use crate::{day::Act, shop::World};

/// A shop on its worst day: the same storm, unprotected and behind the layers of Watertight.
///
/// Ends with 0 if every claim holds, 1 if one fails, 2 if the customers themselves were late, so that nothing was
/// measured.
#[derive(Debug, Parser)]
pub(crate) struct Args {
    /// Play only this act, 0 to 4.
    #[arg(long, value_name = "N", value_parser = act)]
    pub(crate) act: Option<Act>,
    /// Play only the naive shop.
    #[arg(long)]
    pub(crate) naive: bool,
    /// What the customers and the faults are drawn from.
    #[arg(long, default_value_t = 14_02)]
    pub(crate) seed: u64,
    /// Where the report goes.
    #[arg(long, value_name = "FILE", default_value = "report.html")]
    pub(crate) report: PathBuf,
    /// Keep the protected shop open, with calm traffic, and faults to switch by curl.
    #[arg(long, conflicts_with_all = ["act", "naive"])]
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
}

fn act(number: &str) -> Result<Act, String> {
    let number: usize = number.parse().map_err(|_| "a number is expected")?;
    let last = Act::ALL.len() - 1;
    let act = Act::ALL.get(number).copied();
    act.ok_or_else(|| format!("the acts are 0 to {last}"))
}
