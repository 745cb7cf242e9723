//! Allocations per call.

use std::collections::BTreeMap;

use allocation_counter::measure;
use watertight_benches::{
    floor,
    lab::{Lab, Place},
    row::{Figures, Row},
    subject::{OURS, Subject},
};
use watertight_peers::cases::{self, Case};

/// Calls before anything is counted: what is made once is no cost per call.
const WARM_UP: u64 = 100;

/// Calls that are counted.
const CALLS: u64 = 1_000;

pub(crate) fn rows(lab: &Lab, wants: impl Fn(&str) -> bool) -> Vec<Row> {
    let cases = cases::wanted(lab, |name| wants(&told(name)));
    cases.iter().flat_map(|case| count(lab, case)).collect()
}

fn told(name: &str) -> String {
    format!("{name}, allocations")
}

fn count(lab: &Lab, case: &Case) -> Vec<Row> {
    let counted = case.subjects.iter();
    let mut counted: BTreeMap<_, _> = counted
        .map(|subject| (subject.name().to_owned(), per_call(lab, subject)))
        .collect();
    let figures = Figures {
        case: told(case.name),
        unit: "allocations/call",
        ours: counted.remove(OURS),
        floor: counted.remove(floor::STRIPED),
        peers: counted,
        discounted: None,
    };
    figures.rows(case.allocations)
}

fn per_call(lab: &Lab, subject: &Subject) -> f64 {
    let count = |calls| {
        let made = measure(|| {
            subject.run(lab, Place::One, calls);
        });
        made.count_total
    };
    count(WARM_UP);
    // The runtime allocates too when it starts to run, as much for few calls as for many.
    (count(2 * CALLS).saturating_sub(count(CALLS))) as f64 / CALLS as f64
}
