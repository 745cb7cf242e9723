use std::time::Duration;

use crate::{
    day::Played,
    traffic::{End, quantile},
};

/// What is plotted over time, for both worlds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Curve {
    Goodput,
    Latency,
    InFlight,
    Amplification,
}

const BUCKET: Duration = Duration::from_millis(250);

impl Curve {
    pub(super) const ALL: [Self; 4] = [
        Self::Goodput,
        Self::Latency,
        Self::InFlight,
        Self::Amplification,
    ];

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Goodput => "goodput: confirmed orders per second, by when the customer came",
            Self::Latency => "latency: 99th percentile in ms, counted from when the customer came",
            Self::InFlight => "in flight: checkouts that wait for an answer",
            Self::Amplification => "amplification: requests to payment per checkout sent",
        }
    }

    /// Its points in seconds from the start of the act.
    pub(super) fn points(self, played: &Played) -> Vec<(f64, f64)> {
        let lasts = played.act.script().lasts();
        let buckets = (lasts.as_secs_f64() / BUCKET.as_secs_f64()).ceil() as u32;
        let points = (0..buckets).filter_map(|bucket| {
            let from = BUCKET * bucket;
            let value = self.value(played, from, from + BUCKET)?;
            Some(((from + BUCKET / 2).as_secs_f64(), value))
        });
        points.collect()
    }

    fn value(self, played: &Played, from: Duration, to: Duration) -> Option<f64> {
        let visits = || {
            let all = played.traffic.visits.iter();
            all.filter(move |visit| (from..to).contains(&visit.at))
        };
        let samples = || {
            let all = played.samples.iter();
            all.filter(move |sample| (from..to).contains(&sample.at))
        };
        match self {
            Self::Goodput => {
                let bought = visits().filter(|visit| visit.end == End::Bought);
                Some(bought.count() as f64 / BUCKET.as_secs_f64())
            }
            Self::Latency => {
                let mut took: Vec<_> = visits().map(|visit| visit.took).collect();
                took.sort_unstable();
                let p99 = quantile(&took, 0.99);
                (!took.is_empty()).then_some(p99.as_secs_f64() * 1_000.0)
            }
            Self::InFlight => {
                let most = samples().map(|sample| sample.in_flight).max();
                most.map(|most| most as f64)
            }
            Self::Amplification => {
                let (first, last) = (samples().next()?, samples().next_back()?);
                let sent = last.sent - first.sent;
                (sent > 0).then(|| (last.charges - first.charges) as f64 / sent as f64)
            }
        }
    }
}
