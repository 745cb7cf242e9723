use std::time::Duration;

use crate::{
    day::{Played, Sample},
    traffic::End,
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

/// Random arrivals are too few in less.
const WIDE: u32 = 2;

impl Curve {
    pub(super) const ALL: [Self; 4] = [
        Self::Goodput,
        Self::Latency,
        Self::InFlight,
        Self::Amplification,
    ];

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Goodput => "Goodput",
            Self::Latency => "Latency",
            Self::InFlight => "In flight",
            Self::Amplification => "Retry amplification",
        }
    }

    pub(super) const fn about(self) -> &'static str {
        match self {
            Self::Goodput => {
                "Orders confirmed per second. The dashed line is what customers ask for; in the storm it leaves the \
                 picture. The flooding tenant does not count."
            }
            Self::Latency => {
                "The 99th percentile of all answers, from the moment a customer came, however late it was served. \
                 Customers leave after 2 000 ms. The flooding tenant does not count."
            }
            Self::InFlight => "Checkouts that wait for an answer, the flooding tenant's included.",
            Self::Amplification => {
                "Requests that reach payment for each checkout that customers send, over half a second. After the storm \
                 the naive shop's retries arrive while hardly anybody comes."
            }
        }
    }

    pub(super) const fn unit(self) -> &'static str {
        match self {
            Self::Goodput => "orders/s",
            Self::Latency => "p99, ms",
            Self::InFlight => "checkouts",
            Self::Amplification => "requests per checkout",
        }
    }

    /// Its points in seconds from the start of the act.
    pub(super) fn points(self, played: &Played) -> Vec<(f64, f64)> {
        let lasts = played.act.script().lasts();
        let width = match self {
            Self::Goodput | Self::Amplification => WIDE * BUCKET,
            Self::Latency | Self::InFlight => BUCKET,
        };
        let buckets = (lasts.as_secs_f64() / width.as_secs_f64()).ceil() as u32;
        let points = (0..buckets).filter_map(|bucket| {
            let (from, to) = (width * bucket, width * (bucket + 1));
            let value = self.value(played, from, to)?;
            Some(((from + width / 2).as_secs_f64(), value))
        });
        points.collect()
    }

    fn value(self, played: &Played, from: Duration, to: Duration) -> Option<f64> {
        let visits = || played.ordinary(from..to);
        match self {
            Self::Goodput => {
                let confirmed = played.confirmed(&(from..to));
                Some(confirmed as f64 / (to - from).as_secs_f64())
            }
            Self::Latency => {
                let all = [End::Bought, End::Refused, End::Failed, End::Left];
                let p99 = visits().took(0.99, &all)?;
                Some(p99.as_secs_f64() * 1_000.0)
            }
            Self::InFlight => {
                let inside = played.samples.iter();
                let inside = inside.filter(|sample| (from..to).contains(&sample.at));
                inside
                    .map(|sample| sample.in_flight)
                    .max()
                    .map(|most| most as f64)
            }
            Self::Amplification => {
                let first = until(&played.samples, from)?;
                let last = until(&played.samples, to)?;
                let sent = last.sent - first.sent;
                (sent > 0).then(|| (last.charges - first.charges) as f64 / sent as f64)
            }
        }
    }
}

/// The last sample taken until some moment, or the very first.
fn until(samples: &[Sample], at: Duration) -> Option<&Sample> {
    let taken = samples.partition_point(|sample| sample.at <= at);
    samples.get(taken.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        day::{Act, played},
        shop::World,
    };

    #[test]
    fn goodput_counts_orders_when_they_are_confirmed() {
        let visits = [
            (10, 700, End::Bought),
            (20, 5, End::Left),
            (300, 5, End::Bought),
            (570, 5, End::Bought),
        ];
        let points = Curve::Goodput.points(&played(Act::Calm, World::Naive, &visits));
        assert_eq!(points[..3], [(0.25, 2.0), (0.75, 4.0), (1.25, 0.0)]);
    }

    #[test]
    fn latency_has_no_point_where_nobody_came() {
        let visits = [(10, 30, End::Left), (600, 40, End::Bought)];
        let points = Curve::Latency.points(&played(Act::Calm, World::Naive, &visits));
        assert_eq!(points, [(0.125, 30.0), (0.625, 40.0)]);
    }

    #[test]
    fn amplification_divides_what_arrives_by_what_is_sent() {
        let mut played = played(Act::Calm, World::Naive, &[]);
        let sample = |at, sent, charges| Sample {
            at: Duration::from_millis(at),
            in_flight: 0,
            sent,
            charges,
        };
        played.samples = vec![sample(0, 0, 0), sample(500, 10, 30), sample(900, 15, 60)];
        let points = Curve::Amplification.points(&played);
        assert_eq!(points[..2], [(0.25, 3.0), (0.75, 6.0)]);
        // Nobody came any more, so there is nothing to divide by.
        assert_eq!(points.len(), 2);
    }
}
