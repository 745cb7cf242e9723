//! The page that a run leaves behind: the claims, and before and after over time.

mod curves;
mod plot;

use std::{fmt::Write, fs, path::Path};

use anyhow::Result;

use self::{curves::Curve, plot::svg};
use crate::{
    claims::Claim,
    day::{Act, Played, STORM},
    scale::Scale,
};

/// What the report tells.
#[derive(Debug)]
pub(crate) struct Report<'r> {
    pub(crate) day: &'r [Played],
    pub(crate) claims: &'r [Claim],
    pub(crate) scale: Scale,
    pub(crate) seed: u64,
}

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:1000px;margin:2em auto;padding:0 1em}\
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.2em .6em;border-bottom:1px solid #ddd}\
.fail{background:#fdd}.naive{color:#c81e3c}.protected{color:#1464c8}svg{width:100%;height:auto}";

impl Report<'_> {
    /// Writes the page, plots and all in one file.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        Ok(fs::write(path, self.page()?)?)
    }

    fn page(&self) -> Result<String> {
        let mut page = String::new();
        writeln!(
            page,
            "<!doctype html><html lang=en><meta charset=utf-8><title>Valentine's Day</title><style>{STYLE}</style>\
             <h1>Valentine's Day</h1><p>Seed {}, {:.0} checkouts per second on a calm day, {:.0} in the storm. \
             <b class=naive>Naive</b> and <b class=protected>protected</b> have the same services, customers and faults; \
             troubles are shaded.</p><p>{}</p>",
            self.seed,
            self.scale.calm,
            self.scale.calm * STORM,
            self.acts(),
        )?;
        for curve in Curve::ALL {
            writeln!(page, "<h3>{}</h3>{}", curve.title(), svg(curve, self.day)?)?;
        }
        writeln!(
            page,
            "<h2>Claims</h2><table><tr><th>act<th>shop<th>claim<th>found<th>"
        )?;
        for claim in self.claims {
            let (class, mark) = match claim.holds {
                true => ("pass", "pass"),
                false => ("fail", "FAIL"),
            };
            writeln!(
                page,
                "<tr class={class}><td>{}<td class={world}>{world}<td>{}<td>{}<td>{mark}",
                claim.act.number(),
                claim.says,
                claim.found,
                world = claim.world.name(),
            )?;
        }
        writeln!(page, "</table></html>")?;
        Ok(page)
    }

    fn acts(&self) -> String {
        let mut acts: Vec<Act> = self.day.iter().map(|played| played.act).collect();
        acts.dedup();
        let told = acts
            .iter()
            .map(|act| format!("{}: {}", act.number(), act.title()));
        told.collect::<Vec<_>>().join(" · ")
    }
}
