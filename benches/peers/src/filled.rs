//! Whether a call costs more when the window of time already holds many.

use std::time::Duration;

use tower::Service;
use watertight_benches::{
    lab::{Lab, Place},
    ours::breaker,
    rounds::Plan,
    row::{Figures, Row},
    stats::median,
    target::Target::AtMostOf,
};

use crate::peers::{seatbelt, tower_resilience};

/// The name of the case.
pub const CASE: &str = "breaker, 40 000 calls in the window of time";

const FEW: u64 = 200;
const MANY: u64 = 40_000;

/// Calls that are timed in one round; on each service so few that its window stays what it was.
const TIMED: u64 = 1_000;

/// Some windows take seconds to fill.
const MOST_ROUNDS: usize = 7;

const WITH_FEW: &str = "watertight, 200 calls";

/// Times calls on services that have answered few calls or many, made afresh in each round.
#[must_use]
pub fn rows(lab: &Lab, plan: Plan) -> Vec<Row> {
    eprintln!("{CASE}");
    let rounds = plan.rounds.min(MOST_ROUNDS);
    let mut ours = Vec::with_capacity(rounds);
    let mut few = Vec::with_capacity(rounds);
    let mut resilience = Vec::with_capacity(rounds);
    let mut belt = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        few.push(nanos_per_call(lab, FEW, breaker::time_window_service));
        ours.push(nanos_per_call(lab, MANY, breaker::time_window_service));
        let service = tower_resilience::time_window_service;
        resilience.push(nanos_per_call(lab, MANY, service));
        belt.push(nanos_per_call(lab, MANY, || seatbelt::closed_service(lab)));
    }
    let figures = Figures {
        case: format!("{CASE}, one task"),
        unit: "ns/call",
        ours: Some(median(&ours)),
        peers: [
            (WITH_FEW, few),
            (tower_resilience::NAME, resilience),
            (seatbelt::NAME, belt),
        ]
        .map(|(name, taken)| (name.to_owned(), median(&taken)))
        .into(),
        floor: None,
        discounted: None,
    };
    figures.rows(&[AtMostOf(WITH_FEW, 2.0)])
}

/// The mean over as many services as it takes.
fn nanos_per_call<S>(lab: &Lab, filling: u64, service: impl Fn() -> S) -> f64
where
    S: Service<u64> + Clone + Send + 'static,
    S::Future: Send,
{
    let calls = (filling / 20).min(TIMED);
    let services = TIMED / calls;
    let mut elapsed = Duration::ZERO;
    for _ in 0..services {
        let service = service();
        let filled = lab.run(Place::One, &service, filling);
        assert_eq!(filled.ok, filling, "the circuit stays closed");
        elapsed += lab.run(Place::One, &service, calls).elapsed;
    }
    elapsed.as_nanos() as f64 / (services * calls) as f64
}
