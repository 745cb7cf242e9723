//! What metrics and tracing cost where they are compiled in and nobody listens: two builds of the probe, in turn.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, ensure};
use clap::Parser;
use watertight_benches::{
    callgrind::Callgrind,
    options::Options,
    ours::ALL,
    report::report,
    row::{Figures, Row},
    stats::median,
    target::Target::AtMostOf,
};

const WITHOUT: &str = "watertight without";

/// Some nanoseconds of a call that takes ten; an exact count tells whether they are there.
const LIMIT: f64 = 1.2;

#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    options: Options,
    /// The probe without telemetry.
    #[arg(long)]
    plain: PathBuf,
    /// The probe with metrics and tracing compiled in.
    #[arg(long)]
    telemetry: PathBuf,
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let callgrind = Callgrind::find();
    let mut rows = Vec::new();
    for ours in ALL {
        let case = format!("{}, telemetry compiled in", ours.name);
        if !cli.options.wants(&case) {
            continue;
        }
        eprintln!("{case}");
        rows.extend(cli.timed(ours.name, case.clone())?);
        if let Some(callgrind) = &callgrind {
            rows.extend(cli.counted(ours.name, case, callgrind)?);
        }
    }
    report(&rows, &cli.options.file("telemetry"))
}

impl Cli {
    fn timed(&self, name: &str, case: String) -> anyhow::Result<Vec<Row>> {
        let plan = self.options.plan(15, Duration::from_millis(40));
        // Ten nanoseconds are a call of the cheaper sort.
        let calls = (plan.slice.as_nanos() / 10).to_string();
        let mut figures = [Vec::new(), Vec::new()];
        for _ in 0..plan.rounds {
            for (probe, figures) in [&self.plain, &self.telemetry].into_iter().zip(&mut figures) {
                figures.push(nanos_per_call(probe, name, &calls)?);
            }
        }
        let [plain, telemetry] = figures.map(|figures| median(&figures));
        Ok(rows(case, "ns/call", plain, telemetry))
    }

    fn counted(&self, name: &str, case: String, callgrind: &Callgrind) -> anyhow::Result<Vec<Row>> {
        let [plain, telemetry] = [&self.plain, &self.telemetry]
            .map(|probe| callgrind.per_call(probe, &[name, "--silent"]));
        Ok(rows(case, "instructions/call", plain?, telemetry?))
    }
}

fn nanos_per_call(probe: &Path, name: &str, calls: &str) -> anyhow::Result<f64> {
    let output = Command::new(probe).args([name, calls]).output();
    let output = output.with_context(|| format!("cannot run {}", probe.display()))?;
    ensure!(
        output.status.success(),
        "{}: {}",
        probe.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    let said = String::from_utf8_lossy(&output.stdout);
    said.trim()
        .parse()
        .with_context(|| format!("{} said {said:?}", probe.display()))
}

fn rows(case: String, unit: &'static str, plain: f64, telemetry: f64) -> Vec<Row> {
    let figures = Figures {
        case,
        unit,
        ours: Some(telemetry),
        peers: [(WITHOUT.to_owned(), plain)].into(),
        floor: None,
        discounted: None,
    };
    figures.rows(&[AtMostOf(WITHOUT, LIMIT)])
}
