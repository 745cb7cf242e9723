use std::{borrow::Cow, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};
use watertight::{Registry, Value};

use crate::{
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
        self.0.set_message(format!(
            "{:>3} bought/s {:>3} lost/s  p50 {:>5}  p99 {:>5}  open: {}",
            recent.bought,
            recent.lost,
            millis(recent.p50),
            millis(recent.p99),
            open_circuits(registry),
        ));
    }

    /// Leaves a line behind for an act that is over.
    pub(crate) fn done(&self, played: &Played) {
        let visits = played.ordinary(Duration::ZERO..Duration::MAX);
        let line = format!(
            "{:<52} {:>5} checkouts, {:>3.0} % bought, {:>3.0} % refused at once, p99 {}",
            heading(played.act, played.world),
            visits.count(),
            100.0 * visits.share(&[End::Bought]),
            100.0 * visits.share(&[End::Refused]),
            millis(visits.p99(&[End::Bought, End::Refused, End::Failed, End::Left])),
        );
        self.line(&line);
    }

    pub(crate) fn line(&self, line: &str) {
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

/// A time in milliseconds, as people write it.
pub(crate) fn millis(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}

fn heading(act: Act, world: World) -> String {
    format!("act {} {:<9} {}", act.number(), world.name(), act.title())
}

fn open_circuits(registry: &Registry) -> Cow<'static, str> {
    let snapshots = registry.snapshots();
    let open = snapshots.iter().filter(
        |shown| matches!(shown.field("state"), Some(Value::Text(state)) if state == "open"),
    );
    let names: Vec<_> = open.map(|shown| shown.name.as_str()).collect();
    match names.is_empty() {
        true => "-".into(),
        false => names.join(" ").into(),
    }
}
