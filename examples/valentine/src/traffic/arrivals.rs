use std::time::Duration;

/// A stretch of time with a steady load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    pub(crate) lasts: Duration,
    /// Checkouts per second of ordinary customers.
    pub(crate) rate: f64,
    /// Checkouts per second of one tenant that floods.
    pub(crate) flood: f64,
}

/// A customer on the way to the shop.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Arrival {
    /// When it is meant to check out, from the start of the act.
    pub(crate) at: Duration,
    pub(crate) order: u64,
    pub(crate) tenant: Tenant,
}

/// Whose customer it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Tenant {
    Ordinary(u8),
    Flood,
}

// So many that by chance alone none of them ever needs more than its share.
const TENANTS: u8 = 64;

/// All arrivals of an act, in order: a Poisson process, the same for the same seed.
pub(crate) fn arrivals(seed: u64, stretches: &[Stretch]) -> Vec<Arrival> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut arrivals = Vec::new();
    let mut start = Duration::ZERO;
    for stretch in stretches {
        let end = start + stretch.lasts;
        let mut draw = |rate: f64, flood| {
            let mut at = start.as_secs_f64();
            loop {
                // At no rate the next one comes after an endless time.
                at -= (1.0 - random.f64()).ln() / rate;
                if at.is_nan() || at >= end.as_secs_f64() {
                    break;
                }
                let tenant = match flood {
                    true => Tenant::Flood,
                    false => Tenant::Ordinary(random.u8(..TENANTS)),
                };
                arrivals.push((Duration::from_secs_f64(at), tenant));
            }
        };
        draw(stretch.rate, false);
        draw(stretch.flood, true);
        start = end;
    }
    arrivals.sort_by_key(|(at, _)| *at);
    let numbered = arrivals.into_iter().zip(1..);
    let arrivals = numbered.map(|((at, tenant), order)| Arrival { at, order, tenant });
    arrivals.collect()
}

/// Ordinary customers without end, as often as the rate says at that moment; it must be above zero.
pub(crate) fn endless(seed: u64, rate: impl Fn() -> f64) -> impl Iterator<Item = Arrival> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut at = 0.0;
    (1..).map(move |order| {
        at -= (1.0 - random.f64()).ln() / rate();
        Arrival {
            at: Duration::from_secs_f64(at),
            order,
            tenant: Tenant::Ordinary(random.u8(..TENANTS)),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRETCHES: [Stretch; 2] = [
        Stretch {
            lasts: Duration::from_secs(50),
            rate: 20.0,
            flood: 0.0,
        },
        Stretch {
            lasts: Duration::from_secs(10),
            rate: 20.0,
            flood: 300.0,
        },
    ];

    #[test]
    fn the_same_seed_brings_the_same_customers() {
        assert_eq!(arrivals(7, &STRETCHES), arrivals(7, &STRETCHES));
        assert_ne!(arrivals(7, &STRETCHES), arrivals(8, &STRETCHES));
    }

    #[test]
    fn customers_come_in_order_and_as_often_as_they_are_meant_to() {
        let arrivals = arrivals(7, &STRETCHES);
        assert!(arrivals.is_sorted_by_key(|arrival| arrival.at));
        let flood = arrivals.iter().filter(|a| a.tenant == Tenant::Flood);
        let flood = flood
            .inspect(|a| assert!(a.at >= STRETCHES[0].lasts))
            .count();
        // Poisson: four standard deviations around 3 000 and 1 200.
        assert!((2_780..3_220).contains(&flood), "{flood}");
        let ordinary = arrivals.len() - flood;
        assert!((1_060..1_340).contains(&ordinary), "{ordinary}");
    }
    #[test]
    fn endless_customers_follow_the_rate_as_it_changes() {
        let rate = std::cell::Cell::new(10.0);
        let mut arrivals = endless(7, || rate.get());
        let hundredth = arrivals.nth(99).unwrap().at.as_secs_f64();
        rate.set(100.0);
        let next_hundredth = arrivals.nth(99).unwrap().at.as_secs_f64() - hundredth;
        // Erlang: four standard deviations around 10 and 1.
        assert!((6.0..14.0).contains(&hundredth), "{hundredth}");
        assert!((0.6..1.4).contains(&next_hundredth), "{next_hundredth}");
    }
}
