//! Interleaved rounds: A B C, A B C, so that whatever slows the machine down slows everybody down.

use std::time::Duration;

use crate::{
    lab::{Lab, Place},
    stats::{median, quantile},
    subject::Subject,
};

/// How much faster the bare service must run on two workers than on one for a round to count.
///
/// Below that a busy neighbour had the second core, and workers that never meet flatter every lock.
pub const LEAST_SPEEDUP: f64 = 1.2;

/// How far the bare service may vary between the quartiles for overheads to say anything.
pub const MOST_SPREAD: f64 = 1.5;

/// How long to measure.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Rounds; each runs every subject once.
    pub rounds: usize,
    /// How long one subject runs in one round.
    pub slice: Duration,
}

/// What one subject adds to a call, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub struct Overhead {
    /// Whose it is.
    pub name: &'static str,
    /// The median over the rounds.
    pub median: f64,
    /// The first and the third quartile.
    pub quartiles: (f64, f64),
}

/// What came out of the rounds.
#[derive(Clone, Debug)]
pub struct Measured {
    /// In the order of the subjects.
    pub overheads: Vec<Overhead>,
    /// What a call of the bare service takes, in nanoseconds.
    pub bare: f64,
    /// The third quartile of that divided by the first.
    pub spread: f64,
    /// How much faster the bare service ran on two workers than on one, where that was asked.
    pub speedup: Option<f64>,
    /// Rounds that count.
    pub counted: usize,
}

impl Measured {
    /// Why the overheads are no figures, if so: too few rounds had two cores to run on, or a neighbour was busy.
    #[must_use]
    pub fn discounted(&self, plan: Plan) -> Option<String> {
        if self.counted * 2 < plan.rounds {
            let speedup = self.speedup.unwrap_or_default();
            return Some(format!(
                "not counted: two workers ran {speedup:.2}x, not {LEAST_SPEEDUP}x"
            ));
        }
        let spread = self.spread;
        (spread > MOST_SPREAD)
            .then(|| format!("not counted: the bare service varied by {spread:.1}x"))
    }

    /// The overhead of this subject.
    #[must_use]
    pub fn of(&self, name: &str) -> Option<f64> {
        let mut all = self.overheads.iter();
        all.find(|overhead| overhead.name == name)
            .map(|overhead| overhead.median)
    }
}

/// Runs the bare service and every subject in turn; overheads are taken within each round.
pub fn interleave(
    lab: &Lab,
    place: Place,
    plan: Plan,
    bare: &Subject,
    subjects: &[Subject],
) -> Measured {
    let calls = |subject| calibrate(lab, place, plan, subject);
    let bare_calls = calls(bare);
    let subject_calls: Vec<_> = subjects.iter().map(calls).collect();

    let mut bares = Vec::with_capacity(plan.rounds);
    let mut speedups = Vec::with_capacity(plan.rounds);
    let mut added = vec![Vec::with_capacity(plan.rounds); subjects.len()];
    for _ in 0..plan.rounds {
        let base = nanos_per_call(lab, place, bare, bare_calls);
        let taken = subjects.iter().zip(&subject_calls);
        let taken: Vec<_> = taken
            .map(|(subject, calls)| nanos_per_call(lab, place, subject, *calls))
            .collect();
        if place == Place::TwoWorkers {
            let alone = nanos_per_call(lab, Place::OneWorker, bare, bare_calls);
            speedups.push(alone / base);
            if alone / base < LEAST_SPEEDUP {
                continue;
            }
        }
        bares.push(base);
        for (added, taken) in added.iter_mut().zip(taken) {
            added.push(taken - base);
        }
    }

    let overheads = subjects
        .iter()
        .zip(&added)
        .map(|(subject, added)| Overhead {
            name: subject.name(),
            median: median(added),
            quartiles: (quantile(added, 0.25), quantile(added, 0.75)),
        });
    Measured {
        overheads: overheads.collect(),
        bare: median(&bares),
        spread: quantile(&bares, 0.75) / quantile(&bares, 0.25),
        speedup: (!speedups.is_empty()).then(|| median(&speedups)),
        counted: bares.len(),
    }
}

fn nanos_per_call(lab: &Lab, place: Place, subject: &Subject, calls: u64) -> f64 {
    let ran = subject.run(lab, place, calls);
    ran.elapsed.as_nanos() as f64 / ran.calls as f64
}

/// How many calls fill a slice, found by ever longer runs, which also warm everything up.
fn calibrate(lab: &Lab, place: Place, plan: Plan, subject: &Subject) -> u64 {
    let mut calls = 64;
    loop {
        let elapsed = subject.run(lab, place, calls).elapsed;
        if elapsed * 4 >= plan.slice || calls >= 1 << 32 {
            let per_call = elapsed.as_secs_f64() / calls as f64;
            let wanted = plan.slice.as_secs_f64() / per_call.max(1e-12);
            return (wanted as u64).clamp(16, 1 << 32);
        }
        calls *= 4;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: Plan = Plan {
        rounds: 10,
        slice: Duration::from_millis(1),
    };

    fn measured(counted: usize, spread: f64) -> Measured {
        Measured {
            overheads: Vec::new(),
            bare: 1.0,
            spread,
            speedup: Some(1.1),
            counted,
        }
    }

    #[test]
    fn figures_count_if_half_of_the_rounds_had_two_cores() {
        assert_eq!(measured(5, 1.1).discounted(PLAN), None);
        let why = measured(4, 1.1).discounted(PLAN).unwrap();
        assert!(why.contains("1.10x, not 1.2x"), "{why}");
    }

    #[test]
    fn figures_of_a_busy_machine_do_not_count() {
        let why = measured(10, 2.0).discounted(PLAN).unwrap();
        assert!(why.contains("varied by 2.0x"), "{why}");
    }
}
