use std::{ops::Range, time::Duration};

use super::{
    Claim,
    figure::{
        Bound::{self, AtLeast, AtMost},
        Figure::{self, Count, OrdersPerSecond, RequestsPerCheckout, Share, Time},
    },
};
use crate::{
    day::{Act, Played, Visits},
    scale::Scale,
    shop::{Leaf, World, tenant_share},
    traffic::End,
};

const ANSWERED: [End; 3] = [End::Bought, End::Refused, End::Failed];

/// What an order takes on a good day, with a wide margin for slow machines.
const QUICK: Duration = Duration::from_millis(500);

/// Behind a flood that fills its share, with a single worker on the smallest day.
const CROWDED: Duration = Duration::from_secs(1);

/// Longer than payment may take, shorter than customers wait.
const IN_TIME: Duration = Duration::from_millis(1_750);

/// Longer than the naive shop goes on to try what fails at once.
const RETRIES: Duration = Duration::from_secs(1);

/// How long the protected shop may take to find out that the trouble is over.
const RECOVERY: Duration = Duration::from_secs(1);

/// Checks the claims about one act as it was played in one world.
pub(super) fn check(played: &Played, scale: Scale) -> Vec<Claim> {
    let mut claims = Claims {
        played,
        found: Vec::new(),
    };
    match played.world {
        World::Naive => claims.naive(),
        World::Protected => claims.protected(scale),
    }
    claims.found
}

#[derive(Debug)]
struct Claims<'p> {
    played: &'p Played,
    found: Vec<Claim>,
}

impl Claims<'_> {
    fn naive(&mut self) {
        let (trouble, after) = (self.trouble(), self.after());
        match self.played.act {
            Act::Calm => self.bought("checkouts that succeed", self.all(), AtLeast(Share(0.99))),
            Act::EmailHangs => {
                let says = "checkouts that succeed while e-mail hangs";
                self.bought(says, trouble, AtMost(Share(0.3)));
            }
            Act::LoyaltyFails => {
                // Who comes at the end of the trouble may outlast it by retries.
                let within = trouble.start..trouble.end - RETRIES;
                let says = "checkouts that succeed while loyalty fails 1 s on";
                self.bought(says, within, AtMost(Share(0.3)));
            }
            Act::PaymentStorm => {
                let says = "checkouts that succeed in the storm";
                self.bought(says, trouble, AtMost(Share(0.1)));
                let says = "checkouts that succeed after the fault is gone";
                self.bought(says, after, AtMost(Share(0.1)));
                self.amplified(AtLeast(RequestsPerCheckout(2.0)));
                let paid_for_nothing = Some(Count(self.played.accounts.unbalanced));
                let says = "orders charged that were not shipped";
                self.claim(says, AtLeast(Count(1)), paid_for_nothing);
            }
            Act::TenantFloods => {
                let says = "the others' checkouts that succeed in the flood";
                self.bought(says, trouble, AtMost(Share(0.5)));
            }
            Act::Rebuild => {
                let says = "checkouts that succeed while a read model is rebuilt";
                self.bought(says, trouble, AtMost(Share(0.6)));
            }
        }
    }

    fn protected(&mut self, scale: Scale) {
        let trouble = self.trouble();
        match self.played.act {
            Act::Calm => {
                self.bought("checkouts that succeed", self.all(), AtLeast(Share(0.99)));
                self.slowest("p99 of the orders", &[End::Bought], self.all(), QUICK);
            }
            Act::EmailHangs => {
                let says = "checkouts that succeed while e-mail hangs";
                self.bought(says, trouble.clone(), AtLeast(Share(0.99)));
                self.slowest("p99 of the orders", &[End::Bought], trouble, QUICK);
                let says = "confirmed orders without their mail in the end";
                self.none(says, self.played.accounts.without_mail);
            }
            Act::LoyaltyFails => {
                let says = "checkouts that succeed while loyalty fails";
                self.bought(says, trouble.clone(), AtLeast(Share(0.99)));
                self.slowest("p99 of the orders", &[End::Bought], trouble, QUICK);
                let says = "confirmed orders without their points in the end";
                self.none(says, self.played.accounts.without_points);
            }
            Act::PaymentStorm => self.storm(scale),
            Act::TenantFloods => {
                let says = "the others' checkouts that succeed in the flood";
                self.bought(says, trouble.clone(), AtLeast(Share(0.99)));
                self.slowest("p99 of their orders", &[End::Bought], trouble, CROWDED);
                self.claim(
                    "the flood's checkouts in the shop at once, at most",
                    AtMost(Count(tenant_share(scale))),
                    Some(Count(self.played.flood_peak)),
                );
            }
            Act::Rebuild => {
                let says = "checkouts that succeed while a read model is rebuilt";
                self.bought(says, trouble.clone(), AtLeast(Share(0.99)));
                self.slowest("p99 of the orders", &[End::Bought], trouble, QUICK);
                let people = &self.played.people;
                let rebuilt = people.rebuilt.then_some(Count(people.profiles));
                let wrong = people.wrong;
                let says = "profiles in the read model that was rebuilt";
                self.claim(says, AtLeast(Count(1)), rebuilt);
                self.none("profiles that are not what the events come to", wrong);
            }
        }
    }

    fn storm(&mut self, scale: Scale) {
        let (trouble, after) = (self.trouble(), self.after());
        let answered = self.visits(trouble.clone()).share(&ANSWERED).map(Share);
        let says = "customers that get an answer in the storm";
        self.claim(says, AtLeast(Share(0.99)), answered);
        self.slowest("p99 of the answers", &ANSWERED, trouble.clone(), IN_TIME);
        let refused = [End::Refused];
        self.slowest("p99 of the refusals", &refused, trouble.clone(), QUICK);
        // A worker that needs eight times as long, one call in ten failing.
        let possible =
            Leaf::Payment.workers(scale) as f64 / (8.0 * Leaf::Payment.work().as_secs_f64()) * 0.9;
        let storm = self.visits(trouble);
        let bought = storm.bought_per_second(self.played.act.script().trouble);
        self.claim(
            "orders sold in the storm; payment can do twice the bound",
            AtLeast(OrdersPerSecond(possible / 2.0)),
            Some(OrdersPerSecond(bought)),
        );
        self.amplified(AtMost(RequestsPerCheckout(1.0)));
        let recovered = after.start + RECOVERY..after.end;
        let says = "checkouts that succeed from 1 s after the fault on";
        self.bought(says, recovered.clone(), AtLeast(Share(0.97)));
        self.slowest("p99 of these orders", &[End::Bought], recovered, QUICK);
    }

    fn bought(&mut self, says: &str, within: Range<Duration>, bound: Bound) {
        let bought = self.visits(within).share(&[End::Bought]);
        self.claim(says, bound, bought.map(Share));
    }

    fn slowest(&mut self, says: &str, ends: &[End], within: Range<Duration>, limit: Duration) {
        let p99 = self.visits(within).took(0.99, ends);
        self.claim(says, AtMost(Time(limit)), p99.map(Time));
    }

    fn amplified(&mut self, bound: Bound) {
        // To the very end: customers of the storm go on being retried when it is over.
        let requests = self
            .played
            .amplification(&(self.trouble().start..Duration::MAX));
        self.claim(
            "requests to payment for each checkout from then on",
            bound,
            requests.map(RequestsPerCheckout),
        );
    }

    fn none(&mut self, says: &str, count: usize) {
        self.claim(says, AtMost(Count(0)), Some(Count(count)));
    }

    fn claim(&mut self, says: &str, bound: Bound, found: Option<Figure>) {
        let (act, world) = (self.played.act, self.played.world);
        self.found
            .push(Claim::new(Some(act), world, says, bound, found));
    }

    fn visits(&self, within: Range<Duration>) -> Visits<'_> {
        self.played.ordinary(within)
    }

    fn all(&self) -> Range<Duration> {
        Duration::ZERO..Duration::MAX
    }

    fn trouble(&self) -> Range<Duration> {
        let script = self.played.act.script();
        script.calm..script.calm + script.trouble
    }

    fn after(&self) -> Range<Duration> {
        self.trouble().end..self.played.act.script().lasts()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::day::played;

    const SCALE: Scale = Scale { calm: 20.0 };

    /// What a claim of an act says of customers who all end like this, every 10 ms.
    fn holds(act: Act, world: World, took: u64, end: End, says: &str) -> bool {
        let ends = act.script().lasts().as_millis() as u64;
        let visits: Vec<_> = (0..ends).step_by(10).map(|at| (at, took, end)).collect();
        let claims = check(&played(act, world, &visits), SCALE);
        let claim = claims.iter().find(|claim| claim.says == says);
        claim.expect("the claim is made").holds
    }

    #[test]
    fn the_protected_shop_must_sell_while_email_hangs_and_the_naive_one_cannot() {
        let says = "checkouts that succeed while e-mail hangs";
        let held = |world, end| holds(Act::EmailHangs, world, 50, end, says);
        assert!(held(World::Protected, End::Bought) && held(World::Naive, End::Left));
        assert!(!held(World::Protected, End::Failed) && !held(World::Naive, End::Bought));
    }

    #[test]
    fn orders_that_take_too_long_fail_their_claim() {
        let held = |took| {
            let (act, world) = (Act::Calm, World::Protected);
            holds(act, world, took, End::Bought, "p99 of the orders")
        };
        assert!(held(500) && !held(501));
    }

    #[test]
    fn the_naive_shop_that_recovers_by_itself_fails_its_claim() {
        let says = "checkouts that succeed after the fault is gone";
        let held = |end| holds(Act::PaymentStorm, World::Naive, 50, end, says);
        assert!(held(End::Left) && !held(End::Bought));
    }

    #[test]
    fn a_shop_without_customers_proves_nothing() {
        for act in Act::ALL {
            for world in World::BOTH {
                let claims = check(&played(act, world, &[]), SCALE);
                let about_visits = claims.iter().filter(|c| c.says.contains("checkouts that"));
                for claim in about_visits {
                    assert!(!claim.holds, "act {}: {}", claim.act(), claim.says);
                    assert_eq!(claim.found, "nobody");
                }
            }
        }
    }

    #[test]
    fn a_rebuilt_read_model_that_is_wrong_or_not_there_fails_its_claim() {
        let mut played = played(Act::Rebuild, World::Protected, &[]);
        let failed = |played: &Played| {
            let claims = check(played, SCALE).into_iter();
            let about = claims.filter(|claim| claim.says.starts_with("profiles"));
            about.filter(|claim| !claim.holds).count()
        };
        assert_eq!(failed(&played), 1, "it was not rebuilt");
        played.people.rebuilt = true;
        played.people.profiles = 200;
        assert_eq!(failed(&played), 0);
        played.people.wrong = 1;
        assert_eq!(failed(&played), 1);
    }

    #[test]
    fn a_flood_beyond_its_share_fails_its_claim() {
        let mut played = played(Act::TenantFloods, World::Protected, &[]);
        let held = |played: &Played| {
            let claims = check(played, SCALE);
            claims.last().expect("a claim about the share").holds
        };
        played.flood_peak = tenant_share(SCALE);
        assert!(held(&played));
        played.flood_peak += 1;
        assert!(!held(&played));
    }
}
