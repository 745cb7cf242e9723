use std::{fmt::Write, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};
use watertight::{Registry, Value};

use crate::{
    claims::Claim,
    day::{Act, Played},
    shop::World,
    traffic::{End, Recent},
};

/// What is shown in the terminal while the day is played; one line per act where there is none.
#[derive(Debug)]
pub(crate) struct View(ProgressBar);

const STEPS: u64 = 1_000;

impl View {
    pub(crate) fn new() -> Self {
        let style = ProgressStyle::with_template("{prefix}\n{bar:30} {msg}");
        let style = style.expect("a constant").progress_chars("█▉░");
        Self(ProgressBar::new(STEPS).with_style(style))
    }

    pub(crate) fn show(
        &self,
        act: Act,
        world: World,
        share: f64,
        recent: Recent,
        registry: &Registry,
    ) {
        self.0.set_position((share * STEPS as f64) as u64);
        self.0.set_prefix(heading(act, world));
        self.tell(recent, registry);
    }

    /// Shows a shop that is kept open.
    pub(crate) fn watch(&self, world: World, recent: Recent, registry: &Registry) {
        self.0.set_position(STEPS);
        self.0.set_prefix(format!("the {} shop", world.name()));
        self.tell(recent, registry);
    }

    fn tell(&self, recent: Recent, registry: &Registry) {
        self.0.set_message(format!(
            "{:>3} bought/s {:>3} refused/s {:>3} lost/s  p50 {:>5}  p99 {:>5}  open: {}",
            recent.bought,
            recent.refused,
            recent.lost,
            millis(recent.p50),
            millis(recent.p99),
            match open_circuits(registry) {
                open if open.is_empty() => "-".to_owned(),
                open => open.join(" "),
            },
        ));
    }

    /// Leaves a line behind for an act that is over.
    pub(crate) fn done(&self, played: &Played) {
        let visits = played.ordinary(Duration::ZERO..Duration::MAX);
        let percent = |end| 100.0 * visits.share(&[end]).unwrap_or_default();
        let all = [End::Bought, End::Refused, End::Failed, End::Left];
        let line = format!(
            "{:<47} {:>4} checkouts: {:>3.0} % bought, {:>3.0} % refused, {:>3.0} % failed, {:>3.0} % left; p99 {}",
            heading(played.act, played.world),
            visits.count(),
            percent(End::Bought),
            percent(End::Refused),
            percent(End::Failed),
            percent(End::Left),
            millis(visits.took(0.99, &all).unwrap_or_default()),
        );
        if self.0.is_hidden() {
            println!("{line}");
        } else {
            self.0.suspend(|| println!("{line}"));
        }
    }

    pub(crate) fn close(&self) {
        self.0.finish_and_clear();
    }
}

/// The claims, a line for each.
pub(crate) fn table(claims: &[Claim]) -> String {
    let width = |text: fn(&Claim) -> &str| {
        let widths = claims.iter().map(|claim| text(claim).chars().count());
        widths.max().unwrap_or_default()
    };
    let (says, wanted) = (width(|claim| &claim.says), width(|claim| &claim.wanted));
    let mut table = String::new();
    for claim in claims {
        let (mark, act, world) = (claim.mark(), claim.act(), claim.world.name());
        let _ = writeln!(
            table,
            "{mark}  {act:<3}  {world:<9}  {:<says$}  {:<wanted$}  {}",
            claim.says, claim.wanted, claim.found
        );
    }
    table
}

/// A time in milliseconds, as people write it.
pub(crate) fn millis(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}

fn heading(act: Act, world: World) -> String {
    format!("act {} {:<9} {}", act.number(), world.name(), act.title())
}

/// The names of the circuits that are open.
pub(crate) fn open_circuits(registry: &Registry) -> Vec<String> {
    let open = registry.snapshots().into_iter().filter(
        |shown| matches!(shown.field("state"), Some(Value::Text(state)) if state == "open"),
    );
    open.map(|shown| shown.name).collect()
}
