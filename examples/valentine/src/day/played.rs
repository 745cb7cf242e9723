use std::{ops::Range, time::Duration};

use super::Act;
use crate::{
    shop::World,
    traffic::{End, Tenant, Traffic, Visit, quantile},
};

/// An act as it was played in one world.
#[derive(Debug)]
pub(crate) struct Played {
    pub(crate) act: Act,
    pub(crate) world: World,
    pub(crate) traffic: Traffic,
    pub(crate) samples: Vec<Sample>,
    /// The most checkouts that the flooding tenant had in the shop at once.
    pub(crate) flood_peak: usize,
    /// Confirmed orders that were not reserved, charged and shipped.
    pub(crate) half_done: usize,
    /// Confirmed orders that got no points, in the end.
    pub(crate) without_points: usize,
    /// Confirmed orders that got no mail, in the end.
    pub(crate) without_mail: usize,
}

/// The shop at one moment of an act.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) at: Duration,
    pub(crate) in_flight: u64,
    /// Checkouts sent so far, and requests that have reached payment for them.
    pub(crate) sent: u64,
    pub(crate) charges: u64,
}

/// Visits that were meant to begin within some time.
#[derive(Clone, Debug)]
pub(crate) struct Visits<'p>(Vec<&'p Visit>);

impl Played {
    /// The visits of ordinary customers within some part of the act.
    pub(crate) fn ordinary(&self, within: Range<Duration>) -> Visits<'_> {
        let ordinary = |visit: &&Visit| {
            within.contains(&visit.at) && matches!(visit.tenant, Tenant::Ordinary(_))
        };
        Visits(self.traffic.visits.iter().filter(ordinary).collect())
    }

    /// Requests that reached payment for each checkout within some part of the act.
    pub(crate) fn amplification(&self, within: &Range<Duration>) -> f64 {
        let mut inside = self.samples.iter().filter(|s| within.contains(&s.at));
        let (Some(first), Some(last)) = (inside.next(), inside.next_back()) else {
            return 0.0;
        };
        let sent = (last.sent - first.sent).max(1);
        (last.charges - first.charges) as f64 / sent as f64
    }
}

impl Visits<'_> {
    pub(crate) const fn count(&self) -> usize {
        self.0.len()
    }

    /// The share of them that ended in one of these ways.
    pub(crate) fn share(&self, ends: &[End]) -> f64 {
        let ended = self.0.iter().filter(|visit| ends.contains(&visit.end));
        ended.count() as f64 / self.count().max(1) as f64
    }

    /// Orders confirmed in each second of some time.
    pub(crate) fn per_second(&self, time: Duration) -> f64 {
        self.share(&[End::Bought]) * self.count() as f64 / time.as_secs_f64()
    }

    /// The 99th percentile of the time that those took who ended in one of these ways.
    pub(crate) fn p99(&self, ends: &[End]) -> Duration {
        let ended = self.0.iter().filter(|visit| ends.contains(&visit.end));
        let mut took: Vec<_> = ended.map(|visit| visit.took).collect();
        took.sort_unstable();
        quantile(&took, 0.99)
    }
}
