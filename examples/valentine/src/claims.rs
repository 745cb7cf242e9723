use std::{ops::Range, time::Duration};

use crate::{
    day::{Act, Played},
    scale::Scale,
    shop::{Leaf, World, tenant_share},
    traffic::{End, PATIENCE},
    view::millis,
};

/// Something that must be true of the day, and what was found.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) act: Act,
    pub(crate) world: World,
    pub(crate) says: String,
    pub(crate) found: String,
    pub(crate) holds: bool,
}

const ANSWERED: [End; 3] = [End::Bought, End::Refused, End::Failed];

const QUICK: Duration = Duration::from_millis(500);

/// Checks all claims about an act as it was played in one world.
pub(crate) fn check(played: &Played, scale: Scale) -> Vec<Claim> {
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
        match self.played.act {
            Act::Calm => self.buys("on a calm day", self.all(), 0.99..=1.0),
            Act::EmailHangs | Act::LoyaltyFails => {
                self.buys("while it does", self.trouble(), 0.0..=0.3);
            }
            Act::PaymentStorm => {
                self.buys("in the storm", self.trouble(), 0.0..=0.1);
                self.buys("after the fault is gone", self.after(), 0.0..=0.1);
                let requests = self.played.amplification(&self.trouble());
                self.claim(
                    "retries multiply what payment gets by 2 or more",
                    format!("{requests:.1} requests per checkout"),
                    requests >= 2.0,
                );
            }
            Act::TenantFloods => self.buys("of the other tenants", self.trouble(), 0.0..=0.5),
        }
    }

    fn protected(&mut self, scale: Scale) {
        match self.played.act {
            Act::Calm => {
                self.buys("on a calm day", self.all(), 0.99..=1.0);
                self.within(QUICK, &[End::Bought], self.all());
            }
            Act::EmailHangs => {
                self.buys("while it does", self.trouble(), 0.99..=1.0);
                self.within(QUICK, &[End::Bought], self.trouble());
            }
            Act::LoyaltyFails => {
                self.buys("while it does", self.trouble(), 0.99..=1.0);
                self.within(QUICK, &[End::Bought], self.all());
                self.none(
                    "is without its points in the end",
                    self.played.without_points,
                );
                self.none("is without its mail", self.played.without_mail);
            }
            Act::PaymentStorm => self.storm(scale),
            Act::TenantFloods => {
                self.buys("of the other tenants", self.trouble(), 0.99..=1.0);
                self.within(QUICK, &[End::Bought], self.trouble());
                let (peak, share) = (self.played.flood_peak, tenant_share(scale));
                self.claim(
                    "the flood never has more than its share",
                    format!("{peak} of {share} at once"),
                    peak <= share,
                );
            }
        }
        self.none("is half done", self.played.half_done);
    }

    fn storm(&mut self, scale: Scale) {
        let storm = self.played.ordinary(self.trouble());
        let answered = storm.share(&ANSWERED);
        self.claim(
            "99 % of all customers get an answer in the storm",
            percent(answered),
            answered >= 0.99,
        );
        self.within(PATIENCE / 2, &[End::Refused], self.trouble());
        let script = self.played.act.script();
        // A worker that needs eight times as long, one call in ten failing.
        let possible =
            Leaf::Payment.workers(scale) as f64 / (8.0 * Leaf::Payment.work().as_secs_f64()) * 0.9;
        let bought = storm.per_second(script.trouble);
        self.claim(
            "in the storm it sells half of what payment can do, or more",
            format!("{bought:.1} of {possible:.1} orders/s"),
            bought >= possible / 2.0,
        );
        let after = self.after().start + Duration::from_secs(1)..self.after().end;
        self.buys(
            "from a second after the fault is gone",
            after.clone(),
            0.97..=1.0,
        );
        self.within(QUICK, &[End::Bought], after);
        let requests = self.played.amplification(&self.trouble());
        self.claim(
            "payment gets no more requests than there are checkouts",
            format!("{requests:.2} requests per checkout"),
            requests <= 1.0,
        );
    }

    fn buys(&mut self, when: &str, within: Range<Duration>, share: std::ops::RangeInclusive<f64>) {
        let bought = self.played.ordinary(within).share(&[End::Bought]);
        let (bound, limit) = match *share.start() > 0.0 {
            true => ("at least", *share.start()),
            false => ("at most", *share.end()),
        };
        let says = format!("{bound} {} of the checkouts succeed {when}", percent(limit));
        self.claim(&says, percent(bought), share.contains(&bought));
    }

    fn within(&mut self, limit: Duration, ends: &[End], within: Range<Duration>) {
        let p99 = self.played.ordinary(within).p99(ends);
        let whose = match ends {
            [End::Refused] => "refusals",
            _ => "orders",
        };
        let says = format!("99 % of the {whose} take {} or less", millis(limit));
        self.claim(&says, millis(p99), p99 <= limit);
    }

    fn none(&mut self, what: &str, count: usize) {
        let says = format!("no confirmed order {what}");
        self.claim(&says, format!("{count} orders"), count == 0);
    }

    fn claim(&mut self, says: &str, found: String, holds: bool) {
        self.found.push(Claim {
            act: self.played.act,
            world: self.played.world,
            says: says.to_owned(),
            found,
            holds,
        });
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

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}
