//! The cases of one place, timed in interleaved rounds and held against their targets.

use watertight_benches::{
    floor,
    lab::{Lab, Place},
    rounds::{Measured, Plan, interleave},
    row::{Figures, Row},
    subject::OURS,
};

use crate::cases::Case;

/// Times one case where its targets are about: by one task, and by tasks on two workers.
#[must_use]
pub fn rows(lab: &Lab, plan: Plan, case: &Case) -> Vec<Row> {
    let mut rows = Vec::new();
    for (place, targets) in [(Place::One, case.one), (Place::TwoWorkers, case.two)] {
        eprintln!("{}, {}", case.name, told(place));
        let bare = case.inner.bare();
        let measured = interleave(lab, place, plan, &bare, &case.subjects);
        rows.extend(figures(case.name, place, plan, &measured).rows(targets));
    }
    rows
}

fn figures(name: &str, place: Place, plan: Plan, measured: &Measured) -> Figures {
    let others = measured
        .overheads
        .iter()
        .filter(|overhead| ![OURS, floor::STRIPED].contains(&overhead.name))
        // Where no round counted there is no figure.
        .filter(|overhead| overhead.median.is_finite());
    let figure = |name| measured.of(name).filter(|median: &f64| median.is_finite());
    Figures {
        case: format!("{name}, {}", told(place)),
        unit: "ns/call",
        ours: figure(OURS),
        peers: others
            .map(|overhead| (overhead.name.to_owned(), overhead.median))
            .collect(),
        floor: figure(floor::STRIPED),
        discounted: measured.discounted(plan),
    }
}

const fn told(place: Place) -> &'static str {
    match place {
        Place::One => "one task",
        Place::OneWorker => "64 tasks on 1 worker",
        Place::TwoWorkers => "64 tasks on 2 workers",
    }
}
