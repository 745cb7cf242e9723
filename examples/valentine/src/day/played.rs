use std::{ops::Range, time::Duration};

use super::{Accounts, Act};
use crate::{
    shop::{PeopleAudit, World},
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
    pub(crate) accounts: Accounts,
    /// What its customers' profiles are in the end.
    pub(crate) people: PeopleAudit,
    /// How late the shop's own clock was, sorted.
    pub(crate) pulse: Vec<Duration>,
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

    /// Orders of ordinary customers that were confirmed within some part of the act, whenever their customers came.
    pub(crate) fn confirmed(&self, within: &Range<Duration>) -> usize {
        let ordinary = self.ordinary(Duration::ZERO..Duration::MAX);
        let ended = ordinary.ended(&[End::Bought]);
        ended
            .filter(|visit| within.contains(&(visit.at + visit.took)))
            .count()
    }

    /// Requests that reached payment for each checkout within some part of the act; none if nobody checked out.
    pub(crate) fn amplification(&self, within: &Range<Duration>) -> Option<f64> {
        let mut inside = self.samples.iter().filter(|s| within.contains(&s.at));
        let (first, last) = (inside.next()?, inside.next_back()?);
        let sent = last.sent - first.sent;
        (sent > 0).then(|| (last.charges - first.charges) as f64 / sent as f64)
    }

    /// How late the customers set out, but for one in a hundred.
    pub(crate) fn customers_late(&self) -> Duration {
        quantile(&self.traffic.late, 0.99)
    }

    /// How late the shop's clock was, but for one beat in a hundred.
    pub(crate) fn clock_late(&self) -> Duration {
        quantile(&self.pulse, 0.99)
    }
}

impl Visits<'_> {
    pub(crate) const fn count(&self) -> usize {
        self.0.len()
    }

    /// The share of them that ended in one of these ways; none of nobody.
    pub(crate) fn share(&self, ends: &[End]) -> Option<f64> {
        let ended = self.ended(ends).count();
        (self.count() > 0).then(|| ended as f64 / self.count() as f64)
    }

    /// Orders confirmed in each second of some time.
    pub(crate) fn bought_per_second(&self, time: Duration) -> f64 {
        self.ended(&[End::Bought]).count() as f64 / time.as_secs_f64()
    }

    /// A quantile of the time that those took who ended in one of these ways; none if nobody did.
    pub(crate) fn took(&self, share: f64, ends: &[End]) -> Option<Duration> {
        let mut took: Vec<_> = self.ended(ends).map(|visit| visit.took).collect();
        took.sort_unstable();
        (!took.is_empty()).then(|| quantile(&took, share))
    }

    fn ended<'v>(&'v self, ends: &'v [End]) -> impl Iterator<Item = &'v Visit> {
        let all = self.0.iter().copied();
        all.filter(move |visit| ends.contains(&visit.end))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An act in which each of these customers came after so many milliseconds, took so many, and ended like this.
    pub(crate) fn played(act: Act, world: World, visits: &[(u64, u64, End)]) -> Played {
        let visits = visits.iter().zip(1..);
        let visits = visits.map(|(&(at, took, end), order)| Visit {
            order,
            tenant: Tenant::Ordinary(0),
            at: Duration::from_millis(at),
            took: Duration::from_millis(took),
            end,
        });
        Played {
            act,
            world,
            traffic: Traffic {
                visits: visits.collect(),
                late: Vec::new(),
            },
            samples: Vec::new(),
            flood_peak: 0,
            accounts: Accounts::default(),
            people: PeopleAudit::default(),
            pulse: Vec::new(),
        }
    }

    const EVERYTHING: Range<Duration> = Duration::ZERO..Duration::MAX;

    #[test]
    fn visits_belong_to_the_time_at_which_they_were_meant_to_begin() {
        let visits = [(900, 200, End::Bought), (1_000, 5, End::Left)];
        let played = played(Act::Calm, World::Naive, &visits);
        let second = Duration::from_secs(1);
        let (before, after) = (Duration::ZERO..second, second..2 * second);
        assert_eq!(played.ordinary(before).share(&[End::Bought]), Some(1.0));
        assert_eq!(played.ordinary(after).share(&[End::Bought]), Some(0.0));
    }

    #[test]
    fn an_order_counts_as_confirmed_when_its_customer_hears_of_it() {
        let visits = [
            (900, 200, End::Bought),
            (900, 50, End::Bought),
            (1_000, 5, End::Left),
        ];
        let played = played(Act::Calm, World::Naive, &visits);
        let second = Duration::from_secs(1);
        assert_eq!(played.confirmed(&(Duration::ZERO..second)), 1);
        assert_eq!(played.confirmed(&(second..2 * second)), 1);
    }

    #[test]
    fn the_flood_is_no_ordinary_customer() {
        let mut played = played(Act::Calm, World::Naive, &[(0, 0, End::Bought)]);
        played.traffic.visits[0].tenant = Tenant::Flood;
        assert_eq!(played.ordinary(EVERYTHING).count(), 0);
    }

    #[test]
    fn nothing_can_be_said_of_nobody() {
        let played = played(Act::Calm, World::Naive, &[(0, 0, End::Left)]);
        let visits = played.ordinary(EVERYTHING);
        assert_eq!(visits.took(0.99, &[End::Bought]), None);
        let nobody = played.ordinary(Duration::MAX..Duration::MAX);
        assert_eq!(nobody.share(&[End::Bought]), None);
        assert_eq!(played.amplification(&EVERYTHING), None);
    }

    #[test]
    fn amplification_is_what_payment_gets_for_what_is_sent_meanwhile() {
        let mut played = played(Act::Calm, World::Naive, &[]);
        let sample = |at, sent, charges| Sample {
            at: Duration::from_millis(at),
            in_flight: 0,
            sent,
            charges,
        };
        played.samples = vec![sample(0, 0, 0), sample(100, 10, 10), sample(200, 20, 40)];
        assert_eq!(played.amplification(&EVERYTHING), Some(2.0));
        let later = Duration::from_millis(100)..Duration::MAX;
        assert_eq!(played.amplification(&later), Some(3.0));
    }
}
