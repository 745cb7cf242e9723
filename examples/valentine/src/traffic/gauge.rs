use std::{
    collections::VecDeque,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use super::{End, Visit};

/// What is to be seen of the traffic while it runs.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    pub(crate) sent: AtomicU64,
    pub(crate) ended: AtomicU64,
    recent: Mutex<VecDeque<Visit>>,
}

/// The visits of the last second.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Recent {
    pub(crate) bought: usize,
    pub(crate) refused: usize,
    pub(crate) lost: usize,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
}

const SPAN: Duration = Duration::from_secs(1);

const MOST: usize = 4_096;

impl Gauge {
    pub(crate) fn in_flight(&self) -> u64 {
        let ended = self.ended.load(Ordering::Acquire);
        self.sent.load(Ordering::Acquire).saturating_sub(ended)
    }

    pub(super) fn end(&self, visit: Visit) {
        self.ended.fetch_add(1, Ordering::AcqRel);
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.len() == MOST {
            recent.pop_front();
        }
        recent.push_back(visit);
    }

    /// What ended in the second before this moment of the act.
    pub(crate) fn recent(&self, now: Duration) -> Recent {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.retain(|visit| visit.at + visit.took + SPAN >= now);
        let count = |end| recent.iter().filter(|visit| visit.end == end).count();
        let (bought, refused) = (count(End::Bought), count(End::Refused));
        let mut took: Vec<_> = recent.iter().map(|visit| visit.took).collect();
        took.sort_unstable();
        Recent {
            bought,
            refused,
            lost: took.len() - bought - refused,
            p50: quantile(&took, 0.5),
            p99: quantile(&took, 0.99),
        }
    }
}

/// A quantile of sorted times, by the nearest rank; zero if there are none.
pub(crate) fn quantile(sorted: &[Duration], share: f64) -> Duration {
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    let found = sorted.get(rank.saturating_sub(1));
    found.copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traffic::Tenant;

    #[test]
    fn a_quantile_is_the_nearest_rank() {
        let times: Vec<_> = (1..=100).map(Duration::from_millis).collect();
        assert_eq!(quantile(&times, 0.5), times[49]);
        assert_eq!(quantile(&times, 0.99), times[98]);
        assert_eq!(quantile(&times[..1], 0.99), times[0]);
        assert_eq!(quantile(&[], 0.99), Duration::ZERO);
    }

    #[test]
    fn only_what_ended_in_the_last_second_is_recent() {
        let gauge = Gauge::default();
        let ends = [
            (0, End::Left),
            (700, End::Failed),
            (800, End::Refused),
            (900, End::Bought),
        ];
        for (at, end) in ends {
            gauge.end(Visit {
                order: at,
                tenant: Tenant::Flood,
                at: Duration::from_millis(at),
                took: Duration::from_millis(100),
                end,
            });
        }
        let recent = gauge.recent(Duration::from_millis(1_500));
        assert_eq!((recent.bought, recent.refused, recent.lost), (1, 1, 1));
        assert_eq!(recent.p99, Duration::from_millis(100));
    }
}
