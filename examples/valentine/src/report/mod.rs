//! The page that a run leaves behind: the claims, and before and after over time.

mod curves;
mod plot;
mod timeline;

use std::fmt::Write;

use anyhow::Result;

use self::{
    curves::Curve,
    plot::{Layout, svg},
};
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

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:1200px;margin:2em auto;padding:0 1em}\
h3{margin:1.6em 0 0}h3+p{margin:0 0 .4em;color:#444}\
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.2em .6em;border-bottom:1px solid #ddd}\
.FAIL{background:#fdd}.naive{color:#c81e3c}.protected{color:#1464c8}svg{width:100%;height:auto}";

impl Report<'_> {
    /// The page, plots and all in one file.
    pub(crate) fn page(&self) -> Result<String> {
        let mut page = String::new();
        let failed = self.claims.iter().filter(|claim| !claim.holds).count();
        writeln!(
            page,
            "<!doctype html>\n<html lang=en><meta charset=utf-8><title>Valentine's Day</title><style>{STYLE}</style>\n\
             <h1>Valentine's Day</h1>\n<p>Seed {}, {:.0} checkouts per second on a calm day, {:.0} in the storm. \
             The <b class=naive>naive</b> and the <b class=protected>protected</b> shop have the same services, \
             customers and faults; troubles are shaded. {} claims were checked, {failed} failed.</p>\n<ul>",
            self.seed,
            self.scale.calm,
            self.scale.calm * STORM,
            self.claims.len(),
        )?;
        for act in self.acts() {
            writeln!(page, "<li>act {}: {}", act.number(), act.title())?;
        }
        writeln!(page, "</ul>")?;
        for curve in Curve::ALL {
            let plot = svg(curve, self.day, self.scale, Layout::SideBySide)?;
            let (title, about) = (curve.title(), curve.about());
            writeln!(page, "<h3>{title}</h3><p>{about}</p>\n{plot}")?;
        }
        writeln!(
            page,
            "<h2>Claims</h2>\n<table><tr><th>act<th>shop<th>claim<th>wanted<th>found<th>"
        )?;
        for claim in self.claims {
            writeln!(
                page,
                "<tr class={mark}><td>{}<td class={world}>{world}<td>{}<td>{}<td>{}<td>{mark}",
                claim.act(),
                claim.says,
                claim.wanted,
                claim.found,
                world = claim.world.name(),
                mark = claim.mark(),
            )?;
        }
        writeln!(page, "</table></html>")?;
        Ok(page)
    }

    /// The goodput by itself, to be shown elsewhere.
    pub(crate) fn picture(&self) -> Result<String> {
        svg(Curve::Goodput, self.day, self.scale, Layout::Stacked)
    }

    fn acts(&self) -> Vec<Act> {
        let mut acts: Vec<Act> = self.day.iter().map(|played| played.act).collect();
        acts.dedup();
        acts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        claims::check,
        day::played,
        shop::World,
        traffic::End::{Bought, Left},
    };

    const SCALE: Scale = Scale { calm: 20.0 };

    fn report<T>(worlds: &[World], read: impl Fn(&Report<'_>) -> T) -> T {
        let visits = [(100, 50, Bought), (1_500, 70, Left)];
        let acts = Act::ALL.into_iter();
        let day = acts.flat_map(|act| worlds.iter().map(move |world| played(act, *world, &visits)));
        let day: Vec<_> = day.collect();
        let claims = check(&day, SCALE);
        read(&Report {
            day: &day,
            claims: &claims,
            scale: SCALE,
            seed: 1,
        })
    }

    #[test]
    fn the_page_has_every_plot_every_claim_and_every_act() {
        let (page, claims) = report(&World::BOTH, |report| {
            (report.page().unwrap(), report.claims.len())
        });
        assert_eq!(page.matches("<svg").count(), Curve::ALL.len());
        assert_eq!(page.matches("<tr class=").count(), claims);
        for act in Act::ALL {
            assert!(page.contains(act.title()), "{}", act.title());
        }
    }

    #[test]
    fn the_picture_shows_both_worlds_with_their_unit() {
        let picture = report(&World::BOTH, |report| report.picture().unwrap());
        assert!(picture.contains("naive: orders/s") && picture.contains("protected: orders/s"));
    }

    #[test]
    fn one_world_alone_is_drawn_alone() {
        let picture = report(&[World::Naive], |report| report.picture().unwrap());
        assert!(picture.contains("naive: orders/s") && !picture.contains("protected"));
    }
}
